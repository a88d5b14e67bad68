#include "mail/mime/uuencode.hpp"

#include <algorithm>
#include <utility>

#include "mail/mime/base64.hpp"
#include "mail/mime/defect.hpp"
#include "mail/mime/lines.hpp"
#include "mail/text.hpp"

namespace mail::mime {
namespace {

bool is_data(char octet) {
    return octet >= ' ' && octet <= '`';
}

unsigned value_of(char octet) {
    return (static_cast<unsigned>(octet) - ' ') & 0x3FU;
}

void decode_letters(std::string_view letters, std::size_t octets, std::string& out) {
    for (std::size_t done = 0; done < octets; ++done) {
        const auto letter = [&](std::size_t index) { return index < letters.size() ? value_of(letters[index]) : 0U; };
        const std::size_t at = done / 3 * 4 + done % 3;
        const auto pair = letter(at) << 6 | letter(at + 1);
        out += static_cast<char>(pair >> (4 - 2 * (done % 3)) & 0xFF);
    }
}

// What the lines hold for those who believe the number of octets that each begins with, and for those who take what is
// there.
struct Readings {
    std::string by_number;
    std::string by_letters;
};

// Appends a line's octets. False: it is none of uuencode. Short lines are read as if blanks had stood there, which some
// hosts on the way have cut off; blanks at an end that is too long were added on the way.
bool decode_line(std::string_view line, Readings& out) {
    if (line.empty() || !is_data(line.front()))
        return false;
    const auto octets = value_of(line.front());
    line.remove_prefix(1);
    const std::size_t letters = (octets + 2) / 3 * 4;
    while (line.size() > letters && is_white(line.back()))
        line.remove_suffix(1);
    if ((octets > 0 && line.size() * 3 < octets) || !std::all_of(line.begin(), line.end(), is_data))
        return false;
    // One or two more than needed: a check sum of old encoders.
    const bool more = line.size() > letters + 2;
    if (more && (octets == 0 || line.size() % 4 != 0))
        return false;
    decode_letters(line, octets, out.by_number);
    decode_letters(line, more ? line.size() / 4 * 3 : octets, out.by_letters);
    return true;
}

bool is_end(std::string_view line) {
    return trim(line) == "end";
}

constexpr LinesWith kMayBegin("bB", LinesWith::White::kBefore);

// "begin 644 name": the name, or nothing at all. Some programs want no mode.
bool is_begin(std::string_view line, std::string_view word, std::string_view& name) {
    if (!take_word(line, word) || line.empty() || !is_white(line.front()))
        return false;
    name = trim(line);
    const auto mode = std::min(name.find_first_not_of("01234567"), name.size());
    if (mode > 0 && (mode == name.size() || is_white(name[mode])))
        name = trim(name.substr(mode));
    return true;
}

}  // namespace

std::vector<EncodedFile> find_uuencoded(std::string_view text, std::size_t limit, std::uint64_t& defects) {
    std::vector<EncodedFile> files;
    for (std::size_t at = kMayBegin.find(text, 0); at < text.size() && files.size() < limit;
         at = kMayBegin.find(text, at)) {
        const auto begin = at;
        const auto line = take_line(text, at);
        std::string_view name;
        const bool base64 = is_begin(line, "begin-base64", name);
        if (!base64 && !is_begin(line, "begin", name))
            continue;
        EncodedFile file{std::string(name), {}, {}, begin, at};
        Readings lines;
        const auto data = at;
        bool ended = false;
        while (at < text.size() && !ended) {
            const auto next = at;
            const auto content = take_line(text, at);
            ended = base64 ? trim(content) == "====" : is_end(content);
            if (!ended && !base64 && !trim(content).empty() && !decode_line(content, lines)) {
                at = next;
                break;
            }
        }
        std::uint64_t unused = 0;
        file.octets = base64 ? decode_base64(text.substr(data, at - data), Base64Reading::kContinue, unused)
                             : std::move(lines.by_number);
        if (!base64 && lines.by_letters != file.octets)
            file.other = std::move(lines.by_letters);
        if (file.octets.empty())
            continue;  // a sentence that begins with "begin"
        defects |= bit(Defect::kUuencode) | (ended ? 0 : bit(Defect::kEncodedTextBroken));
        file.end = at;
        files.push_back(std::move(file));
    }
    return files;
}

std::string decode_uuencoded_lines(std::string_view text) {
    Readings out;
    for (std::size_t at = 0; at < text.size();) {
        const auto line = take_line(text, at);
        std::string_view name;
        if (!is_begin(line, "begin", name) && !is_end(line))
            decode_line(line, out);
    }
    return std::move(out.by_letters);
}

}  // namespace mail::mime
