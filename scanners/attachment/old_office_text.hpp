// What people read in documents of Word, Excel and PowerPoint as they were until 2007, from their streams. [MS-DOC],
// [MS-XLS], [MS-PPT]. Damage gives what was readable; nothing here marks an item.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "scanners/attachment/collected_text.hpp"

namespace scanners::attachment {

// Asked now and then; false ends it.
using InTime = std::function<bool()>;

// Of the stream "WordDocument" and the one that holds its tables (word_tables() says which).
void word_text(std::string_view document, std::string_view tables, const InTime& in_time, CollectedText& text);
std::string_view word_tables(std::string_view document);  // lower case

// Excel's records, with or without a compound file around. Nothing of encrypted ones.
void excel_text(std::string_view records, const InTime& in_time, CollectedText& text);

// One record of PowerPoint, of any type.
void powerpoint_text(std::uint16_t type, std::string_view record, CollectedText& text);

}  // namespace scanners::attachment
