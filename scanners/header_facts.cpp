#include "scanners/header_facts.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "base/utf8.hpp"
#include "mail/field_syntax.hpp"
#include "mail/mime/defect.hpp"
#include "mail/mime/words.hpp"
#include "mail/text.hpp"
#include "scanners/charset.hpp"

namespace scanners {
namespace {

std::string lower(std::string_view name) {
    std::string lowered(name);
    std::transform(lowered.begin(), lowered.end(), lowered.begin(), mail::lower);
    return lowered;
}

class FieldFacts {
  public:
    FieldFacts(Opening& opening, std::string_view text) : opening_(opening), text_(text) {}

    void see(const mail::mime::Field& field) {
        const auto& wanted = opening_.wanted();
        auto name = lower(field.name.of(text_));
        const bool asked = std::binary_search(wanted.fields.begin(), wanted.fields.end(), name);
        if (!asked && !wanted.malformed)
            return;
        const auto value = field.value.of(text_);
        const bool malformed = !mail::is_well_formed(name, value);
        auto& first = opening_.contents().malformed_field;
        if (malformed && wanted.malformed && first.empty())
            first = base::clean_utf8(name, policy::kMaxFieldName);
        if (asked)
            add(std::move(name), value, malformed);
    }

  private:
    void add(std::string name, std::string_view value, bool malformed) {
        auto& fields = opening_.contents().fields;
        auto found = std::find_if(fields.begin(), fields.end(),
                                  [&name](const policy::FieldSeen& field) { return field.name == name; });
        if (found == fields.end())
            found = fields.insert(fields.end(), {std::move(name), 0, false, {}});
        found->count = static_cast<std::uint16_t>(std::min<unsigned>(found->count + 1U, 0xffff));
        found->malformed = found->malformed || malformed;
        std::uint64_t unused = 0;
        // Decoded text may be longer than what it came from; what is cut here would be left out anyway.
        const auto raw = mail::mime::unfold(value.substr(0, 4 * policy::kMaxFieldOctets));
        const auto decoded = mail::mime::decode_words(mail::trim(raw), to_utf8, unused);
        auto told = base::clean_utf8(decoded, room_);
        room_ -= told.size();
        if (told.size() < decoded.size() || found->values.size() == policy::kMaxFieldValues ||
            raw.size() == 4 * policy::kMaxFieldOctets)
            opening_.exceeded(policy::ContentLimit::kFacts, 0, found->count);
        if (found->values.size() < policy::kMaxFieldValues)
            found->values.push_back(std::move(told));
    }

    Opening& opening_;
    std::string_view text_;
    std::size_t room_ = policy::kMaxFieldOctets;
};

}  // namespace

void see_fields(Opening& opening, std::string_view text, const mail::mime::Header& header) {
    const auto& wanted = opening.wanted();
    if (wanted.fields.empty() && !wanted.malformed)
        return;
    FieldFacts facts(opening, text);
    for (const auto& field : header.fields)
        facts.see(field);
    auto& malformed = opening.contents().malformed_field;
    if (wanted.malformed && malformed.empty() &&
        (header.defects & mail::mime::bit(mail::mime::Defect::kHeaderLine)) != 0)
        malformed = "a line without a colon";
}

}  // namespace scanners
