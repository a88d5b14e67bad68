// SmtpTalk: a few SMTP commands to a server, one after the other, by a thread that may wait. Every answer is bounded,
// and nothing waits longer than its deadline.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "doctor/contact.hpp"
#include "net/tls.hpp"
#include "smtp/reply.hpp"

namespace doctor {

class SmtpTalk {
  public:
    SmtpTalk(base::UniqueFd socket, Deadline deadline) : socket_(std::move(socket)), deadline_(deadline) {}

    // The next reply. Error: none in time, the server has closed, or says what is no reply.
    base::Result<smtp::Reply> read();
    // One line, without its end, and the reply to it.
    base::Result<smtp::Reply> say(std::string_view line);
    // Octets as they are, and the reply to them.
    base::Result<smtp::Reply> send(std::string_view octets);
    // The handshake; STARTTLS has been answered.
    base::Status start_tls(net::tls::ContextPtr context, const net::tls::Peer& peer);

  private:
    base::Status write(std::string_view octets);
    base::Status receive();

    base::UniqueFd socket_;
    Deadline deadline_;
    std::string input_;
    smtp::ReplyParser parser_;
    std::optional<net::tls::Engine> tls_;
};

// What a server said, as far as one came.
struct SmtpFacts {
    Contact contact{};
    std::string broken{};  // why the talk ended before its end; empty: it did not
    std::optional<smtp::Reply> greeting{};
    std::optional<smtp::Reply> hello{};
    bool offers_starttls = false;
    std::string tls{};                       // why there was no TLS where it was wanted; empty: there was
    std::optional<smtp::Reply> verified{};   // to VRFY
    std::optional<smtp::Reply> recipient{};  // to RCPT
};

struct SmtpWish {
    std::string our_name;                    // for EHLO
    net::tls::ContextPtr tls{};              // null: in the clear
    bool tls_optional = false;               // go on without it
    net::tls::Peer peer{};                   // whom TLS has to meet
    std::optional<std::string> verify{};     // asked for by VRFY
    std::optional<std::string> recipient{};  // asked for by MAIL from <>, RCPT and RSET; no text follows
};

// Connects, says what is wished, says QUIT.
SmtpFacts ask_smtp(const net::Endpoint& server, const SmtpWish& wish, Deadline deadline);

// The first line of what is wrong with the greeting and what comes before and behind it; empty: nothing. Pure.
struct SmtpFault {
    std::string text;
    std::string cure;
};
std::optional<SmtpFault> fault_of(const SmtpFacts& facts, std::string_view place);

}  // namespace doctor
