#include <doctest/doctest.h>
#include <fcntl.h>

#include "session/original_command.hpp"

using session::OriginalCommand;

namespace {

base::UniqueFd some_descriptor() {
    return base::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

// A loop that is the main one and the asker's at once, and what was sent to the supervisor.
struct Here {
    net::Loop loop;
    std::string sent;
    OriginalCommand command{loop, [this](const std::string& packet) { sent += packet + " "; }};

    // Runs what has been posted.
    void turn() {
        loop.post([this] { loop.post([this] { loop.stop(); }); });
        loop.run();
    }
};

}  // namespace

TEST_CASE("a process is asked for, handed over once, and given back with its ticket") {
    Here here;
    int got = 0;
    auto ticket = here.command.ask(here.loop, [&](base::Result<base::UniqueFd> socket) { got += socket ? 1 : 100; });
    CHECK(here.command.scarce());
    here.turn();
    CHECK(here.sent == "O1 ");
    here.command.answered(1, some_descriptor());
    CHECK(got == 0);  // not from within a call
    CHECK(!here.command.scarce());
    here.command.answered(1, some_descriptor());
    here.turn();
    CHECK(got == 1);
    ticket.reset();
    here.turn();
    CHECK(here.sent == "O1 X1 ");
}

TEST_CASE("why there is none is told, too") {
    Here here;
    std::string why;
    const auto ticket =
        here.command.ask(here.loop, [&](base::Result<base::UniqueFd> socket) { why = socket.error().message; });
    here.command.answered(1, base::error("no such user"));
    here.turn();
    CHECK(why == "no such user");
}

TEST_CASE("who has given up hears nothing, before the answer and after it") {
    Here here;
    bool heard = false;
    const auto note = [&](base::Result<base::UniqueFd>) { heard = true; };
    auto early = here.command.ask(here.loop, note);
    auto late = here.command.ask(here.loop, note);
    early.reset();
    CHECK(here.command.scarce());
    here.command.answered(1, some_descriptor());
    here.command.answered(2, some_descriptor());
    late.reset();  // its answer is on its way already
    here.turn();
    CHECK(!heard);
    CHECK(!here.command.scarce());
    CHECK(here.sent == "O1 O2 X1 X2 ");
    here.command.answered(77, some_descriptor());  // of nobody
}
