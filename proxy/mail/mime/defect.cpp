#include "mail/mime/defect.hpp"

#include <array>

namespace mail::mime {
namespace {

constexpr std::array<std::string_view, kDefects> kWords = {"header_line",
                                                           "field_name",
                                                           "blank_header_line",
                                                           "header_without_end",
                                                           "header_octets",
                                                           "header_control",
                                                           "many_types",
                                                           "many_encodings",
                                                           "many_dispositions",
                                                           "type_syntax",
                                                           "parameter_repeated",
                                                           "parameter_quoting",
                                                           "parameter_comment",
                                                           "parameter_syntax",
                                                           "parameter_sections",
                                                           "parameter_word",
                                                           "boundary_parameter",
                                                           "encoding_syntax",
                                                           "encoding_unknown",
                                                           "encoding_old",
                                                           "composite_encoded",
                                                           "no_boundary",
                                                           "boundary_syntax",
                                                           "boundary_unseen",
                                                           "no_close_delimiter",
                                                           "part_after_close",
                                                           "delimiter_line",
                                                           "boundary_nested",
                                                           "base64_octets",
                                                           "base64_padding",
                                                           "base64_length",
                                                           "quoted_printable",
                                                           "uuencode",
                                                           "yenc",
                                                           "binhex",
                                                           "encoded_text_broken",
                                                           "tnef_broken",
                                                           "charset_unknown",
                                                           "charset_wide",
                                                           "word_broken",
                                                           "partial_message",
                                                           "external_body",
                                                           "nul",
                                                           "hidden_part",
                                                           "base64_gap",
                                                           "unusual_field",
                                                           "unusual_body"};

// What was seen in none of several thousand ordinary mails, and changes what readers see.
constexpr std::uint64_t kMalformed =
    bit(Defect::kManyTypes) | bit(Defect::kManyEncodings) | bit(Defect::kManyDispositions) |
    bit(Defect::kParameterRepeated) | bit(Defect::kParameterQuoting) | bit(Defect::kParameterSections) |
    bit(Defect::kBoundaryParameter) | bit(Defect::kCompositeEncoded) | bit(Defect::kNoBoundary) |
    bit(Defect::kPartAfterClose) | bit(Defect::kBoundaryNested);

}  // namespace

std::string_view to_string(Defect defect) {
    return kWords[static_cast<std::size_t>(defect)];
}

std::string describe(std::uint64_t defects) {
    std::string words;
    for (std::size_t i = 0; i < kDefects; ++i) {
        if ((defects >> i & 1U) != 0)
            words.append(words.empty() ? "" : " ").append(kWords[i]);
    }
    return words;
}

bool is_malformed(std::uint64_t defects) {
    return (defects & kMalformed) != 0;
}

}  // namespace mail::mime
