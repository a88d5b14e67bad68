#include "mail/mime/parameters.hpp"

#include <algorithm>
#include <charconv>

#include "mail/mime/defect.hpp"
#include "mail/text.hpp"

namespace mail::mime {
namespace {

std::string lower_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

// Behind the comment that begins at `at`.
std::size_t skip_comment(std::string_view text, std::size_t at) {
    for (unsigned depth = 0; at < text.size(); ++at) {
        if (text[at] == '\\')
            ++at;
        else if (text[at] == '(')
            ++depth;
        else if (text[at] == ')' && --depth == 0)
            return at + 1;
    }
    return text.size();
}

class Reader {
  public:
    Reader(std::string_view text, Value& value) : text_(text), value_(value) {}

    [[nodiscard]] bool done() const { return at_ >= text_.size(); }
    void skip_semicolon() { at_ += !done() && text_[at_] == ';' ? 1 : 0; }

    // Up to one of `stops`, without comments, trimmed.
    std::string word(std::string_view stops) {
        std::string out;
        while (!done() && stops.find(text_[at_]) == std::string_view::npos) {
            if (text_[at_] == '(') {
                value_.defects |= out.empty() ? 0 : bit(Defect::kParameterComment);
                at_ = skip_comment(text_, at_);
            } else {
                out += text_[at_++];
            }
        }
        return std::string(trim(out));
    }

    bool take(char octet) {
        if (done() || text_[at_] != octet)
            return false;
        ++at_;
        return true;
    }

    // Behind "=".
    std::string parameter_value() {
        while (!done() && is_white(text_[at_]))
            ++at_;
        if (!take('"')) {
            auto out = word(";");
            if (out.find('"') != std::string::npos || out.find('\\') != std::string::npos)
                value_.defects |= bit(Defect::kParameterQuoting);
            return out;
        }
        std::string out;
        while (!done() && text_[at_] != '"') {
            if (text_[at_] == '\\' && at_ + 1 < text_.size())
                ++at_;
            out += text_[at_++];
        }
        if (!take('"') || !word(";").empty())
            value_.defects |= bit(Defect::kParameterQuoting);
        return out;
    }

  private:
    std::string_view text_;
    Value& value_;
    std::size_t at_ = 0;
};

// Takes "*", "*2" or "*2*" off the name.
void read_section(Parameter& parameter) {
    auto& name = parameter.name;
    const auto star = name.find('*');
    if (star == std::string::npos)
        return;
    std::string_view suffix = std::string_view(name).substr(star + 1);
    if (suffix.empty() || suffix.ends_with('*')) {
        parameter.extended = true;
        suffix.remove_suffix(suffix.empty() ? 0 : 1);
    }
    int section = 0;
    const auto [end, error] = std::from_chars(suffix.data(), suffix.data() + suffix.size(), section);
    if (error == std::errc{} && section >= 0)
        parameter.section = section;
    name.erase(star);
}

// What two parameters of one name have to say about each other.
std::uint64_t compare(const std::vector<Parameter>& all) {
    std::uint64_t defects = 0;
    for (std::size_t i = 1; i < all.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (all[i].name != all[j].name)
                continue;
            if (all[i].section == all[j].section || (all[i].section == kNoSection) != (all[j].section == kNoSection))
                defects |= bit(Defect::kParameterRepeated);
            else if (all[i].section < all[j].section)
                defects |= bit(Defect::kParameterSections);
        }
    }
    for (const auto& one : all) {
        const auto before = [&](const Parameter& other) {
            return other.name == one.name && other.section == one.section - 1;
        };
        if (one.section > 0 && std::none_of(all.begin(), all.end(), before))
            defects |= bit(Defect::kParameterSections);
        if (one.value.find("=?") != std::string::npos)
            defects |= bit(Defect::kParameterWord);
    }
    return defects;
}

std::vector<const Parameter*> sections(const Value& value, std::string_view name) {
    std::vector<const Parameter*> found;
    for (const auto& one : value.parameters) {
        if (one.name == name && one.section != kNoSection)
            found.push_back(&one);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](auto* left, auto* right) { return left->section < right->section; });
    return found;
}

const Parameter* single(const Value& value, std::string_view name, bool extended) {
    const auto found = std::find_if(value.parameters.begin(), value.parameters.end(), [&](const Parameter& one) {
        return one.name == name && one.section == kNoSection && one.extended == extended;
    });
    return found == value.parameters.end() ? nullptr : &*found;
}

}  // namespace

std::string without_comments(std::string_view text) {
    std::string out;
    bool quoted = false;
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == '(' && !quoted) {
            at = skip_comment(text, at);
            continue;
        }
        if (text[at] == '\\' && at + 1 < text.size())
            out += text[at++];
        else if (text[at] == '"')
            quoted = !quoted;
        out += text[at++];
    }
    return out;
}

Value parse_value(std::string_view text, std::size_t max_parameters) {
    Value value;
    Reader reader(text, value);
    value.word = lower_case(reader.word(";"));
    while (!reader.done()) {
        reader.skip_semicolon();
        Parameter parameter;
        parameter.name = lower_case(reader.word("=;"));
        if (!reader.take('=')) {
            value.defects |= parameter.name.empty() ? 0 : bit(Defect::kParameterSyntax);
            continue;
        }
        parameter.value = reader.parameter_value();
        if (value.parameters.size() >= max_parameters) {
            value.too_many = true;
            break;
        }
        if (parameter.name.empty() || parameter.name.find_first_of(" \t\"\\") != std::string::npos)
            value.defects |= bit(Defect::kParameterSyntax);
        read_section(parameter);
        value.parameters.push_back(std::move(parameter));
    }
    value.defects |= compare(value.parameters);
    return value;
}

std::string decode_percent(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        unsigned octet = 0;
        const auto* digits = text.data() + at + 1;
        if (text[at] == '%' && at + 2 < text.size() &&
            std::from_chars(digits, digits + 2, octet, 16).ptr == digits + 2) {
            out += static_cast<char>(octet);
            at += 2;
        } else {
            out += text[at];
        }
    }
    return out;
}

std::string decode_extended(std::string_view text, ToUtf8 to_utf8) {
    const auto first = text.find('\'');
    const auto second = first == std::string_view::npos ? first : text.find('\'', first + 1);
    if (second == std::string_view::npos)
        return decode_percent(text);
    const auto octets = decode_percent(text.substr(second + 1));
    const auto charset = text.substr(0, first);
    return charset.empty() || to_utf8 == nullptr ? octets : to_utf8(octets, charset);
}

std::string parameter(const Value& value, std::string_view name, ToUtf8 to_utf8) {
    if (const auto parts = sections(value, name); !parts.empty()) {
        // The character set stands in the first section only, and a character may stand in two.
        std::string joined;
        std::string charset;
        for (const auto* part : parts) {
            std::string_view text = part->value;
            if (part->extended && part == parts.front()) {
                const auto first = text.find('\'');
                const auto second = first == std::string_view::npos ? first : text.find('\'', first + 1);
                if (second != std::string_view::npos) {
                    charset = text.substr(0, first);
                    text.remove_prefix(second + 1);
                }
            }
            joined += part->extended ? decode_percent(text) : std::string(text);
        }
        return charset.empty() || to_utf8 == nullptr ? joined : to_utf8(joined, charset);
    }
    if (const auto* extended = single(value, name, true))
        return decode_extended(extended->value, to_utf8);
    const auto* plain = single(value, name, false);
    return plain == nullptr ? std::string() : plain->value;
}

std::string plain_parameter(const Value& value, std::string_view name) {
    const auto* plain = single(value, name, false);
    return plain != nullptr ? plain->value : parameter(value, name, nullptr);
}

}  // namespace mail::mime
