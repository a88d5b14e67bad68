#include "journal/record.hpp"

#include <algorithm>

#include "base/ids.hpp"

namespace journal {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kProcess = 4;
constexpr std::size_t kTime = 8;
constexpr std::size_t kKey = 12;
constexpr std::size_t kId = 44;
constexpr std::size_t kCheck = 60;
constexpr std::size_t kCheckSize = kRecordSize - kCheck;

static_assert(kId + base::kMessageIdLength <= kCheck);

void put_number(char* at, std::uint32_t number) {
    for (int i = 0; i < 4; ++i, number >>= 8)
        at[i] = static_cast<char>(number & 0xff);
}

std::uint32_t get_number(std::string_view octets, std::size_t at) {
    std::uint32_t number = 0;
    for (std::size_t i = 4; i-- > 0;)
        number = number << 8 | static_cast<unsigned char>(octets[at + i]);
    return number;
}

bool is_kind(char octet) {
    return std::string_view("IDQXWCS").find(octet) != std::string_view::npos;
}

}  // namespace

std::string_view to_string(Kind kind) {
    switch (kind) {
        case Kind::kDelivered:
            return "delivered";
        case Kind::kQuarantined:
            return "quarantined";
        case Kind::kDiscarded:
            return "discarded";
        case Kind::kWithdrawn:
            return "withdrawn";
        case Kind::kCrash:
            return "crash";
        case Kind::kStart:
            return "start";
        case Kind::kIntent:
            break;
    }
    return "intended";
}

std::array<char, kRecordSize> encode(const Record& record) {
    std::array<char, kRecordSize> octets{};
    octets[0] = static_cast<char>(record.kind);
    octets[1] = kVersion;
    put_number(&octets[kProcess], record.process);
    put_number(&octets[kTime], record.time);
    std::copy(record.key.begin(), record.key.end(), octets.begin() + kKey);
    std::copy_n(record.id.begin(), std::min(record.id.size(), base::kMessageIdLength), octets.begin() + kId);
    const auto check = sha256({octets.data(), kCheck});
    std::copy_n(check.begin(), kCheckSize, octets.begin() + kCheck);
    return octets;
}

std::optional<Record> decode(std::string_view octets) {
    if (octets.size() != kRecordSize || octets[1] != kVersion || !is_kind(octets[0]))
        return std::nullopt;
    const auto check = sha256(octets.substr(0, kCheck));
    if (!std::equal(check.begin(), check.begin() + kCheckSize, octets.begin() + kCheck,
                    [](unsigned char wanted, char found) { return wanted == static_cast<unsigned char>(found); }))
        return std::nullopt;
    Record record;
    record.kind = static_cast<Kind>(octets[0]);
    record.process = get_number(octets, kProcess);
    record.time = get_number(octets, kTime);
    std::copy_n(octets.begin() + kKey, record.key.size(), record.key.begin());
    record.id = octets.substr(kId, base::kMessageIdLength);
    if (!base::is_message_id(record.id))
        return std::nullopt;
    return record;
}

}  // namespace journal
