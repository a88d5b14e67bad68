#include "mail/mime/base64.hpp"

#include <algorithm>
#include <array>

#include "base/avx2.hpp"
#include "mail/mime/defect.hpp"

namespace mail::mime {
namespace {

constexpr std::int8_t kForeign = -1;
constexpr std::int8_t kWhite = -2;
constexpr std::int8_t kPad = -3;

constexpr std::array<std::int8_t, 256> make_table() {
    std::array<std::int8_t, 256> table{};
    table.fill(kForeign);
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < letters.size(); ++i)
        table[static_cast<unsigned char>(letters[i])] = static_cast<std::int8_t>(i);
    for (const char white : {'\r', '\n', ' ', '\t'})
        table[static_cast<unsigned char>(white)] = kWhite;
    table['='] = kPad;
    return table;
}
constexpr auto kTable = make_table();

std::int8_t value_of(char octet) {
    return kTable[static_cast<unsigned char>(octet)];
}

// What a letter adds to the 24 bits of its group, by its place in it; kNoLetter of all others.
constexpr std::uint32_t kNoLetter = 1U << 31;
constexpr auto kBits = [] {
    std::array<std::array<std::uint32_t, 256>, 4> bits{};
    for (unsigned place = 0; place < bits.size(); ++place) {
        for (std::size_t octet = 0; octet < kTable.size(); ++octet)
            bits[place][octet] =
                kTable[octet] < 0 ? kNoLetter : static_cast<std::uint32_t>(kTable[octet]) << (18 - 6 * place);
    }
    return bits;
}();

std::uint32_t bits_of(unsigned place, char octet) {
    return kBits[place][static_cast<unsigned char>(octet)];
}

// What decode_letters() does, for as many letters as the processor takes in one step. Returns the number of octets
// read.
#ifdef SANDWICH_AVX2
// What letters of a range are worth, in the lanes that have such.
SANDWICH_AVX2 __m256i values_of(__m256i letters, __m256i range, int first, int value) {
    return _mm256_and_si256(range, _mm256_add_epi8(letters, base::wide_octets(value - first)));
}

SANDWICH_AVX2 std::size_t decode_wide(std::string_view text, char* out) {
    constexpr std::size_t kStep = sizeof(__m256i);  // letters
    constexpr std::size_t kLeast = 44;              // letters for which there is room for all that a step writes
    static_assert(kLeast / 4 * 3 >= kStep);
    // The three octets of each group, the upper ones first; then those of both halves side by side.
    const auto order = _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1,  //
                                        2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    const auto halves = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
    std::size_t read = 0;
    for (; text.size() - read >= kLeast; read += kStep, out += kStep / 4 * 3) {
        const auto letters = base::wide_load(text.data() + read);
        const auto capital = base::wide_range(letters, 'A', 'Z');
        const auto small = base::wide_range(letters, 'a', 'z');
        const auto digit = base::wide_range(letters, '0', '9');
        const auto plus = base::wide_range(letters, '+', '+');
        const auto slash = base::wide_range(letters, '/', '/');
        const auto letter = _mm256_or_si256(capital, small);
        const auto sign = _mm256_or_si256(plus, slash);
        if (~base::wide_bits(_mm256_or_si256(_mm256_or_si256(letter, digit), sign)) != 0)
            break;
        const auto of_letters =
            _mm256_or_si256(values_of(letters, capital, 'A', 0), values_of(letters, small, 'a', 26));
        const auto of_signs = _mm256_or_si256(values_of(letters, plus, '+', 62), values_of(letters, slash, '/', 63));
        const auto values = _mm256_or_si256(_mm256_or_si256(of_letters, of_signs), values_of(letters, digit, '0', 52));
        const auto pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
        const auto groups = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
        base::wide_store(out, _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(groups, order), halves));
    }
    return read;
}
#else
std::size_t decode_wide(std::string_view /*text*/, char* /*out*/) {
    return 0;
}
#endif

// What decode_letters() says, appended: nearly all of nearly every line.
std::size_t append_letters(std::string_view text, std::string& out) {
    std::array<char, 3 * 64> octets;  // of a line, and then some
    constexpr std::size_t kAtOnce = octets.size() / 3 * 4;
    std::size_t read = 0;
    std::size_t now = kAtOnce;
    for (; now == kAtOnce; read += now) {
        now = decode_letters(text.substr(read, kAtOnce), octets.data());
        out.append(octets.data(), now / 4 * 3);
    }
    return read;
}

// Collects groups of four letters; a short group gives the octets that are whole.
class Groups {
  public:
    explicit Groups(std::string& out) : out_(out) {}

    // Whole groups at the start of `text`, when none is begun. Returns the number of octets read.
    std::size_t whole(std::string_view text) { return letters_ == 0 ? append_letters(text, out_) : 0; }
    void letter(unsigned value) {
        bits_ = bits_ << 6 | value;
        if (++letters_ == 4)
            close();
    }
    void close() {
        bits_ <<= 6 * (4 - letters_);
        for (unsigned i = 1; i < letters_; ++i)
            out_ += static_cast<char>(bits_ >> (24 - 8 * i) & 0xFF);
        letters_ = 0;
        bits_ = 0;
    }
    void drop() { letters_ = 0, bits_ = 0; }
    [[nodiscard]] unsigned letters() const { return letters_; }

  private:
    std::string& out_;
    std::uint32_t bits_ = 0;
    unsigned letters_ = 0;
};

std::string line_by_line(std::string_view text, bool whole_groups) {
    std::string out;
    Groups groups(out);
    bool skip = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (!skip) {
            at += groups.whole(text.substr(at));
            if (at == text.size())
                break;
        }
        const char octet = text[at];
        const auto value = value_of(octet);
        if (octet == '\n') {
            skip = false;
            if (whole_groups)
                groups.drop();
        } else if (value == kForeign) {
            skip = true;
        } else if (value == kPad) {
            groups.close();
        } else if (value >= 0 && !skip) {
            groups.letter(static_cast<unsigned>(value));
        }
    }
    groups.close();
    return out;
}

std::string clean_lines(std::string_view text) {
    std::string kept;
    while (!text.empty()) {
        const auto line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
        if (std::none_of(line.begin(), line.end(), [](char octet) { return value_of(octet) == kForeign; }))
            kept += line;
        text.remove_prefix(line.size());
    }
    std::uint64_t unused = 0;
    return decode_base64(kept, Base64Reading::kContinue, unused);
}

// Two files in one body, with an empty line or padding between them: readers may see the first only, or both as one.
std::string_view one_block(std::string_view text, bool first) {
    std::size_t begin = 0;
    std::size_t line_ends = 0;
    bool something = false;  // in this block
    bool padded = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto value = value_of(text[at]);
        if (text[at] == '\n') {
            ++line_ends;
        } else if (value == kPad) {
            padded = something;
        } else if (value >= 0) {
            if (something && (line_ends > 1 || (padded && !first))) {
                if (first)
                    return text.substr(begin, at - begin);
                begin = at;
            }
            something = true;
            padded = false;
            line_ends = 0;
        }
    }
    return text.substr(begin);
}

std::string by_fours(std::string_view text) {
    std::string out;
    Groups groups(out);
    unsigned have = 0;
    for (const char octet : text) {
        const auto value = value_of(octet);
        if (value == kWhite)
            continue;
        if (value >= 0)
            groups.letter(static_cast<unsigned>(value));
        have = (have + 1) % 4;
        if (have == 0)
            groups.close();
    }
    groups.close();
    return out;
}

}  // namespace

std::size_t decode_letters(std::string_view text, char* out) {
    std::size_t read = base::has_avx2() ? decode_wide(text, out) : 0;
    out += read / 4 * 3;
    for (; text.size() - read >= 4; read += 4, out += 3) {
        const auto bits = bits_of(0, text[read]) | bits_of(1, text[read + 1]) | bits_of(2, text[read + 2]) |
                          bits_of(3, text[read + 3]);
        if ((bits & kNoLetter) != 0)
            break;
        out[0] = static_cast<char>(bits >> 16 & 0xFF);
        out[1] = static_cast<char>(bits >> 8 & 0xFF);
        out[2] = static_cast<char>(bits & 0xFF);
    }
    return read;
}

std::string decode_base64(std::string_view text, Base64Reading reading, std::uint64_t& defects) {
    if (reading == Base64Reading::kLineByLine)
        return line_by_line(text, false);
    if (reading == Base64Reading::kLineGroups)
        return line_by_line(text, true);
    if (reading == Base64Reading::kFirstBlock || reading == Base64Reading::kLastBlock) {
        std::uint64_t unused = 0;
        return decode_base64(one_block(text, reading == Base64Reading::kFirstBlock), Base64Reading::kContinue, unused);
    }
    if (reading == Base64Reading::kCleanLines)
        return clean_lines(text);
    if (reading == Base64Reading::kGroups)
        return by_fours(text);
    std::string out;
    out.reserve(text.size() / 4 * 3 + 3);
    Groups groups(out);
    std::uint64_t found = 0;
    bool padded = false;
    std::size_t line_ends = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        // Within a line and at its begin, where a letter says nothing but its value.
        if (line_ends <= 1 && !padded) {
            const auto read = groups.whole(text.substr(at));
            line_ends = read > 0 ? 0 : line_ends;
            at += read;
            if (at == text.size())
                break;
        }
        const char octet = text[at];
        auto value = value_of(octet);
        if (reading == Base64Reading::kUrl && value == kForeign && (octet == '-' || octet == '_'))
            value = octet == '-' ? 62 : 63;
        if (value >= 0) {
            if (padded)
                found |= bit(Defect::kBase64Padding);
            if (line_ends > 1 && (!out.empty() || groups.letters() != 0))
                found |= bit(Defect::kBase64Gap);
            if (line_ends > 0 && groups.letters() != 0)
                found |= bit(Defect::kUnusualBody);  // encoders break lines between groups
            line_ends = 0;
            groups.letter(static_cast<unsigned>(value));
        } else if (value == kWhite) {
            line_ends += octet == '\n' ? 1 : 0;
            if (octet == ' ' || octet == '\t')
                found |= bit(Defect::kUnusualBody);
        } else if (value == kPad) {
            if (groups.letters() == 0 && !padded)
                found |= bit(Defect::kBase64Padding);
            if (line_ends > 0 && groups.letters() != 0)
                found |= bit(Defect::kUnusualBody);
            padded = true;
            if (reading == Base64Reading::kIgnore)
                continue;
            if (reading == Base64Reading::kStop && groups.letters() >= 2)
                break;
            // A pad that cannot end a group is no end of one: "X=A=".
            if (groups.letters() != 1)
                groups.close();
        } else if (value == kForeign) {
            found |= bit(Defect::kBase64Octets);
        }
    }
    if (groups.letters() != 0 && !padded)
        found |= bit(Defect::kBase64Length);
    groups.close();
    if (reading == Base64Reading::kContinue)
        defects |= found;
    return out;
}

// Letters, blanks and line ends, wherever they are, and no padding but at the end: all readers put the letters together
// in the same way, but for those that begin anew with each line.
bool may_differ(Base64Reading reading, std::uint64_t defects) {
    constexpr auto kLines = bit(Defect::kUnusualBody) | bit(Defect::kBase64Length);
    constexpr auto kOthers = bit(Defect::kBase64Octets) | bit(Defect::kBase64Padding) | bit(Defect::kBase64Gap);
    return (defects & kOthers) != 0 || ((defects & kLines) != 0 && reading == Base64Reading::kLineGroups);
}

namespace {

// A line that somebody drew. Decoded it would be three octets again and again.
bool is_one_letter(std::string_view text) {
    constexpr std::size_t kBlock = 4096;
    const auto first = text.find_first_not_of("\r\n");
    if (first == std::string_view::npos)
        return true;
    const char letter = text[first];
    for (auto rest = text; !rest.empty(); rest.remove_prefix(std::min(kBlock, rest.size()))) {
        unsigned char others = 0;  // no way out of the loop: several octets are looked at in one step
        for (const char octet : rest.substr(0, kBlock))
            others |= static_cast<unsigned char>(octet != letter) & static_cast<unsigned char>(octet != '\r') &
                      static_cast<unsigned char>(octet != '\n');
        if (others != 0)
            return false;
    }
    return true;
}

}  // namespace

bool looks_like_base64(std::string_view text) {
    std::size_t letters = 0;
    std::size_t lines = 0;
    std::size_t in_line = 0;
    for (const char octet : text.substr(0, 4096)) {
        if (value_of(octet) >= 0 || value_of(octet) == kPad) {
            ++letters;
            ++in_line;
        } else if (octet == '\n') {
            lines += in_line >= 40 ? 1 : 0;
            in_line = 0;
        } else if (octet != '\r') {
            return false;
        }
    }
    return letters >= 80 && lines >= 1 && !is_one_letter(text);
}

}  // namespace mail::mime
