// What the tests of the journal share.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "journal/record.hpp"

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

// A directory of its own that goes with the test.
class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "sandwich-journal-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};
