// How many passwords may be tried.
#include <doctest/doctest.h>

#include "directory/login_rate.hpp"

using directory::LoginRate;
using namespace std::chrono_literals;

namespace {

const auto kNow = base::Monotonic::now();

}  // namespace

TEST_CASE("one user may be wrong so often, and again after a while") {
    LoginRate rate(3, 100);
    for (int i = 0; i < 3; ++i)
        CHECK(rate.admit("Alice@example.test", kNow));
    CHECK_FALSE(rate.admit("alice@EXAMPLE.test", kNow));
    CHECK(rate.admit("bob@example.test", kNow));
    CHECK_FALSE(rate.admit("alice@example.test", kNow + 199s));
    CHECK(rate.admit("alice@example.test", kNow + 201s));
    CHECK_FALSE(rate.admit("alice@example.test", kNow + 202s));
}

TEST_CASE("who was right is not counted") {
    LoginRate rate(2, 100);
    for (int i = 0; i < 50; ++i) {
        CHECK(rate.admit("alice", kNow));
        rate.take_back("ALICE");
    }
    CHECK(rate.users() == 0);
    CHECK(rate.admit("alice", kNow));
    CHECK(rate.admit("alice", kNow));
    CHECK_FALSE(rate.admit("alice", kNow));
    rate.take_back("nobody");
}

TEST_CASE("all together have a limit of their own, whoever is right") {
    LoginRate rate(100, 5);
    for (int i = 0; i < 5; ++i) {
        CHECK(rate.admit("user" + std::to_string(i), kNow));
        rate.take_back("user" + std::to_string(i));
    }
    CHECK_FALSE(rate.admit("another", kNow));
    CHECK_FALSE(rate.admit("another", kNow + 11s));
    CHECK(rate.admit("another", kNow + 13s));
}

TEST_CASE("memory is bounded, and a flood of users makes it forget nobody") {
    LoginRate rate(1, 1'000'000);
    CHECK(rate.admit("victim", kNow));
    for (std::size_t i = 1; i < LoginRate::kMaxUsers; ++i)
        REQUIRE(rate.admit(std::to_string(i), kNow));
    CHECK(rate.users() == LoginRate::kMaxUsers);
    CHECK_FALSE(rate.admit("surplus", kNow));
    CHECK_FALSE(rate.admit("victim", kNow + 1min));
    CHECK(rate.users() == LoginRate::kMaxUsers);
    CHECK(rate.admit("surplus", kNow + 11min));  // those before have their attempts again
    CHECK(rate.users() == 1);
}
