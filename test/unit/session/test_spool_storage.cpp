#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <random>
#include <string>

#include "session/spool_storage.hpp"
#include "test/unit/temporary_directory.hpp"

namespace {

std::string read_fd(int fd) {
    struct stat info {};
    REQUIRE(::fstat(fd, &info) == 0);
    std::string text(static_cast<std::size_t>(info.st_size), '\0');
    REQUIRE(::pread(fd, text.data(), text.size(), 0) == info.st_size);
    return text;
}

// Gone when this program ends.
const std::string& directory() {
    static const TemporaryDirectory made;
    return made.path();
}

}  // namespace

TEST_CASE("a small mail stays in memory and is shared sealed") {
    auto spool = session::make_spool("/nonexistent");
    REQUIRE(spool->append("Subject: a\r\n\r\n"));
    REQUIRE(spool->append("text\r\n"));
    auto message = spool->seal();
    REQUIRE(message);
    CHECK((*message)->bytes() == "Subject: a\r\n\r\ntext\r\n");
    auto shared = (*message)->share();
    REQUIRE(shared);
    CHECK(read_fd(shared->get()) == (*message)->bytes());
    CHECK(::pwrite(shared->get(), "X", 1, 0) == -1);
    CHECK(::ftruncate(shared->get(), 0) == -1);
}

TEST_CASE("a large mail goes to an unlinked file and is shared for reading only") {
    auto spool = session::make_spool(directory());
    std::string all;
    for (int i = 0; i < 40; ++i) {
        const std::string piece(70000, static_cast<char>('a' + i % 26));
        all += piece;
        REQUIRE(spool->append(piece));
    }
    CHECK(std::filesystem::is_empty(directory()));
    auto message = spool->seal();
    REQUIRE(message);
    CHECK((*message)->bytes() == all);
    auto shared = (*message)->share();
    REQUIRE(shared);
    CHECK(read_fd(shared->get()) == all);
    CHECK(::pwrite(shared->get(), "X", 1, 0) == -1);
    CHECK(::ftruncate(shared->get(), 0) == -1);
}

TEST_CASE("a mail of exactly the limit, and one octet more") {
    for (const std::size_t size : {session::kSpoolInMemory, session::kSpoolInMemory + 1}) {
        auto spool = session::make_spool(directory());
        REQUIRE(spool->append(std::string(size - 1, 'x')));
        REQUIRE(spool->append("y"));
        auto message = spool->seal();
        REQUIRE(message);
        CHECK((*message)->size() == size);
        CHECK((*message)->bytes().back() == 'y');
    }
}

TEST_CASE("what is announced decides where a mail begins, and nothing else") {
    const auto most = std::numeric_limits<std::uint64_t>::max();
    for (const std::uint64_t announced : {std::uint64_t{1}, std::uint64_t{500'000}, std::uint64_t{2'000'000}, most}) {
        for (const std::size_t size : {std::size_t{3}, std::size_t{600'000}, std::size_t{3'000'000}}) {
            CAPTURE(announced);
            CAPTURE(size);
            auto spool = session::make_spool(directory(), announced);
            const std::string all = std::string(size - 1, 'x') + "y";
            for (std::size_t at = 0; at < size; at += 50'000)
                REQUIRE(spool->append(std::string_view(all).substr(at, 50'000)));
            auto message = spool->seal();
            REQUIRE(message);
            CHECK((*message)->bytes() == all);
            auto shared = (*message)->share();
            REQUIRE(shared);
            CHECK(read_fd(shared->get()) == all);
        }
    }
    CHECK(session::make_spool("/nonexistent", 5)->append("x"));
    CHECK_FALSE(session::make_spool("/nonexistent", most)->append("x"));
    CHECK(session::make_spool("/nonexistent", most)->seal());
}

TEST_CASE("a mail may be put in its place by who receives it") {
    std::mt19937 random(7);
    const auto any = [&random](std::size_t most) {
        return std::uniform_int_distribution<std::size_t>(1, most)(random);
    };
    for (const std::uint64_t announced : {0U, 700'000U}) {
        for (int round = 0; round < 60; ++round) {
            const auto size = any(session::kSpoolInMemory + 200'000);
            CAPTURE(size);
            auto spool = session::make_spool(directory(), announced);
            std::string all;
            std::size_t in_place = 0;
            while (all.size() < size) {
                std::string piece(std::min(any(150'000), size - all.size()), static_cast<char>('a' + all.size() % 26));
                auto room = spool->room();
                if (room.size > 0 && any(5) > 1) {
                    piece.resize(std::min(piece.size(), room.size));
                    piece.copy(room.begin, piece.size());
                    // A dot taken away: the text begins later than it was received, and is shorter.
                    const std::size_t left_out = any(10) == 1 && piece.size() > 1 ? 1 : 0;
                    REQUIRE(spool->append({room.begin + left_out, piece.size() - left_out}));
                    all += piece.substr(left_out);
                    ++in_place;
                } else {
                    REQUIRE(spool->append(piece));
                    all += piece;
                }
            }
            if (size > 600'000)
                CHECK(in_place > 0);
            const auto message = spool->seal(round % 2 == 0);
            REQUIRE(message);
            CHECK((*message)->bytes() == all);
            CHECK((*message)->undotted() == (round % 2 == 0));
            const int file = (*message)->lend();
            CHECK((file >= 0) == (announced > 0 || all.size() >= session::kBlockFrom));
            if (file >= 0) {
                std::string read(all.size(), ' ');
                REQUIRE(::pread(file, read.data(), read.size(), 0) == static_cast<ssize_t>(read.size()));
                CHECK(read == all);
            }
            if (round % 3 == 0) {
                const auto shared = (*message)->share();
                REQUIRE(shared);
                CHECK(read_fd(shared->get()) == all);
            } else {
                (*message)->give_back();
            }
        }
    }
}

TEST_CASE("small mails need no room") {
    CHECK(session::make_spool(directory())->room().size == 0);
    CHECK(session::make_spool(directory(), 4000)->room().size == 0);
    CHECK(session::make_spool(directory(), 3'000'000)->room().size == 0);  // a file
}

TEST_CASE("no place for a large mail is an error, and stays one") {
    auto spool = session::make_spool("/nonexistent");
    CHECK_FALSE(spool->append(std::string(session::kSpoolInMemory + 1, 'x')));
    CHECK_FALSE(spool->append("x"));
    CHECK_FALSE(spool->seal());
}

TEST_CASE("an empty mail is a mail") {
    auto message = session::make_spool("/nonexistent")->seal();
    REQUIRE(message);
    CHECK((*message)->bytes().empty());
    auto shared = (*message)->share();
    REQUIRE(shared);
    CHECK(read_fd(shared->get()).empty());
}
