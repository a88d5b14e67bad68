#include "config/check_directories.hpp"

#include <algorithm>
#include <span>

#include "config/filter_template.hpp"
#include "config/settings_table.hpp"
#include "config/spelling.hpp"

namespace config {
// Of its own, since files of a room are also compiled together.
namespace directories {
namespace {

constexpr auto kError = Diagnostic::Severity::kError;
constexpr auto kWarning = Diagnostic::Severity::kWarning;

void check_tls(std::string_view section, std::size_t i, const ServerTls& tls, std::span<const HostPort> servers,
               std::string_view what_passes, const Report& report) {
    const Place mode{section, "tls", i};
    if (tls.mode != Encryption::kOff && tls.verify && tls.ca_file.empty())
        report(kError, {{section, "tls_ca_file", i}, mode},
               "tls_ca_file is empty: no certificate could be verified (tls_verify=no does without)");
    if (tls.mode != Encryption::kOff && !tls.verify)
        report(kWarning, {{section, "tls_verify", i}},
               fmt::format("tls_verify is no: whoever sits in between can read {}", what_passes));
    const auto far = std::ranges::find_if_not(servers, &HostPort::loopback);
    if (tls.mode == Encryption::kOff && !what_passes.empty() && far != servers.end())
        report(kWarning, {{section, "server", i}, mode},
               fmt::format("tls is off: {} pass in the clear to {}", what_passes, far->to_string()));
}

void check_attributes(std::size_t i, std::string_view key, const std::string& names, const Report& report) {
    for (const auto& name : parse_words(names))
        if (!is_attribute_name(name))
            report(kError, {{kLdapSection, key, i}}, fmt::format("{}: \"{}\" is no name of an attribute", key, name));
}

void check_filter(std::string_view section, std::size_t i, const std::string& filter, const Report& report) {
    if (const auto parsed = FilterTemplate::parse(filter); !parsed)
        report(kError, {{section, "filter", i}}, fmt::format("filter: {}", parsed.error().message));
}

// The names of the settings of an account with which we log in.
struct AccountKeys {
    std::string_view section, user, file, variable;
};
constexpr AccountKeys kBind{kLdapSection, "bind_dn", "bind_password_file", "bind_password_variable"};
constexpr AccountKeys kControl{kLoginSection, "control_user", "control_password_file", "control_password_variable"};

void check_account(const AccountKeys& keys, std::size_t i, const std::string& name, const PasswordPlace& password,
                   const Report& report) {
    const Place user{keys.section, keys.user, i};
    const Place file{keys.section, keys.file, i};
    const Place variable{keys.section, keys.variable, i};
    const bool has_file = !password.file.empty();
    const bool has_variable = !password.variable.empty();
    if (has_file && has_variable)
        report(kError, {variable, file}, fmt::format("both {} and {} are given", keys.file, keys.variable));
    // An empty password is none: in a directory such a bind succeeds as nobody in particular (RFC 4513 section 5.1.2).
    if (!name.empty() && !has_file && !has_variable)
        report(kError, {user},
               fmt::format("{} needs a password: neither {} nor {} is given", keys.user, keys.file, keys.variable));
    if (name.empty() && (has_file || has_variable))
        report(kError, {file, variable}, fmt::format("there is a password, but no {} that it could be for", keys.user));
}

void check_ldap(const Settings& s, std::size_t i, const Report& report) {
    const auto& directory = s.ldap_directories[i];
    if (const auto servers = parse_hosts(directory.server); !servers)
        report(kError, {{kLdapSection, "server", i}}, fmt::format("server: {}", servers.error().message));
    check_filter(kLdapSection, i, directory.filter, report);
    check_attributes(i, "mailbox_attributes", directory.mailbox_attributes, report);
    check_attributes(i, "alias_attributes", directory.alias_attributes, report);
    check_account(kBind, i, directory.bind_dn, directory.bind_password, report);
    const bool for_login = std::ranges::any_of(s.login_servers, [&](const LoginServer& login) {
        return login.type == LoginType::kLdap && same(login.directory, directory.name);
    });
    check_tls(kLdapSection, i, directory.tls, directory.servers,
              for_login || !directory.bind_dn.empty() ? "passwords" : "", report);
    if (directory.connect_timeout > directory.timeout)
        report(kError, {{kLdapSection, "connect_timeout", i}, {kLdapSection, "timeout", i}},
               fmt::format("connect_timeout ({}s) is more than timeout ({}s)", directory.connect_timeout.count(),
                           directory.timeout.count()));
}

// "; did you mean NAME?"
template <typename Sections>
std::string hint(std::string_view name, const Sections& sections) {
    std::vector<std::string_view> names;
    for (const auto& section : sections)
        names.emplace_back(section.name);
    const auto close = near_miss(name, names);
    return close.empty() ? "" : fmt::format("; did you mean {}?", close);
}

template <typename Sections>
bool has(const Sections& sections, std::string_view name) {
    return std::ranges::any_of(sections, [&](const auto& section) { return same(section.name, name); });
}

void check_ldap_login(const Settings& s, std::size_t i, const Report& report) {
    const auto& login = s.login_servers[i];
    const Place type{kLoginSection, "type", i};
    const Place directory{kLoginSection, "directory", i};
    const Place server{kLoginSection, "server", i};
    if (!login.server.empty())
        report(kError, {server, type},
               "server is not for type=ldap: the servers are those of the section that directory names");
    if (login.strip_domain_name)
        report(kError, {{kLoginSection, "strip_domain_name", i}, type},
               "strip_domain_name is not for type=ldap: a filter with %u looks for what is before the @");
    if (login.tls.mode != Encryption::kOff)
        report(kError, {{kLoginSection, "tls", i}, type},
               "tls is not for type=ldap: that of the section that directory names counts");
    if (!login.control_user.empty())
        report(kError, {{kLoginSection, "control_user", i}, type},
               "control_user is not for type=ldap: a directory says by itself that it cannot tell");
    if (!has(s.ldap_directories, login.directory))
        report(kError, {directory, type},
               fmt::format("directory: there is no section [ldap {}]{}", login.directory,
                           hint(login.directory, s.ldap_directories)));
    if (!login.filter.empty())
        check_filter(kLoginSection, i, login.filter, report);
}

void check_mail_login(const Settings& s, std::size_t i, const Report& report) {
    const auto& login = s.login_servers[i];
    const Place type{kLoginSection, "type", i};
    if (login.server.empty())
        report(kError, {{kLoginSection, "server", i}, type},
               fmt::format("[login {}] has type={} and no server", login.name, to_string(login.type)));
    else if (const auto servers = parse_hosts(login.server); !servers)
        report(kError, {{kLoginSection, "server", i}}, fmt::format("server: {}", servers.error().message));
    if (!login.filter.empty())
        report(kError, {{kLoginSection, "filter", i}, type}, "filter is for type=ldap alone");
    check_tls(kLoginSection, i, login.tls, login.servers, "passwords", report);
}

void check_login(const Settings& s, std::size_t i, const Report& report) {
    const auto& login = s.login_servers[i];
    login.type == LoginType::kLdap ? check_ldap_login(s, i, report) : check_mail_login(s, i, report);
    check_account(kControl, i, login.control_user, login.control_password, report);
}

void check_order(const Settings& s, const std::string& names, const Place& place, const Report& report) {
    std::vector<std::string> seen;
    for (const auto& name : parse_words(names)) {
        if (!has(s.login_servers, name))
            report(kError, {place},
                   fmt::format("login: there is no section [login {}]{}", name, hint(name, s.login_servers)));
        if (std::ranges::find(seen, lower(name)) != seen.end())
            report(kError, {place}, fmt::format("login: {} is named twice", name));
        seen.push_back(lower(name));
    }
}

}  // namespace
}  // namespace directories

void check_directories(const Settings& settings, const Report& report) {
    using namespace directories;
    for (std::size_t i = 0; i < settings.ldap_directories.size(); ++i)
        check_ldap(settings, i, report);
    for (std::size_t i = 0; i < settings.login_servers.size(); ++i)
        check_login(settings, i, report);
    check_order(settings, settings.login, {"general", "login"}, report);
    for (std::size_t i = 0; i < settings.domains.size(); ++i)
        check_order(settings, settings.domains[i].login, {kDomainSection, "login", i}, report);
}

}  // namespace config
