// Delivery against a scripted server, above all restart() and what may go wrong around it.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/load.hpp"
#include "scripted_server.hpp"
#include "session/delivery.hpp"
#include "test/unit/journal/samples.hpp"
#include "test/unit/quarantine/simulated_disk.hpp"

using Lines = std::vector<std::string>;
using test::ScriptedServer;

namespace {

mail::Rope text_of(const std::string& text) {
    return mail::with_trace(std::make_shared<test::MemoryMessage>(text), "");
}

// Counts who has its file.
class LentMessage final : public mail::Message {
  public:
    explicit LentMessage(std::string text) : text_(std::move(text)), file_(::memfd_create("test", MFD_CLOEXEC)) {
        REQUIRE(::write(file_.get(), text_.data(), text_.size()) == static_cast<ssize_t>(text_.size()));
    }
    [[nodiscard]] std::string_view bytes() const override { return text_; }
    [[nodiscard]] base::Result<base::UniqueFd> share() const override { return base::error("not needed"); }
    [[nodiscard]] int lend() const override {
        ++lent;
        return file_.get();
    }
    void give_back() const override { --lent; }

    mutable int lent = 0;

  private:
    std::string text_;
    base::UniqueFd file_;
};

// A loop with a pool, one delivery on it, and a note of every callback: "rcpt 250", "broken 451", "delivered 250".
class Rig final : private session::Delivery::Handler {
  public:
    explicit Rig(const ScriptedServer& server) : Rig(server, {}) {}
    Rig(const ScriptedServer& server, std::vector<smtp::Parameter> mail_parameters)
        : workers_(loop_, {}),
          scanners_(loop_, workers_, {}),
          quarantine_(*quarantine::Store::open("/q", {}, std::make_shared<test::SimulatedDisk>())),
          journal_(*journal::Journal::open(directory_.path(), directory_.path() + "/rings", {})),
          shared_{base::Snapshot<session::Runtime>(runtime_for(server)), scanners_, quarantine_, *journal_, {}, {}},
          pool_(std::make_unique<session::DownstreamPool>(loop_, shared_)),
          guard_(loop_, [this] {
              events.emplace_back("nothing came");
              loop_.stop();
          }) {
        session::Delivery::Handler& handler = *this;
        delivery = std::make_unique<session::Delivery>(*pool_, shared_.runtime.load(), servers_for(server), "ID",
                                                       "s@from.test", std::move(mail_parameters), handler);
    }
    ~Rig() {
        delivery.reset();
        pool_->close_idle();
        pool_.reset();
        loop_.post([this] { loop_.stop(); });
        loop_.run();  // what was retired goes, and with it the connections
    }

    // Runs the loop until `count` more callbacks have come.
    void await(std::size_t count) {
        wanted_ = events.size() + count;
        guard_.start(std::chrono::seconds(5));
        loop_.run();
        guard_.stop();
    }
    void recipients(std::initializer_list<std::string> paths) {
        for (const auto& path : paths)
            delivery->add_recipient(path, {});
        await(paths.size());
    }
    // Lets the loop see what the server does.
    void let_pass(std::chrono::milliseconds time) {
        net::Timer timer(loop_, [this] { loop_.stop(); });
        timer.start(time);
        loop_.run();
    }

    Lines events;
    std::function<void()> in_callback;
    std::unique_ptr<session::Delivery> delivery;

  private:
    static session::ServersPtr servers_for(const ScriptedServer& server) {
        return std::make_shared<const session::Servers>(session::Servers{{.endpoint = server.endpoint()}});
    }
    static session::RuntimePtr runtime_for(const ScriptedServer& server) {
        auto runtime = std::make_shared<session::Runtime>();
        runtime->settings = *config::parse("").settings;
        runtime->settings.downstream = {server.endpoint()};
        return runtime;
    }
    void note(std::string event) {
        events.push_back(std::move(event));
        if (in_callback)
            std::exchange(in_callback, nullptr)();
        if (events.size() >= wanted_)
            loop_.stop();
    }
    void on_recipient(const smtp::Reply& reply) override { note("rcpt " + std::to_string(reply.code)); }
    void on_delivery_broken(const smtp::Reply& reply) override { note("broken " + std::to_string(reply.code)); }
    void on_delivered(session::Delivery::Outcome outcome) override {
        note("delivered " + std::to_string(outcome.reply.code));
    }

    net::Loop loop_;
    scanners::Pool workers_;
    scanners::network::AllScanners scanners_;
    quarantine::Service quarantine_;
    const TemporaryDirectory directory_;
    std::unique_ptr<journal::Journal> journal_;
    session::Shared shared_;
    std::unique_ptr<session::DownstreamPool> pool_;
    net::Timer guard_;
    std::size_t wanted_ = 0;
};

// Without the greeting and EHLO of each connection, which are no matter here.
Lines mail_commands(const ScriptedServer& server) {
    auto commands = server.commands();
    std::erase_if(commands, [](const auto& line) { return line.find(" EHLO") != std::string::npos; });
    return commands;
}

std::string usual(int /*connection*/, const std::string& command) {
    return ScriptedServer::usual(command);
}

}  // namespace

TEST_CASE("restart begins anew on the same connection, with the given recipients and their parameters") {
    const ScriptedServer server(usual);
    Rig rig(server);
    rig.recipients({"a@to.test", "b@to.test", "c@to.test"});
    rig.delivery->restart({{"b@to.test", " NOTIFY=NEVER"}});
    rig.await(1);
    rig.delivery->commit(text_of("hello\r\n"));
    rig.await(1);
    CHECK(rig.events == Lines{"rcpt 250", "rcpt 250", "rcpt 250", "rcpt 250", "delivered 250"});
    CHECK(mail_commands(server) == Lines{"1 MAIL FROM:<s@from.test>", "1 RCPT TO:<a@to.test>", "1 RCPT TO:<b@to.test>",
                                         "1 RCPT TO:<c@to.test>", "1 RSET", "1 MAIL FROM:<s@from.test>",
                                         "1 RCPT TO:<b@to.test> NOTIFY=NEVER", "1 DATA", "1 ."});
}

TEST_CASE("group after group can be committed, whatever became of the one before") {
    for (const std::string first : {"250 2.0.0 taken", "554 5.7.1 no", "452 4.3.1 full"}) {
        int texts = 0;
        const ScriptedServer server([&](int, const std::string& command) {
            return command == "." && ++texts == 1 ? first : ScriptedServer::usual(command);
        });
        Rig rig(server);
        rig.recipients({"a@to.test", "b@to.test"});
        rig.delivery->restart({{"a@to.test", ""}});
        rig.await(1);
        rig.delivery->commit(text_of("for a\r\n"));
        rig.await(1);
        rig.delivery->restart({{"b@to.test", ""}});
        rig.await(1);
        rig.delivery->commit(text_of("for b, in more than one piece\r\n"));
        rig.await(1);
        CHECK(rig.events == Lines{"rcpt 250", "rcpt 250", "rcpt 250", "delivered " + first.substr(0, 3), "rcpt 250",
                                  "delivered 250"});
        CHECK(texts == 2);
    }
}

TEST_CASE("a message's file is given back when the server has taken it, and by nobody else") {
    for (const std::string last : {"250 2.0.0 taken", "554 5.7.1 no", "452 4.3.1 full", "421 4.3.2 closing", ""}) {
        CAPTURE(last);
        const ScriptedServer server(
            [&](int, const std::string& command) { return command == "." ? last : ScriptedServer::usual(command); });
        Rig rig(server);
        rig.recipients({"a@to.test"});
        const auto message = std::make_shared<LentMessage>(std::string(100'000, 'x') + "\r\n");
        rig.delivery->commit(mail::with_trace(message, "Received: trace\r\n"));
        CHECK(message->lent == 1);
        rig.await(1);
        CHECK(message->lent == (last.starts_with("250") ? 0 : 1));
        rig.delivery.reset();
        CHECK(message->lent == (last.starts_with("250") ? 0 : 1));
    }
}

TEST_CASE("a text that is no mail's is sent, too") {
    const ScriptedServer server(usual);
    Rig rig(server);
    rig.recipients({"a@to.test"});
    mail::Rope text(nullptr);
    text.insert("Subject: notice\r\n\r\n");
    text.insert("text\r\n");
    rig.delivery->commit(std::move(text));
    rig.await(1);
    CHECK(rig.events == Lines{"rcpt 250", "delivered 250"});
}

TEST_CASE("a restart from within the final answer") {
    const ScriptedServer server(usual);
    Rig rig(server);
    rig.recipients({"a@to.test", "b@to.test"});
    rig.in_callback = [&] { rig.delivery->restart({{"b@to.test", ""}}); };
    rig.delivery->commit(text_of("x\r\n"));
    rig.await(2);
    rig.delivery->commit(text_of("y\r\n"));
    rig.await(1);
    CHECK(rig.events == Lines{"rcpt 250", "rcpt 250", "delivered 250", "rcpt 250", "delivered 250"});
    CHECK(server.commands().back() == "1 .");
}

TEST_CASE("a refused MAIL is forgotten by a restart") {
    int mails = 0;
    const ScriptedServer server([&](int, const std::string& command) -> std::string {
        if (command.starts_with("MAIL") && ++mails == 1)
            return "451 4.1.8 not now";
        return ScriptedServer::usual(command);
    });
    Rig rig(server);
    rig.recipients({"a@to.test"});
    rig.delivery->restart({{"a@to.test", ""}});
    rig.await(1);
    CHECK(rig.events == Lines{"rcpt 451", "rcpt 250"});
}

TEST_CASE("a connection that went stale while the mail was looked at is replaced once at a restart") {
    const ScriptedServer server([mails = 0](int connection, const std::string& command) mutable -> std::string {
        if (connection == 1 && command.starts_with("MAIL") && ++mails == 2)
            return "421 4.4.2 idle for too long";
        return ScriptedServer::usual(command);
    });
    Rig rig(server);
    rig.recipients({"a@to.test"});
    rig.delivery->restart({{"a@to.test", ""}});
    rig.await(1);
    CHECK(rig.events == Lines{"rcpt 250", "rcpt 250"});
    CHECK(mail_commands(server).back() == "2 RCPT TO:<a@to.test>");
}

TEST_CASE("a connection that breaks at the restart is replaced once; a second break is told in order") {
    for (const bool second : {false, true}) {
        const ScriptedServer server([second](int connection, const std::string& command) -> std::string {
            if (command == "RSET" || (second && connection == 2 && command.starts_with("RCPT TO:<b")))
                return "";
            return ScriptedServer::usual(command);
        });
        Rig rig(server);
        rig.recipients({"a@to.test", "b@to.test", "c@to.test"});
        rig.delivery->restart({{"a@to.test", ""}, {"b@to.test", ""}, {"c@to.test", ""}});
        rig.await(second ? 4 : 3);
        if (second)
            CHECK(Lines(rig.events.begin() + 3, rig.events.end()) ==
                  Lines{"rcpt 250", "rcpt 451", "rcpt 451", "broken 451"});
        else
            CHECK(Lines(rig.events.begin() + 3, rig.events.end()) == Lines{"rcpt 250", "rcpt 250", "rcpt 250"});
    }
}

TEST_CASE("a restart after the server broke off, and after a break beyond the dot, takes another connection") {
    SUBCASE("between RCPT and DATA") {
        const ScriptedServer server([](int connection, const std::string& command) -> std::string {
            return connection == 1 && command.starts_with("RCPT TO:<b") ? "" : ScriptedServer::usual(command);
        });
        Rig rig(server);
        rig.recipients({"a@to.test"});
        rig.delivery->add_recipient("b@to.test", {});
        rig.await(2);
        CHECK(rig.events == Lines{"rcpt 250", "rcpt 451", "broken 451"});
        CHECK(rig.delivery->broken());
        rig.delivery->restart({{"a@to.test", ""}});
        rig.await(1);
        CHECK(rig.events.back() == "rcpt 250");
        CHECK_FALSE(rig.delivery->broken());
    }
    SUBCASE("after the dot") {
        const ScriptedServer server([](int connection, const std::string& command) -> std::string {
            return connection == 1 && command == "." ? "" : ScriptedServer::usual(command);
        });
        Rig rig(server);
        rig.recipients({"a@to.test", "b@to.test"});
        rig.delivery->commit(text_of("x\r\n"));
        rig.await(1);
        CHECK(rig.events.back() == "delivered 451");
        rig.delivery->restart({{"b@to.test", ""}});
        rig.await(1);
        rig.delivery->commit(text_of("y\r\n"));
        rig.await(1);
        CHECK(rig.events.back() == "delivered 250");
    }
}

TEST_CASE("cancel ends a restart at every stage, and no callback follows") {
    for (const bool wait_for_answer : {false, true}) {
        const ScriptedServer server(usual);
        Rig rig(server);
        rig.recipients({"a@to.test"});
        rig.delivery->restart({{"a@to.test", ""}, {"b@to.test", ""}});
        if (wait_for_answer)
            rig.await(2);
        const auto before = rig.events.size();
        rig.delivery->cancel();
        rig.let_pass(std::chrono::milliseconds(50));
        CHECK(rig.events.size() == before);
    }
    SUBCASE("from within a callback, while the rest would be answered with 451") {
        const ScriptedServer server([mails = 0](int, const std::string& command) mutable -> std::string {
            if (command.starts_with("MAIL") && ++mails > 1)
                return "";
            return ScriptedServer::usual(command);
        });
        Rig rig(server);
        rig.recipients({"a@to.test"});
        rig.delivery->restart({{"a@to.test", ""}, {"b@to.test", ""}});
        rig.in_callback = [&] { rig.delivery->cancel(); };
        rig.await(1);
        rig.let_pass(std::chrono::milliseconds(50));
        CHECK(rig.events == Lines{"rcpt 250", "rcpt 451"});
    }
}

TEST_CASE("a restart without recipients leaves the delivery ready for add_recipient") {
    const ScriptedServer server(usual);
    Rig rig(server);
    rig.recipients({"a@to.test"});
    rig.delivery->restart({});
    rig.recipients({"b@to.test"});
    CHECK(rig.events == Lines{"rcpt 250", "rcpt 250"});
    CHECK(mail_commands(server) == Lines{"1 MAIL FROM:<s@from.test>", "1 RCPT TO:<a@to.test>", "1 RSET",
                                         "1 MAIL FROM:<s@from.test>", "1 RCPT TO:<b@to.test>"});
}
