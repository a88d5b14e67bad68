#include "scanners/content/numbers.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace scanners::content {
namespace {

constexpr std::size_t kMaxDigits = 32;  // of a number in groups, all kinds

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_ascii_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
bool is_separator(char c) {
    return c == ' ' || c == '-' || c == '.' || c == '/';
}

struct Group {
    std::size_t begin = 0;
    std::size_t end = 0;
    char before = 0;  // the separator between it and the group before; 0: something else
    [[nodiscard]] std::size_t size() const { return end - begin; }
};

// The part of an identifier or of a decimal fraction.
bool stands_free(std::string_view text, std::size_t begin, std::size_t end) {
    const auto touches = [](char c) { return is_ascii_letter(c) || is_digit(c) || c == '_'; };
    if ((begin > 0 && touches(text[begin - 1])) || (end < text.size() && touches(text[end])))
        return false;
    if (begin > 1 && text[begin - 1] == '.' && is_digit(text[begin - 2]))
        return false;
    return !(end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1]));
}

// Groupings in which card numbers are written and printed.
bool is_usual_grouping(const Group* first, std::size_t count) {
    const auto is = [first, count](std::initializer_list<std::size_t> sizes) {
        return sizes.size() == count &&
               std::equal(sizes.begin(), sizes.end(), first,
                          [](std::size_t size, const Group& group) { return size == group.size(); });
    };
    return is({4, 4, 4, 4}) || is({4, 6, 5}) || is({4, 6, 4}) || is({3, 3, 3}) || is({4, 4, 4, 4, 3}) ||
           is({4, 4, 5}) || is({6, 13}) || is({8, 8});
}

// Walks over a text's groups of digits, in chains that one kind of separator holds together. Where the separator
// changes, the group at that place belongs to both chains: "no. 02 4111-1111-...".
class Chains {
  public:
    explicit Chains(std::string_view text) : text_(text) { after_ = next_group(); }

    // False: the text is at its end.
    bool next() {
        if (after_.size() == 0)
            return false;
        begin();
        char separator = groups_.size() > 1 ? groups_[1].before : '\0';
        while (after_.before != 0 && (separator == 0 || after_.before == separator)) {
            if (groups_.size() == kMaxGroups) {
                broken_ = true;
                return true;
            }
            separator = after_.before;
            groups_.push_back(after_);
            after_ = next_group();
        }
        return true;
    }
    [[nodiscard]] const std::vector<Group>& groups() const { return groups_; }
    // The chain is too long to be one number, and is handed out in parts that overlap.
    [[nodiscard]] bool is_part() const { return part_ || broken_; }

  private:
    static constexpr std::size_t kMaxGroups = 256;
    static constexpr std::size_t kOverlap = 8;

    void begin() {
        part_ = broken_;
        broken_ = false;
        if (part_) {
            groups_.erase(groups_.begin(), groups_.end() - kOverlap);
        } else if (after_.before != 0 && !groups_.empty()) {
            groups_ = {groups_.back()};
        } else {
            groups_ = {after_};
            after_ = next_group();
        }
    }

    Group next_group() {
        auto first = at_;
        while (first < text_.size() && !is_digit(text_[first]))
            ++first;
        auto end = first;
        while (end < text_.size() && is_digit(text_[end]))
            ++end;
        Group group{first, end, 0};
        if (at_ > 0 && first == at_ + 1 && is_separator(text_[at_]))
            group.before = text_[at_];
        at_ = end;
        return group;
    }

    std::string_view text_;
    std::size_t at_ = 0;  // behind the group that was read last
    Group after_;         // the group that was read last, not in the chain yet
    bool part_ = false;
    bool broken_ = false;
    std::vector<Group> groups_;
};

std::string digits_of(std::string_view text, std::size_t begin, std::size_t end) {
    std::string digits;
    for (const char c : text.substr(begin, end - begin)) {
        if (is_digit(c))
            digits.push_back(c);
    }
    return digits;
}

// Of a number in groups of four, a group of four beside it is one more part; but after it may stand when it expires.
bool is_part_of_longer(std::string_view text, const std::vector<Group>& groups, std::size_t first, std::size_t last) {
    if (first == last || groups[last].size() > 4)
        return false;
    if (first > 0 && groups[first - 1].size() == 4)
        return true;
    if (last + 1 >= groups.size() || groups[last + 1].size() != 4)
        return false;
    const auto after = text.substr(groups[last + 1].begin, 4);
    const auto two = after.substr(0, 2);
    return !(two == "20" || (two >= "01" && two <= "12"));
}

// Each run of groups that may be one number, as Number; `takes` says whether it is one.
template <typename Takes>
void find_grouped(std::string_view text, std::size_t min, std::size_t max, Takes takes, const NumberSink& sink) {
    Chains chains(text);
    std::size_t reported = 0;  // up to where
    while (chains.next()) {
        const auto& groups = chains.groups();
        for (std::size_t first = 0; first < groups.size(); ++first) {
            std::size_t size = 0;
            for (std::size_t last = first; last < groups.size(); ++last) {
                size += groups[last].size();
                if (size > std::min(max, kMaxDigits) || groups[first].begin < reported)
                    break;
                const std::size_t count = last - first + 1;
                const bool all = count == groups.size() && !chains.is_part();
                if (size < min || !(count == 1 || all || is_usual_grouping(&groups[first], count)))
                    continue;
                const auto begin = groups[first].begin;
                const auto end = groups[last].end;
                if (!stands_free(text, begin, end) || is_part_of_longer(text, groups, first, last))
                    continue;
                const Number number{begin, end, digits_of(text, begin, end)};
                if (!takes(number.value))
                    continue;
                if (!sink(number))
                    return;
                reported = end;
                break;
            }
        }
    }
}

struct CardRange {
    std::uint32_t first;  // six digits
    std::uint32_t last;
    std::uint32_t may_have;  // bit n: n digits
};
constexpr std::uint32_t lengths(unsigned from, unsigned to) {
    return (2U << to) - (1U << from);
}
// Issuer identification numbers as the schemes publish them.
constexpr CardRange kCardRanges[] = {
    {400000, 499999, lengths(13, 13) | lengths(16, 16) | lengths(19, 19)},  // Visa
    {510000, 559999, lengths(16, 16)},                                      // Mastercard
    {222100, 272099, lengths(16, 16)},                                      // Mastercard
    {340000, 349999, lengths(15, 15)},                                      // American Express
    {370000, 379999, lengths(15, 15)},                                      // American Express
    {601100, 601199, lengths(16, 19)},                                      // Discover
    {644000, 659999, lengths(16, 19)},                                      // Discover
    {622126, 622925, lengths(16, 19)},                                      // Discover, UnionPay
    {352800, 358999, lengths(16, 19)},                                      // JCB
    {300000, 305999, lengths(14, 19)},                                      // Diners Club
    {309500, 309599, lengths(14, 19)},                                      // Diners Club
    {360000, 369999, lengths(14, 19)},                                      // Diners Club
    {380000, 399999, lengths(14, 19)},                                      // Diners Club
    {500000, 509999, lengths(13, 19)},                                      // Maestro
    {560000, 589999, lengths(13, 19)},                                      // Maestro
    {600000, 601099, lengths(13, 19)},                                      // Maestro
    {601200, 622125, lengths(13, 19)},                                      // Maestro
    {622926, 643999, lengths(13, 19)},                                      // Maestro
    {660000, 699999, lengths(13, 19)},                                      // Maestro
};

struct IbanCountry {
    std::string_view code;
    std::uint8_t length;
};
// The registry of ISO 13616, ascending.
constexpr IbanCountry kIbanCountries[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22}, {"BH", 22},
    {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24}, {"DE", 22}, {"DJ", 27},
    {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18}, {"FK", 18}, {"FO", 18}, {"FR", 27},
    {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27}, {"GT", 28}, {"HN", 28}, {"HR", 21}, {"HU", 28},
    {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26}, {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28},
    {"LC", 32}, {"LI", 21}, {"LT", 20}, {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22},
    {"MK", 19}, {"MN", 20}, {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23},
    {"PK", 24}, {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24},
    {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25}, {"SV", 28},
    {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20}, {"YE", 30},
};

std::size_t iban_length(std::string_view country) {
    const auto* const end = std::end(kIbanCountries);
    const auto* const found =
        std::lower_bound(std::begin(kIbanCountries), end, country,
                         [](const IbanCountry& known, std::string_view code) { return known.code < code; });
    return found != end && found->code == country ? found->length : 0;
}

char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}

// The IBAN that begins at `begin`, with at most one separator between two characters; empty: none.
Number read_iban(std::string_view text, std::size_t begin) {
    Number number{begin, begin, {}};
    std::size_t length = 0;
    for (std::size_t at = begin; at < text.size(); ++at) {
        const char c = upper(text[at]);
        const bool separator = (c == ' ' || c == '-') && at > begin && is_separator(text[at - 1]) == false;
        if (separator)
            continue;
        if (!is_ascii_letter(c) && !is_digit(c))
            break;
        number.value.push_back(c);
        if (number.value.size() == 2 && (length = iban_length(number.value)) == 0)
            break;
        if (number.value.size() == length) {
            number.end = at + 1;
            return number;
        }
    }
    return {};
}

}  // namespace

bool passes_luhn(std::string_view digits) {
    unsigned sum = 0;
    bool twice = false;
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, twice = !twice) {
        const auto value = static_cast<unsigned>(*digit - '0') * (twice ? 2 : 1);
        sum += value / 10 + value % 10;
    }
    return !digits.empty() && sum % 10 == 0;
}

bool is_card_range(std::string_view digits) {
    if (digits.size() < 13 || digits.size() > 19)
        return false;
    std::uint32_t prefix = 0;
    for (const char digit : digits.substr(0, 6))
        prefix = prefix * 10 + static_cast<std::uint32_t>(digit - '0');
    return std::any_of(std::begin(kCardRanges), std::end(kCardRanges), [&](const CardRange& range) {
        return prefix >= range.first && prefix <= range.last && (range.may_have >> digits.size() & 1) != 0;
    });
}

bool is_iban(std::string_view iban) {
    if (iban.size() < 5 || iban.size() != iban_length(iban.substr(0, 2)) || !is_digit(iban[2]) || !is_digit(iban[3]))
        return false;
    unsigned rest = 0;
    const auto add = [&rest](std::string_view part) {
        for (const char c : part) {
            if (is_digit(c))
                rest = (rest * 10 + static_cast<unsigned>(c - '0')) % 97;
            else
                rest = (rest * 100 + static_cast<unsigned>(c - 'A') + 10) % 97;
        }
    };
    add(iban.substr(4));
    add(iban.substr(0, 4));
    return rest == 1;
}

bool is_us_ssn(std::string_view digits) {
    if (digits.size() != 9)
        return false;
    const auto area = digits.substr(0, 3);
    // Printed on cards in wallets and in leaflets, and void since.
    constexpr std::array<std::string_view, 2> kVoid = {"078051120", "219099999"};
    return area != "000" && area != "666" && area.front() != '9' && digits.substr(3, 2) != "00" &&
           digits.substr(5) != "0000" && std::find(kVoid.begin(), kVoid.end(), digits) == kVoid.end();
}

void find_cards(std::string_view text, const NumberSink& sink) {
    find_grouped(
        text, 13, 19, [](std::string_view digits) { return is_card_range(digits) && passes_luhn(digits); }, sink);
}

void find_luhn(std::string_view text, std::uint32_t min, std::uint32_t max, const NumberSink& sink) {
    find_grouped(text, min, max, passes_luhn, sink);
}

void find_us_ssns(std::string_view text, bool bare, const NumberSink& sink) {
    Chains chains(text);
    std::size_t reported = 0;
    while (chains.next()) {
        const auto& groups = chains.groups();
        const std::size_t wanted = bare ? 1 : 3;
        for (std::size_t i = 0; i + wanted <= groups.size(); ++i) {
            const auto* group = &groups[i];
            const auto begin = group->begin;
            const auto end = group[wanted - 1].end;
            const bool shape =
                bare ? group->size() == 9 : group[0].size() == 3 && group[1].size() == 2 && group[2].size() == 4;
            if (!shape || begin < reported || !stands_free(text, begin, end))
                continue;
            const Number number{begin, end, digits_of(text, begin, end)};
            if (!is_us_ssn(number.value))
                continue;
            if (!sink(number))
                return;
            reported = end;
        }
    }
}

void find_ibans(std::string_view text, const NumberSink& sink) {
    for (std::size_t at = 0; at + 15 <= text.size(); ++at) {
        if (!is_ascii_letter(text[at]) || !is_ascii_letter(text[at + 1]) || !is_digit(text[at + 2]))
            continue;
        if (at > 0 && (is_ascii_letter(text[at - 1]) || is_digit(text[at - 1])))
            continue;
        const auto number = read_iban(text, at);
        const bool ends =
            number.end == text.size() || (!is_ascii_letter(text[number.end]) && !is_digit(text[number.end]));
        if (number.value.empty() || !ends || !is_iban(number.value))
            continue;
        if (!sink(number))
            return;
        at = number.end - 1;
    }
}

}  // namespace scanners::content
