// What a worker is asked to change in the body of a mail, and what it answers: changes as ranges of octets, so that
// every other octet stays. Plain values; the proxy applies them (mail::Rope), and trusts none of them unseen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "mail/range_edit.hpp"

namespace scanners {

inline constexpr std::size_t kMaxNote = 4096;  // octets of one note

struct EditRequest {
    struct Removal {
        std::uint16_t entity = 0;  // policy::Item::entity
        std::string note{};        // what stands there instead: UTF-8, lines end with LF
    };
    struct Stamp {
        bool at_end = true;
        std::string plain{};  // UTF-8, lines end with LF
        std::string html{};   // a fragment, UTF-8
    };
    std::vector<Removal> removals{};
    // Every entity in which a scanner of the worker finds something is removed, too.
    bool clean = false;
    std::string clean_note{};
    std::vector<Stamp> stamps{};
};

struct EditAnswer {
    std::vector<mail::RangeEdit> edits{};  // ascending, apart from each other; none: nothing was to be changed
    std::uint32_t removed = 0;             // entities
    std::uint32_t stamped = 0;  // entities; 0 although asked for: the mail is left alone, signed or without text
};

// An edit was not made because nobody could be asked: no word about the mail.
inline constexpr std::string_view kNobodyAsked = "no worker: ";
inline bool is_for_later(const base::Error& error) {
    return error.message.starts_with(kNobodyAsked);
}

}  // namespace scanners
