// The mails that the benchmark sends: files, as the sender puts them on the wire and as libclamav alone gets them, so
// that both see the same octets. For programs of test/bench; throws std::runtime_error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

// Wherever it stands in a text, each copy that is sent has sixteen hexadecimal digits of its own instead: nothing that
// remembers what it has seen shall make a benchmark of one mail again and again look better than real mail would.
inline constexpr std::string_view kPlaceholder = "@SANDWICH-BENCH@";

// The name that the sender greets with, which has to be the one in its Received field.
inline constexpr std::string_view kHost = "mx.from.test";

struct Text {
    std::string octets;                     // canonical: every line ends in CRLF
    std::vector<std::size_t> placeholders;  // where they stand
};

// Reads files, and those in directories, by name. A line "From ..." at the start (mbox) is left out.
std::vector<Text> read_texts(const std::vector<std::string>& paths);

// As it goes over the wire: dots doubled; without the final dot.
Text on_the_wire(const Text& text);

// The field that a Sendmail would put before message `number`; its queue id occurs once in a run, and hardly in
// another.
std::string received_field(std::uint64_t number);

// `octets` with the placeholders of `text` replaced by `number`.
void make_unique(std::string& octets, const Text& text, std::size_t offset, std::uint64_t number);

}  // namespace bench
