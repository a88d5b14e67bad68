#include "mail/headers.hpp"

#include <algorithm>

#include "mail/text.hpp"

namespace mail {
namespace {

constexpr std::size_t kMaxMessageId = 200;
constexpr std::size_t kMaxFacts = 262144;  // octets of a mail in which facts are looked for

// Offset behind the line that begins at `begin`.
std::size_t line_end(std::string_view mail, std::size_t begin) {
    const auto lf = mail.find('\n', begin);
    return lf == std::string_view::npos ? mail.size() : lf + 1;
}

std::string_view without_line_end(std::string_view text) {
    if (text.ends_with('\n'))
        text.remove_suffix(1);
    if (text.ends_with('\r'))
        text.remove_suffix(1);
    return text;
}

// The field name before the colon, without the blanks that RFC 5322 section 4.5 still allows there; empty: no field.
std::string_view field_name(std::string_view before_colon) {
    const auto last = before_colon.find_last_not_of(" \t");
    const auto name = before_colon.substr(0, last == std::string_view::npos ? 0 : last + 1);
    const bool valid = std::all_of(name.begin(), name.end(), [](char octet) { return octet > ' ' && octet < '\x7f'; });
    return valid ? name : std::string_view{};
}

std::string message_id(std::string_view value) {
    auto text = trim(value);
    if (const auto end = text.find('>'); text.starts_with('<') && end != std::string_view::npos)
        text = text.substr(0, end + 1);
    std::string id;
    for (const char octet : text) {
        if (id.size() == kMaxMessageId)
            break;
        if (static_cast<unsigned char>(octet) >= ' ' && octet != '\x7f')
            id += octet;
    }
    return id;
}

}  // namespace

std::optional<HeaderField> HeaderReader::next() {
    const auto begin = position_;
    auto end = line_end(mail_, begin);
    if (without_line_end(mail_.substr(begin, end - begin)).empty())
        return std::nullopt;  // the empty line, or the end of the mail
    while (end < mail_.size() && (mail_[end] == ' ' || mail_[end] == '\t'))
        end = line_end(mail_, end);
    position_ = end;

    HeaderField field;
    field.begin = begin;
    field.end = end;
    const auto text = without_line_end(mail_.substr(begin, end - begin));
    const auto colon = text.find(':');
    if (colon == std::string_view::npos)
        return field;
    field.name = field_name(text.substr(0, colon));
    if (!field.name.empty())
        field.value = text.substr(colon + 1);
    return field;
}

bool field_name_is(const HeaderField& field, std::string_view name) {
    return equal_ignoring_case(field.name, name);
}

HeaderFacts read_header_facts(std::string_view mail, std::size_t max_fields) {
    HeaderFacts facts;
    HeaderReader reader(mail.substr(0, kMaxFacts));
    bool received_seen = false;
    for (std::size_t i = 0; i < max_fields && (!received_seen || facts.message_id.empty()); ++i) {
        const auto field = reader.next();
        if (!field)
            break;
        if (!received_seen && field_name_is(*field, "Received")) {
            received_seen = true;
            facts.received = parse_received(field->value);
            facts.below_received = field->end;
        } else if (facts.message_id.empty() && field_name_is(*field, "Message-ID")) {
            facts.message_id = message_id(field->value);
        }
    }
    return facts;
}

}  // namespace mail
