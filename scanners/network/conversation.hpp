// One exchange with a scanner's server over one connection, as bytes: asked for what is to be sent, fed what has come.
//
// Sans-I/O: no socket, no clock. Whoever has the connection (connection.hpp) watches the time and the bounds of
// sending; what is kept of a reply is bounded here.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "policy/scan_report.hpp"

namespace scanners::network {

inline constexpr std::size_t kPiece = 64 * 1024;  // octets of a message that are sent at a time
inline constexpr std::size_t kMaxName = 255;      // octets of a signature's name that are kept
inline constexpr std::size_t kMaxDetail = 200;    // octets of a text for the log

// What a server says of itself before it is given a message; kept for `good_for`, then it is asked again.
struct ServerFacts {
    std::string signatures;                      // for people: version and date of what it judges by
    std::optional<base::Wall::time_point> made;  // its signatures, when it tells
    std::chrono::seconds good_for{60};
    std::optional<std::size_t> preview;  // ICAP: octets that it wants to see first
    bool allow_204 = false;              // ICAP: may say "unmodified" without sending the message back
};

struct Answer {
    policy::ScanResult result;  // `scanner` is filled in by whoever asked
    // False: nothing that counts was said, and another server may do better; `result` is why.
    bool counts = true;
    // The server is at fault, not the message: too many of these, and it is left alone.
    bool fault = false;
    ServerFacts facts = {};  // of an introduction
};

inline policy::ScanResult unknown(policy::Cause cause, std::string_view detail) {
    return {{}, policy::Outcome::kCannotTell, cause, {}, std::string(detail.substr(0, kMaxDetail))};
}

// It broke the protocol, or broke off.
inline Answer broken(std::string_view why) {
    return {unknown(policy::Cause::kError, why), false, true};
}

// It said in due form that it cannot scan this message.
inline Answer refused(std::string_view why) {
    return {unknown(policy::Cause::kError, why), false, false};
}

inline Answer clean() {
    return {{{}, policy::Outcome::kClean, policy::Cause::kNone, {}, {}}};
}

class Conversation {
  public:
    virtual ~Conversation() = default;

    // What is to be sent next, about kPiece octets at most; empty: nothing until more has come. The view is good until
    // the next call of anything here.
    virtual std::string_view output() = 0;
    // What the server said. Nothing may come after the answer is there.
    virtual void input(std::string_view bytes) = 0;
    // The server has closed its side; `why` for the log.
    virtual void end(std::string_view why) { settle(broken(why)); }

    [[nodiscard]] const std::optional<Answer>& answer() const { return answer_; }

  protected:
    void settle(Answer answer) {
        if (!answer_)
            answer_ = std::move(answer);
    }

  private:
    std::optional<Answer> answer_;
};

}  // namespace scanners::network
