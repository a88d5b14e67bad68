#include "bombs.hpp"

#include "attachment/made.hpp"
#include "samples.hpp"

namespace bombs {
namespace {

// An archive whose only member is the archive itself, check sum and all. Deflate knows two instructions, "write these
// octets" and "repeat the last n octets": each of the stream's blocks is one of them, of five octets, arranged so that
// what they write is the file around them; the check sum, which is in it four times, solves 32 linear equations.
// clang-format off
constexpr const char* kQuine =
    "504b03041400000008000000215adf8c660f32010000d00100001e000000746869732d617263686976652d686f6c64732d697473656c662e"
    "2e7a6970004100beff504b03041400000008000000215adf8c660f32010000d00100001e000000746869732d617263686976652d686f6c64"
    "732d697473656c662e2e7a6970004100beffa2d8008000000500faffa2d8008000000500faff000500faff001400ebffa2d8008000000500"
    "faff000500faff001400ebff428821c400001400ebff428821c400001400ebff428821c400001400ebff428821c400001400ebff428821c4"
    "00000000ffff000000ffff00660099ff428821c400000000ffff000000ffff00660099ffa38f2d00504b010214001400000008000000215a"
    "df8c660f32010000d00100001e0000000000000000000000000000000000746869732d617263686976652d686f6c64732d697473656c662e"
    "2e7a6970504b050600000000010001004c0000006e0100000000a38f2d00504b010214001400000008000000215adf8c660f32010000d001"
    "00001e0000000000000000000000000000000000746869732d617263686976652d686f6c64732d697473656c662e2e7a6970504b05060000"
    "0000010001004c0000006e0100000000";
// clang-format on

std::string from_hex(std::string_view hex) {
    std::string octets;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        octets += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    return octets;
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i)
        all += text;
    return all;
}

std::string zip_of(const std::string& octets, std::size_t copies) {
    std::vector<made::ZipPart> parts{{"0", made::deflated(octets)}};
    parts[0].method = 8;
    parts.resize(copies, parts[0]);
    for (std::size_t i = 1; i < copies; ++i)
        parts[i].name = std::to_string(i);
    return made::zip(parts);
}

std::string nested(std::string octets, int layers, std::size_t copies) {
    for (int i = 0; i < layers; ++i)
        octets = zip_of(octets, copies);
    return octets;
}

// One member's data under many names.
std::string overlapping(std::size_t mebibytes) {
    std::vector<made::ZipPart> parts{{"0", made::deflated(repeated(std::string(5000, 'x') + "y", mebibytes * 20))}};
    parts[0].method = 8;
    parts.resize(900, parts[0]);
    for (std::size_t i = 1; i < parts.size(); ++i)
        parts[i].at_part = 0;
    return made::zip(parts);
}

// Just below the ratio, so that only the size in all stops it.
std::string below_the_ratio() {
    std::string block;
    std::uint32_t state = 1;
    for (int i = 0; i < 6000; ++i)
        block.push_back(static_cast<char>((state = state * 1664525U + 1013904223U) >> 24));
    return zip_of(repeated(block + std::string(900000, '\0'), 15), 40);
}

constexpr const char* kHead = "From: a@a.test\r\nSubject: x\r\nMIME-Version: 1.0\r\n";

std::string parts(std::size_t count) {
    return kHead + std::string("Content-Type: multipart/mixed; boundary=b\r\n\r\n") +
           repeated("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n", count) + "--b--\r\n";
}

// Each multipart in the one before it.
std::string deep(std::size_t layers) {
    std::string mail = kHead;
    for (std::size_t i = 0; i < layers; ++i)
        mail += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "x\r\n\r\n--b" + std::to_string(i) +
                "x\r\n";
    return mail + "\r\nx\r\n";
}

std::string messages(std::size_t layers) {
    return kHead + repeated("Content-Type: message/rfc822\r\n\r\n", layers) + "\r\nx\r\n";
}

// Each behind an encoding of its own.
std::string encoded_messages(std::size_t layers) {
    std::string mail = std::string(kHead) + "\r\nx\r\n";
    for (std::size_t i = 0; i < layers; ++i)
        mail = std::string(kHead) + "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
               samples::base64(mail);
    return mail;
}

std::string parameters(std::size_t count) {
    std::string field = "Content-Type: text/plain";
    for (std::size_t i = 0; i < count; ++i)
        field += ";\r\n a" + std::to_string(i) + "=b";
    return kHead + field + "\r\n\r\nx\r\n";
}

// Parts that only another reader sees, each other than the rest.
std::string hidden_parts(std::size_t count) {
    std::string mail = kHead + std::string("Content-Type: text/plain\r\n\r\n");
    for (std::size_t i = 0; i < count; ++i)
        mail += "--c\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
                samples::base64("hidden part " + std::to_string(i)) + "\r\n";
    return mail;
}

}  // namespace

std::string mail_with(const std::string& name, const std::string& octets) {
    return samples::mail("see", {{name, octets}});
}

std::vector<Bomb> all(std::size_t mebibytes) {
    const std::string zeros(mebibytes << 20, '\0');
    const auto file = [](std::string name, std::string limit, const std::string& octets) {
        return Bomb{name, std::move(limit), mail_with(name, octets)};
    };
    const auto packed_twice = made::pdf_stream("/Type/ObjStm/Filter[/Fl/Fl]", made::zlib(made::zlib(zeros)));
    return {file("zeros.gz", "ratio", made::archive("raw", {{"", zeros}}, "gzip")),
            file("just below the ratio.zip", "expanded_size", below_the_ratio()),
            file("16 by 16 by 16 zeros.zip", "ratio", nested(zeros, 4, 16)),
            file("20 layers.zip", "layers", nested("x", 20, 1)),
            file("an archive that holds itself.zip", "layers", from_hex(kQuine)),
            file("60,000 files.zip", "files", zip_of("", 60000)),
            file("members over each other.zip", "ratio", overlapping(mebibytes)),
            file("packed twice.pdf", "ratio", made::pdf({packed_twice})),
            {"10,000 parts", "entities", parts(10000)},
            {"5,000 multiparts in each other", "layers", deep(5000)},
            {"5,000 messages in each other", "layers", messages(5000)},
            {"20 messages, encoded each", "layers", encoded_messages(20)},
            {"20,000 header fields", "header_fields", kHead + repeated("X-A: b\r\n", 20000) + "\r\nx\r\n"},
            {"10,000 parameters", "header_parameters", parameters(10000)},
            {"5,000 hidden parts", "readings", hidden_parts(5000)}};
}

}  // namespace bombs
