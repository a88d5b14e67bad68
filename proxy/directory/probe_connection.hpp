// ProbeConnection: one SMTP connection on which a server is asked about recipients, one at a time: by MAIL from <>,
// RCPT and RSET, or by VRFY. No DATA ever follows.
//
// Home loop. It says QUIT and closes after the questions that it may ask.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "net/stream.hpp"
#include "policy/recipient.hpp"
#include "smtp/client_protocol.hpp"

namespace directory {

class ProbeConnection final : private net::Stream::Handler {
  public:
    // kVrfyPlain: a 550 without an enhanced code is believed.
    enum class Method : std::uint8_t { kRcpt, kVrfy, kVrfyPlain };

    class Owner {
      public:
        // To the question; the connection is free for the next one when reusable().
        virtual void on_answer(ProbeConnection& connection, policy::SourceAnswer answer) = 0;
        // It is dead, also when nothing was asked. `fault`: the server is to blame. `said`: the reply with which it
        // refused us, if any. The owner retires it.
        virtual void on_dead(ProbeConnection& connection, const std::string& why, bool fault,
                             const smtp::Reply* said) = 0;

      protected:
        ~Owner() = default;
    };

    // Connecting starts at once; a question may be asked at once, too. `patience`: for each answer.
    ProbeConnection(net::Loop& loop, const net::Endpoint& server, Method method, std::string our_name,
                    unsigned questions, std::chrono::milliseconds patience, Owner& owner);
    ~ProbeConnection();
    ProbeConnection(const ProbeConnection&) = delete;
    ProbeConnection& operator=(const ProbeConnection&) = delete;

    // Precondition: no question is open.
    void ask(const policy::RecipientAddress& address);
    [[nodiscard]] bool busy() const { return question_.has_value(); }
    [[nodiscard]] bool reusable() const { return ready_ && !dead_ && asked_ < questions_; }
    [[nodiscard]] unsigned asked() const { return asked_; }
    // Says QUIT, if it is at rest, and closes; no callback follows.
    void close();

  private:
    void on_input() override;
    void on_output_sent() override {}
    void on_end(const std::string& why) override;
    void on_hello(smtp::ClientProtocol::Expect to, const smtp::Reply& reply);
    void on_reply(smtp::ClientProtocol::Expect to, const smtp::Reply& reply);
    void send_question();
    void answer(policy::SourceAnswer answer);
    void flush();
    void die(const std::string& why, bool fault, const smtp::Reply* said = nullptr);

    net::Loop& loop_;
    Owner& owner_;
    const Method method_;
    const std::string our_name_;
    const unsigned questions_;
    const std::chrono::milliseconds patience_;
    smtp::ClientProtocol protocol_;
    net::Timer clock_;
    std::string failure_;  // of the connect, when it failed at once
    std::unique_ptr<net::Stream> stream_;
    std::optional<policy::RecipientAddress> question_;
    std::optional<policy::SourceAnswer> refused_;  // MAIL was
    unsigned asked_ = 0;
    bool ready_ = false;
    bool dead_ = false;
};

}  // namespace directory
