// Each condition, with a mail of which it holds and one of which it does not.
#include <doctest/doctest.h>

#include "policy/condition.hpp"
#include "policy/file_type.hpp"

using policy::Answer;
using policy::Cause;
using policy::Condition;
using policy::Facts;
using policy::Item;
using policy::Mark;
using policy::Outcome;
using Kind = policy::Condition::Kind;

namespace {

Item make_item(Item::Kind kind, std::uint16_t parent, std::uint16_t layer, std::vector<std::string> names = {},
               std::string true_type = "", std::string declared_type = "") {
    Item item;
    item.kind = kind;
    item.parent = parent;
    item.layer = layer;
    item.names = std::move(names);
    item.true_type = std::move(true_type);
    item.declared_type = std::move(declared_type);
    return item;
}

// A mail with a zip that holds a program, and a document with a macro.
struct Sample {
    policy::ScanReport report;
    mail::Envelope envelope{"boss@example.test", "", {{"a@example.test", ""}, {"b@example.test", ""}}};

    Sample() {
        auto& contents = report.contents;
        contents.items = {make_item(Item::Kind::kMessage, 0, 0),
                          make_item(Item::Kind::kEntity, 0, 0, {}, "text/plain", "text/plain"),
                          make_item(Item::Kind::kEntity, 0, 0, {"Invoice.ZIP"}, "application/zip", "application/zip"),
                          make_item(Item::Kind::kMember, 2, 1, {"invoice.pdf.exe"}, "application/x-dosexec"),
                          make_item(Item::Kind::kEntity, 0, 0, {"a.doc"}, "application/msword", "application/pdf")};
        contents.items[1].charset = "utf-8";
        contents.items[2].size = 5000;
        contents.items[3].size = 70000;
        contents.items[4].set(Mark::kMacro);
        contents.items[4].set(Mark::kAttachment);
        contents.exceeded = {{policy::ContentLimit::kLayers, 3, 17}};
        contents.hits = {{4, 1, 12, "confidential"}};
        contents.defects = 0b100;
        contents.subject = "Your Invoice 4711";
        contents.from = "Boss <boss@example.test>";
        report.results = {{"clamav", Outcome::kFound, Cause::kNone, "Eicar-Signature", ""},
                          {"icap", Outcome::kCannotTell, Cause::kTimeout, "", ""}};
    }

    [[nodiscard]] Facts facts() const {
        Facts facts{report, envelope};
        facts.size = 1000000;
        facts.client = policy::ClientAddress{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 77};
        facts.client_name = "mx.partner.test";
        return facts;
    }
    [[nodiscard]] Answer ask(Condition condition) const { return policy::ask(condition, facts()); }
};

Condition with_words(Kind kind, std::vector<std::string> words) {
    Condition condition;
    condition.kind = kind;
    condition.words = std::move(words);
    return condition;
}

Condition with_numbers(Kind kind, std::vector<std::uint32_t> numbers) {
    Condition condition;
    condition.kind = kind;
    condition.numbers = std::move(numbers);
    return condition;
}

Condition more_than(Kind kind, std::uint64_t number) {
    Condition condition;
    condition.kind = kind;
    condition.number = number;
    return condition;
}

template <typename Enum>
std::uint32_t number(Enum value) {
    return static_cast<std::uint32_t>(value);
}

using Items = std::vector<std::size_t>;

}  // namespace

TEST_CASE("what the scanners said") {
    const Sample sample;
    CHECK(sample.ask(with_words(Kind::kVirus, {})).holds);
    CHECK(sample.ask(with_words(Kind::kVirus, {"eicar*"})).seen == "clamav: found Eicar-Signature");
    CHECK_FALSE(sample.ask(with_words(Kind::kVirus, {"win.*"})).holds);
    CHECK(sample.ask(with_numbers(Kind::kCannotTell, {})).holds);
    CHECK(sample.ask(with_numbers(Kind::kCannotTell, {number(Cause::kTimeout)})).seen == "icap: cannot tell timeout");
    CHECK_FALSE(sample.ask(with_numbers(Kind::kCannotTell, {number(Cause::kLimit)})).holds);
    auto icap = with_numbers(Kind::kScanner, {number(Outcome::kCannotTell)});
    icap.words = {"icap"};
    CHECK(sample.ask(icap).holds);
    icap.words = {"clamav"};
    CHECK_FALSE(sample.ask(icap).holds);
    // Nobody looked at it: that is an answer, too.
    Sample silent;
    silent.report.results.clear();
    CHECK(silent.ask(with_numbers(Kind::kCannotTell, {})).holds);
    CHECK(silent.ask(with_numbers(Kind::kCannotTell, {number(Cause::kUnavailable)})).holds);
    CHECK_FALSE(silent.ask(with_numbers(Kind::kCannotTell, {number(Cause::kLimit)})).holds);
    CHECK_FALSE(silent.ask(with_words(Kind::kVirus, {})).holds);
}

TEST_CASE("encrypted is what a scanner says or an item is") {
    Sample sample;
    const auto encrypted = with_numbers(Kind::kEncrypted, {number(Mark::kEncrypted)});
    CHECK_FALSE(sample.ask(encrypted).holds);
    sample.report.contents.items[3].set(Mark::kEncrypted);
    CHECK(sample.ask(encrypted).items == Items{3});
    sample.report.contents.items[3].marks = 0;
    sample.report.results[0].outcome = Outcome::kEncrypted;
    CHECK(sample.ask(encrypted).holds);
}

TEST_CASE("names and types, and which items they are of") {
    const Sample sample;
    const auto exe = sample.ask(with_words(Kind::kExtension, {"scr", "exe"}));
    CHECK(exe.items == Items{3});
    CHECK(exe.seen == "Invoice.ZIP!invoice.pdf.exe: invoice.pdf.exe");
    CHECK(sample.ask(with_words(Kind::kFileName, {"invoice*"})).items == Items{2, 3});
    CHECK_FALSE(sample.ask(with_words(Kind::kExtension, {"pdf"})).holds);
    CHECK(sample.ask(with_words(Kind::kDoubleExtension, {})).items == Items{3});
    CHECK(sample.ask(with_words(Kind::kTrueType, {"application/x-dosexec"})).items == Items{3});
    CHECK(sample.ask(with_words(Kind::kProgram, {})).items == Items{3});
    CHECK(sample.ask(with_words(Kind::kDeclaredType, {"application/*"})).items == Items{2, 4});
    CHECK(sample.ask(with_words(Kind::kTypeMismatch, {})).items == Items{4});
    CHECK(sample.ask(with_words(Kind::kCharset, {"utf-*"})).items == Items{1});
    CHECK(sample.ask(with_numbers(Kind::kMark, {number(Mark::kMacro)})).items == Items{4});
    CHECK(sample.ask(with_numbers(Kind::kMark, {number(Mark::kScript), number(Mark::kAttachment)})).items == Items{4});
    CHECK_FALSE(sample.ask(with_numbers(Kind::kMark, {number(Mark::kScript)})).holds);
}

TEST_CASE("numbers are compared") {
    const Sample sample;
    struct Row {
        Kind kind;
        std::uint64_t value;
    };
    for (const auto& row :
         {Row{Kind::kMessageSize, 1000000}, Row{Kind::kExpandedSize, 70000}, Row{Kind::kRecipients, 2},
          Row{Kind::kParts, 3}, Row{Kind::kFiles, 1}, Row{Kind::kLayers, 1}}) {
        CAPTURE(static_cast<int>(row.kind));
        CHECK(sample.ask(more_than(row.kind, row.value - 1)).holds);
        CHECK_FALSE(sample.ask(more_than(row.kind, row.value)).holds);
        CHECK(sample.ask(more_than(row.kind, 0)).seen == std::to_string(row.value));
        auto less = more_than(row.kind, row.value + 1);
        less.compare = Condition::Compare::kLess;
        CHECK(sample.ask(less).holds);
        less.number = row.value;
        CHECK_FALSE(sample.ask(less).holds);
    }
    CHECK(sample.ask(more_than(Kind::kPartSize, 4999)).items == Items{2, 3});
    CHECK(sample.ask(more_than(Kind::kPartSize, 5000)).items == Items{3});
}

TEST_CASE("limits, defects, expressions") {
    const Sample sample;
    CHECK(sample.ask(with_numbers(Kind::kLimit, {})).seen == "Invoice.ZIP!invoice.pdf.exe: 17 of layers");
    CHECK(sample.ask(with_numbers(Kind::kLimit, {number(policy::ContentLimit::kLayers)})).items == Items{3});
    CHECK_FALSE(sample.ask(with_numbers(Kind::kLimit, {number(policy::ContentLimit::kRatio)})).holds);
    Condition defect;
    defect.kind = Kind::kDefect;
    defect.mask = 0b110;
    CHECK(sample.ask(defect).holds);
    defect.mask = 0b010;
    CHECK_FALSE(sample.ask(defect).holds);
    CHECK(sample.ask(with_numbers(Kind::kExpression, {3, 4})).items == Items{1});
    CHECK(sample.ask(with_numbers(Kind::kExpression, {4})).seen == "1: \"confidential\", score 12");
    CHECK_FALSE(sample.ask(with_numbers(Kind::kExpression, {3})).holds);
}

TEST_CASE("who sends it") {
    Sample sample;
    CHECK(sample.ask(with_words(Kind::kSender, {"example.test"})).holds);
    CHECK(sample.ask(with_words(Kind::kSender, {"BOSS@example.test"})).holds);
    CHECK_FALSE(sample.ask(with_words(Kind::kSender, {"<>"})).holds);
    CHECK(sample.ask(with_words(Kind::kClientName, {"*.partner.test"})).holds);
    Condition client;
    client.kind = Kind::kClient;
    client.networks = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 64}, 96 + 26}};
    CHECK(sample.ask(client).holds);
    client.networks[0].prefix = 96 + 29;
    CHECK_FALSE(sample.ask(client).holds);
    client.networks = {{{}, 0}};
    CHECK(sample.ask(client).holds);
    auto unknown = sample.facts();
    unknown.client.reset();
    CHECK_FALSE(policy::ask(client, unknown).holds);
    sample.envelope.reverse_path.clear();
    CHECK(sample.ask(with_words(Kind::kSender, {"<>"})).holds);
}

TEST_CASE("sets: any, all, not") {
    const Sample sample;
    auto yes = more_than(Kind::kRecipients, 1);
    auto no = more_than(Kind::kRecipients, 9);
    auto exe = with_words(Kind::kExtension, {"exe"});
    Condition set;
    CHECK(sample.ask(set).holds);  // a rule that asks nothing is for every mail
    set.children = {yes, exe};
    CHECK(sample.ask(set).items == Items{3});
    set.children = {yes, no};
    CHECK_FALSE(sample.ask(set).holds);
    set.any = true;
    CHECK(sample.ask(set).holds);
    set.children = {no};
    CHECK_FALSE(sample.ask(set).holds);
    set.negated = true;
    CHECK(sample.ask(set).holds);
    exe.negated = true;
    CHECK_FALSE(sample.ask(exe).holds);
    CHECK(sample.ask(exe).items.empty());
    // Items of what did not hold in the end are nobody's.
    Condition all;
    all.children = {with_words(Kind::kExtension, {"exe"}), no};
    CHECK(sample.ask(all).items.empty());
}

TEST_CASE("header fields") {
    Sample sample;
    sample.report.contents.fields = {{"date", 1, true, {"yesterday"}},
                                     {"subject", 2, false, {"Your Invoice 4711", "another"}}};
    const auto about = [](Kind kind, std::vector<std::string> fields, std::vector<std::string> words = {}) {
        auto condition = with_words(kind, std::move(words));
        condition.fields = std::move(fields);
        return condition;
    };
    CHECK(sample.ask(about(Kind::kHeader, {"subject"}, {"*invoice*"})).seen == "Your Invoice 4711");
    CHECK(sample.ask(about(Kind::kHeader, {"subject"}, {"no", "ANOTHER"})).seen == "another");
    CHECK_FALSE(sample.ask(about(Kind::kHeader, {"subject"}, {"invoice"})).holds);
    CHECK(sample.ask(about(Kind::kHeader, {"subject"}, {"invoice"})).seen == "Your Invoice 4711");
    CHECK_FALSE(sample.ask(about(Kind::kHeader, {"from"}, {"*"})).holds);
    CHECK(sample.ask(about(Kind::kMissingHeader, {"date", "from"})).seen == "from");
    CHECK_FALSE(sample.ask(about(Kind::kMissingHeader, {"date", "subject"})).holds);
    CHECK(sample.ask(about(Kind::kRepeatedHeader, {"date", "subject"})).seen == "subject");
    CHECK_FALSE(sample.ask(about(Kind::kRepeatedHeader, {"date", "from"})).holds);
    CHECK(sample.ask(about(Kind::kMalformedHeader, {"subject", "date"})).seen == "date");
    CHECK_FALSE(sample.ask(about(Kind::kMalformedHeader, {"subject", "from"})).holds);
    CHECK_FALSE(sample.ask(about(Kind::kMalformedHeader, {})).holds);
    sample.report.contents.malformed_field = "date";
    CHECK(sample.ask(about(Kind::kMalformedHeader, {})).seen == "date");
    // What nobody looked at is not missing.
    Sample unseen;
    unseen.report.contents = {};
    CHECK_FALSE(unseen.ask(about(Kind::kMissingHeader, {"from"})).holds);
}

TEST_CASE("languages and writing systems") {
    Sample sample;
    sample.report.contents.languages = {"de", "en"};
    sample.report.contents.writings = bit(policy::Writing::kLatin) | bit(policy::Writing::kHan);
    CHECK(sample.ask(with_words(Kind::kLanguage, {"fr", "en"})).holds);
    CHECK(sample.ask(with_words(Kind::kLanguage, {"en"})).seen == "de en");
    CHECK_FALSE(sample.ask(with_words(Kind::kLanguage, {"fr"})).holds);
    Condition writing;
    writing.kind = Kind::kWriting;
    writing.mask = bit(policy::Writing::kHan) | bit(policy::Writing::kKana);
    CHECK(sample.ask(writing).seen == "latin han");
    CHECK(sample.ask(writing).holds);
    writing.mask = bit(policy::Writing::kKana);
    CHECK_FALSE(sample.ask(writing).holds);
}

TEST_CASE("what a scanner says") {
    Sample sample;
    sample.report.results[1].detail = "score 7.5 of 5";
    CHECK(sample.ask(with_words(Kind::kScannerSays, {"icap", "score 9*", "SCORE 7*"})).seen == "icap:  score 7.5 of 5");
    CHECK(sample.ask(with_words(Kind::kScannerSays, {"*", "eicar*"})).holds);
    CHECK_FALSE(sample.ask(with_words(Kind::kScannerSays, {"clamav", "score*"})).holds);
    CHECK_FALSE(sample.ask(with_words(Kind::kScannerSays, {"icap", "score"})).holds);
    const auto eicar = with_words(Kind::kScannerSays, {"clamav", "eicar*"});
    CHECK(policy::concerns(eicar, sample.report.results[0]));
    CHECK_FALSE(policy::concerns(eicar, sample.report.results[1]));
}

TEST_CASE("the ratio of what comes out of archives") {
    Sample sample;  // 70,000 octets in 5,000
    CHECK(sample.ask(more_than(Kind::kRatio, 13)).holds);
    CHECK_FALSE(sample.ask(more_than(Kind::kRatio, 14)).holds);
    CHECK(sample.ask(more_than(Kind::kRatio, 13)).seen == "14");
    // Layer by layer: what is in the member counts for the member.
    auto inner = make_item(Item::Kind::kMember, 3, 2);
    inner.size = 70000 * 20;
    sample.report.contents.items.push_back(inner);
    CHECK(sample.ask(more_than(Kind::kRatio, 0)).seen == "20");
    sample.report.contents.exceeded = {{policy::ContentLimit::kRatio, 3, 300}};
    CHECK(sample.ask(more_than(Kind::kRatio, 0)).seen == "300");
    Sample without;
    without.report.contents.items.clear();
    CHECK_FALSE(without.ask(more_than(Kind::kRatio, 0)).holds);
}

TEST_CASE("what is seen can stand in a log") {
    Sample sample;
    sample.report.contents.items[3].names = {"x\xc3\xbc" + std::string(300, 'y') + ".exe"};
    const auto answer = sample.ask(with_words(Kind::kExtension, {"exe"}));
    CHECK(answer.seen.size() <= policy::kMaxSeen);
    CHECK(answer.seen.find('\xc3') == std::string::npos);
}

TEST_CASE("extensions") {
    CHECK(policy::extension_of("a.EXE") == "exe");
    CHECK(policy::extension_of("a.exe. . ") == "exe");
    CHECK(policy::extension_of("archive.tar.gz") == "gz");
    CHECK(policy::extension_of("noext").empty());
    CHECK(policy::extension_of("...").empty());
    CHECK(policy::extension_of("").empty());
    for (const auto* name : {"a.pdf.exe", "a.pdf      .exe", "a.docx.scr", "photo.JPG.js", "x.txt.lnk"}) {
        CAPTURE(name);
        CHECK(policy::has_double_extension(name));
    }
    for (const auto* name : {"a.exe", "setup.1.exe", "a.tar.gz", "invoice.pdf", "my.company.pdf", "a.b.sh"}) {
        CAPTURE(name);
        CHECK_FALSE(policy::has_double_extension(name));
    }
}

TEST_CASE("a name or a declared type that the content contradicts") {
    struct Row {
        const char* name;
        const char* declared;
        const char* found;
        bool mismatch;
    };
    for (const auto& row : {
             Row{"a.pdf", "application/pdf", "application/pdf", false},
             Row{"a.pdf", "application/octet-stream", "application/x-dosexec", true},
             Row{"a.exe", "application/octet-stream", "application/x-dosexec", false},
             Row{"a.dat", "", "application/x-dosexec", true},
             Row{"", "image/png", "application/x-dosexec", true},
             Row{"a.pdf", "", "application/vnd.microsoft.portable-executable", true},
             Row{"a.jpg", "image/jpeg", "text/x-shellscript", true},
             Row{"install.run", "", "text/x-shellscript", false},
             Row{"a.jar", "application/zip", "application/java-archive", false},
             Row{"a.docx", "application/zip", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                 false},
             Row{"a.pdf", "application/pdf", "application/java-archive", true},
             Row{"a.doc", "application/msword",
                 "application/vnd.openxmlformats-officedocument.wordprocessingml.document", false},
             Row{"a.doc", "application/msword", "text/rtf", false},
             Row{"a.zip", "application/zip", "application/pdf", true},
             Row{"a.png", "image/png", "image/jpeg", false},
             Row{"a.txt", "text/plain", "text/plain", false},
             Row{"a.pdf", "application/pdf", "", false},
             Row{"a.pdf", "application/pdf", "application/octet-stream", false},
             Row{"", "", "application/pdf", false},
         }) {
        CAPTURE(row.name);
        CAPTURE(row.found);
        auto item = make_item(Item::Kind::kEntity, 0, 0, {}, row.found, row.declared);
        if (*row.name != '\0')
            item.names = {row.name};
        CHECK(policy::type_mismatch(item) == row.mismatch);
    }
}

TEST_CASE("where nobody looked, it is not known what is not there") {
    Sample blind;
    blind.report.results = {{std::string(policy::kWorkers), Outcome::kCannotTell, Cause::kUnavailable, {}, {}}};
    blind.report.contents = {};
    for (auto condition : {with_words(Kind::kExtension, {"exe"}), with_words(Kind::kLanguage, {"de"}),
                           with_numbers(Kind::kMark, {number(Mark::kMacro)}), with_numbers(Kind::kExpression, {0}),
                           with_words(Kind::kMalformed, {})}) {
        CHECK_FALSE(blind.ask(condition).holds);
        condition.negated = true;
        CHECK_FALSE(blind.ask(condition).holds);
        CHECK(blind.ask(condition).seen == "nobody looked");
        Condition set;
        set.any = true;
        set.children = {with_words(Kind::kSender, {"nobody@example.test"}), condition};
        CHECK_FALSE(blind.ask(set).holds);
        set.children[1].negated = false;
        set.negated = true;
        CHECK_FALSE(blind.ask(set).holds);
    }
    for (const auto kind :
         {Kind::kParts, Kind::kFiles, Kind::kLayers, Kind::kPartSize, Kind::kExpandedSize, Kind::kRatio}) {
        Condition few;
        few.kind = kind;
        few.number = 100;
        few.compare = Condition::Compare::kLess;
        CHECK_FALSE(blind.ask(few).holds);
    }
    // What does not lie in the mail is known all the same.
    auto sender = with_words(Kind::kSender, {"nobody@example.test"});
    sender.negated = true;
    CHECK(blind.ask(sender).holds);
    Condition recipients;
    recipients.kind = Kind::kRecipients;
    recipients.number = 3;
    recipients.compare = Condition::Compare::kLess;
    CHECK(blind.ask(recipients).holds);
}
