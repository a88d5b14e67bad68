// What a process has told the journal and has not written yet, in memory that outlives it.
//
// Each process has a ring of its own, a file of a directory that should lie in memory (/run): a record that stands
// there survives the death of every process, as one in the page cache does, and putting it there never waits for a
// disk. The process holds a lock on its file while it lives; whose lock can be had is dead, and what it left is taken
// over by another one. Rings of several journals may lie in one directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "journal/record.hpp"

namespace journal {

// A file mapped as a ring. Move-only; the mapping goes with it.
class RingFile {
  public:
    struct Layout;

    RingFile() = default;
    RingFile(base::UniqueFd file, Layout* layout, std::string path);
    RingFile(RingFile&& other) noexcept;
    RingFile& operator=(RingFile&& other) noexcept;
    ~RingFile();

    [[nodiscard]] int fd() const { return file_.get(); }
    [[nodiscard]] Layout* operator->() const { return layout_; }
    [[nodiscard]] const std::string& path() const { return path_; }
    // What is not written yet, oldest first, as far as it is whole: encoded records.
    [[nodiscard]] std::string records() const;

  private:
    base::UniqueFd file_;
    Layout* layout_ = nullptr;
    std::string path_;
};

// This process's. Not thread-safe.
class Ring {
  public:
    static constexpr std::size_t kCapacity = 4096;  // records

    // False: it is full, and the record is not in it.
    bool put(const std::array<char, kRecordSize>& record);
    // The `count` oldest are in the journal's file now.
    void written(std::size_t count);
    // Nothing is left: the file goes.
    void remove();

  private:
    friend class Rings;
    explicit Ring(RingFile file) : file_(std::move(file)) {}
    RingFile file_;
};

// The directory of them, seen from one process. Not thread-safe; blocking, but for no longer than another process looks
// at the directory.
class Rings {
  public:
    // Makes the directory (0700) when it is missing. `journal`: the journal's directory, which exists. Error: either
    // cannot be used.
    static base::Result<Rings> open(std::string directory, const std::string& journal);

    // Looks for rings of other processes, and makes one for this. Error: no memory, not writable.
    base::Result<Ring> make(std::uint32_t process);
    // Looks for rings that came.
    void look();

    // Rings of others, living or not.
    [[nodiscard]] bool any_other() const { return !others_.empty(); }
    // What the living have not written yet.
    [[nodiscard]] std::vector<std::string> of_the_living() const;
    // Gives what the dead left. Where `take` succeeds the ring is removed.
    void take_over(const std::function<base::Status(const std::string& records)>& take);

  private:
    Rings(std::string directory, base::UniqueFd lock, std::uint64_t device, std::uint64_t inode)
        : directory_(std::move(directory)), lock_(std::move(lock)), device_(device), inode_(inode) {}
    void look_locked();
    base::Result<RingFile> create(std::uint32_t process);

    std::string directory_;
    base::UniqueFd lock_;       // the directory itself
    std::uint64_t device_ = 0;  // of the journal's directory
    std::uint64_t inode_ = 0;
    std::string own_;
    std::vector<RingFile> others_;
};

}  // namespace journal
