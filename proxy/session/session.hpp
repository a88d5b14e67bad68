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

// 421, for whoever has just connected.
smtp::Reply refusal(const std::string& hostname, std::string_view text);

class Session final : private net::Stream::Handler, private Transaction::Owner {
  public:
    // `seat`: empty for a connection that is only refused.
    Session(Shard& shard, std::uint64_t number, base::UniqueFd socket, const net::Endpoint& client,
            Admission::Seat seat);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Greets, or refuses with 421 and a reason for the log.
    void start();
    void refuse(const std::string& text);
    // The daemon is to end: an idle session ends now, another after its transaction.
    void drain();

    [[nodiscard]] std::uint64_t number() const { return number_; }
    [[nodiscard]] bool admitted() const { return admitted_; }
    // What the delivery server offers is known now (or not: then the session ends with 421).
    void greet_ehlo(const std::optional<smtp::Extensions>& downstream);
    // The transaction that a late answer (scan, quarantine) is meant for; null when it is over.
    Transaction* transaction(std::uint64_t serial);

  private:
    base::Room room() override;
    void on_input() override;
    void on_output_sent() override;
    void on_end(const std::string& why) override;

    void answer(const smtp::Reply& reply) override;
    void before_acting() override;
    void conclude(const std::vector<smtp::Reply>& replies) override;

    void pump();
    bool step();
    void handle(smtp::ServerProtocol::Event& event);
    void hello(const smtp::ServerProtocol::Hello& hello);
    void starttls();
    void xclient(const std::string& argument);
    void xforward(const std::string& argument);
    [[nodiscard]] bool trusted() const { return runtime_->settings.smtp_xclient_client_ip.contains(client_.address); }
    void begin_transaction(const smtp::PathArgument& argument);
    void watch_for_strays();
    void discard_input();
    void flush();
    void close_politely();
    void end();

    void tell_why(const smtp::ServerProtocol::Broken& broken);
    void limit_reached(Limit limit);
    void out_of_time(Limit limit);
    void on_silence();
    void restart_clock();
    void end_if_expired();
    void stop_clocks();

    Shard& shard_;
    std::uint64_t number_;
    RuntimePtr runtime_;  // of the session's greeting and time-outs; a transaction takes the newest
    net::Endpoint client_;
    net::Stream stream_;
    smtp::ServerProtocol protocol_;
    smtp::ClientAttributes introduced_;  // by XCLIENT, for the session
    smtp::ClientAttributes forwarded_;   // by XFORWARD, for the next mail
    net::Timer clock_;                   // for the next whole command, or more text
    net::Timer text_clock_;              // for all of a message's text
    net::Timer reading_clock_;           // for the peer to read what was sent
    net::Timer lifetime_;
    Admission::Seat seat_;
    const bool admitted_;
    std::size_t overlong_lines_ = 0;  // of which was told
    std::uint64_t discarded_ = 0;     // octets, after the end or after a stray
    std::unique_ptr<Transaction> transaction_;
    std::uint64_t serial_ = 0;  // of transactions
    bool pumping_ = false;
    bool pump_again_ = false;
    bool progress_ = false;  // since the clock was started
    bool taking_text_ = false;
    bool unread_ = false;  // reading_clock_ runs
    bool expired_ = false;
    bool strayed_ = false;  // something stood behind the end of data: nothing is read any more
    bool upstream_gone_ = false;
    bool closing_ = false;
    bool ended_ = false;
};

}  // namespace session
