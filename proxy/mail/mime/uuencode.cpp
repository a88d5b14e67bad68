#include "mail/mime/uuencode.hpp"

#include <algorithm>

#include "mail/mime/base64.hpp"
#include "mail/mime/defect.hpp"
#include "mail/text.hpp"

namespace mail::mime {
namespace {

bool is_data(char octet) {
    return octet >= ' ' && octet <= '`';
}

unsigned value_of(char octet) {
    return (static_cast<unsigned>(octet) - ' ') & 0x3FU;
}

// Appends a line's octets. False: it is none of uuencode. Short lines are read as if blanks had stood there, which some
// hosts on the way have cut off.
bool decode_line(std::string_view line, std::string& out) {
    if (line.empty() || !is_data(line.front()))
        return false;
    const auto octets = value_of(line.front());
    line.remove_prefix(1);
    const auto letters = (octets + 2) / 3 * 4;
    // One or two more than needed: a check sum of old encoders.
    if (line.size() > letters + 2 || (octets > 0 && line.size() * 3 < octets))
        return false;
    if (!std::all_of(line.begin(), line.end(), is_data))
        return false;
    for (unsigned done = 0; done < octets; ++done) {
        const auto letter = [&](std::size_t index) { return index < line.size() ? value_of(line[index]) : 0U; };
        const std::size_t at = done / 3 * 4 + done % 3;
        const auto pair = letter(at) << 6 | letter(at + 1);
        out += static_cast<char>(pair >> (4 - 2 * (done % 3)) & 0xFF);
    }
    return true;
}

bool is_end(std::string_view line) {
    return trim(line) == "end";
}

// "begin 644 name": the name, or nothing at all.
bool is_begin(std::string_view line, std::string_view word, std::string_view& name) {
    if (line.size() < word.size() || !equal_ignoring_case(line.substr(0, word.size()), word))
        return false;
    auto rest = line.substr(word.size());
    if (!rest.starts_with(' '))
        return false;
    rest = trim(rest);
    const auto mode = std::min(rest.find_first_not_of("01234567"), rest.size());
    if (mode < 3 || mode > 6 || (mode < rest.size() && rest[mode] != ' '))
        return false;
    name = trim(rest.substr(mode));
    return true;
}

}  // namespace

std::vector<EncodedFile> find_uuencoded(std::string_view text, std::size_t limit, std::uint64_t& defects) {
    std::vector<EncodedFile> files;
    for (std::size_t at = 0; at < text.size() && files.size() < limit;) {
        const auto begin = at;
        const auto line = take_line(text, at);
        std::string_view name;
        const bool base64 = is_begin(line, "begin-base64", name);
        if (!base64 && !is_begin(line, "begin", name))
            continue;
        EncodedFile file{std::string(name), {}, begin, at};
        const auto data = at;
        bool ended = false;
        while (at < text.size() && !ended) {
            const auto next = at;
            const auto content = take_line(text, at);
            ended = base64 ? trim(content) == "====" : is_end(content);
            if (!ended && !base64 && !trim(content).empty() && !decode_line(content, file.octets)) {
                at = next;
                break;
            }
        }
        if (base64) {
            std::uint64_t unused = 0;
            file.octets = decode_base64(text.substr(data, at - data), Base64Reading::kContinue, unused);
        }
        if (file.octets.empty())
            continue;  // a sentence that begins with "begin"
        defects |= bit(Defect::kUuencode) | (ended ? 0 : bit(Defect::kEncodedTextBroken));
        file.end = at;
        files.push_back(std::move(file));
    }
    return files;
}

std::string decode_uuencoded_lines(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto line = take_line(text, at);
        std::string_view name;
        if (!is_begin(line, "begin", name) && !is_end(line))
            decode_line(line, out);
    }
    return out;
}

}  // namespace mail::mime
