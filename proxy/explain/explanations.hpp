// Explanations: why what was done with each mail, kept for a while, for `sandwichctl why`.
//
// The loops post what a decision was made from; one thread makes it into text and writes it, another searches, so that
// a search holds nothing up. No loop ever waits: when the writer does not keep up, cases are dropped, counted and
// logged. Thread-safe. A store that cannot be written stops no mail: it is logged.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "explain/case.hpp"
#include "explain/files.hpp"
#include "net/loop.hpp"

namespace explain {

class Explanations {
  public:
    static constexpr std::uint64_t kMaxWaiting = 2000;           // cases
    static constexpr std::uint64_t kMaxWaitingSize = 32U << 20;  // octets that they take, about
    static constexpr std::size_t kMaxAnswers = 40;               // records that one search gives

    Explanations(std::string directory, bool enabled, FileLimits limits);
    // Writes what is queued, then joins.
    ~Explanations();
    Explanations(const Explanations&) = delete;
    Explanations& operator=(const Explanations&) = delete;

    // Nothing is kept when this is false: whoever would keep something need not put it together.
    [[nodiscard]] bool enabled() const;
    void keep(Case one);
    // What became of the mail in the end: the lines of the log.
    void keep_end(Names names, std::vector<std::string> lines);

    // `done` runs on `loop`: all that is known of the mail that is called `name`, or an Error: nothing is.
    void find(net::Loop& loop, std::string name, std::function<void(base::Result<std::string>)> done);

    void configure(bool enabled, FileLimits limits);

    struct Status {
        std::uint64_t kept = 0;  // cases, since the start
        std::uint64_t dropped = 0;
        bool failing = false;  // the last write failed
    };
    [[nodiscard]] Status status() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace explain
