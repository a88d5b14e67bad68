#include "config/load.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <map>
#include <utility>

#include "base/unique_fd.hpp"
#include "config/check.hpp"
#include "config/ini_file.hpp"
#include "config/settings_table.hpp"
#include "config/spelling.hpp"
#include "config/value.hpp"

namespace config {

namespace {

using Severity = Diagnostic::Severity;

constexpr std::string_view kSocketPrefix = "socket_";
constexpr std::string_view kRecipientsPrefix = "recipients";
constexpr ScannerKind kScannerKinds[] = {ScannerKind::kClamd, ScannerKind::kIcap, ScannerKind::kCheck};
constexpr std::string_view kTestSignatures = SANDWICH_DATADIR "/test-signatures";

// The N of [socket_N], 1 to 999; 0: it is no such section.
unsigned socket_number(std::string_view name) {
    if (name.size() <= kSocketPrefix.size() || name.size() > kSocketPrefix.size() + 3 ||
        !same(name.substr(0, kSocketPrefix.size()), kSocketPrefix))
        return 0;
    const auto digits = name.substr(kSocketPrefix.size());
    unsigned number = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9')
            return 0;
        number = number * 10 + static_cast<unsigned>(c - '0');
    }
    return digits.front() == '0' ? 0 : number;
}

// The PATTERN of [recipients PATTERN] and the like, as it was written; empty: it is no such section.
std::string_view behind(std::string_view prefix, std::string_view name) {
    const auto blank = name.find_first_of(" \t");
    if (blank == std::string_view::npos || !same(name.substr(0, blank), prefix))
        return {};
    return name.substr(name.find_first_not_of(" \t", blank));
}

// The kind of [scanner.KIND NAME]; `name` is left with its NAME.
std::optional<ScannerKind> other_scanner(std::string_view& name) {
    for (const auto kind : kScannerKinds)
        if (const auto found = behind(fmt::format("scanner.{}", to_string(kind)), name); !found.empty()) {
            name = found;
            return kind;
        }
    return std::nullopt;
}

bool is_scanner_name(std::string_view name) {
    return name.size() <= kMaxScannerName && std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                      c == '_';
           });
}

// One section of the file that the table knows, with its keys. Section [socket_N] is in the table as kSocketSection,
// [recipients PATTERN] as kRecipientsSection, [scanner.clamd NAME] as kClamdSection.
struct KnownSection {
    const Section* section = nullptr;
    unsigned number = 0;  // N of a socket
    std::string pattern;  // of recipients, NAME of a scanner
    ScannerKind kind = ScannerKind::kClamd;
    std::map<const Setting*, const IniEntry*> given;
};

class SettingsParser {
  public:
    explicit SettingsParser(const Machine& machine) : machine_(machine) {}

    Loaded parse(std::string_view text) {
        file_ = read_ini(text, diagnostics_);
        for (const auto& section : file_)
            recognise(section);
        std::ranges::sort(sockets_, {}, &KnownSection::number);  // the order of the numbers, wherever they stand
        fill();
        check(settings_, machine_, [this](Severity severity, auto places, std::string&& finding) {
            report(severity, places, std::move(finding));
        });
        return finish();
    }

  private:
    // ---- which sections and keys there are

    void recognise(const IniSection& section) {
        const auto number = socket_number(section.name);
        std::string_view pattern = behind(kRecipientsPrefix, section.name);
        std::string_view scanner = section.name;
        const auto kind = other_scanner(scanner);
        const bool placeholder = std::ranges::any_of(
            config::sections(), [&](const Section& s) { return repeats(s.name) && same(s.name, section.name); });
        const auto* const known = number != 0        ? find_section(kSocketSection)
                                  : placeholder      ? nullptr
                                  : !pattern.empty() ? find_section(kRecipientsSection)
                                  : kind             ? find_section(section_of(*kind))
                                                     : find_section(section.name);
        if (known == nullptr)
            return error(section.line, "unknown section [{}]{}", section.name, section_hint(section.name));
        const auto [first, is_new] = lines_.try_emplace(lower(section.name), section.line);
        if (!is_new)
            return error(section.line, "section [{}] stands twice, the first time in line {}", section.name,
                         first->second);
        if (number != 0 && sockets_.size() == kMaxSockets)
            return error(section.line, "more than {} sockets", kMaxSockets);
        if (!pattern.empty() && recipients_.size() == kMaxRecipientSections)
            return error(section.line, "more than {} sections of recipients", kMaxRecipientSections);
        if (kind && !is_scanner_name(scanner))
            return error(section.line,
                         "{}: the name of a scanner has at most {} letters, digits, hyphens and "
                         "underscores",
                         scanner, kMaxScannerName);
        if (kind && scanners_.size() == kMaxOtherScanners)
            return error(section.line, "more than {} scanners", kMaxOtherScanners);
        auto& sections = number != 0 ? sockets_ : !pattern.empty() ? recipients_ : kind ? scanners_ : sections_;
        auto& target = sections.emplace_back(
            KnownSection{known, number, std::string(kind ? scanner : pattern), kind.value_or(ScannerKind::kClamd), {}});
        for (const auto& entry : section.entries)
            recognise(target, section.name, entry);
    }

    void recognise(KnownSection& section, std::string_view written, const IniEntry& entry) {
        const auto* const setting = find_setting(section.section->name, entry.key);
        if (setting == nullptr)
            return error(entry.line, "unknown key {} in section [{}]{}", entry.key, written,
                         key_hint(section.section->name, entry.key));
        const auto [first, is_new] = section.given.try_emplace(setting, &entry);
        if (!is_new)
            error(entry.line, "{} is given twice, the first time in line {}", setting->key, first->second->line);
    }

    static std::string section_hint(std::string_view name) {
        std::vector<std::string_view> names;
        for (const auto& section : config::sections())
            names.push_back(section.name == kSocketSection       ? "socket_1"
                            : section.name == kRecipientsSection ? "recipients *@example.test"
                            : section.name == kClamdSection      ? "scanner.clamd main"
                            : section.name == kIcapSection       ? "scanner.icap main"
                            : section.name == kCheckSection      ? "scanner.check main"
                                                                 : section.name);
        const auto close = near_miss(name, names);
        return close.empty() ? "" : fmt::format("; did you mean [{}]?", close);
    }

    // First a slip within the section, then the right key in the wrong section, then a slip anywhere.
    static std::string key_hint(std::string_view section, std::string_view key) {
        std::vector<std::string_view> here;
        std::vector<std::string_view> elsewhere;
        for (const auto& setting : settings_table())
            (setting.section == section ? here : elsewhere).push_back(setting.key);
        if (const auto close = near_miss(key, here); !close.empty())
            return fmt::format("; did you mean {}?", close);
        const auto close = near_miss(key, elsewhere);
        if (close.empty())
            return {};
        for (const auto& setting : settings_table())
            if (setting.key == close)
                return same(key, close) ? fmt::format("; this key belongs to section [{}]", setting.section)
                                        : fmt::format("; did you mean {} of section [{}]?", close, setting.section);
        return {};
    }

    // ---- values

    void fill() {
        static const std::map<const Setting*, const IniEntry*> kNothing;
        for (const auto& section : config::sections()) {
            if (repeats(section.name))
                continue;
            const auto known = std::ranges::find(sections_, &section, &KnownSection::section);
            fill(section.name, known == sections_.end() ? kNothing : known->given, 0);
        }
        for (std::size_t i = 0; i < std::max<std::size_t>(sockets_.size(), 1); ++i) {
            settings_.sockets.emplace_back();
            fill(kSocketSection, sockets_.empty() ? kNothing : sockets_[i].given, i);
        }
        for (std::size_t i = 0; i < recipients_.size(); ++i) {
            settings_.recipients.push_back({recipients_[i].pattern, {}});
            fill(kRecipientsSection, recipients_[i].given, i);
        }
        for (std::size_t i = 0; i < scanners_.size(); ++i) {
            auto& scanner = settings_.other_scanners.emplace_back();
            scanner.kind = scanners_[i].kind;
            scanner.name = scanners_[i].pattern;
            fill(scanners_[i].section->name, scanners_[i].given, i);
            if (scanner.kind == ScannerKind::kCheck)
                continue;
            if (auto servers = parse_scanner_servers(scanner.kind, scanner.server))  // check() tells why not
                scanner.servers = std::move(*servers);
        }
        settings_.downstream = settings_.downstream_servers.with_default(settings_.downstream_port);
        if (const auto original = parse_original(settings_.original, settings_.downstream_port);
            !settings_.original.empty() && original) {  // check() tells why not
            settings_.original_command = original->command;
            settings_.downstream = {original->server};
        }
        if (settings_.proxy_hostname.empty())
            name_ourselves();
        if (settings_.clamav.test_signatures.empty())
            settings_.clamav.test_signatures = kTestSignatures;
    }

    // `place`: which one, where a section may stand several times.
    void fill(std::string_view section, const std::map<const Setting*, const IniEntry*>& given, std::size_t place) {
        for (const auto& setting : settings_table()) {
            if (setting.section != section)
                continue;
            const auto found = given.find(&setting);
            const auto* const entry = found == given.end() ? nullptr : found->second;
            auto& origin = origins_[{&setting, place}];
            if (entry != nullptr) {
                origin.line = entry->line;
                if (const auto status = set(setting, settings_, entry->value); !status) {
                    origin.readable = false;
                    error(entry->line, "{}={}: {}", setting.key, clip(entry->value), status.error().message);
                }
            }
            if (entry == nullptr || !origin.readable)
                if (const auto status = set(setting, settings_, setting.fallback); !status)
                    error(0, "the default of {} is no value of it: {}", setting.key, status.error().message);
        }
    }

    void name_ourselves() {
        const auto* const setting = find_setting("smtp", "proxy_hostname");
        const auto name = "sandwich." + machine_.host_name;
        if (const auto status = set(*setting, settings_, name); !status)
            error(0, "{} cannot be the proxy's name, so proxy_hostname must be given: it {}", name,
                  status.error().message);
    }

    static std::string clip(const std::string& value) {
        constexpr std::size_t kShown = 80;
        return value.size() <= kShown ? value : value.substr(0, kShown) + "...";
    }

    // ---- what is said about it

    struct Origin {
        unsigned line = 0;  // 0: it is the default
        bool readable = true;
    };

    void report(Severity severity, std::initializer_list<Place> places, std::string text) {
        unsigned line = 0;
        for (const auto& place : places) {
            const auto& origin = origins_[{find_setting(place.section, place.key), place.socket}];
            if (!origin.readable)
                return;  // it speaks of a default that nobody wanted
            if (line == 0)
                line = origin.line;
        }
        diagnostics_.push_back({severity, line, std::move(text)});
    }

    template <typename... Args>
    void error(unsigned line, fmt::format_string<Args...> format, Args&&... args) {
        diagnostics_.push_back({Severity::kError, line, fmt::format(format, std::forward<Args>(args)...)});
    }

    Loaded finish() {
        std::ranges::stable_sort(diagnostics_, {}, &Diagnostic::line);
        Loaded loaded{std::move(settings_), std::move(diagnostics_), {}};
        for (const auto& [place, origin] : origins_)
            if (place.first != nullptr && place.first->section != kSocketSection && origin.line != 0)
                loaded.lines[fmt::format("{}.{}", place.first->section, place.first->key)] = origin.line;
        const bool refused =
            std::ranges::find(loaded.diagnostics, Severity::kError, &Diagnostic::severity) != loaded.diagnostics.end();
        if (refused)
            loaded.settings.reset();
        if (loaded.diagnostics.size() >= kMaxDiagnostics) {
            loaded.diagnostics.resize(kMaxDiagnostics);
            loaded.diagnostics.push_back(refused ? Diagnostic{Severity::kError, 0, "too many errors: there may be more"}
                                                 : Diagnostic{Severity::kWarning, 0, "there may be more warnings"});
        }
        return loaded;
    }

    const Machine& machine_;
    std::vector<IniSection> file_;
    std::map<std::string, unsigned> lines_;  // of the sections, by lower-case name
    std::vector<KnownSection> sections_;
    std::vector<KnownSection> sockets_;
    std::vector<KnownSection> recipients_;
    std::vector<KnownSection> scanners_;
    std::map<std::pair<const Setting*, std::size_t>, Origin> origins_;
    Settings settings_;
    std::vector<Diagnostic> diagnostics_;
};

}  // namespace

Loaded parse(std::string_view text, const Machine& machine) {
    if (text.size() > kMaxFile)
        return {
            std::nullopt,
            {{Severity::kError, 0, fmt::format("the file has {} octets; at most {} are read", text.size(), kMaxFile)}},
            {}};
    return SettingsParser(machine).parse(text);
}

Machine this_machine() {
    char name[HOST_NAME_MAX + 1] = {};
    if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0')
        return {"localhost", net::local_addresses()};
    return {name, net::local_addresses()};
}

base::Result<std::string> read_file(const std::string& path, std::size_t limit) {
    // O_NONBLOCK: a FIFO would otherwise hold up the start for ever.
    const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file)
        return base::errno_error(path);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return base::errno_error(path);
    if (!S_ISREG(status.st_mode))
        return base::error("{}: not a file", path);
    const auto step = std::max<std::size_t>(static_cast<std::size_t>(status.st_size) + 1, 65536);
    std::string text;
    std::size_t size = 0;
    while (size <= limit) {
        if (size == text.size())
            text.resize(std::min(size + step, limit + 1));
        const auto got = ::read(file.get(), text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return base::errno_error(path);
        if (got == 0)
            break;
        size += static_cast<std::size_t>(got);
    }
    if (size > limit)
        return base::error("{}: larger than {} octets", path, limit);
    text.resize(size);
    return text;
}

std::string format(const std::string& file, const Diagnostic& diagnostic) {
    const auto* const severity = diagnostic.severity == Severity::kError ? "error" : "warning";
    if (diagnostic.line == 0)
        return fmt::format("{}: {}: {}", file, severity, diagnostic.text);
    return fmt::format("{}:{}: {}: {}", file, diagnostic.line, severity, diagnostic.text);
}

std::vector<std::string> changed_without_restart(const Settings& running, const Settings& wanted) {
    std::vector<std::string> changed;
    for (const auto& setting : settings_table())
        if (setting.effect == Effect::kRestart && setting.section != kSocketSection &&
            get(setting, running) != get(setting, wanted))
            changed.push_back(fmt::format("[{}] {}", setting.section, setting.key));
    if (running.sockets != wanted.sockets)
        changed.emplace_back("[socket_N] proxy_addr, proxy_port");
    return changed;
}

bool scanner_settings_differ(const Settings& running, const Settings& wanted) {
    const auto expressions = [](const Settings& settings) {
        return settings.policy ? settings.policy->expression_set : 0;
    };
    if (expressions(running) != expressions(wanted))
        return true;
    return std::ranges::any_of(settings_table(), [&](const Setting& setting) {
        return setting.effect == Effect::kScanner && get(setting, running) != get(setting, wanted);
    });
}

}  // namespace config
