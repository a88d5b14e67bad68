// What a compound file is and holds: documents of Word, Excel and PowerPoint as they were until 2007, encrypted ones of
// any age, messages of Outlook, installers; macros, embedded objects, links. [MS-DOC], [MS-XLS], [MS-PPT], [MS-OLEDS],
// [MS-OVBA], [MS-OXMSG], [MS-OFFCRYPTO].
#pragma once

#include <cstddef>
#include <string_view>

#include "scanners/opening.hpp"

namespace scanners::attachment {

void open_compound(Opening& opening, std::size_t item, std::string_view octets);

// Excel's records ([MS-XLS] 2.1.4) without anything around, as old Excel wrote them.
void open_excel_records(Opening& opening, std::size_t item, std::string_view records);

}  // namespace scanners::attachment
