// Desk: memory in which one worker is given its mails, one after the other; the proxy keeps it. To copy a mail there
// takes a tenth of what new pages for each mail would, and the mail's own memory can serve the next one: a worker that
// was broken into could keep what it was given and read there later. Here it reads what it is given anyway.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/memory_file.hpp"
#include "base/unique_fd.hpp"

namespace scanners {

class Desk {
  public:
    static constexpr std::size_t kSize = (1U << 20U) + (128U << 10U);  // octets: all that sessions keep in memory

    // Only while the worker has no other mail. A descriptor of a file that begins with this mail, for reading only,
    // valid as long as the desk; nobody can change or cut the file meanwhile. -1: it is too large, or there is no
    // memory.
    int put(std::string_view mail);

  private:
    bool set_up();

    std::optional<base::MemoryFile> memory_;
    base::UniqueFd reading_;
};

}  // namespace scanners
