#include "mail/edit/stamp_text.hpp"

#include <algorithm>

#include "base/utf8.hpp"
#include "mail/edit/stamp.hpp"
#include "mail/text.hpp"

namespace mail::edit {
namespace {

constexpr std::size_t kLongest = 900;

// `take` gets each line without its LF.
template <typename Take>
void for_each_line(std::string_view text, Take take) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        take(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

// How much of a long line stands in the next one.
std::size_t piece_of(std::string_view line, bool anywhere) {
    if (line.size() <= kLongest)
        return line.size();
    const auto blank = line.find_last_of(" \t", kLongest);
    if (blank != std::string_view::npos && blank > 0)
        return blank;
    if (!anywhere)
        return std::min(line.find_first_of(" \t", kLongest), line.size());
    std::size_t end = 0;
    while (end < line.size()) {
        const auto octets = std::max<std::size_t>(base::utf8_character(line.substr(end)), 1);
        if (end + octets > kLongest)
            break;
        end += octets;
    }
    return end;
}

std::string without_controls(std::string_view line) {
    std::string out;
    std::copy_if(line.begin(), line.end(), std::back_inserter(out), [](char octet) {
        return octet == '\t' || (static_cast<unsigned char>(octet) >= ' ' && octet != '\x7F');
    });
    return out;
}

std::string_view without_blanks_at_end(std::string_view line) {
    while (line.ends_with(' ') || line.ends_with('\t'))
        line.remove_suffix(1);
    return line;
}

void append_wrapped(std::string& out, std::string_view line, bool anywhere, std::string_view before) {
    do {
        const auto length = piece_of(line, anywhere);
        const auto piece = without_blanks_at_end(line.substr(0, length));
        const bool stuffed =
            !before.empty() && (piece.starts_with(' ') || piece.starts_with('>') || piece.starts_with("From "));
        out.append(stuffed ? before : "").append(piece).append("\n");
        line.remove_prefix(length);
        if (line.starts_with(' ') || line.starts_with('\t'))
            line.remove_prefix(1);
    } while (!line.empty());
}

}  // namespace

std::string plain_lines(std::string_view text, bool flowed) {
    std::string out;
    for_each_line(text,
                  [&](std::string_view line) { append_wrapped(out, without_controls(line), true, flowed ? " " : ""); });
    return out;
}

std::string wrap(std::string_view fragment) {
    std::string out;
    for_each_line(fragment, [&](std::string_view line) { append_wrapped(out, without_controls(line), false, ""); });
    while (out.ends_with('\n'))
        out.pop_back();
    return out;
}

std::string with_line_ends(std::string_view text, std::string_view line_end) {
    std::string out;
    out.reserve(text.size());
    for (const char octet : text) {
        if (octet == '\n')
            out += line_end;
        else
            out += octet;
    }
    return out;
}

std::string parameter_value(std::string_view value) {
    const bool token = !value.empty() && std::all_of(value.begin(), value.end(), [](char octet) {
        return octet > ' ' && octet < '\x7F' &&
               std::string_view("()<>@,;:\\\"/[]?=").find(octet) == std::string_view::npos;
    });
    if (token)
        return std::string(value);
    std::string quoted = "\"";
    for (const char octet : value) {
        if (octet == '"' || octet == '\\')
            quoted += '\\';
        if (octet != '\r' && octet != '\n')
            quoted += octet;
    }
    return quoted + '"';
}

std::string html_from_plain(std::string_view plain) {
    std::string out = "<p>";
    const auto lines = plain_lines(plain, false);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        switch (lines[i]) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\n':
                out += i + 1 == lines.size() ? "" : "<br>\n";
                break;
            default:
                out += lines[i];
        }
    }
    return out + "</p>";
}

}  // namespace mail::edit
