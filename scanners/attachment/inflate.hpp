// zlib's decompression in blocks.
#pragma once

#include <functional>
#include <string_view>

namespace scanners::attachment {

enum class Wrapping { kNone, kZlib };  // RFC 1951 as zip has it; RFC 1950 as PDF and PowerPoint have it

enum class Inflated {
    kWhole,    // to the end of the compressed data
    kBroken,   // an error, or an end too early; what came before has been given
    kStopped,  // by the receiver
};

// Gives what comes out of `octets` to `take`, in blocks of at most 64 KiB, until it says false.
Inflated inflate(std::string_view octets, Wrapping wrapping, const std::function<bool(std::string_view)>& take);

}  // namespace scanners::attachment
