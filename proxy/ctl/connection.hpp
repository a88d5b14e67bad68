// One client of the control socket: reads its line, sends the answer piece by piece as fast as the client takes it.
//
// Lives on the control server's loop. A client that is silent, or takes nothing, for kPatience is dropped.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>

#include "net/loop.hpp"
#include "net/stream.hpp"

namespace ctl {

// Who asks, as the kernel says (SO_PEERCRED).
struct Peer {
    uid_t uid = 0;
    pid_t pid = 0;
};

class Connection final : private net::Stream::Handler {
  public:
    static constexpr std::chrono::seconds kPatience{30};

    class Owner {
      public:
        // The line without its end, at most kMaxRequest octets. Answer with answer(), now or later.
        virtual void on_request(Connection& connection, std::string_view line) = 0;
        // Destroy the connection (from the loop's retire list).
        virtual void on_over(Connection& connection, const std::string& why) = 0;

      protected:
        ~Owner() = default;
    };

    Connection(net::Loop& loop, base::UniqueFd socket, unsigned long serial, Owner& owner);

    [[nodiscard]] unsigned long serial() const { return serial_; }
    [[nodiscard]] const Peer& peer() const { return peer_; }

    // The next part of an answer, at most kMaxPiece octets, empty at its end.
    using Source = std::function<std::string()>;
    // At most once.
    void answer(bool ok, Source source);
    void answer(bool ok, std::string text);

  private:
    void on_input() override;
    void on_output_sent() override;
    void on_end(const std::string& why) override;
    void over(const std::string& why);

    Owner& owner_;
    unsigned long serial_;
    Peer peer_;
    net::Timer patience_;
    Source source_;
    bool requested_ = false;
    bool over_ = false;
    net::Stream stream_;
};

}  // namespace ctl
