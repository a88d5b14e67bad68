// FaultScanner: misbehaves on demand inside a worker, so that tests show what becomes of it. Only in programs of the
// test suite; what is installed is built without.
//
// A mail's header field "X-Sandwich-Test: WHAT" says what: see fault.cpp. Without it the mail is clean.
#pragma once

#include <string>

#include "scanners/scanner.hpp"

namespace scanners::testing {

class FaultScanner : public Scanner {
  public:
    [[nodiscard]] std::string_view name() const override { return "fault"; }
    base::Status load() override { return base::ok(); }
    [[nodiscard]] std::string signatures() const override { return "fault scanner for tests"; }
    base::Status enter_worker(const std::string& temporary_directory) override;
    policy::ScanResult scan(std::string_view mail, const Parts& parts) override;

  private:
    std::string temporary_directory_;
};

}  // namespace scanners::testing
