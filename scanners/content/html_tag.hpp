// One tag of HTML: its name and what matters of its attributes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace scanners::content {

struct Tag {
    bool end = false;       // </name>
    bool complete = false;  // has its ">": without it browsers drop the rest of the document
    std::string name;       // lower case; cut at 16 octets, longer than all that matter
    bool hidden = false;    // by its own attributes
    std::string readable;   // attributes that are text or lead elsewhere, decoded, each with a line end before it
    std::size_t size = 0;   // octets from "<" to behind ">"
};

// Precondition: html is at "<" and a letter, or "</" and a letter.
Tag read_tag(std::string_view html);

bool begins_line(std::string_view name);
// Has no content and no end tag.
bool is_void(std::string_view name);

}  // namespace scanners::content
