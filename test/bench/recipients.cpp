// bench_recipients CONFIGURATION ADDRESSES AT_ONCE ROUNDS: asks the sources of [directory] about every address of a
// file, one a line, as a session does: what is remembered first, and what is not from a loop, so many at once. In the
// first round nothing is remembered yet; cache_size of the configuration says whether that changes.
//
// Prints a line of JSON for each round. Latencies are those of single answers.
#include "directory/recipients.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "config/load.hpp"
#include "config/server_passwords.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using policy::Knowledge;

int fail(const std::string& why) {
    std::cerr << "bench_recipients: " << why << '\n';
    return 2;
}

double cpu_seconds() {
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

class Round {
  public:
    Round(net::Loop& loop, directory::Recipients& recipients, const config::RecipientCheck& check,
          const std::vector<policy::RecipientAddress>& addresses)
        : loop_(loop), recipients_(recipients), check_(check), addresses_(addresses) {
        latencies_.reserve(addresses.size());
    }

    std::string run(unsigned at_once) {
        const auto cpu = cpu_seconds();
        const auto begun = Clock::now();
        for (unsigned i = 0; i < at_once; ++i)
            go_on();
        loop_.run();
        const auto seconds = std::chrono::duration<double>(Clock::now() - begun).count();
        const auto used = cpu_seconds() - cpu;
        std::ranges::sort(latencies_);
        return fmt::format(
            R"({{"questions": {}, "known": {}, "unknown": {}, "unclear": {}, "remembered": {}, "seconds": {:.6f}, "cpu": {:.6f}, )"
            R"("median_ms": {:.6f}, "p99_ms": {:.6f}}})",
            addresses_.size(), known_, unknown_, addresses_.size() - known_ - unknown_, remembered_, seconds, used,
            quantile(50), quantile(99));
    }

  private:
    void go_on() {
        while (next_ < addresses_.size()) {
            const auto& address = addresses_[next_++];
            const auto begun = Clock::now();
            if (const auto kept = recipients_.remembered(check_, address)) {
                ++remembered_;
                answered(*kept, begun);
                continue;
            }
            recipients_.look_up(loop_, check_, address, [this, begun](const policy::SourceAnswer& answer) {
                answered(answer, begun);
                go_on();
            });
            return;
        }
    }

    void answered(const policy::SourceAnswer& answer, Clock::time_point begun) {
        latencies_.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begun).count());
        known_ += answer.knowledge == Knowledge::kKnown ? 1 : 0;
        unknown_ += answer.knowledge == Knowledge::kUnknown ? 1 : 0;
        if (latencies_.size() == addresses_.size())
            loop_.stop();
    }

    [[nodiscard]] double quantile(std::size_t percent) const {
        return latencies_[std::min(latencies_.size() - 1, latencies_.size() * percent / 100)];
    }

    net::Loop& loop_;
    directory::Recipients& recipients_;
    const config::RecipientCheck& check_;
    const std::vector<policy::RecipientAddress>& addresses_;
    std::size_t next_ = 0;
    std::vector<double> latencies_;  // ms
    std::size_t known_ = 0;
    std::size_t unknown_ = 0;
    std::size_t remembered_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5)
        return fail("CONFIGURATION ADDRESSES AT_ONCE ROUNDS");
    const auto text = config::read_file(argv[1]);
    if (!text)
        return fail(text.error().message);
    auto loaded = config::parse(*text);
    const auto passwords = loaded.settings ? config::read_server_passwords(loaded) : std::string();
    for (const auto& diagnostic : loaded.diagnostics)
        std::cerr << config::format(argv[1], diagnostic) << '\n';
    if (!loaded.settings || loaded.settings->directory.check.sources.empty())
        return fail("no valid configuration with [directory] sources");
    std::vector<policy::RecipientAddress> addresses;
    std::ifstream file(argv[2]);
    for (std::string line; std::getline(file, line);) {
        auto address = policy::parse_recipient(line);
        if (!address)
            return fail(fmt::format("{}: \"{}\" is no address", argv[2], line));
        addresses.push_back(std::move(*address));
    }
    if (addresses.empty())
        return fail(fmt::format("{}: no addresses", argv[2]));
    net::Loop loop;
    directory::Recipients recipients(loop, *loaded.settings, passwords);
    for (auto rounds = std::strtoul(argv[4], nullptr, 10); rounds > 0; --rounds) {
        Round round(loop, recipients, loaded.settings->directory.check, addresses);
        std::cout << round.run(static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10))) << std::endl;
    }
}
