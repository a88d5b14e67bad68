#include "scanners/charset.hpp"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "base/utf8.hpp"
#include "mail/text.hpp"

namespace scanners {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::size_t kMaxName = 40;

// As iconv knows it; empty: it cannot be one. No "/", which would switch options of iconv on.
std::string iconv_name(std::string_view charset) {
    charset = mail::trim(charset);
    const bool plain = charset.size() <= kMaxName && std::all_of(charset.begin(), charset.end(), [](char octet) {
                           return (octet >= '0' && octet <= '9') ||
                                  (mail::lower(octet) >= 'a' && mail::lower(octet) <= 'z') ||
                                  std::string_view("-_.:+").find(octet) != std::string_view::npos;
                       });
    if (!plain)
        return {};
    std::string name(charset);
    std::transform(name.begin(), name.end(), name.begin(), mail::lower);
    if (name.empty() || name == "ascii" || name == "7bit" || name == "8bit")
        return "us-ascii";
    if (name == "unicode-1-1-utf-7" || name == "utf7")
        return "utf-7";
    if (name == "utf8" || name == "unicode-1-1-utf-8")
        return "utf-8";
    if (name.starts_with("cp-"))
        name.erase(2, 1);
    if (name == "ks_c_5601-1987" || name == "ks_c_5601")
        return "uhc";
    return name;
}

class Converter {
  public:
    explicit Converter(const std::string& name)
        : handle_(name.empty() ? iconv_t(-1) : ::iconv_open("UTF-8", name.c_str())) {}
    Converter(const Converter&) = delete;
    Converter& operator=(const Converter&) = delete;
    ~Converter() {
        if (valid())
            ::iconv_close(handle_);
    }
    [[nodiscard]] bool valid() const { return reinterpret_cast<std::intptr_t>(handle_) != -1; }

    // `unit`: octets to skip over what cannot be decoded.
    std::string convert(std::string_view text, std::size_t unit) {
        std::string out;
        std::array<char, 8192> buffer;
        auto* in = const_cast<char*>(text.data());  // iconv does not write there
        auto left = text.size();
        while (true) {
            auto* to = buffer.data();
            auto room = buffer.size();
            // The last call flushes what a stateful character set holds back.
            const auto done =
                left > 0 ? ::iconv(handle_, &in, &left, &to, &room) : ::iconv(handle_, nullptr, nullptr, &to, &room);
            const int error = errno;
            out.append(buffer.data(), buffer.size() - room);
            if (done != static_cast<std::size_t>(-1)) {
                if (left == 0 && in == nullptr)
                    break;
                if (left == 0)
                    in = nullptr;
                continue;
            }
            if (error == E2BIG)
                continue;
            out += kReplacement;
            if (left == 0)
                break;
            const auto skip = std::min(unit, left);
            in += skip;
            left -= skip;
        }
        return out;
    }

  private:
    iconv_t handle_;
};

// UTF-8, a character at a time, into a character set; into ASCII where there is no converter.
class Encoder {
  public:
    explicit Encoder(const std::string& name)
        : handle_(name.empty() || name == "us-ascii" ? iconv_t(-1) : ::iconv_open(name.c_str(), "UTF-8")) {}
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;
    ~Encoder() {
        if (valid())
            ::iconv_close(handle_);
    }

    // False: the character set does not have it, and nothing was added.
    bool add(std::string& out, std::string_view text) {
        if (!valid()) {
            const bool ascii = std::all_of(text.begin(), text.end(),
                                           [](char octet) { return static_cast<unsigned char>(octet) < 0x80; });
            out.append(ascii ? text : "");
            return ascii;
        }
        std::array<char, 128> buffer;
        auto* in = const_cast<char*>(text.data());
        auto left = text.size();
        auto* to = buffer.data();
        auto room = buffer.size();
        // Anything but 0 is a character that was replaced by another one.
        if (::iconv(handle_, &in, &left, &to, &room) != 0)
            return false;
        out.append(buffer.data(), buffer.size() - room);
        return true;
    }

    // Back to ASCII, where a character set has states.
    void finish(std::string& out) {
        std::array<char, 32> buffer;
        auto* to = buffer.data();
        auto room = buffer.size();
        if (valid() && ::iconv(handle_, nullptr, nullptr, &to, &room) != static_cast<std::size_t>(-1))
            out.append(buffer.data(), buffer.size() - room);
    }

  private:
    [[nodiscard]] bool valid() const { return reinterpret_cast<std::intptr_t>(handle_) != -1; }
    iconv_t handle_;
};

// HTML's way to name a character in ASCII; `character` is valid UTF-8.
std::string reference_to(std::string_view character) {
    const auto first = static_cast<unsigned char>(character.front());
    std::uint32_t code = character.size() == 1 ? first : first & (0x7FU >> character.size());
    for (const char octet : character.substr(1))
        code = code << 6U | (static_cast<unsigned char>(octet) & 0x3FU);
    return "&#" + std::to_string(code) + ";";
}

std::string mend_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto octets = base::utf8_character(text);
        out += octets == 0 ? kReplacement : text.substr(0, octets);
        text.remove_prefix(std::max<std::size_t>(octets, 1));
    }
    return out;
}

// UTF-16 or UTF-32 without an order in its name: the mark, or where the zeros of Latin letters stand.
std::string with_order(std::string name, std::string_view& text) {
    const bool wide =
        name == "utf-16" || name == "utf16" || name == "ucs-2" || name == "unicode" || name == "iso-10646-ucs-2";
    if (!wide || text.size() < 2)
        return name;
    if (text.starts_with("\xFE\xFF") || text.starts_with("\xFF\xFE")) {
        name = text.front() == '\xFE' ? "utf-16be" : "utf-16le";
        text.remove_prefix(2);
        return name;
    }
    std::array<std::size_t, 2> zeros{};
    for (std::size_t i = 0; i < std::min<std::size_t>(text.size(), 4096); ++i)
        zeros[i % 2] += text[i] == '\0' ? 1 : 0;
    return zeros[0] >= zeros[1] ? "utf-16be" : "utf-16le";
}

}  // namespace

std::string to_utf8(std::string_view text, std::string_view charset) {
    const auto name = with_order(iconv_name(charset), text);
    if (name == "utf-8" || name == "us-ascii")
        return mend_utf8(text);
    const std::size_t unit = name.starts_with("utf-16") ? 2 : name.starts_with("utf-32") ? 4 : 1;
    Converter converter(name);
    if (converter.valid())
        return converter.convert(text, unit);
    Converter fallback("windows-1252");
    return fallback.valid() ? fallback.convert(text, 1) : mend_utf8(text);
}

std::optional<std::string> from_utf8(std::string_view text, std::string_view charset, mail::edit::Missing missing) {
    if (is_wide_charset(charset))
        return std::nullopt;
    const auto mended = mend_utf8(text);
    const auto name = iconv_name(charset);
    if (name == "utf-8")
        return mended;
    Encoder encoder(name);
    std::string out;
    for (std::string_view rest = mended; !rest.empty();) {
        const auto octets = base::utf8_character(rest);
        const auto character = rest.substr(0, octets);
        rest.remove_prefix(octets);
        if (!encoder.add(out, character))
            encoder.add(out, missing == mail::edit::Missing::kNumericReference ? reference_to(character) : "?");
    }
    encoder.finish(out);
    return out;
}

bool is_known_charset(std::string_view charset) {
    const auto name = iconv_name(charset);
    constexpr std::array<std::string_view, 5> kCommon = {"us-ascii", "utf-8", "iso-8859-1", "iso-8859-15",
                                                         "windows-1252"};
    return std::find(kCommon.begin(), kCommon.end(), name) != kCommon.end() || Converter(name).valid();
}

bool is_wide_charset(std::string_view charset) {
    const auto name = iconv_name(charset);
    constexpr std::array<std::string_view, 7> kWide = {"utf-7", "utf-16", "utf-32", "ucs-", "unicode", "ibm", "cp1026"};
    if (std::none_of(kWide.begin(), kWide.end(), [&](auto prefix) { return name.starts_with(prefix); }))
        return false;
    constexpr std::string_view kAscii = "<a href=\"x\">+AB 1";
    return to_utf8(kAscii, name) != kAscii;
}

}  // namespace scanners
