// Replies of a delivery server: the parser is bounded and does not depend on the chunking, what it gives can be written
// and read again, and what we promise on the strength of an EHLO reply was offered.
#include "smtp/reply.hpp"

#include <algorithm>
#include <vector>

#include "smtp/extensions.hpp"
#include "smtp/text.hpp"
#include "target.hpp"

namespace {

using fuzz::require;

struct Parsed {
    std::vector<smtp::Reply> replies;
    bool garbage = false;
    bool operator==(const Parsed&) const = default;
};

bool take(smtp::ReplyParser& parser, std::string_view piece, Parsed& parsed) {
    while (!piece.empty()) {
        auto outcome = parser.feed(piece);
        if (auto* reply = std::get_if<smtp::Reply>(&outcome)) {
            parsed.replies.push_back(std::move(*reply));
        } else if (const auto* garbage = std::get_if<smtp::ReplyParser::Garbage>(&outcome)) {
            require(!garbage->why.empty() && garbage->why.size() < 300, "garbage is explained in short");
            parsed.garbage = true;
            return false;
        } else {
            require(piece.empty(), "more is asked for when everything is used up");
        }
    }
    return true;
}

Parsed parse(std::string_view bytes) {
    smtp::ReplyParser parser;
    Parsed parsed;
    take(parser, bytes, parsed);
    return parsed;
}

Parsed parse_in_pieces(std::string_view bytes, std::uint32_t seed) {
    smtp::ReplyParser parser;
    fuzz::Cuts cuts(seed);
    Parsed parsed;
    while (!bytes.empty()) {
        const auto piece = bytes.substr(0, cuts.next());
        if (!take(parser, piece, parsed))
            break;
        bytes.remove_prefix(piece.size());
    }
    return parsed;
}

void check(const smtp::Reply& reply) {
    require(reply.code >= 200 && reply.code <= 599, "the code is one");
    require(!reply.lines.empty() && reply.lines.size() <= smtp::ReplyParser::kMaxLines, "lines are bounded");
    std::size_t total = 0;
    for (const auto& line : reply.lines) {
        require(line.size() <= smtp::ReplyParser::kMaxLine, "a line is bounded");
        require(line.find('\n') == std::string::npos, "a line is one");
        total += line.size();
    }
    require(total <= smtp::ReplyParser::kMaxReply, "a reply is bounded");

    const auto wire = smtp::to_wire(reply);
    require(!fuzz::has_bare_newline(wire), "no bare CR or LF goes out");
    const auto again = parse(wire);
    require(!again.garbage && again.replies.size() == 1, "what we write is one reply");
    require(again.replies[0].code == reply.code && again.replies[0].lines.size() == reply.lines.size(),
            "of the same code and lines");
    require(smtp::to_wire(again.replies[0]) == wire, "and stays as it is");

    const auto code = smtp::enhanced_code(reply);
    require(reply.lines[0].starts_with(code), "an enhanced code stands at the front");
    const auto text = smtp::text_of(reply);
    require(std::none_of(text.begin(), text.end(), [](char c) { return smtp::is_control(c) && c != '\t'; }),
            "a text for the log is printable");

    const auto offered = smtp::parse_ehlo(reply);
    const auto promised = smtp::offer(offered, 1000);
    require((offered.dsn || !promised.dsn) && (offered.smtputf8 || !promised.smtputf8) &&
                (offered.eight_bit_mime || !promised.eight_bit_mime),
            "nothing is promised that was not offered");
    require(smtp::parse_ehlo(smtp::ehlo_reply("sandwich.test", promised)) == promised, "our promise can be read");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Source source(fuzz::as_text(data, size));
    const auto seed = static_cast<std::uint32_t>(source.number(2));
    const auto bytes = source.rest();
    const auto parsed = parse(bytes);
    require(parse_in_pieces(bytes, seed) == parsed, "the chunking makes no difference");
    for (const auto& reply : parsed.replies)
        check(reply);
    return 0;
}
