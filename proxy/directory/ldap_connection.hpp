// LdapConnection: one connection to one server of a directory (libldap), by a thread that may wait. Nothing waits
// longer than its deadline, but for the system's look-up of a host's name. Not thread-safe; several may be in use at
// once.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "directory/ldap_entry.hpp"
#include "directory/ldap_source.hpp"

struct ldap;  // NOLINT(readability-identifier-naming): libldap's name

namespace directory {

class LdapConnection {
  public:
    using Time = base::Monotonic::time_point;

    static constexpr std::size_t kMaxMatches = 100;     // entries that one look-up brings
    static constexpr std::size_t kMaxAnswer = 4 << 20;  // octets of one entry or result

    // Connected and, where that is wanted, encrypted with a certificate that was verified; not yet bound.
    static base::Result<std::unique_ptr<LdapConnection>> open(const LdapSource& source, const config::HostPort& server,
                                                              Time deadline);
    ~LdapConnection();
    LdapConnection(const LdapConnection&) = delete;
    LdapConnection& operator=(const LdapConnection&) = delete;

    enum class Bound { kYes, kNo, kCannotTell };
    struct BindAnswer {
        Bound bound = Bound::kCannotTell;
        std::string text;  // what the server said, for the log
    };
    // A simple bind. kNo: the server says that name and password do not go together, and means it. Precondition:
    // neither is empty, or it would succeed as nobody in particular.
    BindAnswer bind(const std::string& dn, std::string_view password, Time deadline);

    enum class Found { kAll, kTooMany, kCannotTell };
    struct SearchAnswer {
        Found found = Found::kCannotTell;
        std::vector<LdapEntry> entries;  // none: there is no such entry; at most kMaxMatches
        std::string text;                // why nobody can tell
    };
    SearchAnswer search(const std::string& filter, const std::vector<std::string>& attributes, Time deadline);

    // All entries, page by page (RFC 2696), each handed to `use`, which returns false to end it. Error: what broke it
    // off.
    base::Status walk(const std::string& filter, const std::vector<std::string>& attributes,
                      const std::function<bool(LdapEntry&&)>& use, Time deadline);

    // No question can be asked any more: the connection is broken, or an answer may still come that nobody waits for.
    [[nodiscard]] bool broken() const { return broken_; }

  private:
    explicit LdapConnection(const LdapSource& source);
    [[nodiscard]] std::unique_ptr<Watchdog::Guard> watch(Time deadline);
    base::Status connect(const config::HostPort& server, Time deadline);
    base::Status start_tls(Time deadline);
    int request(const std::string& filter, const std::vector<std::string>& attributes, int size_limit, void* control,
                int* id);
    void limit_connecting(Time deadline);
    struct Messages;
    struct Sockets;
    base::Result<int> await(int id, Messages& messages, Time deadline);
    LdapEntry read_entry(void* message, const std::vector<std::string>& attributes);
    std::string explain(int code);
    static int on_referral(ldap* handle, const char* url, unsigned long request, int id, void* self);

    const LdapSource& source_;  // outlives this
    std::unique_ptr<Sockets> sockets_;
    ldap* handle_ = nullptr;
    bool broken_ = false;
};

}  // namespace directory
