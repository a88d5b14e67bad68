#include "mail/field_syntax.hpp"

#include <algorithm>
#include <cstddef>

#include "base/utf8.hpp"
#include "mail/text.hpp"

namespace mail {
namespace {

constexpr std::size_t kMaxLine = 998;  // octets (RFC 5322 section 2.1.1)

bool is_digit(char octet) {
    return octet >= '0' && octet <= '9';
}

bool is_letter(char octet) {
    return lower(octet) >= 'a' && lower(octet) <= 'z';
}

bool is_atext(char octet) {
    constexpr std::string_view kSigns = "!#$%&'*+-/=?^_`{|}~";
    return is_letter(octet) || is_digit(octet) || static_cast<unsigned char>(octet) > 0x7f ||
           kSigns.find(octet) != std::string_view::npos;
}

// Control characters, octets that are no UTF-8, lines that are too long.
bool has_good_octets(std::string_view value) {
    for (std::size_t at = 0, line = 0; at < value.size();) {
        const char octet = value[at];
        const bool line_end = octet == '\n' || (octet == '\r' && value.substr(at).starts_with("\r\n"));
        line = line_end ? 0 : line + 1;
        if (line > kMaxLine)
            return false;
        if (line_end || octet == '\t') {
            ++at;
            continue;
        }
        const auto length = base::utf8_character(value.substr(at));
        if (length == 0 || static_cast<unsigned char>(octet) < ' ' || octet == '\x7f')
            return false;
        at += length;
    }
    return true;
}

// One token after the other; what does not fit leaves the place where it is.
class Cursor {
  public:
    explicit Cursor(std::string_view text) : text_(text) {}

    // White space, line ends and comments. False: a comment does not end.
    bool skip() {
        std::size_t depth = 0;
        for (; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (c == '(')
                ++depth;
            else if (c == ')' && depth > 0)
                --depth;
            else if (c == '\\' && depth > 0)
                ++at_;
            else if (depth == 0 && !is_white(c))
                break;
        }
        at_ = std::min(at_, text_.size());
        return depth == 0;
    }

    [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
    [[nodiscard]] std::size_t at() const { return at_; }
    void go_to(std::size_t at) { at_ = at; }

    bool sign(char wanted) {
        if (at_end() || text_[at_] != wanted)
            return false;
        ++at_;
        return true;
    }

    std::string_view run(bool (*wanted)(char)) {
        const auto begin = at_;
        while (at_ < text_.size() && wanted(text_[at_]))
            ++at_;
        return text_.substr(begin, at_ - begin);
    }

    // A number of so many digits; -1: none is there.
    int number(std::size_t least, std::size_t most) {
        const auto begin = at_;
        const auto digits = run(is_digit);
        if (digits.size() < least || digits.size() > most) {
            at_ = begin;
            return -1;
        }
        int value = 0;
        for (const char digit : digits)
            value = value * 10 + (digit - '0');
        return value;
    }

    // What stands between two signs; `\` takes the next octet's meaning away.
    bool enclosed(char opens, char closes) {
        if (!sign(opens))
            return false;
        for (; at_ < text_.size(); ++at_) {
            if (text_[at_] == '\\')
                ++at_;
            else if (text_[at_] == closes)
                return sign(closes);
        }
        at_ = text_.size();
        return false;
    }

    // An atom or a quoted string, and what may stand around it.
    bool word() {
        if (!skip())
            return false;
        const bool found = !at_end() && text_[at_] == '"' ? enclosed('"', '"') : !run(is_atext).empty();
        return skip() && found;
    }

  private:
    std::string_view text_;
    std::size_t at_ = 0;
};

bool dotted(Cursor& at) {
    do {
        if (!at.word())
            return false;
    } while (at.sign('.'));
    return true;
}

bool domain(Cursor& at) {
    if (!at.skip())
        return false;
    const auto begin = at.at();
    if (at.enclosed('[', ']'))
        return at.skip();
    at.go_to(begin);
    return dotted(at);
}

bool address(Cursor& at) {
    return dotted(at) && at.sign('@') && domain(at);
}

// "<", perhaps a route of old, an address, ">". The "<" is there.
bool in_brackets(Cursor& at) {
    if (!at.sign('<') || !at.skip())
        return false;
    if (at.sign('@')) {
        do {
            if (!domain(at))
                return false;
        } while (at.sign(',') && at.skip() && at.sign('@'));
        if (!at.sign(':'))
            return false;
    }
    return address(at) && at.sign('>') && at.skip();
}

// Words of a name. Dots in it are an older form.
bool phrase(Cursor& at) {
    if (!at.word())
        return false;
    while (true) {
        const auto before = at.at();
        if (at.sign('.') ? at.skip() : at.word())
            continue;
        at.go_to(before);
        return true;
    }
}

bool mailbox(Cursor& at) {
    const auto begin = at.at();
    if (address(at))
        return true;
    at.go_to(begin);
    const bool bare = at.skip() && in_brackets(at);
    if (bare)
        return true;
    at.go_to(begin);
    return phrase(at) && in_brackets(at);
}

// Mailboxes with commas between them, until `closes` or the end; some places may be empty (RFC 5322 section 4.4).
template <typename One>
std::size_t list(Cursor& at, const One& one, bool& good) {
    std::size_t count = 0;
    good = true;
    while (good) {
        good = at.skip();
        if (!good || at.sign(','))
            continue;
        const auto before = at.at();
        if (at.at_end() || at.sign(';')) {
            at.go_to(before);
            break;
        }
        good = one(at);
        ++count;
        if (good && !at.sign(','))
            break;
    }
    return count;
}

bool group(Cursor& at) {
    bool good = false;
    if (!phrase(at) || !at.sign(':'))
        return false;
    list(at, mailbox, good);
    return good && at.sign(';') && at.skip();
}

bool mailbox_or_group(Cursor& at) {
    const auto begin = at.at();
    if (mailbox(at))
        return true;
    at.go_to(begin);
    return group(at);
}

bool are_addresses(std::string_view value, std::size_t least, std::size_t most) {
    Cursor at(value);
    bool good = false;
    const auto count = list(at, mailbox_or_group, good);
    return good && at.at_end() && count >= least && count <= most;
}

// `words`: of three letters each, one behind the other.
bool is_one_of(std::string_view word, std::string_view words) {
    for (; !words.empty(); words.remove_prefix(3))
        if (equal_ignoring_case(words.substr(0, 3), word))
            return true;
    return false;
}

bool zone(Cursor& at) {
    if (at.sign('+') || at.sign('-')) {
        const int value = at.number(4, 4);
        return value >= 0 && value % 100 < 60;
    }
    const auto name = at.run(is_letter);  // "GMT", "EST", a letter of the military
    return !name.empty() && name.size() <= 5;
}

bool clock(Cursor& at) {
    const int hour = at.number(1, 2);
    if (hour < 0 || hour > 23 || !at.skip() || !at.sign(':') || !at.skip())
        return false;
    const int minute = at.number(2, 2);
    if (minute < 0 || minute > 59 || !at.skip())
        return false;
    if (!at.sign(':'))
        return true;
    const bool blanks = at.skip();
    const int second = at.number(2, 2);
    return blanks && second >= 0 && second <= 60;
}

bool is_date(std::string_view value) {
    Cursor at(value);
    if (!at.skip())
        return false;
    if (const auto day = at.run(is_letter); !day.empty()) {
        if (!is_one_of(day, "MonTueWedThuFriSatSun") || !at.skip() || !at.sign(',') || !at.skip())
            return false;
    }
    const int day = at.number(1, 2);
    if (day < 1 || day > 31 || !at.skip() || !is_one_of(at.run(is_letter), "JanFebMarAprMayJunJulAugSepOctNovDec"))
        return false;
    if (!at.skip() || at.number(2, 4) < 0 || !at.skip() || !clock(at) || !at.skip())
        return false;
    return zone(at) && at.skip() && at.at_end();
}

bool is_id_octet(char octet) {
    return static_cast<unsigned char>(octet) > ' ' && octet != '<' && octet != '>' && octet != '@';
}

// "<left@right>". Mailers write more than atoms into both halves.
bool message_id(Cursor& at) {
    return at.skip() && at.sign('<') && !at.run(is_id_octet).empty() && at.sign('@') && !at.run(is_id_octet).empty() &&
           at.sign('>') && at.skip();
}

// With words between them (section 4.5.4).
bool are_message_ids(std::string_view value) {
    Cursor at(value);
    while (at.skip()) {
        const auto before = at.at();
        if (at.at_end())
            return true;
        if (!message_id(at) && (at.go_to(before), !at.word()) && (at.go_to(before), !at.sign(',')))
            return false;
    }
    return false;
}

bool is_version(std::string_view value) {
    Cursor at(value);
    return at.skip() && at.number(1, 4) >= 0 && at.skip() && at.sign('.') && at.skip() && at.number(1, 4) >= 0 &&
           at.skip() && at.at_end();
}

constexpr std::size_t kAny = ~std::size_t{0};

bool has_good_structure(std::string_view name, std::string_view value) {
    if (name.starts_with("resent-"))
        name.remove_prefix(7);
    if (name == "date")
        return is_date(value);
    if (name == "from" || name == "to" || name == "cc" || name == "reply-to")
        return are_addresses(value, 1, kAny);
    if (name == "bcc")
        return are_addresses(value, 0, kAny);
    if (name == "sender")
        return are_addresses(value, 1, 1);
    if (name == "message-id") {
        Cursor at(value);
        return message_id(at) && at.at_end();
    }
    if (name == "in-reply-to" || name == "references")
        return are_message_ids(value);
    return name != "mime-version" || is_version(value);
}

}  // namespace

bool is_well_formed(std::string_view name, std::string_view value) {
    return has_good_octets(value) && has_good_structure(name, value);
}

}  // namespace mail
