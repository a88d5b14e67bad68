#include "directory/file_oracle.hpp"
#include "directory/ldap_recipients.hpp"
#include "directory/probe_source.hpp"
#include "directory/recipients.hpp"
#include "directory/user_oracle.hpp"

namespace directory {

std::shared_ptr<Source> make_source(net::Loop& home, const config::RecipientSource& settings,
                                    const std::string& our_name) {
    switch (settings.kind) {
        case config::SourceKind::kList:
            return std::make_shared<ThreadSource>(home, std::make_shared<ListOracle>(settings.id(), settings.file));
        case config::SourceKind::kMaps:
            return std::make_shared<ThreadSource>(
                home, std::make_shared<MapsOracle>(settings.id(), settings.sendmail_cf, settings.passwd_file));
        case config::SourceKind::kSmtp:
        case config::SourceKind::kVrfy:
        case config::SourceKind::kLdap:
            break;
    }
    return std::make_shared<ProbeSource>(home, settings, our_name);
}

std::shared_ptr<Source> make_source(net::Loop& home, const config::LdapDirectory& settings,
                                    const std::string& password) {
    return std::make_shared<LdapRecipients>(home, settings, password);
}

std::shared_ptr<Source> make_source(net::Loop& home, UserList::Open users) {
    return std::make_shared<ThreadSource>(home, std::make_shared<UserOracle>(std::move(users)));
}

}  // namespace directory
