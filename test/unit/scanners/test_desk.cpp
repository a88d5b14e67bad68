#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "scanners/worker/desk.hpp"

namespace {

using scanners::Desk;

// As the worker sees it: whole pages.
std::string mapped(int file, std::size_t size) {
    const auto pages = (size + 4095) / 4096 * 4096;
    void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    REQUIRE(memory != MAP_FAILED);
    std::string seen(static_cast<const char*>(memory), pages);
    ::munmap(memory, size);
    return seen;
}

}  // namespace

TEST_CASE("a mail on the desk, and nothing of the one before behind it") {
    Desk desk;
    const std::string large(Desk::kSize, 'l');
    const int file = desk.put(large);
    REQUIRE(file >= 0);
    CHECK(mapped(file, large.size()) == large);
    for (const std::size_t size : {std::size_t{100'000}, std::size_t{102'400}, std::size_t{1}, Desk::kSize - 1}) {
        CAPTURE(size);
        const std::string mail(size, 'm');
        REQUIRE(desk.put(mail) == file);
        const auto seen = mapped(file, size);
        CHECK(seen == mail + std::string(seen.size() - size, '\0'));
    }
    CHECK(desk.put(std::string(Desk::kSize + 1, 'x')) == -1);
}

TEST_CASE("who is given the desk can neither write on it nor cut it") {
    Desk desk;
    const int file = desk.put("text");
    REQUIRE(file >= 0);
    CHECK(::pwrite(file, "X", 1, 0) == -1);
    CHECK(::ftruncate(file, 0) == -1);
    CHECK(::mmap(nullptr, 4, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED);
    // Nor through another descriptor, which it could try to get.
    const base::UniqueFd other(::open(("/proc/self/fd/" + std::to_string(file)).c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(other);
    CHECK(::pwrite(other.get(), "X", 1, 0) == -1);
    CHECK(::ftruncate(other.get(), 0) == -1);
    CHECK(::ftruncate(other.get(), 1 << 24) == -1);
    CHECK(::fallocate(other.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4) == -1);
    CHECK(::mmap(nullptr, 4, PROT_READ | PROT_WRITE, MAP_SHARED, other.get(), 0) == MAP_FAILED);
    CHECK(mapped(file, 4).starts_with(std::string("text\0", 5)));
    // The proxy still can.
    CHECK(desk.put("next") == file);
    CHECK(mapped(file, 4).starts_with("next"));
}
