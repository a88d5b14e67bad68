// LdapRecipients: a directory as a source of recipients. Home loop; the client's threads only post answers to it.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "config/directory_settings.hpp"
#include "directory/ldap_client.hpp"
#include "directory/source.hpp"
#include "net/loop.hpp"

namespace directory {

class LdapRecipients final : public Source {
  public:
    // `password`: of settings.bind_dn. A directory whose filter is none is down, and says why.
    LdapRecipients(net::Loop& home, const config::LdapDirectory& settings, const std::string& password);
    // Does not wait for what is being asked: that ends elsewhere.
    ~LdapRecipients() override;

    void ask(const policy::RecipientAddress& address, Done done) override;
    [[nodiscard]] bool at_hand() const override { return false; }
    [[nodiscard]] std::string describe() const override;

  private:
    struct Desk;
    void answered(unsigned long number, const LdapAnswer& answer);

    net::Loop& home_;
    std::shared_ptr<Desk> desk_;  // shared with what the client calls
    std::unique_ptr<LdapClient> client_;
    std::string failure_;  // why there is no client
    std::unordered_map<unsigned long, Done> waiting_;
    unsigned long last_ = 0;
};

}  // namespace directory
