#include "doctor/smtp_talk.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "smtp/text.hpp"

namespace doctor {
namespace {

bool offers(const smtp::Reply& hello, std::string_view keyword) {
    return std::any_of(hello.lines.begin(), hello.lines.end(), [&](const std::string& line) {
        return smtp::equal_ignoring_case(smtp::first_word(line), keyword);
    });
}

// Fills `facts` in until something breaks it off, and says what.
base::Status converse(SmtpTalk& talk, const SmtpWish& wish, SmtpFacts& facts) {
    auto greeting = talk.read();
    if (!greeting)
        return base::error("no greeting: {}", greeting.error().message);
    facts.greeting = std::move(*greeting);
    if (!facts.greeting->positive())
        return base::ok();
    const auto hello = [&]() -> base::Status {
        auto reply = talk.say("EHLO " + wish.our_name);
        if (!reply)
            return base::error("EHLO: {}", reply.error().message);
        facts.hello = std::move(*reply);
        return base::ok();
    };
    if (auto said = hello(); !said || !facts.hello->positive())
        return said;
    facts.offers_starttls = offers(*facts.hello, "STARTTLS");
    if (wish.tls != nullptr && !facts.offers_starttls) {
        facts.tls = "it does not offer STARTTLS";
    } else if (wish.tls != nullptr) {
        const auto reply = talk.say("STARTTLS");
        if (!reply)
            return base::error("STARTTLS: {}", reply.error().message);
        if (!reply->positive()) {
            facts.tls = fmt::format("STARTTLS is answered with {} {}", reply->code, smtp::text_of(*reply));
        } else {
            if (auto begun = talk.start_tls(wish.tls, wish.peer); !begun) {
                facts.tls = begun.error().message;
                return base::ok();
            }
            if (auto said = hello(); !said || !facts.hello->positive())
                return said;
        }
    }
    if (!facts.tls.empty() && !wish.tls_optional)
        return base::ok();
    if (wish.verify) {
        auto reply = talk.say("VRFY " + *wish.verify);
        if (!reply)
            return base::error("VRFY: {}", reply.error().message);
        facts.verified = std::move(*reply);
    }
    if (wish.recipient) {
        const auto sender = talk.say("MAIL FROM:<>");
        if (!sender)
            return base::error("MAIL: {}", sender.error().message);
        auto reply = sender->positive() ? talk.say(fmt::format("RCPT TO:<{}>", *wish.recipient)) : sender;
        if (!reply)
            return base::error("RCPT: {}", reply.error().message);
        facts.recipient = std::move(*reply);
        if (const auto reset = talk.say("RSET"); !reset)
            return base::error("RSET: {}", reset.error().message);
    }
    return base::ok();
}

}  // namespace

base::Status SmtpTalk::write(std::string_view octets) {
    while (!octets.empty()) {
        const ssize_t sent = ::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            octets.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait_for(socket_.get(), POLLOUT, deadline_))
                return base::error("it takes nothing in time");
        } else if (errno != EINTR) {
            return base::errno_error("sending");
        }
    }
    return base::ok();
}

base::Status SmtpTalk::receive() {
    std::array<char, 4096> octets{};
    for (;;) {
        const ssize_t got = ::recv(socket_.get(), octets.data(), octets.size(), 0);
        if (got > 0) {
            const std::string_view came(octets.data(), static_cast<std::size_t>(got));
            if (!tls_) {
                input_ += came;
                return base::ok();
            }
            tls_->feed(came, input_);
            if (tls_->failed())
                return base::error("TLS: {}", tls_->failure());
            return write(tls_->take_output());
        }
        if (got == 0)
            return base::error("it has closed the connection");
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return base::errno_error("receiving");
        if (!wait_for(socket_.get(), POLLIN, deadline_))
            return base::error("no answer in time");
    }
}

base::Result<smtp::Reply> SmtpTalk::read() {
    for (;;) {
        std::string_view left = input_;
        auto outcome = parser_.feed(left);
        input_.erase(0, input_.size() - left.size());
        if (auto* const reply = std::get_if<smtp::Reply>(&outcome))
            return std::move(*reply);
        if (const auto* const garbage = std::get_if<smtp::ReplyParser::Garbage>(&outcome))
            return base::error("what it says is no SMTP: {}", garbage->why);
        if (auto received = receive(); !received)
            return received.error();
    }
}

base::Result<smtp::Reply> SmtpTalk::say(std::string_view line) {
    return send(std::string(line) + "\r\n");
}

base::Result<smtp::Reply> SmtpTalk::send(std::string_view octets) {
    std::string encrypted;
    if (tls_) {
        tls_->write(octets);
        encrypted = tls_->take_output();
        octets = encrypted;
    }
    if (auto written = write(octets); !written)
        return written.error();
    return read();
}

base::Status SmtpTalk::start_tls(net::tls::ContextPtr context, const net::tls::Peer& peer) {
    input_.clear();  // what was said in the clear beyond the reply counts for nothing
    tls_.emplace(std::move(context));
    if (auto begun = tls_->begin(peer); !begun)
        return begun;
    if (auto written = write(tls_->take_output()); !written)
        return written;
    while (!tls_->established())
        if (auto received = receive(); !received)
            return received;
    return base::ok();
}

SmtpFacts ask_smtp(const net::Endpoint& server, const SmtpWish& wish, Deadline deadline) {
    SmtpFacts facts;
    auto connecting = connect_to(server, deadline);
    facts.contact = std::move(connecting.contact);
    if (!facts.contact.connected())
        return facts;
    SmtpTalk talk(std::move(connecting.socket), deadline);
    if (const auto done = converse(talk, wish, facts); !done)
        facts.broken = done.error().message;
    else
        (void)talk.say("QUIT");
    return facts;
}

std::optional<SmtpFault> fault_of(const SmtpFacts& facts, std::string_view place) {
    if (!facts.contact.connected())
        return SmtpFault{to_text(facts.contact), cure_of(facts.contact, place)};
    if (!facts.greeting)
        return SmtpFault{"connected, but " + facts.broken,
                         fmt::format("see what listens at {}: it does not greet as a mail server does", place)};
    const auto said = [](const smtp::Reply& reply) { return fmt::format("{} {}", reply.code, smtp::text_of(reply)); };
    if (!facts.greeting->positive())
        return SmtpFault{fmt::format("it greets with {}", said(*facts.greeting)),
                         fmt::format("let the server at {} take mail from this machine", place)};
    if (facts.hello && !facts.hello->positive())
        return SmtpFault{
            fmt::format("it answers EHLO with {}", said(*facts.hello)),
            fmt::format("look at the settings of the server at {}: it does not speak ESMTP with us", place)};
    if (!facts.broken.empty())
        return SmtpFault{facts.broken, fmt::format("look into the log of the server at {}", place)};
    return std::nullopt;
}

}  // namespace doctor
