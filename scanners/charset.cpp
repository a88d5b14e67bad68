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
