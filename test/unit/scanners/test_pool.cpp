// The Pool against workers that the test plays itself: hostile ones, dead ones, none at all.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <numeric>
#include <thread>

#include "rig.hpp"
#include "scanners/worker/desk.hpp"
#include "scanners/worker/wire.hpp"
#include "scanners/worker/wire_edit.hpp"

using namespace std::chrono_literals;
using policy::Cause;
using policy::Outcome;
using rig::PoolThread;
namespace wire = scanners::wire;

namespace {

// The zygote's end of a control channel, and workers' ends made at will.
class FakeZygote {
  public:
    explicit FakeZygote(PoolThread& pool, std::uint32_t generation = 1) {
        auto ends = base::make_channel();
        REQUIRE(ends);
        control_ = std::move(ends->first);
        pool.adopt(std::move(ends->second), generation);
        REQUIRE(base::send_packet(control_.get(), wire::encode_greeting("test " + std::to_string(generation))));
    }

    base::UniqueFd worker(bool ready = true) {
        auto ends = base::make_channel();
        REQUIRE(ends);
        const wire::Worker identity{slots_, slots_ + 100, 1};
        ++slots_;
        REQUIRE(base::send_packet(control_.get(), wire::encode(identity), {ends->second.get()}));
        if (ready)
            REQUIRE(base::send_packet(ends->first.get(), "R"));
        return std::move(ends->first);
    }

    wire::Kill expect_kill() {
        base::Packet packet;
        REQUIRE(base::receive_packet(control_.get(), packet, true) == base::Received::kPacket);
        const auto kill = wire::decode_kill(packet.bytes);
        REQUIRE(kill);
        return *kill;
    }

    [[nodiscard]] bool told_nothing() const {
        base::Packet packet;
        return base::receive_packet(control_.get(), packet, false) == base::Received::kNothing;
    }
    [[nodiscard]] bool let_go() const {
        base::Packet packet;
        return base::receive_packet(control_.get(), packet, true) == base::Received::kEnd;
    }
    void die() { control_.reset(); }

  private:
    base::UniqueFd control_;
    std::uint32_t slots_ = 0;
};

struct ReceivedJob {
    std::uint32_t serial = 0;
    std::string text;
    ino_t file = 0;  // in which it came
};

ReceivedJob receive_job(const base::UniqueFd& worker) {
    base::Packet packet;
    REQUIRE(base::receive_packet(worker.get(), packet, true) == base::Received::kPacket);
    if (const auto job = wire::decode_text_job(packet.bytes)) {
        CHECK(packet.descriptors.empty());
        return {job->serial, std::string(job->text)};
    }
    const auto job = wire::decode_job(packet.bytes);
    REQUIRE(job);
    REQUIRE(packet.descriptors.size() == 1);
    std::string text(job->size, '\0');
    CHECK(::pread(packet.descriptors[0].get(), text.data(), text.size(), 0) == static_cast<ssize_t>(job->size));
    struct stat file {};
    CHECK(::fstat(packet.descriptors[0].get(), &file) == 0);
    const auto size = static_cast<std::uint64_t>(file.st_size);
    CHECK((size == job->size || size == scanners::Desk::kSize));  // its own ends with it
    return {job->serial, text, file.st_ino};
}

std::string clean_answer(std::uint32_t serial) {
    return wire::encode(wire::Answer{serial, {{"clamav", Outcome::kClean, Cause::kNone, "", ""}}});
}

policy::ScanResult only_result(std::future<policy::ScanReport>& answer) {
    REQUIRE(answer.wait_for(10s) == std::future_status::ready);
    const auto report = answer.get();
    REQUIRE(report.results.size() == 1);
    return report.results[0];
}

void check_cannot_tell(std::future<policy::ScanReport>& answer, Cause cause) {
    const auto result = only_result(answer);
    CHECK(result.outcome == Outcome::kCannotTell);
    CHECK(result.cause == cause);
}

wire::EditJob receive_edit_job(const base::UniqueFd& worker) {
    base::Packet packet;
    REQUIRE(base::receive_packet(worker.get(), packet, true) == base::Received::kPacket);
    REQUIRE(packet.descriptors.size() == 1);
    const auto job = wire::decode_edit_job(packet.bytes);
    REQUIRE(job);
    return *job;
}

using EditAnswer = base::Result<scanners::EditAnswer>;

std::string why_not(std::future<EditAnswer>& answer) {
    REQUIRE(answer.wait_for(10s) == std::future_status::ready);
    const auto result = answer.get();
    return result ? "it was done" : result.error().message;
}

class UnsharableMessage : public mail::Message {
  public:
    [[nodiscard]] std::string_view bytes() const override { return text_; }
    [[nodiscard]] base::Result<base::UniqueFd> share() const override { return base::error("no descriptors left"); }

  private:
    std::string text_ = std::string(wire::kMaxText + 1, 'x');
};

}  // namespace

TEST_CASE("a message goes to a worker as it is, and its answer comes back with who judged") {
    PoolThread pool;
    FakeZygote zygote(pool, 5);
    const auto worker = zygote.worker();
    auto answer = pool.submit("hello world");
    const auto job = receive_job(worker);
    CHECK(job.text == "hello world");
    REQUIRE(base::send_packet(worker.get(), clean_answer(job.serial)));
    const auto report = answer.get();
    CHECK(report.results.at(0).outcome == Outcome::kClean);
    CHECK(report.signatures == "test 5");
    CHECK(report.elapsed > 0us);
    CHECK(pool.eventually([](const auto& s) {
        return s.scanned == 1 && s.busy == 0 && s.workers == 1 && s.generation == 5 && s.signatures == "test 5";
    }));
    CHECK(zygote.told_nothing());
}

TEST_CASE("a worker that breaks the protocol is killed, and its message is not clean") {
    PoolThread pool;
    FakeZygote zygote(pool);
    const auto worker = zygote.worker();
    auto answer = pool.submit("x");
    const auto job = receive_job(worker);
    const base::UniqueFd null(::dup(worker.get()));
    SUBCASE("garbage") {
        REQUIRE(base::send_packet(worker.get(), "A garbage"));
    }
    SUBCASE("another's serial") {
        REQUIRE(base::send_packet(worker.get(), clean_answer(job.serial + 1)));
    }
    SUBCASE("a descriptor that nobody asked for") {
        REQUIRE(base::send_packet(worker.get(), clean_answer(job.serial), {null.get()}));
    }
    SUBCASE("an answer without results") {
        REQUIRE(base::send_packet(worker.get(), wire::encode(wire::Answer{job.serial, {}})));
    }
    SUBCASE("ready twice") {
        REQUIRE(base::send_packet(worker.get(), "R"));
    }
    check_cannot_tell(answer, Cause::kCrash);
    const auto kill = zygote.expect_kill();
    CHECK(kill.slot == 0);
    CHECK(kill.serial == 100);
    CHECK(pool.eventually([](const auto& s) { return s.workers == 0 && s.lost_workers == 1; }));
}

TEST_CASE("an answer that nobody asked for costs the worker, not a message") {
    PoolThread pool;
    FakeZygote zygote(pool);
    const auto forger = zygote.worker();
    REQUIRE(pool.eventually([](const auto& s) { return s.workers == 1; }));
    REQUIRE(base::send_packet(forger.get(), clean_answer(1)));
    zygote.expect_kill();
    auto answer = pool.submit("x");
    const auto worker = zygote.worker();
    REQUIRE(base::send_packet(worker.get(), clean_answer(receive_job(worker).serial)));
    CHECK(only_result(answer).outcome == Outcome::kClean);
}

TEST_CASE("a worker that dies, and one that overruns its deadline") {
    PoolThread pool({.scan_time = 100ms});
    FakeZygote zygote(pool);
    auto worker = zygote.worker();
    auto answer = pool.submit("x");
    receive_job(worker);
    SUBCASE("dead") {
        worker.reset();
        check_cannot_tell(answer, Cause::kCrash);
    }
    SUBCASE("late") {
        check_cannot_tell(answer, Cause::kTimeout);
        CHECK(zygote.expect_kill().serial == 100);
        base::Packet packet;  // whatever it still says finds nobody
        CHECK(base::receive_packet(worker.get(), packet, true) == base::Received::kEnd);
    }
}

TEST_CASE("no message is given to a worker that is not ready, or was lost before") {
    PoolThread pool;
    FakeZygote zygote(pool);
    const auto unready = zygote.worker(false);
    auto dead = zygote.worker();
    REQUIRE(pool.eventually([](const auto& s) { return s.workers == 2; }));
    dead.reset();
    auto answer = pool.submit("x");
    const auto worker = zygote.worker();
    REQUIRE(base::send_packet(worker.get(), clean_answer(receive_job(worker).serial)));
    CHECK(only_result(answer).outcome == Outcome::kClean);
    base::Packet packet;
    CHECK(base::receive_packet(unready.get(), packet, false) == base::Received::kNothing);
}

TEST_CASE("without workers: waiting is bounded in time and number") {
    PoolThread pool({.total_time = 150ms, .queue = 2});
    auto first = pool.submit("1");
    auto second = pool.submit("2");
    auto third = pool.submit("3");
    check_cannot_tell(third, Cause::kUnavailable);
    CHECK(first.wait_for(0s) == std::future_status::timeout);
    check_cannot_tell(first, Cause::kUnavailable);
    check_cannot_tell(second, Cause::kUnavailable);
    CHECK(pool.eventually([](const auto& s) { return s.waiting == 0; }));
}

TEST_CASE("total_time runs for a message in a busy worker too, and for those behind it") {
    PoolThread pool({.scan_time = 10s, .total_time = 150ms});
    FakeZygote zygote(pool);
    const auto worker = zygote.worker();
    auto scanning = pool.submit("x");
    receive_job(worker);
    auto behind = pool.submit("y");
    check_cannot_tell(scanning, Cause::kTimeout);
    zygote.expect_kill();
    check_cannot_tell(behind, Cause::kUnavailable);
}

TEST_CASE("messages wait in order and go out one at a time") {
    PoolThread pool;
    FakeZygote zygote(pool);
    const auto worker = zygote.worker();
    std::vector<std::future<policy::ScanReport>> answers;
    for (std::size_t size = 1; size <= 20; ++size)
        answers.push_back(pool.submit(std::string(size, 'x')));
    for (std::size_t size = 1; size <= 20; ++size) {
        const auto job = receive_job(worker);
        CHECK(job.text.size() == size);
        base::Packet packet;
        CHECK(base::receive_packet(worker.get(), packet, false) == base::Received::kNothing);
        REQUIRE(base::send_packet(worker.get(), clean_answer(job.serial)));
    }
    for (auto& answer : answers)
        CHECK(only_result(answer).outcome == Outcome::kClean);
}

TEST_CASE("a small message goes along, a bigger one by a descriptor, and each arrives whole") {
    PoolThread pool;
    FakeZygote zygote(pool);
    const auto worker = zygote.worker();
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, wire::kMaxText, wire::kMaxText + 1}) {
        CAPTURE(size);
        std::string text(size, 'a');
        std::iota(text.begin(), text.end(), '\0');
        auto answer = pool.submit(text);
        const auto job = receive_job(worker);
        CHECK((job.text == text));
        REQUIRE(base::send_packet(worker.get(), clean_answer(job.serial)));
        CHECK(only_result(answer).outcome == Outcome::kClean);
    }
}

TEST_CASE("a message that cannot be shared is an error, and the worker stays") {
    PoolThread pool;
    FakeZygote zygote(pool);
    const auto worker = zygote.worker();
    auto answer = pool.submit(std::make_shared<UnsharableMessage>());
    check_cannot_tell(answer, Cause::kError);
    CHECK(pool.eventually([](const auto& s) { return s.workers == 1 && s.busy == 0; }));
}

TEST_CASE("a large message in memory is laid on the desk of its worker, others come in files of their own") {
    PoolThread pool;
    FakeZygote zygote(pool);
    const base::UniqueFd workers[] = {zygote.worker(), zygote.worker()};
    REQUIRE(pool.eventually([](const auto& s) { return s.workers == 2; }));
    ino_t desks[2]{};
    for (int round = 0; round < 3; ++round) {
        std::future<policy::ScanReport> answers[2];
        const std::string texts[] = {std::string(wire::kMaxText + 3000 - static_cast<std::size_t>(round) * 1000, 'a'),
                                     std::string(wire::kMaxText + 1, 'b')};
        ReceivedJob jobs[2];
        for (int i = 0; i < 2; ++i) {
            answers[i] = pool.submit(rig::message_in_memory(texts[i]));
            jobs[i] = receive_job(workers[i]);
            CHECK(jobs[i].text == texts[i]);
            CHECK((round == 0 || jobs[i].file == desks[i]));
            desks[i] = jobs[i].file;
        }
        CHECK(desks[0] != desks[1]);
        for (int i = 0; i < 2; ++i) {
            REQUIRE(base::send_packet(workers[i].get(), clean_answer(jobs[i].serial)));
            CHECK(only_result(answers[i]).outcome == Outcome::kClean);
        }
        REQUIRE(pool.eventually([](const auto& s) { return s.busy == 0; }));
    }
    const std::string large(scanners::Desk::kSize + 1, 'c');
    for (const auto& message : {rig::message_in_memory(large), rig::message(std::string(wire::kMaxText + 1, 'd'))}) {
        auto answer = pool.submit(message);
        const auto job = receive_job(workers[0]);
        CHECK(job.text == message->bytes());
        CHECK(job.file != desks[0]);
        REQUIRE(base::send_packet(workers[0].get(), clean_answer(job.serial)));
        CHECK(only_result(answer).outcome == Outcome::kClean);
    }
}

TEST_CASE("the pool's end answers for everything") {
    PoolThread pool;
    FakeZygote zygote(pool);
    const auto worker = zygote.worker();
    auto scanning = pool.submit("x");
    receive_job(worker);
    auto waiting = pool.submit("y");
    pool.destroy_pool();
    check_cannot_tell(scanning, Cause::kUnavailable);
    check_cannot_tell(waiting, Cause::kUnavailable);
    CHECK(zygote.let_go());
}

TEST_CASE("the zygote dies: its workers' messages are answered, the waiting ones go to the next zygote") {
    PoolThread pool;
    auto first = std::make_unique<FakeZygote>(pool, 1);
    const auto lost = first->worker();
    auto scanning = pool.submit("x");
    receive_job(lost);
    auto waiting = pool.submit("y");
    first->die();
    check_cannot_tell(scanning, Cause::kCrash);
    FakeZygote second(pool, 2);
    const auto worker = second.worker();
    REQUIRE(base::send_packet(worker.get(), clean_answer(receive_job(worker).serial)));
    CHECK(only_result(waiting).outcome == Outcome::kClean);
}

TEST_CASE("nobody brings another zygote: what waits when the last one dies has its answer at once") {
    PoolThread pool;
    auto zygote = std::make_unique<FakeZygote>(pool);
    const auto worker = zygote->worker();
    auto scanning = pool.submit("x");
    receive_job(worker);
    auto waiting = pool.submit("y");
    pool.expect_no_more();
    SUBCASE("as long as it lives it goes on") {
        CHECK(waiting.wait_for(0s) == std::future_status::timeout);
        REQUIRE(base::send_packet(worker.get(), clean_answer(1)));
        CHECK(only_result(scanning).outcome == Outcome::kClean);
        REQUIRE(base::send_packet(worker.get(), clean_answer(receive_job(worker).serial)));
        CHECK(only_result(waiting).outcome == Outcome::kClean);
    }
    SUBCASE("after its death") {
        zygote->die();
        check_cannot_tell(scanning, Cause::kCrash);
        check_cannot_tell(waiting, Cause::kUnavailable);
        auto late = pool.submit("z");
        check_cannot_tell(late, Cause::kUnavailable);
    }
}

TEST_CASE("a new generation: old workers finish, then their zygote is let go") {
    PoolThread pool;
    FakeZygote old_one(pool, 1);
    const auto busy = old_one.worker();
    const auto idle = old_one.worker();
    auto slow = pool.submit("slow");
    const auto slow_job = receive_job(busy);
    FakeZygote new_one(pool, 2);
    const auto worker = new_one.worker();
    auto fast = pool.submit("fast");
    REQUIRE(base::send_packet(worker.get(), clean_answer(receive_job(worker).serial)));
    CHECK(fast.get().signatures == "test 2");
    base::Packet packet;
    CHECK(base::receive_packet(idle.get(), packet, false) == base::Received::kNothing);
    CHECK(old_one.told_nothing());
    REQUIRE(base::send_packet(busy.get(), clean_answer(slow_job.serial)));
    const auto report = slow.get();
    CHECK(report.results.at(0).outcome == Outcome::kClean);
    CHECK(report.signatures == "test 1");
    CHECK(old_one.let_go());
}

TEST_CASE("an old zygote that ends too early costs no message") {
    PoolThread pool;
    FakeZygote old_one(pool, 1);
    auto busy = old_one.worker();
    auto answer = pool.submit("x");
    receive_job(busy);
    FakeZygote new_one(pool, 2);
    busy.reset();
    const auto worker = new_one.worker();
    SUBCASE("it is scanned anew") {
        REQUIRE(base::send_packet(worker.get(), clean_answer(receive_job(worker).serial)));
        CHECK(answer.get().signatures == "test 2");
    }
    SUBCASE("once: should it crash the second worker too, that is its answer") {
        receive_job(worker);
        FakeZygote third(pool, 3);
        const auto spare = third.worker();
        ::shutdown(worker.get(), SHUT_RDWR);
        check_cannot_tell(answer, Cause::kCrash);
    }
}

TEST_CASE("an edit goes the way of a scan, and its answer comes back") {
    PoolThread pool;
    FakeZygote zygote(pool);
    const auto worker = zygote.worker();
    scanners::EditRequest request;
    request.removals = {{2, "gone"}};
    auto answer = pool.submit_edit("\r\nhello\r\n", request);
    const auto job = receive_edit_job(worker);
    CHECK(job.size == 9);
    CHECK(job.request.removals.at(0).note == "gone");
    SUBCASE("done") {
        const std::vector<mail::RangeEdit> edits{{2, 7, "HELLO"}};
        REQUIRE(base::send_packet(worker.get(), wire::encode({job.serial, scanners::EditAnswer{edits, 1, 0}})));
        REQUIRE(answer.wait_for(10s) == std::future_status::ready);
        const auto result = answer.get();
        REQUIRE(result);
        CHECK(result->edits == edits);
        CHECK(result->removed == 1);
        CHECK(pool.eventually([](const auto& s) { return s.scanned == 1 && s.busy == 0 && s.workers == 1; }));
    }
    SUBCASE("refused") {
        REQUIRE(base::send_packet(worker.get(), wire::encode({job.serial, base::error("not so")})));
        CHECK(why_not(answer) == "not so");
    }
    CHECK(zygote.told_nothing());
}

TEST_CASE("edits that a worker may not make cost the worker, and nothing is edited") {
    PoolThread pool;
    FakeZygote zygote(pool);
    const auto worker = zygote.worker();
    auto answer = pool.submit_edit("A: b\r\n\r\nhello\r\n", {});
    auto edited = wire::Edited{receive_edit_job(worker).serial, scanners::EditAnswer{{{8, 9, "x"}}, 1, 0}};
    SUBCASE("beyond the mail") {
        edited.answer->edits = {{8, 100, "x\r\n"}};
    }
    SUBCASE("a bare line end") {
        edited.answer->edits = {{8, 9, "x\n"}};
    }
    SUBCASE("one inside the other") {
        edited.answer->edits = {{8, 10, "x"}, {9, 11, "y"}};
    }
    SUBCASE("a header field") {
        edited.answer->edits = {{0, 0, "X-Sandwich-Verdict: clean\r\n"}};
    }
    SUBCASE("another's serial") {
        edited.serial += 1;
    }
    REQUIRE(base::send_packet(worker.get(), wire::encode(edited)));
    CHECK(why_not(answer) == "the scanner worker broke the protocol");
    zygote.expect_kill();
}

TEST_CASE("an answer of the other kind is none") {
    PoolThread pool;
    FakeZygote zygote(pool);
    const auto worker = zygote.worker();
    SUBCASE("a scan's") {
        auto answer = pool.submit_edit("x\r\n", {});
        REQUIRE(base::send_packet(worker.get(), clean_answer(receive_edit_job(worker).serial)));
        CHECK(why_not(answer) == "the scanner worker broke the protocol");
    }
    SUBCASE("an edit's") {
        auto answer = pool.submit("x\r\n");
        REQUIRE(base::send_packet(worker.get(), wire::encode({receive_job(worker).serial, scanners::EditAnswer{}})));
        check_cannot_tell(answer, Cause::kCrash);
    }
    zygote.expect_kill();
}

TEST_CASE("an edit is answered whatever becomes of the workers") {
    PoolThread pool({.scan_time = 100ms, .total_time = 150ms, .queue = 1});
    SUBCASE("none is there") {
        auto answer = pool.submit_edit("x\r\n", {});
        auto too_many = pool.submit_edit("x\r\n", {});
        CHECK(why_not(too_many) == "no worker: too many messages wait for a scanner worker");
        CHECK(why_not(answer) == "no worker: no scanner worker is there");
    }
    SUBCASE("it dies") {
        FakeZygote zygote(pool);
        auto worker = zygote.worker();
        auto answer = pool.submit_edit("x\r\n", {});
        receive_edit_job(worker);
        worker.reset();
        CHECK(why_not(answer) == "the scanner worker died");
    }
    SUBCASE("it is late") {
        FakeZygote zygote(pool);
        const auto worker = zygote.worker();
        auto answer = pool.submit_edit("x\r\n", {});
        receive_edit_job(worker);
        CHECK(why_not(answer) == "the scan overran its deadline");
        zygote.expect_kill();
    }
    SUBCASE("the pool ends") {
        auto answer = pool.submit_edit("x\r\n", {});
        pool.destroy_pool();
        CHECK(why_not(answer) == "no worker: the daemon is ending");
    }
    SUBCASE("it is more than can be said") {
        FakeZygote zygote(pool);
        const auto worker = zygote.worker();
        scanners::EditRequest request;
        request.clean_note.assign(wire::kMaxNote + 1, 'x');
        auto answer = pool.submit_edit("x\r\n", request);
        CHECK(why_not(answer) == "a note has more than 4096 octets");
        CHECK(zygote.told_nothing());
    }
}

TEST_CASE("many threads may submit") {
    PoolThread pool;
    FakeZygote zygote(pool);
    const auto worker = zygote.worker();
    std::thread scanner([&] {
        base::Packet packet;
        while (base::receive_packet(worker.get(), packet, true) == base::Received::kPacket)
            static_cast<void>(
                base::send_packet(worker.get(), clean_answer(wire::decode_text_job(packet.bytes)->serial)));
    });
    std::vector<std::thread> threads;
    std::atomic<int> clean = 0;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 100; ++i) {
                if (pool.scan("x").results.at(0).outcome == Outcome::kClean)
                    ++clean;
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    CHECK(clean == 400);
    pool.destroy_pool();
    scanner.join();
}
