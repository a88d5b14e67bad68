#include "mail/received.hpp"

#include <algorithm>
#include <array>

#include "mail/text.hpp"

namespace mail {
namespace {

constexpr std::size_t kMaxId = 64;
constexpr std::size_t kMaxHost = 255;       // octets, RFC 5321 section 4.5.3.1.2
constexpr std::size_t kMaxReceived = 4096;  // octets of a Received field that are looked at

// The words of a structured field's value: comments are left out, a quoted string belongs to its word, ';' is a word.
class Words {
  public:
    explicit Words(std::string_view value) : rest_(value) {}

    // Empty at the end.
    std::string_view next() {
        skip_white_and_comments();
        std::size_t at = 0;
        bool quoted = false;
        while (at < rest_.size() && (quoted || !ends_word(rest_[at]))) {
            if (rest_[at] == '\\')
                ++at;
            else if (rest_[at] == '"')
                quoted = !quoted;
            ++at;
        }
        if (at == 0 && !rest_.empty())
            at = 1;  // ';'
        const auto word = rest_.substr(0, at);
        rest_.remove_prefix(word.size());
        return word;
    }

    [[nodiscard]] std::string_view rest() const { return rest_; }

  private:
    static bool ends_word(char octet) { return is_white(octet) || octet == '(' || octet == ';'; }

    void skip_white_and_comments() {
        std::size_t depth = 0;
        std::size_t at = 0;
        for (; at < rest_.size(); ++at) {
            const char octet = rest_[at];
            if (octet == '(')
                ++depth;
            else if (depth == 0 && !is_white(octet))
                break;
            else if (octet == '\\')
                ++at;
            else if (octet == ')')
                --depth;
        }
        rest_.remove_prefix(std::min(at, rest_.size()));
    }

    std::string_view rest_;
};

bool consists_of(std::string_view word, std::size_t most, std::string_view others) {
    return !word.empty() && word.size() <= most && std::all_of(word.begin(), word.end(), [others](char octet) {
        return (octet >= '0' && octet <= '9') || (lower(octet) >= 'a' && lower(octet) <= 'z') ||
               others.find(octet) != std::string_view::npos;
    });
}

// What is in the brackets, when it looks like an address.
std::string address_text(std::string_view text) {
    constexpr std::string_view kV6 = "IPv6:";
    constexpr std::size_t kLongest = 45;
    if (equal_ignoring_case(text.substr(0, kV6.size()), kV6))
        text.remove_prefix(kV6.size());
    const bool fits = !text.empty() && text.size() <= kLongest &&
                      text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos &&
                      text.find_first_of(":.") != std::string_view::npos;
    return fits ? std::string(text) : std::string();
}

std::string client_address(std::string_view value) {
    Words words(value);
    if (!equal_ignoring_case(words.next(), "from"))
        return {};
    std::string_view name;
    if (!trim(words.rest()).starts_with('('))  // there may be no HELO name
        name = words.next();
    const auto comments = words.rest();
    words.next();
    const auto end = comments.size() - words.rest().size();  // behind the word after the comments, which is "by"
    std::string found;
    for (auto at = comments.find('['); at < end; at = comments.find('[', at + 1)) {
        const auto close = comments.find(']', at);
        if (close == std::string_view::npos || close > end)
            break;
        const bool said = at > 0 && comments[at - 1] == '=';  // Exim's "helo=[192.0.2.9]"
        if (const auto address = address_text(comments.substr(at + 1, close - at - 1)); !said && !address.empty())
            found = address;
    }
    // Exim, when the host has no name: "from [192.0.2.1] (helo=name)".
    if (found.empty() && name.starts_with('[') && name.ends_with(']') && trim(comments).starts_with("(helo="))
        return address_text(name.substr(1, name.size() - 2));
    return found;
}

}  // namespace

Received parse_received(std::string_view value) {
    // Clauses are pairs of words, so the value of one ("from id by ...") is never taken for the next one's name.
    constexpr std::array<std::string_view, 4> kOtherClauses{"from", "via", "with", "for"};
    Received received;
    received.client = client_address(value.substr(0, kMaxReceived));
    bool by_seen = false;
    Words words(value.substr(0, kMaxReceived));
    for (auto word = words.next(); !word.empty() && word != ";"; word = words.next()) {
        if (equal_ignoring_case(word, "id")) {
            if (const auto id = words.next(); consists_of(id, kMaxId, "._-"))
                received.id = id;
            break;
        }
        if (equal_ignoring_case(word, "by") && !by_seen) {
            by_seen = true;
            if (const auto host = words.next(); consists_of(host, kMaxHost, "._:[]-"))
                received.by = host;
            continue;
        }
        const bool clause = equal_ignoring_case(word, "by") ||
                            std::any_of(kOtherClauses.begin(), kOtherClauses.end(),
                                        [word](std::string_view name) { return equal_ignoring_case(word, name); });
        if (clause)
            words.next();
    }
    return received;
}

}  // namespace mail
