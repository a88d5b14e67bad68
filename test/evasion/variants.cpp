#include "evasion/variants.hpp"

#include <array>
#include <functional>

namespace evasion {
namespace {

// What makes a mail; a trick changes some of it.
struct Plan {
    std::string type = "Content-Type: multipart/mixed; boundary=edge";
    std::string open = "--edge";
    std::string close = "--edge--";
    std::string part_type = "Content-Type: application/octet-stream; name=a.bin\r\n";
    std::string encoding = "Content-Transfer-Encoding: base64\r\n";
    std::string gap = "\r\n";  // between a part's header and its body
    std::string body;
};

struct Trick {
    std::string name;
    std::function<void(Plan&, std::string_view file)> apply;
};

constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(std::string_view octets) {
    std::string out;
    for (std::size_t i = 0; i < octets.size(); i += 3) {
        std::uint32_t bits = 0;
        for (std::size_t j = 0; j < 3; ++j)
            bits = bits << 8 | (i + j < octets.size() ? static_cast<unsigned char>(octets[i + j]) : 0U);
        for (std::size_t j = 0; j < 4; ++j)
            out += i + j > octets.size() ? '=' : kLetters[bits >> (18 - 6 * j) & 63];
    }
    return out;
}

// `between` behind every `every` octets.
std::string spread(std::string_view text, std::size_t every, std::string_view between) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += every)
        out.append(text.substr(i, every)).append(between);
    return out;
}

std::string lines(std::string_view text) {
    return spread(text, 60, "\r\n");
}

// Each group padded: n octets at a time.
std::string base64_pieces(std::string_view octets, std::size_t n) {
    std::string out;
    for (std::size_t i = 0; i < octets.size(); i += n)
        out += base64(octets.substr(i, n));
    return lines(out);
}

std::string quoted(std::string_view octets, std::string_view before, std::string_view end, bool small) {
    std::string out;
    const std::string_view digits = small ? "0123456789abcdef" : "0123456789ABCDEF";
    for (const char octet : octets) {
        const auto value = static_cast<unsigned char>(octet);
        out.append(before).append({'=', digits[value >> 4U], digits[value & 15U]}).append(end);
    }
    return out + "\r\n";
}

std::string uuencoded(std::string_view octets) {
    std::string out;
    const auto letter = [](unsigned value) { return static_cast<char>(value == 0 ? '`' : ' ' + value); };
    for (std::size_t i = 0; i < octets.size(); i += 45) {
        const auto line = octets.substr(i, 45);
        out += letter(static_cast<unsigned>(line.size()));
        for (std::size_t j = 0; j < line.size(); j += 3) {
            const auto octet = [&](std::size_t k) {
                return k < line.size() ? static_cast<unsigned char>(line[k]) : 0U;
            };
            const auto bits = octet(j) << 16U | octet(j + 1) << 8U | octet(j + 2);
            for (const unsigned shift : {18U, 12U, 6U, 0U})
                out += letter(bits >> shift & 63U);
        }
        out += "\r\n";
    }
    return out + "`\r\nend\r\n";
}

std::string yencoded(std::string_view octets) {
    std::string out = "=ybegin line=128 size=" + std::to_string(octets.size()) + " name=a.bin\r\n";
    for (const char octet : octets) {
        const auto value = static_cast<unsigned char>(octet + 42);
        const bool critical = value == 0 || value == '\n' || value == '\r' || value == '=';
        out += critical ? std::string{'=', static_cast<char>(value + 64)} : std::string(1, static_cast<char>(value));
    }
    return out + "\r\n=yend size=" + std::to_string(octets.size()) + "\r\n";
}

// The file's name is "a"; check sums are left at zero.
std::string binhexed(std::string_view octets, std::size_t width) {
    constexpr std::string_view kTable = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";
    std::string all("\1a\0TEXTtest\0\0\0\0", 15);
    all += static_cast<char>(octets.size() >> 8U);
    all += static_cast<char>(octets.size());
    all += std::string(6, '\0');
    for (const char octet : octets)
        all += octet == '\x90' ? std::string("\x90\0", 2) : std::string(1, octet);
    all += std::string(4, '\0');
    std::string letters;
    std::uint32_t bits = 0;
    unsigned have = 0;
    for (const char octet : all) {
        bits = bits << 8U | static_cast<unsigned char>(octet);
        for (have += 8; have >= 6; have -= 6)
            letters += kTable[bits >> (have - 6) & 63U];
    }
    if (have > 0)
        letters += kTable[bits << (6 - have) & 63U];
    return spread(":" + letters + ":", width, "\r\n");
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    for (auto at = what.empty() ? std::string::npos : text.find(what); at != std::string::npos;
         at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
    return text;
}

std::string utf16(std::string_view text, bool big) {
    std::string out;
    for (const char octet : text)
        out += big ? std::string{'\0', octet} : std::string{octet, '\0'};
    return out;
}

// Everything but letters and digits in base64 of UTF-16: a text for which UTF-7 was never meant.
std::string utf7(std::string_view text) {
    auto encoded = base64(utf16(text, true));
    while (encoded.ends_with('='))
        encoded.pop_back();
    return "+" + encoded + "-";
}

Trick type(std::string name, std::string value) {
    return {"type " + std::move(name), [value](Plan& plan, auto) { plan.type = value; }};
}

std::vector<Trick> boundary_tricks() {
    const auto multipart = [](std::string_view rest) { return "Content-Type: multipart/mixed; " + std::string(rest); };
    std::vector<Trick> all = {
        type("first of two", multipart("boundary=edge; boundary=other")),
        type("last of two", multipart("boundary=other; boundary=edge")),
        type("extended", multipart("boundary*=utf-8''edge")),
        type("extended escaped", multipart("boundary*=us-ascii''%65dge")),
        type("sections", multipart("boundary*0=ed; boundary*1=ge")),
        type("sections turned", multipart("boundary*1=ge; boundary*0=ed")),
        type("sections without first", multipart("boundary*1=ed; boundary*2=ge")),
        type("sections twice", multipart("boundary*0=x; boundary*0=ed; boundary*1=ge")),
        type("plain beside extended", multipart("boundary=other; boundary*=''edge")),
        type("blank before equals", multipart("boundary =edge")),
        type("blank behind equals", multipart("boundary= edge")),
        type("tab and fold", multipart("\r\n\tboundary\r\n\t=\r\n\tedge")),
        type("comment behind", multipart("boundary=edge(x)")),
        type("comment before", multipart("boundary=(x)edge")),
        type("comment in name", multipart("bound(x)ary=edge")),
        type("all in a comment", multipart("(boundary=edge)")),
        type("comment in type", "Content-Type: multi(x)part/mixed; boundary=edge"),
        type("apostrophes", multipart("boundary='edge'")),
        type("open quote", multipart("boundary=\"edge")),
        type("quote inside", multipart("boundary=ed\"ge\"")),
        type("escaped", multipart("boundary=\"e\\dge\"")),
        type("behind an open quote", multipart("a=\"b; boundary=edge")),
        type("comma", "Content-Type: multipart/mixed, boundary=edge"),
        type("no semicolon", "Content-Type: multipart/mixed boundary=edge"),
        type("word in name", multipart("=?us-ascii?Q?boundary?==edge")),
        type("word", multipart("boundary=\"=?us-ascii?B?ZWRnZQ==?=\"")),
        type("misspelt", "Content-Type: multipart_mixed; boundary=edge"),
        type("no subtype", "Content-Type: multipart; boundary=edge"),
        type("text", "Content-Type: text/plain; boundary=edge"),
        type("two fields", "Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=edge"),
        type("two fields turned", "Content-Type: multipart/mixed; boundary=edge\r\nContent-Type: text/plain"),
        type("two boundaries in two fields",
             "Content-Type: multipart/mixed; boundary=other\r\nContent-Type: multipart/mixed; boundary=edge"),
        type("blank before colon", "Content-Type : multipart/mixed; boundary=edge"),
        type("comment before colon", "Content-Type(x): multipart/mixed; boundary=edge"),
        type("behind junk", "Junk\r\n Content-Type: multipart/mixed; boundary=edge"),
        type("in another field", "X-Junk: x\r\n Content-Type: multipart/mixed; boundary=edge"),
        type("in disposition",
             "Content-Disposition: inline; boundary=edge\r\nContent-Type: multipart/mixed; boundary=other"),
        type("none", "X-Nothing: at all"),
        type("message", "Content-Type: message/rfc822"),
        type("digest", "Content-Type: multipart/digest; boundary=edge"),
    };
    const auto delimiter = [&all](std::string name, std::string before, std::string behind) {
        all.push_back({"delimiter " + std::move(name), [before, behind](Plan& plan, auto) {
                           plan.open = before + "--edge" + behind;
                           plan.close = before + "--edge--";
                       }});
    };
    delimiter("blank behind", "", " ");
    delimiter("tab behind", "", "\t");
    delimiter("more behind", "", "X");
    delimiter("word behind", "", " X");
    delimiter("blank before", " ", "");
    delimiter("header behind", "", " X-A: b");
    all.push_back({"no close delimiter", [](Plan& plan, auto) { plan.close.clear(); }});
    all.push_back({"behind the close delimiter", [](Plan& plan, auto) { plan.open = "--edge--\r\n\r\n--edge"; }});
    all.push_back({"boundary of blanks", [](Plan& plan, auto) {
                       plan.type = "Content-Type: multipart/mixed; boundary=\" \"";
                       plan.open = "-- ";
                       plan.close = "-- --";
                   }});
    return all;
}

std::vector<Trick> header_tricks() {
    std::vector<Trick> all;
    const auto encoding = [&all](std::string name, std::string field) {
        all.push_back({"encoding " + std::move(name), [field](Plan& plan, auto) { plan.encoding = field + "\r\n"; }});
    };
    const std::string cte = "Content-Transfer-Encoding:";
    encoding("in capitals", cte + " BASE64");
    encoding("without blank", cte + "base64");
    encoding("behind many blanks", cte + std::string(900, ' ') + "base64");
    encoding("behind a comment", cte + " (x) base64");
    encoding("before a comment", cte + " base64 (x)");
    encoding("around a comment", cte + " base(x)64");
    encoding("in quotes", cte + " \"base64\"");
    encoding("escaped", cte + " base\\64");
    encoding("behind a long word", cte + " " + std::string(3000, 'x') + " base64");
    encoding("before a word", cte + " base64 x");
    encoding("behind a word", cte + " x base64");
    encoding("with a semicolon", cte + " base64;");
    encoding("with a prefix", cte + " x-base64");
    encoding("before another field", cte + " base64\r\n" + cte + " 7bit");
    encoding("behind another field", cte + " 7bit\r\n" + cte + " base64");
    encoding("behind an empty field", cte + "\r\n" + cte + " base64");
    encoding("behind quoted-printable", cte + " quoted-printable\r\n" + cte + " base64");
    encoding("folded", cte + "\r\n base64");
    encoding("folded around a blank line", cte + "\r\n \r\n base64");
    encoding("behind a blank before the colon", "Content-Transfer-Encoding : base64");
    encoding("behind a comment before the colon", "Content-Transfer-Encoding(x): base64");
    encoding("behind a line of junk", "junk\r\n" + cte + " base64");
    encoding("behind a line of blanks", " \r\n" + cte + " base64");
    encoding("in a word", cte + " =?us-ascii?Q?base64?=");
    const auto gap = [&all](std::string name, std::string between) {
        all.push_back({"gap " + std::move(name), [between](Plan& plan, auto) { plan.gap = between; }});
    };
    gap("of a blank", " \r\n");
    gap("of a tab", "\t\r\n");
    gap("of two blank lines", " \r\n \r\n");
    gap("of nothing", "");
    gap("of three lines", "\r\n\r\n\r\n");
    all.push_back(
        {"part is multipart", [](Plan& plan, auto) { plan.part_type = "Content-Type: multipart/mixed\r\n"; }});
    all.push_back({"part is a message", [](Plan& plan, auto) { plan.part_type = "Content-Type: message/rfc822\r\n"; }});
    all.push_back({"part is text", [](Plan& plan, auto) { plan.part_type = "Content-Type: text/plain\r\n"; }});
    return all;
}

std::vector<Trick> body_tricks() {
    std::vector<Trick> all;
    const auto body = [&all](std::string name, std::function<std::string(std::string_view)> make) {
        all.push_back(
            {"body " + std::move(name), [make](Plan& plan, std::string_view file) { plan.body = make(file); }});
    };
    for (const std::string_view between : {" ", ".", "-", "_", "\v", "=", "\t", "*\r\n"})
        body("with \"" + std::string(between) + "\" in it",
             [between](auto file) { return spread(base64(file), 1, between) + "\r\n"; });
    body("in one line", [](auto file) { return base64(file) + "\r\n"; });
    body("in short lines", [](auto file) { return spread(base64(file), 3, "\r\n"); });
    body("in lines of five", [](auto file) { return spread(base64(file), 5, "\r\n"); });
    body("in lines with an end", [](auto file) { return spread(base64(file), 4, "XX\r\n"); });
    body("in lines with a comment", [](auto file) { return spread(base64(file), 8, "#abcd\r\n"); });
    body("with empty lines", [](auto file) { return spread(base64(file), 8, "\r\n\r\n"); });
    body("padded each octet", [](auto file) { return base64_pieces(file, 1); });
    body("padded each second octet", [](auto file) { return base64_pieces(file, 2); });
    body("padded each line", [](auto file) { return spread(base64(file), 60, "====\r\n"); });
    body("behind a line of junk", [](auto file) { return "*** a line of words ***\r\n" + lines(base64(file)); });
    body("before another file",
         [](auto file) { return lines(base64(file)) + "\r\n\r\n" + lines(base64("harmless, this one")); });
    body("behind another file",
         [](auto file) { return lines(base64("harmless, this one")) + "\r\n\r\n" + lines(base64(file)); });
    const auto encoded = [&all](std::string name, std::string word, std::function<std::string(std::string_view)> make) {
        all.push_back({"encoded " + std::move(name), [word, make](Plan& plan, std::string_view file) {
                           plan.encoding = "Content-Transfer-Encoding: " + word + "\r\n";
                           plan.body = make(file);
                       }});
    };
    const std::string qp = "quoted-printable";
    encoded("quoted", qp, [](auto file) { return quoted(file, "", "", false); });
    encoded("quoted, soft breaks", qp, [](auto file) { return quoted(file, "", "=\r\n", false); });
    encoded("quoted, blanks in soft breaks", qp, [](auto file) { return quoted(file, "", "= \t\r\n", false); });
    encoded("quoted, small", qp, [](auto file) { return quoted(file, "", "", true); });
    encoded("quoted, wrong escapes", qp, [](auto file) { return quoted(file, "=XX", "=\r\n", false); });
    encoded("quoted, half escapes", qp, [](auto file) { return quoted(file, "=0", "=\r\n", false); });
    encoded("quoted, lone signs", qp, [](auto file) { return quoted(file, "=", "", false); });
    encoded("quoted, misspelt", "quotedprintable", [](auto file) { return quoted(file, "", "", false); });
    encoded("uuencode", "x-uuencode", [](auto file) { return "begin 644 a.bin\r\n" + uuencoded(file); });
    encoded("uuencode without begin", "uue", [](auto file) { return uuencoded(file); });
    encoded("uuencode in text", "7bit",
            [](auto file) { return "Words.\r\n\r\nbegin 644 a.bin\r\n" + uuencoded(file); });
    encoded("yEnc", "x-yenc", yencoded);
    const auto uu = [&encoded](std::string name, std::string begin, std::string_view what, std::string_view with) {
        encoded("uuencode " + std::move(name), "7bit",
                [begin, what, with](auto file) { return begin + "\r\n" + replaced(uuencoded(file), what, with); });
    };
    uu("with tabs", "begin\t644\ta.bin", "", "");
    uu("behind blanks", "  begin 644 a.bin", "", "");
    uu("in capitals", "BEGIN 644 a.bin", "", "");
    uu("without mode", "begin a.bin", "", "");
    uu("with a short mode", "begin 7 a.bin", "", "");
    uu("without end", "begin 644 a.bin", "`\r\nend\r\n", "");
    uu("with blanks behind lines", "begin 644 a.bin", "\r\n", "     \r\n");
    uu("with empty lines", "begin 644 a.bin", "\r\n", "\r\n\r\n");
    uu("with too small a number", "begin 644 a.bin", "\r\nM", "\r\n!");
    encoded("uuencode with too small a first number", "7bit",
            [](auto file) { return "begin 644 a.bin\r\n!" + uuencoded(file).substr(1); });
    const auto yenc = [&encoded](std::string name, std::string_view what, std::string_view with) {
        encoded("yEnc " + std::move(name), "8bit",
                [what, with](auto file) { return replaced(yencoded(file), what, with); });
    };
    yenc("in text", "", "");
    yenc("behind blanks", "=ybegin", "  =ybegin");
    yenc("in capitals", "=ybegin", "=YBEGIN");
    yenc("with a tab", "=ybegin ", "=ybegin\t");
    yenc("without end", "=yend size=", "");
    yenc("with parts", "name=a.bin\r\n", "name=a.bin\r\n=ypart begin=1 end=999\r\n");
    yenc("with another size", "size=6", "size=1");
    const std::string introduction = "(This file must be converted with BinHex 4.0)\r\n";
    const auto binhex = [&encoded](std::string name, std::string before, std::size_t width, std::size_t less) {
        encoded("BinHex " + std::move(name), "7bit", [before, width, less](auto file) {
            const auto text = binhexed(file, width);
            return before + text.substr(0, text.size() - less) + "\r\n";
        });
    };
    binhex("as it should be", introduction, 64, 0);
    binhex("in small letters", "(this file must be converted with binhex 4.0)\r\n", 64, 0);
    binhex("folded", "(This file must be\r\nconverted  with BinHex)\r\n", 64, 0);
    binhex("behind a field", introduction + "X-Note: words\r\n\r\n", 64, 0);
    binhex("in one line", introduction, 10000, 0);
    binhex("in short lines", introduction, 7, 0);
    binhex("without its end", introduction, 64, 3);
    binhex("behind blanks", introduction + "  ", 64, 0);
    encoded("BinHex as an encoding", "x-binhex40",
            [introduction](auto file) { return introduction + binhexed(file, 64); });
    encoded("begin-base64", "7bit",
            [](auto file) { return "begin-base64 644 a\r\n" + lines(base64(file)) + "====\r\n"; });
    encoded("not at all", "8bit", [](auto file) { return lines(base64(file)); });
    const auto charset = [&all](std::string name, std::function<std::string(std::string_view)> make) {
        all.push_back({"charset " + name, [name, make](Plan& plan, std::string_view file) {
                           plan.part_type = "Content-Type: text/html; charset=" + name + "\r\n";
                           plan.body = lines(base64(make(file)));
                       }});
    };
    charset("utf-16be", [](auto file) { return utf16(file, true); });
    charset("utf-16le", [](auto file) { return utf16(file, false); });
    charset("UTF-16", [](auto file) { return "\xFF\xFE" + utf16(file, false); });
    charset("utf-7", utf7);
    charset("us-ascii; charset=utf-7", utf7);
    charset("utf-7; charset=us-ascii", utf7);
    return all;
}

std::string write(Plan plan, std::string_view file) {
    if (plan.body.empty())
        plan.body = lines(base64(file));
    return "From: a@a.test\r\nSubject: x\r\nMIME-Version: 1.0\r\n" + plan.type + "\r\n\r\n" + plan.open +
           "\r\nContent-Type: text/plain\r\n\r\nhello\r\n" + plan.open + "\r\n" + plan.part_type + plan.encoding +
           plan.gap + plan.body + (plan.close.empty() ? "" : plan.close + "\r\n");
}

}  // namespace

std::vector<Variant> make_variants(std::string_view file, std::size_t mixed, std::uint32_t seed) {
    const std::array<std::vector<Trick>, 3> kinds = {boundary_tricks(), header_tricks(), body_tricks()};
    std::vector<Variant> all = {{"none", write({}, file)}};
    for (const auto& tricks : kinds) {
        for (const auto& trick : tricks) {
            Plan plan;
            trick.apply(plan, file);
            all.push_back({trick.name, write(plan, file)});
        }
    }
    const auto random = [&seed](std::size_t below) {
        seed = seed * 1664525U + 1013904223U;
        return (seed >> 8U) % below;
    };
    for (std::size_t i = 0; i < mixed; ++i) {
        // Two of three kinds at least. Encodings of the body last: they name the encoding themselves.
        const auto without = random(4);
        Variant variant;
        Plan plan;
        for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
            if (kind == without)
                continue;
            const auto& trick = kinds[kind][random(kinds[kind].size())];
            trick.apply(plan, file);
            variant.tricks += (variant.tricks.empty() ? "" : " + ") + trick.name;
        }
        variant.mail = write(plan, file);
        all.push_back(std::move(variant));
    }
    return all;
}

}  // namespace evasion
