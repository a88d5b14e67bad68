// NetworkScanner: one configured scanner beside the workers, whatever it speaks. Lives on the proxy's home loop, as the
// pool of workers does; nothing here waits.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "mail/message.hpp"
#include "policy/scan_report.hpp"

namespace scanners::network {

// Messages that wait for a connection; more are not accepted: "cannot tell (unavailable)".
inline constexpr std::size_t kMaxWaiting = 2000;

struct Said {
    policy::ScanResult result;
    std::string signatures;  // what it judged by; empty: it does not say
    std::string outdated{};  // why that is too old to be worth much; empty: it is not
};

class NetworkScanner {
  public:
    using Done = std::function<void(Said)>;

    virtual ~NetworkScanner() = default;

    // `done` runs once on the home loop, within the scanner's timeout, or when the NetworkScanner is destroyed.
    virtual void scan(const std::string& id, mail::MessagePtr message, Done done) = 0;

    [[nodiscard]] virtual const config::OtherScanner& settings() const = 0;
    // Nothing waits for an answer.
    [[nodiscard]] virtual bool idle() const = 0;
    // Messages that no server has yet.
    [[nodiscard]] virtual std::size_t waiting() const = 0;
    // "scanner clamd main: 12 clean, 1 found, ...", for `sandwichctl status`; ends in a newline.
    [[nodiscard]] virtual std::string describe() const = 0;
};

// What became of the messages given to a scanner.
struct Tally {
    std::uint64_t clean = 0;
    std::uint64_t found = 0;
    std::uint64_t encrypted = 0;
    std::uint64_t unknown = 0;

    void count(policy::Outcome outcome) {
        auto& counter = outcome == policy::Outcome::kClean       ? clean
                        : outcome == policy::Outcome::kFound     ? found
                        : outcome == policy::Outcome::kEncrypted ? encrypted
                                                                 : unknown;
        ++counter;
    }
    [[nodiscard]] std::string to_string() const;
};

}  // namespace scanners::network
