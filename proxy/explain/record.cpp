#include "explain/record.hpp"

#include <zlib.h>

#include <algorithm>
#include <new>

#include "base/ids.hpp"
#include "base/log.hpp"

namespace explain {
namespace {

constexpr std::string_view kMagic = "\xf5Why";
constexpr char kVersion = 2;
constexpr std::size_t kCount = 6;
constexpr std::size_t kBodySize = 8;
constexpr std::size_t kTextsSize = 12;
constexpr std::size_t kListSize = 16;
constexpr std::size_t kCheck = 20;
// In the list.
constexpr std::size_t kTime = 0;
constexpr std::size_t kTextSize = 4;
constexpr std::size_t kId = 8;
constexpr std::size_t kInboundSize = 22;
constexpr std::size_t kMessageIdSize = 23;

static_assert(kId + base::kMessageIdLength == kInboundSize);
static_assert(kMaxMessageId < 256);
static_assert(kMostTexts < 65536);

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

void Encoder::add(const Names& names, std::uint32_t time, std::string_view text) {
    text = text.substr(0, kMaxRecordText);
    const auto inbound = std::string_view(names.inbound_id).substr(0, kMaxInboundId);
    const auto message_id = std::string_view(names.message_id).substr(0, kMaxMessageId);
    const auto at = list_.size();
    list_.resize(at + kListHead);
    put_number(list_, at + kTime, time);
    put_number(list_, at + kTextSize, static_cast<std::uint32_t>(text.size()));
    std::copy_n(names.id.begin(), std::min(names.id.size(), base::kMessageIdLength),
                list_.begin() + static_cast<std::ptrdiff_t>(at + kId));
    list_[at + kInboundSize] = static_cast<char>(inbound.size());
    list_[at + kMessageIdSize] = static_cast<char>(message_id.size());
    list_.append(inbound).append(message_id);
    texts_.append(text);
    ++count_;
}

void Encoder::pack(std::string& record) {
    auto& z = stream_->z;
    ::deflateReset(&z);
    const auto before = record.size();
    record.resize(before + ::deflateBound(&z, static_cast<uLong>(texts_.size())));
    z.next_in = reinterpret_cast<Bytef*>(texts_.data());
    z.avail_in = static_cast<uInt>(texts_.size());
    z.next_out = reinterpret_cast<Bytef*>(record.data() + before);
    z.avail_out = static_cast<uInt>(record.size() - before);
    const bool whole = ::deflate(&z, Z_FINISH) == Z_STREAM_END;
    record.resize(whole ? record.size() - z.avail_out : before);
}

std::string Encoder::take() {
    std::string record;
    if (empty())
        return record;
    record.resize(kRecordHead);
    std::copy(kMagic.begin(), kMagic.end(), record.begin());
    record[4] = kVersion;
    record[kCount] = static_cast<char>(count_ & 0xff);
    record[kCount + 1] = static_cast<char>(count_ >> 8);
    put_number(record, kTextsSize, static_cast<std::uint32_t>(texts_.size()));
    put_number(record, kListSize, static_cast<std::uint32_t>(list_.size()));
    record += list_;
    pack(record);
    put_number(record, kBodySize, static_cast<std::uint32_t>(record.size() - kRecordHead));
    put_number(record, kCheck, check_of(record));
    count_ = 0;
    list_.clear();
    texts_.clear();
    return record;
}

bool Text::is_of(std::string_view name) const {
    if (name.empty())
        return false;
    // Also as the log writes it.
    return name == id || name == inbound_id || name == message_id || name == base::log::escape(message_id);
}

std::optional<std::string> Text::text() const {
    std::string texts(texts_size, '\0');
    uLongf got = texts_size;
    if (::uncompress(reinterpret_cast<Bytef*>(texts.data()), &got, reinterpret_cast<const Bytef*>(packed.data()),
                     static_cast<uLong>(packed.size())) != Z_OK ||
        got != texts_size)
        return std::nullopt;
    return texts.substr(begin, size);
}

std::optional<Text> RecordReader::next() {
    for (;;) {
        while (list_.empty())
            if (!next_record())
                return std::nullopt;
        if (const auto text = next_of_list())
            return text;
        list_ = {};  // the check was right, and yet it makes no sense
    }
}

std::optional<Text> RecordReader::next_of_list() {
    if (list_.size() < kListHead)
        return std::nullopt;
    const std::size_t inbound = static_cast<unsigned char>(list_[kInboundSize]);
    const std::size_t message_id = static_cast<unsigned char>(list_[kMessageIdSize]);
    Text text;
    text.time = get_number(list_, kTime);
    text.size = get_number(list_, kTextSize);
    if (list_.size() - kListHead < inbound + message_id || text.size > texts_size_ - begin_)
        return std::nullopt;
    text.id = list_.substr(kId, base::kMessageIdLength);
    text.inbound_id = list_.substr(kListHead, inbound);
    text.message_id = list_.substr(kListHead + inbound, message_id);
    text.begin = begin_;
    text.texts_size = texts_size_;
    text.packed = packed_;
    list_.remove_prefix(kListHead + inbound + message_id);
    begin_ += text.size;
    return text;
}

bool RecordReader::next_record() {
    for (;;) {
        const auto at = rest_.find(kMagic);
        if (at == std::string_view::npos)
            return false;
        rest_.remove_prefix(at);
        if (rest_.size() < kRecordHead)
            return false;
        const std::size_t size = kRecordHead + std::size_t{get_number(rest_, kBodySize)};
        const std::size_t list = get_number(rest_, kListSize);
        texts_size_ = get_number(rest_, kTextsSize);
        if (rest_[4] != kVersion || size > std::min(rest_.size(), kMaxRecord) ||
            texts_size_ > kEnoughText + kMaxRecordText || kRecordHead + list > size ||
            check_of(rest_.substr(0, size)) != get_number(rest_, kCheck)) {
            rest_.remove_prefix(1);
            continue;
        }
        list_ = rest_.substr(kRecordHead, list);
        packed_ = rest_.substr(kRecordHead + list, size - kRecordHead - list);
        begin_ = 0;
        rest_.remove_prefix(size);
        return true;
    }
}

}  // namespace explain
