// The data decoder and encoder: against a second decoder that splits lines, over any chunking, and there and back.
#include "smtp/data_codec.hpp"
#include "target.hpp"

namespace {

using fuzz::require;

struct Decoded {
    std::string text;
    std::string_view rest;  // behind the end of data
};

// The same rules once more, told by whole lines: only CRLF ends one, a line of a single dot ends the data.
Decoded decode_by_lines(std::string_view wire) {
    Decoded result;
    for (;;) {
        const auto end = wire.find("\r\n");
        auto line = wire.substr(0, end);
        wire.remove_prefix(end + 2);
        if (line == ".")
            break;
        if (line.starts_with('.'))
            line.remove_prefix(1);
        for (const char octet : line) {
            if (octet == '\r')
                result.text += ' ';
            else if (octet == '\n')
                result.text += "\r\n";
            else
                result.text += octet;
        }
        result.text += "\r\n";
    }
    result.rest = wire;
    return result;
}

std::string decode_in_pieces(std::string_view wire, std::uint32_t seed, std::size_t& rest, std::size_t& mended) {
    smtp::DataDecoder decoder;
    fuzz::Cuts cuts(seed);
    std::string text;
    for (;;) {
        require(!wire.empty(), "the end of data is found");
        auto piece = wire.substr(0, cuts.next());
        const auto given = piece.size();
        text += decoder.take_plain(piece);
        const bool ended = decoder.feed(piece, text);
        wire.remove_prefix(given - piece.size());
        if (ended)
            break;
        require(piece.empty(), "without the end, everything is taken");
    }
    rest = wire.size();
    mended = decoder.mended();
    return text;
}

std::string joined(const smtp::Runs& runs) {
    std::string text;
    for (const auto run : runs)
        text += run;
    return text;
}

std::string encode_in_pieces(std::string_view text, std::uint32_t seed) {
    smtp::DataEncoder encoder;
    fuzz::Cuts cuts(seed);
    smtp::Runs runs;
    while (!text.empty())
        text.remove_prefix(encoder.feed(text.substr(0, cuts.next()), runs, runs.size() + 1));
    encoder.finish(runs);
    return joined(runs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Source source(fuzz::as_text(data, size));
    const auto seed = static_cast<std::uint32_t>(source.number(2));
    const std::string wire = std::string(source.rest()) + "\r\n.\r\n";

    const auto wanted = decode_by_lines(wire);
    smtp::DataDecoder decoder;
    std::string_view rest = wire;
    std::string whole;
    require(decoder.feed(rest, whole), "the end of data is found");
    require(whole == wanted.text, "as the decoder by lines has it");
    require(rest == wanted.rest, "the same end of data");
    require(!fuzz::has_bare_newline(whole), "no bare CR or LF comes out");
    require(whole.empty() || whole.ends_with("\r\n"), "the last line is whole");

    const bool dotted = whole.starts_with('.') || whole.find("\r\n.") != std::string::npos;
    require(!(decoder.undotted() && dotted), "a line that begins with a dot is known");

    std::size_t rest_of_pieces = 0;
    std::size_t mended = 0;
    require(decode_in_pieces(wire, seed, rest_of_pieces, mended) == whole, "the chunking makes no difference");
    require(rest_of_pieces == rest.size() && mended == decoder.mended(), "nor to where it ends and what was mended");

    smtp::DataEncoder encoder;
    smtp::Runs runs;
    require(encoder.feed(whole, runs, 2 * whole.size() + 1) == whole.size(), "all of it is taken");
    encoder.finish(runs);
    const auto encoded = joined(runs);
    if (decoder.undotted()) {
        runs.clear();
        encoder.feed(whole, runs, 9, true);
        encoder.finish(runs);
        require(joined(runs) == encoded, "where no line begins with a dot, none is looked for");
    }
    require(encode_in_pieces(whole, seed) == encoded, "the chunking makes no difference to the encoder");
    require(decode_in_pieces(encoded, seed + 1, rest_of_pieces, mended) == whole, "there and back");
    require(rest_of_pieces == 0 && mended == 0, "the encoder's text is canonical, and ends once");
    return 0;
}
