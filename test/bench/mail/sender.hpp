// An SMTP client that sends many mails over many sessions and takes times: one thread, epoll. It says what Sendmail
// says, one command at a time, and quits after each message unless told otherwise. For bench_send.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "texts.hpp"

namespace bench {

using Clock = std::chrono::steady_clock;

struct Load {
    sockaddr_in server{};
    std::string sender = "sender@from.test";
    std::string recipient = "recipient@to.test";
    unsigned sessions = 1;
    unsigned messages_per_connection = 1;
    std::uint64_t messages = 0;                 // at most; 0: as many as the time allows
    std::chrono::milliseconds time{0};          // after it no message begins; 0: any
    double rate = 0;                            // messages a second, each due at its time; 0: as fast as they are taken
    std::chrono::milliseconds patience{10000};  // without a reply from anywhere: it has stalled
    bool rounds = false;                        // the mails are sent all, once or several times, whatever the time
    bool together = false;                      // no text ends before every session has sent all of its own but the end
    bool idle = false;                          // sessions greet, and then stay as they are
    bool timed = false;                         // each message's time is wanted
};

struct Timed {
    double begun = 0;  // or due, with a rate: seconds of Clock
    float milliseconds = 0;
};

struct Outcome {
    std::uint64_t messages = 0;  // with 250 to the final dot
    std::uint64_t refused = 0;   // any other reply, to any command
    std::uint64_t lost = 0;      // no reply
    std::uint64_t octets = 0;    // of the texts of `messages`
    std::size_t greeted = 0;     // sessions, with `idle`
    bool stalled = false;
    double seconds = 0;               // from the first connection to the last reply
    std::vector<float> milliseconds;  // of each message: from its connection, or its MAIL, to the reply to its final
                                      // dot; with a rate, from when it was due
    std::vector<Timed> times;         // the same, with `timed`
    std::string trouble;              // the first reply, or failure, that was not hoped for
};

class Session;

class Sender {
  public:
    // `texts` as on the wire; they have to live as long. Throws std::system_error.
    Sender(const Load& load, const std::vector<Text>& texts);
    ~Sender();
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;

    // Until the load is done or has stalled; with `idle`, until all sessions have greeted (they end with this object).
    const Outcome& run();

    // From a signal's handler: no message begins any more.
    static void stop();

  private:
    friend class Session;

    bool done() const;
    bool may_begin() const;
    Clock::time_point due() const;  // of the next message, with a rate
    int patience() const;           // milliseconds
    std::uint64_t take() { return taken_++; }
    const Text& text(std::uint64_t number) const { return texts_[number % texts_.size()]; }
    void begin_sessions();
    void text_sent();
    void answered(Session& session, std::string_view line);
    void failed(std::uint64_t& count, std::string_view what);

    const Load& load_;
    const std::vector<Text>& texts_;
    int poll_ = -1;
    std::vector<std::unique_ptr<Session>> sessions_;
    std::vector<Session*> free_;  // have no connection
    std::size_t connecting_ = 0;  // wait for a greeting
    std::size_t texts_sent_ = 0;  // with `together`
    std::uint64_t taken_ = 0;
    Clock::time_point begun_, last_reply_;
    Outcome outcome_;
};

}  // namespace bench
