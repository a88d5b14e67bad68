// Stream: one connected TCP socket on a Loop: input buffer, output buffer, reasons to pause, and TLS from start_tls()
// on. The only place that reads and writes connections.
//
// Belongs to its loop's thread. Callbacks come only from the loop, never from within a call into the Stream, so a
// handler may call anything on it at any time; to destroy it from a callback, hand it (or its owner) to Loop::retire().
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "net/address.hpp"
#include "net/loop.hpp"
#include "net/tls.hpp"

namespace net {

class Stream {
  public:
    // Unconsumed input above this pauses reading until it is consumed: network flow control is the only bound that a
    // pipelining peer respects.
    static constexpr std::size_t kInputLimit = 128 * 1024;
    static constexpr std::size_t kReadChunk = 64 * 1024;
    static constexpr std::size_t kMostParts = 64;  // of what is offered, sent at once

    class Handler {
      public:
        virtual void on_secured() {}                      // the TLS handshake is done
        virtual void on_input() = 0;                      // input() has grown
        virtual void on_output_sent() = 0;                // some or all of the output left; see output_size()
        virtual void on_end(const std::string& why) = 0;  // the peer closed or the connection broke; last callback

      protected:
        ~Handler() = default;
    };

    // `socket` is non-blocking and connected, or connecting: then the first on_output_sent() or on_end() tells how it
    // went, provided something was written.
    Stream(Loop& loop, base::UniqueFd socket, Handler& handler);
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream();

    // View of what was received and not consumed; valid until consume() or the next callback.
    [[nodiscard]] std::string_view input() const {
        return borrowed_.empty() ? std::string_view(input_).substr(consumed_) : borrowed_;
    }
    void consume(std::size_t octets);
    // Takes in what has already arrived, without a callback. That the connection has ended is left for on_end().
    void fetch();

    // Sends at once what the socket takes, keeps the rest. Callers batch: one call, one segment where possible.
    void write(std::string_view bytes);
    // Sends what the socket takes now, in one go, and takes it out of `parts`, which borrow. Something left: wait for
    // on_output_sent(), which comes in any case.
    void offer(std::vector<std::string_view>& parts);
    [[nodiscard]] std::size_t output_size() const { return output_.size() - sent_; }

    // From here on everything is TLS, behind what was written before; on_secured() or on_end() follows. Until then what
    // is written is dropped: nobody could read it. A server gives no peer. Error: the peer's name is of no use; or
    // input is left over, which came in the clear and must not be taken for something that was said under TLS (RFC 3207
    // section 6; CVE-2011-0411): end the connection.
    base::Status start_tls(tls::ContextPtr context, const tls::Peer& peer = {});
    [[nodiscard]] bool securing() const { return tls_ && !tls_->established(); }  // the handshake runs, or failed
    // tls::Engine::description(); empty without TLS.
    [[nodiscard]] std::string tls_description() const { return tls_ ? tls_->description() : std::string(); }

    // Tells the peer that nothing more comes (after the output); reading goes on.
    void shutdown_when_sent();
    // Drops everything; no callback follows.
    void close();
    [[nodiscard]] bool open() const { return static_cast<bool>(socket_); }

  private:
    // As recv(2), to the end of the input.
    ssize_t receive();
    void read_ready();
    void take(std::string_view network);
    void keep();
    void tidy();
    void end_with_tls();
    void end(const std::string& why);
    void write_ready();
    void send(std::string_view octets);
    void flush();
    // A failed write is reported by the read side: what the peer said before it broke off (a 421, say) is read first.
    void fail(std::string why);
    void stop_writing();
    void shut_down();

    Handler& handler_;
    base::UniqueFd socket_;
    Watch readable_;
    Watch writable_;
    Soon all_sent_;
    std::string_view borrowed_;  // the input, as long as it lies where it was received; empty: it is in input_
    std::string input_;
    std::size_t consumed_ = 0;
    std::string output_;
    std::size_t sent_ = 0;
    std::string write_failure_;
    std::unique_ptr<tls::Engine> tls_;
    bool ended_ = false;
    bool shutdown_wanted_ = false;
    bool offer_waits_ = false;  // for room
};

// Starts a non-blocking connect with TCP_NODELAY. Error: no socket, refused at once.
base::Result<base::UniqueFd> start_connect(const Endpoint& peer);

// Accepts one connection, non-blocking, TCP_NODELAY. Empty when there is none or it broke meanwhile; `peer` says who.
base::UniqueFd accept_connection(int listener, Endpoint& peer);

// The pending error of a connecting socket, empty when it is connected.
std::string connect_error(int socket);

}  // namespace net
