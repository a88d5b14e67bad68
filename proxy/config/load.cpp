#include "config/load.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <map>
#include <unordered_set>
#include <utility>

#include "base/unique_fd.hpp"
#include "config/check.hpp"
#include "config/ini_file.hpp"
#include "config/recipient_checks.hpp"
#include "config/settings_table.hpp"
#include "config/spelling.hpp"
#include "config/value.hpp"

namespace config {

namespace {

using Severity = Diagnostic::Severity;

constexpr std::string_view kSocketPrefix = "socket_";
constexpr std::string_view kRecipientsPrefix = "recipients";
constexpr std::string_view kDomainPrefix = "domain";
constexpr std::string_view kRoutePrefix = "route_";
constexpr ScannerKind kScannerKinds[] = {ScannerKind::kClamd, ScannerKind::kIcap, ScannerKind::kCheck};
constexpr std::string_view kTestSignatures = SANDWICH_DATADIR "/test-signatures";

// The N of [socket_N] or route_N, 1 to 999; 0: it is no such name.
unsigned number_behind(std::string_view prefix, std::string_view name) {
    if (name.size() <= prefix.size() || name.size() > prefix.size() + 3 || !same(name.substr(0, prefix.size()), prefix))
        return 0;
    const auto digits = name.substr(prefix.size());
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

// The same of [source.KIND NAME].
std::optional<SourceKind> source_kind(std::string_view& name) {
    for (const auto kind : kSourceKinds)
        if (const auto found = behind(fmt::format("source.{}", to_string(kind)), name); !found.empty()) {
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

// The NAME of [ldap NAME] or [login NAME], and what the table calls such a section; null: it is neither.
const Section* named_section(std::string_view& name) {
    for (const auto section : {kLdapSection, kLoginSection})
        if (const auto found = behind(section.substr(0, section.find(' ')), name); !found.empty()) {
            name = found;
            return find_section(section);
        }
    return nullptr;
}

// One section of the file that the table knows, with its keys. Section [socket_N] is in the table as kSocketSection,
// [recipients PATTERN] as kRecipientsSection, [scanner.clamd NAME] as kClamdSection, [domain NAME] as kDomainSection.
struct KnownSection {
    const Section* section = nullptr;
    unsigned number = 0;  // N of a socket
    std::string pattern;  // of recipients, NAME of a scanner, a domain, a directory, a log-in server
    ScannerKind kind = ScannerKind::kClamd;
    std::map<const Setting*, const IniEntry*> given;
    std::map<unsigned, const IniEntry*> routes;  // of a domain, by N
    SourceKind source = SourceKind::kList;
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
        const auto number = number_behind(kSocketPrefix, section.name);
        std::string_view pattern = behind(kRecipientsPrefix, section.name);
        const std::string_view domain = behind(kDomainPrefix, section.name);
        std::string_view scanner = section.name;
        const auto kind = other_scanner(scanner);
        std::string_view source = section.name;
        const auto source_of = source_kind(source);
        std::string_view name = section.name;
        const auto* const directory = named_section(name);
        const bool placeholder = std::ranges::any_of(
            config::sections(), [&](const Section& s) { return repeats(s.name) && same(s.name, section.name); });
        const auto* const known = number != 0        ? find_section(kSocketSection)
                                  : placeholder      ? nullptr
                                  : !pattern.empty() ? find_section(kRecipientsSection)
                                  : !domain.empty()  ? find_section(kDomainSection)
                                  : kind             ? find_section(section_of(*kind))
                                  : source_of        ? find_section(section_of(*source_of))
                                  : directory        ? directory
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
        if (!domain.empty())
            return recognise_domain(section, domain);
        if (source_of)
            return recognise_source(section, *source_of, source);
        if (directory != nullptr && !is_scanner_name(name))
            return error(section.line, "{}: a name has at most {} letters, digits, hyphens and underscores", name,
                         kMaxScannerName);
        if (directory != nullptr &&
            std::ranges::count(directories_, directory, &KnownSection::section) == std::ptrdiff_t{kMaxDirectories})
            return error(section.line, "more than {} sections [{}]", kMaxDirectories, directory->name);
        if (directory != nullptr) {
            auto& target = directories_.emplace_back(KnownSection{known, 0, std::string(name), {}, {}, {}, {}});
            for (const auto& entry : section.entries)
                recognise(target, section.name, entry);
            return;
        }
        auto& sections = number != 0 ? sockets_ : !pattern.empty() ? recipients_ : kind ? scanners_ : sections_;
        auto& target = sections.emplace_back(KnownSection{
            known, number, std::string(kind ? scanner : pattern), kind.value_or(ScannerKind::kClamd), {}, {}, {}});
        for (const auto& entry : section.entries)
            recognise(target, section.name, entry);
    }

    void recognise_source(const IniSection& section, SourceKind kind, std::string_view name) {
        if (!is_scanner_name(name))
            return error(section.line,
                         "{}: the name of a source has at most {} letters, digits, hyphens and underscores", name,
                         kMaxScannerName);
        if (sources_.size() == kMaxSourceSections)
            return error(section.line, "more than {} sources", kMaxSourceSections);
        auto& known = sources_.emplace_back(
            KnownSection{find_section(section_of(kind)), 0, std::string(name), ScannerKind::kClamd, {}, {}, kind});
        for (const auto& entry : section.entries)
            recognise(known, section.name, entry);
    }

    void recognise_domain(const IniSection& section, std::string_view domain) {
        if (!is_domain_pattern(domain))
            return error(section.line, "{}: a domain is written as example.com, *.example.com or default", domain);
        if (!domain_names_.insert(lower(domain)).second)
            return error(section.line, "section [domain {}] stands twice", domain);
        if (domains_.size() == kMaxDomainSections)
            return error(section.line, "more than {} domains", kMaxDomainSections);
        auto& known = domains_.emplace_back(
            KnownSection{find_section(kDomainSection), 0, lower(domain), ScannerKind::kClamd, {}, {}, {}});
        for (const auto& entry : section.entries) {
            const auto number = number_behind(kRoutePrefix, entry.key);
            if (number == 0)
                recognise(known, section.name, entry);
            else if (number > kMaxRoutes)
                error(entry.line, "{}: a domain has at most {} routes", entry.key, kMaxRoutes);
            else if (const auto [first, is_new] = known.routes.try_emplace(number, &entry); !is_new)
                error(entry.line, "{} is given twice, the first time in line {}", entry.key, first->second->line);
        }
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
                            : section.name == kDomainSection     ? "domain example.com"
                            : section.name == kListSection       ? "source.list main"
                            : section.name == kMapsSection       ? "source.maps main"
                            : section.name == kSmtpSection       ? "source.smtp main"
                            : section.name == kVrfySection       ? "source.vrfy main"
                            : section.name == kLdapSection       ? "ldap main"
                            : section.name == kLoginSection      ? "login main"
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
        fill_sources();
        for (std::size_t i = 0; i < domains_.size(); ++i) {
            settings_.domains.push_back({domains_[i].pattern, {}});
            fill(kDomainSection, domains_[i].given, i);
            fill_routes(domains_[i], settings_.domains.back().routes);
        }
        complete_recipient_checks(settings_);
        for (const auto& section : directories_)
            fill_directory(section);
        settings_.downstream = settings_.downstream_servers.with_default(settings_.downstream_port);
        if (const auto original = parse_original(settings_.original, settings_.downstream_port);
            !settings_.original.empty() && original) {  // check() tells why not
            settings_.original_command = original->command;
            settings_.downstream = {original->server};
        }
        warn_of_idle_original();
        if (settings_.proxy_hostname.empty())
            name_ourselves();
        if (settings_.clamav.test_signatures.empty())
            settings_.clamav.test_signatures = kTestSignatures;
    }

    // The routes of [domain default] come before the delivery server of [smtp], which then nothing leads to.
    void warn_of_idle_original() {
        if (settings_.original.empty())
            return;
        for (const auto& domain : domains_)
            for (const auto& [number, entry] : domain.routes)
                if (domain.pattern == kDefaultDomain && !entry->value.empty())
                    return report(Severity::kWarning, {{"smtp", "original"}},
                                  fmt::format("original has no effect: mail that no other section has a route for goes "
                                              "where {} of [domain default] says (line {})",
                                              entry->key, entry->line));
    }

    // What it says of its servers in a way that cannot be read, check() tells.
    void fill_directory(const KnownSection& section) {
        if (section.section->name == kLdapSection) {
            auto& directory = settings_.ldap_directories.emplace_back();
            directory.name = section.pattern;
            fill(kLdapSection, section.given, settings_.ldap_directories.size() - 1);
            if (auto servers = parse_hosts(directory.server))
                directory.servers = std::move(*servers);
        } else {
            auto& login = settings_.login_servers.emplace_back();
            login.name = section.pattern;
            fill(kLoginSection, section.given, settings_.login_servers.size() - 1);
            if (auto servers = parse_hosts(login.server))
                login.servers = std::move(*servers);
        }
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

    void fill_sources() {
        for (std::size_t i = 0; i < sources_.size(); ++i) {
            auto& source = settings_.sources.emplace_back();
            source.kind = sources_[i].source;
            source.name = lower(sources_[i].pattern);
            fill(sources_[i].section->name, sources_[i].given, i);
        }
    }

    void fill_routes(const KnownSection& section, std::vector<Route>& routes) {
        for (const auto& [number, entry] : section.routes) {
            if (entry->value.empty())
                continue;
            auto route = parse_route(entry->value);
            if (!route) {
                error(entry->line, "{}={}: {}", entry->key, clip(entry->value), route.error().message);
                continue;
            }
            if (auto good = check_route(settings_, machine_, *route); !good)
                error(entry->line, "{}={}: {}", entry->key, clip(entry->value), good.error().message);
            if (auto warning = warn_route(machine_, *route); !warning.empty())
                diagnostics_.push_back({Severity::kWarning, entry->line, std::move(warning)});
            routes.push_back(std::move(*route));
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
    std::vector<KnownSection> domains_;
    std::vector<KnownSection> sources_;
    std::unordered_set<std::string> domain_names_;
    std::vector<KnownSection> directories_;  // and log-in servers
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
