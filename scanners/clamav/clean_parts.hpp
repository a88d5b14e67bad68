// CleanParts: files in which nothing was found are not looked at again by the same worker under the same signatures:
// the same attachment in many mails, a picture in every signature, a text that stands in a mail twice.
//
// Remembered are files that are scanned for themselves, and those that lie in a mail directly, by their fingerprint and
// their type, once all of the scan they were in was clean. What lies deeper is part of these. That is what libclamav's
// own cache does, which is off (clamav_scanner.cpp), with a key that nobody can make collide, and with less: a
// signature may ask what a file lies in, and that is always a mail here.
//
// Of one worker, so that what breaks into one can make no other one believe it. One thread.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fingerprint.hpp"
#include "base/result.hpp"
#include "scanners/clamav/clean_memory.hpp"

struct cl_engine;

namespace scanners::clamav {

class CleanParts {
  public:
    // `most`: files; 0: nothing is remembered. Error: the library cannot make fingerprints.
    static base::Result<CleanParts> make(std::size_t most);

    // Of an engine whose scans have a CleanParts as their context.
    static void attach(cl_engine* engine);

    // Before a scan of `file`. False: it was clean before, and need not be scanned. `again`: whether it may have been
    // scanned before at all; no two mails are equal.
    bool begin(std::string_view file, bool again);
    // Behind it; not when it was not needed.
    void end(bool clean);

  private:
    CleanParts(base::Fingerprints fingerprints, std::size_t most)
        : fingerprints_(std::move(fingerprints)), memory_(most), wanted_(most > 0) {}

    static int before(int file, const char* type, void* context);
    static int after(int file, int result, const char* name, void* context);
    bool is_known_in_mail(int file, std::string_view type);
    bool is_known(std::string_view type, std::string_view octets);
    base::Fingerprint fingerprint_of(std::string_view type, std::string_view octets) const;

    base::Fingerprints fingerprints_;
    CleanMemory memory_;
    bool wanted_;
    std::vector<base::Fingerprint> seen_;  // in this scan
    std::size_t depth_ = 0;                // of the file that is looked at
    bool in_mail_ = false;                 // what is scanned
};

}  // namespace scanners::clamav
