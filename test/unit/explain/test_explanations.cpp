#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <future>
#include <thread>

#include "explain/explanations.hpp"
#include "samples.hpp"

using explain::Case;
using explain::Explanations;

namespace {

Case case_of(const std::string& id, const std::string& inbound = "6AQ1") {
    Case one;
    one.names = {id, inbound, "<a@b.test>"};
    one.envelope.recipients = {{"b@to.test", ""}};
    one.recipients = {0};
    one.rules = std::make_shared<policy::Rules>();
    return one;
}

// A loop with a thread, as the proxy has.
class RunningLoop {
  public:
    RunningLoop() : thread_([this] { loop_.run(); }) {}
    ~RunningLoop() {
        loop_.stop();
        thread_.join();
    }
    net::Loop& loop() { return loop_; }

  private:
    net::Loop loop_;
    std::thread thread_;
};

base::Result<std::string> find(Explanations& explanations, const std::string& name) {
    static RunningLoop running;  // longer than any thread that posts to it
    std::promise<base::Result<std::string>> answer;
    explanations.find(running.loop(), name, [&](base::Result<std::string> told) { answer.set_value(std::move(told)); });
    return answer.get_future().get();
}

}  // namespace

TEST_CASE("what was kept is found at once, with its end") {
    const TemporaryDirectory directory;
    Explanations explanations(directory.path(), true, {});
    explanations.keep(case_of(kId));
    explanations.keep(case_of(kOtherId));
    explanations.keep_end({kId, "6AQ1", ""}, {"to=<b@to.test>\x1b, stat=Sent"});
    const auto told = find(explanations, kId);
    REQUIRE(told);
    CHECK(told->find("recipient <b@to.test>:") != std::string::npos);
    CHECK(told->ends_with("log:           to=<b@to.test>\\x1b, stat=Sent\n"));
    CHECK(told->find(kOtherId) == std::string::npos);
    const auto both = find(explanations, "6AQ1");
    REQUIRE(both);
    CHECK(both->find("stat=Sent\n\nid:            " + std::string(kOtherId)) != std::string::npos);
    CHECK(explanations.status().kept == 2);
}

TEST_CASE("what is not known is said so") {
    const TemporaryDirectory directory;
    Explanations explanations(directory.path(), true, {});
    const auto told = find(explanations, "<no\x1b@such>");
    REQUIRE_FALSE(told);
    CHECK(told.error().message == "nothing is known of <no\\x1b@such>");
}

TEST_CASE("what is queued is written before the end") {
    const TemporaryDirectory directory;
    {
        Explanations explanations(directory.path(), true, {});
        for (int i = 0; i < 500; ++i)
            explanations.keep(case_of(kId, std::to_string(i)));
    }
    Explanations next(directory.path(), true, {});
    CHECK(find(next, "0"));
    CHECK(find(next, "499"));
}

TEST_CASE("turned off, nothing is kept and what was kept is still found") {
    const TemporaryDirectory directory;
    Explanations explanations(directory.path(), true, {});
    explanations.keep(case_of(kId));
    explanations.configure(false, {});
    CHECK_FALSE(explanations.enabled());
    explanations.keep(case_of(kOtherId));
    CHECK(find(explanations, kId));
    const auto told = find(explanations, kOtherId);
    REQUIRE_FALSE(told);
    CHECK(told.error().message.find("explanations are off") != std::string::npos);
    explanations.configure(true, {});
    explanations.keep(case_of(kOtherId));
    CHECK(find(explanations, kOtherId));
}

TEST_CASE("a writer that does not keep up costs explanations, never memory or time") {
    const TemporaryDirectory directory;
    Explanations explanations(directory.path(), true, {});
    auto one = case_of(kId);
    one.report.contents.items.resize(policy::kMaxItems);  // 800,000 octets each, by the measure of the queue
    for (int i = 0; i < 1000; ++i)
        explanations.keep(one);
    const auto told = find(explanations, kId);
    CHECK(told);
    const auto status = explanations.status();
    CHECK(status.dropped > 0);
    CHECK(status.kept + status.dropped == 1000);
    // What was written waits no more: there is room again, as often as it is written.
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 1000; ++i)
            explanations.keep(case_of(kOtherId));
        CHECK(find(explanations, kOtherId));
    }
    CHECK(explanations.status().dropped == status.dropped);
    CHECK(explanations.status().kept == status.kept + 3000);
}

TEST_CASE("a directory that cannot be written is told in the status, and it goes on when it can") {
    const TemporaryDirectory directory;
    std::ofstream(directory.path() + "/file") << "x";
    Explanations explanations(directory.path() + "/file", true, {});
    explanations.keep(case_of(kId));
    CHECK_FALSE(find(explanations, kId));
    CHECK(explanations.status().failing);
    std::filesystem::remove(directory.path() + "/file");
    explanations.keep(case_of(kId));
    CHECK(find(explanations, kId));
    CHECK_FALSE(explanations.status().failing);
}
