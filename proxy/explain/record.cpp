#include "explain/record.hpp"

#include <zlib.h>

#include <algorithm>
#include <new>

#include "base/ids.hpp"
#include "base/log.hpp"

namespace explain {
namespace {

constexpr std::string_view kMagic = "\xf5Why";
constexpr char kVersion = 1;
constexpr std::size_t kInboundSize = 6;
constexpr std::size_t kMessageIdSize = 7;
constexpr std::size_t kBodySize = 8;
constexpr std::size_t kTime = 12;
constexpr std::size_t kTextSize = 16;
constexpr std::size_t kId = 20;
constexpr std::size_t kCheck = 36;

static_assert(kId + base::kMessageIdLength + 2 == kCheck);
static_assert(kMaxMessageId < 256);

void put_number(std::string& octets, std::size_t at, std::uint32_t number) {
    for (std::size_t i = 0; i < 4; ++i, number >>= 8)
        octets[at + i] = static_cast<char>(number & 0xff);
}

std::uint32_t get_number(std::string_view octets, std::size_t at) {
    std::uint32_t number = 0;
    for (std::size_t i = 4; i-- > 0;)
        number = number << 8 | static_cast<unsigned char>(octets[at + i]);
    return number;
}

std::uint32_t add_check(std::uint32_t check, std::string_view octets) {
    const auto* const begin = reinterpret_cast<const Bytef*>(octets.data());
    return static_cast<std::uint32_t>(::crc32(check, begin, static_cast<uInt>(octets.size())));
}

std::uint32_t check_of(std::string_view record) {
    return add_check(add_check(0, record.substr(0, kCheck)), record.substr(kRecordHead));
}

}  // namespace

struct Encoder::Stream {
    z_stream z{};
};

Encoder::Encoder() : stream_(std::make_unique<Stream>()) {
    constexpr int kWindow = 15;  // bits
    constexpr int kMemory = 6;
    // Most of what there is to gain is gained by the quickest way.
    if (::deflateInit2(&stream_->z, Z_BEST_SPEED, Z_DEFLATED, kWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc();
}

Encoder::~Encoder() {
    ::deflateEnd(&stream_->z);
}

std::string Encoder::pack(std::string_view text) {
    auto& z = stream_->z;
    ::deflateReset(&z);
    std::string packed(::deflateBound(&z, static_cast<uLong>(text.size())), '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib only reads it
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(packed.data());
    z.avail_out = static_cast<uInt>(packed.size());
    const bool whole = ::deflate(&z, Z_FINISH) == Z_STREAM_END;
    packed.resize(whole ? packed.size() - z.avail_out : 0);
    return packed;
}

std::string Encoder::encode(const Names& names, std::uint32_t time, std::string_view text) {
    text = text.substr(0, kMaxRecordText);
    const auto inbound = std::string_view(names.inbound_id).substr(0, kMaxInboundId);
    const auto message_id = std::string_view(names.message_id).substr(0, kMaxMessageId);
    std::string record(kRecordHead, '\0');
    std::copy(kMagic.begin(), kMagic.end(), record.begin());
    record[4] = kVersion;
    record[kInboundSize] = static_cast<char>(inbound.size());
    record[kMessageIdSize] = static_cast<char>(message_id.size());
    put_number(record, kTime, time);
    put_number(record, kTextSize, static_cast<std::uint32_t>(text.size()));
    std::copy_n(names.id.begin(), std::min(names.id.size(), base::kMessageIdLength), record.begin() + kId);
    record.append(inbound).append(message_id).append(pack(text));
    put_number(record, kBodySize, static_cast<std::uint32_t>(record.size() - kRecordHead));
    put_number(record, kCheck, check_of(record));
    return record;
}

bool Record::is_of(std::string_view name) const {
    if (name.empty())
        return false;
    // Also as the log writes it.
    return name == id || name == inbound_id || name == message_id || name == base::log::escape(message_id);
}

std::optional<std::string> Record::text() const {
    std::string text(text_size, '\0');
    uLongf size = text_size;
    if (::uncompress(reinterpret_cast<Bytef*>(text.data()), &size, reinterpret_cast<const Bytef*>(packed.data()),
                     static_cast<uLong>(packed.size())) != Z_OK ||
        size != text_size)
        return std::nullopt;
    return text;
}

std::optional<Record> RecordReader::next() {
    for (;;) {
        const auto at = rest_.find(kMagic);
        if (at == std::string_view::npos)
            return std::nullopt;
        rest_.remove_prefix(at);
        if (rest_.size() < kRecordHead)
            return std::nullopt;
        const std::size_t size = kRecordHead + std::size_t{get_number(rest_, kBodySize)};
        const std::size_t inbound = static_cast<unsigned char>(rest_[kInboundSize]);
        const std::size_t message_id = static_cast<unsigned char>(rest_[kMessageIdSize]);
        const auto text_size = get_number(rest_, kTextSize);
        if (rest_[4] != kVersion || size > std::min(rest_.size(), kMaxRecord) || text_size > kMaxRecordText ||
            kRecordHead + inbound + message_id > size || check_of(rest_.substr(0, size)) != get_number(rest_, kCheck)) {
            rest_.remove_prefix(1);
            continue;
        }
        const auto body = rest_.substr(kRecordHead, size - kRecordHead);
        Record record{rest_.substr(kId, base::kMessageIdLength),
                      body.substr(0, inbound),
                      body.substr(inbound, message_id),
                      get_number(rest_, kTime),
                      text_size,
                      body.substr(inbound + message_id)};
        rest_.remove_prefix(size);
        return record;
    }
}

}  // namespace explain
