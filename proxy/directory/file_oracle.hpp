// FileOracle: answers out of files, read anew when one of them has changed.
//
// While a file is being changed (it changed within the last second, or somebody has it locked) what was read before
// still counts for whom it knows; whom it does not know the new one may, so nobody is unknown until it has been read.
// Belongs to the thread of its ThreadSource.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "directory/list.hpp"
#include "directory/sendmail_maps.hpp"
#include "directory/thread_source.hpp"

namespace directory {

class FileOracle : public Oracle {
  public:
    static constexpr std::chrono::milliseconds kQuiet{1000};
    static constexpr std::chrono::milliseconds kRetry{200};

    explicit FileOracle(std::string id) : id_(std::move(id)) {}

    policy::SourceAnswer answer(const policy::RecipientAddress& address) final;
    [[nodiscard]] std::string describe() const final;

  private:
    // Reads everything, or nothing: what was read before is then still there. Gives the files that it depends on, also
    // those that are not there and need not be.
    virtual base::Result<std::vector<std::string>> load() = 0;
    virtual policy::SourceAnswer find(const policy::RecipientAddress& address) = 0;
    // "120 recipients"
    [[nodiscard]] virtual std::string summary() const = 0;

    struct Stamp {
        bool there = false;
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        std::int64_t size = 0;
        std::int64_t modified = 0;  // ns
        std::int64_t changed = 0;   // ns; the system sets it, whatever a program says
        bool operator==(const Stamp&) const = default;
    };
    static Stamp stamp_of(const std::string& path);
    static std::vector<Stamp> stamps_of(const std::vector<std::string>& paths);
    static bool quiet(const std::vector<Stamp>& stamps, std::int64_t now);
    void refresh();
    void say(std::string state);

    const std::string id_;
    std::vector<std::string> files_;
    std::vector<Stamp> stamps_;
    bool loaded_ = false;
    bool current_ = false;
    std::string failure_;
    base::Monotonic::time_point tried_{};
    mutable std::mutex mutex_;
    std::string state_ = "not read yet";  // for describe()
};

// [source.list NAME]
class ListOracle final : public FileOracle {
  public:
    ListOracle(std::string id, std::string file) : FileOracle(std::move(id)), file_(std::move(file)) {}

  private:
    base::Result<std::vector<std::string>> load() override;
    policy::SourceAnswer find(const policy::RecipientAddress& address) override { return list_.find(address); }
    [[nodiscard]] std::string summary() const override;

    std::string file_;
    RecipientList list_;
};

// [source.maps NAME]
class MapsOracle final : public FileOracle {
  public:
    // `passwd_file` empty: the system is asked for its users, as Sendmail does (getpwnam).
    MapsOracle(std::string id, std::string sendmail_cf, std::string passwd_file)
        : FileOracle(std::move(id)), sendmail_cf_(std::move(sendmail_cf)), passwd_file_(std::move(passwd_file)) {}

  private:
    base::Result<std::vector<std::string>> load() override;
    policy::SourceAnswer find(const policy::RecipientAddress& address) override;
    [[nodiscard]] std::string summary() const override;

    std::string sendmail_cf_;
    std::string passwd_file_;
    SendmailMaps maps_;
    std::set<std::string> users_;  // of passwd_file
};

}  // namespace directory
