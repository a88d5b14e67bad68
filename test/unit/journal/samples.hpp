// What the tests of the journal share.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "journal/record.hpp"
#include "test/unit/temporary_directory.hpp"

inline constexpr const char* kId = "0ABCDEFGHJKMNP";
inline constexpr const char* kOtherId = "0ABCDEFGHJKMNQ";

inline journal::Key key_of(std::string_view text) {
    return journal::sha256(text);
}

inline journal::Fingerprint content_of(std::string_view text) {
    return journal::Fingerprints::with_key("0123456789abcdef")->of(text);
}

inline journal::Record record_of(journal::Kind kind, std::string_view key, std::uint32_t time = 1000,
                                 const char* id = kId) {
    return {kind, 77, time, key_of(key), id};
}

inline std::string encoded(const journal::Record& record) {
    const auto octets = journal::encode(record);
    return {octets.data(), octets.size()};
}
