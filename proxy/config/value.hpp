// One value between its text in the file and its place in Settings, as the table declares it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "config/settings_table.hpp"

namespace config {

// Error: why `text` is no value of this setting; `settings` is then unchanged.
base::Status set(const Setting& setting, Settings& settings, std::string_view text);

// The text that set() would read back to the same value, in its shortest form.
std::string get(const Setting& setting, const Settings& settings);

// RFC 5321 section 4.1.2 Mailbox in its unquoted form, or the local part alone.
bool is_mailbox(std::string_view text);

// What may stand after the "=", in words, to finish "must be": "a number: 0 to 64".
std::string permitted(const Setting& setting);

// The same in short, for documents that explain the forms elsewhere: "0 to 64"; empty where there is nothing to add.
std::string range_in_short(const Setting& setting);

}  // namespace config
