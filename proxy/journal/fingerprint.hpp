// Fingerprints of texts as they are part of the journal's key: every process of a journal has the same.
#pragma once

#include <string>

#include "base/fingerprint.hpp"
#include "base/result.hpp"

namespace journal {

using base::Fingerprint;
using base::Fingerprints;
using base::RunningFingerprint;

// With the key in DIRECTORY/key, which is made when there is none. Error: unreadable, not a key, not writable, the
// library has no AES.
base::Result<Fingerprints> open_fingerprints(const std::string& directory);

}  // namespace journal
