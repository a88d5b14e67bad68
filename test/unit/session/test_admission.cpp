#include <doctest/doctest.h>
#include <fmt/format.h>

#include <thread>
#include <vector>

#include "session/admission.hpp"

using session::Admission;
using session::Limit;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

net::Address address(std::string_view text) {
    return *net::Address::parse(text);
}

config::Settings roomy() {
    config::Settings settings;
    settings.max_connections = 1000;
    settings.message_memory = 1000;
    settings.scan_queue = 10;
    return settings;
}

const net::Address kOne = address("192.0.2.1");
const net::Address kOther = address("2001:db8::1");
const Admission::Time kBegin = Admission::Time() + std::chrono::hours(1);

}  // namespace

TEST_CASE("sessions in all are bounded, and a place that is given back is free again, twice") {
    Admission admission;
    auto settings = roomy();
    settings.max_connections = 2;
    for (int round = 0; round < 2; ++round) {
        auto first = admission.admit(kOne, settings, kBegin);
        auto second = admission.admit(kOther, settings, kBegin);
        CHECK(first.first);
        CHECK(second.first);
        CHECK(admission.admit(kOther, settings, kBegin).second == Limit::kConnections);
        CHECK(admission.sessions() == 2);
        second.first = {};
        CHECK(admission.sessions() == 1);
        const auto third = admission.admit(kOther, settings, kBegin);
        CHECK_FALSE(third.second);
    }
    CHECK(admission.sessions() == 0);
}

TEST_CASE("a seat that moves stays one") {
    Admission admission;
    const auto settings = roomy();
    auto seat = admission.admit(kOne, settings, kBegin).first;
    Admission::Seat moved(std::move(seat));
    Admission::Seat again;
    again = std::move(moved);
    CHECK(admission.sessions() == 1);
    again = {};
    CHECK(admission.sessions() == 0);
}

TEST_CASE("the sessions of one client are bounded, those of others are not, twice") {
    Admission admission;
    auto settings = roomy();
    settings.max_connections_per_client = 2;
    for (int round = 0; round < 2; ++round) {
        const auto first = admission.admit(kOne, settings, kBegin);
        const auto second = admission.admit(kOne, settings, kBegin);
        CHECK(admission.admit(kOne, settings, kBegin).second == Limit::kConnectionsPerClient);
        CHECK_FALSE(admission.admit(kOther, settings, kBegin).second);
    }
    CHECK(admission.sessions() == 0);
}

TEST_CASE("the rate of one client is bounded, others have their own, and time gives it back") {
    Admission admission;
    auto settings = roomy();
    settings.max_connection_rate = 6;
    const auto open = [&](const net::Address& client, Admission::Time now) {
        return admission.admit(client, settings, now).second;
    };
    for (int i = 0; i < 6; ++i)
        CHECK_FALSE(open(kOne, kBegin));
    CHECK(open(kOne, kBegin) == Limit::kConnectionRate);
    CHECK_FALSE(open(kOther, kBegin));
    CHECK(open(kOne, kBegin + milliseconds(9900)) == Limit::kConnectionRate);
    CHECK_FALSE(open(kOne, kBegin + milliseconds(10100)));
    CHECK(open(kOne, kBegin + milliseconds(10100)) == Limit::kConnectionRate);
    // After a minute of rest, all of it; not more, however long the rest was.
    for (int i = 0; i < 6; ++i)
        CHECK_FALSE(open(kOne, kBegin + seconds(3600)));
    CHECK(open(kOne, kBegin + seconds(3600)) == Limit::kConnectionRate);
    CHECK(admission.sessions() == 0);
}

TEST_CASE("clients that have gone are forgotten, those with sessions or a rate in use are not") {
    Admission admission;
    auto settings = roomy();
    settings.max_connection_rate = 1;
    const auto seat = admission.admit(kOne, settings, kBegin);
    for (int i = 0; i < 100000; ++i)
        CHECK_FALSE(admission
                        .admit(address(fmt::format("10.{}.{}.{}", i >> 16, (i >> 8) & 255, i & 255)), settings,
                               kBegin + milliseconds(100 * i))
                        .second);
    CHECK(admission.known_clients() < 3000);
    CHECK(admission.sessions() == 1);
}

TEST_CASE("memory is counted while a message has it, and refuses the next one at the limit, twice") {
    Admission admission;
    const auto settings = roomy();
    for (int round = 0; round < 2; ++round) {
        Admission::Memory first(admission);
        Admission::Memory second(admission);
        first.set(600);
        CHECK_FALSE(admission.refuse_message(settings, 0, 0, kBegin));
        second.set(399);
        CHECK_FALSE(admission.refuse_message(settings, 0, 0, kBegin));
        second.set(400);
        CHECK(admission.refuse_message(settings, 0, 0, kBegin) == Limit::kMessageMemory);
        first.set(0);
        CHECK(admission.memory() == 400);
        CHECK_FALSE(admission.refuse_message(settings, 0, 0, kBegin));
    }
    CHECK(admission.memory() == 0);
}

TEST_CASE("half a scan queue refuses the next message, also in the smallest queue") {
    Admission admission;
    auto settings = roomy();
    CHECK_FALSE(admission.refuse_message(settings, 0, 4, kBegin));
    CHECK(admission.refuse_message(settings, 0, 5, kBegin) == Limit::kScanQueue);
    settings.scan_queue = 1;
    CHECK_FALSE(admission.refuse_message(settings, 0, 0, kBegin));
    CHECK(admission.refuse_message(settings, 0, 1, kBegin) == Limit::kScanQueue);
}

TEST_CASE("the disk is asked at most once a second, and refuses below the floor and what would go below") {
    unsigned asked = 0;
    std::optional<std::uint64_t> free = 1000;
    Admission admission([&](const std::string& path) {
        ++asked;
        CHECK(path == "/spool");
        return free;
    });
    auto settings = roomy();
    settings.spool_directory = "/spool";
    CHECK_FALSE(admission.refuse_message(settings, 5000, 0, kBegin));
    CHECK(asked == 0);  // no floor, no question
    settings.spool_disk_floor = 800;
    CHECK_FALSE(admission.refuse_message(settings, 0, 0, kBegin));
    CHECK_FALSE(admission.refuse_message(settings, 200, 0, kBegin));
    CHECK(admission.refuse_message(settings, 201, 0, kBegin) == Limit::kSpoolDiskFloor);
    free = 799;
    CHECK_FALSE(admission.refuse_message(settings, 0, 0, kBegin + milliseconds(999)));
    CHECK(asked == 1);
    CHECK(admission.refuse_message(settings, 0, 0, kBegin + seconds(1)) == Limit::kSpoolDiskFloor);
    CHECK(asked == 2);
    free = 800;
    CHECK_FALSE(admission.refuse_message(settings, 0, 0, kBegin + seconds(2)));
    free = std::nullopt;  // nobody knows: the spool will say it
    CHECK_FALSE(admission.refuse_message(settings, 1 << 30, 0, kBegin + seconds(3)));
}

TEST_CASE("the real disk has an answer for a directory that is there, and none for one that is not") {
    CHECK(Admission::free_on_disk("/").has_value());
    CHECK_FALSE(Admission::free_on_disk("/no/such/directory").has_value());
}

TEST_CASE("loops that take and give back at once leave nothing taken, and never more than the limit") {
    Admission admission;
    auto settings = roomy();
    settings.max_connections = 3;
    std::atomic<bool> too_many{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int round = 0; round < 20000; ++round) {
                const auto granted = admission.admit(kOne, settings, kBegin);
                Admission::Memory memory(admission);
                memory.set(7);
                if (admission.sessions() > 3)
                    too_many = true;
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    CHECK_FALSE(too_many);
    CHECK(admission.sessions() == 0);
    CHECK(admission.memory() == 0);
}
