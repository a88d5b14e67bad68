// Values of PDF (ISO 32000-1 section 7.3) as a tree: what an object says, where its reader has to know all of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scanners::attachment {

struct PdfValue {
    enum class Kind : std::uint8_t { kNull, kNumber, kName, kString, kArray, kDictionary, kReference };
    Kind kind = Kind::kNull;
    double number = 0;              // kNumber; kReference: the object
    std::string text{};             // kName, kString
    std::vector<PdfValue> items{};  // kArray; kDictionary: a name, its value, and so on

    // The first value under this name of a dictionary; null: there is none.
    [[nodiscard]] const PdfValue* find(std::string_view name) const;
    // Is it this name?
    [[nodiscard]] bool is(std::string_view name) const { return kind == Kind::kName && text == name; }
    [[nodiscard]] std::optional<std::uint64_t> reference() const;
};

// The value that `octets` begin with, as far as it can be read; bounded in depth and number.
PdfValue read_pdf_value(std::string_view octets);

// What a string says where it is one for people (section 7.9.2.2), in UTF-8: it has a mark of UTF-16 or UTF-8, or is
// nearly in Windows-1252.
std::string pdf_text_string(std::string_view raw);

}  // namespace scanners::attachment
