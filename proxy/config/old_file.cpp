#include "config/old_file.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "config/settings_table.hpp"
#include "config/spelling.hpp"

namespace config {
namespace {

constexpr std::size_t kShownValue = 80;  // octets of a value, in the report
constexpr std::string_view kAnySection = "*";

// A key of an old file. `section` and `key` are ours; none: it has no effect, and `why` tells why.
struct OldKey {
    OldFile file;
    std::string_view old_section;
    std::string_view old_key;  // "*": any
    std::string_view section;
    std::string_view key;
    std::string_view why;
};

constexpr std::string_view kOneEach = "scanner processes are one for each processor core: [worker] count";
constexpr std::string_view kNoPolicyServer = "there is no policy server to wait for: [worker] total_timeout";
constexpr std::string_view kFreshclam = "freshclam(1) updates the signatures";
constexpr std::string_view kNoCloud = "nothing is asked of a vendor's servers";
constexpr std::string_view kOnlySmtp = "Sandwich scans mail only";

// The sections of some keys are not known for certain, and no key has two meanings: so any section will do.
constexpr OldKey kOldKeys[] = {
    {OldFile::kImss, kAnySection, "smtp_greeting_msg", "smtp", "smtp_greeting_msg", ""},
    {OldFile::kImss, kAnySection, "smtp_allow_client_ip", "smtp", "smtp_allow_client_ip", ""},
    {OldFile::kImss, kAnySection, "downstream_smtp_server_addr", "smtp", "downstream_smtp_server_addr", ""},
    {OldFile::kImss, kAnySection, "downstream_smtp_server_port", "smtp", "downstream_smtp_server_port", ""},
    {OldFile::kImss, kAnySection, "proc_max_connections", "smtp", "max_connections", ""},
    {OldFile::kImss, kSocketSection, "proxy_smtp_server_ip", kSocketSection, "proxy_addr", ""},
    {OldFile::kImss, kAnySection, "LimitEntities", "content", "limit_entities", ""},
    {OldFile::kImss, kAnySection, "LimitHeaders", "content", "limit_headers", ""},
    {OldFile::kImss, kAnySection, "LimitHeaderParams", "content", "limit_header_params", ""},
    {OldFile::kImss, kAnySection, "proc_min_init_num", "", "", kOneEach},
    {OldFile::kImss, kAnySection, "proc_max_worker_proc", "", "", kOneEach},
    {OldFile::kImss, kAnySection, "recv_timeout_secs", "", "", kNoPolicyServer},
    {OldFile::kImss, kAnySection, "scanner_id", "", "", "machines are told apart by their names"},
    {OldFile::kImss, kAnySection, "uuid", "", "", "machines are told apart by their names"},
    {OldFile::kImss, "in-the-cloud", "*", "", "", kNoCloud},
    {OldFile::kImss, "EUQ", "*", "", "", "there is no end-user quarantine yet"},
    {OldFile::kImss, "imp_exp", "*", "", "", "sandwichctl(8) import and --print-config are the way"},
    {OldFile::kImss, "Update", "*", "", "", kFreshclam},
    {OldFile::kImss, "general", "debug", "", "", "the log's detail is [log] level"},
    {OldFile::kImss, "password_analyzer", "*", "", "", "passwords of archives are not tried"},
    {OldFile::kImss, kAnySection, "sandbox_task_timeout", "", "", kNoCloud},
    {OldFile::kImss, kAnySection, "sandbox_network_type", "", "", kNoCloud},
    {OldFile::kIntscan, "smtp", "svcport", kSocketSection, "proxy_port", ""},
    {OldFile::kIntscan, "http", "*", "", "", kOnlySmtp},
    {OldFile::kIntscan, "ftp", "*", "", "", kOnlySmtp},
};

std::string_view stripped(std::string_view text) {
    constexpr std::string_view kWhite = " \t\r";
    const auto first = text.find_first_not_of(kWhite);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(kWhite) - first + 1);
}

bool is_socket_section(std::string_view name) {
    constexpr std::string_view kPrefix = "socket_";
    return name.size() > kPrefix.size() && name.size() <= kPrefix.size() + 3 &&
           same(name.substr(0, kPrefix.size()), kPrefix) &&
           name.find_first_not_of("0123456789", kPrefix.size()) == std::string_view::npos;
}

class Translator {
  public:
    Translator(OldFile kind, std::string_view name) : kind_(kind), name_(name) {}

    Translated translate(std::string_view text) {
        constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
        if (text.starts_with(kByteOrderMark))
            text.remove_prefix(kByteOrderMark.size());
        read(text);
        for (const auto& entry : entries_)
            judge(entry);
        write();
        return std::move(translated_);
    }

  private:
    struct Entry {
        std::string section;  // as it is written
        std::string key;
        std::string value;
        unsigned line = 0;
    };
    struct Ours {
        std::string text;  // "key=value"
        unsigned line = 0;
    };

    void read(std::string_view text) {
        std::string section;
        for (unsigned line = 1; !text.empty(); ++line) {
            const auto end = std::min(text.find('\n'), text.size());
            const auto shown = stripped(text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
            if (shown.empty() || shown.front() == '#' || shown.front() == ';')
                continue;
            if (shown.front() == '[' && shown.back() == ']') {
                section = stripped(shown.substr(1, shown.size() - 2));
                continue;
            }
            const auto equals = shown.find('=');
            if (equals == std::string_view::npos)
                tell(OldLine::What::kUnknown, line, fmt::format("{}: no key=value", clipped(shown)));
            else
                entries_.push_back({section, std::string(stripped(shown.substr(0, equals))),
                                    std::string(stripped(shown.substr(equals + 1))), line});
        }
        for (const auto& entry : entries_)
            if (is_socket_section(entry.section) && same(entry.key, "proxy_service"))
                services_[lower(entry.section)] = entry.value;
    }

    void judge(const Entry& entry) {
        const bool socket = is_socket_section(entry.section);
        const auto service = services_.find(lower(entry.section));
        if (socket && service != services_.end() && !same(service->second, "SMTP_SERVICE"))
            return without_effect(entry, "there is no service but SMTP_SERVICE");
        // What Sandwich has under the same name means the same.
        const std::string_view section = socket ? kSocketSection : std::string_view(entry.section);
        if (const auto* const own = find_setting(section, entry.key))
            return apply(entry, socket ? lower(entry.section) : std::string(own->section), own->key);
        for (const auto& known : kOldKeys) {
            const bool in_section = known.old_section == kAnySection || same(known.old_section, section);
            if (known.file != kind_ || !in_section || (known.old_key != "*" && !same(known.old_key, entry.key)))
                continue;
            if (known.key.empty())
                return without_effect(entry, known.why);
            const bool to_socket = known.section == kSocketSection;
            return apply(entry, to_socket ? (socket ? lower(entry.section) : "socket_1") : std::string(known.section),
                         known.key);
        }
        tell(OldLine::What::kUnknown, entry.line, shown(entry));
    }

    void apply(const Entry& entry, const std::string& section, std::string_view key) {
        const bool renamed = !same(section, entry.section) || !same(key, entry.key);
        tell(OldLine::What::kApplied, entry.line,
             shown(entry) + (renamed ? fmt::format(", here [{}] {}", section, key) : ""));
        if (std::ranges::find(order_, section) == order_.end())
            order_.push_back(section);
        ours_[section].push_back({fmt::format("{}={}", key, entry.value), entry.line});
    }

    void without_effect(const Entry& entry, std::string_view why) {
        tell(OldLine::What::kWithoutEffect, entry.line, fmt::format("{}: {}", shown(entry), why));
    }

    void tell(OldLine::What what, unsigned line, std::string text) {
        translated_.report.push_back({what, line, std::move(text)});
    }

    void write() {
        std::ranges::stable_sort(translated_.report, {}, &OldLine::line);
        put(fmt::format("# From {}. What it does not name has the default: sandwich.ini(5).", name_), 0);
        for (const auto& section : order_) {
            put("", 0);
            put(fmt::format("[{}]", section), 0);
            for (const auto& line : ours_[section])
                put(line.text, line.line);
        }
    }

    void put(std::string_view line, unsigned from) {
        translated_.text += line;
        translated_.text += '\n';
        translated_.lines.push_back(from);
    }

    static std::string clipped(std::string_view text) {
        return text.size() <= kShownValue ? std::string(text) : std::string(text.substr(0, kShownValue)) + "...";
    }
    static std::string shown(const Entry& entry) {
        return fmt::format("[{}] {}={}", clipped(entry.section), clipped(entry.key), clipped(entry.value));
    }

    OldFile kind_;
    std::string_view name_;
    std::vector<Entry> entries_;
    std::map<std::string, std::string> services_;  // of the sockets, by lower-case section
    std::vector<std::string> order_;               // sections of ours
    std::map<std::string, std::vector<Ours>> ours_;
    Translated translated_;
};

}  // namespace

OldFile old_file_kind(std::string_view path) {
    const auto slash = path.rfind('/');
    const auto name = lower(slash == std::string_view::npos ? path : path.substr(slash + 1));
    if (name.find("intscan.ini") != std::string::npos)
        return OldFile::kIntscan;
    return name.find("imss.ini") != std::string::npos ? OldFile::kImss : OldFile::kNone;
}

Translated translate_old_file(OldFile kind, std::string_view name, std::string_view text) {
    return Translator(kind, name).translate(text);
}

base::Result<Source> read_source(const std::string& path) {
    auto text = read_file(path);
    if (!text)
        return text.error();
    const auto kind = old_file_kind(path);
    if (kind == OldFile::kNone)
        return Source{std::move(*text), {}, {}};
    auto translated = translate_old_file(kind, path, *text);
    Source source{std::move(translated.text), std::move(translated.lines), {}};
    for (const auto& line : translated.report)
        if (line.what == OldLine::What::kUnknown && source.unknown.size() < kMaxDiagnostics)
            source.unknown.push_back({Diagnostic::Severity::kWarning, line.line,
                                      fmt::format("{}: nobody here knows this; it is left out", line.text)});
    return source;
}

Loaded parse_source(const Source& source) {
    auto loaded = parse(source.text);
    if (source.lines.empty())
        return loaded;
    const auto original = [&](unsigned line) {
        return line >= 1 && line <= source.lines.size() ? source.lines[line - 1] : 0;
    };
    for (auto& diagnostic : loaded.diagnostics)
        diagnostic.line = original(diagnostic.line);
    for (auto& [name, line] : loaded.lines)
        line = original(line);
    loaded.diagnostics.insert(loaded.diagnostics.end(), source.unknown.begin(), source.unknown.end());
    std::ranges::stable_sort(loaded.diagnostics, {}, &Diagnostic::line);
    return loaded;
}

}  // namespace config
