#include <string>

#include "config/ini_file.hpp"
#include "expect.hpp"

namespace {

struct Read {
    std::vector<config::IniSection> sections;
    std::vector<config::Diagnostic> faults;
};

Read read(std::string_view text) {
    Read result;
    result.sections = config::read_ini(text, result.faults);
    return result;
}

// The one value of a file that must be faultless.
std::string value(std::string_view text) {
    const auto file = read(text);
    CAPTURE(text);
    REQUIRE(file.faults.empty());
    REQUIRE(file.sections.size() == 1);
    REQUIRE(file.sections[0].entries.size() == 1);
    return file.sections[0].entries[0].value;
}

void fault(std::string_view text, unsigned line, std::string_view part) {
    const auto file = read(text);
    CAPTURE(text);
    REQUIRE(file.faults.size() == 1);
    CHECK(file.faults[0].line == line);
    CHECK(file.faults[0].severity == config::Diagnostic::Severity::kError);
    CAPTURE(file.faults[0].text);
    CHECK(file.faults[0].text.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("sections, keys and values, with their lines") {
    const auto file =
        read("# comment\n; another\n\n[one]\na = 1\nb=\n  # indented comment\n\t\n[two.sub]\nA-b_c.d=x = y\n[empty]\n");
    CHECK(file.faults.empty());
    REQUIRE(file.sections.size() == 3);
    CHECK(file.sections[0].name == "one");
    CHECK(file.sections[0].line == 4);
    REQUIRE(file.sections[0].entries.size() == 2);
    CHECK(file.sections[0].entries[0].key == "a");
    CHECK(file.sections[0].entries[0].value == "1");
    CHECK(file.sections[0].entries[0].line == 5);
    CHECK(file.sections[0].entries[1].value.empty());
    CHECK(file.sections[1].name == "two.sub");
    REQUIRE(file.sections[1].entries.size() == 1);
    CHECK(file.sections[1].entries[0].key == "A-b_c.d");
    CHECK(file.sections[1].entries[0].value == "x = y");
    CHECK(file.sections[1].entries[0].line == 10);
    CHECK(file.sections[2].entries.empty());
    CHECK(read("").sections.empty());
    CHECK(read("\n\n").faults.empty());
}

TEST_CASE("a byte order mark, CRLF and a missing last line end are no trouble") {
    const auto file = read("\xef\xbb\xbf[s]\r\nkey=value\r\n\r\nother=1");
    CHECK(file.faults.empty());
    REQUIRE(file.sections.size() == 1);
    REQUIRE(file.sections[0].entries.size() == 2);
    CHECK(file.sections[0].entries[0].value == "value");
    CHECK(file.sections[0].entries[1].value == "1");
    CHECK(file.sections[0].entries[1].line == 4);
}

TEST_CASE("blanks around names go") {
    const auto file = read("[ s ]\t\nk \t= v \n");
    CHECK(file.faults.empty());
    REQUIRE(file.sections.size() == 1);
    CHECK(file.sections[0].name == "s");
    CHECK(file.sections[0].entries.at(0).key == "k");
}

TEST_CASE("values are whole, however long and whatever is in them") {
    CHECK(value("[s]\nk \t=\t a  b\t \n") == "a  b");
    CHECK(value("[s]\nk=a;b#c\n") == "a;b#c");
    CHECK(value("[s]\nk=addr:::1 [x] = \"y\"\n") == "addr:::1 [x] = \"y\"");
    CHECK(value("[s]\nk=caf\xc3\xa9\n") == "caf\xc3\xa9");
    // inih alone would cut at 200 octets and take the rest for a line of its own.
    for (const std::size_t size : {100U, 190U, 194U, 195U, 196U, 197U, 198U, 199U, 200U, 201U, 400U, 1000U, 4094U}) {
        std::string long_value(size, 'x');
        for (std::size_t i = 1; i + 1 < size; i += 7)
            long_value[i] = ' ';
        CHECK(value("[s]\nk=" + long_value + "\n") == long_value);
    }
}

TEST_CASE("a line that is too long is refused, not cut") {
    CHECK(value("[s]\nk=" + std::string(config::kMaxLine - 2, 'x')).size() == config::kMaxLine - 2);
    fault("[s]\nk=" + std::string(config::kMaxLine - 1, 'x') + "\n", 2, "4097 octets");
    fault("[s]\n#" + std::string(config::kMaxLine, 'x') + "\n", 2, "4097 octets");
    fault("[s]\r\nk=" + std::string(config::kMaxLine - 1, 'x') + "\r\n", 2, "4097 octets");
}

TEST_CASE("names longer than inih keeps are refused, not cut") {
    const std::string fits(49, 'n');
    const auto file = read("[" + fits + "]\n" + fits + "=1\n");
    CHECK(file.faults.empty());
    CHECK(file.sections.at(0).name == fits);
    CHECK(file.sections.at(0).entries.at(0).key == fits);
    fault("[" + fits + "n]\n", 1, "49");
    fault("[s]\n" + fits + "n=1\n", 2, "49");
}

TEST_CASE("what inih would take silently is an error") {
    fault("[s]\nk=1\n  continued\n", 3, "begins with a blank");
    fault("[s]\n\tk=1\n", 2, "begins with a blank");
    fault("[s]\n [t]\n", 2, "begins with a blank");
    fault("[s]\nk: 1\n", 2, "no \"=\"");
    fault("[s]\njust words\n", 2, "no \"=\"");
    fault("[s]\na:b=1\n", 2, "name before");
    fault("[s]\n=1\n", 2, "name before");
    fault("[s]\nk k=1\n", 2, "name before");
    fault("[s\nk=1\n", 1, "] is missing");
    fault("[s] # comment\nk=1\n", 1, "follow");
    fault("[]\n", 1, "name of a section");
    fault("[a b c]\n", 1, "name of a section");
    fault("[a[b]\n", 1, "name of a section");
    fault("k=1\n[s]\n", 1, "before the first");
    fault("[s]\nk=yes ; for now\n", 2, "comment");
    fault("[s]\nk=yes # for now\n", 2, "comment");
    fault("[s]\nk=yes\t#x\n", 2, "comment");
    fault("[s]\nk=# none\n", 2, "comment");
}

TEST_CASE("control characters are refused wherever they stand") {
    using namespace std::string_literals;
    fault("[s]\nk=a\0b\n"s, 2, "\\x00 in column 4");
    fault("[s]\nk=a\x1b[31m\n", 2, "\\x1b");
    fault("[s]\nk=a\x7f\n", 2, "\\x7f");
    fault("[s]\nk=a\rb\n", 2, "\\x0d");
    fault("[s]\nk=a\r\r\n", 2, "\\x0d");
    fault("[s]\n# \x01\n", 2, "\\x01");
    fault("[s]\rk=1\r", 1, "\\x0d");  // old Mac line ends
}

TEST_CASE("the keys of a section whose name is broken are not taken for another's") {
    const auto file = read("[one]\na=1\n[two\nb=2\nc=3\n[three]\nd=4\n");
    CHECK(file.faults.size() == 1);
    REQUIRE(file.sections.size() == 2);
    CHECK(file.sections[0].entries.size() == 1);
    CHECK(file.sections[1].entries.size() == 1);
}

TEST_CASE("every faulty line is reported, up to a bound") {
    const auto file = read("x\n[s]\ny\nk=1\n z=1\n");
    REQUIRE(file.faults.size() == 3);
    CHECK(file.faults[0].line == 1);
    CHECK(file.faults[1].line == 3);
    CHECK(file.faults[2].line == 5);
    CHECK(file.sections.at(0).entries.size() == 1);

    std::string garbage;
    for (int i = 0; i < 10000; ++i)
        garbage += "x\n";
    CHECK(read(garbage).faults.size() == config::kMaxDiagnostics);
}
