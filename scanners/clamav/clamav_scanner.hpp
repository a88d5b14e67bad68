// ClamavScanner: the whole raw mail through libclamav, which reads MIME, archives and documents itself.
//
// Loads in the zygote, scans in the workers; one engine, shared copy-on-write. What its answers mean: verdict.hpp.
#pragma once

#include <chrono>
#include <optional>

#include "base/clock.hpp"
#include "config/settings.hpp"
#include "scanners/clamav/clean_parts.hpp"
#include "scanners/scanner.hpp"

struct cl_engine;

namespace scanners::clamav {

class ClamavScanner : public Scanner {
  public:
    // `scan_time` is the worker's deadline; libclamav is told to stop a little earlier, so that a slow mail costs an
    // answer and not a worker.
    ClamavScanner(config::Settings::Clamav settings, std::chrono::milliseconds scan_time);
    ~ClamavScanner() override;

    [[nodiscard]] std::string_view name() const override;
    base::Status load() override;
    [[nodiscard]] std::string signatures() const override { return signatures_; }
    base::Status enter_worker(const std::string& temporary_directory) override;
    policy::ScanResult scan(std::string_view mail, const Parts& parts) override;
    [[nodiscard]] std::string outdated() const override;

  private:
    base::Status set_limits();
    // `again`: whether the same may come again.
    policy::ScanResult scan_one(std::string_view octets, bool again, std::span<const EncodedFile> files = {});

    config::Settings::Clamav settings_;
    std::chrono::milliseconds scan_time_;
    cl_engine* engine_ = nullptr;
    std::optional<CleanParts> parts_;  // once loaded
    bool image_hashes_ = true;         // some signature may want them
    std::string signatures_;
    base::Wall::time_point made_;  // the signatures
};

}  // namespace scanners::clamav
