#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>

#include "policy/condition.hpp"
#include "session/delays.hpp"

using policy::Span;
using session::Delays;
using session::next_time;
using Time = base::Wall::time_point;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const Time kNow{seconds(1'700'000'000)};

journal::Key key(unsigned number) {
    journal::Key made{};
    made[0] = static_cast<unsigned char>(number);
    made[1] = static_cast<unsigned char>(number >> 8);
    made[2] = static_cast<unsigned char>(number >> 16);
    return made;
}

// The minute of the day, local, and the day.
policy::Moment moment(Time when) {
    const auto local = base::local_time(when);
    return policy::Moment::at(local.tm_wday, local.tm_hour, local.tm_min);
}

}  // namespace

TEST_CASE("a delay is known until its time, to the configuration that made it") {
    Delays delays;
    delays.remember(key(1), {kNow + hours(2), 7, "rule night", "come back at night"}, kNow);
    const auto found = delays.find(key(1), 7, kNow + hours(1));
    REQUIRE(found);
    CHECK(found->rule == "rule night");
    CHECK(found->text == "come back at night");
    CHECK_FALSE(delays.find(key(2), 7, kNow));
    SUBCASE("not when it is over") {
        CHECK_FALSE(delays.find(key(1), 7, kNow + hours(2)));
        CHECK(delays.size() == 0);
    }
    SUBCASE("not to another configuration") {
        CHECK_FALSE(delays.find(key(1), 8, kNow));
        CHECK_FALSE(delays.find(key(1), 7, kNow));
    }
}

TEST_CASE("delays are bounded: what is over makes room, else nothing is remembered") {
    Delays delays;
    for (unsigned i = 0; i < Delays::kMax; ++i)
        delays.remember(key(i), {kNow + (i < 10 ? hours(1) : hours(9)), 1}, kNow);
    delays.remember(key(Delays::kMax), {kNow + hours(9), 1}, kNow);
    CHECK(delays.size() == Delays::kMax);
    CHECK_FALSE(delays.find(key(Delays::kMax), 1, kNow));
    delays.remember(key(Delays::kMax), {kNow + hours(9), 1}, kNow + hours(1));
    CHECK(delays.find(key(Delays::kMax), 1, kNow + hours(1)));
    CHECK(delays.size() == Delays::kMax - 9);
}

TEST_CASE("the next time is the first full minute within the hours") {
    const auto now = moment(kNow);
    const unsigned begin = (now.minute + 90) % 1440;
    const Span span{0x7f, begin, (begin + 60) % 1440};
    const auto when = next_time(span, kNow + seconds(59));
    CHECK(when - kNow <= minutes(91));
    CHECK(moment(when).minute == begin);
    CHECK(span.contains(moment(when)));
    CHECK_FALSE(span.contains(moment(when - minutes(1))));
    SUBCASE("on another day of the week") {
        const Span weekly{1U << ((now.weekday + 6) % 7), begin, begin + 1};
        const auto next = next_time(weekly, kNow);
        CHECK(moment(next).weekday == (now.weekday + 6) % 7);
        CHECK(moment(next).minute == begin);
    }
    SUBCASE("never: a week later") {
        CHECK(next_time(Span{0, 0, 1440}, kNow) - kNow > hours(7 * 24 - 1));
        CHECK(next_time(Span{0, 0, 1440}, kNow) - kNow <= hours(7 * 24));
    }
}
