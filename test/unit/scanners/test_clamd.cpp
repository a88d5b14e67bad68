#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <string>

#include "scanners/network/clamd.hpp"

namespace {

using policy::Cause;
using policy::Outcome;
using scanners::network::Answer;
using scanners::network::Conversation;
using namespace std::string_literals;

class Text final : public mail::Message {
  public:
    explicit Text(std::string text) : text_(std::move(text)) {}
    std::string_view bytes() const override { return text_; }
    base::Result<base::UniqueFd> share() const override { return base::error("not here"); }

  private:
    std::string text_;
};

std::string sent(Conversation& conversation) {
    std::string all;
    for (auto piece = conversation.output(); !piece.empty(); piece = conversation.output()) {
        CHECK(piece.size() <= scanners::network::kPiece + 20);
        all += piece;
    }
    return all;
}

Answer scan(const std::string& reply, std::size_t cut, bool end) {
    const auto conversation = scanners::network::clamd_scan(std::make_shared<Text>("a\r\n"));
    static_cast<void>(sent(*conversation));
    for (const auto& part : {reply.substr(0, cut), reply.substr(cut)})
        if (!part.empty() && !conversation->answer())
            conversation->input(part);
    if (end && !conversation->answer())
        conversation->end("closed by the peer");
    REQUIRE(conversation->answer());
    return *conversation->answer();
}

}  // namespace

TEST_CASE("a message goes to clamd in pieces, each with its length, and an empty one at the end") {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, scanners::network::kPiece - 1,
                                   scanners::network::kPiece, scanners::network::kPiece + 1, std::size_t{300000}}) {
        const std::string text(size, 'x');
        const auto conversation = scanners::network::clamd_scan(std::make_shared<Text>(text));
        auto all = sent(*conversation);
        REQUIRE(all.starts_with("zINSTREAM\0"s));
        all.erase(0, 10);
        std::string read;
        for (;;) {
            REQUIRE(all.size() >= 4);
            std::size_t length = 0;
            for (int i = 0; i < 4; ++i)
                length = length << 8 | static_cast<unsigned char>(all[static_cast<std::size_t>(i)]);
            REQUIRE(all.size() >= 4 + length);
            read += all.substr(4, length);
            all.erase(0, 4 + length);
            if (length == 0)
                break;
        }
        CHECK(all.empty());
        CHECK(read == text);
        CHECK_FALSE(conversation->answer());
    }
}

TEST_CASE("every reply of clamd at every cut") {
    struct Case {
        std::string reply;
        Outcome outcome;
        Cause cause;
        const char* name;
        bool counts;
        bool fault;
    };
    const Case cases[] = {
        {"stream: OK\0"s, Outcome::kClean, Cause::kNone, "", true, false},
        {"stream: OK\n", Outcome::kClean, Cause::kNone, "", true, false},
        {"stream: OK\r\n", Outcome::kClean, Cause::kNone, "", true, false},
        {"stream: Win.Test.EICAR_HDB-1 FOUND\0"s, Outcome::kFound, Cause::kNone, "Win.Test.EICAR_HDB-1", true, false},
        {"stream: OK FOUND\0"s, Outcome::kFound, Cause::kNone, "OK", true, false},
        {"stream: Heuristics.Encrypted.Zip FOUND\0"s, Outcome::kEncrypted, Cause::kNone, "Heuristics.Encrypted.Zip",
         true, false},
        {"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0"s, Outcome::kCannotTell, Cause::kLimit,
         "Heuristics.Limits.Exceeded.MaxFileSize", true, false},
        {"stream: Heuristics.Broken.Media.JPEG FOUND\0"s, Outcome::kCannotTell, Cause::kMalformed,
         "Heuristics.Broken.Media.JPEG", true, false},
        {"stream: CL_EFORMAT: Bad format or broken data ERROR\0"s, Outcome::kCannotTell, Cause::kMalformed, "", true,
         false},
        {"stream: Heuristics.Limits.Exceeded.UNOFFICIAL FOUND\0"s, Outcome::kFound, Cause::kNone,
         "Heuristics.Limits.Exceeded.UNOFFICIAL", true, false},
        {"INSTREAM size limit exceeded. ERROR\0"s, Outcome::kCannotTell, Cause::kLimit, "", true, false},
        {"stream: Can't allocate memory ERROR\0"s, Outcome::kCannotTell, Cause::kError, "", false, false},
        {"ERROR\0"s, Outcome::kCannotTell, Cause::kError, "", false, false},
        {"UNKNOWN COMMAND\0"s, Outcome::kCannotTell, Cause::kError, "", false, true},
        {"stream: FOUND\0"s, Outcome::kCannotTell, Cause::kError, "", false, true},
        {"stream:  FOUND\0"s, Outcome::kCannotTell, Cause::kError, "", false, true},
        {"stream: ok\0"s, Outcome::kCannotTell, Cause::kError, "", false, true},
        {"stream: OK "s, Outcome::kCannotTell, Cause::kError, "", false, true},
        {"stream: " + std::string(256, 'n') + " FOUND\0"s, Outcome::kCannotTell, Cause::kError, "", false, true},
        {std::string(scanners::network::kMaxClamdReply + 1, 'x'), Outcome::kCannotTell, Cause::kError, "", false, true},
        {"\0"s, Outcome::kCannotTell, Cause::kError, "", false, true},
        {"stream: OK", Outcome::kCannotTell, Cause::kError, "", false, true},
        {"", Outcome::kCannotTell, Cause::kError, "", false, true},
    };
    for (const auto& c : cases) {
        CAPTURE(c.reply.substr(0, 60));
        for (std::size_t cut = 0; cut <= c.reply.size(); ++cut) {
            const auto answer = scan(c.reply, cut, true);
            REQUIRE(answer.result.outcome == c.outcome);
            REQUIRE(answer.result.cause == c.cause);
            REQUIRE(answer.result.name == c.name);
            REQUIRE(answer.counts == c.counts);
            REQUIRE(answer.fault == c.fault);
            REQUIRE(answer.result.detail.size() <= scanners::network::kMaxDetail);
        }
    }
}

TEST_CASE("clamd that says OK before it has all of the message has not looked at it") {
    const auto conversation = scanners::network::clamd_scan(std::make_shared<Text>(std::string(200000, 'x')));
    static_cast<void>(conversation->output());
    conversation->input("stream: OK\0"s);
    REQUIRE(conversation->answer());
    CHECK(conversation->answer()->result.outcome == Outcome::kCannotTell);
    const auto infected = scanners::network::clamd_scan(std::make_shared<Text>(std::string(200000, 'x')));
    static_cast<void>(infected->output());
    infected->input("stream: W FOUND\0"s);
    REQUIRE(infected->answer());
    CHECK(infected->answer()->result.outcome == Outcome::kFound);
}

TEST_CASE("clamd's version is whatever it says in one line") {
    const auto conversation = scanners::network::clamd_version();
    CHECK(conversation->output() == "zVERSION\0"s);
    CHECK(conversation->output().empty());
    conversation->input("ClamAV 1.4.6/27");
    conversation->input("800/today\0"s);
    REQUIRE(conversation->answer());
    CHECK(conversation->answer()->counts);
    CHECK(conversation->answer()->facts.signatures == "ClamAV 1.4.6/27800/today");
}

TEST_CASE("clamd's date of its signatures is one of this machine's time zone") {
    ::setenv("TZ", "Europe/Berlin", 1);
    ::tzset();
    const auto of = [](std::string_view version) -> long {
        const auto made = scanners::network::clamd_signature_date(version);
        return made ? static_cast<long>(base::Wall::to_time_t(*made)) : -1;
    };
    CHECK(of("ClamAV 1.4.3/27800/Sat Nov 21 10:12:33 2026") == 1795252353);
    CHECK(of("ClamAV 1.4.3/27800/Tue Jul  7 10:12:33 2026") == 1783411953);  // summer time
    CHECK(of("ClamAV 1.4.3/27800/Sat Nov 21 10:12:33 2026\r") == 1795252353);
    for (const auto* none : {"ClamAV 1.4.3", "", "/", "//", "ClamAV 1.0/7/today", "a/b/Sat Nov 21 10:12:33",
                             "a/b/Sat Nov 21 10:12:33 2026 or so", "Sat Nov 21 10:12:33 2026"})
        CHECK_MESSAGE(of(none) == -1, none);
    ::unsetenv("TZ");
    ::tzset();
}
