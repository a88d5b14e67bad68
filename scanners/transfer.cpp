#include "scanners/transfer.hpp"

#include "mail/mime/base64.hpp"
#include "mail/mime/binhex.hpp"
#include "mail/mime/quoted_printable.hpp"
#include "mail/mime/uuencode.hpp"
#include "mail/mime/yenc.hpp"

namespace scanners {
namespace {

using mail::mime::Base64Reading;
using mail::mime::Encoding;
using mail::mime::QuotedReading;

std::string first_file(std::vector<mail::mime::EncodedFile> files) {
    return files.empty() ? std::string() : std::move(files.front().octets);
}

}  // namespace

std::string with_local_line_ends(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '\r' || at + 1 == text.size() || text[at + 1] != '\n')
            out += text[at];
    }
    return out;
}

std::string decode_body(std::string_view body, Encoding encoding, std::uint64_t& defects) {
    switch (encoding) {
        case Encoding::kBase64:
            return mail::mime::decode_base64(body, Base64Reading::kContinue, defects);
        case Encoding::kQuotedPrintable:
            return mail::mime::decode_quoted_printable(body, QuotedReading::kKeep, defects);
        case Encoding::kUuencode:
            if (auto octets = first_file(mail::mime::find_uuencoded(body, 1, defects)); !octets.empty())
                return octets;
            return mail::mime::decode_uuencoded_lines(body);
        case Encoding::kYenc:
            return first_file(mail::mime::find_yencoded(body, 1, defects));
        case Encoding::kBinhex:
            return first_file(mail::mime::find_binhex(body, 1, defects));
        case Encoding::kIdentity:
        case Encoding::kUnknown:
            break;
    }
    return std::string(body);
}

void decode_otherwise(std::string_view body, Encoding encoding, std::uint64_t defects,
                      const std::function<bool(std::string)>& take) {
    std::uint64_t unused = 0;
    if (encoding == Encoding::kBase64) {
        for (unsigned i = 1; i < mail::mime::kBase64Readings; ++i) {
            const auto reading = static_cast<Base64Reading>(i);
            if (mail::mime::may_differ(reading, defects) && !take(mail::mime::decode_base64(body, reading, unused)))
                return;
        }
    } else if (encoding == Encoding::kQuotedPrintable) {
        for (unsigned i = 0; i < mail::mime::kQuotedReadings; ++i) {
            auto octets = mail::mime::decode_quoted_printable(body, static_cast<QuotedReading>(i), unused);
            auto local = with_local_line_ends(octets);
            if ((i > 0 && !take(std::move(octets))) || !take(std::move(local)))
                return;
        }
    } else if (encoding == Encoding::kUuencode) {
        take(mail::mime::decode_uuencoded_lines(body));
    }
}

}  // namespace scanners
