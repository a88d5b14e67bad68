// The form of an ini file: lines, sections, keys and values, without knowing what any of them means.
//
// inih finds sections and keys. Every line is looked at before: inih 55 (INI_MAX_LINE 200) would read the rest of a
// longer line as a new one, cut section and key names at 49 octets and values at " ;", take "key: value" and
// continuation lines, all without a word.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

namespace config {

struct IniEntry {
    std::string key;
    std::string value;  // without blanks around it
    unsigned line = 0;
};

struct IniSection {
    std::string name;
    unsigned line = 0;
    std::vector<IniEntry> entries;
};

// In the order of the file; faulty lines are left out and reported. The caller bounds the text (kMaxFile).
std::vector<IniSection> read_ini(std::string_view text, std::vector<Diagnostic>& diagnostics);

}  // namespace config
