// How long a server is believed that refuses a password.
#include <doctest/doctest.h>

#include "directory/login_control.hpp"

using directory::LoginControl;
using namespace std::chrono_literals;

namespace {

const auto kStart = base::Monotonic::now();

struct Server {
    bool lets_in = true;
    int asked = 0;
    LoginControl control;

    bool believed(base::Monotonic::duration after, const std::string& place = "a") {
        const auto question = [this] {
            ++asked;
            return lets_in ? base::ok() : base::Status(base::error("down"));
        };
        const auto answer = control.ask(place, question, kStart + after);
        CHECK((answer || answer.error().message == "down"));
        return answer.has_value();
    }
};

}  // namespace

TEST_CASE("a server that lets the account in is not asked again for two seconds, and no longer believed then") {
    Server server;
    for (int i = 0; i < 100; ++i)
        CHECK(server.believed(i * 19ms));
    CHECK(server.asked == 1);
    server.lets_in = false;
    CHECK(server.believed(1999ms));
    CHECK_FALSE(server.believed(2s));
    CHECK(server.asked == 2);
}

TEST_CASE("one that does not is asked again after one second") {
    Server server;
    server.lets_in = false;
    for (int i = 0; i < 50; ++i)
        CHECK_FALSE(server.believed(i * 19ms));
    CHECK(server.asked == 1);
    server.lets_in = true;
    CHECK_FALSE(server.believed(999ms));
    CHECK(server.believed(1s));
    CHECK(server.asked == 2);
}

TEST_CASE("nobody answers for another, and no answer is kept that stands no longer") {
    Server server;
    CHECK(server.believed(0s, "a"));
    server.lets_in = false;
    CHECK_FALSE(server.believed(0s, "b"));
    for (int i = 0; i < 1000; ++i)
        CHECK_FALSE(server.believed(i * 100ms, std::to_string(i)));
    CHECK(server.control.kept() <= 10);
}

TEST_CASE("an answer from before does not take the place of a later one") {
    LoginControl control;
    const auto slow = [&] {
        CHECK_FALSE(control.ask(
            "a", [] { return base::Status(base::error("down")); }, kStart + 100ms));
        return base::ok();
    };
    CHECK(control.ask("a", slow, kStart));
    CHECK_FALSE(control.ask(
        "a", [] { return base::ok(); }, kStart + 200ms));
}

TEST_CASE("without its password nobody is asked") {
    config::LoginServer settings;
    settings.type = config::LoginType::kSmtp;
    settings.control_user = "control";
    const auto answer =
        directory::try_control_user(settings, {"192.0.2.1", 25}, base::error("no such file"), kStart + 1min);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().message == "control_user cannot be asked for: no such file");
}
