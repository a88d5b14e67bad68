// Any process, any thread; no state. Exact: where ours answers, libclamav's would write the same.
#include "scanners/clamav/encoded_line.hpp"

#include <clamav.h>

#include <array>
#include <cstddef>
#include <string_view>

#include "mail/mime/base64.hpp"
#include "scanners/clamav/in_library.hpp"
#include "scanners/clamav/layout.hpp"
#include "scanners/clamav/spared_lines.hpp"

namespace scanners::clamav {
namespace {

using layout::Message;

using Decode = unsigned char*(Message*, int encoding, const char* line, unsigned char* out, std::size_t room);

// Returns the end of what was written; null: there is more to the line than whole groups of letters.
unsigned char* decode(std::string_view line, unsigned char* out, std::size_t room) {
    if (line.size() / 4 * 3 >= room || mail::mime::decode_letters(line, reinterpret_cast<char*>(out)) != line.size())
        return nullptr;
    auto* const end = out + line.size() / 4 * 3;
    *end = '\0';
    return end;
}

// Whether the library's messages are laid out as ours, its letters mean the same, and what is left of a line is where
// it is looked for.
bool library_does_the_same(Decode* library) {
    constexpr std::string_view kAll = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    constexpr std::size_t kRoom = 3 * kAll.size() / 4 + 1;
    struct {
        Message message;
        std::array<char, 1024> more;
    } given{};
    std::array<unsigned char, kRoom> theirs{};
    std::array<unsigned char, kRoom> ours{};
    const auto* const end = library(&given.message, layout::kBase64, kAll.data(), theirs.data(), kRoom);
    if (end != theirs.data() + kRoom - 1 || given.message.letters != 0 ||
        decode(kAll, ours.data(), kRoom) != ours.data() + kRoom - 1 || ours != theirs)
        return false;
    library(&given.message, layout::kBase64, "AAAABB", theirs.data(), kRoom);
    return given.message.letters == 2;
}

}  // namespace

void link_encoded_line() {}

}  // namespace scanners::clamav

using namespace scanners::clamav;

// Decodes a line into `out`, with a zero behind it; returns where that stands.
extern "C" __attribute__((visibility("default"))) unsigned char* decodeLine(layout::Message* message, int encoding,
                                                                            const char* line, unsigned char* out,
                                                                            std::size_t room) {
    static auto* const library = in_library<Decode>("decodeLine");
    static const bool known =
        std::string_view(cl_retver()).starts_with(layout::kVersion) && library_does_the_same(library);
    if (known && encoding == layout::kBase64 && message != nullptr && line != nullptr && out != nullptr &&
        message->letters == 0) {
        if (SparedLines::decode(line)) {
            *out = '\0';
            return out;
        }
        if (auto* const end = decode(line, out, room); end != nullptr)
            return end;
    }
    return library(message, encoding, line, out, room);
}
