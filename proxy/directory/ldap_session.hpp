// LdapSession: questions to a directory, whichever of its servers answers, by one thread that may wait. It keeps its
// connection from question to question; a server that has closed it in the meantime is connected to anew.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "directory/ldap_connection.hpp"
#include "directory/ldap_source.hpp"

namespace directory {

// What a directory knows of an address.
struct LdapAnswer {
    enum class Kind {
        kFound,        // there is such a mailbox
        kNotFound,     // the directory has said that there is none
        kUnavailable,  // nobody can tell: no server answers, or what it says is no answer
    };
    Kind kind = Kind::kUnavailable;
    // kFound: the mailbox and its other addresses, without doubles; empty where several entries have the address (a
    // list beside a person), or the entry names none.
    std::string mailbox;
    std::vector<std::string> aliases;
    std::vector<std::string> names;  // kFound: distinguished names of the entries
    std::string server;              // who has answered; empty: nobody
    std::string reason;              // kUnavailable: why, for the log
};

class LdapSession {
  public:
    using Time = LdapConnection::Time;

    // A connection is closed after so long, so that the preferred server comes back into its own, and directories that
    // close what is idle find nothing to close.
    static constexpr auto kLongestConnection = std::chrono::minutes(5);
    static constexpr std::size_t kMaxAddress = 1000;  // octets; what is longer is not asked for

    explicit LdapSession(std::shared_ptr<LdapSource> source) : source_(std::move(source)) {}

    // `filter`: in place of the directory's own.
    LdapAnswer look_up(std::string_view address, Time deadline) { return look_up(address, source_->filter, deadline); }
    LdapAnswer look_up(std::string_view address, const config::FilterTemplate& filter, Time deadline);

    // Whether the password is that of the entry with this address: it is looked up, then a bind as that entry is tried,
    // on a connection of its own. kWrong: the directory has said so. An address that several entries have is
    // kUnavailable.
    enum class Proof { kRight, kWrong, kNotFound, kUnavailable };
    struct ProofAnswer {
        Proof proof = Proof::kUnavailable;
        LdapAnswer entry;
        std::string reason;  // of any but kRight, for the log
    };
    ProofAnswer authenticate(std::string_view address, const Secret& password, const config::FilterTemplate& filter,
                             Time deadline);

    // Every mailbox that `filter` (no template) finds. `use` returns false to end it. Error: what broke it off.
    base::Status walk(const std::string& filter, const std::function<bool(LdapMailbox&&)>& use, Time deadline);

    // Whether a server can be reached and lets bind_dn in.
    base::Status probe(Time deadline);

  private:
    base::Result<LdapConnection*> connection(std::size_t server, Time deadline);
    using Question = std::function<base::Status(LdapConnection&, Time until)>;
    base::Status ask_server(std::size_t server, const Question& ask, Time deadline, bool& server_failed);
    base::Status with_connection(const Question& ask, Time deadline);
    LdapConnection::BindAnswer bind_as(const std::string& dn, std::string_view password, Time deadline);

    std::shared_ptr<LdapSource> source_;
    std::unique_ptr<LdapConnection> connection_;
    std::size_t server_ = 0;  // that it goes to
    Time opened_{};
};

}  // namespace directory
