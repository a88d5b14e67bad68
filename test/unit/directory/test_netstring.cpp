// Netstrings in any chunking.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "directory/netstring.hpp"

using directory::NetstringReader;

namespace {

bool garbage(std::string_view bytes, std::size_t most = 100) {
    return std::holds_alternative<NetstringReader::Garbage>(NetstringReader(most).next(bytes));
}

}  // namespace

TEST_CASE("one after the other, however they come") {
    const std::string all = "3:abc,0:,5:1,2:3,";
    for (std::size_t step = 1; step <= all.size(); ++step) {
        std::string buffer;
        std::vector<std::string> got;
        for (std::size_t i = 0; i < all.size(); i += step) {
            buffer += all.substr(i, step);
            for (;;) {
                std::string_view bytes = buffer;
                auto outcome = NetstringReader(10).next(bytes);
                buffer.erase(0, buffer.size() - bytes.size());
                if (!std::holds_alternative<std::string>(outcome)) {
                    CHECK(std::holds_alternative<NetstringReader::NeedMore>(outcome));
                    break;
                }
                got.push_back(std::get<std::string>(outcome));
            }
        }
        CHECK(got == std::vector<std::string>{"abc", "", "1,2:3"});
    }
}

TEST_CASE("what is none") {
    for (const auto* const wrong :
         {"a", ":", ":abc,", "-1:a,", "3:abcd", "03:abc,", "00:,", "1:ab", "9999999999", " 1:a,", "101"})
        CHECK_MESSAGE(garbage(wrong), wrong);
    CHECK_FALSE(garbage("100:"));
    CHECK_FALSE(garbage(""));
    CHECK_FALSE(garbage("3"));
    CHECK(directory::netstring("OK a") == "4:OK a,");
    CHECK(directory::netstring("") == "0:,");
}
