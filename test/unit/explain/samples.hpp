// What the tests of explanations share.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "explain/record.hpp"
#include "test/unit/temporary_directory.hpp"

inline constexpr const char* kId = "0ABCDEFGHJKMNP";
inline constexpr const char* kOtherId = "0ABCDEFGHJKMNQ";

inline std::string record_of(const std::string& text, const std::string& id = kId, const std::string& inbound = "6AQ1",
                             const std::string& message_id = "<a@b.test>", std::uint32_t time = 1000) {
    return explain::encode({id, inbound, message_id}, time, text);
}

inline std::vector<std::string> texts_in(std::string_view octets) {
    std::vector<std::string> texts;
    explain::RecordReader reader(octets);
    while (const auto record = reader.next())
        texts.push_back(record->text().value_or("damaged"));
    return texts;
}

// Text that does not become smaller by compressing.
inline std::string noise(std::size_t size, unsigned seed = 1) {
    std::string text;
    for (std::uint64_t state = seed * 2654435761ULL + 1; text.size() < size;) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        text += static_cast<char>(state >> 56);
    }
    return text;
}
