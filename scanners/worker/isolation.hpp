// The zygote's own walls, built once at its start: namespaces, a tmpfs for each worker, the unprivileged user.
//
// What the system refuses is replaced by the next best thing and said loudly (event "unsafe"); the sandbox of each
// worker (sandbox.hpp) comes on top. Single-threaded, before the engine is loaded.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/settings.hpp"

namespace scanners {

// The temporary directories of the workers, one each.
class WorkPlaces {
  public:
    WorkPlaces() = default;
    WorkPlaces(std::string base, unsigned count, bool remove);
    WorkPlaces(WorkPlaces&& other) noexcept;
    WorkPlaces& operator=(WorkPlaces&&) = delete;
    ~WorkPlaces();  // removes directories that are not in a namespace of our own

    [[nodiscard]] const std::string& directory(std::size_t slot) const { return directories_[slot]; }
    [[nodiscard]] std::size_t size() const { return directories_.size(); }

  private:
    std::string base_;
    std::vector<std::string> directories_;
    bool remove_ = false;
};

// As root: own mount and network namespaces, a tmpfs per worker (worker_tmp_size), then the user `scan_user` for good.
// As an ordinary user: the same within a user namespace of its own. Where that is not permitted: plain directories.
// Afterwards no privilege is left and none can be gained; no core dumps. Error: text for the administrator.
base::Result<WorkPlaces> isolate(const config::Settings& settings, unsigned workers);

}  // namespace scanners
