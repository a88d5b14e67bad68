#include "smtp/command.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "smtp/text.hpp"

namespace smtp {
namespace {

constexpr std::array<std::pair<std::string_view, Verb>, 15> kVerbs{{
    {"EHLO", Verb::kEhlo},
    {"HELO", Verb::kHelo},
    {"LHLO", Verb::kLhlo},
    {"MAIL", Verb::kMail},
    {"RCPT", Verb::kRcpt},
    {"DATA", Verb::kData},
    {"RSET", Verb::kRset},
    {"NOOP", Verb::kNoop},
    {"VRFY", Verb::kVrfy},
    {"EXPN", Verb::kExpn},
    {"HELP", Verb::kHelp},
    {"QUIT", Verb::kQuit},
    {"STARTTLS", Verb::kStarttls},
    {"XCLIENT", Verb::kXclient},
    {"XFORWARD", Verb::kXforward},
}};

constexpr std::size_t kMaxName = 64;  // octets of a verb that are kept for the log

// Takes "FROM", blanks, ":", blanks from the front of `text`.
bool take_prefix(std::string_view prefix, std::string_view& text) {
    if (!equal_ignoring_case(text.substr(0, prefix.size()), prefix))
        return false;
    text = trim_blanks(text.substr(prefix.size()));
    if (!text.starts_with(':'))
        return false;
    text = trim_blanks(text.substr(1));
    return true;
}

// Takes "<path>" from the front of `text`. Brackets within quotes or behind a backslash belong to the path. What the
// path means is the delivery server's affair.
std::optional<std::string_view> take_path(std::string_view& text) {
    if (!text.starts_with('<'))
        return std::nullopt;
    bool quoted = false;
    for (std::size_t at = 1; at < text.size(); ++at) {
        const char octet = text[at];
        if (octet == '\\')
            ++at;
        else if (octet == '"')
            quoted = !quoted;
        else if (octet == '<' && !quoted)
            return std::nullopt;
        else if (octet == '>' && !quoted) {
            const auto path = text.substr(1, at - 1);
            text.remove_prefix(at + 1);
            return path;
        }
    }
    return std::nullopt;
}

std::optional<Parameter> parse_parameter(std::string_view text) {
    const auto equals = text.find('=');
    Parameter parameter;
    parameter.keyword = text.substr(0, equals);
    if (equals != std::string_view::npos)
        parameter.value = text.substr(equals + 1);
    parameter.text = text;
    if (parameter.keyword.empty())
        return std::nullopt;
    return parameter;
}

}  // namespace

Command parse_command(std::string_view line) {
    line = trim_blanks(line);
    const auto word = first_word(line);
    Command command;
    command.name = upper_case(word.substr(0, kMaxName));
    command.argument = trim_blanks(line.substr(word.size()));
    const auto* known = std::find_if(kVerbs.begin(), kVerbs.end(),
                                     [word](const auto& verb) { return equal_ignoring_case(verb.first, word); });
    if (known != kVerbs.end())
        command.verb = known->second;
    return command;
}

bool keyword_is(const Parameter& parameter, std::string_view upper_case_keyword) {
    return equal_ignoring_case(parameter.keyword, upper_case_keyword);
}

base::Result<PathArgument> parse_path_argument(std::string_view prefix, std::string_view argument) {
    // RFC 3463: 5.1.7 is a bad sender's address, 5.1.3 a bad recipient's.
    const std::string_view bad_path = equal_ignoring_case(prefix, "FROM") ? "5.1.7" : "5.1.3";
    if (std::any_of(argument.begin(), argument.end(), [](char octet) { return is_control(octet) && octet != '\t'; }))
        return base::error("5.5.2 Control character in the command");
    auto rest = trim_blanks(argument);
    if (!take_prefix(prefix, rest))
        return base::error("5.5.4 Syntax: {}:<address> expected", prefix);
    const auto path = take_path(rest);
    if (!path || path->find('\t') != std::string_view::npos)
        return base::error("{} Syntax: address in angle brackets expected", bad_path);
    if (path->size() > kMaxPath)
        return base::error("{} Address longer than {} octets", bad_path, kMaxPath);
    if (!rest.empty() && !is_blank(rest.front()))
        return base::error("5.5.4 Syntax: blank expected after the address");

    PathArgument result;
    result.path = *path;
    for (rest = trim_blanks(rest); !rest.empty(); rest = trim_blanks(rest)) {
        const auto word = first_word(rest);
        rest.remove_prefix(word.size());
        auto parameter = parse_parameter(word);
        if (!parameter)
            return base::error("5.5.4 Syntax: parameter without a keyword");
        if (result.parameters.size() == kMaxParameters)
            return base::error("5.5.4 More than {} parameters", kMaxParameters);
        result.parameters.push_back(*std::move(parameter));
    }
    return result;
}

std::uint64_t declared_size(const std::vector<Parameter>& parameters) {
    std::uint64_t size = 0;
    for (const auto& parameter : parameters) {
        if (!keyword_is(parameter, "SIZE"))
            continue;
        const auto& value = parameter.value;
        if (std::from_chars(value.data(), value.data() + value.size(), size).ec == std::errc::result_out_of_range)
            size = std::numeric_limits<std::uint64_t>::max();
    }
    return size;
}

std::string parameters_to_wire(const std::vector<Parameter>& parameters) {
    std::string wire;
    for (const auto& parameter : parameters)
        wire.append(1, ' ').append(parameter.text);
    return wire;
}

std::vector<Parameter> parameters_from_wire(std::string_view wire) {
    auto parsed = parse_path_argument("TO", "TO:<>" + std::string(wire));
    return parsed ? std::move(parsed->parameters) : std::vector<Parameter>{};
}

}  // namespace smtp
