// Defect: what is wrong with, or unusual in, the construction of a mail's MIME (RFC 2045 to 2047, 2231). Each is a bit,
// so that all defects of a mail are one number.
//
// Facts only. Mailers write many of them every day: is_malformed() says which are beyond that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mail::mime {

// The values are on the wire and in rules: add at the end, at most 64.
enum class Defect : std::uint8_t {
    kHeaderLine,         // a line in a header that is no field and continues none
    kFieldName,          // a blank or a comment between a field's name and its colon
    kBlankHeaderLine,    // a line of white space only in a header: a fold or its end
    kHeaderWithoutEnd,   // no empty line behind a header
    kHeaderOctets,       // octets above 127 in a header that are no UTF-8
    kHeaderControl,      // control characters in a header
    kManyTypes,          // Content-Type more than once
    kManyEncodings,      // Content-Transfer-Encoding more than once
    kManyDispositions,   // Content-Disposition more than once
    kTypeSyntax,         // Content-Type is not type/subtype
    kParameterRepeated,  // the same parameter twice, or in a plain and in an RFC 2231 form
    kParameterQuoting,   // a quoted string without its end, or a quote inside a word
    kParameterComment,   // a comment between parameters or inside one
    kParameterSyntax,    // neither name=value nor empty
    kParameterSections,  // RFC 2231 sections out of order or with gaps
    kParameterWord,      // RFC 2047 word in a parameter
    kBoundaryParameter,  // a boundary of a field or a type that should have none
    kEncodingSyntax,     // Content-Transfer-Encoding is more than one word
    kEncodingUnknown,    // a word that no standard knows
    kEncodingOld,        // uuencode, yEnc, BinHex ... as an encoding
    kCompositeEncoded,   // base64 or quoted-printable around a multipart or a message
    kNoBoundary,         // a multipart without the parameter
    kBoundarySyntax,     // empty, over 70 octets, white at an end, or odd octets
    kBoundaryUnseen,     // a multipart whose boundary does not occur
    kNoCloseDelimiter,   // a multipart that does not end
    kPartAfterClose,     // a delimiter behind the last one
    kDelimiterLine,      // more on a delimiter's line than white space, or white space before it
    kBoundaryNested,     // a boundary that begins with, or is the beginning of, one around it
    kBase64Octets,       // octets in base64 that are neither its own nor line ends
    kBase64Padding,      // padding inside base64
    kBase64Length,       // base64 that ends inside a group
    kQuotedPrintable,    // "=" before what is neither hexadecimal nor a line end
    kUuencode,           // uuencoded text in a text
    kYenc,               // yEnc in a text
    kBinhex,             // BinHex in a text
    kEncodedTextBroken,  // one of these three is damaged
    kTnefBroken,         // winmail.dat is damaged
    kCharsetUnknown,     // a character set that we do not know
    kCharsetWide,        // a text in a character set that is not built on ASCII: UTF-7, UTF-16, EBCDIC
    kWordBroken,         // RFC 2047 word that is none
    kPartialMessage,     // message/partial: what is in it, only the sum of several mails shows
    kExternalBody,       // message/external-body: what is in it lies elsewhere
    kNul,                // octet 0
    kHiddenPart,         // another reading shows what the first does not
    kBase64Gap,          // an empty line inside base64
    kUnusualField,       // Content-Type or -Transfer-Encoding by the book, but not as mailers write it
    kUnusualBody,        // so is a body or a delimiter: blanks in base64, behind "=" or behind a delimiter
};
inline constexpr std::size_t kDefects = 47;

constexpr std::uint64_t bit(Defect defect) {
    return std::uint64_t{1} << static_cast<unsigned>(defect);
}

// A word for rules and logs: "header_line", "field_name" ...
std::string_view to_string(Defect defect);
// All of them, separated by blanks.
std::string describe(std::uint64_t defects);

// One at least that ordinary mailers do not write.
bool is_malformed(std::uint64_t defects);

}  // namespace mail::mime
