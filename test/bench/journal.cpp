// What the journal costs a message: the three steps of a delivery (look up, intend, conclude), asked from a loop as a
// session asks, and answered by the journal's thread.
//
// Prints microseconds per message for messages of several sizes and several sessions at once; beside each the SHA-256
// of the text alone, in the same run, and the ratio of both. Usage: bench_journal [MESSAGES]
#include "journal/journal.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/ids.hpp"

namespace {

using Clock = std::chrono::steady_clock;

class TextMessage final : public mail::Message {
  public:
    explicit TextMessage(std::size_t size) : text_(size, 'x') {}
    std::string_view bytes() const override { return text_; }
    base::Result<base::UniqueFd> share() const override { return base::error("not needed"); }

  private:
    std::string text_;
};

double microseconds(Clock::time_point since) {
    return std::chrono::duration<double, std::micro>(Clock::now() - since).count();
}

// `sessions` at once, each with one message after another.
class Load {
  public:
    Load(journal::Journal& journal, mail::MessagePtr message, unsigned sessions, unsigned messages)
        : journal_(journal), message_(std::move(message)), to_begin_(messages), to_end_(messages) {
        for (unsigned i = 0; i < sessions && to_begin_ > 0; ++i)
            begin();
    }
    void run() { loop_.run(); }

  private:
    void begin() {
        --to_begin_;
        const auto id = base::new_message_id();
        journal_.look_up(loop_, message_, 0, {"a@from.test", "mx.test", id}, {"b@to.test"},
                         [this, id](journal::Answer answer) { intend(id, std::move(answer.keys)); });
    }
    void intend(const std::string& id, std::vector<journal::Key> keys) {
        journal_.intend(loop_, id, keys, [this, id, keys] {
            journal_.conclude(id, keys, journal::Kind::kDelivered);
            if (--to_end_ == 0)
                loop_.stop();
            else if (to_begin_ > 0)
                begin();
        });
    }

    journal::Journal& journal_;
    mail::MessagePtr message_;
    unsigned to_begin_;
    unsigned to_end_;
    net::Loop loop_;
};

double fingerprint_alone(const mail::Message& message, unsigned times) {
    const auto fingerprints = journal::Fingerprints::with_key(std::string(journal::Fingerprints::kKeySize, 'k'));
    const auto begin = Clock::now();
    for (unsigned i = 0; i < times; ++i)
        static_cast<void>(fingerprints->of(message.bytes()));
    return microseconds(begin) / times;
}

}  // namespace

int main(int count, char** arguments) {
    const unsigned wanted = count > 1 ? static_cast<unsigned>(std::strtoul(arguments[1], nullptr, 10)) : 20000;
    std::string directory = (std::filesystem::temp_directory_path() / "sandwich-bench-XXXXXX").string();
    if (wanted == 0 || ::mkdtemp(directory.data()) == nullptr)
        return 2;
    fmt::print("{:>12} {:>9} {:>9} {:>14} {:>14} {:>7}\n", "octets", "sessions", "messages", "journal us",
               "fingerprint us", "ratio");
    for (const std::size_t size : {4096UL, 65536UL, 1048576UL, 10485760UL}) {
        const auto message = std::make_shared<TextMessage>(size);
        const auto messages =
            std::max(20U, static_cast<unsigned>(std::min<std::size_t>(wanted, wanted * 8192UL / size)));
        for (const unsigned sessions : {1U, 50U}) {
            auto journal = journal::Journal::open(directory, directory + "/rings", {});
            if (!journal)
                return 1;
            const auto alone = fingerprint_alone(*message, messages / 4 + 1);
            const auto begin = Clock::now();
            Load(**journal, message, sessions, messages).run();
            journal->reset();  // everything is written
            const auto each = microseconds(begin) / messages;
            fmt::print("{:>12} {:>9} {:>9} {:>14.1f} {:>14.1f} {:>7.2f}\n", size, sessions, messages, each, alone,
                       each / alone);
        }
    }
    std::filesystem::remove_all(directory);
    return 0;
}
