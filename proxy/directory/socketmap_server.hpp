// SocketmapServer: tells the inbound Sendmail whether a recipient exists (sendmail's map class "socket").
//
// A question is "MAP KEY" as a netstring; whatever MAP is, KEY is ADDRESS or CLIENT/ADDRESS, CLIENT being the address
// of Sendmail's own client. The answers:
//
//   OK unknown      no source knows it, and all could be asked: it may be refused
//   OK known        it exists
//   NOTFOUND        its domain is not checked here, or nobody can tell
//   TEMP ...        a source is down
//
// Only the first is a reason to refuse; with anything else, or no answer, Sendmail takes the mail (rules by
// sandwich-cf). Home loop. Bounded: connections, octets of a question, one question of a connection at a time.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "config/settings.hpp"
#include "directory/netstring.hpp"
#include "directory/recipients.hpp"
#include "net/stream.hpp"

namespace directory {

// What is said about an answer. Pure.
std::string socketmap_reply(const policy::SourceAnswer& answer);
// The key's parts; `client` is empty when there is none.
struct SocketmapKey {
    std::string client;
    std::string address;
};
SocketmapKey parse_socketmap_key(std::string_view key);

class SocketmapServer {
  public:
    static constexpr std::size_t kMaxConnections = 500;
    static constexpr std::size_t kMaxQuestion = 1024;  // octets
    static constexpr std::chrono::minutes kIdle{10};

    struct Runtime {
        std::shared_ptr<const void> keeps;  // alive what follows
        const config::Settings* settings;
        const config::DomainIndex* domains;
    };
    using Current = std::function<Runtime()>;

    // `listener` is non-blocking.
    SocketmapServer(net::Loop& home, base::UniqueFd listener, Recipients& recipients, const UserList& users,
                    Current current);
    ~SocketmapServer();
    SocketmapServer(const SocketmapServer&) = delete;
    SocketmapServer& operator=(const SocketmapServer&) = delete;

    // Takes no more connections, and ends those that ask nothing.
    void drain();
    // For sandwichctl status.
    [[nodiscard]] std::string describe() const;

  private:
    class Client;
    void accept();
    void question(Client& client, const std::string& text);
    void answer(unsigned long client, std::string reply, std::chrono::seconds delay);
    void over(Client& client);

    net::Loop& home_;
    base::UniqueFd listener_;
    Recipients& recipients_;
    const UserList& users_;  // whose disabled mailboxes count as unknown
    Current current_;
    net::Watch acceptable_;
    net::Timer resume_;
    unsigned long last_ = 0;
    std::map<unsigned long, std::unique_ptr<Client>> clients_;
    std::uint64_t questions_ = 0;
    std::uint64_t unknown_ = 0;
    bool draining_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace directory
