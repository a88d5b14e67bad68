// The configuration files of the systems that Sandwich takes the place of, read as they are: InterScan VirusWall's
// intscan.ini and InterScan MSS's imss.ini. Each line applies, or is known and has no effect here, or is unknown; what
// applies becomes a configuration file of ours.
//
// Which of them a file is, its name says. Pure, but for read_source().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

namespace config {

enum class OldFile { kNone, kImss, kIntscan };
// "/etc/iscan/intscan.ini" and "intscan.ini.2009" are kIntscan: the last part of the path has the name in it.
OldFile old_file_kind(std::string_view path);

struct OldLine {
    enum class What { kApplied, kWithoutEffect, kUnknown };
    What what = What::kUnknown;
    unsigned line = 0;
    std::string text;  // the line, and what it means here or why nothing
};

struct Translated {
    std::string text;             // a configuration file of ours
    std::vector<unsigned> lines;  // of the old file, by line of `text` less one; 0: it comes from none
    std::vector<OldLine> report;  // in the order of the old file
};
// `name`: of the old file, for comments.
Translated translate_old_file(OldFile kind, std::string_view name, std::string_view text);

// A configuration file as it is parsed: of ours, or translated.
struct Source {
    std::string text;
    std::vector<unsigned> lines;      // as in Translated; empty: the file itself is ours
    std::vector<Diagnostic> unknown;  // lines of an old file that nobody knows
};
// As read_file().
base::Result<Source> read_source(const std::string& path);
// As parse(); what is said has the lines of the file that was read.
Loaded parse_source(const Source& source);

}  // namespace config
