// MemoryFile: memory that is a file as well (memfd_create(2)), so that a socket or another process has what its owner
// writes there without a copy. Of a fixed size; its pages come when they are asked for.
#pragma once

#include <cstddef>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace base {

class MemoryFile {
  public:
    // `name`: for /proc, without a path. Error: no descriptors, no address space.
    static Result<MemoryFile> make(const char* name, std::size_t size);

    MemoryFile(MemoryFile&& other) noexcept;
    MemoryFile& operator=(MemoryFile&&) = delete;
    ~MemoryFile();

    // False: no memory for so many octets from the begin on, or more than its size. Until it was true for them they may
    // not be touched.
    bool provide(std::size_t octets);
    [[nodiscard]] std::size_t provided() const { return provided_; }
    [[nodiscard]] char* begin() const { return memory_; }
    [[nodiscard]] int file() const { return file_.get(); }

    // From then on nobody can change how long the file is, or, but through begin(), what is in it.
    [[nodiscard]] Status seal();

  private:
    MemoryFile(UniqueFd file, char* memory, std::size_t size);

    UniqueFd file_;
    char* memory_;
    std::size_t size_;
    std::size_t provided_ = 0;
};

// A descriptor of the same file, for reading only.
Result<UniqueFd> reopen_for_reading(int file);

}  // namespace base
