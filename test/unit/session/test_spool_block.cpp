#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "session/spool_block.hpp"

namespace {

using session::SpoolBlock;

constexpr auto kSize = SpoolBlock::kSize;
const std::string kSecret = "a mail before";

// A block that has held a mail; what is done with it in between is the test's.
template <typename Use>
std::string found_in_next_block(Use use) {
    {
        const auto block = SpoolBlock::take();
        REQUIRE(block);
        REQUIRE(block->provide(kSecret.size()));
        std::memcpy(block->begin(), kSecret.data(), kSecret.size());
        use(*block);
    }
    const auto next = SpoolBlock::take();
    REQUIRE(next);
    REQUIRE(next->provide(kSecret.size()));
    return {next->begin(), kSecret.size()};
}

}  // namespace

TEST_CASE("a block is kept for the next mail, but not while anybody may read it") {
    const std::string empty(kSecret.size(), '\0');
    CHECK(found_in_next_block([](SpoolBlock&) {}) == kSecret);
    CHECK(found_in_next_block([](SpoolBlock& block) {
              block.lend();
              block.lend();
              block.give_back();
              block.give_back();
          }) == kSecret);
    CHECK(found_in_next_block([](SpoolBlock& block) {
              block.lend();
              block.lend();
              block.give_back();
          }) == empty);
    CHECK(found_in_next_block([](SpoolBlock& block) { CHECK(block.share(5)); }) == empty);
}

TEST_CASE("blocks that nobody needed for a while go, a few at a time") {
    const auto take = [](std::size_t count) {
        std::vector<std::shared_ptr<SpoolBlock>> all;
        for (std::size_t i = 0; i < count; ++i) {
            all.push_back(SpoolBlock::take());
            REQUIRE(all.back());
            REQUIRE(all.back()->provide(kSecret.size()));
        }
        return all;
    };
    const auto used_before = [&](std::size_t count) {
        const auto all = take(count);
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& block) {
            return std::string_view(block->begin(), kSecret.size()) == kSecret;
        }));
    };
    const auto fill = [&](std::size_t count) {
        for (const auto& block : take(count))
            std::memcpy(block->begin(), kSecret.data(), kSecret.size());
    };
    const auto all_go = [] {
        for (std::size_t i = 0; i <= SpoolBlock::kMostKept / SpoolBlock::kGoAtOnce + 1; ++i)
            SpoolBlock::let_idle_go();
    };
    all_go();
    REQUIRE(used_before(SpoolBlock::kMostKept) == 0);

    fill(SpoolBlock::kMostKept + 2);
    SpoolBlock::let_idle_go();  // some were in use since the call before, though none is now
    CHECK(used_before(SpoolBlock::kMostKept + 2) == SpoolBlock::kMostKept);
    all_go();
    fill(SpoolBlock::kMostKept);
    SpoolBlock::let_idle_go();
    fill(3);
    SpoolBlock::let_idle_go();
    CHECK(used_before(SpoolBlock::kMostKept) == SpoolBlock::kMostKept - SpoolBlock::kGoAtOnce);
    all_go();
    fill(5);
    SpoolBlock::let_idle_go();
    fill(3);
    SpoolBlock::let_idle_go();  // two were idle
    CHECK(used_before(5) == 3);
    all_go();
    CHECK(used_before(SpoolBlock::kMostKept) == 0);
}

TEST_CASE("memory that was provided is a file, too") {
    const auto block = SpoolBlock::take();
    REQUIRE(block);
    for (const std::size_t size : {std::size_t{1}, std::size_t{300'000}, kSize}) {
        REQUIRE(block->provide(size));
        std::memset(block->begin(), 'x', size);
        std::string read(size, ' ');
        REQUIRE(::pread(block->file(), read.data(), size, 0) == static_cast<ssize_t>(size));
        CHECK(read == std::string(size, 'x'));
    }
    CHECK_FALSE(block->provide(kSize + 1));
}

TEST_CASE("what is shared ends with the text, and nobody can change it") {
    found_in_next_block([](SpoolBlock&) {});
    const auto block = SpoolBlock::take();
    REQUIRE(block);
    REQUIRE(block->provide(kSize));
    std::memset(block->begin(), 's', kSize);
    std::memcpy(block->begin(), "text", 4);
    for (int twice = 0; twice < 2; ++twice) {
        const auto shared = block->share(4);
        REQUIRE(shared);
        struct stat status {};
        REQUIRE(::fstat(shared->get(), &status) == 0);
        CHECK(status.st_size == 4);
        CHECK(::pwrite(shared->get(), "X", 1, 0) == -1);
        CHECK(::ftruncate(shared->get(), 0) == -1);
        CHECK(::mmap(nullptr, 4, PROT_READ | PROT_WRITE, MAP_SHARED, shared->get(), 0) == MAP_FAILED);
        // Nor through another descriptor, which who has this one could try to get.
        CHECK(::pwrite(block->file(), "X", 1, 0) == -1);
        CHECK(::ftruncate(block->file(), 0) == -1);
        CHECK(::fallocate(block->file(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4) == -1);
        CHECK(::mmap(nullptr, 4, PROT_READ | PROT_WRITE, MAP_SHARED, block->file(), 0) == MAP_FAILED);
        void* const mapped = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, shared->get(), 0);
        REQUIRE(mapped != MAP_FAILED);
        const std::string page(static_cast<const char*>(mapped), 4096);
        CHECK(page == "text" + std::string(4092, '\0'));
        ::munmap(mapped, 4096);
    }
}

TEST_CASE("there are only so many, and those that go make room") {
    std::vector<std::shared_ptr<SpoolBlock>> all;
    for (std::size_t i = 0; i < SpoolBlock::kMost; ++i) {
        all.push_back(SpoolBlock::take());
        REQUIRE(all.back());
    }
    CHECK_FALSE(SpoolBlock::take());
    all.pop_back();
    CHECK(SpoolBlock::take());
    all.clear();
    for (std::size_t i = 0; i < SpoolBlock::kMost; ++i) {
        all.push_back(SpoolBlock::take());
        REQUIRE(all.back());
    }
    CHECK_FALSE(SpoolBlock::take());
}
