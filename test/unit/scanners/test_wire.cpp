// What crosses the channels, and what a hostile worker may try.
#include <doctest/doctest.h>

#include <random>

#include "scanners/worker/wire.hpp"

using namespace scanners;
using policy::Cause;
using policy::Outcome;

namespace {

wire::Answer two_results() {
    return {7,
            {{"clamav", Outcome::kFound, Cause::kNone, "Sandwich.Test.UNOFFICIAL", ""},
             {"fault", Outcome::kCannotTell, Cause::kLimit, "", "a limit was exceeded"}}};
}

// Nothing was seen inside: numbers and empty texts.
const std::string kNoContents(25, '\0');

}  // namespace

TEST_CASE("packets come back as they went") {
    const auto job = wire::decode_job(wire::encode(wire::Job{0xfffffffe, 0x123456789aULL}));
    REQUIRE(job);
    CHECK(job->serial == 0xfffffffe);
    CHECK(job->size == 0x123456789aULL);

    const auto with_text = wire::encode(wire::TextJob{0xfffffffe, "a mail"});
    const auto text_job = wire::decode_text_job(with_text);
    REQUIRE(text_job);
    CHECK(text_job->serial == 0xfffffffe);
    CHECK(text_job->text == "a mail");
    CHECK_FALSE(wire::decode_job(with_text));

    const auto worker = wire::decode_worker(wire::encode(wire::Worker{3, 900, 4711}));
    REQUIRE(worker);
    CHECK(worker->slot == 3);
    CHECK(worker->serial == 900);
    CHECK(worker->pid == 4711);

    const auto kill = wire::decode_kill(wire::encode(wire::Kill{1, 2}));
    REQUIRE(kill);
    CHECK(kill->slot == 1);
    CHECK(kill->serial == 2);

    CHECK(wire::decode_greeting(wire::encode_greeting("clamav main 62")) == "clamav main 62");

    const auto answer = wire::decode_answer(wire::encode(two_results()));
    REQUIRE(answer);
    CHECK(answer->serial == 7);
    REQUIRE(answer->results.size() == 2);
    CHECK(answer->results[0].scanner == "clamav");
    CHECK(answer->results[0].outcome == Outcome::kFound);
    CHECK(answer->results[0].name == "Sandwich.Test.UNOFFICIAL");
    CHECK(answer->results[1].cause == Cause::kLimit);
    CHECK(answer->results[1].detail == "a limit was exceeded");
}

TEST_CASE("every truncation and every appended octet is refused") {
    const auto packet = wire::encode(two_results());
    for (std::size_t length = 0; length < packet.size(); ++length)
        CHECK_FALSE(wire::decode_answer(packet.substr(0, length)));
    CHECK_FALSE(wire::decode_answer(packet + '\0'));
    CHECK_FALSE(wire::decode_job(wire::encode(wire::Job{1, 2}) + "x"));
    CHECK_FALSE(wire::decode_text_job(wire::encode(wire::TextJob{1, "xy"}) + "z"));
    CHECK_FALSE(wire::decode_text_job(wire::encode(wire::TextJob{1, "xy"}).substr(0, 10)));
    CHECK(wire::decode_text_job(wire::encode(wire::TextJob{1, std::string(wire::kMaxText, 'x')})));
    CHECK_FALSE(wire::decode_text_job(wire::encode(wire::TextJob{1, std::string(wire::kMaxText + 1, 'x')})));
    CHECK_FALSE(wire::decode_kill(""));
    CHECK_FALSE(wire::decode_kill(wire::encode(wire::Job{1, 2})));
    CHECK_FALSE(wire::is_ready("RR"));
    CHECK(wire::is_ready("R"));
}

TEST_CASE("results that contradict themselves are refused") {
    const auto decodes = [](Outcome outcome, Cause cause, std::string name, std::string scanner = "clamav") {
        return wire::decode_answer(wire::encode(wire::Answer{1, {{scanner, outcome, cause, name, ""}}})).has_value();
    };
    CHECK(decodes(Outcome::kClean, Cause::kNone, ""));
    CHECK_FALSE(decodes(Outcome::kClean, Cause::kLimit, ""));
    CHECK_FALSE(decodes(Outcome::kFound, Cause::kNone, ""));
    CHECK_FALSE(decodes(Outcome::kEncrypted, Cause::kNone, ""));
    CHECK_FALSE(decodes(Outcome::kCannotTell, Cause::kNone, ""));
    CHECK_FALSE(decodes(Outcome::kClean, Cause::kNone, "", ""));
    CHECK_FALSE(decodes(static_cast<Outcome>(4), Cause::kNone, "x"));
    CHECK_FALSE(decodes(Outcome::kCannotTell, static_cast<Cause>(8), "x"));
}

TEST_CASE("an answer without results, or with too many, is refused") {
    CHECK_FALSE(wire::decode_answer(wire::encode(wire::Answer{1, {}})));
    std::string packet = wire::encode(wire::Answer{1, {{"clamav", Outcome::kClean, Cause::kNone, "", ""}}});
    packet[5] = 17;
    const auto result = packet.substr(6, packet.size() - 6 - kNoContents.size());
    std::string sixteen = packet.substr(0, 6);
    for (int i = 0; i < 16; ++i)
        sixteen += result;
    CHECK_FALSE(wire::decode_answer(sixteen + result + kNoContents));
    sixteen[5] = 16;
    CHECK_FALSE(wire::decode_answer(sixteen + result + kNoContents));
    CHECK(wire::decode_answer(sixteen + kNoContents));
}

TEST_CASE("text that could forge a log line or a header field never gets through") {
    const auto packet = wire::encode(wire::Answer{1, {{"clamav", Outcome::kFound, Cause::kNone, "a\r\nb\x80", ""}}});
    const auto answer = wire::decode_answer(packet);
    REQUIRE(answer);
    CHECK(answer->results[0].name == "a??b?");  // the worker's encoder is polite
    for (const char evil : {'\r', '\n', '\0', '\x1b', '\x7f', '\x80'}) {
        auto forged = packet;
        forged[forged.find("a??b?") + 1] = evil;  // a hostile one is not
        CHECK_FALSE(wire::decode_answer(forged));
    }
}

TEST_CASE("long text is cut by the encoder and refused by the decoder") {
    const wire::Answer big{
        1, {{std::string(99, 's'), Outcome::kFound, Cause::kNone, std::string(999, 'n'), std::string(99999, 'd')}}};
    const auto answer = wire::decode_answer(wire::encode(big));
    REQUIRE(answer);
    CHECK(answer->results[0].scanner.size() == wire::kMaxScannerName);
    CHECK(answer->results[0].name.size() == wire::kMaxSignatureName);
    CHECK(answer->results[0].detail.size() == wire::kMaxDetail);

    std::string packet("A\x01\0\0\0\x01\x01\0", 8);
    packet += std::string("\x21", 1) + std::string(33, 's') + std::string("\x01n\0\0", 4) + kNoContents;
    CHECK_FALSE(wire::decode_answer(packet));
    packet.erase(9, 1);
    packet[8] = 32;
    CHECK(wire::decode_answer(packet));
}

TEST_CASE("garbage is refused without harm") {
    std::mt19937 random(20261123);
    const auto good = wire::encode(two_results());
    for (int i = 0; i < 20000; ++i) {
        auto packet = good;
        for (int k = 0; k < 3; ++k)
            packet[random() % packet.size()] = static_cast<char>(random());
        if (const auto answer = wire::decode_answer(packet)) {
            CHECK_FALSE(answer->results.empty());
            for (const auto& result : answer->results)
                CHECK(result.outcome <= Outcome::kCannotTell);
        }
        std::string noise(random() % 80, '\0');
        for (auto& c : noise)
            c = static_cast<char>(random());
        CHECK_FALSE(wire::decode_answer("A" + noise.substr(0, 5)));
        CHECK_FALSE(wire::decode_job("J" + noise.substr(0, 11)));
    }
}
