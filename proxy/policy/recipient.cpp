#include "policy/recipient.hpp"

#include <algorithm>

#include "mail/text.hpp"

namespace policy {
namespace {

constexpr std::size_t kLongestPath = 320;  // octets: RFC 5321 section 4.5.3.1

// The content of a quoted-string, or the text itself with single quotations taken off (RFC 5321 section 4.1.2).
std::optional<std::string> unquote(std::string_view local) {
    const bool quoted = local.size() >= 2 && local.front() == '"' && local.back() == '"';
    if (quoted)
        local = local.substr(1, local.size() - 2);
    std::string plain;
    for (std::size_t i = 0; i < local.size(); ++i) {
        if (local[i] == '"')
            return std::nullopt;
        if (local[i] == '\\' && ++i == local.size())
            return std::nullopt;
        plain += local[i];
    }
    return plain;
}

}  // namespace

std::string_view to_string(Knowledge knowledge) {
    switch (knowledge) {
        case Knowledge::kKnown:
            return "known";
        case Knowledge::kUnknown:
            return "unknown";
        case Knowledge::kElsewhere:
            return "not its domain";
        case Knowledge::kCannotTell:
            return "cannot tell";
        case Knowledge::kDown:
            break;
    }
    return "down";
}

std::string_view to_string(RecipientVerdict verdict) {
    switch (verdict) {
        case RecipientVerdict::kAccept:
            return "accept";
        case RecipientVerdict::kRefuse:
            return "refuse (550 5.1.1)";
        case RecipientVerdict::kDefer:
            break;
    }
    return "defer (450 4.3.0)";
}

SourceAnswer combine(const std::vector<SourceAnswer>& answers) {
    // From what wins over all others to what only counts alone.
    constexpr Knowledge kOrder[] = {Knowledge::kKnown, Knowledge::kDown, Knowledge::kCannotTell, Knowledge::kUnknown};
    for (const auto wanted : kOrder)
        if (const auto found = std::ranges::find(answers, wanted, &SourceAnswer::knowledge); found != answers.end())
            return *found;
    return {Knowledge::kElsewhere};
}

RecipientVerdict judge(Knowledge knowledge, const RecipientChoices& choices) {
    const auto unclear = [](WhenUnclear choice) {
        return choice == WhenUnclear::kAccept ? RecipientVerdict::kAccept : RecipientVerdict::kDefer;
    };
    switch (knowledge) {
        case Knowledge::kUnknown:
            return RecipientVerdict::kRefuse;
        case Knowledge::kCannotTell:
            return unclear(choices.cannot_tell);
        case Knowledge::kDown:
            return unclear(choices.source_down);
        case Knowledge::kKnown:
        case Knowledge::kElsewhere:
            break;
    }
    return RecipientVerdict::kAccept;
}

std::optional<RecipientAddress> parse_recipient(std::string_view path) {
    if (path.empty() || path.size() > kLongestPath || path.front() == '@')
        return std::nullopt;
    if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
        return std::nullopt;
    const auto at = path.rfind('@');
    auto local = unquote(path.substr(0, at));
    if (!local || local->empty())
        return std::nullopt;
    RecipientAddress address{std::move(*local), {}};
    if (at == std::string_view::npos)
        return address;
    auto domain = path.substr(at + 1);
    if (!domain.empty() && domain.back() == '.')
        domain.remove_suffix(1);
    if (domain.empty())
        return std::nullopt;
    for (const char c : domain)
        address.domain += mail::lower(c);
    return address;
}

}  // namespace policy
