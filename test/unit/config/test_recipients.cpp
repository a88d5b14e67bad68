#include "config/settings_table.hpp"
#include "expect.hpp"

using policy::Action;

TEST_CASE("sections of recipients are kept in the order of the file, with their patterns as written") {
    const auto settings = expect::settings(
        "[recipients *@Lists.example.test]\naction=discard\n\n"
        "[Recipients\tpostmaster@example.test]\nfailure_action=deliver-with-mark\n"
        "[recipients *.example.test]\nencrypted_action=quarantine\n");
    REQUIRE(settings.recipients.size() == 3);
    CHECK(settings.recipients[0].pattern == "*@Lists.example.test");
    CHECK(settings.recipients[0].actions.found == Action::kDiscard);
    CHECK(settings.recipients[1].pattern == "postmaster@example.test");
    CHECK(settings.recipients[1].actions.failure == Action::kDeliverWithMark);
    CHECK(settings.recipients[2].actions.encrypted == Action::kQuarantine);
    CHECK(settings.rules().recipients == settings.recipients);
}

TEST_CASE("what a section of recipients does not say is for the scanners' sections to say") {
    const auto settings = expect::settings(
        "[recipients a@b.test]\naction=scanner.clamav\ntimeout_action=failure_action\n"
        "[scanner.clamav]\naction=reject\nfailure_action=quarantine\n");
    REQUIRE(settings.recipients.size() == 1);
    CHECK(settings.recipients[0].actions == policy::Actions{std::nullopt, std::nullopt});
}

TEST_CASE("what is printed of them parses back to the same") {
    const auto settings =
        expect::settings("[recipients *@lists.test]\naction=discard\n[recipients x.test]\nfailure_action=quarantine\n");
    CHECK(expect::settings(config::print(settings)) == settings);
}

TEST_CASE("a pattern may be as long as an address, whatever the ini library cuts") {
    const auto longest = std::string(config::kMaxPattern - 7, 'x') + "@b.test";
    const auto settings = expect::settings("[recipients " + longest + "]\naction=discard\n");
    REQUIRE(settings.recipients.size() == 1);
    CHECK(settings.recipients[0].pattern == longest);
    CHECK(settings.recipients[0].actions.found == Action::kDiscard);
    expect::one("[recipients x" + longest + "]\n", "1: error: ", "name of a section");
}

TEST_CASE("faults in sections of recipients are named with their lines") {
    expect::one("[recipients a@b.test]\n[recipients A@B.test]\n", "2: error: ", "stands twice");
    expect::one("[recipients a@b.test c@d.test]\n", "1: error: ", "name of a section");
    expect::one("[recipients a\"@[x]]\n", "1: error: ", "");
    expect::one("[recipients]\n", "1: error: ", "unknown section [recipients]");
    expect::one("[recipients PATTERN]\n", "1: error: ", "unknown section");
    expect::one("[recipient a@b.test]\n", "1: error: ", "unknown section");
    expect::one("[recipients a@b.test]\naction=defer\n", "2: error: ", "action=defer");
    expect::one("[recipients a@b.test]\nenable=no\n", "2: error: ", "unknown key enable");
    expect::one("[smtp x]\n", "1: error: ", "unknown section");
}

TEST_CASE("there are not endlessly many of them") {
    std::string text;
    for (std::size_t i = 0; i < config::kMaxRecipientSections; ++i)
        text += fmt::format("[recipients {}@b.test]\n", i);
    expect::none(text);
    expect::one(text + "[recipients one-more@b.test]\n", "1001: error: ", "more than 1000");
}
