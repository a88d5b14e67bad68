#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"
#include "scanners/worker/desk.hpp"
#include "scanners/worker/mail_map.hpp"

namespace {

using scanners::Desk;
using scanners::MailMap;

base::UniqueFd file_with(std::string_view text) {
    base::UniqueFd file(::memfd_create("test", MFD_CLOEXEC));
    REQUIRE(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    return file;
}

// Whether anything is mapped there.
bool is_mapped(const char* begin) {
    unsigned char unused = 0;
    return ::mincore(const_cast<char*>(begin), 1, &unused) == 0;
}

}  // namespace

TEST_CASE("each mail is what its file begins with") {
    MailMap map;
    const std::string large(Desk::kSize + 1, 'l');
    const auto first = file_with("first mail");
    const auto second = file_with("second one");
    const auto third = file_with(large);
    CHECK(map.open(first.get(), 10) == "first mail");
    map.close();
    CHECK(map.open(second.get(), 6) == "second");
    CHECK(map.open(third.get(), large.size()) == large);
    map.close();
    CHECK(map.open(second.get(), 10) == "second one");
    CHECK(map.open(first.get(), 0) == "");
    CHECK(map.open(first.get(), 5) == "first");
}

TEST_CASE("what is laid on a desk is read where the mail before it was") {
    Desk desk;
    MailMap map;
    const int file = desk.put("short");
    REQUIRE(file >= 0);
    const auto before = map.open(file, 5);
    REQUIRE(before == "short");
    map.close();
    const std::string whole(Desk::kSize, 'w');
    for (const auto& mail : {std::string("next"), std::string(300'000, 'n'), whole, std::string("l")}) {
        REQUIRE(desk.put(mail) == file);
        const base::UniqueFd sent(::dup(file));  // a new descriptor for each mail
        const auto now = map.open(sent.get(), mail.size());
        REQUIRE(now == mail);
        CHECK(now->data() == before->data());
        map.close();
    }
}

TEST_CASE("a file that takes another's place is not taken for it") {
    MailMap map;
    for (const char* const text : {"one mail", "two mail", "new mail"}) {
        const auto file = file_with(text);  // with the descriptor of the one before, which is gone
        CHECK(map.open(file.get(), 8) == text);
        map.close();
    }
}

TEST_CASE("a file that has grown is mapped anew") {
    MailMap map;
    const auto file = file_with("short");
    CHECK(map.open(file.get(), 5) == "short");
    const std::string more(10'000, 'm');
    REQUIRE(::pwrite(file.get(), more.data(), more.size(), 5) == static_cast<ssize_t>(more.size()));
    CHECK(map.open(file.get(), 10'005) == "short" + more);
}

TEST_CASE("what is larger than a desk is kept no longer than it is looked at") {
    MailMap map;
    const auto small = file_with(std::string(Desk::kSize, 's'));
    const auto large = file_with(std::string(Desk::kSize + 1, 'l'));
    const auto* const first = map.open(small.get(), Desk::kSize)->data();
    map.close();
    CHECK(is_mapped(first));
    const auto* const second = map.open(large.get(), 10)->data();
    CHECK(is_mapped(second));
    map.close();
    CHECK_FALSE(is_mapped(second));
}

TEST_CASE("no mail where there is no file, or a shorter one") {
    MailMap map;
    const auto file = file_with("short");
    CHECK_FALSE(map.open(file.get(), 6));
    CHECK(map.open(file.get(), 5));
    CHECK_FALSE(map.open(file.get(), 6));
    CHECK_FALSE(map.open(-1, 1));
    const base::UniqueFd device(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    CHECK_FALSE(map.open(device.get(), 1));
    const base::UniqueFd huge(::memfd_create("test", MFD_CLOEXEC));
    REQUIRE(::ftruncate(huge.get(), 1LL << 33) == 0);
    CHECK_FALSE(map.open(huge.get(), (1ULL << 32) + 1));
}
