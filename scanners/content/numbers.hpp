// Numbers that check themselves: payment cards, bank accounts, social security numbers.
//
// Pure; linear time. A number counts when nothing makes it part of a longer one: no letter or digit touches it, it is
// no decimal fraction, and with separators (one kind of them throughout) it is either all of its digits or grouped as
// such numbers usually are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace scanners::content {

struct Number {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string value;  // without separators; letters are upper case
};

// Called for each number found, in the order of the text; false ends the search.
using NumberSink = std::function<bool(const Number&)>;

// Texts are normalised (normalise.hpp).
void find_cards(std::string_view text, const NumberSink& sink);
void find_ibans(std::string_view text, const NumberSink& sink);
// `bare`: nine digits without separators; else 3-2-4 with one of blank, "-", "." between them.
void find_us_ssns(std::string_view text, bool bare, const NumberSink& sink);
// min <= digits <= max, Luhn.
void find_luhn(std::string_view text, std::uint32_t min, std::uint32_t max, const NumberSink& sink);

bool passes_luhn(std::string_view digits);
// Prefix and length are those of Visa, Mastercard, American Express, Discover, JCB, Diners Club or Maestro.
bool is_card_range(std::string_view digits);
// Upper case, no separators.
bool is_iban(std::string_view iban);
bool is_us_ssn(std::string_view digits);

}  // namespace scanners::content
