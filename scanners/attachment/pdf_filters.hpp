// The filters of PDF's streams (ISO 32000-1 section 7.4) that pack text and files; those for pictures are not here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace scanners::attachment {

struct PdfPacking {
    std::vector<std::string> filters;  // names, in the order in which they unpack
    std::uint64_t predictor = 1;
    std::uint64_t columns = 1;
    std::uint64_t colors = 1;
    std::uint64_t bits = 8;
};

struct PdfUnpacked {
    std::string octets;
    bool known = true;  // all filters are
    bool whole = true;  // no error; false, too, when `room` said no
};

// `room` is asked for each block that comes out; false ends it.
PdfUnpacked pdf_unpack(std::string_view octets, const PdfPacking& packing,
                       const std::function<bool(std::size_t)>& room);

}  // namespace scanners::attachment
