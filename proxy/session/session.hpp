// Session: one upstream connection, from the greeting to the end. It holds no message data; that is Transaction's.
//
// Belongs to one loop (invariant 11). Events of the protocol become calls on the Transaction; the Transaction's
// decisions become replies. A session whose upstream has gone stays until its transaction has ended (invariant 8).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "net/stream.hpp"
#include "session/runtime.hpp"
#include "session/transaction.hpp"
#include "smtp/server_protocol.hpp"

namespace session {

class Shard;

class Session final : private net::Stream::Handler, private Transaction::Owner {
  public:
    Session(Shard& shard, std::uint64_t number, base::UniqueFd socket, const net::Endpoint& client);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Greets, or refuses with 421 and a reason for the log.
    void start();
    void refuse(const std::string& text);
    // The daemon is to end: an idle session ends now, another after its transaction.
    void drain();

    [[nodiscard]] std::uint64_t number() const { return number_; }
    // What the delivery server offers is known now (or not: then the session ends with 421).
    void greet_ehlo(const std::optional<smtp::Extensions>& downstream);
    // The transaction that a late answer (scan, quarantine) is meant for; null when it is over.
    Transaction* transaction(std::uint64_t serial);

  private:
    void on_input() override;
    void on_output_sent() override;
    void on_end(const std::string& why) override;

    void answer(const smtp::Reply& reply) override;
    void conclude(const std::vector<smtp::Reply>& replies) override;

    void pump();
    void handle(smtp::ServerProtocol::Event& event);
    void hello(const smtp::ServerProtocol::Hello& hello);
    void starttls();
    void begin_transaction(const smtp::PathArgument& argument);
    void flush();
    void close_politely();
    void end();
    void restart_clock();

    Shard& shard_;
    std::uint64_t number_;
    RuntimePtr runtime_;  // of the session's greeting and time-outs; a transaction takes the newest
    net::Endpoint client_;
    net::Stream stream_;
    smtp::ServerProtocol protocol_;
    net::Timer clock_;
    std::unique_ptr<Transaction> transaction_;
    std::uint64_t serial_ = 0;  // of transactions
    bool pumping_ = false;
    bool pump_again_ = false;
    bool upstream_gone_ = false;
    bool closing_ = false;
    bool ended_ = false;
};

}  // namespace session
