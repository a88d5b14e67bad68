#include <doctest/doctest.h>

#include "base/ids.hpp"
#include "quarantine/metadata.hpp"

namespace {

quarantine::Entry full_entry() {
    quarantine::Entry entry;
    entry.id = base::new_message_id();
    entry.inbound_id = "6AM4NqxZ003998";
    entry.message_id = "<x@y>";
    entry.client = "127.0.0.1";
    entry.verdict = "found Eicar-Signature";
    entry.rule = "scanner.clamav action";
    entry.time = base::Wall::time_point(std::chrono::microseconds(1795412345678901));
    entry.size = 68;
    entry.sha256 = quarantine::sha256("x");
    entry.release = quarantine::ReleaseState::kReleasing;
    entry.release_note = "451 later\r\nreally\\x0a=";
    entry.envelope.reverse_path = "\"a b\\\"\xc3\xa9\"@example.test";
    entry.envelope.parameters = " SIZE=68 BODY=8BITMIME";
    entry.envelope.recipients = {{"alice@example.test", " NOTIFY=NEVER"}, {"", ""}, {"sum=\nsum=", " X=\\"}};
    return entry;
}

bool same(const quarantine::Entry& a, const quarantine::Entry& b) {
    return quarantine::encode(a) == quarantine::encode(b) && a.time == b.time &&
           a.envelope.recipients.size() == b.envelope.recipients.size();
}

}  // namespace

TEST_CASE("metadata read back is what was written") {
    const auto entry = full_entry();
    const auto text = quarantine::encode(entry);
    const auto read = quarantine::decode(text);
    REQUIRE(read);
    CHECK(same(entry, *read));
    CHECK(read->envelope.reverse_path == entry.envelope.reverse_path);
    CHECK(read->envelope.recipients[2].path == "sum=\nsum=");
    CHECK(read->envelope.recipients[2].parameters == " X=\\");
    CHECK(read->release_note == entry.release_note);
    CHECK(read->release == quarantine::ReleaseState::kReleasing);
}

TEST_CASE("metadata that is cut short or changed anywhere is refused") {
    const auto text = quarantine::encode(full_entry());
    for (std::size_t length = 0; length < text.size(); ++length)
        CHECK_FALSE(quarantine::decode(text.substr(0, length)));
    for (std::size_t place = 0; place < text.size(); ++place) {
        auto changed = text;
        changed[place] = static_cast<char>(changed[place] ^ 1);
        CHECK_FALSE(quarantine::decode(changed));
    }
    CHECK_FALSE(quarantine::decode(text + "x"));
    CHECK_FALSE(quarantine::decode(text + text));
}

TEST_CASE("metadata with a right checksum and wrong fields is refused") {
    const auto text = quarantine::encode(full_entry());
    const auto body = text.substr(0, text.rfind("sum="));
    const auto sealed = [](std::string changed) { return changed + "sum=" + quarantine::sha256(changed) + "\n"; };
    const auto replaced = [&](std::string_view from, std::string_view to) {
        auto changed = body;
        changed.replace(changed.find(from), from.size(), to);
        return quarantine::decode(sealed(changed));
    };
    REQUIRE(quarantine::decode(sealed(body)));
    CHECK_FALSE(replaced("sandwich-quarantine 1", "sandwich-quarantine 2"));
    CHECK_FALSE(replaced("\nid=", "\nid=../"));
    CHECK_FALSE(replaced("size=68", "size=68x"));
    CHECK_FALSE(replaced("size=68", "size=-1"));
    CHECK_FALSE(replaced("release=releasing", "release=perhaps"));
    CHECK_FALSE(replaced("\nverdict=", "\nopinion="));
    CHECK_FALSE(replaced("rcpt_parameters", "recipient"));
    CHECK_FALSE(replaced("\\x0d", "\\xzz"));
    CHECK_FALSE(replaced("\\x0d", "\\x"));
    CHECK_FALSE(quarantine::decode(sealed(body + "more=1\n")));
}

TEST_CASE("SHA-256 of the well-known text") {
    CHECK(quarantine::sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
