// What makes an expression hit: places, weights, caps, proximity; and what is said when it cannot be told.
#include <algorithm>

#include "looking.hpp"
#include "policy/ready_made.hpp"
#include "scanners/content/header_field.hpp"

using namespace looking;
using scanners::content::Expressions;

TEST_CASE("weights add up to the threshold") {
    auto definition = expression({keyword("alpha"), keyword("beta")}, 5);
    definition.entries[0].weight = 2;
    definition.entries[1].weight = 3;
    CHECK(score(definition, "alpha alpha") == 0);
    CHECK(score(definition, "alpha beta") == 5);
    CHECK(score(definition, "alpha beta alpha") == 7);
    definition.entries[0].max_count = 1;
    CHECK(score(definition, "alpha alpha alpha") == 0);
    CHECK(score(definition, "alpha beta alpha") == 5);
}

TEST_CASE("each text is counted by itself") {
    auto definition = expression({keyword("alpha"), keyword("beta")}, 2);
    definition.entries[0].max_count = definition.entries[1].max_count = 1;
    const std::vector<scanners::Text> texts = {
        {1, Place::kBody, "alpha"}, {2, Place::kBody, "beta"}, {3, Place::kBody, "alpha beta"}};
    const auto hits = compile({definition}).match(texts).hits;
    REQUIRE(hits.size() == 1);
    CHECK(hits[0].item == 3);
}

TEST_CASE("distinct values count once each") {
    auto card = number(Entry::Kind::kCard);
    card.distinct = true;
    const auto two = expression({card}, 2);
    CHECK(score(two, "4111111111111111, 4111 1111 1111 1111, 4111-1111-1111-1111") == 0);
    CHECK(score(two, "4111111111111111, 4111 1111 1111 1111, 5555555555554444") == 2);
    // However often the first stands there.
    std::string many;
    for (int i = 0; i < 3000; ++i)
        many += "4111111111111111, ";
    CHECK(score(two, many) == 0);
    CHECK(score(two, many + "5555555555554444") == 2);
}

TEST_CASE("an expression looks where it was told to") {
    auto definition = expression({keyword("secret")});
    definition.where =
        static_cast<std::uint8_t>(policy::Where::kSubject) | static_cast<std::uint8_t>(policy::Where::kAttachment);
    CHECK(score(definition, "secret", Place::kSubject) == 1);
    CHECK(score(definition, "secret", Place::kAttachment) == 1);
    CHECK(score(definition, "secret", Place::kBody) == 0);
    CHECK(score(definition, "secret", Place::kHeader) == 0);
}

TEST_CASE("named header fields") {
    auto definition = expression({keyword("secret one")});
    definition.where = 0;
    definition.fields = {"X-Class", "comments"};
    const auto in = [&](std::string_view header) { return score(definition, header, Place::kHeader); };
    CHECK(in("From: a\r\nX-CLASS: secret one\r\n") == 1);
    CHECK(in("x-class : secret\r\n\tone\r\nTo: b") == 1);
    CHECK(in("Comments: x\r\nComments: secret one\r\n") == 1);
    CHECK(in("Subject: secret one\r\nX-Class: no\r\n secrets\r\n") == 0);
    // Two fields are two texts.
    CHECK(in("Comments: secret\r\nComments: one\r\n") == 0);
    CHECK(in("X-Classy: secret one") == 0);
    CHECK(score(definition, "X-Class: secret one", Place::kBody) == 0);
    CHECK(scanners::content::field_values("A: 1\nB: 2\nno colon\n 3\na:4\n 5\n", "a") == " 1 \xef\xbf\xbc 4 5");
}

TEST_CASE("a hit says what and where, and shows no whole number") {
    const auto compiled = compile({expression({keyword("none")}), expression({keyword("beta"), keyword("alpha")}, 2),
                                   expression({number(Entry::Kind::kCard)}), expression({number(Entry::Kind::kIban)})});
    const std::vector<scanners::Text> texts = {
        {1, Place::kSubject, "Alpha, 4111 1111 1111 1111"},
        {4, Place::kBody, "ALPHA and Beta: DE89 3704 0044 0532 0130 00"},
    };
    const auto matches = compiled.match(texts);
    REQUIRE(matches.hits.size() == 3);
    CHECK(matches.hits[0] == policy::Hit{2, 1, 1, "************1111"});
    CHECK(matches.hits[1] == policy::Hit{1, 4, 2, "alpha"});
    CHECK(matches.hits[2] == policy::Hit{3, 4, 1, "******************3000"});
}

TEST_CASE("excerpts are bounded, and text") {
    auto wide = regex("x.{100}");
    CHECK(match(compile({expression({wide})}), "x" + std::string(100, 'y')).hits.at(0).excerpt ==
          "x" + std::string(policy::kMaxExcerpt - 1, 'y'));
    std::string marks = "x";
    for (int i = 0; i < 100; ++i)
        marks += "\u20ac";
    const auto cut = match(compile({expression({wide})}), marks).hits.at(0).excerpt;
    CHECK(cut == marks.substr(0, 1 + 26 * 3));
    wide.raw = true;
    wide.pattern = "a[^b]*b";
    CHECK(match(compile({expression({wide})}), "a\r\n\x01\x7f\u0085\xff b").hits.at(0).excerpt == "a     \ufffd b");
}

TEST_CASE("proximity in words and characters") {
    auto definition = expression({keyword("account"), keyword("password"), keyword("bank")}, 2);
    definition.proximity = policy::Proximity{2, 3, policy::Proximity::Unit::kWords};
    CHECK(score(definition, "account a b password") == 2);
    CHECK(score(definition, "account a b c password") == 0);
    CHECK(score(definition, "account account account account") == 0);
    CHECK(score(definition, "bank x x x x x password account x x x x bank") == 2);
    CHECK(score(definition, "account x x x x x x account password bank") == 3);
    definition.proximity->entries = 0;
    CHECK(score(definition, "account a password") == 0);
    CHECK(score(definition, "account password a bank") == 3);
    definition.proximity = policy::Proximity{2, 10, policy::Proximity::Unit::kCharacters};
    CHECK(score(definition, "bank \u00e4\u00e4\u00e4\u00e4 account") == 2);
    CHECK(score(definition, "bank \u00e4\u00e4\u00e4\u00e4\u00e4 account") == 0);
}

TEST_CASE("with proximity a cap counts what stands close, not what came first") {
    auto definition = expression({keyword("a1"), keyword("b1")}, 2);
    definition.entries[0].max_count = definition.entries[1].max_count = 1;
    definition.proximity = policy::Proximity{2, 2, policy::Proximity::Unit::kWords};
    CHECK(score(definition, "a1 a1 x x x b1 b1 x x x b1 a1 a1") == 2);
    // More of one than is kept: the pair behind them is not known.
    std::string many;
    for (std::size_t i = 0; i < policy::kMaxCount + 1; ++i)
        many += "a1 ";
    const auto matches = match(compile({definition}), many + "x x x x a1 b1");
    CHECK(matches.hits.empty());
    CHECK(matches.undecided == std::vector<std::uint32_t>{0});
}

TEST_CASE("everything that is wrong is said at once, with its place") {
    auto weight = keyword("fine");
    weight.weight = 0;
    weight.origin = "policy.ini:14";
    auto bad = regex("a(b");
    bad.origin = "policy.ini:13";
    auto nothing = expression({});
    nothing.where = 0;
    nothing.threshold = 0;
    auto lonely = expression({keyword("x")});
    lonely.proximity = policy::Proximity{};
    const std::vector<policy::Expression> all = {expression({keyword("\u200b*"), bad, weight, regex("x*"),
                                                             keyword(std::string(201, 'x')), regex(""), regex("\\C")}),
                                                 nothing, lonely};
    const auto compiled = Expressions::compile(all);
    REQUIRE_FALSE(compiled.has_value());
    const auto& said = compiled.error().message;
    CAPTURE(said);
    for (const std::string_view part :
         {"policy.ini:12: \"\u200b*\": a keyword without a letter",
          "policy.ini:13: \"a(b\": missing closing parenthesis at octet 3", "policy.ini:14: a weight",
          "\"x*\": it matches the empty text", "at most 200 octets", "1 to 4000 octets", "policy.ini:12: \"\\C\": ",
          "expression \"test\": has no entry", "looks nowhere", "a threshold of 0", "proximity is between"})
        CHECK(said.find(part) != std::string::npos);
    CHECK(std::count(said.begin(), said.end(), '\n') == 10);
}

TEST_CASE("no expressions, no texts, empty texts") {
    CHECK(match(compile({}), "anything").hits.empty());
    const auto compiled = compile({expression({regex("a+"), keyword("b"), number(Entry::Kind::kCard)})});
    CHECK(compiled.match({}).hits.empty());
    CHECK(match(compiled, "").hits.empty());
    CHECK(match(compiled, "\u200b").hits.empty());
}

TEST_CASE("a regular expression that takes too long cannot tell, and soon") {
    // Its back reference is too hard for Vectorscan, and each of its tries takes all steps that there are.
    const auto compiled = compile({expression({regex(R"((\w+)*(\w)\2#)")}), expression({keyword("aaa")})});
    const auto text = std::string(60, 'a') + "! aaa x#";
    const auto begin = std::chrono::steady_clock::now();
    const auto matches = match(compiled, text);
    CHECK(matches.undecided == std::vector<std::uint32_t>{0});
    REQUIRE(matches.hits.size() == 1);
    CHECK(matches.hits[0].expression == 1);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
}

TEST_CASE("what Vectorscan knows for certain needs no PCRE2") {
    const auto compiled = compile({expression({regex(R"((?:a+)+b)")})});
    const auto matches = match(compiled, std::string(5000, 'a') + "c" + std::string(30, 'a') + "b");
    CHECK(matches.hits.size() == 1);
    CHECK(matches.undecided.empty());
}

TEST_CASE("time that is over, and a text that is too long, cannot tell") {
    const auto compiled = compile({expression({regex(R"((x)y\1)")}), expression({keyword("end")})});
    scanners::content::MatchLimits limits;
    limits.regex_time = std::chrono::milliseconds(0);
    CHECK(match(compiled, "xyx", Place::kBody, limits).undecided == std::vector<std::uint32_t>{0});
    // Where it begins is not known then, but that it is there.
    const auto certain = match(compile({expression({regex("x[^ ]{2}")})}), "xy\u20ac", Place::kBody, limits);
    REQUIRE(certain.hits.size() == 1);
    CHECK(certain.hits[0].excerpt == "\u20ac");
    CHECK(certain.undecided.empty());
    limits = {};
    limits.text = 10;
    CHECK(match(compiled, "end xyx too long", Place::kBody, limits).undecided == std::vector<std::uint32_t>{});
    CHECK(match(compiled, "too long xyx end", Place::kBody, limits).undecided == std::vector<std::uint32_t>{0, 1});
}

TEST_CASE("more hits than are told") {
    std::vector<policy::Expression> all(policy::kMaxHits + 1, expression({keyword("word")}));
    const auto matches = match(compile(all), "word");
    CHECK(matches.hits.size() == policy::kMaxHits);
    CHECK_FALSE(matches.complete);
    CHECK(matches.undecided.empty());
}

TEST_CASE("every ready-made expression compiles and finds what it is for") {
    struct Row {
        std::string_view name, found, not_found;
    };
    const Row rows[] = {
        {"cards", "4111111111111111", "4111111111111112"},
        {"cards-many", "4111111111111111, 4012888888881881, 5555555555554444, 5105105105105100, 378282246310005",
         "4111111111111111, 4012888888881881, 5555555555554444, 5105105105105100, 4111111111111111"},
        {"card-track", "%B4111111111111111^DOE/JOHN^271210100000?", "B4111111111111111 DOE"},
        {"iban", "GB29 NWBK 6016 1331 9268 19", "GB29 NWBK 6016 1331 9268 18"},
        {"iban-many",
         "DE89370400440532013000 GB29NWBK60161331926819 NO9386011117947 NL91ABNA0417164300 BE68539007547034",
         "DE89370400440532013000 GB29NWBK60161331926819"},
        {"us-ssn", "123-45-6789", "666-45-6789"},
        {"us-ssn-digits", "Social Security number: 123456789", "order number 123456789"},
        {"us-itin", "912-70-1234", "912-12-1234"},
        {"uk-nino", "AB 12 34 56 C", "BG 12 34 56 C"},
        {"ca-sin", "My SIN: 046 454 286", "no. 046 454 286"},
        {"imei", "IMEI 490154203237518", "IMEI 490154203237519"},
        {"private-key", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN PUBLIC KEY-----"},
        {"access-key", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7"},
        {"password", "Password: hunter22", "the password is long"},
        {"confidential", "STRICTLY\r\nCONFIDENTIAL", "confidential"},
    };
    CHECK(policy::ready_made().size() == std::size(rows));
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto definition = policy::ready_made(row.name);
        REQUIRE(definition.has_value());
        CHECK(score(*definition, row.found) > 0);
        CHECK(score(*definition, row.not_found) == 0);
        CHECK(score(*definition, row.found, Place::kHeader) == 0);
    }
    CHECK_FALSE(policy::ready_made("unknown").has_value());
}
