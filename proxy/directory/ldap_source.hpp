// LdapSource: all that is to be known to ask a directory, and which of its servers answer. Made once for a
// configuration, shared by the threads that ask.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/directory_settings.hpp"
#include "config/filter_template.hpp"
#include "directory/secret.hpp"
#include "directory/server_choice.hpp"
#include "directory/watchdog.hpp"

namespace directory {

class LdapSource {
  public:
    // Error: the password cannot be had, or the filter is none. `password` is that of settings.bind_dn.
    static base::Result<std::shared_ptr<LdapSource>> make(config::LdapDirectory settings, Secret password);

    const config::LdapDirectory settings;
    const Secret password;
    const config::FilterTemplate filter;
    const std::vector<std::string> mailbox_attributes;
    const std::vector<std::string> alias_attributes;
    const std::vector<std::string> attributes;  // both together
    ServerChoice servers;
    mutable Watchdog watchdog;

  private:
    LdapSource(config::LdapDirectory given, Secret secret, config::FilterTemplate parsed);
};

}  // namespace directory
