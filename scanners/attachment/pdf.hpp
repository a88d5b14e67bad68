// What in a PDF runs, hides or is hidden: scripts, actions that run by themselves, files, passwords.
#pragma once

#include <cstddef>
#include <string_view>

#include "scanners/opening.hpp"

namespace scanners::attachment {

void open_pdf(Opening& opening, std::size_t item, std::string_view octets);

}  // namespace scanners::attachment
