#include "scanners/attachment/pdf_font.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "scanners/attachment/collected_text.hpp"
#include "scanners/attachment/glyph_names.hpp"
#include "scanners/charset.hpp"

namespace scanners::attachment {
namespace {

using ValueKind = PdfValue::Kind;

constexpr std::size_t kMaxWidths = 1 << 16;
constexpr double kThousandth = 0.001;  // widths are told in thousandths of the size

const PdfValue kNothing{};

const PdfValue& at(const PdfValue& dictionary, std::string_view name) {
    const auto* found = dictionary.find(name);
    return found != nullptr ? *found : kNothing;
}

// Those of the predefined ways to write codes (section 9.7.5.2) in which a code is a character of a character set.
std::string charset_of(std::string_view encoding) {
    constexpr std::pair<std::string_view, std::string_view> kCharsets[] = {
        {"UTF16", "utf-16be"},   {"UCS2", "utf-16be"}, {"UTF8", "utf-8"},    {"UTF32", "utf-32be"},
        {"GBK2K", "gb18030"},    {"GBK", "gbk"},       {"GB-EUC", "euc-cn"}, {"90ms-RKSJ", "cp932"},
        {"90msp-RKSJ", "cp932"}, {"EUC-H", "euc-jp"},  {"ETen-B5", "big5"},  {"HKscs-B5", "big5-hkscs"},
        {"KSCms-UHC", "uhc"},    {"KSC-EUC", "euc-kr"}};
    for (const auto& [part, charset] : kCharsets) {
        if (encoding.find(part) != std::string_view::npos)
            return std::string(charset);
    }
    return {};
}

// In thousandths, when a font does not say: as most fonts for reading are.
double guessed_width(unsigned char code) {
    constexpr std::string_view kNarrow = "ijltfrI.,;:!|'`()[]/ -", kWide = "mwMWQOGD@%";
    if (kNarrow.find(static_cast<char>(code)) != std::string_view::npos)
        return 290;
    if (kWide.find(static_cast<char>(code)) != std::string_view::npos)
        return 800;
    return code >= 'A' && code <= 'Z' ? 680 : 530;
}

std::string utf8_of(std::u32string_view characters) {
    std::string text;
    for (const auto c : characters)
        append_utf8(text, c);
    return text;
}

// UTF-16, most significant octet first.
std::string utf8_of_wide(std::string_view octets) {
    return octets.empty() ? std::string() : to_utf8(octets, "utf-16be");
}

// What stands at 0x80 to 0xFF of a character set, UTF-8.
using UpperHalf = std::array<std::string, 128>;
UpperHalf upper_half(std::string_view charset) {
    UpperHalf half;
    for (std::size_t i = 0; i < half.size(); ++i) {
        const char octet = static_cast<char>(0x80 + i);
        half[i] = to_utf8({&octet, 1}, charset);
    }
    return half;
}

const UpperHalf& upper_half(bool mac) {
    static const UpperHalf kWindows = upper_half(std::string_view("windows-1252"));
    static const UpperHalf kMac = upper_half(std::string_view("macintosh"));
    return mac ? kMac : kWindows;
}

}  // namespace

PdfFont::PdfFont(const PdfValue& font, const PdfSources& sources) {
    if (const auto* map = font.find("ToUnicode"); map != nullptr && sources.stream)
        map_ = PdfCMap::read(sources.stream(*map));
    composite_ = at(font, "Subtype").is("Type0");
    if (composite_)
        read_composite(font, sources);
    else
        read_simple(font, sources);
}

void PdfFont::read_simple(const PdfValue& font, const PdfSources& sources) {
    const auto resolved = [&sources](const PdfValue& value) { return sources.value ? sources.value(value) : value; };
    read_encoding(resolved(at(font, "Encoding")), at(font, "Subtype").is("Type1"));
    for (std::uint32_t code = 0; code < 256 && !map_.empty(); ++code) {
        if (const auto characters = map_.characters(code); !characters.empty())
            text_[code] = utf8_of_wide(characters);
    }
    for (std::size_t code = 0; code < 256; ++code)
        width_[code] = guessed_width(static_cast<unsigned char>(code)) * kThousandth;
    const auto widths = resolved(at(font, "Widths"));
    const auto first = resolved(at(font, "FirstChar")).number;
    // Type 3 has its own measure.
    const auto matrix = resolved(at(font, "FontMatrix"));
    const double unit = !matrix.items.empty() && matrix.items[0].number > 0 ? matrix.items[0].number : kThousandth;
    if (first < 0 || first > 255)
        return;
    for (std::size_t i = 0; i < widths.items.size() && i + static_cast<std::size_t>(first) < 256; ++i) {
        const auto width = resolved(widths.items[i]).number;
        width_[i + static_cast<std::size_t>(first)] = width * unit;
        measured_ = measured_ || width > 0;
    }
}

void PdfFont::read_encoding(const PdfValue& encoding, bool type1) {
    const auto& named = encoding.kind == ValueKind::kDictionary ? at(encoding, "BaseEncoding") : encoding;
    const bool mac = named.is("MacRomanEncoding");
    const bool standard = named.is("StandardEncoding") || (type1 && named.kind != ValueKind::kName);
    const auto& upper = upper_half(mac);
    for (std::size_t code = 0; code < 256; ++code) {
        if (code < 0x80) {
            text_[code] = code < 0x20 || code == 0x7F ? std::string() : std::string(1, static_cast<char>(code));
        } else if (standard) {
            const auto c = standard_character(static_cast<unsigned char>(code));
            text_[code] = c == 0 ? std::string() : utf8_of({&c, 1});
        } else {
            text_[code] = upper[code - 0x80];
        }
    }
    read_differences(at(encoding, "Differences"));
}

void PdfFont::read_differences(const PdfValue& differences) {
    std::size_t code = 0;
    for (const auto& item : differences.items) {
        if (item.kind == ValueKind::kNumber)
            code = item.number >= 0 && item.number < 256 ? static_cast<std::size_t>(item.number) : 256;
        if (item.kind != ValueKind::kName || code >= 256)
            continue;
        if (auto text = utf8_of(characters_of_glyph(item.text)); !text.empty())
            text_[code] = std::move(text);
        ++code;
    }
}

void PdfFont::read_composite(const PdfValue& font, const PdfSources& sources) {
    const auto resolved = [&sources](const PdfValue& value) { return sources.value ? sources.value(value) : value; };
    const auto encoding = resolved(at(font, "Encoding"));
    if (map_.empty() && encoding.kind == ValueKind::kName)
        charset_ = charset_of(encoding.text);
    const auto descendants = resolved(at(font, "DescendantFonts"));
    if (descendants.items.empty())
        return;
    const auto descendant = resolved(descendants.items.front());
    const auto width = resolved(at(descendant, "DW"));
    default_width_ = width.kind == ValueKind::kNumber ? width.number * kThousandth : 1;
    read_widths(resolved(at(descendant, "W")));
    measured_ = true;
}

// "code [width ...]" or "first last width", section 9.7.4.3.
void PdfFont::read_widths(const PdfValue& list) {
    const auto code = [](const PdfValue& value) {
        return static_cast<std::uint32_t>(std::clamp(value.number, 0.0, 1e6));
    };
    const auto& items = list.items;
    for (std::size_t i = 0; i + 1 < items.size() && widths_.size() < kMaxWidths;) {
        auto first = code(items[i]);
        if (items[i + 1].kind == ValueKind::kArray) {
            for (const auto& width : items[i + 1].items) {
                widths_.push_back({first, first, width.number * kThousandth});
                ++first;
            }
            i += 2;
        } else {
            if (i + 2 < items.size())
                widths_.push_back({first, code(items[i + 1]), items[i + 2].number * kThousandth});
            i += 3;
        }
    }
    std::stable_sort(widths_.begin(), widths_.end(), [](const Width& a, const Width& b) { return a.first < b.first; });
}

double PdfFont::width_of(std::uint32_t code) const {
    auto width = std::upper_bound(widths_.begin(), widths_.end(), code,
                                  [](std::uint32_t value, const Width& other) { return value < other.first; });
    return width == widths_.begin() || (--width)->last < code ? default_width_ : width->width;
}

void PdfFont::each_glyph(std::string_view string, const std::function<void(const Glyph&)>& take) const {
    if (!charset_.empty()) {
        const auto text = to_utf8(string, charset_);
        take({text, static_cast<double>(string.size()) / 2, false});
    } else if (composite_) {
        each_composite(string, take);
    } else {
        for (const char c : string) {
            const auto code = static_cast<unsigned char>(c);
            take({text_[code], width_[code], code == ' '});
        }
    }
}

void PdfFont::each_composite(std::string_view string, const std::function<void(const Glyph&)>& take) const {
    constexpr std::size_t kUsual = 2;  // octets of a code
    while (!string.empty()) {
        auto length = map_.code_length(string);
        length = std::min(length == 0 ? kUsual : length, string.size());
        const auto code = pdf_code(string.substr(0, length));
        const auto text = utf8_of_wide(map_.characters(code));
        take({text, width_of(code), length == 1 && code == ' '});
        string.remove_prefix(length);
    }
}

}  // namespace scanners::attachment
