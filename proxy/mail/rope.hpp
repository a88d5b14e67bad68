// Rope: what is sent, as ranges of the original mail and inserted text. Untouched bytes are never copied (DESIGN: so
// that a DKIM signature over them still verifies).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mail/message.hpp"
#include "mail/range_edit.hpp"

namespace mail {

class Rope {
  public:
    // Null: all of it is inserted.
    explicit Rope(MessagePtr original) : original_(std::move(original)) {}

    void insert(std::string text);
    // Octets [begin, end) of the original, end <= its size; an empty range is ignored.
    void keep(std::size_t begin, std::size_t end);

    // Of the same original.
    void append(Rope other);

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t pieces() const { return pieces_.size(); }
    // View of piece `index`, valid as long as the Rope.
    [[nodiscard]] std::string_view piece(std::size_t index) const;
    // It is a range of the original.
    [[nodiscard]] bool is_original(std::size_t index) const;
    [[nodiscard]] const MessagePtr& original() const { return original_; }
    [[nodiscard]] std::string flatten() const;

  private:
    struct Range {
        std::size_t begin;
        std::size_t end;
    };
    MessagePtr original_;
    std::deque<std::variant<Range, std::string>> pieces_;  // a deque: views of short strings stay valid as it grows
    std::size_t size_ = 0;
};

// Our own header fields begin with this; from outside they are removed, so that nobody can forge a verdict.
inline constexpr std::string_view kOwnFieldPrefix = "X-Sandwich-";

// A change of the header section; every octet that it does not name stays as it is.
struct HeaderEdit {
    enum class Kind : std::uint8_t {
        kAdd,      // a field on top
        kReplace,  // the same, and every field of that name is taken out
        kRemove,   // every field of that name is taken out
        kTag,      // `value` and a blank before the value of the first field of that name, unless it begins so; a mail
                   // without the field gets one
    };
    Kind kind = Kind::kAdd;
    std::string name;
    std::string value;  // unfolded, without CR and LF
};

// `trace` (whole fields, CRLF at their ends) on top of the mail, fields of our own name taken out of its header
// section, `edits` made there, and `body_edits` (which have passed check_edits()) made everywhere. A field that a body
// edit replaces is not there for a header edit; what header edits add stands above all. Cost: the header section's size
// for each edit at most.
Rope with_trace(MessagePtr original, std::string trace, const std::vector<HeaderEdit>& edits = {},
                const std::vector<RangeEdit>& body_edits = {});

}  // namespace mail
