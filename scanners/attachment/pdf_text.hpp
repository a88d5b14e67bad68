// What people read in a PDF: its pages' text, what is drawn on them, notes, forms that were filled in, and its title.
//
// As the rest of our reading it goes by what is in the file, not by the table of objects or the tree of pages, which
// their writer may have left out or wrong: each page that stands somewhere is read, and each stream once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "scanners/opening.hpp"

namespace scanners::attachment {

// A PDF, as its first reader took it apart.
struct PdfParts {
    struct Object {
        std::uint64_t number = 0;
        std::uint64_t generation = 0;
        std::string_view octets{};  // of its value, and what follows up to the next object
        bool packed = false;        // in a stream of objects
    };
    std::vector<Object> objects{};  // in their order
    // Objects out of one stream; empty octets and anything that is wrong: none.
    void add_packed(std::string_view octets, std::uint64_t first);
};

// What the first reader can do besides.
struct PdfServices {
    // The unpacked octets of the last stream of this object; empty: none, or a limit.
    std::function<std::string(std::uint64_t object)> stream;
    // What a string says, where strings are encrypted.
    std::function<std::string(const PdfParts::Object& object, const std::string& text)> decrypted;
    std::function<bool()> in_time;
};

// Adds it as a text of `item`.
void pdf_text(Opening& opening, std::size_t item, const PdfParts& parts, const PdfServices& services);

}  // namespace scanners::attachment
