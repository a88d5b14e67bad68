#include "scanners/attachment/pdf_filters.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "scanners/attachment/inflate.hpp"

namespace scanners::attachment {
namespace {

using Room = std::function<bool(std::size_t)>;

constexpr std::size_t kMaxFilters = 8;
constexpr std::uint64_t kMaxRow = 1 << 20;  // octets of a predictor's row

bool flate(std::string_view octets, std::string& out, const Room& room) {
    const auto result = inflate(octets, Wrapping::kZlib, [&](std::string_view block) {
        if (!room(block.size()))
            return false;
        out += block;
        return true;
    });
    return result == Inflated::kWhole || (result == Inflated::kBroken && !out.empty());
}

bool ascii_hex(std::string_view octets, std::string& out, const Room& room) {
    if (!room(octets.size() / 2))
        return false;
    int half = -1;
    for (const char c : octets) {
        if (c == '>')
            break;
        const int value = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (value >= 0 && half >= 0)
            out.push_back(static_cast<char>(half * 16 + value));
        half = value < 0 ? half : half >= 0 ? -1 : value;
    }
    if (half >= 0)
        out.push_back(static_cast<char>(half * 16));
    return true;
}

bool ascii85(std::string_view octets, std::string& out, const Room& room) {
    if (!room(octets.size()))
        return false;
    std::uint64_t group = 0;
    int digits = 0;
    const auto flush = [&](int count) {
        for (int i = 0; i < count; ++i)
            out.push_back(static_cast<char>(group >> (24 - 8 * i) & 0xFF));
        group = 0;
        digits = 0;
    };
    for (const char c : octets) {
        if (c == '~')
            break;
        if (c == 'z' && digits == 0) {
            out.append(4, '\0');
        } else if (c >= '!' && c <= 'u') {
            group = group * 85 + static_cast<std::uint64_t>(c - '!');
            if (++digits == 5)
                flush(4);
        }
    }
    const int rest = digits;
    for (int i = rest; i > 0 && i < 5; ++i)
        group = group * 85 + 84;
    if (rest > 1)
        flush(rest - 1);
    return true;
}

bool run_length(std::string_view octets, std::string& out, const Room& room) {
    for (std::size_t at = 0; at < octets.size();) {
        const auto length = static_cast<unsigned char>(octets[at++]);
        if (length == 128)
            break;
        const std::size_t count = length < 128 ? length + 1U : 257U - length;
        if (!room(count))
            return false;
        if (length < 128) {
            out += octets.substr(std::min(at, octets.size()), count);
            at += count;
        } else if (at < octets.size()) {
            out.append(count, octets[at++]);
        }
    }
    return true;
}

// LZW with codes of 9 to 12 bits, most significant bit first, one code early (the default of EarlyChange).
class Lzw {
  public:
    bool run(std::string_view octets, std::string& out, const Room& room) {
        for (const char c : octets) {
            bits_ = bits_ << 8 | static_cast<unsigned char>(c);
            have_ += 8;
            if (have_ < width_)
                continue;
            have_ -= width_;
            const std::uint32_t code = bits_ >> have_ & ((1U << width_) - 1);
            if (code == kEnd)
                return true;
            if (code == kClear) {
                clear();
            } else {
                const auto before = out.size();
                if (!take(code, out))
                    return false;
                if (!room(out.size() - before))
                    return false;
            }
        }
        return true;
    }

  private:
    static constexpr std::uint32_t kClear = 256, kEnd = 257, kFirst = 258;

    void clear() {
        table_.clear();
        width_ = 9;
        last_length_ = 0;
    }

    // Entries are pieces of what has come out: position and length.
    bool take(std::uint32_t code, std::string& out) {
        const std::size_t position = out.size();
        if (code < 256)
            out.push_back(static_cast<char>(code));
        else if (code - kFirst < table_.size())
            out.append(std::string(out, table_[code - kFirst].first, table_[code - kFirst].second));
        else if (code - kFirst == table_.size() && last_length_ > 0)
            out.append(std::string(out, last_at_, last_length_) + out[last_at_]);
        else
            return false;
        if (last_length_ > 0 && table_.size() < 4096 - kFirst)
            table_.emplace_back(last_at_, last_length_ + 1);
        const auto next = table_.size() + kFirst + 1;
        width_ = next >= 2048 ? 12 : next >= 1024 ? 11 : next >= 512 ? 10 : 9;
        last_at_ = position;
        last_length_ = out.size() - position;
        return true;
    }

    std::vector<std::pair<std::size_t, std::size_t>> table_;
    std::uint32_t bits_ = 0;
    unsigned have_ = 0;
    unsigned width_ = 9;
    std::size_t last_at_ = 0;
    std::size_t last_length_ = 0;
};

bool lzw(std::string_view octets, std::string& out, const Room& room) {
    return Lzw().run(octets, out, room);
}

// Rows that say how each octet differs from its neighbours (section 7.4.4.4, PNG's predictors).
void undo_predictor(std::string& octets, const PdfPacking& packing) {
    const std::uint64_t pixel = std::max<std::uint64_t>(packing.colors * packing.bits / 8, 1);
    const std::uint64_t row = packing.columns * pixel;
    if (packing.predictor < 10 || row == 0 || row > kMaxRow || packing.colors > 64 || packing.bits > 32)
        return;
    std::string out;
    out.reserve(octets.size());
    std::string above(row, '\0');
    for (std::size_t at = 0; at + 1 < octets.size(); at += row + 1) {
        const char kind = octets[at];
        std::string line = octets.substr(at + 1, row);
        for (std::size_t i = 0; i < line.size(); ++i) {
            const int left = i >= pixel ? static_cast<unsigned char>(line[i - pixel]) : 0;
            const int up = static_cast<unsigned char>(above[i]);
            const int corner = i >= pixel ? static_cast<unsigned char>(above[i - pixel]) : 0;
            const int guess = left + up - corner;
            const int to_left = std::abs(guess - left), to_up = std::abs(guess - up),
                      to_corner = std::abs(guess - corner);
            const int paeth = to_left <= to_up && to_left <= to_corner ? left : to_up <= to_corner ? up : corner;
            const int add = kind == 1 ? left : kind == 2 ? up : kind == 3 ? (left + up) / 2 : kind == 4 ? paeth : 0;
            line[i] = static_cast<char>(static_cast<unsigned char>(line[i]) + add);
        }
        out += line;
        line.resize(row);
        above = std::move(line);
    }
    octets = std::move(out);
}

using Filter = bool (*)(std::string_view, std::string&, const Room&);

Filter filter_of(std::string_view name) {
    constexpr std::pair<std::string_view, Filter> kFilters[] = {
        {"FlateDecode", flate},     {"Fl", flate},    {"ASCIIHexDecode", ascii_hex},   {"AHx", ascii_hex},
        {"ASCII85Decode", ascii85}, {"A85", ascii85}, {"RunLengthDecode", run_length}, {"RL", run_length},
        {"LZWDecode", lzw},         {"LZW", lzw}};
    const auto* found = std::find_if(std::begin(kFilters), std::end(kFilters),
                                     [name](const auto& filter) { return filter.first == name; });
    return found != std::end(kFilters) ? found->second : nullptr;
}

}  // namespace

PdfUnpacked pdf_unpack(std::string_view octets, const PdfPacking& packing, const Room& room) {
    PdfUnpacked result;
    if (packing.filters.empty()) {
        result.whole = room(octets.size());
        if (result.whole)
            result.octets = octets;
        return result;
    }
    if (packing.filters.size() > kMaxFilters) {
        result.known = false;
        return result;
    }
    std::string before;
    for (const auto& name : packing.filters) {
        const auto filter = filter_of(name);
        result.known = result.known && filter != nullptr;
        if (filter == nullptr)
            return result;
        std::string out;
        result.whole = filter(octets, out, room) && result.whole;
        before = std::move(out);
        octets = before;
    }
    undo_predictor(before, packing);
    result.octets = std::move(before);
    return result;
}

}  // namespace scanners::attachment
