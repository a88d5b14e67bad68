#include <doctest/doctest.h>

#include <array>
#include <random>
#include <string>
#include <string_view>

#include "mail/mime/base64.hpp"
#include "mail/mime/binhex.hpp"
#include "mail/mime/defect.hpp"
#include "mail/mime/quoted_printable.hpp"
#include "mail/mime/tnef.hpp"
#include "mail/mime/uuencode.hpp"
#include "mail/mime/yenc.hpp"

using namespace mail::mime;

namespace {

struct Decoded {
    std::string octets;
    std::uint64_t defects = 0;
};

Decoded base64(std::string_view text, Base64Reading reading = Base64Reading::kContinue) {
    Decoded result;
    result.octets = decode_base64(text, reading, result.defects);
    return result;
}

Decoded quoted(std::string_view text, QuotedReading reading = QuotedReading::kKeep) {
    Decoded result;
    result.octets = decode_quoted_printable(text, reading, result.defects);
    return result;
}

}  // namespace

TEST_CASE("base64 as RFC 4648 section 10 has it") {
    for (const auto& [text, octets] : {std::pair{"", ""},
                                       {"Zg==", "f"},
                                       {"Zm8=", "fo"},
                                       {"Zm9v", "foo"},
                                       {"Zm9vYg==", "foob"},
                                       {"Zm9vYmE=", "fooba"},
                                       {"Zm9v\r\nYmFy\r\n", "foobar"}}) {
        CHECK(base64(text).octets == octets);
        CHECK(base64(text).defects == 0);
    }
}

TEST_CASE("what makes no difference for any reader of base64 need not be read again") {
    std::mt19937 dice(20261128);
    const std::array<std::string_view, 14> pieces = {"A",        "b", "9/+",    "Zm9v", "\r\n", "\r\n",       "\n",
                                                     "\r\n\r\n", "=", "==\r\n", " ",    "-",    "Zm9vYmFyYm", "YmFy"};
    unsigned equal = 0;
    unsigned different = 0;
    for (int round = 0; round < 20000; ++round) {
        // Of the first so many pieces: the fewer, the cleaner.
        const auto most = 1 + dice() % pieces.size();
        std::string text;
        for (auto left = dice() % 12; left > 0; --left)
            text += pieces[dice() % most];
        const auto first = base64(text);
        CAPTURE(text);
        for (unsigned i = 1; i < kBase64Readings; ++i) {
            const auto reading = static_cast<Base64Reading>(i);
            const bool same = base64(text, reading).octets == first.octets;
            if (!may_differ(reading, first.defects)) {
                REQUIRE(same);
                ++equal;
            } else if (!same) {
                ++different;
            }
        }
    }
    CHECK(equal > 10000);
    CHECK(different > 10000);
}

TEST_CASE("base64 says the same wherever its lines break") {
    std::string octets;
    for (unsigned i = 0; i < 1000; ++i)
        octets += static_cast<char>(i * i >> 3);
    const std::string letters = [&octets] {
        constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        std::string text;
        unsigned bits = 0;
        unsigned have = 0;
        for (const char octet : octets) {
            bits = bits << 8 | static_cast<unsigned char>(octet);
            for (have += 8; have >= 6; have -= 6)
                text += kDigits[bits >> (have - 6) & 63U];
        }
        return text + kDigits[bits << (6 - have) & 63U] + "==";
    }();
    REQUIRE(letters.size() % 4 == 0);
    CHECK(base64(letters).octets == octets);
    CHECK(base64(letters).defects == 0);
    for (std::size_t length = 1; length < 600; ++length) {
        std::string text;
        for (std::size_t at = 0; at < letters.size(); at += length)
            text += letters.substr(at, length) + "\r\n";
        const auto decoded = base64(text);
        CHECK(decoded.octets == octets);
        CHECK(decoded.defects == (length % 4 == 0 ? 0 : bit(Defect::kUnusualBody)));
    }
}

TEST_CASE(
    "letters of base64 are decoded up to the first octet that is none, and nothing is written behind their room") {
    constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::mt19937 dice(20261130);
    const auto check = [&](const std::string& text) {
        std::string expected;
        std::size_t read = 0;
        for (; text.size() - read >= 4; read += 4) {
            std::size_t bits = 0;
            bool foreign = false;
            for (std::size_t i = 0; i < 4; ++i) {
                const auto value = kLetters.find(text[read + i]);
                foreign = foreign || value == std::string_view::npos;
                bits = bits << 6 | (value & 63);
            }
            if (foreign)
                break;
            for (const unsigned down : {16U, 8U, 0U})
                expected += static_cast<char>(bits >> down & 0xff);
        }
        const auto room = text.size() / 4 * 3;
        std::string out(room + 64, '\x55');
        REQUIRE(decode_letters(text, out.data()) == read);
        REQUIRE(out.substr(0, expected.size()) == expected);
        REQUIRE(out.substr(room) == std::string(64, '\x55'));
    };
    for (std::size_t length = 0; length < 200; ++length) {
        std::string text;
        while (text.size() < length)
            text += kLetters[dice() % kLetters.size()];
        check(text);
        if (length == 0)
            continue;
        for (int i = 0; i < 20; ++i) {
            auto broken = text;
            broken[dice() % length] = static_cast<char>(dice());
            check(broken);
        }
    }
    for (int octet = 0; octet < 256; ++octet) {  // each in each lane
        for (std::size_t at = 0; at < 64; ++at) {
            std::string text(96, 'Q');
            text[at] = static_cast<char>(octet);
            check(text);
        }
    }
}

TEST_CASE("what is no clean base64 is a defect, and each reader reads it in its way") {
    CHECK(base64("Zm9v*YmFy").defects == bit(Defect::kBase64Octets));
    CHECK(base64("Zg==Zm8=").defects == bit(Defect::kBase64Padding));
    CHECK(base64("=Zm9v").defects == bit(Defect::kBase64Padding));
    CHECK(base64("Zm9vY").defects == bit(Defect::kBase64Length));
    CHECK(base64("Zm9v\r\n\r\nYmFy").defects == bit(Defect::kBase64Gap));
    CHECK(base64("Zm 9v").defects == bit(Defect::kUnusualBody));
    CHECK(base64("Zm9\r\nv").defects == bit(Defect::kUnusualBody));

    CHECK(base64("Zg==Zm8=").octets == "ffo");
    CHECK(base64("Zg==Zm8=", Base64Reading::kStop).octets == "f");
    CHECK(base64("Zm=9v=", Base64Reading::kIgnore).octets == "foo");
    CHECK(base64("Z=g=", Base64Reading::kContinue).octets == "f");
    CHECK(base64("_-__", Base64Reading::kUrl).octets == "\xFF\xEF\xFF");
    CHECK(base64("Zm9v#junk\r\nYmFy", Base64Reading::kLineByLine).octets == "foobar");
    CHECK(base64("Zm9vXX\r\nYmFyXX", Base64Reading::kLineGroups).octets.starts_with("foobar"));
    CHECK(base64("Zm=vYm=y", Base64Reading::kGroups).octets.size() == 4);
    CHECK(base64("a word -\r\nZm9v", Base64Reading::kCleanLines).octets == "foo");
    CHECK(base64("Zm9v\r\n\r\nYmFy", Base64Reading::kFirstBlock).octets == "foo");
    CHECK(base64("Zm9v\r\n\r\nYmFy", Base64Reading::kLastBlock).octets == "bar");
    CHECK(base64("Zg==\r\nYmFy", Base64Reading::kLastBlock).octets == "bar");
}

TEST_CASE("a text looks like base64 when half a page is nothing else, but for one letter again and again") {
    const auto lines = [](std::string_view line, int count) {
        std::string made;
        for (; count > 0; --count)
            made.append(line).append("\r\n");
        return made;
    };
    const std::string letters = "TVqQAAMAAAAEAAAA//8AALgAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    CHECK(looks_like_base64(lines(letters, 2)));
    CHECK(looks_like_base64(lines(letters, 2000)));
    CHECK(!looks_like_base64(lines(letters, 1)));
    CHECK(!looks_like_base64(lines(letters + ".", 2)));
    CHECK(!looks_like_base64(""));
    CHECK(!looks_like_base64("\r\n\r\n"));
    const std::string row(70, 'A');
    for (const int count : {2, 58, 2000}) {
        CAPTURE(count);
        CHECK(!looks_like_base64(lines(row, count)));
        CHECK(!looks_like_base64(lines(row, count) + "AAA\n"));
        // What stands behind them may be all that counts.
        CHECK(looks_like_base64(lines(row, count) + letters));
        CHECK(looks_like_base64(lines(row, count) + "B"));
        CHECK(looks_like_base64(lines(row, count) + ".") == (count != 2));
    }
}

TEST_CASE("quoted-printable by the book") {
    CHECK(quoted("a=3Db=\r\nc=C3=BC").octets == "a=bc\xC3\xBC");
    CHECK(quoted("a \t\r\nb").octets == "a\r\nb");  // RFC 2045 section 6.7 rule 3
    CHECK(quoted("a=20\r\nb").octets == "a \r\nb");
    CHECK(quoted("a=3db").octets == "a=b");
    CHECK(quoted("end=").octets == "end");
    CHECK(quoted("a=3Db=\r\nc").defects == 0);
    CHECK(quoted("a= \r\nb").defects == bit(Defect::kUnusualBody));
    CHECK(quoted("a= \r\nb").octets == "ab");
}

TEST_CASE("quoted-printable with wrong escapes") {
    CHECK(quoted("a=XXb").octets == "a=XXb");
    CHECK(quoted("a=XXb").defects == bit(Defect::kQuotedPrintable));
    CHECK(quoted("a=XXb", QuotedReading::kDrop).octets == "ab");
    CHECK(quoted("=0=41", QuotedReading::kDrop).octets == "A");
    CHECK(quoted("=P==41", QuotedReading::kRepair).octets == "PA");
    CHECK(quoted("==a41", QuotedReading::kCapitals).octets == "A");
    CHECK(decode_q("a_b=41=") == "a bA=");
}

TEST_CASE("uuencode is found in a text") {
    std::uint64_t defects = 0;
    const auto files = find_uuencoded(
        "Dear all,\r\nbegin with this:\r\nbegin 644 a b.txt\r\n#9F]O\r\n`\r\nend\r\nbye\r\n", 9, defects);
    REQUIRE(files.size() == 1);
    CHECK(files[0].name == "a b.txt");
    CHECK(files[0].octets == "foo");
    CHECK(defects == bit(Defect::kUuencode));
    CHECK(files[0].begin == 29);
    CHECK(decode_uuencoded_lines("#9F]O\r\n$9F]O8@``\r\n`\r\n") == "foofoob");
    CHECK(find_uuencoded("begin 644 a\r\n#9F]O\r\n\x01\r\n", 9, defects).size() == 1);
    CHECK((defects & bit(Defect::kEncodedTextBroken)) != 0);
    CHECK(find_uuencoded("begin-base64 644 a\r\nZm9v\r\n====\r\n", 9, defects).at(0).octets == "foo");
    defects = 0;
    CHECK(find_uuencoded("begin 644 a\r\nwords, nothing else\r\n", 9, defects).empty());
    CHECK(defects == 0);
    // White space, case and mode as some encoders write them; the number of a line may be wrong.
    for (const auto* begin :
         {" begin 644 a\r\n", "BEGIN\t0644\ta\r\n", "begin a\r\n", "begin  a\r\n", "begin 7 a\r\n"}) {
        CAPTURE(begin);
        const auto found = find_uuencoded(std::string(begin) + "#9F]O      \r\n`\r\nend\r\n", 9, defects);
        REQUIRE(found.size() == 1);
        CHECK(found[0].name == "a");
        CHECK(found[0].octets == "foo");
        CHECK(found[0].other.empty());
    }
    const auto less = find_uuencoded("begin 644 a\r\n!9F]O8F%R\r\n`\r\nend\r\n", 9, defects);
    REQUIRE(less.size() == 1);
    CHECK(less[0].octets == "f");
    CHECK(less[0].other == "foobar");
    std::string many;
    for (int i = 0; i < 20; ++i)
        many += "begin 644 a\r\n#9F]O\r\n`\r\nend\r\n";
    CHECK(find_uuencoded(many, 5, defects).size() == 5);
}

TEST_CASE("yEnc is found in a text") {
    std::uint64_t defects = 0;
    const auto files =
        find_yencoded("x\r\n=ybegin line=128 size=4 name=a.bin \r\n\x90\x99\x99=n\r\n=yend size=4\r\n", 9, defects);
    REQUIRE(files.size() == 1);
    CHECK(files[0].name == "a.bin");
    CHECK(files[0].octets == std::string("foo\x04"));
    CHECK(defects == bit(Defect::kYenc));
    CHECK(find_yencoded(" =YBEGIN\tline=128 size=4\tname=a.bin\r\n\x90\x99\x99=n\r\n", 9, defects).at(0).name ==
          "a.bin");
    CHECK(find_yencoded("x =ybegin line=128 size=4 name=a\r\nzz\r\n", 9, defects).empty());
    for (const std::string before : {"a=b\r\n", "=\n", "\r\n", "x=\r\n\r\n=y\nz\n"}) {
        for (const std::string blanks : {"", " \t"}) {
            CAPTURE(before);
            const auto text = before + blanks + "=ybegin line=128 size=1 name=a\nz\n";
            const auto two = find_yencoded(text + "=yend\nx=y\n" + text, 9, defects);
            REQUIRE(two.size() == 2);
            CHECK(two[0].begin == before.size());
            CHECK(two[1].begin == text.size() + 10 + before.size());
            CHECK(find_yencoded(text + "=yend\nx=y\n" + text, 1, defects).size() == 1);
        }
    }
}

TEST_CASE("BinHex gives both forks") {
    std::uint64_t defects = 0;
    // A file "????????"-typed, made by another program: no name, a data fork of 21 octets.
    const auto files = find_binhex(
        "(This file must be converted with BinHex "
        "4.0)\r\n:!!3r2cmr2cmr2`!!!!!!&3!!!!!U`8&58N&C+$\"i069K0M3b0@3`0M8`+3!!:\r\n",
        9, defects);
    REQUIRE(files.size() == 1);
    CHECK(files[0].octets == "ARRAY(0x55a6425d0650)");
    CHECK(defects == bit(Defect::kBinhex));
    const auto odd = find_binhex(
        "(this file\r\n must be CONVERTED with BINHEX 4)\r\nX-Note: a\r\n"
        " :!!3r2cmr2cmr2`!!!!!!&3!!!!!U`8&58N&C+$\"i069K0M3b0@3`0M8`+3!!:\r\n",
        9, defects);
    REQUIRE_FALSE(odd.empty());
    CHECK(odd.back().octets == "ARRAY(0x55a6425d0650)");
    CHECK(find_binhex("(This file must be converted with BinHex 4.0)\r\n:!!!!:", 9, defects).empty());
    CHECK((defects & bit(Defect::kEncodedTextBroken)) != 0);
}

TEST_CASE("TNEF gives its attachments") {
    const auto attribute = [](std::uint32_t id, std::string_view data) {
        std::string out = "\x02";
        for (const std::uint32_t number : {id, static_cast<std::uint32_t>(data.size())}) {
            for (unsigned i = 0; i < 4; ++i)
                out += static_cast<char>(number >> 8 * i & 0xFF);
        }
        return out.append(data).append(2, '\0');
    };
    const std::string whole = std::string("\x78\x9F\x3E\x22\x01\x00", 6) + attribute(0x00069002, "begin") +
                              attribute(0x00018010, std::string_view("a.doc\0", 6)) + attribute(0x0006800F, "content");
    std::uint64_t defects = 0;
    auto files = read_tnef(whole, 9, defects);
    REQUIRE(files.size() == 1);
    CHECK(files[0].name == "a.doc");
    CHECK(files[0].octets == "content");
    CHECK(defects == 0);
    // Cut off anywhere: never beyond the end, and told.
    for (std::size_t size = 0; size < whole.size(); ++size) {
        defects = 0;
        const auto text = std::string(whole.substr(0, size));
        for (const auto& file : read_tnef(text, 9, defects))
            CHECK(std::string("content").starts_with(file.octets));
        const bool between = size == 6 || size == 6 + 11 + 5 || size == 6 + 11 + 5 + 11 + 6;
        CHECK(((defects & bit(Defect::kTnefBroken)) != 0) == !between);
    }
}
