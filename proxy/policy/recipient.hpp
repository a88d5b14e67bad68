// What the sources of recipients say of an address, and what follows from it. Pure.
//
// "Unknown" is said to the world as 550 and cannot be taken back, so it takes a source's clear word: whatever is only
// unclear, or down, leads to 450 or to acceptance, never to 550.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policy {

enum class Knowledge : std::uint8_t {
    kKnown,       // it exists
    kUnknown,     // it does not exist
    kElsewhere,   // its domain is not this source's: nothing is said about it
    kCannotTell,  // the source answered, and leaves it open (252 to VRFY)
    kDown,        // the source did not answer
};
std::string_view to_string(Knowledge knowledge);

// What is done with a recipient of whom nobody has a clear word.
enum class WhenUnclear : std::uint8_t { kDefer, kAccept };

// One source's answer.
struct SourceAnswer {
    Knowledge knowledge = Knowledge::kDown;
    std::string detail{};   // for people: the server's reply, the file and line
    std::string mailbox{};  // of kKnown: the mailbox behind the address, where the source knows it; else empty
    bool passing = false;   // of kDown: over in a moment, and no fault
    std::string source{};   // of kKnown: the kind of the source that knows it: "ldap"
};

struct RecipientChoices {
    WhenUnclear source_down = WhenUnclear::kDefer;
    WhenUnclear cannot_tell = WhenUnclear::kAccept;
    bool operator==(const RecipientChoices&) const = default;
};

enum class RecipientVerdict : std::uint8_t { kAccept, kRefuse, kDefer };
std::string_view to_string(RecipientVerdict verdict);

// All sources' answers as one: the first that knows the address wins. Unknown is what at least one does not know, all
// others have nothing to do with, and nobody is unclear about. Down counts more than "cannot tell", for what is down
// may know it.
SourceAnswer combine(const std::vector<SourceAnswer>& answers);

// True: the sources behind need not be asked.
constexpr bool settles(Knowledge knowledge) {
    return knowledge == Knowledge::kKnown;
}

RecipientVerdict judge(Knowledge knowledge, const RecipientChoices& choices);

// An address as a recipient names it: the text around the last "@". Its domain is in lower case, without a dot at the
// end; empty where there is none. Quotes and backslashes of the local part are taken off ("\"a b\"@x" is a b).
struct RecipientAddress {
    std::string local;
    std::string domain;
    [[nodiscard]] std::string text() const { return domain.empty() ? local : local + "@" + domain; }
};
// Empty: the path names no mailbox (a source route, an empty local part, control characters, overlong).
std::optional<RecipientAddress> parse_recipient(std::string_view path);

}  // namespace policy
