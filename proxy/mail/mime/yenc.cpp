#include "mail/mime/yenc.hpp"

#include "mail/mime/defect.hpp"
#include "mail/mime/lines.hpp"
#include "mail/text.hpp"

namespace mail::mime {
namespace {

void decode_line(std::string_view line, std::string& out) {
    // A dot that the transport doubled (RFC 3977) was doubled here by encoders, too; whoever wants it sees it.
    for (std::size_t at = 0; at < line.size(); ++at) {
        unsigned value = static_cast<unsigned char>(line[at]);
        if (line[at] == '=' && at + 1 < line.size())
            value = static_cast<unsigned char>(line[++at]) - 64U;
        out += static_cast<char>((value - 42U) & 0xFF);
    }
}

}  // namespace

std::vector<EncodedFile> find_yencoded(std::string_view text, std::size_t limit, std::uint64_t& defects) {
    std::vector<EncodedFile> files;
    for (std::size_t at = 0; at < text.size() && files.size() < limit;) {
        const auto sign = text.find('=', at);  // of most lines nothing else need be looked at
        if (sign == std::string_view::npos)
            break;
        at += text.substr(at, sign - at).rfind('\n') + 1;  // none: the line at `at`
        const auto begin = at;
        auto first = take_line(text, at);
        if (!take_word(first, "=ybegin") || first.empty() || !is_white(first.front()))
            continue;
        const auto name = first.find("name=");
        EncodedFile file{
            name == std::string_view::npos ? "" : std::string(trim(first.substr(name + 5))), {}, {}, begin, at};
        bool ended = false;
        while (at < text.size() && !ended) {
            const auto line = take_line(text, at);
            ended = line.starts_with("=yend");
            if (!ended && !line.starts_with("=ypart "))
                decode_line(line, file.octets);
        }
        defects |= bit(Defect::kYenc) | (ended ? 0 : bit(Defect::kEncodedTextBroken));
        file.end = at;
        files.push_back(std::move(file));
    }
    return files;
}

}  // namespace mail::mime
