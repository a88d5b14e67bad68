// Emptying a worker's temporary directory. The worker may have been under an attacker's control: nothing found in there
// is trusted, no link is followed, no depth of nesting exhausts stack or descriptors.
//
// Called by the worker after each message and by the zygote after a worker's death.
#pragma once

#include <string>

#include "base/result.hpp"

namespace scanners {

// Whether an open directory has nothing in it; false when that cannot be told. Two system calls, where to empty it
// takes nine: most messages leave nothing behind.
bool is_empty_directory(int directory);

// Removes everything in `directory`, not the directory itself. Nobody else may be writing there.
base::Status empty_directory(const std::string& directory);

}  // namespace scanners
