// Where stamps go, and what stays.
#include <doctest/doctest.h>

#include "mail/edit/encode.hpp"
#include "mail/edit/html_place.hpp"
#include "mail/edit/shown_text.hpp"
#include "mail/edit/stamp.hpp"

using namespace mail::edit;

namespace {

// UTF-8, ISO-8859-1 and ASCII; UTF-16 is not built on it.
std::optional<std::string> from_utf8(std::string_view text, std::string_view charset, Missing missing) {
    if (charset.starts_with("utf-16"))
        return std::nullopt;
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto octet = static_cast<unsigned char>(text[i]);
        if (octet < 0x80 || charset == "utf-8") {
            out += text[i];
        } else if (octet >= 0xC0) {
            const bool latin = octet == 0xC3 && charset == "iso-8859-1";
            if (latin)
                out += static_cast<char>(static_cast<unsigned char>(text[i + 1]) + 0x40);
            else
                out += missing == Missing::kNumericReference ? "&#x;" : "?";
        }
    }
    return out;
}

struct Edited {
    std::string mail;
    std::size_t stamped = 0;
    base::Status checked = base::ok();
};

Edited stamp(const std::string& mail, const StampTexts& texts) {
    const auto tree = mail::mime::parse(mail, {});
    Plan plan;
    plan_stamps(mail, tree, texts, from_utf8, 90000, plan);
    REQUIRE(mail::check_edits(mail, plan.edits));
    Edited edited{with_edits(mail, plan.edits), plan.stamped.size()};
    if (edited.stamped > 0)
        edited.checked = check(mail, tree, edited.mail, plan, {});
    CHECK(edited.checked);
    return edited;
}

const StampTexts kEnd{.plain_end = "bye\n", .html_end = "<p>bye</p>"};
const StampTexts kStart{.plain_start = "hi\n", .html_start = "<p>hi</p>"};
const StampTexts kWide{.plain_end = "\xC3\xA4\n", .html_end = "<p>\xC3\xA4</p>"};

std::string part(std::string_view fields, std::string_view body) {
    return "MIME-Version: 1.0\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

}  // namespace

TEST_CASE("a plain text gets its stamp behind an empty line, or before one") {
    CHECK(stamp("Subject: x\r\n\r\ntext\r\n", kEnd).mail == "Subject: x\r\n\r\ntext\r\n\r\nbye\r\n");
    CHECK(stamp("Subject: x\r\n\r\ntext\r\n\r\n", kEnd).mail == "Subject: x\r\n\r\ntext\r\n\r\nbye\r\n");
    CHECK(stamp("Subject: x\r\n\r\ntext\r\n", kStart).mail == "Subject: x\r\n\r\nhi\r\n\r\ntext\r\n");
    CHECK(stamp("Subject: x\r\n\r\n", kEnd).mail == "Subject: x\r\n\r\nbye\r\n");
}

TEST_CASE("inside of a multipart, the line end before the delimiter stays the delimiter's") {
    const auto mail =
        part("Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\n\r\ntext\r\n--b\r\n\r\nother\r\n--b--\r\n");
    CHECK(stamp(mail, kEnd).mail == part("Content-Type: multipart/mixed; boundary=b\r\n",
                                         "--b\r\n\r\ntext\r\n\r\nbye\r\n\r\n--b\r\n\r\nother\r\n--b--\r\n"));
}

TEST_CASE("ASCII that the stamp takes beyond becomes UTF-8 in quoted-printable, and nothing else changes") {
    CHECK(stamp("Subject: x\r\n\r\na=b \r\n", kWide).mail ==
          "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
          "MIME-Version: 1.0\r\n\r\na=3Db=20\r\n\r\n=C3=A4\r\n");
    CHECK(stamp(part("Content-Type: TEXT/plain; Charset=US-ASCII; format=flowed\r\nContent-Transfer-Encoding: "
                     "7bit\r\nX: y\r\n",
                     "a\r\n"),
                kWide)
              .mail == part("Content-Type: text/plain; charset=utf-8;\r\n format=flowed\r\nContent-Transfer-Encoding: "
                            "quoted-printable\r\nX: y\r\n",
                            "a\r\n\r\n=C3=A4\r\n"));
    // 7bit with a character set of its own: that one stays.
    CHECK(stamp(part("Content-Type: text/plain; charset=iso-8859-1\r\n", "a\r\n"), kWide).mail ==
          part("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n",
               "a\r\n\r\n=E4\r\n"));
}

TEST_CASE("a part that carries octets gets them as they are") {
    const std::string fields = "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n";
    CHECK(stamp(part(fields, "\xFC\r\n"), kWide).mail == part(fields, "\xFC\r\n\r\n\xE4\r\n"));
    // What is undeclared and no ASCII is nobody's character set.
    CHECK(stamp(part("Content-Transfer-Encoding: 8bit\r\n", "\xFC\r\n"), kWide).mail ==
          part("Content-Transfer-Encoding: 8bit\r\n", "\xFC\r\n\r\n?\r\n"));
    // HTML says it in ASCII.
    CHECK(stamp(part("Content-Type: text/html\r\n", "x\r\n"), kWide).mail ==
          part("Content-Type: text/html\r\n", "x\r\n\r\n<p>&#x;</p>\r\n"));
}

TEST_CASE("quoted-printable is continued as it stands, wherever the line is") {
    const std::string fields =
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n";
    CHECK(stamp(part(fields, "<body class=3D\"a>b\">one =\r\ntwo </body></html>=\r\n"), kEnd).mail ==
          part(fields, "<body class=3D\"a>b\">one =\r\ntwo =\r\n\r\n<p>bye</p>\r\n</body></html>=\r\n"));
    CHECK(stamp(part(fields, "<body=\r\n>one</body>\r\n"), kStart).mail ==
          part(fields, "<body=\r\n>=\r\n\r\n<p>hi</p>\r\none</body>\r\n"));
    const std::string plain =
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n";
    CHECK(stamp(part(plain, "text=\r\n"), kWide).mail == part(plain, "text=\r\n\r\n\r\n=C3=A4\r\n"));
}

TEST_CASE("in base64 only the groups around the stamp change") {
    const std::string fields = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n";
    const std::string long_text = std::string(600, 'x') + "\r\n";
    for (std::size_t more = 0; more < 3; ++more) {
        CAPTURE(more);
        const auto content = long_text + std::string(more, 'y');
        const auto body = encode_base64(content) + "\r\n";
        const auto mail = part(fields, body);
        const auto end = stamp(mail, kEnd);
        CHECK(end.stamped == 1);
        CHECK(end.mail.substr(0, mail.size() - 8) == mail.substr(0, mail.size() - 8));
        const auto start = stamp(mail, kStart);
        CHECK(start.stamped == 1);
        CHECK(start.mail.ends_with(body));
    }
    // Lines as a Unix text has them stay so.
    CHECK(stamp(part(fields, encode_base64("a\nb\n") + "\r\n"), kEnd).mail == part(fields, "YQpiCgpi\r\neWUK\r\n"));
    // Damaged: left alone.
    CHECK(stamp(part(fields, "YWJj!ZGVm\r\n"), kEnd).stamped == 0);
    CHECK(stamp(part(fields, "YWJ\r\n"), kEnd).stamped == 0);
    CHECK(stamp(part(fields, "YQ==\r\nYg==\r\n"), kEnd).stamped == 0);
}

TEST_CASE("which parts are stamped") {
    const auto stamped = [](const std::string& type, const std::string& body) {
        return stamp(part("Content-Type: " + type + "; boundary=b\r\n", body + "--b--\r\n"), kEnd).stamped;
    };
    const std::string plain = "--b\r\n\r\ntext\r\n";
    const std::string html = "--b\r\nContent-Type: text/html\r\n\r\n<p>text\r\n";
    const std::string named = "--b\r\nContent-Type: text/plain; name=a.txt\r\n\r\ntext\r\n";
    const std::string attached = "--b\r\nContent-Disposition: attachment\r\n\r\ntext\r\n";
    const std::string message = "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ntext\r\n";
    CHECK(stamped("multipart/alternative", plain + html) == 2);
    CHECK(stamped("multipart/alternative", plain + plain) == 1);
    CHECK(stamped("multipart/mixed", plain + html) == 1);
    CHECK(stamped("multipart/mixed", attached + named + message) == 0);
    CHECK(stamped("multipart/signed", plain + html) == 0);
    CHECK(stamped("multipart/mixed", "--b\r\nContent-Type: application/pkcs7-mime\r\n\r\nx\r\n" + plain) == 0);
    CHECK(stamped("multipart/mixed", "--b\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n") == 0);
    CHECK(stamped("multipart/mixed", "--b\r\nContent-Type: text/plain; charset=utf-16\r\n\r\nx\r\n") == 0);
    CHECK(stamped("multipart/mixed; boundary=c", plain) == 0);  // malformed
}

TEST_CASE("the root of a related multipart") {
    const auto mail = part("Content-Type: multipart/related; start=\"<2>\"; boundary=b\r\n",
                           "--b\r\nContent-ID: <1>\r\nContent-Type: text/html\r\n\r\none\r\n--b\r\nContent-ID: "
                           "<2>\r\nContent-Type: text/html\r\n\r\ntwo\r\n--b--\r\n");
    CHECK(find_shown_text(mail, mail::mime::parse(mail, {})).entities == std::vector<std::size_t>{2});
}

TEST_CASE("a stamp cannot end a multipart") {
    const auto mail = part("Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\n\r\ntext\r\n--b--\r\n");
    const auto edited = stamp(mail, {.plain_end = "--b--\n--bc\n"});
    CHECK(edited.stamped == 1);
    CHECK(edited.mail.find("=2D-b--") != std::string::npos);
}

TEST_CASE("flowed text does not take the stamp into its last paragraph") {
    const std::string fields = "Content-Type: text/plain; format=flowed\r\n";
    CHECK(stamp(part(fields, "goes on \r\n"), {.plain_end = " a \n>b\n"}).mail ==
          part(fields, "goes on \r\n\r\n  a\r\n >b\r\n"));
}

TEST_CASE("a stamp uncovers no file that stood in the text unseen, and becomes no part of one") {
    const std::string mark = "\xEF\xBB\xBF";
    const std::string uuencoded = "begin 644 evil.exe\r\n#9F]O\r\n`\r\nend\r\n";
    const std::string yencoded = "=ybegin line=128 size=3 name=evil.exe\r\nabc\r\n=yend size=3\r\n";
    const std::string plain = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n";
    const std::string html = "Content-Type: text/html; charset=utf-8\r\n";
    for (const auto& file : {uuencoded, yencoded}) {
        CAPTURE(file);
        CHECK(stamp(part(plain, mark + file), kStart).stamped == 0);
        CHECK(stamp(part(html, "<body>" + file), kStart).stamped == 0);
        CHECK(stamp(part(html, "<body>x</body>" + file), kEnd).stamped == 1);
        CHECK(stamp(part(plain, mark + file), kEnd).stamped == 1);
        CHECK(stamp(part(plain, file), kStart).stamped == 1);
        CHECK(stamp(part(plain, "text\r\n" + file), kStart).stamped == 1);
    }
    const std::string base64 = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n";
    CHECK(stamp(part(base64, encode_base64(mark + uuencoded) + "\r\n"), kStart).stamped == 0);
    // A file without its end would go on into the stamp.
    const std::string open = "=ybegin line=128 size=3 name=a\r\nabc\r\n";
    CHECK(stamp(part(plain, open), kEnd).stamped == 0);
    CHECK(stamp(part(plain, open), kStart).stamped == 1);
    // More files than are looked for: nobody can tell.
    std::string many;
    for (int i = 0; i < 16; ++i)
        many += uuencoded;
    CHECK(stamp(part(plain, many), kStart).stamped == 0);
}

TEST_CASE("places in HTML") {
    const auto start = [](std::string_view html) { return std::string(html.substr(*find_html_places(html).start)); };
    const auto end = [](std::string_view html) { return std::string(html.substr(find_html_places(html).end.value())); };
    CHECK(start("<!doctype html><HTML><head><title><body></title></head><BODY a='>'>x") == "x");
    CHECK(start("<html><head></head>x") == "x");
    CHECK(start("<html x>y") == "y");
    CHECK(start("<p>x") == "<p>x");
    CHECK(start("<!-- <body> --><body>x") == "x");
    CHECK(start("<script>'<body>'</script><body>x") == "x");
    CHECK(end("<body>x</body ><!-- </body> --></html>") == "</body ><!-- </body> --></html>");
    CHECK(end("<body>x<script></body></script></html>") == "</html>");
    CHECK(end("<p>x <3 y") == "");
    CHECK_FALSE(find_html_places("<p>x<!-- open").end);
    CHECK_FALSE(find_html_places("<p>x<a href=\"").end);
    CHECK_FALSE(find_html_places("<!-- all").start);
}

TEST_CASE("HTML from plain text") {
    CHECK(html_from_plain("a<b>&\"c\nd\n") == "<p>a&lt;b&gt;&amp;&quot;c<br>\nd</p>");
}

TEST_CASE("quoted-printable as it is written") {
    CHECK(encode_quoted_printable("a=\xC3\xA4 \r\n--b\r\n") == "a=3D=C3=A4=20\r\n=2D-b\r\n");
    const auto lines = encode_quoted_printable(std::string(200, 'x') + "--");
    CHECK(lines == std::string(75, 'x') + "=\r\n" + std::string(75, 'x') + "=\r\n" + std::string(50, 'x') + "--");
    CHECK(encode_base64("") == "");
    CHECK(encode_base64("abcd") == "YWJjZA==");
    CHECK(encode_base64(std::string(58, 'a')).find("\r\n") == 76);
}
