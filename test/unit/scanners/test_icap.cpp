#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "scanners/network/icap.hpp"

namespace {

using config::IcapMethod;
using policy::Cause;
using policy::Outcome;
using scanners::network::Answer;
using scanners::network::IcapReplyParser;
using scanners::network::ServerFacts;
using Step = IcapReplyParser::Step;

class Text final : public mail::Message {
  public:
    explicit Text(std::string text) : text_(std::move(text)) {}
    std::string_view bytes() const override { return text_; }
    base::Result<base::UniqueFd> share() const override { return base::error("not here"); }

  private:
    std::string text_;
};

const config::ScannerServer kServer{{*net::Address::parse("192.0.2.1"), 1344}, {}, "/av"};
const std::string kMail = "Subject: x\r\n\r\nhello\r\n";

std::string all_output(scanners::network::Conversation& conversation) {
    std::string all;
    for (auto piece = conversation.output(); !piece.empty(); piece = conversation.output())
        all += piece;
    return all;
}

void feed(scanners::network::Conversation& conversation, const std::string& reply, std::size_t cut) {
    for (const auto& part : {reply.substr(0, cut), reply.substr(cut)})
        if (!part.empty() && !conversation.answer())
            conversation.input(part);
}

// The answer to kMail without a preview, when the reply comes in two parts and then the connection ends.
Answer scan(const std::string& reply, std::size_t cut, IcapMethod method = IcapMethod::kRespmod) {
    const auto conversation = scanners::network::icap_scan(kServer, method, {}, std::make_shared<Text>(kMail));
    static_cast<void>(all_output(*conversation));
    feed(*conversation, reply, cut);
    if (!conversation->answer())
        conversation->end("closed by the peer");
    REQUIRE(conversation->answer());
    return *conversation->answer();
}

std::string echo(const std::string& body, const std::string& status = "HTTP/1.1 200 OK") {
    const auto http = status + "\r\nVia: ICAP/1.0 x\r\n\r\n";
    std::string chunks;
    for (std::size_t at = 0; at < body.size(); at += 7)
        chunks += std::to_string(std::min<std::size_t>(7, body.size() - at)) + "\r\n" + body.substr(at, 7) + "\r\n";
    return "ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=" + std::to_string(http.size()) + "\r\n\r\n" + http +
           chunks + "0\r\n\r\n";
}

}  // namespace

TEST_CASE("every reply of an ICAP server at every cut") {
    struct Case {
        std::string reply;
        Outcome outcome;
        const char* name;
        bool counts;
        bool fault;
    };
    const std::string kOk = "ICAP/1.0 200 OK\r\n";
    const std::string kNull = "Encapsulated: null-body=0\r\n\r\n";
    const Case cases[] = {
        {"ICAP/1.0 204 No Content\r\n\r\n", Outcome::kClean, "", true, false},
        {"ICAP/1.0 204\nISTag: x\n\n", Outcome::kClean, "", true, false},
        {"ICAP/1.0 204 No Content\r\nX-Virus-ID: none\r\nX-Blocked: no\r\nX-Violations-Found: 0\r\n\r\n",
         Outcome::kClean, "", true, false},
        {"ICAP/1.0 204 No Content\r\nX-Infection-Found: Type=0; Resolution=2; Threat=Worm.A;\r\n\r\n", Outcome::kFound,
         "Worm.A", true, false},
        {kOk + "X-Infection-Found: Type=0; Resolution=2; Threat=Eicar Test;\r\n" + kNull, Outcome::kFound, "Eicar_Test",
         true, false},
        {kOk + "X-Infection-Found: yes\r\n" + kNull, Outcome::kFound, "ICAP.Blocked", true, false},
        {kOk + "x-virus-id: W32/Klez\r\n" + kNull, Outcome::kFound, "W32/Klez", true, false},
        {kOk + "X-Violations-Found: 1\r\n\tmessage.eml\r\n\tBad.Thing\r\n\t11101\r\n\t2\r\n" + kNull, Outcome::kFound,
         "Bad.Thing", true, false},
        {kOk + "X-Violations-Found: 1\r\n" + kNull, Outcome::kFound, "ICAP.Blocked", true, false},
        {kOk + "X-Blocked-Reason: policy\r\n" + kNull, Outcome::kFound, "ICAP.Blocked", true, false},
        {kOk + "X-Virus-ID: Heuristics.Encrypted.Zip\r\n" + kNull, Outcome::kEncrypted, "Heuristics.Encrypted.Zip",
         true, false},
        {kOk + kNull, Outcome::kFound, "ICAP.Altered", true, false},
        {echo(kMail), Outcome::kClean, "", true, false},
        {echo("s" + kMail.substr(1)), Outcome::kFound, "ICAP.Altered", true, false},
        {echo(kMail + "x"), Outcome::kFound, "ICAP.Altered", true, false},
        {echo(kMail.substr(1)), Outcome::kFound, "ICAP.Altered", true, false},
        {echo(kMail.substr(0, 9)), Outcome::kFound, "ICAP.Altered", true, false},
        {echo(kMail, "HTTP/1.1 403 Forbidden"), Outcome::kFound, "ICAP.Altered", true, false},
        {echo(kMail, "POST / HTTP/1.1"), Outcome::kFound, "ICAP.Altered", true, false},
        {echo(kMail).substr(0, echo(kMail).size() - 5), Outcome::kCannotTell, "", false, true},
        {"ICAP/1.0 404 Service not found\r\n\r\n", Outcome::kCannotTell, "", false, false},
        {"ICAP/1.0 500 Server error\r\n" + kNull, Outcome::kCannotTell, "", false, false},
        {"ICAP/1.0 100 Continue\r\n\r\n", Outcome::kCannotTell, "", false, true},  // nobody waits for it
        {"ICAP/1.0 302 Found\r\n\r\n", Outcome::kCannotTell, "", false, true},
        {"ICAP/1.0 200 OK\r\n\r\n", Outcome::kCannotTell, "", false, true},
        {"HTTP/1.0 204 No Content\r\n\r\n", Outcome::kCannotTell, "", false, true},
        {"ICAP/1.0 2040 No\r\n\r\n", Outcome::kCannotTell, "", false, true},
        {"ICAP/1.0 204 No Content\r\n", Outcome::kCannotTell, "", false, true},
        {"ICAP/1.0 204 No\r\n folded\r\n\r\n", Outcome::kCannotTell, "", false, true},
        {"ICAP/1.0 204 No\r\nno field\r\n\r\n", Outcome::kCannotTell, "", false, true},
        {kOk + "Encapsulated: res-body=0, res-hdr=3\r\n\r\n", Outcome::kCannotTell, "", false, true},
        {kOk + "Encapsulated: res-hdr=9, res-body=3\r\n\r\n", Outcome::kCannotTell, "", false, true},
        {kOk + "Encapsulated: res-hdr=0\r\n\r\n", Outcome::kCannotTell, "", false, true},
        {kOk + "Encapsulated: res-hdr=0, res-body=99999999\r\n\r\n", Outcome::kCannotTell, "", false, true},
        {kOk + "Encapsulated: \r\n\r\n", Outcome::kCannotTell, "", false, true},
        {kOk + "Encapsulated: res-hdr=0, res-body=19\r\n\r\nHTTP/1.1 200 OK\r\n\r\nxyz\r\n", Outcome::kCannotTell, "",
         false, true},
        {"", Outcome::kCannotTell, "", false, true},
    };
    for (const auto& c : cases) {
        CAPTURE(c.reply);
        for (std::size_t cut = 0; cut <= c.reply.size(); ++cut) {
            const auto answer = scan(c.reply, cut);
            REQUIRE(answer.result.outcome == c.outcome);
            REQUIRE(answer.result.name == c.name);
            REQUIRE(answer.counts == c.counts);
            REQUIRE(answer.fault == c.fault);
        }
    }
    for (const auto& too_long :
         {std::string(IcapReplyParser::kMaxLine + 10, 'x'), "ICAP/1.0 204 " + std::string(9000, 'x'),
          "ICAP/1.0 204 No\r\nA: " + std::string(IcapReplyParser::kMaxLine, 'x') + "\r\n\r\n"})
        CHECK(scan(too_long, 5000).result.outcome == Outcome::kCannotTell);
    std::string many = "ICAP/1.0 204 No\r\n";
    for (std::size_t i = 0; i <= IcapReplyParser::kMaxFields; ++i)
        many += "A: b\r\n";
    CHECK(scan(many + "\r\n", 0).result.outcome == Outcome::kCannotTell);
}

TEST_CASE("with REQMOD the request comes back, or a response in its place") {
    const auto request = echo(kMail, "POST http://mail.invalid/message.eml HTTP/1.1");
    CHECK(scan(request, 10, IcapMethod::kReqmod).result.outcome == Outcome::kClean);
    CHECK(scan(echo(kMail), 10, IcapMethod::kReqmod).result.outcome == Outcome::kFound);
}

TEST_CASE("what an ICAP server is sent") {
    ServerFacts facts;
    SUBCASE("without preview") {
        const auto conversation = scanners::network::icap_scan(kServer, IcapMethod::kRespmod, facts,
                                                               std::make_shared<Text>(std::string(100000, 'x')));
        const auto all = all_output(*conversation);
        CHECK(all.starts_with("RESPMOD icap://192.0.2.1:1344/av ICAP/1.0\r\nHost: 192.0.2.1:1344\r\n"));
        CHECK(all.find("Preview:") == std::string::npos);
        CHECK(all.find("Allow:") == std::string::npos);
        CHECK(all.find("\r\n10000\r\nxxx") != std::string::npos);
        CHECK(all.find("\r\n86a0\r\nxxx") != std::string::npos);
        CHECK(all.ends_with("x\r\n0\r\n\r\n"));
    }
    SUBCASE("with a preview, of which it wants more") {
        facts.preview = 4;
        facts.allow_204 = true;
        const auto conversation =
            scanners::network::icap_scan(kServer, IcapMethod::kReqmod, facts, std::make_shared<Text>(kMail));
        auto all = all_output(*conversation);
        CHECK(all.starts_with("REQMOD "));
        CHECK(all.find("\r\nPreview: 4\r\n") != std::string::npos);
        CHECK(all.find("\r\nAllow: 204\r\n") != std::string::npos);
        CHECK(all.ends_with("\r\n\r\n4\r\nSubj\r\n0\r\n\r\n"));
        conversation->input("ICAP/1.0 100 Continue\r\n\r\nICAP/1.0 204");
        CHECK_FALSE(conversation->answer());
        CHECK(all_output(*conversation) == "11\r\nect: x\r\n\r\nhello\r\n\r\n0\r\n\r\n");
        conversation->input(" No Content\r\n\r\n");
        REQUIRE(conversation->answer());
        CHECK(conversation->answer()->result.outcome == Outcome::kClean);
    }
    SUBCASE("a preview that is the whole message, and one of nothing") {
        facts.preview = kMail.size();
        auto conversation =
            scanners::network::icap_scan(kServer, IcapMethod::kRespmod, facts, std::make_shared<Text>(kMail));
        CHECK(all_output(*conversation).ends_with("hello\r\n\r\n0; ieof\r\n\r\n"));
        facts.preview = 0;
        conversation =
            scanners::network::icap_scan(kServer, IcapMethod::kRespmod, facts, std::make_shared<Text>(kMail));
        CHECK(all_output(*conversation).ends_with("\r\n\r\n0\r\n\r\n"));
        conversation->input("ICAP/1.0 204 No Content\r\n\r\n");
        REQUIRE(conversation->answer());
        CHECK(conversation->answer()->result.outcome == Outcome::kClean);
    }
    SUBCASE("clean before it has all of the message is not clean; found is found") {
        const auto early = [&](const std::string& reply) {
            const auto conversation = scanners::network::icap_scan(kServer, IcapMethod::kRespmod, facts,
                                                                   std::make_shared<Text>(std::string(200000, 'x')));
            static_cast<void>(conversation->output());
            static_cast<void>(conversation->output());
            conversation->input(reply);
            REQUIRE(conversation->answer());
            return conversation->answer()->result.outcome;
        };
        CHECK(early("ICAP/1.0 204 No Content\r\n\r\n") == Outcome::kCannotTell);
        CHECK(early("ICAP/1.0 200 OK\r\nX-Virus-ID: W\r\n\r\n") == Outcome::kFound);
    }
}

TEST_CASE("OPTIONS tell what the service wants") {
    const auto ask = [](const std::string& reply, IcapMethod method = IcapMethod::kRespmod) {
        const auto conversation = scanners::network::icap_options(kServer, method);
        CHECK(all_output(*conversation).starts_with("OPTIONS icap://192.0.2.1:1344/av ICAP/1.0\r\n"));
        for (const char octet : reply)
            if (!conversation->answer())
                conversation->input({&octet, 1});
        if (!conversation->answer())
            conversation->end("closed");
        return *conversation->answer();
    };
    const auto answer =
        ask("ICAP/1.0 200 OK\r\nMethods: RESPMOD, REQMOD\r\nService: Engine 1.0\r\nISTag: \"sig-7\"\r\nAllow: 204\r\n"
            "Preview: 1024\r\nOptions-TTL: 60\r\nEncapsulated: null-body=0\r\n\r\n");
    CHECK(answer.counts);
    CHECK(answer.facts.signatures == "Engine 1.0 sig-7");
    CHECK(answer.facts.preview == 1024);
    CHECK(answer.facts.allow_204);
    CHECK(answer.facts.good_for == std::chrono::seconds(60));
    const auto bare = ask("ICAP/1.0 200 OK\r\nPreview: many\r\nOptions-TTL: 999999999\r\n\r\n");
    CHECK(bare.counts);
    CHECK(bare.facts.preview == 0);
    CHECK_FALSE(bare.facts.allow_204);
    CHECK(bare.facts.good_for == std::chrono::seconds(3600));
    CHECK_FALSE(ask("ICAP/1.0 200 OK\r\nMethods: REQMOD\r\n\r\n").counts);
    CHECK(ask("ICAP/1.0 200 OK\r\nMethods: REQMOD\r\n\r\n", IcapMethod::kReqmod).counts);
    CHECK_FALSE(ask("ICAP/1.0 404 Not found\r\n\r\n").fault);
    CHECK(ask("ICAP/1.0 204 No\r\n\r\n").fault);
    CHECK(ask("HTTP/1.1 400 Bad Request\r\n\r\n").fault);
    CHECK(ask("ICAP/1.0 200 OK\r\n").fault);
}
