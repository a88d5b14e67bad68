#include "mail/mime/header.hpp"

#include <algorithm>

#include "base/utf8.hpp"
#include "mail/mime/defect.hpp"
#include "mail/mime/lines.hpp"
#include "mail/text.hpp"

namespace mail::mime {
namespace {

bool is_blank(char octet) {
    return octet == ' ' || octet == '\t';
}

std::uint64_t odd_octets(std::string_view line) {
    std::uint64_t defects = 0;
    bool high = false;
    for (const char octet : line) {
        const auto value = static_cast<unsigned char>(octet);
        if (value == 0)
            defects |= bit(Defect::kNul);
        else if ((value < ' ' && octet != '\t') || value == 0x7F)
            defects |= bit(Defect::kHeaderControl);
        high |= value > 0x7F;
    }
    if (high) {
        for (std::size_t at = 0; at < line.size();) {
            const auto octets = base::utf8_character(line.substr(at));
            if (octets == 0)
                return defects | bit(Defect::kHeaderOctets);
            at += octets;
        }
    }
    return defects;
}

// Length of the field name that `line` begins with; `colon` is where its value begins. 0: the line is no field.
std::size_t name_length(std::string_view line, std::size_t& colon, std::uint64_t& defects) {
    std::size_t end = 0;
    while (end < line.size() && line[end] > ' ' && line[end] < '\x7F' && line[end] != ':' && line[end] != '(')
        ++end;
    auto at = end;
    while (at < line.size() && line[at] != ':') {
        // Between name and colon: white space (RFC 5322 section 4.5 knows it) or a comment.
        if (line[at] == '(')
            at = std::min(line.find(')', at), line.size() - 1);
        else if (!is_blank(line[at]))
            return 0;
        ++at;
    }
    if (end == 0 || at == line.size())
        return 0;
    if (at != end)
        defects |= bit(Defect::kFieldName);
    colon = at;
    return end;
}

// Of an mbox file, and left there by programs that deliver into one.
bool is_mbox_line(std::string_view line) {
    return line.starts_with("From ") || line.starts_with(">From ");
}

}  // namespace

Header read_header(std::string_view text, std::size_t begin, std::size_t max_fields,
                   const std::function<bool(std::string_view)>& ends) {
    Header header;
    header.range = {begin, begin};
    std::size_t at = begin;
    bool open = false;  // the last line belongs to the last field
    while (true) {
        const auto start = at;
        header.range.end = header.body = start;
        if (start >= text.size()) {
            header.defects |= bit(Defect::kHeaderWithoutEnd);
            return header;
        }
        const auto line = take_line(text, at);
        if (line.empty()) {
            header.body = at;
            return header;
        }
        if (line.starts_with("--") && ends(line)) {
            header.defects |= bit(Defect::kHeaderWithoutEnd);
            return header;
        }
        header.defects |= odd_octets(line);
        if (is_blank(line.front())) {
            if (trim(line).empty())
                header.defects |= bit(Defect::kBlankHeaderLine);
            if (open) {
                header.fields.back().range.end = at;
                header.fields.back().value.end = start + line.size();
            } else if (!header.too_many) {
                header.defects |= bit(Defect::kHeaderLine);
            }
            continue;
        }
        std::size_t colon = 0;
        const auto length = name_length(line, colon, header.defects);
        open = length != 0 && header.fields.size() < max_fields;
        if (open)
            header.fields.push_back({{start, at}, {start, start + length}, {start + colon + 1, start + line.size()}});
        else if (length != 0)
            header.too_many = true;
        else if (start != begin || !is_mbox_line(line))
            header.defects |= bit(Defect::kHeaderLine);
    }
}

std::string unfold(std::string_view value) {
    std::string out;
    out.reserve(value.size());
    std::copy_if(value.begin(), value.end(), std::back_inserter(out),
                 [](char octet) { return octet != '\r' && octet != '\n'; });
    return out;
}

const Field* find_field(const Header& header, std::string_view text, std::string_view name) {
    const auto found = std::find_if(header.fields.begin(), header.fields.end(),
                                    [&](const Field& field) { return equal_ignoring_case(field.name.of(text), name); });
    return found == header.fields.end() ? nullptr : &*found;
}

}  // namespace mail::mime
