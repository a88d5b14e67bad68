// Encoding and decoding of the packets in wire.hpp. Pure.
#include "scanners/worker/wire.hpp"

#include <algorithm>
#include <concepts>

namespace scanners::wire {
namespace {

bool printable(char c) {
    return c >= 0x20 && c < 0x7f;
}

class Writer {
  public:
    explicit Writer(char kind) : bytes_(1, kind) {}

    template <std::unsigned_integral Number>
    void number(Number value) {
        for (std::size_t i = 0; i < sizeof value; ++i)
            bytes_.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
    }

    template <std::unsigned_integral Length>
    void text(std::string_view value, std::size_t limit) {
        value = value.substr(0, limit);
        number(static_cast<Length>(value.size()));
        std::transform(value.begin(), value.end(), std::back_inserter(bytes_),
                       [](char c) { return printable(c) ? c : '?'; });
    }

    std::string take() { return std::move(bytes_); }

  private:
    std::string bytes_;
};

// Reads to the end or fails; after a failure every further read fails too.
class Reader {
  public:
    Reader(std::string_view bytes, char kind) : rest_(bytes) {
        good_ = !rest_.empty() && rest_[0] == kind;
        if (good_)
            rest_.remove_prefix(1);
    }

    template <std::unsigned_integral Number>
    Number number() {
        Number value = 0;
        good_ = good_ && rest_.size() >= sizeof value;
        if (!good_)
            return 0;
        for (std::size_t i = 0; i < sizeof value; ++i)
            value = static_cast<Number>(value |
                                        static_cast<Number>(Number{static_cast<unsigned char>(rest_[i])} << (8 * i)));
        rest_.remove_prefix(sizeof value);
        return value;
    }

    template <std::unsigned_integral Length>
    std::string text(std::size_t limit) {
        const std::size_t length = number<Length>();
        good_ = good_ && length <= limit && length <= rest_.size();
        if (!good_)
            return {};
        const auto value = rest_.substr(0, length);
        rest_.remove_prefix(length);
        good_ = std::all_of(value.begin(), value.end(), printable);
        return std::string(value);
    }

    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] bool complete() const { return good_ && rest_.empty(); }

  private:
    std::string_view rest_;
    bool good_ = false;
};

// A result that contradicts itself is as bad as garbage: "found" without a name, "cannot tell" without a cause.
bool consistent(const policy::ScanResult& result) {
    if (result.scanner.empty() || result.outcome > policy::Outcome::kCannotTell ||
        result.cause > policy::Cause::kUnavailable)
        return false;
    if ((result.outcome == policy::Outcome::kCannotTell) == (result.cause == policy::Cause::kNone))
        return false;
    const bool named = result.outcome == policy::Outcome::kFound || result.outcome == policy::Outcome::kEncrypted;
    return !named || !result.name.empty();
}

policy::ScanResult read_result(Reader& reader) {
    policy::ScanResult result;
    result.outcome = static_cast<policy::Outcome>(reader.number<std::uint8_t>());
    result.cause = static_cast<policy::Cause>(reader.number<std::uint8_t>());
    result.scanner = reader.text<std::uint8_t>(kMaxScannerName);
    result.name = reader.text<std::uint8_t>(kMaxSignatureName);
    result.detail = reader.text<std::uint16_t>(kMaxDetail);
    return result;
}

}  // namespace

std::string encode(const Job& job) {
    Writer writer(kJob);
    writer.number(job.serial);
    writer.number(job.size);
    return writer.take();
}

std::string encode(const Worker& worker) {
    Writer writer(kWorker);
    writer.number(worker.slot);
    writer.number(worker.serial);
    writer.number(worker.pid);
    return writer.take();
}

std::string encode(const Kill& kill) {
    Writer writer(kKill);
    writer.number(kill.slot);
    writer.number(kill.serial);
    return writer.take();
}

std::string encode(const Answer& answer) {
    const auto count = std::min(answer.results.size(), kMaxResults);
    Writer writer(kAnswer);
    writer.number(answer.serial);
    writer.number(static_cast<std::uint8_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
        const auto& result = answer.results[i];
        writer.number(static_cast<std::uint8_t>(result.outcome));
        writer.number(static_cast<std::uint8_t>(result.cause));
        writer.text<std::uint8_t>(result.scanner, kMaxScannerName);
        writer.text<std::uint8_t>(result.name, kMaxSignatureName);
        writer.text<std::uint16_t>(result.detail, kMaxDetail);
    }
    return writer.take();
}

std::string encode_greeting(std::string_view signatures) {
    Writer writer(kGreeting);
    writer.text<std::uint16_t>(signatures, kMaxSignatures);
    return writer.take();
}

std::optional<Job> decode_job(std::string_view packet) {
    Reader reader(packet, kJob);
    Job job;
    job.serial = reader.number<std::uint32_t>();
    job.size = reader.number<std::uint64_t>();
    return reader.complete() ? std::optional(job) : std::nullopt;
}

std::optional<Worker> decode_worker(std::string_view packet) {
    Reader reader(packet, kWorker);
    Worker worker;
    worker.slot = reader.number<std::uint32_t>();
    worker.serial = reader.number<std::uint32_t>();
    worker.pid = reader.number<std::uint32_t>();
    return reader.complete() ? std::optional(worker) : std::nullopt;
}

std::optional<Kill> decode_kill(std::string_view packet) {
    Reader reader(packet, kKill);
    Kill kill;
    kill.slot = reader.number<std::uint32_t>();
    kill.serial = reader.number<std::uint32_t>();
    return reader.complete() ? std::optional(kill) : std::nullopt;
}

std::optional<Answer> decode_answer(std::string_view packet) {
    Reader reader(packet, kAnswer);
    Answer answer;
    answer.serial = reader.number<std::uint32_t>();
    const std::size_t count = reader.number<std::uint8_t>();
    if (!reader.good() || count == 0 || count > kMaxResults)
        return std::nullopt;
    for (std::size_t i = 0; i < count; ++i) {
        answer.results.push_back(read_result(reader));
        if (!reader.good() || !consistent(answer.results.back()))
            return std::nullopt;
    }
    return reader.complete() ? std::optional(std::move(answer)) : std::nullopt;
}

std::optional<std::string> decode_greeting(std::string_view packet) {
    Reader reader(packet, kGreeting);
    auto signatures = reader.text<std::uint16_t>(kMaxSignatures);
    return reader.complete() ? std::optional(std::move(signatures)) : std::nullopt;
}

bool is_ready(std::string_view packet) {
    return packet.size() == 1 && packet[0] == kReady;
}

}  // namespace scanners::wire
