// ThreadSource: a source whose answers come out of files, or of calls that may block: a thread of its own reads.
//
// Bounded: questions that wait; and the patience with the thread. When the source goes, a thread that hangs is left
// behind: it owns what it works on, and ends after its call.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "directory/source.hpp"
#include "net/loop.hpp"

namespace directory {

// What the thread knows. All but describe() belongs to the thread.
class Oracle {
  public:
    virtual ~Oracle() = default;
    virtual policy::SourceAnswer answer(const policy::RecipientAddress& address) = 0;
    // Any thread.
    [[nodiscard]] virtual std::string describe() const = 0;
};

class ThreadSource final : public Source {
  public:
    static constexpr std::size_t kMaxWaiting = 10'000;
    static constexpr std::chrono::seconds kPatience{15};

    ThreadSource(net::Loop& home, std::shared_ptr<Oracle> oracle);
    ~ThreadSource() override;

    void ask(const policy::RecipientAddress& address, Done done) override;
    [[nodiscard]] bool at_hand() const override { return true; }
    [[nodiscard]] std::string describe() const override { return oracle_->describe(); }

  private:
    struct Desk;
    struct Waiting {
        Done done;
        std::unique_ptr<net::Timer> patience;
    };
    static void work(const std::shared_ptr<Desk>& desk);
    void answered(unsigned long number, policy::SourceAnswer answer);

    net::Loop& home_;
    std::shared_ptr<Oracle> oracle_;
    std::shared_ptr<Desk> desk_;  // shared with the thread
    std::unordered_map<unsigned long, Waiting> waiting_;
    unsigned long last_ = 0;
};

}  // namespace directory
