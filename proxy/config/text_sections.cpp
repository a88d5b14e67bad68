#include "config/text_sections.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "base/utf8.hpp"
#include "config/policy_deeds.hpp"
#include "config/policy_words.hpp"
#include "config/spelling.hpp"
#include "policy/notice_text.hpp"

namespace config {

namespace {

constexpr std::size_t kMaxNoticeAddresses = 50;
constexpr std::size_t kMaxSubject = 200;  // octets, as it is written
constexpr std::size_t kMaxFrom = 200;
constexpr std::string_view kMark = "\xef\xbb\xbf";

// A tab may stand in a text; no other control character.
bool is_text(std::string_view line) {
    std::string without(line);
    std::erase(without, '\t');
    return base::is_clean_utf8(without);
}

base::Status add_line(std::string& text, std::string_view line) {
    if (line.size() > kMaxTextLine || !is_text(line))
        return base::error("a line has at most {} octets of UTF-8 without control characters", kMaxTextLine);
    if (text.size() + line.size() + 1 > kMaxStampText)
        return base::error("the text has more than {} octets", kMaxStampText);
    text.append(line).append("\n");
    return base::ok();
}

using CheckLine = base::Status (*)(std::string_view line);

base::Status as_it_is(std::string_view) {
    return base::ok();
}

base::Status check_tokens(std::string_view line) {
    if (const auto wrong = policy::wrong_token(line))
        return base::error("{}", wrong_token_message(*wrong));
    return base::ok();
}

// The lines of a file; what is wrong with one is told with its place.
base::Status add_file(std::string& text, const std::string& path, const FindList& find_file, CheckLine check) {
    const auto* const file = find_file(path);
    if (file == nullptr)
        return base::error("the file {} was not read", path);
    std::string_view rest = *file;
    if (rest.starts_with(kMark))
        rest.remove_prefix(kMark.size());
    for (unsigned number = 1; !rest.empty(); ++number) {
        auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        auto good = check(line);
        if (good)
            good = add_line(text, line);
        if (!good)
            return base::error("{}:{}: {}", path, number, good.error().message);
    }
    return base::ok();
}

base::Error unknown_key(const IniEntry& entry, std::string_view section, std::vector<std::string_view> keys) {
    return base::error("unknown key {} in section [{}]{}", entry.key, section, hint_at(entry.key, keys));
}

}  // namespace

// ---- stamps

StampSection::StampSection(std::string name, FindList find_file) : find_file_(std::move(find_file)) {
    stamp_.name = std::move(name);
}

base::Status StampSection::take(const IniEntry& entry) {
    const auto key = lower(entry.key);
    if (key == "text")
        return add_line(stamp_.plain, entry.value);
    if (key == "file")
        return add_file(stamp_.plain, entry.value, find_file_, as_it_is);
    if (key == "html")
        return add_line(stamp_.html, entry.value);
    if (key == "html_file")
        return add_file(stamp_.html, entry.value, find_file_, as_it_is);
    if (key != "place")
        return unknown_key(entry, "stamp", {"place", "text", "file", "html", "html_file"});
    if (!same(entry.value, "start") && !same(entry.value, "end"))
        return base::error("place is start or end");
    stamp_.at_end = same(entry.value, "end");
    return base::ok();
}

base::Result<policy::Stamp> StampSection::finish() {
    if (stamp_.plain.find_first_not_of(" \t\n") == std::string::npos)
        return base::error("[stamp {}] has no text: a line text= or file= is missing", stamp_.name);
    return std::move(stamp_);
}

// ---- notices

NoticeSection::NoticeSection(std::string name, FindList find_file) : find_file_(std::move(find_file)) {
    notice_.name = std::move(name);
}

base::Status NoticeSection::take(const IniEntry& entry) {
    const auto key = lower(entry.key);
    if (key == "to")
        return take_to(entry.value);
    if (key == "from")
        return take_from(entry.value);
    if (key == "subject")
        return take_subject(entry.value);
    if (key == "text" || key == "file")
        return take_text(entry);
    if (key == "per_hour")
        return take_per_hour(entry.value);
    return unknown_key(entry, "notice", {"to", "from", "subject", "text", "file", "per_hour"});
}

base::Status NoticeSection::take_to(std::string_view value) {
    const auto words = split_words(value);
    if (!words)
        return words.error();
    for (const auto& word : *words) {
        if (same(word, "sender")) {
            notice_.to_sender = true;
        } else if (same(word, "recipients")) {
            notice_.to_recipients = true;
        } else if (same(word, "postmaster")) {
            notice_.to_postmaster = true;
        } else if (!check_address(word)) {
            return base::error("to is sender, recipients, postmaster, or addresses as user@example.com; not \"{}\"{}",
                               word.substr(0, 80), hint_at(word, {"sender", "recipients", "postmaster"}));
        } else if (notice_.addresses.size() == kMaxNoticeAddresses) {
            return base::error("more than {} addresses", kMaxNoticeAddresses);
        } else if (std::ranges::find(notice_.addresses, word) == notice_.addresses.end()) {
            notice_.addresses.push_back(word);
        }
    }
    return base::ok();
}

// "address" or "name <address>".
base::Status NoticeSection::take_from(std::string_view value) {
    const auto open = value.find('<');
    const auto name = open == std::string_view::npos ? std::string_view{} : value.substr(0, open);
    auto address = value;
    if (open != std::string_view::npos && value.ends_with('>'))
        address = value.substr(open + 1, value.size() - open - 2);
    if (value.size() > kMaxFrom || !check_address(address) || !base::is_clean_utf8(name) ||
        name.find_first_of("\"\\>") != std::string_view::npos)
        return base::error("from is an address, or a name and an address: Mail check <user@example.com>");
    notice_.from = std::string(value);
    return base::ok();
}

base::Status NoticeSection::take_subject(std::string_view value) {
    if (value.empty() || value.size() > kMaxSubject || !base::is_clean_utf8(value))
        return base::error("subject has 1 to {} octets of UTF-8 without control characters", kMaxSubject);
    notice_.subject = std::string(value);
    return check_tokens(value);
}

base::Status NoticeSection::take_text(const IniEntry& entry) {
    if (same(entry.key, "file"))
        return add_file(notice_.text, entry.value, find_file_, check_tokens);
    if (auto good = check_tokens(entry.value); !good)
        return good;
    return add_line(notice_.text, entry.value);
}

base::Status NoticeSection::take_per_hour(std::string_view value) {
    unsigned number = 0;
    const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (problem != std::errc() || end != value.data() + value.size() || number > kMaxPerHour)
        return base::error("per_hour is a number of 0 to {}; 0: any number", kMaxPerHour);
    notice_.per_hour = number;
    return base::ok();
}

base::Result<policy::Notice> NoticeSection::finish() {
    const auto& n = notice_;
    const auto* const missing = !n.to_sender && !n.to_recipients && !n.to_postmaster && n.addresses.empty() ? "to"
                                : n.subject.empty()                                                         ? "subject"
                                : n.text.empty()                                                            ? "text"
                                                                                                            : nullptr;
    if (missing != nullptr)
        return base::error("[notice {}]: a line {}= is missing", n.name, missing);
    return std::move(notice_);
}

}  // namespace config
