// Names of files as archives and documents have them: any octets at all.
#pragma once

#include <string>
#include <string_view>

namespace scanners::attachment {

// The last component, in UTF-8 without control characters, at most policy::kMaxName octets. What is not UTF-8 is read
// as code page 437, which zip says names are in (APPNOTE.TXT, appendix D). Both kinds of slashes part components: a
// reader on Windows takes both. It ignores dots and blanks at the end, too.
std::string file_name(std::string_view path);

// UTF-8 without control characters, at most policy::kMaxName octets.
std::string clean_text(std::string_view text);

// UTF-16, least significant octet first, to UTF-8; a lone surrogate becomes U+FFFD.
std::string from_utf16(std::string_view octets);

// ASCII letters only.
std::string lower(std::string_view text);
bool ends_with_nocase(std::string_view text, std::string_view lower_case_end);

// Where `lower_case` begins in `text`, whatever the case of ASCII letters; npos.
std::size_t find_nocase(std::string_view text, std::string_view lower_case, std::size_t from = 0);

}  // namespace scanners::attachment
