#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <set>

#include "base/channel.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/result.hpp"

TEST_CASE("ids are unique, well-formed and sort by time") {
    std::set<std::string> seen;
    std::string previous;
    for (int i = 0; i < 10000; ++i) {
        const auto id = base::new_message_id();
        CHECK(base::is_message_id(id));
        CHECK(previous.substr(0, 11) < id.substr(0, 11));
        CHECK(seen.insert(id).second);
        previous = id;
    }
    CHECK_FALSE(base::is_message_id("../../etc/passwd"));
    CHECK_FALSE(base::is_message_id("0123456789ABC"));
    CHECK_FALSE(base::is_message_id("0123456789ABC/"));
}

TEST_CASE("the log escapes what could forge a line or colour a terminal") {
    CHECK(base::log::escape("a\r\nb\x1b[31m\x7f") == "a\\x0d\\x0ab\\x1b[31m\\x7f");
    CHECK(base::log::escape("caf\xc3\xa9 <a@b>") == "caf\xc3\xa9 <a@b>");
}

TEST_CASE("durations have Sendmail's form") {
    using namespace std::chrono_literals;
    CHECK(base::sendmail_delay(0s) == "00:00:00");
    CHECK(base::sendmail_delay(3661s) == "01:01:01");
    CHECK(base::sendmail_delay(90061s) == "1+01:01:01");
}

TEST_CASE("dates have RFC 5322's form whatever the locale") {
    CHECK(base::iso8601(base::Wall::from_time_t(0)) == "1970-01-01T00:00:00Z");
    CHECK(base::rfc5322_date(base::Wall::from_time_t(86400 * 2)).substr(0, 4) == "Sat,");
}

TEST_CASE("a channel carries bytes and descriptors, and its end is seen") {
    auto ends = base::make_channel();
    REQUIRE(ends);
    auto& [left, right] = *ends;
    base::Packet packet;
    CHECK(base::receive_packet(right.get(), packet, false) == base::Received::kNothing);

    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    REQUIRE(base::send_packet(left.get(), "hello", {null, null}));
    ::close(null);
    REQUIRE(base::receive_packet(right.get(), packet, true) == base::Received::kPacket);
    CHECK(packet.bytes == "hello");
    REQUIRE(packet.descriptors.size() == 2);
    CHECK((::fcntl(packet.descriptors[0].get(), F_GETFD) & FD_CLOEXEC) != 0);

    CHECK_FALSE(base::send_packet(left.get(), ""));
    CHECK_FALSE(base::send_packet(left.get(), std::string(base::kMaxPacket + 1, 'x')));
    left.reset();
    CHECK(base::receive_packet(right.get(), packet, true) == base::Received::kEnd);
    CHECK_FALSE(base::send_packet(right.get(), "x"));
}

TEST_CASE("the last words of a peer that left something unread are heard") {
    auto ends = base::make_channel();
    REQUIRE(ends);
    auto& [left, right] = *ends;
    REQUIRE(base::send_packet(left.get(), "never read"));
    REQUIRE(base::send_packet(right.get(), "last words"));
    right.reset();
    base::Packet packet;
    REQUIRE(base::receive_packet(left.get(), packet, false) == base::Received::kPacket);
    CHECK(packet.bytes == "last words");
    CHECK(base::receive_packet(left.get(), packet, false) == base::Received::kEnd);
}
