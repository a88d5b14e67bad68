// The header section: fields are ranges inside the text, one behind the other; our trace goes on top, fields of our
// name go out, and every other octet stays.
#include "mail/headers.hpp"

#include <algorithm>

#include "mail/rope.hpp"
#include "smtp/data_codec.hpp"
#include "target.hpp"

namespace {

using fuzz::require;

class TextMessage final : public mail::Message {
  public:
    explicit TextMessage(std::string text) : text_(std::move(text)) {}
    [[nodiscard]] std::string_view bytes() const override { return text_; }
    [[nodiscard]] base::Result<base::UniqueFd> share() const override { return base::error("not shared"); }

  private:
    std::string text_;
};

bool inside(std::string_view part, std::string_view whole) {
    return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

bool is_ours(const mail::HeaderField& field) {
    constexpr auto prefix = mail::kOwnFieldPrefix;
    return field.name.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), field.name.begin(),
                                                            [](char a, char b) { return (a | 0x20) == (b | 0x20); });
}

// The mail without the fields that bear our name, by copying.
std::string without_ours(std::string_view mail) {
    std::string kept;
    std::size_t at = 0;
    mail::HeaderReader reader(mail);
    while (const auto field = reader.next()) {
        require(field->begin == at && field->end > field->begin && field->end <= mail.size(),
                "fields stand one behind the other");
        require(inside(field->name, mail) && inside(field->value, mail), "name and value are inside the text");
        require(std::all_of(field->name.begin(), field->name.end(), [](char c) { return c > ' ' && c < '\x7f'; }),
                "a field's name is printable");
        at = field->end;
        if (!is_ours(*field))
            kept += mail.substr(field->begin, field->end - field->begin);
    }
    require(at == mail.size() || mail.substr(at).starts_with("\r\n") || mail[at] == '\n' || mail.substr(at) == "\r",
            "the header ends with the empty line or the mail");
    return kept.append(mail.substr(at));
}

void check_facts(std::string_view mail) {
    const auto facts = mail::read_header_facts(mail);
    const auto is_word = [](const std::string& text, std::string_view more) {
        return std::all_of(text.begin(), text.end(), [more](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) || more.find(c) != std::string_view::npos;
        });
    };
    require(facts.received.id.size() <= 64 && is_word(facts.received.id, "._-"), "an id is a bounded word");
    require(facts.received.by.size() <= 255 && is_word(facts.received.by, "._:[]-"), "a host is a bounded word");
    require(facts.below_received <= mail.size(), "what is below a field is inside the text");
    require(facts.message_id.size() <= 200, "a Message-ID is bounded");
    require(std::none_of(facts.message_id.begin(), facts.message_id.end(),
                         [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }),
            "a Message-ID has no control character");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto raw = fuzz::as_text(data, size);
    without_ours(raw);  // nobody relies on canonical text for safety
    check_facts(raw);

    // What the decoder makes of it is what the proxy has.
    std::string canonical;
    smtp::DataDecoder decoder;
    const std::string wire = std::string(raw) + "\r\n.\r\n";
    std::string_view rest = wire;
    decoder.feed(rest, canonical);
    const auto wanted = without_ours(canonical);
    check_facts(canonical);

    const std::string trace = "Received: trace\r\nX-Sandwich-Verdict: clean\r\n";
    const auto rope = mail::with_trace(std::make_shared<TextMessage>(canonical), trace);
    const auto sent = rope.flatten();
    require(rope.size() == sent.size(), "the size is the size");
    require(sent.starts_with(trace), "the trace is on top");
    const auto below = std::string_view(sent).substr(trace.size());
    require(below == wanted, "every octet stays but our own fields");
    require(without_ours(below) == below, "no field of our name is left");
    return 0;
}
