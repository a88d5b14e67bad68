#include "config/ini_file.hpp"

#include <ini.h>

#include <algorithm>
#include <cstring>

#include "base/result.hpp"
#include "config/settings_table.hpp"

namespace config {

namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kMaxName = 49;  // octets; what inih keeps of a section's or key's name

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool is_control(char c) {
    const auto octet = static_cast<unsigned char>(c);
    return (octet < ' ' && c != '\t') || octet == 0x7f;
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= kMaxName && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
               c == '-';
    });
}

// "recipients *@example.test": a word and a pattern, in printable ASCII.
bool is_name_with_pattern(std::string_view text) {
    const auto blank = text.find_first_of(kBlanks);
    if (blank == std::string_view::npos || !is_name(text.substr(0, blank)))
        return false;
    const auto pattern = trim(text.substr(blank));
    return pattern.size() <= kMaxPattern &&
           std::ranges::all_of(pattern, [](char c) { return c > ' ' && c < '\x7f' && c != '['; });
}

// "yes # for now": whoever writes that means a comment, and a text setting would keep it in its value.
bool seems_commented(std::string_view value) {
    for (std::size_t i = 0; i < value.size(); ++i)
        if ((value[i] == '#' || value[i] == ';') && (i == 0 || kBlanks.find(value[i - 1]) != std::string_view::npos))
            return true;
    return false;
}

// Gives inih one faultless line after another: "[section]" or "key=". The value waits here for the handler, which inih
// calls before it asks for the next line: so no limit of inih's applies to it.
class Lines {
  public:
    Lines(std::string_view text, std::vector<Diagnostic>& diagnostics) : rest_(text), diagnostics_(diagnostics) {
        if (rest_.starts_with(kByteOrderMark))
            rest_.remove_prefix(kByteOrderMark.size());
    }

    static char* read(char* buffer, int size, void* self) { return static_cast<Lines*>(self)->next(buffer, size); }
    static int handle(void* self, const char*, const char* key, const char*) {
        auto& lines = *static_cast<Lines*>(self);
        lines.sections_.back().entries.push_back({key, std::string(lines.value_), lines.line_});
        return 1;
    }

    std::vector<IniSection> take() { return std::move(sections_); }

  private:
    char* next(char* buffer, int size) {
        while (!rest_.empty()) {
            const auto end = std::min(rest_.find('\n'), rest_.size());
            auto line = rest_.substr(0, end);
            rest_.remove_prefix(std::min(end + 1, rest_.size()));
            ++line_;
            if (line.ends_with('\r'))
                line.remove_suffix(1);
            const auto wanted = look_at(line);
            if (wanted.empty())
                continue;
            // kMaxName and two signs: always far below INI_MAX_LINE, but a distribution may have built it smaller.
            if (wanted.size() + 2 > static_cast<std::size_t>(size)) {
                fault("this line is longer than the library that reads it can take");
                continue;
            }
            wanted.copy(buffer, wanted.size());
            std::memcpy(buffer + wanted.size(), "\n", 2);
            return buffer;
        }
        return nullptr;
    }

    // What of the line inih is to see; empty: nothing.
    std::string look_at(std::string_view line) {
        if (line.size() > kMaxLine)
            return fault("the line has {} octets; at most {} are read", line.size(), kMaxLine);
        if (const auto control = std::ranges::find_if(line, is_control); control != line.end())
            return fault("control character \\x{:02x} in column {}", static_cast<unsigned char>(*control),
                         control - line.begin() + 1);
        const auto text = trim(line);
        if (text.empty() || text.front() == '#' || text.front() == ';')
            return {};
        if (kBlanks.find(line.front()) != std::string_view::npos)
            return fault("the line begins with a blank: a value cannot go on over several lines");
        return text.front() == '[' ? section(text) : entry(text);
    }

    std::string section(std::string_view text) {
        lost_ = true;  // until the name proves good, its keys belong nowhere
        const auto close = text.find(']');
        if (close == std::string_view::npos)
            return fault("a section is written as [name]: the ] is missing");
        if (close + 1 != text.size())
            return fault("nothing may follow the ] of a section; comments stand on lines of their own");
        const auto name = trim(text.substr(1, close - 1));
        if (!is_name(name) && !is_name_with_pattern(name))
            return fault("the name of a section has 1 to {} letters, digits and _ . -", kMaxName);
        lost_ = false;
        sections_.push_back({std::string(name), line_, {}});
        return "[section]";  // which one it is we know; inih would cut a long name
    }

    std::string entry(std::string_view text) {
        const auto equals = text.find('=');
        if (equals == std::string_view::npos)
            return fault("there is no \"=\": a setting is written as key=value, a comment begins with #");
        const auto key = trim(text.substr(0, equals));
        value_ = trim(text.substr(equals + 1));
        if (!is_name(key))
            return fault("the name before the \"=\" has 1 to {} letters, digits and _ . -", kMaxName);
        if (lost_)
            return {};
        if (sections_.empty())
            return fault("{} stands before the first [section]", key);
        if (seems_commented(value_))
            return fault("a value cannot be followed by a comment: comments stand on lines of their own");
        return std::string(key) + '=';
    }

    template <typename... Args>
    std::string fault(fmt::format_string<Args...> format, Args&&... args) {
        diagnostics_.push_back({Diagnostic::Severity::kError, line_, fmt::format(format, std::forward<Args>(args)...)});
        if (diagnostics_.size() >= kMaxDiagnostics)
            rest_ = {};
        return {};
    }

    std::string_view rest_;
    std::string_view value_;
    unsigned line_ = 0;
    bool lost_ = false;
    std::vector<IniSection> sections_;
    std::vector<Diagnostic>& diagnostics_;
};

}  // namespace

std::vector<IniSection> read_ini(std::string_view text, std::vector<Diagnostic>& diagnostics) {
    Lines lines(text, diagnostics);
    // Every line that inih sees is well-formed: a refusal of its own is lack of memory, or a fault of ours.
    if (const int refused = ini_parse_stream(Lines::read, &lines, Lines::handle, &lines); refused != 0)
        diagnostics.push_back({Diagnostic::Severity::kError, 0, "the file could not be read as an ini file"});
    return lines.take();
}

}  // namespace config
