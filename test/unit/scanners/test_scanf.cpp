// sscanf() as libclamav gets it says, stores and leaves in errno what the C library's own does.
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "scanners/clamav/scanf.hpp"

namespace {

using Function = int(const char*, const char*, ...);

Function* find(void* where, const char* name) {
    scanners::clamav::link_scanf();
    void* const found = ::dlsym(where, name);
    REQUIRE(found != nullptr);
    return reinterpret_cast<Function*>(found);
}

int ask_nothing(const char* /*text*/, const char* /*format*/, ...) {
    return 0;
}

// The file that holds a function.
std::string home_of(Function* function) {
    Dl_info info{};
    REQUIRE(::dladdr(reinterpret_cast<void*>(function), &info) != 0);
    return info.dli_fname;
}

struct Said {
    int value = 0;
    int error = 0;
    std::array<unsigned, 4> numbers{0xAAAAAAAA, 0xBBBBBBBB, 0xCCCCCCCC, 0xDDDDDDDD};
    bool operator==(const Said&) const = default;
};

Said ask(Function* function, const std::string& text, const std::string& format) {
    Said said;
    errno = 77;
    said.value =
        function(text.c_str(), format.c_str(), &said.numbers[0], &said.numbers[1], &said.numbers[2], &said.numbers[3]);
    said.error = errno;
    return said;
}

struct Pair {
    const char* name;
    Function* ours = find(RTLD_DEFAULT, name);
    Function* library = find(RTLD_NEXT, name);
};

void compare(const Pair& pair, const std::string& text, const std::string& format) {
    const auto ours = ask(pair.ours, text, format);
    const auto library = ask(pair.library, text, format);
    if (ours == library)
        return;
    CAPTURE(pair.name);
    CAPTURE(text);
    CAPTURE(format);
    CHECK(ours.value == library.value);
    CHECK(ours.error == library.error);
    CHECK(ours.numbers == library.numbers);
}

// Those that libclamav has, others of the same kind, and some that only the C library reads.
const std::vector<std::string> kFormats = {
    "%u",  "%u,%u", "%u-%u", "%u.%u-%u", "$%u$", "S%u+%u", "%u%u", "%u%%",    "u%u", "%u,%u,%u,%u",
    "",    "x",     "%",     "%u%",      "%d",   "%x",     "0x%x", "%o",      "%3u", "%lu",
    " %u", "%u %u", "%*u%u", "%hhu",     "%n",   "%u%n",   "%i",   "%3[0-9]",
};

std::string text_of(std::mt19937& random, const std::string& alphabet, std::size_t most) {
    std::string text;
    for (auto size = random() % (most + 1); size > 0; --size)
        text += alphabet[random() % alphabet.size()];
    return text;
}

}  // namespace

TEST_CASE("every library of the process gets the program's own sscanf") {
    const auto self = home_of(find(RTLD_DEFAULT, "sscanf"));
    CHECK(self == home_of(find(RTLD_DEFAULT, "__isoc99_sscanf")));
    CHECK(self == home_of(&ask_nothing));
    CHECK(self != home_of(find(RTLD_NEXT, "sscanf")));
}

TEST_CASE("sscanf says of all short texts what the C library says") {
    constexpr std::string_view kOctets = "017+-, $xu";
    for (const char* name : {"sscanf", "__isoc99_sscanf"}) {
        const Pair pair{name};
        std::vector<std::string> texts = {""};
        for (std::size_t at = 0; at < texts.size(); ++at) {
            for (const auto& format : kFormats)
                compare(pair, texts[at], format);
            for (std::size_t i = 0; i < kOctets.size() && texts[at].size() < 4; ++i)
                texts.push_back(texts[at] + kOctets[i]);
        }
        CHECK(texts.size() == 11111);
    }
}

TEST_CASE("sscanf says of long numbers, white space and odd octets what the C library says") {
    std::mt19937 random(20261128);
    const std::string odd("0123456789+-,.$S\t\n\v\f\r \x01\x7F\x80\xA0\xFF", 27);
    for (const char* name : {"sscanf", "__isoc99_sscanf"}) {
        const Pair pair{name};
        for (unsigned i = 0; i < 60000; ++i) {
            const auto& format = kFormats[random() % kFormats.size()];
            compare(pair, text_of(random, "0123456789", 24), format);
            compare(pair, text_of(random, "09-,", 30), format);
            compare(pair, text_of(random, odd, 12), format);
            compare(pair, std::to_string(random()) + "," + text_of(random, "0123456789", 22), format);
        }
        for (const char* edge :
             {"4294967295", "4294967296", "-1", "-4294967296", "18446744073709551615", "18446744073709551616",
              "-18446744073709551615", "9999999999999999999", "00000000000000000000000007", "+", "-", "- 1"})
            for (const auto& format : kFormats)
                compare(pair, edge, format);
    }
}

TEST_CASE("sscanf says of any short format what the C library says") {
    std::mt19937 random(28112026);
    const Pair pair{"sscanf"};
    for (unsigned i = 0; i < 100000; ++i) {
        // At most four conversions, each of a number that fits into an unsigned.
        std::string format;
        for (auto part = random() % 5; part > 0; --part)
            format += std::array<const char*, 9>{"%u", "%u", ",", "-", "%%", " ", "%d", "%x", "\xC3"}[random() % 9];
        compare(pair, text_of(random, "0012-,%+ \xC3", 10), format);
    }
}
