// The journal as the loops see it: what was done with each recipient of each mail, so that a retry is not a second mail
// (DESIGN section 6, invariant 9).
//
// The index is in memory, and whoever asks or tells something does so there, at once. What is told also goes into
// memory that outlives the process (ring.hpp), at once, so that nobody has to wait for the disk; a thread writes it
// down, every few milliseconds, all that has come in one go. Where there is no such memory, or no room in it, an intent
// waits for the thread. The thread also looks at large mails, and reads what other processes wrote: then a question has
// to wait for it. Thread-safe. Completions run on `loop`'s thread; a completion must find its session by id, never hold
// it. A journal that cannot be written stops no mail: it is logged, and a crash may then deliver twice.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "journal/files.hpp"
#include "journal/key.hpp"
#include "mail/message.hpp"
#include "net/loop.hpp"

namespace journal {

// What is known of a recipient of a mail.
struct Known {
    enum class State : std::uint8_t {
        kNothing,
        kRunning,   // an earlier try has not ended: its upstream went away, the delivery server has not answered
        kPossible,  // it may have been delivered: an earlier try ended without an answer, or the mail has no identity
        kDone,      // it was delivered, held or discarded, and is this very mail
    };
    State state = State::kNothing;
    Kind done = Kind::kIntent;  // kDone: how
    std::string id;             // of the earlier try
};

struct Answer {
    Key mail{};                // for crashed()
    std::vector<Key> keys;     // of the recipients, in order; empty: the journal failed, nothing is known
    std::vector<Known> known;  // the same
    unsigned crashes = 0;      // scanner workers that died of it
};

class Journal {
  public:
    // Reads what is there and starts the thread. `rings`: a directory in memory; one that cannot be used is said in the
    // log, once. Error: the directory or a file cannot be used.
    static base::Result<std::unique_ptr<Journal>> open(const std::string& directory, const std::string& rings,
                                                       FileLimits limits);
    // Writes what is queued, then joins.
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    // What is looked at where it is asked for, in octets: 20 us, which the thread takes to be woken.
    static constexpr std::size_t kSmall = 128U << 10;

    // What `content` below needs, for who sees a text as it comes in. Throws as it does.
    [[nodiscard]] RunningFingerprint begin_text() const;

    // `below`: offset in the message from which on it is part of the key. `content`: the fingerprint of that, where it
    // is known. `done` may be called before this returns: a small mail, and one whose fingerprint is known, is answered
    // from memory, unless another process has written something.
    void look_up(net::Loop& loop, mail::MessagePtr message, std::size_t below, std::optional<Fingerprint> content,
                 Origin origin, std::vector<std::string> recipients, std::function<void(Answer)> done);
    // What is known of other keys of the same mail, in order (act_key()). `identified`: as Origin::identified().
    void look_up(net::Loop& loop, std::vector<Key> keys, bool identified, std::function<void(std::vector<Known>)> done);
    // Before the final dot, or before the quarantine put. `done` runs, never before this returns, when the death of
    // this process cannot undo it (or it could not be written).
    void intend(net::Loop& loop, std::string id, std::vector<Key> keys, std::function<void()> done);
    // How it ended: kDelivered, kQuarantined, kDiscarded, kWithdrawn.
    void conclude(std::string id, std::vector<Key> keys, Kind kind);
    // The end of what was intended will not be known.
    void give_up(std::vector<Key> keys);
    // A scanner worker died of this mail.
    void crashed(std::string id, Key mail);

    void set_limits(FileLimits limits);

    struct Status {
        std::uint64_t entries = 0;
        std::uint64_t recognised = 0;  // recipients answered from the journal
        bool failing = false;          // the last write failed
    };
    [[nodiscard]] Status status() const;

  private:
    struct State;
    explicit Journal(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace journal
