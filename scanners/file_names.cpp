#include "scanners/file_names.hpp"

#include <algorithm>
#include <map>

#include "base/utf8.hpp"
#include "mail/mime/defect.hpp"
#include "mail/mime/words.hpp"
#include "mail/text.hpp"
#include "policy/contents.hpp"
#include "scanners/charset.hpp"

namespace scanners {
namespace {

using mail::mime::Parameter;
using mail::mime::Value;

// Readings that are looked at before the most telling ones are chosen.
constexpr std::size_t kMaxReadings = 24;
// Longer header fields are looked at up to here.
constexpr std::size_t kMaxField = 16U << 10;

bool bears_name(std::string_view parameter) {
    return parameter == "filename" || parameter == "name";
}

// Of a word that is still to be split into type and extension: what stands behind the last dot, in small letters.
std::string ending(std::string_view name) {
    const auto dot = name.rfind('.');
    std::string result(dot == std::string_view::npos ? std::string_view() : name.substr(dot));
    std::transform(result.begin(), result.end(), result.begin(), mail::lower);
    return result;
}

class Names {
  public:
    void add(std::string_view raw) {
        std::uint64_t unused = 0;
        auto name = mail::mime::decode_words(raw.substr(0, kMaxField), to_utf8, unused);
        name = base::clean_utf8(mail::trim(name), policy::kMaxName);
        if (!name.empty() && all_.size() < kMaxReadings && std::find(all_.begin(), all_.end(), name) == all_.end())
            all_.push_back(std::move(name));
    }

    // The first; then each with an ending of its own; then the others.
    std::vector<std::string> best() const {
        std::vector<std::string> chosen;
        std::vector<std::string> endings;
        for (const bool telling : {true, false}) {
            for (const auto& name : all_) {
                const auto last = ending(name);
                const bool seen = std::find(endings.begin(), endings.end(), last) != endings.end();
                if (chosen.size() == policy::kMaxNames ||
                    std::find(chosen.begin(), chosen.end(), name) != chosen.end() ||
                    (telling && (seen || last.empty()) && !chosen.empty()))
                    continue;
                chosen.push_back(name);
                endings.push_back(last);
            }
        }
        return chosen;
    }

  private:
    std::vector<std::string> all_;
};

// RFC 2231 sections of all fields together, in the order of their numbers and in that of the text.
void add_joined(Names& names, const std::vector<Value>& values) {
    std::vector<const Parameter*> parts;
    for (const auto& value : values) {
        for (const auto& one : value.parameters) {
            if (bears_name(one.name) && one.section != mail::mime::kNoSection)
                parts.push_back(&one);
        }
    }
    const auto join = [&] {
        std::string joined;
        for (const auto* part : parts)
            joined += part->extended ? mail::mime::decode_extended(part->value, to_utf8) : part->value;
        names.add(joined);
    };
    join();
    std::stable_sort(parts.begin(), parts.end(),
                     [](auto* left, auto* right) { return left->section < right->section; });
    join();
}

// Behind "name=" to the end of the parameter or of the field, whatever the quotes say.
void add_loose(Names& names, std::string_view field) {
    for (std::size_t at = 0, found = 0; found < 32; ++found) {
        at = field.find('=', at);
        if (at == std::string_view::npos)
            return;
        std::string before(field.substr(0, at++));
        std::transform(before.begin(), before.end(), before.begin(), mail::lower);
        if (before.size() > 200)
            before.erase(0, before.size() - 200);
        if (before.find("name", before.find_last_of(';') + 1) == std::string::npos)
            continue;
        const auto rest = mail::trim(field.substr(at));
        for (const auto& reading : {mail::mime::without_comments(rest), std::string(rest)}) {
            for (const auto end : {reading.find(';'), reading.find_last_not_of(" ;") + 1}) {
                std::string bare = reading.substr(0, end);
                names.add(bare);
                // An apostrophe quotes, for some.
                std::erase_if(bare, [](char octet) { return octet == '"' || octet == '\\' || octet == '\''; });
                names.add(bare);
            }
        }
    }
}

}  // namespace

std::vector<std::string> file_names(std::string_view text, const mail::mime::Entity& entity) {
    Names names;
    std::vector<Value> values;
    std::vector<std::string> fields;
    for (const std::string_view wanted : {"Content-Disposition", "Content-Type"}) {
        for (const auto& field : entity.header.fields) {
            if (!mail::equal_ignoring_case(field.name.of(text), wanted) || values.size() >= 8)
                continue;
            fields.push_back(mail::mime::unfold(field.value.of(text).substr(0, kMaxField)));
            values.push_back(mail::mime::parse_value(fields.back(), 100));
        }
    }
    for (const auto& value : values) {
        for (const std::string_view name : {"filename", "name"})
            names.add(mail::mime::parameter(value, name, to_utf8));
    }
    std::uint64_t odd = 0;
    bool continued = false;
    for (const auto& value : values) {
        odd |= value.defects & ~bit(mail::mime::Defect::kParameterWord);  // mailers write those
        for (const auto& one : value.parameters) {
            if (!bears_name(one.name))
                continue;
            continued |= one.section != mail::mime::kNoSection;
            names.add(one.extended ? mail::mime::decode_extended(one.value, to_utf8) : one.value);
        }
    }
    if (continued)
        add_joined(names, values);
    // A header by the book has one reading.
    const auto has_apostrophe = [](const auto& field) { return field.find("='") != std::string::npos; };
    if (odd != 0 || std::any_of(fields.begin(), fields.end(), has_apostrophe)) {
        for (const auto& field : fields)
            add_loose(names, field);
    }
    return names.best();
}

}  // namespace scanners
