// The functions have other names here than in the object file: stdio.h may have the compiler call one of them by the
// name of another (C99, C23), and so it is not included. Any process, any thread; no state.
#include "scanners/clamav/scanf.hpp"

#include <features.h>

#include <cstdarg>
#include <cstddef>
#include <optional>

namespace {

constexpr int kEnd = -1;  // EOF

// All digits of a number that is sure to fit into 64 bits.
constexpr unsigned kMaxDigits = 19;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// As isspace(3) in the locale "C", which our programs stay in.
bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// What stands for itself in a format. White space would match any amount of it, and octets above ASCII may be part of
// a character.
bool is_literal(char c) {
    return c > ' ' && c <= '~' && c != '%';
}

bool is_simple(const char* format) {
    for (; *format != '\0'; ++format) {
        if (*format == '%' ? *++format != 'u' : !is_literal(*format))
            return false;
    }
    return true;
}

// Reads one number like strtoul(3), and moves `text` behind it. Nothing: there is none, or (`too_long`) it may not fit.
std::optional<unsigned> read_number(const char*& text, bool& too_long) {
    const bool negative = *text == '-';
    const char* at = text + (negative || *text == '+' ? 1 : 0);
    const char* const first = at;
    unsigned long value = 0;
    for (; is_digit(*at); ++at) {
        value = value * 10 + static_cast<unsigned long>(*at - '0');
        too_long = at - first >= static_cast<std::ptrdiff_t>(kMaxDigits);
        if (too_long)
            return std::nullopt;
    }
    text = at;
    if (at == first)
        return std::nullopt;
    return static_cast<unsigned>(negative ? 0 - value : value);
}

// The value of sscanf(). Nothing: the C library has to read this, from the start.
std::optional<int> scan(const char* text, const char* format, va_list results) {
    if (!is_simple(format))
        return std::nullopt;
    int found = 0;
    for (; *format != '\0'; ++format) {
        if (*format != '%') {
            if (*text == '\0')
                return found == 0 ? kEnd : found;
            if (*text++ != *format)
                return found;
            continue;
        }
        ++format;
        while (is_space(*text))
            ++text;
        if (*text == '\0')
            return std::nullopt;  // what errno is then is the C library's own affair
        bool too_long = false;
        const auto number = read_number(text, too_long);
        if (too_long)
            return std::nullopt;
        if (!number)
            return found;
        *va_arg(results, unsigned*) = *number;
        ++found;
    }
    return found;
}

using Library = int(const char* text, const char* format, va_list results);

// `results` twice: who has read from one cannot go back.
int scan_or_ask(const char* text, const char* format, va_list results, va_list again, Library& library) {
    const auto found = scan(text, format, results);
    return found ? *found : library(text, format, again);
}

}  // namespace

namespace scanners::clamav {

void link_scanf() {}

}  // namespace scanners::clamav

extern "C" {

// ISO C99 and what was before it differ in formats that are not read here.
int library_old(const char* text, const char* format, va_list results) __asm__("vsscanf");
int library_c99(const char* text, const char* format, va_list results) __asm__("__isoc99_vsscanf");
__attribute__((visibility("default"))) int sandwich_old(const char* text, const char* format, ...) __asm__("sscanf");
__attribute__((visibility("default"))) int sandwich_c99(const char* text, const char* format,
                                                        ...) __asm__("__isoc99_sscanf");

int sandwich_old(const char* text, const char* format, ...) {
    va_list results;
    va_list again;
    va_start(results, format);
    va_copy(again, results);
    const int value = scan_or_ask(text, format, results, again, library_old);
    va_end(again);
    va_end(results);
    return value;
}

int sandwich_c99(const char* text, const char* format, ...) {
    va_list results;
    va_list again;
    va_start(results, format);
    va_copy(again, results);
    const int value = scan_or_ask(text, format, results, again, library_c99);
    va_end(again);
    va_end(results);
    return value;
}
#if __GLIBC_PREREQ(2, 38)
int library_c23(const char* text, const char* format, va_list results) __asm__("__isoc23_vsscanf");
__attribute__((visibility("default"))) int sandwich_c23(const char* text, const char* format,
                                                        ...) __asm__("__isoc23_sscanf");

int sandwich_c23(const char* text, const char* format, ...) {
    va_list results;
    va_list again;
    va_start(results, format);
    va_copy(again, results);
    const int value = scan_or_ask(text, format, results, again, library_c23);
    va_end(again);
    va_end(results);
    return value;
}
#endif
}
