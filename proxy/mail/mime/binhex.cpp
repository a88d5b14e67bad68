#include "mail/mime/binhex.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "mail/mime/defect.hpp"

namespace mail::mime {
namespace {

constexpr std::array<std::int8_t, 256> make_alphabet() {
    std::array<std::int8_t, 256> table{};
    table.fill(-1);
    constexpr std::string_view letters = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";
    for (std::size_t i = 0; i < letters.size(); ++i)
        table[static_cast<unsigned char>(letters[i])] = static_cast<std::int8_t>(i);
    return table;
}
constexpr auto kAlphabet = make_alphabet();
constexpr char kRepeat = '\x90';

// Takes back the runs: an octet, 0x90, how often; 0x90 0 is 0x90 itself.
class Runs {
  public:
    bool octet(char value) {
        if (counting_) {
            counting_ = false;
            const auto count = static_cast<unsigned char>(value);
            if (count == 0)
                out_ += kRepeat;
            else if (!out_.empty())
                out_.append(count - 1U, out_.back());
        } else if (value == kRepeat) {
            counting_ = true;
        } else {
            out_ += value;
        }
        return out_.size() < kMaxBinhex;
    }
    std::string take() { return std::move(out_); }

  private:
    std::string out_;
    bool counting_ = false;
};

// The text behind the first colon, up to the second. `at`: behind it.
std::string read_letters(std::string_view text, std::size_t& at, bool& ended) {
    Runs runs;
    std::uint32_t bits = 0;
    unsigned have = 0;
    for (; at < text.size(); ++at) {
        const char letter = text[at];
        if (letter == ':') {
            ended = true;
            ++at;
            break;
        }
        const auto value = kAlphabet[static_cast<unsigned char>(letter)];
        if (value < 0)
            continue;
        bits = bits << 6 | static_cast<unsigned>(value);
        have += 6;
        if (have >= 8) {
            have -= 8;
            if (!runs.octet(static_cast<char>(bits >> have & 0xFF)))
                break;
        }
    }
    return runs.take();
}

std::uint64_t number(std::string_view octets) {
    std::uint64_t value = 0;
    for (const char octet : octets)
        value = value << 8 | static_cast<unsigned char>(octet);
    return value;
}

// Where "(This file must be converted with BinHex 4.0)" stands, whatever its case and white space, behind `at`; npos:
// nowhere.
std::size_t introduction(std::string_view text, std::size_t at) {
    for (at = text.find('(', at); at != std::string_view::npos; at = text.find('(', at + 1)) {
        auto rest = text.substr(at + 1);
        bool all = true;
        for (const auto* const word : {"this", "file", "must", "be", "converted", "with", "binhex"})
            all = all && take_word(rest, word);
        if (all)
            return at;
    }
    return at;
}

// The next colon that begins a line, behind `at`; npos: none.
std::size_t line_colon(std::string_view text, std::size_t at) {
    for (at = text.find('\n', at); at != std::string_view::npos; at = text.find('\n', at + 1)) {
        const auto first = text.find_first_not_of(" \t", at + 1);
        if (first != std::string_view::npos && text[first] == ':')
            return first;
    }
    return at;
}

// Both forks of the file whose data begins behind the colon at `at`, which moves behind the data. `begin`: of all.
void take_forks(std::string_view text, std::size_t begin, std::size_t& at, std::vector<EncodedFile>& files,
                std::uint64_t& defects) {
    bool ended = false;
    const auto all = read_letters(text, ++at, ended);
    // Length of the name, name, version, type, creator, flags, lengths of the forks, check sum.
    const std::size_t name = all.empty() ? 0 : static_cast<unsigned char>(all.front());
    const auto header = 1 + name + 1 + 4 + 4 + 2;
    if (all.size() < header + 10) {
        defects |= bit(Defect::kEncodedTextBroken);
        return;
    }
    const std::string_view view = all;
    const auto data = number(view.substr(header, 4));
    const auto resource = number(view.substr(header + 4, 4));
    auto rest = view.substr(header + 10);
    if (!ended || data + 2 > rest.size())
        defects |= bit(Defect::kEncodedTextBroken);
    files.push_back({all.substr(1, name), std::string(rest.substr(0, data)), {}, begin, at});
    rest.remove_prefix(std::min<std::uint64_t>(data + 2, rest.size()));
    if (resource != 0 && !rest.empty())
        files.push_back({all.substr(1, name), std::string(rest.substr(0, resource)), {}, begin, at});
}

}  // namespace

std::vector<EncodedFile> find_binhex(std::string_view text, std::size_t limit, std::uint64_t& defects) {
    std::vector<EncodedFile> files;
    std::size_t in_line = 0;  // a colon that begins a line; it is looked for once
    for (std::size_t at = 0; files.size() < limit;) {
        const auto begin = introduction(text, at);
        const auto any = begin == std::string_view::npos ? begin : text.find(':', begin);
        if (any == std::string_view::npos)
            break;
        defects |= bit(Defect::kBinhex);
        // The data begins with a line; some programs take any colon.
        if (in_line <= begin)
            in_line = line_colon(text, begin);
        at = any;
        take_forks(text, begin, at, files, defects);
        if (in_line != any && in_line != std::string_view::npos) {
            auto other = in_line;
            take_forks(text, begin, other, files, defects);
            at = std::max(at, other);
        }
    }
    files.resize(std::min(files.size(), limit));
    return files;
}

}  // namespace mail::mime
