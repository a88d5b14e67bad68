#include "scanners/attachment/inflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <climits>

namespace scanners::attachment {

Inflated inflate(std::string_view octets, Wrapping wrapping, const std::function<bool(std::string_view)>& take) {
    z_stream stream{};
    if (::inflateInit2(&stream, wrapping == Wrapping::kNone ? -MAX_WBITS : MAX_WBITS) != Z_OK)
        return Inflated::kBroken;
    struct End {
        z_stream& stream;
        ~End() { ::inflateEnd(&stream); }
    } const end{stream};
    std::array<char, 64 << 10> block;
    int code = Z_OK;
    while (code == Z_OK) {
        if (stream.avail_in == 0) {
            const auto length = std::min<std::size_t>(octets.size(), UINT_MAX);
            stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(octets.data()));
            stream.avail_in = static_cast<uInt>(length);
            octets.remove_prefix(length);
        }
        stream.next_out = reinterpret_cast<Bytef*>(block.data());
        stream.avail_out = block.size();
        code = ::inflate(&stream, Z_NO_FLUSH);
        const std::size_t got = block.size() - stream.avail_out;
        if (got > 0 && !take({block.data(), got}))
            return Inflated::kStopped;
    }
    return code == Z_STREAM_END ? Inflated::kWhole : Inflated::kBroken;
}

}  // namespace scanners::attachment
