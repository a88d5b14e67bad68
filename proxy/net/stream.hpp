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

#include "base/room.hpp"
#include "base/unique_fd.hpp"
#include "net/address.hpp"
#include "net/loop.hpp"
#include "net/tls.hpp"

namespace net {

// Text that also stands in a file, from its begin on. -1: it does not.
struct Stored {
    int file = -1;
    std::string_view text{};
};

class Stream {
  public:
    // Unconsumed input above this pauses reading until it is consumed: network flow control is the only bound that a
    // pipelining peer respects. In the owner's room there may be as much as the room takes.
    static constexpr std::size_t kInputLimit = 128 * 1024;
    static constexpr std::size_t kReadChunk = 64 * 1024;
    static constexpr std::size_t kMostParts = 64;  // of what is offered, sent at once

    class Handler {
      public:
        // Where what comes next may be put, so that it need not be copied from where it was received: asked when there
        // is no input, and then input() is there until it is consumed, kept, or the callback ends.
        virtual base::Room room() { return {}; }
        virtual void on_secured() {}                      // the TLS handshake is done
        virtual void on_input() = 0;                      // input() has grown
        virtual void on_output_sent() = 0;                // some or all of the output left; see output_size()
        virtual void on_end(const std::string& why) = 0;  // the peer closed or the connection broke; last callback

      protected:
        ~Handler() = default;
    };

    // `socket` is non-blocking and connected, or connecting: then the first on_output_sent() or on_end() tells how it
    // went, provided something was written.
    Stream(Loop& loop, base::UniqueFd socket, Handler& handler, Sending::Way way = Sending::Way::kBack);
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream();

    // View of what was received and not consumed; valid until consume() or the next callback.
    [[nodiscard]] std::string_view input() const {
        return borrowed_.empty() ? std::string_view(input_).substr(consumed_) : borrowed_;
    }
    void consume(std::size_t octets);
    // Moves the input to memory of the stream's own, if it is not there.
    void keep_input();
    // Takes in what has already arrived, without a callback. That the connection has ended is left for on_end().
    void fetch();

    // Sends at once what the socket takes, keeps the rest. Callers batch: one call, one segment where possible.
    void write(std::string_view bytes);
    // As write(), but sent when the loop has seen to all that was ready, together with what others gather until then
    // (Sending), or with the next call that sends anything here. Until then it is output.
    void gather(std::string_view bytes);
    // Sends what the socket takes now and takes it out of `parts`, which borrow. Something left: wait for
    // on_output_sent(), which comes in any case. Parts that lie in `stored` are taken from its file, without a copy,
    // where they are large.
    void offer(std::vector<std::string_view>& parts, const Stored& stored = {});
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
    // As sendmsg(2) of the first `count` parts, and as sendfile(2) of a part of `stored`.
    ssize_t send_parts(const std::vector<std::string_view>& parts, std::size_t count);
    ssize_t send_stored(std::string_view part, const Stored& stored);
    // As recv(2), to the end of the input.
    ssize_t receive();
    void read_ready();
    void take(std::string_view network);
    void tidy();
    void end_with_tls();
    void end(const std::string& why);
    void write_ready();
    [[nodiscard]] bool writable() const { return socket_ && !ended_ && write_failure_.empty(); }
    void put(std::string_view octets);
    void send(std::string_view octets);
    void send_gathered();
    void flush();
    // A failed write is reported by the read side: what the peer said before it broke off (a 421, say) is read first.
    void fail(std::string why);
    void stop_writing();
    void shut_down();

    Handler& handler_;
    base::UniqueFd socket_;
    Watch readable_;
    Watch writable_;
    Sending gathered_;
    Soon all_sent_;
    std::string_view borrowed_;           // the input, as long as it lies where it was received; empty: it is in input_
    std::shared_ptr<const void> lender_;  // of that place, if it is Handler::room()
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
