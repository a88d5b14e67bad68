// The list: the code pages of Windows and Office documents (which libclamav turns into UTF-8), the character sets of
// HTML and mail, and Unicode's encodings.
#include "scanners/worker/charsets.hpp"

#include <iconv.h>

#include <cstdint>
#include <vector>

namespace scanners {
namespace {

// clang-format off
constexpr const char* kCharsets[] = {
    "US-ASCII", "UTF-7", "UTF-8", "UTF-16", "UTF-16BE", "UTF-16LE", "UTF-32", "UTF-32BE", "UTF-32LE",
    "UCS-2", "UCS-2BE", "UCS-2LE", "UCS-4", "UCS-4BE", "UCS-4LE", "UNICODE", "UNICODEBIG", "UNICODELITTLE",
    "ISO-8859-1", "ISO-8859-2", "ISO-8859-3", "ISO-8859-4", "ISO-8859-5", "ISO-8859-6", "ISO-8859-7", "ISO-8859-8",
    "ISO-8859-9", "ISO-8859-10", "ISO-8859-11", "ISO-8859-13", "ISO-8859-14", "ISO-8859-15", "ISO-8859-16",
    "WINDOWS-874", "WINDOWS-1250", "WINDOWS-1251", "WINDOWS-1252", "WINDOWS-1253", "WINDOWS-1254", "WINDOWS-1255",
    "WINDOWS-1256", "WINDOWS-1257", "WINDOWS-1258", "WINDOWS-31J", "WINDOWS-936",
    "IBM037", "IBM273", "IBM277", "IBM278", "IBM280", "IBM284", "IBM285", "IBM290", "IBM297", "IBM420", "IBM423",
    "IBM424", "IBM437", "IBM500", "IBM775", "IBM850", "IBM852", "IBM855", "IBM857", "IBM858", "IBM860", "IBM861",
    "IBM862", "IBM863", "IBM864", "IBM865", "IBM869", "IBM870", "IBM871", "IBM874", "IBM880", "IBM905", "IBM1026",
    "IBM1047", "IBM1140", "IBM1141", "IBM1142", "IBM1143", "IBM1144", "IBM1145", "IBM1146", "IBM1147", "IBM1148",
    "IBM1149", "CP737", "CP866", "CP874", "CP875", "CP932", "CP949", "CP1025", "ASMO-708", "MACINTOSH", "MAC-UK",
    "MAC-CYRILLIC", "KOI8-R", "KOI8-U", "KOI8-T", "TIS-620", "VISCII", "TCVN", "ARMSCII-8", "GEORGIAN-PS",
    "SHIFT_JIS", "SJIS", "SHIFT_JISX0213", "EUC-JP", "EUC-JISX0213", "EUC-JP-MS", "ISO-2022-JP", "ISO-2022-JP-1",
    "ISO-2022-JP-2", "ISO-2022-JP-3", "EUC-KR", "UHC", "JOHAB", "ISO-2022-KR", "GB2312", "EUC-CN", "GBK", "GB18030",
    "HZ", "ISO-2022-CN", "ISO-2022-CN-EXT", "BIG5", "BIG5-HKSCS", "EUC-TW", "T.61", "T.61-8BIT", "HP-ROMAN8",
};
// clang-format on

}  // namespace

std::size_t load_charsets() {
    // Never closed: the C library unloads a module some time after its last user is gone. One direction will do, it
    // loads the character set's module for both.
    static auto& kept = *new std::vector<iconv_t>;
    for (const char* charset : kCharsets) {
        const auto converter = ::iconv_open("UTF-8//TRANSLIT", charset);
        if (reinterpret_cast<std::intptr_t>(converter) != -1)
            kept.push_back(converter);
    }
    return kept.size();
}

}  // namespace scanners
