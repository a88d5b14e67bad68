// Edits on their way to a worker, and back from one that may lie.
#include <doctest/doctest.h>

#include <random>

#include "base/channel.hpp"
#include "scanners/worker/wire.hpp"
#include "scanners/worker/wire_edit.hpp"

using namespace scanners;

namespace {

wire::EditJob sample() {
    wire::EditJob job{7, 0x123456789aULL, {}};
    job.request.removals = {{3, "gone\n"}, {0xffff, ""}};
    job.request.clean = true;
    job.request.clean_note = "infected\xff";
    job.request.stamps = {{true, "plain", "<b>"}, {false, "", ""}};
    return job;
}

wire::Edited answer() {
    return {8, EditAnswer{{{1, 2, "a\r\n"}, {0xffffffffffULL, 0xffffffffffULL, std::string("\0\xff", 2)}}, 3, 4}};
}

}  // namespace

TEST_CASE("a request arrives as it went") {
    const auto packet = wire::encode(sample());
    REQUIRE(packet);
    const auto job = wire::decode_edit_job(*packet);
    REQUIRE(job);
    CHECK(job->serial == 7);
    CHECK(job->size == 0x123456789aULL);
    REQUIRE(job->request.removals.size() == 2);
    CHECK(job->request.removals[0].entity == 3);
    CHECK(job->request.removals[0].note == "gone\n");
    CHECK(job->request.removals[1].entity == 0xffff);
    CHECK(job->request.clean);
    CHECK(job->request.clean_note == "infected\xff");
    REQUIRE(job->request.stamps.size() == 2);
    CHECK(job->request.stamps[0].at_end);
    CHECK(job->request.stamps[0].html == "<b>");
    CHECK_FALSE(job->request.stamps[1].at_end);
    for (std::size_t length = 0; length < packet->size(); ++length)
        CHECK_FALSE(wire::decode_edit_job(packet->substr(0, length)));
    CHECK_FALSE(wire::decode_edit_job(*packet + '\0'));
    CHECK_FALSE(wire::decode_job(*packet));
}

TEST_CASE("a request that is over a bound is not sent") {
    const auto refused = [](auto change) {
        auto job = sample();
        change(job.request);
        return !wire::encode(job);
    };
    CHECK_FALSE(refused([](EditRequest&) {}));
    CHECK(refused([](EditRequest& r) { r.clean_note.assign(wire::kMaxNote + 1, 'x'); }));
    CHECK(refused([](EditRequest& r) { r.removals[0].note.assign(wire::kMaxNote + 1, 'x'); }));
    CHECK(refused([](EditRequest& r) { r.removals.resize(wire::kMaxRemovals + 1); }));
    CHECK(refused([](EditRequest& r) { r.stamps.resize(wire::kMaxStamps + 1); }));
    CHECK(refused([](EditRequest& r) { r.stamps[0].plain.assign(wire::kMaxStampText + 1, 'x'); }));
    CHECK(refused([](EditRequest& r) { r.removals.resize(100, {1, std::string(wire::kMaxNote, 'x')}); }));
    CHECK_FALSE(refused([](EditRequest& r) { r.removals.resize(wire::kMaxRemovals, {1, std::string(100, 'x')}); }));
}

TEST_CASE("an answer arrives as it went, and so does a refusal") {
    const auto packet = wire::encode(answer());
    const auto edited = wire::decode_edited(packet);
    REQUIRE(edited);
    CHECK(edited->serial == 8);
    REQUIRE(edited->answer);
    CHECK(edited->answer->edits == answer().answer->edits);
    CHECK(edited->answer->removed == 3);
    CHECK(edited->answer->stamped == 4);
    for (std::size_t length = 0; length < packet.size(); ++length)
        CHECK_FALSE(wire::decode_edited(packet.substr(0, length)));
    CHECK_FALSE(wire::decode_edited(packet + '\0'));
    CHECK_FALSE(wire::decode_answer(packet));

    const auto refusal = wire::decode_edited(wire::encode({9, base::Error{"why\nnot " + std::string(999, 'x')}}));
    REQUIRE(refusal);
    REQUIRE_FALSE(refusal->answer);
    CHECK(refusal->answer.error().message.starts_with("why?not xxx"));
    CHECK(refusal->answer.error().message.size() == wire::kMaxWhyNot);
}

TEST_CASE("an answer over a bound becomes a refusal, and a packet with one is not taken") {
    wire::Edited big{1, EditAnswer{{{0, 0, std::string(wire::kMaxEditTexts, 'x')}}, 1, 0}};
    auto packet = wire::encode(big);
    CHECK(packet.size() <= base::kMaxPacket);
    REQUIRE(wire::decode_edited(packet));
    CHECK(wire::decode_edited(packet)->answer);
    big.answer->edits.push_back({1, 1, "x"});
    REQUIRE(wire::decode_edited(wire::encode(big)));
    CHECK_FALSE(wire::decode_edited(wire::encode(big))->answer);
    wire::Edited many{1, EditAnswer{std::vector<mail::RangeEdit>(wire::kMaxEdits + 1), 1, 0}};
    CHECK_FALSE(wire::decode_edited(wire::encode(many))->answer);

    // One edit more than is in it, and one octet more than all texts may have.
    packet[14] = 2;
    CHECK_FALSE(wire::decode_edited(packet));
    packet[14] = 1;
    CHECK(wire::decode_edited(packet));
    packet += 'x';
    packet[32] = static_cast<char>(packet[32] + 1);
    CHECK_FALSE(wire::decode_edited(packet));
    packet[5] = 2;  // neither done nor not
    CHECK_FALSE(wire::decode_edited(packet));
}

TEST_CASE("garbage is refused without harm") {
    std::mt19937 random(20261128);
    const auto good = wire::encode(answer());
    for (int i = 0; i < 20000; ++i) {
        auto packet = good;
        for (int k = 0; k < 3; ++k)
            packet[random() % packet.size()] = static_cast<char>(random());
        if (const auto edited = wire::decode_edited(packet); edited && edited->answer)
            CHECK(edited->answer->edits.size() <= 2);
    }
}
