// SMTP replies (RFC 5321 section 4.2): a value, its text form, and an incremental parser with bounds.
//
// Sans-I/O: no socket, no clock. Texts keep whatever enhanced status code (RFC 2034) the peer put at their front, so
// that a reply can be relayed as it came.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace smtp {

struct Reply {
    int code = 0;                    // 200 to 599
    std::vector<std::string> lines;  // at least one; without code, separator and CRLF

    [[nodiscard]] bool positive() const { return code >= 200 && code < 300; }
    [[nodiscard]] bool intermediate() const { return code >= 300 && code < 400; }
    [[nodiscard]] bool transient() const { return code >= 400 && code < 500; }
    [[nodiscard]] bool permanent() const { return code >= 500 && code < 600; }

    bool operator==(const Reply&) const = default;
};

// A reply of our own, one line: `enhanced` like "5.1.1", or empty for the replies that carry none (220, 250 to EHLO,
// 354).
Reply make_reply(int code, std::string_view enhanced, std::string_view text);

// Octets of one line's text on the wire: with code, separator and CRLF the 512 of RFC 5321 section 4.5.3.1.5.
inline constexpr std::size_t kMaxReplyText = 506;

// Wire form with CRLF at the end of each line. Control characters in texts become '?', since a relayed text is foreign,
// and longer texts are cut: a client may read the rest of an overlong line as a reply of its own.
std::string to_wire(const Reply& reply);

// "2.1.5" when the first line begins with an enhanced code of the reply's class, else empty. View into `reply`.
std::string_view enhanced_code(const Reply& reply);

// The lines' texts without their enhanced code, joined with blanks, control characters as '?': for logs and for our
// final reply.
std::string text_of(const Reply& reply);

// Takes bytes in any chunking, gives whole replies. Not reusable after an error.
class ReplyParser {
  public:
    static constexpr std::size_t kMaxLine = 4096;    // octets with CRLF; RFC 5321 asks for 512, servers exceed it
    static constexpr std::size_t kMaxLines = 200;    // lines of one reply
    static constexpr std::size_t kMaxReply = 65536;  // octets of one reply

    struct NeedMore {};
    struct Garbage {
        std::string why;  // what broke the grammar or which bound; for the log
    };
    using Outcome = std::variant<NeedMore, Reply, Garbage>;

    // Consumes from the front of `bytes` (it is shortened) until one reply is whole, the bytes are used up, or they
    // cannot be a reply. A bare LF ends a line too: some servers send it, and no ambiguity arises in replies.
    Outcome feed(std::string_view& bytes);

  private:
    Outcome take_line(std::string_view line);

    std::string line_;
    Reply partial_;
    std::size_t total_ = 0;
};

}  // namespace smtp
