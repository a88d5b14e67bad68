#include "directory/socketmap_server.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/log.hpp"
#include "mail/text.hpp"

namespace directory {

using policy::Knowledge;

namespace {

constexpr std::chrono::seconds kAcceptPause{1};
constexpr std::size_t kShown = 100;  // octets of a client's words in the log

}  // namespace

std::string socketmap_reply(const policy::SourceAnswer& answer) {
    switch (answer.knowledge) {
        case Knowledge::kUnknown:
            return "OK unknown";
        case Knowledge::kKnown:
            return "OK known";
        case Knowledge::kDown:
            return "TEMP a source of recipients is down";
        case Knowledge::kElsewhere:
        case Knowledge::kCannotTell:
            break;
    }
    return "NOTFOUND ";
}

SocketmapKey parse_socketmap_key(std::string_view key) {
    constexpr std::string_view kIpv6 = "IPv6:";  // as Sendmail writes ${client_addr}
    const auto slash = key.find('/');
    if (slash == 0)  // mail from this machine: Sendmail has no client to tell of
        return {{}, std::string(key.substr(1))};
    if (slash != std::string_view::npos) {
        auto name = key.substr(0, slash);
        if (mail::equal_ignoring_case(name.substr(0, kIpv6.size()), kIpv6))
            name.remove_prefix(kIpv6.size());
        if (const auto client = net::Address::parse(name))
            return {client->to_string(), std::string(key.substr(slash + 1))};
    }
    return {{}, std::string(key)};
}

class SocketmapServer::Client final : private net::Stream::Handler {
  public:
    Client(SocketmapServer& server, base::UniqueFd socket, unsigned long serial, std::string who)
        : name(std::move(who)),
          number(serial),
          server_(server),
          clock_(server.home_, [this] { answer_or_end(); }),
          stream_(server.home_, std::move(socket), *this) {
        clock_.start(kIdle);
    }

    // After `delay`, if there is one.
    void answer(std::string reply, std::chrono::seconds delay) {
        reply_ = std::move(reply);
        if (delay.count() > 0)
            return clock_.start(delay);
        answer_or_end();
    }
    [[nodiscard]] bool busy() const { return busy_; }
    void end() {
        if (std::exchange(ended_, true))
            return;
        clock_.stop();
        stream_.close();
        server_.over(*this);
    }

    const std::string name;
    const unsigned long number;

  private:
    void on_input() override { read(); }
    void on_output_sent() override {}
    void on_end(const std::string&) override { end(); }

    void read() {
        if (busy_ || ended_)
            return;  // the next question waits its turn
        auto bytes = stream_.input();
        const auto before = bytes.size();
        auto outcome = NetstringReader(kMaxQuestion).next(bytes);
        stream_.consume(before - bytes.size());
        if (const auto* garbage = std::get_if<NetstringReader::Garbage>(&outcome)) {
            base::log::event(base::log::kSocketmapFault, "{}: {}: {}", name, garbage->why,
                             stream_.input().substr(0, kShown));
            return end();
        }
        if (const auto* text = std::get_if<std::string>(&outcome)) {
            busy_ = true;
            clock_.stop();
            server_.question(*this, *text);
        }
    }

    void answer_or_end() {
        if (!busy_)
            return end();
        busy_ = false;
        stream_.write(netstring(std::exchange(reply_, {})));
        // Who reads no answers fills its own buffers: nothing more is taken from it.
        if (server_.draining_ || stream_.output_size() > 0)
            return end();
        clock_.start(kIdle);
        read();
    }

    SocketmapServer& server_;
    net::Timer clock_;
    std::string reply_;
    bool busy_ = false;
    bool ended_ = false;
    net::Stream stream_;
};

SocketmapServer::SocketmapServer(net::Loop& home, base::UniqueFd listener, Recipients& recipients,
                                 const UserList& users, Current current)
    : home_(home),
      listener_(std::move(listener)),
      recipients_(recipients),
      users_(users),
      current_(std::move(current)),
      acceptable_(home, listener_.get(), net::Watch::Direction::kRead, [this] { accept(); }),
      resume_(home, [this] { acceptable_.enable(); }) {
    acceptable_.enable();
}

SocketmapServer::~SocketmapServer() = default;

void SocketmapServer::accept() {
    for (;;) {
        sockaddr_storage storage{};
        socklen_t length = sizeof storage;
        base::UniqueFd socket(
            ::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket) {
            // Out of descriptors: the listener would stay readable, and the loop would spin.
            if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ECONNABORTED && errno != EINTR) {
                acceptable_.disable();
                resume_.start(kAcceptPause);
            }
            return;
        }
        std::string name = "socketmap";
        if (storage.ss_family == AF_INET || storage.ss_family == AF_INET6) {
            const auto peer = net::Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage));
            name = peer.to_string();
            if (!current_().settings->smtp_allow_client_ip.contains(peer)) {
                base::log::event(base::log::kSocketmapFault, "{} is not in smtp_allow_client_ip", name);
                continue;
            }
        }
        if (clients_.size() >= kMaxConnections) {
            base::log::event(base::log::kSocketmapFault, "{}: more than {} connections", name, kMaxConnections);
            continue;
        }
        const auto number = ++last_;
        clients_.emplace(number, std::make_unique<Client>(*this, std::move(socket), number, std::move(name)));
    }
}

void SocketmapServer::question(Client& client, const std::string& text) {
    ++questions_;
    const auto blank = text.find(' ');
    if (blank == std::string::npos)
        return client.answer("PERM a question is a map's name, a blank and a key", {});
    const auto key = parse_socketmap_key(std::string_view(text).substr(blank + 1));
    const auto address = policy::parse_recipient(key.address);
    const auto runtime = current_();
    if (users_.settings(key.address).disabled())
        return client.answer(socketmap_reply({Knowledge::kUnknown}), {});
    const auto* const check =
        address ? config::find_recipient_check(*runtime.settings, *runtime.domains, address->domain) : nullptr;
    if (check == nullptr)
        return client.answer("NOTFOUND ", {});
    const auto said = [this, number = client.number, from = key.client, runtime,
                       alive = std::weak_ptr(alive_)](const policy::SourceAnswer& answer) {
        if (alive.expired())
            return;
        std::chrono::seconds delay{};
        if (answer.knowledge == Knowledge::kKnown && users_.settings(answer.mailbox).disabled())
            return this->answer(number, socketmap_reply({Knowledge::kUnknown}), delay);
        if (answer.knowledge == Knowledge::kUnknown) {
            ++unknown_;
            if (!from.empty())
                delay = recipients_.slow_down(from, *runtime.settings);
        }
        this->answer(number, socketmap_reply(answer), delay);
    };
    if (const auto known = recipients_.remembered(*check, *address))
        return said(*known);
    recipients_.look_up(home_, *check, *address, said);
}

void SocketmapServer::answer(unsigned long client, std::string reply, std::chrono::seconds delay) {
    if (const auto found = clients_.find(client); found != clients_.end())
        found->second->answer(std::move(reply), delay);
}

void SocketmapServer::over(Client& client) {
    const auto found = clients_.find(client.number);
    if (found == clients_.end())
        return;
    home_.retire(std::move(found->second));
    clients_.erase(found);
}

void SocketmapServer::drain() {
    draining_ = true;
    resume_.stop();
    acceptable_.disable();
    std::vector<unsigned long> idle;
    for (const auto& [number, client] : clients_)
        if (!client->busy())
            idle.push_back(number);
    for (const auto number : idle)
        clients_.at(number)->end();
}

std::string SocketmapServer::describe() const {
    return fmt::format("socketmap: {} connections, {} questions, {} unknown\n", clients_.size(), questions_, unknown_);
}

}  // namespace directory
