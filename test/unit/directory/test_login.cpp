// One server after the other, and what their answers mean together.
#include <doctest/doctest.h>

#include <future>

#include "directory/login.hpp"

using directory::Login;
using directory::LoginAnswer;
using directory::LoginRate;
using directory::LoginStep;
using directory::Secret;
using Says = LoginStep::Kind;
using Kind = LoginAnswer::Kind;

namespace {

class Scripted final : public directory::LoginServer {
  public:
    Scripted(Says says, int& asked, bool refuses = false) : says_(says), asked_(asked), refuses_(refuses) {}
    LoginStep ask(std::string_view, const Secret& password) override {
        ++asked_;
        LoginStep step;
        step.kind = password.view() == "right" ? Says::kRight : says_;
        step.refused = refuses_ && step.kind != Says::kRight;
        step.mailbox = "alice@example.test";
        return step;
    }

  private:
    Says says_;
    int& asked_;
    bool refuses_;
};

struct World {
    LoginRate rate{3, 1000};
    int asked = 0;

    LoginAnswer ask(std::initializer_list<Says> says, std::string password = "guess",
                    std::string address = "alice@example.test") {
        Login::Servers servers;
        for (const auto one : says)
            servers.push_back(std::make_unique<Scripted>(one, asked));
        return Login(std::move(servers), rate).ask(address, Secret(std::move(password)));
    }
};

}  // namespace

TEST_CASE("a wrong password needs everybody's word, or that of one who knows") {
    const auto kind = [](std::initializer_list<Says> says) { return World().ask(says).kind; };
    CHECK(kind({Says::kRefused}) == Kind::kWrong);
    CHECK(kind({Says::kRefused, Says::kRefused}) == Kind::kWrong);
    CHECK(kind({Says::kRefused, Says::kWrong}) == Kind::kWrong);
    CHECK(kind({Says::kWrong, Says::kUnavailable}) == Kind::kWrong);
    CHECK(kind({Says::kUnavailable}) == Kind::kTryLater);
    CHECK(kind({Says::kUnavailable, Says::kWrong}) == Kind::kTryLater);
    CHECK(kind({Says::kRefused, Says::kUnavailable}) == Kind::kTryLater);
    CHECK(kind({}) == Kind::kTryLater);
}

TEST_CASE("the first who lets the user in is the last who is asked, and so is one who knows better") {
    World world;
    const auto right = world.ask({Says::kUnavailable, Says::kRefused}, "right");
    CHECK(right.kind == Kind::kRight);
    CHECK(right.mailbox == "alice@example.test");
    CHECK(world.asked == 1);
    CHECK(world.ask({Says::kWrong, Says::kRefused}).steps.size() == 1);
    CHECK(world.asked == 2);
    CHECK(world.ask({Says::kUnavailable, Says::kRefused}).steps.size() == 2);
}

TEST_CASE("what can be no address and no password is asked of nobody") {
    World world;
    for (const auto& password :
         {std::string(), std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3), std::string(2000, 'a')})
        CHECK(world.ask({Says::kRight}, password).kind == Kind::kWrong);
    for (const auto& address :
         {std::string(), std::string("a\r\nQUIT"), std::string("a\0@b", 4), std::string(400, 'a')})
        CHECK(world.ask({Says::kRight}, "right", address).kind == Kind::kWrong);
    CHECK(world.asked == 0);
}

TEST_CASE("after some wrong passwords nobody is asked; what nobody could tell does not count") {
    World world;
    for (int i = 0; i < 20; ++i)
        CHECK(world.ask({Says::kUnavailable}).kind == Kind::kTryLater);
    for (int i = 0; i < 3; ++i)
        CHECK(world.ask({Says::kRefused}).kind == Kind::kWrong);
    world.asked = 0;
    const auto answer = world.ask({Says::kRefused}, "right");
    CHECK(answer.kind == Kind::kTryLater);
    CHECK(answer.reason.find("too many attempts") != std::string::npos);
    CHECK(world.asked == 0);
}

TEST_CASE("a guess that a server has refused counts, though nobody can tell") {
    World world;
    const auto ask = [&](std::string password, bool refuses) {
        Login::Servers servers;
        servers.push_back(std::make_unique<Scripted>(Says::kUnavailable, world.asked, refuses));
        return Login(std::move(servers), world.rate).ask("alice@example.test", Secret(std::move(password)));
    };
    for (int i = 0; i < 20; ++i)
        CHECK(ask("right", true).kind == Kind::kRight);
    for (int i = 0; i < 3; ++i)
        CHECK(ask("guess", true).kind == Kind::kTryLater);
    world.asked = 0;
    CHECK(ask("right", true).reason.find("too many attempts") != std::string::npos);
    CHECK(world.asked == 0);
}

TEST_CASE("the answer comes from a thread, exactly once") {
    LoginRate rate(100, 1000);
    int asked = 0;
    Login::Servers servers;
    servers.push_back(std::make_unique<Scripted>(Says::kRefused, asked));
    Login login(std::move(servers), rate);
    std::promise<LoginAnswer> answer;
    login.check("alice@example.test", Secret(std::string("right")),
                [&](LoginAnswer got) { answer.set_value(std::move(got)); });
    CHECK(answer.get_future().get().kind == Kind::kRight);
}
