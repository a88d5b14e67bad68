// Reads sandwich.ini (in imss.ini's style) into Settings: all errors at once, each with file and line; all or nothing.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/settings.hpp"

namespace config {

struct Diagnostic {
    enum class Severity { kError, kWarning };
    Severity severity = Severity::kError;
    unsigned line = 0;  // 0: the file as a whole, or a value that is missing
    std::string text;
};

struct Loaded {
    std::optional<Settings> settings;  // empty when there is an error
    std::vector<Diagnostic> diagnostics;
    std::map<std::string, unsigned, std::less<>> lines;  // "section.key" -> where it stands; not those of sockets
};

// Bounds of the file itself.
inline constexpr std::size_t kMaxFile = 1 << 20;     // octets
inline constexpr std::size_t kMaxLine = 4096;        // octets; inih alone would cut at 200 without a word
inline constexpr std::size_t kMaxDiagnostics = 100;  // then reading ends

// What is consulted besides the file.
struct Machine {
    std::string host_name;
    std::vector<net::Address> addresses;
};
Machine this_machine();

// Parses `text`. Pure. Keys, sections and words are read without regard to case.
Loaded parse(std::string_view text, const Machine& machine);
inline Loaded parse(std::string_view text) {
    return parse(text, this_machine());
}

// The file's text, bounded. Error: unreadable, too big, not a file.
base::Result<std::string> read_file(const std::string& path, std::size_t limit = kMaxFile);

// "FILE:LINE: error: text".
std::string format(const std::string& file, const Diagnostic& diagnostic);

// What the settings are, as an ini file that parses back to the same settings (--print-config).
std::string print(const Settings& settings);

// etc/sandwich.ini: every key with its documentation and default, commented out where the default is meant.
std::string sample_file();

// etc/man/sandwich.ini.5: the whole page as mdoc.
std::string manual_page();

// Settings whose change needs a restart (sockets, users, directories) and that differ between the two, each as
// "[section] key"; a reload that finds any is refused as a whole.
std::vector<std::string> changed_without_restart(const Settings& running, const Settings& wanted);

// True when the scanner processes must be started anew to honour `wanted`.
bool scanner_settings_differ(const Settings& running, const Settings& wanted);

}  // namespace config
