// The journal on disk: two files of records, the one being written and the one before it.
//
//   DIRECTORY/journal       appended to; when it is full or old it becomes
//   DIRECTORY/journal.old   which is then the one to be forgotten next
//
// No fsync: what a process has written survives its death; a power cut may lose the last seconds, and a retry after it
// is then delivered once more. Several processes may append (a proxy that outlived its supervisor): each reads what the
// others wrote. Blocking; the journal's thread owns it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "journal/record.hpp"

namespace journal {

struct FileLimits {
    std::uint64_t size = 32U << 20;  // octets of one file
    std::chrono::seconds age{5 * 86400};
};

class Files {
  public:
    class Reader {
      public:
        virtual void on_record(const Record& record) = 0;
        // What follows stands in a newer file; what stood in the file before the last is forgotten.
        virtual void on_new_file() = 0;

      protected:
        ~Reader() = default;
    };

    // Makes the directory (0700) when it is missing; gives the records of both files to `reader`, oldest first.
    // Error: not a directory, unreadable, not writable.
    static base::Result<Files> open(const std::string& directory, FileLimits limits, std::uint32_t now, Reader& reader);

    // Gives what other processes have written since the last call.
    base::Status catch_up(Reader& reader);
    // Nobody else has written since then: catch_up() would give nothing. One question, which the system answers from
    // memory.
    [[nodiscard]] bool caught_up() const;
    // Appends whole records (encoded), begins a new file before when the limits say so (then on_new_file() is called).
    base::Status append(std::string_view records, std::uint32_t now, Reader& reader);

    void set_limits(FileLimits limits) { limits_ = limits; }
    [[nodiscard]] std::uint64_t size() const { return end_; }

  private:
    Files(std::string directory, FileLimits limits)
        : directory_(std::move(directory)), path_(directory_ + "/journal"), limits_(limits) {}

    base::Status open_current(bool fresh);
    base::Status read_from(std::uint64_t begin, Reader& reader);
    base::Status rotate(Reader& reader);
    base::Status write(std::string_view octets, std::uint64_t& begin);

    std::string directory_;
    std::string path_;  // of the current file
    FileLimits limits_;
    base::UniqueFd file_;
    std::uint64_t device_ = 0;  // of the file
    std::uint64_t inode_ = 0;
    std::uint64_t end_ = 0;    // octets of the file that are known: read, or written by us
    std::uint32_t begun_ = 0;  // time of its first record; 0: it has none
};

}  // namespace journal
