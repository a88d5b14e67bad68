// What is written from the table: --print-config, etc/sandwich.ini and sandwich.ini(5).
#include <algorithm>
#include <iterator>

#include "config/load.hpp"
#include "config/settings_table.hpp"
#include "config/value.hpp"

namespace config {

namespace {

constexpr std::size_t kColumns = 78;  // of a comment
constexpr std::string_view kExampleSocket = "socket_1";
constexpr std::string_view kExampleRecipients = "recipients *@lists.example.test";
constexpr std::string_view kExampleDomain = "domain example.test";

template <typename... Args>
void add(std::string& text, fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
}

// ---- --print-config

void print_section(std::string& text, std::string_view table_section, std::string_view name, const Settings& settings) {
    add(text, "{}[{}]\n", text.empty() ? "" : "\n", name);
    for (const auto& setting : settings_table())
        if (setting.section == table_section && setting.kind != Kind::kRoute)
            add(text, "{}={}\n", setting.key, get(setting, settings));
}

void print_sockets(std::string& text, const Settings& settings) {
    for (std::size_t i = 0; i < settings.sockets.size(); ++i) {
        Settings one;
        one.sockets = {settings.sockets[i]};
        print_section(text, kSocketSection, fmt::format("socket_{}", i + 1), one);
    }
}

void print_recipients(std::string& text, const Settings& settings) {
    for (const auto& rule : settings.recipients) {
        Settings one;
        one.recipients = {rule};
        print_section(text, kRecipientsSection, "recipients " + rule.pattern, one);
    }
}

void print_sources(std::string& text, const Settings& settings) {
    for (const auto& source : settings.sources) {
        Settings one;
        one.sources = {source};
        print_section(text, section_of(source.kind), "source." + source.id(), one);
    }
}

void print_domains(std::string& text, const Settings& settings) {
    for (const auto& domain : settings.domains) {
        Settings one;
        one.domains = {domain};
        print_section(text, kDomainSection, "domain " + domain.name, one);
        for (std::size_t i = 0; i < domain.routes.size(); ++i)
            add(text, "route_{}={}\n", i + 1, domain.routes[i].to_string());
    }
}

// Of every kind, in the order in which they are asked.
void print_other_scanners(std::string& text, const Settings& settings) {
    for (const auto& scanner : settings.other_scanners) {
        Settings one;
        one.other_scanners = {scanner};
        print_section(text, section_of(scanner.kind), "scanner." + scanner.id(), one);
    }
}

void print_directories(std::string& text, const Settings& settings) {
    for (const auto& directory : settings.ldap_directories) {
        Settings one;
        one.ldap_directories = {directory};
        print_section(text, kLdapSection, "ldap " + directory.name, one);
    }
}

void print_logins(std::string& text, const Settings& settings) {
    for (const auto& server : settings.login_servers) {
        Settings one;
        one.login_servers = {server};
        print_section(text, kLoginSection, "login " + server.name, one);
    }
}

// ---- etc/sandwich.ini

// How a section that may stand several times looks; none of them but a socket is there by default.
std::string example_of(std::string_view section) {
    if (section == kSocketSection)
        return fmt::format("[{}]", kExampleSocket);
    if (section == kRecipientsSection)
        return fmt::format("#[{}]", kExampleRecipients);
    if (section == kDomainSection)
        return fmt::format("#[{}]", kExampleDomain);
    if (!repeats(section))
        return fmt::format("[{}]", section);
    return fmt::format("#[{} main]", section.substr(0, section.find(' ')));
}

// Calls `use` with each line of `text`, and whether it is the first.
template <typename Use>
void for_each_line(std::string_view text, Use use) {
    for (bool first = true; !text.empty(); first = false) {
        const auto end = std::min(text.find('\n'), text.size());
        use(text.substr(0, end), first);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

// Fills lines that begin with "# ", those after the first with `indent` as well.
void add_comment(std::string& text, std::string_view words, std::string_view indent = "") {
    std::string line = "#";
    while (!words.empty()) {
        const auto end = std::min(words.find(' '), words.size());
        if (line.size() + 1 + end > kColumns) {
            add(text, "{}\n", line);
            line = fmt::format("#{}", indent);
        }
        add(line, " {}", words.substr(0, end));
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    add(text, "{}\n", line);
}

void add_chapter(std::string& text, unsigned number, const Section& section) {
    const std::string rule(kColumns, '#');
    add(text, "\n{}\n# {}. {}\n#\n", rule, number, section.title);
    add_comment(text, section.documentation);
    add(text, "{}\n\n{}\n", rule, example_of(section.name));
}

// "Values: 1 to 64. Default: 0", as far as the line with the setting does not say it.
std::string values_in_words(const Setting& setting) {
    const auto range = range_in_short(setting);
    auto values = range.empty() ? std::string() : fmt::format("Values: {}.", range);
    if (!setting.in_example)
        return values;
    return fmt::format("{}{}Default: {}", values, values.empty() ? "" : " ", setting.fallback);
}

void add_sample(std::string& text, const Setting& setting) {
    add(text, "\n");
    for_each_line(setting.documentation, [&](std::string_view line, bool first) {
        add_comment(text, first ? std::string(line) : fmt::format("  {}", line), first ? "" : "    ");
    });
    if (const auto values = values_in_words(setting); !values.empty())
        add_comment(text, values);
    add(text, "{}{}={}\n", setting.in_example ? "" : "#", setting.key, setting.fallback);
}

// ---- sandwich.ini(5)

// A text line of mdoc: no escape and no request may come of it.
std::string roff(std::string_view words) {
    std::string text;
    if (!words.empty() && (words.front() == '.' || words.front() == '\''))
        text = "\\&";
    for (const char c : words)
        if (c == '\\')
            text += "\\e";
        else
            text += c;
    return text;
}

// An argument of a macro; blanks are kept.
std::string roff_argument(std::string_view word) {
    std::string text = "\"";
    for (const char c : roff(word))
        if (c == '"')
            text += "\"\"";
        else
            text += c;
    return text + '"';
}

// New sentence, new line: so man(1) puts the right space between them.
void add_sentences(std::string& text, std::string_view words) {
    while (!words.empty()) {
        const auto stop = words.find(". ");
        const auto end = stop == std::string_view::npos ? words.size() : stop + 1;
        add(text, "{}\n", roff(words.substr(0, end)));
        words.remove_prefix(std::min(end + 1, words.size()));
    }
}

std::string_view effect_in_words(Effect effect) {
    switch (effect) {
        case Effect::kReload:
            return "A reload puts a change into effect.";
        case Effect::kScanner:
            return "A reload puts a change into effect and starts the scanner processes anew.";
        case Effect::kRestart:
            return "A change needs a restart.";
    }
    return {};
}

void add_reference(std::string& text, const Setting& setting) {
    add(text, ".It Ic {}\n", roff_argument(setting.key));
    for_each_line(setting.documentation, [&](std::string_view line, bool first) {
        add(text, "{}", first ? "" : ".br\n");
        add_sentences(text, line);
    });
    const auto range = range_in_short(setting);
    add(text, ".Pp\nValues: {}.\n", roff(range.empty() ? permitted(setting) : range));
    if (setting.fallback.empty())
        add(text, "Default: empty.\n");
    else
        add(text, "Default:\n.Li {} .\n", roff_argument(setting.fallback));
    add(text, "{}\n", effect_in_words(setting.effect));
}

std::string reference() {
    std::string text;
    for (const auto& section : sections()) {
        add(text, ".Ss {}\n", roff_argument(fmt::format("[{}]: {}", section.name, section.title)));
        add_sentences(text, section.documentation);
        add(text, ".Bl -tag -width Ds\n");
        for (const auto& setting : settings_table())
            if (setting.section == section.name)
                add_reference(text, setting);
        add(text, ".El\n");
    }
    return text;
}

constexpr std::string_view kManualHead = R"(.\" Made from the table of settings (proxy/config/settings_table.cpp).
.Dd November 23, 2026
.Dt SANDWICH.INI 5
.Os Sandwich
.Sh NAME
.Nm sandwich.ini
.Nd settings of the Sandwich mail-scanning proxy
.Sh DESCRIPTION
.Xr sandwichd 8
reads its settings from this file, usually
.Pa /etc/sandwich/sandwich.ini ,
when it starts and when it gets SIGHUP.
Every setting has a default: an empty file is a working one.
.Pp
The file is taken as a whole or not at all.
If anything in it is wrong, the daemon does not start, or goes on with the settings it has; all faults are reported at
once, each with its line.
.Dl sandwichd \-\-check\-config \-c FILE
does only that, and
.Dl sandwichd \-\-print\-config \-c FILE
prints what every setting is.
.Ss Form of the file
.Bl -bullet
.It
A line is empty, a comment, a section or a setting.
It has at most )";

constexpr std::string_view kManualForm = R"( octets, and may end in LF or CRLF.
Control characters are refused.
.It
A comment begins with
.Sq #
or
.Sq \&;
and takes the whole line.
A value cannot be followed by a comment.
.It
A section is written as
.Li [name] ,
a setting as
.Li key=value .
Case does not matter in the names of sections and keys, nor in words such as
.Li yes .
Blanks around names and values are left out.
.It
A value stands on one line: lines that begin with a blank are refused.
.It
No section and no key may stand twice; unknown ones are errors.
.It
Sizes are in octets and may have
.Li k , m
or
.Li g
after the number (1024, 1024\(ha2, 1024\(ha3).
Times are in seconds and may have
.Li s , m , h
or
.Li d
after the number.
.El
.Sh SETTINGS
)";

constexpr std::string_view kManualTail = R"(.Sh FILES
.Bl -tag -width Ds -compact
.It Pa /etc/sandwich/sandwich.ini
the settings
.El
.Sh EXAMPLES
The usual sandwich on one machine: the inbound Sendmail hands its mail to port 18000, the delivery Sendmail listens on
port 19000.
.Bd -literal -offset indent
[socket_1]
proxy_service=SMTP_SERVICE
proxy_addr=127.0.0.1
proxy_port=18000

[smtp]
smtp_greeting_msg=Sandwich ESMTP proxy
smtp_allow_client_ip=addr:127.0.0.1 addr:::1
downstream_smtp_server_addr=127.0.0.1
downstream_smtp_server_port=19000

[scanner.clamav]
enable=yes
database=/var/lib/clamav
action=quarantine
failure_action=defer

[quarantine]
path=/var/lib/sandwich/quarantine
.Ed
.Pp
The proxy on a machine of its own, 192.0.2.20, between the inbound server 192.0.2.10 and the delivery server 192.0.2.30:
.Bd -literal -offset indent
[socket_1]
proxy_addr=192.0.2.20
proxy_port=18000

[smtp]
smtp_allow_client_ip=addr:192.0.2.10
downstream_smtp_server_addr=192.0.2.30
downstream_smtp_server_port=19000
.Ed
.Sh DIAGNOSTICS
.Bl -diag
.It "sandwich.ini:12: error: unknown key downstream_smtp_server_prt in section [smtp]; did you mean \
downstream_smtp_server_port?"
An error: the file is refused.
.It "sandwich.ini:7: warning: smtp_greeting_msg lacks the word ESMTP: ..."
A warning: the file is taken, and the warning is logged at each start and reload.
.El
.Sh SEE ALSO
.Xr freshclam 1 ,
.Xr sandwichctl 8 ,
.Xr sandwichd 8
)";

}  // namespace

std::string print(const Settings& settings) {
    std::string text;
    for (const auto& section : sections())
        if (section.name == kSocketSection)
            print_sockets(text, settings);
        else if (section.name == kRecipientsSection)
            print_recipients(text, settings);
        else if (section.name == kDomainSection)
            print_domains(text, settings);
        else if (section.name == kClamdSection)
            print_other_scanners(text, settings);
        else if (section.name == kListSection)
            print_sources(text, settings);
        else if (section.name == kLdapSection)
            print_directories(text, settings);
        else if (section.name == kLoginSection)
            print_logins(text, settings);
        else if (!repeats(section.name))
            print_section(text, section.name, section.name, settings);
    return text;
}

std::string sample_file() {
    std::string text = "# sandwich.ini: settings of sandwichd(8). The reference is sandwich.ini(5).\n#\n";
    add_comment(text,
                "A line that begins with # or ; is a comment; a value cannot be followed by one. A setting that is "
                "commented out shows its default. Sizes may end in k, m or g, times in s, m, h or d.");
    add(text, "#\n# After a change:  sandwichd --check-config -c FILE, then a reload.\n");
    unsigned number = 0;
    for (const auto& section : sections()) {
        add_chapter(text, ++number, section);
        for (const auto& setting : settings_table())
            if (setting.section == section.name)
                add_sample(text, setting);
    }
    return text;
}

std::string manual_page() {
    return fmt::format("{}{}{}{}{}", kManualHead, kMaxLine, kManualForm, reference(), kManualTail);
}

}  // namespace config
