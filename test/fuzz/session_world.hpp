// What stands around a session in the target `session`: a delivery server, a scanner worker and an upstream, each on
// the other end of a real socket, on the same thread, told by the input how to misbehave.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/channel.hpp"
#include "base/unique_fd.hpp"
#include "scanners/worker/pool.hpp"
#include "target.hpp"

namespace fuzz {

inline constexpr std::string_view kVirus = "VIRUS";  // a message with this word in it is infected

// What the delivery server has taken, and what of it was confirmed to the upstream.
struct Books {
    std::map<std::string, std::string> taken;      // its queue id -> the text
    std::map<std::string, std::string> confirmed;  // its queue id -> our id
    std::set<std::string> held;                    // our ids that the upstream was told are in the quarantine
    unsigned found = 0;                            // verdicts "found" that were given
    std::set<std::string> discarded;               // the same, gone
};

// Reads a socket of ours without waiting; false: the other side is gone.
bool read_available(int socket, std::string& buffer);

class DeliveryServer {
  public:
    DeliveryServer(Books& books, Source& script);
    ~DeliveryServer();
    DeliveryServer(const DeliveryServer&) = delete;
    DeliveryServer& operator=(const DeliveryServer&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    // True when something happened.
    bool serve();

  private:
    struct Connection {
        base::UniqueFd socket;
        std::string input;
        bool in_text = false;
        bool silent = false;  // says nothing any more
        bool over = false;
    };
    bool serve(Connection& connection);
    void command(Connection& connection, std::string_view line);
    void end_of_text(Connection& connection, std::string text);
    // The usual reply, or what the script wants instead; returns what was said.
    std::string say(Connection& connection, std::string_view usual);

    Books& books_;
    Source& script_;
    base::UniqueFd listener_;
    std::uint16_t port_ = 0;
    std::vector<Connection> connections_;
    unsigned texts_ = 0;
};

class ScannerWorker {
  public:
    ScannerWorker(Books& books, Source& script, scanners::Pool& pool);
    bool work();

  private:
    void appear();
    void judge(const base::Packet& packet);
    void tell(const std::string& packet);

    Books& books_;
    Source& script_;
    base::UniqueFd control_;
    base::UniqueFd channel_;
    std::uint32_t serial_ = 0;
};

class Upstream {
  public:
    Upstream(Books& books, base::UniqueFd socket) : books_(books), socket_(std::move(socket)) {}

    void send(std::string_view bytes);
    void end_sending();
    // True when something came.
    bool listen();

  private:
    void reply_line(std::string_view line);

    Books& books_;
    base::UniqueFd socket_;
    std::string input_;
    std::string unsent_;
};

}  // namespace fuzz
