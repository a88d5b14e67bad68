// Text in any character set to UTF-8 and back, with the converters that worker/charsets.hpp loaded. Workers; also
// tests.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mail/edit/stamp.hpp"

namespace scanners {

// Total, linear; at most about four times as long as `text`. What cannot be decoded becomes U+FFFD. A character set
// that nobody knows is read as windows-1252: that keeps ASCII. UTF-16 without a mark: the order of octets that its
// zeros show.
std::string to_utf8(std::string_view text, std::string_view charset);

// The other way, for what is put into a text (mail::edit::FromUtf8). What is no UTF-8 becomes U+FFFD before. Nothing:
// ASCII is not itself in this character set.
std::optional<std::string> from_utf8(std::string_view text, std::string_view charset, mail::edit::Missing missing);

// There is a converter. An empty name is US-ASCII.
bool is_known_charset(std::string_view charset);

// ASCII text would not be itself in it: UTF-7, UTF-16, UTF-32, EBCDIC ...
bool is_wide_charset(std::string_view charset);

}  // namespace scanners
