// Characters of UTF-8 text, and what each is folded to. Worker side; pure, no state but tables made once.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace scanners::content {

inline constexpr char32_t kReplacement = 0xfffd;

// The character at `at`, and `at` moves behind it. What is no UTF-8 (overlong, surrogate, cut) is kReplacement, an
// octet each. Precondition: at < text.size().
char32_t next_character(std::string_view text, std::size_t& at);
// The character that ends before `at`. Precondition: at > 0, and the text is UTF-8.
char32_t character_before(std::string_view text, std::size_t at);
void append_utf8(std::string& out, char32_t code);
// The largest n' <= n at which the text may be cut without cutting a character.
std::size_t cut_at(std::string_view text, std::size_t n);

// What becomes of a character in normalised text.
struct Folded {
    enum class Kind : unsigned char { kSame, kOther, kSeveral, kBlank, kNothing };
    Kind kind = Kind::kSame;
    char32_t code = 0;         // kSame, kOther
    std::string_view several;  // kSeveral
};
Folded compatible(char32_t code);
// Case folding: kSame, kOther or kSeveral.
Folded lower(char32_t code);
// The one character that `base` with the combining `mark` is; 0: there is none.
char32_t compose(char32_t base, char32_t mark);
// A mark that is put on the character before it, in scripts that need none of them to tell words apart.
bool is_decoration(char32_t code);

// A letter, digit, mark or "_": keywords are whole when none of them touches.
bool is_word(char32_t code);
// Of a script that has no blanks between its words: Han, Kana, Thai, Lao, Khmer, Myanmar.
bool is_unspaced(char32_t code);

}  // namespace scanners::content
