#include "smtp/extensions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "smtp/client_attributes.hpp"
#include "smtp/text.hpp"

namespace smtp {
namespace {

// 0 for what is no number, or one beyond 64 bits: both state no limit that could be kept.
std::uint64_t parse_limit(std::string_view text) {
    std::uint64_t limit = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    return error == std::errc{} && end == text.data() + text.size() ? limit : 0;
}

// 0: no limit.
std::uint64_t smaller_limit(std::uint64_t one, std::uint64_t other) {
    return one == 0 || other == 0 ? std::max(one, other) : std::min(one, other);
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
    else if (keyword == "XFORWARD")
        extensions.xforward = parse_xforward_offer(line.substr(keyword.size()));
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

Extensions both(const Extensions& one, const Extensions& other) {
    Extensions common;
    common.pipelining = one.pipelining && other.pipelining;
    common.eight_bit_mime = one.eight_bit_mime && other.eight_bit_mime;
    common.dsn = one.dsn && other.dsn;
    common.enhanced_status_codes = one.enhanced_status_codes && other.enhanced_status_codes;
    common.smtputf8 = one.smtputf8 && other.smtputf8;
    // A limit counts even if the other server states none: either may get the mail.
    common.size = one.size || other.size;
    common.size_limit = smaller_limit(one.size ? one.size_limit : 0, other.size ? other.size_limit : 0);
    return common;
}

Extensions offer(const Extensions& downstream, std::uint64_t our_limit) {
    Extensions offered = downstream;
    offered.pipelining = true;
    offered.size = true;
    offered.starttls = false;
    offered.xforward = 0;
    offered.size_limit = smaller_limit(our_limit, downstream.size ? downstream.size_limit : 0);
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
