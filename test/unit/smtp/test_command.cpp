#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "smtp/command.hpp"

namespace {

using namespace std::string_literals;
using smtp::Verb;

std::string path_of(std::string_view prefix, std::string_view argument) {
    const auto parsed = smtp::parse_path_argument(prefix, argument);
    return parsed ? parsed->path : "error: " + parsed.error().message;
}

std::string wire_of(std::string_view argument) {
    const auto parsed = smtp::parse_path_argument("FROM", argument);
    return parsed ? smtp::parameters_to_wire(parsed->parameters) : "error: " + parsed.error().message;
}

}  // namespace

TEST_CASE("verbs are known in any case and with blanks around them") {
    const std::vector<std::pair<std::string, Verb>> verbs{
        {"EHLO", Verb::kEhlo}, {"HELO", Verb::kHelo}, {"LHLO", Verb::kLhlo}, {"MAIL", Verb::kMail},
        {"RCPT", Verb::kRcpt}, {"DATA", Verb::kData}, {"RSET", Verb::kRset}, {"NOOP", Verb::kNoop},
        {"VRFY", Verb::kVrfy}, {"EXPN", Verb::kExpn}, {"HELP", Verb::kHelp}, {"QUIT", Verb::kQuit}};
    for (const auto& known : verbs) {
        const auto& name = known.first;
        CAPTURE(name);
        CHECK(smtp::parse_command(name).verb == known.second);
        std::string mixed = name;
        mixed[1] = static_cast<char>(mixed[1] - 'A' + 'a');
        const auto command = smtp::parse_command(" \t" + mixed + " \t an argument \t");
        CHECK(command.verb == known.second);
        CHECK(command.name == name);
        CHECK(command.argument == "an argument");
    }
}

TEST_CASE("what is no command is unknown and keeps a bounded name for the log") {
    for (const auto* line : {"", " ", "MAI", "MAILX", "MAIL:", "BDAT 100", "\xff\xfe"}) {
        CAPTURE(line);
        CHECK(smtp::parse_command(line).verb == Verb::kUnknown);
    }
    CHECK(smtp::parse_command("bdat 100").name == "BDAT");
    CHECK(smtp::parse_command(std::string(4000, 'x')).name.size() == 64);
}

TEST_CASE("paths are kept as they came") {
    CHECK(path_of("FROM", "FROM:<a@example.test>") == "a@example.test");
    CHECK(path_of("FROM", "From:<a@example.test>") == "a@example.test");
    CHECK(path_of("FROM", "from : <a@example.test>") == "a@example.test");
    CHECK(path_of("FROM", "FROM:\t<A@Example.TEST> ") == "A@Example.TEST");
    CHECK(path_of("FROM", "FROM:<>").empty());
    CHECK(path_of("TO", "TO:<>").empty());
    CHECK(path_of("TO", "To:<postmaster>") == "postmaster");
    CHECK(path_of("TO", "TO:<@one.test,@two.test:joe@three.test>") == "@one.test,@two.test:joe@three.test");
    CHECK(path_of("TO", "TO:<user@[IPv6:2001:db8::1]>") == "user@[IPv6:2001:db8::1]");
    CHECK(path_of("TO", "TO:<|/bin/prog -x>") == "|/bin/prog -x");
    CHECK(path_of("TO", "TO:<\xc3\xa9@example.test>") == "\xc3\xa9@example.test");
}

TEST_CASE("brackets and blanks within quotes or behind a backslash belong to the path") {
    CHECK(path_of("TO", R"(TO:<"a>b"@x>)") == R"("a>b"@x)");
    CHECK(path_of("TO", R"(TO:<"a b <c>"@x> NOTIFY=NEVER)") == R"("a b <c>"@x)");
    CHECK(path_of("TO", R"(TO:<"a\">"@x>)") == R"("a\">"@x)");
    CHECK(path_of("TO", R"(TO:<"a\\"@x>)") == R"("a\\"@x)");
    CHECK(path_of("TO", R"(TO:<a\>b@x>)") == R"(a\>b@x)");
    CHECK(path_of("TO", R"(TO:<\carol>)") == R"(\carol)");
}

TEST_CASE("what breaks the grammar is refused with the code that names the fault") {
    const auto code = [](std::string_view prefix, std::string_view argument) {
        return path_of(prefix, argument).substr(0, 12);
    };
    for (const auto* argument : {"", "FROM", "FROM <a@b>", "TO:<a@b>", "FROMX:<a@b>", "<a@b>", ":<a@b>"}) {
        CAPTURE(argument);
        CHECK(code("FROM", argument) == "error: 5.5.4");
    }
    for (const auto* path :
         {"", "a@b", "<a@b", "a@b>", "<a@b\\>", "<\"a@b>", "<\"a\\\"@b>", "<a<b>@c>", "<<a@b>>", "<a\tb@c>"}) {
        CAPTURE(path);
        CHECK(code("FROM", "FROM:"s + path) == "error: 5.1.7");
        CHECK(code("TO", "TO:"s + path) == "error: 5.1.3");
    }
    CHECK(code("FROM", "FROM:<a@b>SIZE=1") == "error: 5.5.4");
    CHECK(code("FROM", "FROM:<a@b>>") == "error: 5.5.4");
}

TEST_CASE("control characters are refused wherever they stand") {
    for (int octet = 0; octet < 32; ++octet) {
        if (octet == '\t')
            continue;
        CAPTURE(octet);
        const std::string control(1, static_cast<char>(octet));
        CHECK(path_of("TO", "TO:<a" + control + "@b>").starts_with("error: 5.5.2"));
        CHECK(path_of("TO", "TO:<a@b> X=" + control).starts_with("error: 5.5.2"));
    }
    CHECK(path_of("TO", "TO:<a\x7f@b>").starts_with("error: 5.5.2"));
}

TEST_CASE("the length of a path is bounded") {
    CHECK(path_of("TO", "TO:<" + std::string(smtp::kMaxPath, 'a') + ">").size() == smtp::kMaxPath);
    CHECK(path_of("TO", "TO:<" + std::string(smtp::kMaxPath + 1, 'a') + ">").starts_with("error: 5.1.3"));
}

TEST_CASE("parameters are taken apart and kept as they came") {
    const auto parsed = smtp::parse_path_argument("FROM", "FROM:<a@b>  size=123 Body=8BITMIME\tSMTPUTF8 ENVID=a=b X=");
    REQUIRE(parsed);
    REQUIRE(parsed->parameters.size() == 5);
    CHECK(smtp::keyword_is(parsed->parameters[0], "SIZE"));
    CHECK_FALSE(smtp::keyword_is(parsed->parameters[0], "SIZ"));
    CHECK(parsed->parameters[0].value == "123");
    CHECK(parsed->parameters[1].text == "Body=8BITMIME");
    CHECK(parsed->parameters[2].keyword == "SMTPUTF8");
    CHECK(parsed->parameters[2].value.empty());
    CHECK(parsed->parameters[3].value == "a=b");
    CHECK(parsed->parameters[4].keyword == "X");
}

TEST_CASE("parameters go out as they came in, one blank before each") {
    CHECK(wire_of("FROM:<a@b>").empty());
    CHECK(wire_of("FROM:<a@b> SIZE=123 BODY=8BITMIME") == " SIZE=123 BODY=8BITMIME");
    CHECK(wire_of("FROM:<>  RET=HDRS \t ENVID=QQ+2B314159 AUTH=<>  ") == " RET=HDRS ENVID=QQ+2B314159 AUTH=<>");
    CHECK(wire_of("FROM:<a@b> ORCPT=utf-8;caf\xc3\xa9@b") == " ORCPT=utf-8;caf\xc3\xa9@b");
}

TEST_CASE("a parameter without a keyword, and too many of them, are refused") {
    CHECK(wire_of("FROM:<a@b> =5").starts_with("error: 5.5.4"));
    std::string argument = "FROM:<a@b>";
    for (std::size_t i = 0; i < smtp::kMaxParameters; ++i)
        argument += " X=1";
    CHECK(wire_of(argument).size() == smtp::kMaxParameters * 4);
    CHECK(wire_of(argument + " X=1").starts_with("error: 5.5.4"));
}

TEST_CASE("the size that MAIL declares") {
    const auto size = [](const char* wire) { return smtp::declared_size(smtp::parameters_from_wire(wire)); };
    CHECK(size("") == 0);
    CHECK(size(" BODY=8BITMIME") == 0);
    CHECK(size(" BODY=8BITMIME SIZE=12345") == 12345);
    CHECK(size(" size=12345") == 12345);
    CHECK(size(" SIZE=much") == 0);
    CHECK(size(" SIZE=99999999999999999999999") == std::numeric_limits<std::uint64_t>::max());
}
