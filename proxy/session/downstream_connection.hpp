// DownstreamConnection: one SMTP connection to a delivery server: connect, greeting, EHLO, TLS as the settings demand,
// then whatever its owner sends. Where the server is a command ([smtp] original), a process of it instead.
//
// Whatever goes wrong with TLS (refused, handshake, certificate, an end of the connection on the way) ends it, so that
// the mail is deferred; only where TLS is opportunistic it begins once more, in the clear, unseen by its owner.
//
// Belongs to one loop. The owner (a Delivery, or the pool while the connection is idle) is told of every answer and of
// the end. A reply that does not come in time ends the connection.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "net/stream.hpp"
#include "session/runtime.hpp"
#include "session/server.hpp"
#include "smtp/client_protocol.hpp"

namespace session {

class DownstreamConnection final : private net::Stream::Handler {
  public:
    class Owner {
      public:
        virtual void on_ready() = 0;  // greeted and EHLO answered: commands may be sent
        virtual void on_answer(smtp::ClientProtocol::Expect to, const smtp::Reply& reply) = 0;
        virtual void on_output_sent() {}  // room for more message text
        // The connection is dead: `why` for the log; `last_words` is a reply that nobody had asked for (a 421), if any.
        // Last callback.
        virtual void on_lost(const std::string& why, const smtp::Reply* last_words) = 0;

      protected:
        ~Owner() = default;
    };

    // Connecting starts at once; `owner` hears on_ready() or on_lost(), never from within this call.
    DownstreamConnection(net::Loop& loop, RuntimePtr runtime, Server server, Owner* owner);

    void set_owner(Owner* owner) { owner_ = owner; }
    // Command and body calls go to protocol(); send() then puts them on the wire and starts the clock for the answers.
    smtp::ClientProtocol& protocol() { return protocol_; }
    void send();
    // Puts message text on the wire, as far as the network takes it, and takes that out of `runs`; then, or when there
    // is room for more, comes on_output_sent(). Nothing may be sent in between. `stored`: as net::Stream::offer()'s.
    void send_text(smtp::Runs& runs, const net::Stored& stored);

    // Closes without a word to anybody; the owner retires it afterwards.
    void abandon();

    [[nodiscard]] bool ready() const { return state_ == State::kReady; }
    // It was lost because no answer came in time.
    [[nodiscard]] bool silent() const { return silent_; }
    // It never began: as many processes of the command run as may. That says nothing against the server.
    [[nodiscard]] bool crowded_out() const { return silent_ && !stream_; }
    [[nodiscard]] std::size_t output_size() const { return stream_ ? stream_->output_size() : 0; }
    [[nodiscard]] const Server& server() const { return server_; }
    [[nodiscard]] const smtp::Extensions& extensions() const { return protocol_.extensions(); }
    [[nodiscard]] base::Monotonic::time_point opened() const { return opened_; }
    [[nodiscard]] const RuntimePtr& runtime() const { return runtime_; }
    unsigned messages = 0;  // transactions begun on it

    // The final dot is under way: wait for its answer as long as the settings say.
    void expect_final_reply() {
        final_ = true;
        restart_clock();
    }

  private:
    enum class State { kConnecting, kHello, kReady, kDead };
    enum class Tls { kNotYet, kBegun, kActive, kWithout };

    void connect();
    void start_command();
    void on_secured() override;
    void on_input() override;
    void on_output_sent() override;
    void on_end(const std::string& why) override;
    void on_hello_answer(smtp::ClientProtocol::Expect to, const smtp::Reply& reply);
    // After a positive answer to EHLO: ready, or TLS first.
    void on_offer();
    void on_starttls_answer(const smtp::Reply& reply);
    // TLS cannot be had from this server, or not now: what that means by the settings.
    void without_tls(const std::string& why);
    void become_ready();
    [[nodiscard]] bool tls_is_optional() const { return server_.tls == config::DownstreamTls::kOpportunistic; }
    void lost(const std::string& why, const smtp::Reply* last_words = nullptr);
    void restart_clock();

    net::Loop& loop_;
    RuntimePtr runtime_;
    Server server_;
    Owner* owner_;
    State state_ = State::kConnecting;
    Tls tls_ = Tls::kNotYet;
    smtp::ClientProtocol protocol_;
    OriginalCommand::TicketPtr process_;  // of a command
    std::unique_ptr<net::Stream> stream_;
    net::Timer clock_;
    std::string start_failure_;
    base::Monotonic::time_point opened_ = base::Monotonic::now();
    bool final_ = false;
    bool text_waits_ = false;  // for the network
    bool silent_ = false;
};

}  // namespace session
