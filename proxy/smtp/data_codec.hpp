// Message data on the wire (RFC 5321 section 4.5.2): dot-stuffing off and on, and canonical line ends.
//
// Invariant 7: only CRLF "." CRLF ends data, and what comes out holds no bare CR or LF. A bare LF becomes CRLF, a bare
// CR becomes a blank (CRLF there could open an empty line and so end the header early).
//
// Nearly all text needs no change. Both sides look for what does in blocks, without regard to lines, and what needs
// none is not copied.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace smtp {

// Decodes one message; any chunking of the input gives the same output.
class DataDecoder {
  public:
    // Consumes from the front of `bytes` (it is shortened) and appends canonical text to `out`. Returns true when the
    // end of data was consumed; what follows it stays in `bytes`. The last line always ends with CRLF.
    bool feed(std::string_view& bytes, std::string& out);
    // Consumes from the front of `bytes` what is canonical text as it stands, and returns it: the same as feed() would
    // have appended. It leaves alone what is short, or less plain; feed() gets on with that.
    std::string_view take_plain(std::string_view& bytes);

    // How many bare CRs, bare LFs were mended so far.
    [[nodiscard]] std::size_t mended() const { return mended_; }
    // No line of the text so far begins with a dot; false: perhaps one does.
    [[nodiscard]] bool undotted() const { return !dotted_ && mended_ == 0; }

  private:
    enum class State { kLineStart, kText, kCr, kDot, kDotCr };
    void take_line(std::string_view& bytes, std::string& out);

    State state_ = State::kLineStart;
    std::size_t mended_ = 0;
    bool dotted_ = false;  // a dot was taken away
};

// Octets to be sent one after the other; they borrow.
using Runs = std::vector<std::string_view>;

// Encodes canonical text: a dot at the start of a line is doubled, finish() gives the end of data. Mends nothing.
class DataEncoder {
  public:
    // Ends when there are `most` runs, or one more; returns how much of `text` is in them. `undotted`: no line that
    // begins within `text` begins with a dot.
    std::size_t feed(std::string_view text, Runs& out, std::size_t most, bool undotted = false);
    // ".CRLF", with CRLF before it when the text did not end with one (also for an empty text at line start: just
    // ".CRLF"). Then ready for the next message.
    void finish(Runs& out);

  private:
    bool after_lf_ = true;  // a dot that comes now is stuffed
    bool after_cr_ = false;
    bool ends_line_ = true;  // nothing yet, or the last two octets were CRLF
};

}  // namespace smtp
