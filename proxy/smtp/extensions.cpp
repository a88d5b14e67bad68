#include "smtp/extensions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "smtp/text.hpp"

namespace smtp {
namespace {

// 0 for what is no number, or one beyond 64 bits: both state no limit that could be kept.
std::uint64_t parse_limit(std::string_view text) {
    std::uint64_t limit = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    return error == std::errc{} && end == text.data() + text.size() ? limit : 0;
}

void take_keyword(std::string_view line, Extensions& extensions) {
    const auto keyword = upper_case(first_word(line));
    const auto value = first_word(trim_blanks(line.substr(keyword.size())));
    if (keyword == "PIPELINING")
        extensions.pipelining = true;
    else if (keyword == "8BITMIME")
        extensions.eight_bit_mime = true;
    else if (keyword == "DSN")
        extensions.dsn = true;
    else if (keyword == "ENHANCEDSTATUSCODES")
        extensions.enhanced_status_codes = true;
    else if (keyword == "SMTPUTF8")
        extensions.smtputf8 = true;
    else if (keyword == "STARTTLS")
        extensions.starttls = true;
    else if (keyword == "SIZE") {
        extensions.size = true;
        extensions.size_limit = parse_limit(value);
    }
}

}  // namespace

Extensions parse_ehlo(const Reply& reply) {
    Extensions extensions;
    for (std::size_t i = 1; i < reply.lines.size(); ++i)  // the first line is the server's name
        take_keyword(trim_blanks(reply.lines[i]), extensions);
    return extensions;
}

Extensions offer(const Extensions& downstream, std::uint64_t our_limit) {
    Extensions offered = downstream;
    offered.pipelining = true;
    offered.size = true;
    offered.starttls = false;
    const auto their_limit = downstream.size ? downstream.size_limit : 0;
    offered.size_limit =
        our_limit == 0 || their_limit == 0 ? std::max(our_limit, their_limit) : std::min(our_limit, their_limit);
    return offered;
}

Reply ehlo_reply(const std::string& hostname, const Extensions& offered) {
    Reply reply{250, {hostname}};
    if (offered.enhanced_status_codes)
        reply.lines.emplace_back("ENHANCEDSTATUSCODES");
    if (offered.pipelining)
        reply.lines.emplace_back("PIPELINING");
    if (offered.eight_bit_mime)
        reply.lines.emplace_back("8BITMIME");
    if (offered.size)
        reply.lines.emplace_back(offered.size_limit == 0 ? "SIZE" : fmt::format("SIZE {}", offered.size_limit));
    if (offered.dsn)
        reply.lines.emplace_back("DSN");
    if (offered.smtputf8)
        reply.lines.emplace_back("SMTPUTF8");
    if (offered.starttls)
        reply.lines.emplace_back("STARTTLS");
    return reply;
}

}  // namespace smtp
