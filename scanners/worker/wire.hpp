// The packets between proxy, zygote and workers: bytes only, no descriptor, no socket.
//
// Used on both sides. What a worker says is hostile until decode_answer() has taken it: lengths bounded, every octet
// accounted for, text printable ASCII only (it ends up in the log and in a header field), but for names out of the
// mail, which are clean UTF-8. Numbers are little endian.
//
//   proxy  -> worker   'J' serial(4) size(8), with the descriptor of a file that begins with the message
//                      'T' serial(4) message(4+n): a small one goes along
//   worker -> proxy    'R'                      ready, once, when its sandbox is closed
//                      'A' serial(4) count(1) { outcome(1) cause(1) scanner(1+n) name(1+n) detail(2+n) }
//                          contents (wire_contents.hpp)
//                      'E', 'D': see wire_edit.hpp
//   zygote -> proxy    'G' text                 first packet on a control channel: the signatures in use
//                      'W' slot(4) serial(4) pid(4), with the proxy's end of the new worker's channel
//   proxy  -> zygote   'K' slot(4) serial(4)    kill and replace this worker; an older serial is ignored
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/scan_report.hpp"

namespace scanners::wire {

inline constexpr std::size_t kMaxResults = 16;         // scanners in one answer
inline constexpr std::size_t kMaxScannerName = 32;     // octets
inline constexpr std::size_t kMaxSignatureName = 255;  // octets
inline constexpr std::size_t kMaxDetail = 1024;        // octets
inline constexpr std::size_t kMaxSignatures = 512;     // octets of 'G'
// Octets of a message that goes along. To copy it takes less than to make a memfd, to map it and to take both apart
// again.
inline constexpr std::size_t kMaxText = 96U << 10;

inline constexpr char kJob = 'J';
inline constexpr char kTextJob = 'T';
inline constexpr char kReady = 'R';
inline constexpr char kAnswer = 'A';
inline constexpr char kGreeting = 'G';
inline constexpr char kWorker = 'W';
inline constexpr char kKill = 'K';

struct Job {
    std::uint32_t serial = 0;  // of the job; comes back in the answer
    std::uint64_t size = 0;    // octets of the message
};

struct TextJob {
    std::uint32_t serial = 0;  // of the job; comes back in the answer
    std::string_view text;     // the message, not over kMaxText; decoded: a part of the packet
};

struct Worker {
    std::uint32_t slot = 0;
    std::uint32_t serial = 0;  // of the worker: a slot's next worker has another
    std::uint32_t pid = 0;
};

struct Kill {
    std::uint32_t slot = 0;
    std::uint32_t serial = 0;
};

struct Answer {
    std::uint32_t serial = 0;
    std::vector<policy::ScanResult> results;  // never empty
    policy::Contents contents = {};
};

std::string encode(const Job& job);
std::string encode(const TextJob& job);
std::string encode(const Worker& worker);
std::string encode(const Kill& kill);
// Cuts what is too long and replaces what is not printable ASCII: a signature's name comes from a database.
std::string encode(const Answer& answer);
std::string encode_greeting(std::string_view signatures);

// Nothing: the packet is not exactly of this kind.
std::optional<Job> decode_job(std::string_view packet);
std::optional<TextJob> decode_text_job(std::string_view packet);
std::optional<Worker> decode_worker(std::string_view packet);
std::optional<Kill> decode_kill(std::string_view packet);
std::optional<Answer> decode_answer(std::string_view packet);
std::optional<std::string> decode_greeting(std::string_view packet);
bool is_ready(std::string_view packet);

}  // namespace scanners::wire
