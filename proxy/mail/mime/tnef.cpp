#include "mail/mime/tnef.hpp"

#include "mail/mime/defect.hpp"

namespace mail::mime {
namespace {

constexpr std::string_view kSignature("\x78\x9F\x3E\x22", 4);

// MS-OXTNEF section 2.1.3: level, attribute, length, data, check sum.
constexpr std::uint32_t kAttachmentTitle = 0x00018010;
constexpr std::uint32_t kAttachmentData = 0x0006800F;
constexpr std::uint32_t kAttachmentBegins = 0x00069002;

std::uint32_t little(std::string_view octets, std::size_t at, unsigned count) {
    std::uint32_t value = 0;
    for (unsigned i = count; i-- > 0;)
        value = value << 8 | static_cast<unsigned char>(octets[at + i]);
    return value;
}

}  // namespace

bool is_tnef(std::string_view octets) {
    return octets.starts_with(kSignature);
}

std::vector<TnefAttachment> read_tnef(std::string_view octets, std::size_t limit, std::uint64_t& defects) {
    std::vector<TnefAttachment> found;
    std::size_t at = kSignature.size() + 2;  // and a key
    if (!is_tnef(octets) || octets.size() < at) {
        defects |= bit(Defect::kTnefBroken);
        return found;
    }
    while (at < octets.size()) {
        if (octets.size() - at < 11) {
            defects |= bit(Defect::kTnefBroken);
            break;
        }
        const auto attribute = little(octets, at + 1, 4);
        const std::size_t length = little(octets, at + 5, 4);
        at += 9;
        const bool whole = length <= octets.size() - at && octets.size() - at - length >= 2;
        const auto data = octets.substr(at, length);
        if (attribute == kAttachmentBegins ||
            (found.empty() && (attribute == kAttachmentData || attribute == kAttachmentTitle))) {
            if (found.size() >= limit)
                break;
            found.emplace_back();
        }
        if (attribute == kAttachmentData)
            found.back().octets = data;
        else if (attribute == kAttachmentTitle)
            found.back().name = std::string(data.substr(0, data.find('\0')).substr(0, 1024));
        if (!whole) {
            defects |= bit(Defect::kTnefBroken);
            break;
        }
        at += length + 2;
    }
    std::erase_if(found, [](const auto& one) { return one.octets.empty(); });
    return found;
}

}  // namespace mail::mime
