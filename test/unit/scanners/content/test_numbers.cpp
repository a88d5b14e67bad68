// Numbers are those that the card schemes, the registry of ISO 13616 and payment services publish for tests.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "scanners/content/numbers.hpp"

namespace content = scanners::content;

namespace {

using Values = std::vector<std::string>;

template <typename Find>
Values collect(Find find) {
    Values values;
    find([&values](const content::Number& number) {
        values.push_back(number.value);
        return true;
    });
    return values;
}
Values cards(std::string_view text) {
    return collect([&](const content::NumberSink& sink) { content::find_cards(text, sink); });
}
Values ibans(std::string_view text) {
    return collect([&](const content::NumberSink& sink) { content::find_ibans(text, sink); });
}
Values ssns(std::string_view text, bool bare = false) {
    return collect([&](const content::NumberSink& sink) { content::find_us_ssns(text, bare, sink); });
}
Values luhns(std::string_view text, std::uint32_t min, std::uint32_t max) {
    return collect([&](const content::NumberSink& sink) { content::find_luhn(text, min, max, sink); });
}

}  // namespace

TEST_CASE("cards of each scheme are found, and not with one digit changed") {
    for (const std::string number :
         {"4111111111111111", "4012888888881881", "4222222222222", "5555555555554444", "5105105105105100",
          "2223003122003222", "378282246310005", "371449635398431", "6011111111111117", "6011000990139424",
          "3530111333300000", "3566002020360505", "30569309025904", "38520000023237", "36227206271667",
          "6304000000000000", "6759649826438453"}) {
        CAPTURE(number);
        CHECK(cards(number) == Values{number});
        CHECK(cards("pay " + number + ", please") == Values{number});
        auto wrong = number;
        wrong.back() = wrong.back() == '9' ? '0' : static_cast<char>(wrong.back() + 1);
        CHECK(cards(wrong).empty());
    }
}

TEST_CASE("a check digit alone makes no card: prefix and length count") {
    CHECK(content::passes_luhn("1111111111111117"));
    CHECK(cards("1111111111111117").empty());
    CHECK(cards("0000000000000000").empty());
    CHECK(content::passes_luhn("41111111111114"));
    CHECK(cards("41111111111114").empty());  // a Visa of 14 digits
    CHECK(cards("378282246310005").size() == 1);
    CHECK_FALSE(content::is_card_range("3782822463100050"));
}

TEST_CASE("cards with separators") {
    const Values visa{"4111111111111111"};
    for (const std::string_view text :
         {"4111 1111 1111 1111", "4111-1111-1111-1111", "4111.1111.1111.1111", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
          "411111 1111111111", "no. 4111 1111 1111 1111", "02 4111 1111 1111 1111", "02 4111-1111-1111-1111",
          "2026-01-02 4111 1111 1111 1111", "4111 1111 1111 1111 12/27", "4111 1111 1111 1111 1227",
          "4111 1111 1111 1111 2027", "4111 1111 1111 1111 123", "card:4111111111111111.", "4111111111111111,12/27",
          "\u5361\u53f74111111111111111\u3002"}) {
        CAPTURE(text);
        CHECK(cards(text) == visa);
    }
    CHECK(cards("3782 822463 10005") == Values{"378282246310005"});
    CHECK(cards("3056 930902 5904") == Values{"30569309025904"});
    CHECK(cards("4111 1111 1111 1111 and 5555-5555-5555-4444") == Values{"4111111111111111", "5555555555554444"});
    // With two kinds of separators it stands in two chains.
    CHECK(cards("02 4111111111111111-99") == Values{"4111111111111111"});
    CHECK(ssns("5 123456789-1", true) == Values{"123456789"});
    CHECK(cards("4111111111111111 4012888888881881") == Values{"4111111111111111", "4012888888881881"});
}

TEST_CASE("what is part of something longer is no card") {
    for (const std::string_view text :
         {"14111111111111111", "41111111111111110", "0004111111111111111100", "a4111111111111111", "4111111111111111b",
          "x_4111111111111111", "0.4111111111111111", "4111111111111111.25", "1234 4111 1111 1111 1111",
          "4111 1111 1111 1111 9999", "4111 1111-1111 1111", "4111  1111  1111  1111", "4111:1111:1111:1111"}) {
        CAPTURE(text);
        CHECK(cards(text).empty());
    }
}

TEST_CASE("a sink can stop the search") {
    int found = 0;
    content::find_cards("4111111111111111 4012888888881881", [&found](const content::Number&) {
        ++found;
        return false;
    });
    CHECK(found == 1);
}

TEST_CASE("bank accounts") {
    for (const std::string number :
         {"DE89370400440532013000", "GB29NWBK60161331926819", "FR1420041010050500013M02606", "NO9386011117947",
          "MT84MALT011000012345MTLCAST001S", "NL91ABNA0417164300", "BE68539007547034", "CH9300762011623852957",
          "ES9121000418450200051332", "IT60X0542811101000000123456", "AT611904300234573201",
          "SE4550000000058398257466"}) {
        CAPTURE(number);
        CHECK(ibans(number) == Values{number});
        auto wrong = number;
        wrong[6] = wrong[6] == '9' ? '8' : '9';
        CHECK(ibans(wrong).empty());
        CHECK(ibans(number + "0").empty());
        CHECK(ibans(number.substr(0, number.size() - 1)).empty());
        CHECK(ibans("X" + number).empty());
    }
    CHECK(ibans("to DE89 3704 0044 0532 0130 00, soon") == Values{"DE89370400440532013000"});
    CHECK(ibans("(de89-3704-0044-0532-0130-00)") == Values{"DE89370400440532013000"});
    CHECK(ibans("DE89  370400440532013000").empty());
    CHECK(ibans("ZZ89370400440532013000").empty());
    CHECK(ibans("NO9386011117947 BE68539007547034") == Values{"NO9386011117947", "BE68539007547034"});
}

TEST_CASE("social security numbers") {
    CHECK(ssns("his SSN is 123-45-6789.") == Values{"123456789"});
    CHECK(ssns("899 12 3456") == Values{"899123456"});
    for (const std::string_view text :
         {"000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000", "078-05-1120", "219-09-9999",
          "1123-45-6789", "123-45-67890", "123-45 6789", "a123-45-6789"}) {
        CAPTURE(text);
        CHECK(ssns(text).empty());
    }
    CHECK(ssns("123456789").empty());
    CHECK(ssns("123456789", true) == Values{"123456789"});
    CHECK(ssns("1234567890", true).empty());
    CHECK(ssns("123-45-6789", true).empty());
}

TEST_CASE("digits with a check digit") {
    CHECK(luhns("79927398713", 11, 11) == Values{"79927398713"});
    CHECK(luhns("79927398710", 11, 11).empty());
    CHECK(luhns("046 454 286", 9, 9) == Values{"046454286"});
    CHECK(luhns("490154203237518", 15, 15) == Values{"490154203237518"});
}

TEST_CASE("long chains of digits cost linear time and little memory") {
    std::string chain;
    for (int i = 0; i < 400'000; ++i)
        chain += "1 ";
    CHECK(cards(chain).empty());
    // In groups of four it begins at any place of the chain; beside it stands what makes it a longer number.
    std::string groups;
    for (int i = 0; i < 1000; ++i)
        groups += "99 ";
    CHECK(cards(groups + "4111 1111 1111 1111 99") == Values{"4111111111111111"});
    for (const int before : {250, 252, 253, 254, 255, 256}) {
        CAPTURE(before);
        CHECK(cards(groups.substr(0, static_cast<std::size_t>(before) * 3) + "4111 1111 1111 1111 99") ==
              Values{"4111111111111111"});
    }
    // The last part of a chain that is too long is not all of it.
    const std::string digits = "41 11 11 11 11 11 11 1 1";
    CHECK(cards(digits) == Values{"4111111111111111"});
    CHECK(cards(groups.substr(0, 248 * 3) + digits).empty());
}
