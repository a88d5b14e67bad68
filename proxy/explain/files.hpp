// The files with the explanations of decisions: DIRECTORY/why.ID, each with a part of them, the oldest going first.
//
// The ID is of the form of our message ids: it sorts by time and is nobody else's, so that each process writes files of
// its own (a proxy that outlived its supervisor). No fsync: what a process has written survives its death. Blocking;
// one thread writes, any may search.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "explain/record.hpp"

namespace explain {

struct FileLimits {
    std::uint64_t size = 100U << 20;        // octets of all files
    std::chrono::seconds keep{14 * 86400};  // a record is forgotten after that, at the latest an eighth later

    // A file holds so much that of a few of them one can go.
    [[nodiscard]] std::uint64_t size_of_file() const;
    [[nodiscard]] std::chrono::seconds age_of_file() const { return keep / 8; }
};

inline constexpr std::size_t kMaxFiles = 1000;

class Files {
  public:
    Files(std::string directory, FileLimits limits) : directory_(std::move(directory)), limits_(limits) {}

    // Appends whole records, to a new file when the limits say so. Makes the directory (0750) when it is missing.
    base::Status append(std::string_view records, std::uint32_t now);
    // Removes what the limits no longer permit.
    base::Status forget(std::uint32_t now) { return forget(now, 0); }

    void set_limits(FileLimits limits) { limits_ = limits; }

  private:
    base::Status begin_file(std::uint32_t now);
    base::Status forget(std::uint32_t now, std::uint64_t room);

    std::string directory_;
    FileLimits limits_;
    base::UniqueFd file_;
    std::string name_;         // of it
    std::uint64_t size_ = 0;   // of it, octets
    std::uint32_t begun_ = 0;  // time of its first record
};

struct Found {
    std::string id;
    std::string text;
};

// The newest `most` texts about the mail that is called `name`, oldest first; those about one mail stand together.
// `left_out` counts the others. Ends early when `stop` is set.
base::Result<std::vector<Found>> search(const std::string& directory, std::string_view name, std::size_t most,
                                        std::size_t& left_out, const std::atomic<bool>& stop);

}  // namespace explain
