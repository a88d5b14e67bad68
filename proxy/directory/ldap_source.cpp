#include "directory/ldap_source.hpp"

#include <algorithm>
#include <utility>

namespace directory {
namespace {

std::vector<std::string> together(std::vector<std::string> one, const std::vector<std::string>& other) {
    for (const auto& name : other)
        if (std::ranges::find(one, name) == one.end())
            one.push_back(name);
    return one;
}

}  // namespace

LdapSource::LdapSource(config::LdapDirectory given, Secret secret, config::FilterTemplate parsed)
    : settings(std::move(given)),
      password(std::move(secret)),
      filter(std::move(parsed)),
      mailbox_attributes(config::parse_words(settings.mailbox_attributes)),
      alias_attributes(config::parse_words(settings.alias_attributes)),
      attributes(together(mailbox_attributes, alias_attributes)),
      servers(settings.servers.size()) {}

base::Result<std::shared_ptr<LdapSource>> LdapSource::make(config::LdapDirectory settings, Secret password) {
    // A bind with a name and no password succeeds as nobody in particular (RFC 4513 section 5.1.2).
    if (!settings.bind_dn.empty() && password.empty())
        return base::error("[ldap {}]: bind_dn needs a password", settings.name);
    auto filter = config::FilterTemplate::parse(settings.filter);
    if (!filter)
        return base::error("[ldap {}]: filter: {}", settings.name, filter.error().message);
    return std::shared_ptr<LdapSource>(new LdapSource(std::move(settings), std::move(password), std::move(*filter)));
}

}  // namespace directory
