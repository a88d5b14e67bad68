#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "scanners/content/html_text.hpp"
#include "scanners/content/normalise.hpp"

namespace {

std::string text_of(std::string_view html) {
    return scanners::content::normalise(scanners::content::html_to_text(html));
}
std::string repeated(std::string_view part, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i)
        all += part;
    return all;
}

}  // namespace

TEST_CASE("tags go, and those that begin a line leave a blank") {
    CHECK(text_of("<html><body><p>Dear <b>Sir</b>,</p><p>good day</p>") == "Dear Sir, good day");
    CHECK(text_of("one<br>two<br/>three<td>four</td>") == "one two three four");
    CHECK(text_of("a < b and 3<4 <> x") == "a < b and 3<4 <> x");
    CHECK(text_of("<DIV CLASS='a>b'>x</DIV\n>y") == "x y");
}

TEST_CASE("markup inside a word does not break it") {
    CHECK(text_of("con<b></b>fid<!-- x -->en<span class=\"q\">ti</span>al") == "confidential");
    CHECK(text_of("vi<wbr>ag&shy;r&#8203;a") == "viagra");
    CHECK(text_of("vi<!-->ag<!--->ra<!--x--!>!") == "viagra!");
    CHECK(text_of("se<?php >cr</>et<!x>s") == "secrets");
    CHECK(text_of("vi<i\nonclick='a>b' x=\"</i>\">ag</i>ra") == "viagra");
}

TEST_CASE("character references") {
    CHECK(text_of("&#67;&#x61;r&#100 &amp;&lt;&gt;&quot;") == "Card &<>\"");
    CHECK(text_of("a&nbsp;b&Tab;c&NewLine;d") == "a b c d");
    CHECK(text_of("caf&eacute;s &eacutex &alpha;&Alpha;") == "caf\u00e9s \u00e9x \u03b1\u0391");
    CHECK(text_of("&ampersand; &alphabet & &; &# &#x;") == "&ersand; &alphabet & &; &# &#x;");
    CHECK(text_of("&#128;&#x92;&#0;&#xd800;&#99999999999;") == "\u20ac'\ufffd\ufffd\ufffd");
    CHECK(text_of("x&afr;y&period;&commat;") == "xay.@");
}

TEST_CASE("script and style are left out, but not what they swallow") {
    CHECK(text_of("a<script>var secret = '</b>';</script>b") == "ab");
    CHECK(text_of("a<STYLE>p{color:red!important}</sTyLe >b") == "ab");
    CHECK(text_of("a<style>no end secret") == "a no end secret");
    CHECK(text_of("a<!-- no end <b>sec</b>ret") == "a no end secret");
    CHECK(text_of("a<b title='no end > secret word") == "a b title='no end > secret word");
    CHECK(text_of("x<!no end secret") == "x no end secret");
}

TEST_CASE("what is hidden stands apart") {
    CHECK(text_of("vi<span style=\"display: none\">xx</span>agra") == "viagra xx");
    CHECK(text_of("vi<i style='Font-Size:0px;color:red'>xx<i>y</i></i>agra") == "viagra xxy");
    CHECK(text_of("vi<i hidden>xx</i>agra") == "viagra xx");
    CHECK(text_of("vi<i style='font-size:0.9em'>ag</i>ra") == "viagra");
    CHECK(text_of("vi<i style='visibility:hid&#100;en'>q</i>agra") == "viagra q");
    // Which of the two counts depends on the program: shown.
    CHECK(text_of("vi<i style='display:none;display:inline'>ag</i>ra") == "viagra");
    CHECK(text_of("a<!--[if mso]><b>for Outlook</b><![endif]-->b") == "ab for Outlook");
    CHECK(text_of("a<![if !mso]>b<![endif]>c") == "abc");
    CHECK(text_of("a<br hidden>b") == "a b");
}

TEST_CASE("targets of links and texts for pictures stand apart") {
    CHECK(text_of("cl<a href='https://bad.example/?a=1&copy=2&amp;b'>ic</a>k<img alt=\"free money\">") ==
          "click https://bad.example/?a=1&copy=2&b free money");
    CHECK(text_of("x<input value=go placeholder=name>") == "x go name");
}

TEST_CASE("hostile HTML costs linear time, and no more text than there was") {
    const std::size_t times = 100'000;
    const auto begin = std::chrono::steady_clock::now();
    for (const std::string_view part : {"<", "<!--", "<!--[if ", "<script>", "<style", "<a ", "<a b='", "</", "&", "&#",
                                        "&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "<!", "<?", "--", "</script", "<b hidden>",
                                        "<a href=x>", "<![", "<b style='display:none;'>x"}) {
        CAPTURE(part);
        const auto html = repeated(part, times);
        CHECK(scanners::content::html_to_text(html).size() <= html.size() + 8);
    }
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}
