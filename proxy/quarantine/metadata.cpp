#include "quarantine/metadata.hpp"

#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "base/ids.hpp"

namespace quarantine {
namespace {

constexpr std::string_view kFirstLine = "sandwich-quarantine 1";
constexpr std::array<std::string_view, 3> kReleaseNames{"held", "releasing", "released"};

std::string escape(std::string_view value) {
    std::string out;
    out.reserve(value.size());
    for (const char c : value) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet < 0x20 || octet == 0x7f || c == '\\')
            out += fmt::format("\\x{:02x}", octet);
        else
            out += c;
    }
    return out;
}

std::optional<std::string> unescape(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        if (text.front() != '\\') {
            out += text.front();
            text.remove_prefix(1);
            continue;
        }
        unsigned octet = 0;
        if (text.size() < 4 || text[1] != 'x' ||
            std::from_chars(text.data() + 2, text.data() + 4, octet, 16).ptr != text.data() + 4)
            return std::nullopt;
        out += static_cast<char>(octet);
        text.remove_prefix(4);
    }
    return out;
}

// Takes the lines apart in their fixed order; the first that is not as expected ends it.
class LineReader {
  public:
    explicit LineReader(std::string_view text) : text_(text) {}

    // The next line's value if its key is `key`, else nothing, and the line stays.
    std::optional<std::string> take(std::string_view key) {
        const auto end = text_.find('\n');
        if (end == std::string_view::npos || !text_.starts_with(key) || text_.substr(key.size(), 1) != "=")
            return std::nullopt;
        auto value = unescape(text_.substr(key.size() + 1, end - key.size() - 1));
        if (value)
            text_.remove_prefix(end + 1);
        return value;
    }

    bool into(std::string_view key, std::string& field) {
        auto value = take(key);
        if (!value)
            return complain(key);
        field = std::move(*value);
        return true;
    }

    template <typename Number>
    bool into(std::string_view key, Number& field) {
        const auto value = take(key);
        if (!value)
            return complain(key);
        const auto [end, code] = std::from_chars(value->data(), value->data() + value->size(), field);
        return code == std::errc() && end == value->data() + value->size() ? true : complain(key);
    }

    bool complain(std::string_view key) {
        wrong_ = key;
        return false;
    }

    [[nodiscard]] bool at_end() const { return text_.empty(); }
    [[nodiscard]] std::string_view wrong() const { return wrong_; }

  private:
    std::string_view text_;
    std::string_view wrong_;
};

bool read_recipients(LineReader& lines, std::vector<mail::Recipient>& recipients) {
    while (auto path = lines.take("recipient")) {
        mail::Recipient recipient{std::move(*path), {}};
        if (!lines.into("rcpt_parameters", recipient.parameters))
            return false;
        recipients.push_back(std::move(recipient));
    }
    return lines.at_end() || lines.complain("recipient");
}

bool read_release(LineReader& lines, ReleaseState& state) {
    std::string name;
    if (!lines.into("release", name))
        return false;
    for (std::size_t i = 0; i < kReleaseNames.size(); ++i)
        if (kReleaseNames[i] == name) {
            state = static_cast<ReleaseState>(i);
            return true;
        }
    return lines.complain("release");
}

// A line that is there only when there is something to say.
bool read_area(LineReader& lines, std::string& area) {
    if (auto value = lines.take("area"))
        area = std::move(*value);
    return true;
}

bool read_fields(LineReader& lines, Entry& entry) {
    std::int64_t microseconds = 0;
    if (!lines.into("id", entry.id) || !base::is_message_id(entry.id))
        return lines.complain("id");
    if (!lines.into("inbound_id", entry.inbound_id) || !lines.into("message_id", entry.message_id) ||
        !lines.into("client", entry.client) || !lines.into("verdict", entry.verdict) ||
        !lines.into("rule", entry.rule) || !read_area(lines, entry.area) || !lines.into("time", microseconds) ||
        !lines.into("size", entry.size) || !lines.into("sha256", entry.sha256) || !read_release(lines, entry.release) ||
        !lines.into("release_note", entry.release_note) || !lines.into("reverse_path", entry.envelope.reverse_path) ||
        !lines.into("mail_parameters", entry.envelope.parameters))
        return false;
    entry.time = base::Wall::time_point(std::chrono::microseconds(microseconds));
    return read_recipients(lines, entry.envelope.recipients);
}

}  // namespace

std::string encode(const Entry& entry) {
    std::string text = fmt::format("{}\n", kFirstLine);
    const auto line = [&text](std::string_view key, std::string_view value) {
        text.append(key).append("=").append(escape(value)).append("\n");
    };
    const auto microseconds =
        std::chrono::duration_cast<std::chrono::microseconds>(entry.time.time_since_epoch()).count();
    line("id", entry.id);
    line("inbound_id", entry.inbound_id);
    line("message_id", entry.message_id);
    line("client", entry.client);
    line("verdict", entry.verdict);
    line("rule", entry.rule);
    if (!entry.area.empty())
        line("area", entry.area);
    line("time", std::to_string(microseconds));
    line("size", std::to_string(entry.size));
    line("sha256", entry.sha256);
    line("release", kReleaseNames.at(static_cast<std::size_t>(entry.release)));
    line("release_note", entry.release_note);
    line("reverse_path", entry.envelope.reverse_path);
    line("mail_parameters", entry.envelope.parameters);
    for (const auto& recipient : entry.envelope.recipients) {
        line("recipient", recipient.path);
        line("rcpt_parameters", recipient.parameters);
    }
    line("sum", sha256(text));
    return text;
}

base::Result<Entry> decode(std::string_view text) {
    if (!text.starts_with(kFirstLine) || text.substr(kFirstLine.size(), 1) != "\n")
        return base::error("not of the form \"{}\"", kFirstLine);
    const auto sum_line = text.rfind("\nsum=");
    if (sum_line == std::string_view::npos)
        return base::error("cut short: no checksum");
    const auto summed = text.substr(0, sum_line + 1);
    if (text.substr(summed.size()) != fmt::format("sum={}\n", sha256(summed)))
        return base::error("the checksum is wrong");
    LineReader lines(summed.substr(kFirstLine.size() + 1));
    Entry entry;
    if (!read_fields(lines, entry))
        return base::error("the field \"{}\" is missing or wrong", lines.wrong());
    return entry;
}

std::string sha256(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("SHA-256 is not available");
    std::string hex;
    for (unsigned i = 0; i < length; ++i)
        hex += fmt::format("{:02x}", digest.at(i));
    return hex;
}

}  // namespace quarantine
