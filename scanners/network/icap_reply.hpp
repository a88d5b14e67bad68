// Replies of an ICAP server (RFC 3507): status, fields, encapsulated HTTP header, chunked body, read a piece at a time.
//
// Sans-I/O and bounded: what comes from the server may be anything. Nothing of the body is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace scanners::network {

struct IcapHead {
    struct Field {
        std::string name;   // lower case
        std::string value;  // lines of a folded field are joined with "\n", each without blanks around it
    };
    unsigned code = 0;
    std::string reason;
    std::vector<Field> fields;

    // The value of the first field of this (lower-case) name; null: there is none.
    [[nodiscard]] const std::string* find(std::string_view name) const;
};

class IcapReplyParser {
  public:
    static constexpr std::size_t kMaxLine = 8192;      // octets
    static constexpr std::size_t kMaxHead = 65536;     // octets of all lines
    static constexpr std::size_t kMaxFields = 200;     // lines that continue a field count, too
    static constexpr std::size_t kMaxHttp = 65536;     // octets of the encapsulated header
    static constexpr std::size_t kMaxChunkLine = 256;  // octets, with what may follow the size
    static constexpr std::uint64_t kMaxChunk = 1ULL << 40;

    enum class Step {
        kMore,  // all input is used up
        kHead,  // head() is there
        kHttp,  // http() is there; comes after kHead, when something is encapsulated
        kBody,  // piece() is a part of the body
        kEnd,   // the reply is over; what is left of the input is behind it
        kGarbage,
    };
    // The next thing in `input`, which is shortened by what was used.
    Step next(std::string_view& input);

    [[nodiscard]] const IcapHead& head() const { return head_; }
    [[nodiscard]] std::string_view http() const { return http_; }
    [[nodiscard]] std::string_view piece() const { return piece_; }  // of the input
    [[nodiscard]] const std::string& why() const { return why_; }    // of kGarbage

  private:
    enum class State { kStatus, kFields, kHttp, kChunkLine, kChunk, kChunkEnd, kTrailer, kOver, kGarbage };
    bool take_line(std::string_view& input, std::size_t limit);
    Step garbage(std::string why);
    Step on_status();
    Step on_field();
    Step on_head_end();
    bool read_encapsulated(const std::string& value);
    Step on_chunk_line();

    State state_ = State::kStatus;
    IcapHead head_;
    std::string line_;  // so far
    bool line_whole_ = false;
    std::size_t head_size_ = 0;
    std::size_t field_lines_ = 0;
    std::size_t http_size_ = 0;
    bool has_body_ = false;
    std::string http_;
    std::uint64_t chunk_left_ = 0;
    std::string_view piece_;
    std::string why_;
};

}  // namespace scanners::network
