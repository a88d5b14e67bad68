// Encoding and decoding of the packets in wire.hpp. Pure.
#include "scanners/worker/wire.hpp"

#include <algorithm>

#include "base/channel.hpp"
#include "scanners/worker/wire_codec.hpp"
#include "scanners/worker/wire_contents.hpp"

namespace scanners::wire {
namespace {

static_assert(1 + 2 * sizeof(std::uint32_t) + kMaxText <= base::kMaxPacket);

// A result that contradicts itself is as bad as garbage: "found" without a name, "cannot tell" without a cause.
bool consistent(const policy::ScanResult& result) {
    if (result.scanner.empty() || result.outcome > policy::Outcome::kCannotTell || result.cause > policy::kLastCause)
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

std::string encode(const TextJob& job) {
    Writer writer(kTextJob);
    writer.number(job.serial);
    writer.octets<std::uint32_t>(job.text);
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
    writer.append(encode_contents(answer.contents, base::kMaxPacket - writer.size()));
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

std::optional<TextJob> decode_text_job(std::string_view packet) {
    Reader reader(packet, kTextJob);
    TextJob job;
    job.serial = reader.number<std::uint32_t>();
    job.text = reader.view<std::uint32_t>(kMaxText);
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
    answer.contents = read_contents(reader);
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
