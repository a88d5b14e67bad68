// Just enough of XML to read tags: no entities of the document's own, no namespaces, no tree. Office and OpenDocument
// parts, never shown to anybody.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace scanners::attachment {

struct Tag {
    std::string_view name;        // without prefix: "instrText" for <w:instrText>
    std::string_view attributes;  // between the name and the end of the tag
    bool closing = false;         // </name>
    std::string_view text;        // up to the next tag, as it is
};

// UTF-16 without its zeros: tags are ASCII. Everything else as it is.
std::string ascii_of(std::string_view octets);

// Every tag, in order. Comments and declarations are left out, CDATA counts as text of nothing.
void each_tag(std::string_view text, const std::function<void(const Tag&)>& take);

// The value of an attribute, without prefix, references resolved; empty: none.
std::string attribute(std::string_view attributes, std::string_view name);

// &lt; &#65; &#x41; and the like resolved.
std::string resolved(std::string_view text);

// The readable text: paragraphs and cells end in a line end.
std::string xml_text(std::string_view text);

}  // namespace scanners::attachment
