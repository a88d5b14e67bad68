#include "supervisor/signature_watch.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

namespace supervisor {
namespace {

constexpr std::chrono::milliseconds kSettle{2000};  // between the look that finds a change and the one that trusts it
constexpr std::size_t kMaxFiles = 10000;            // of one directory; ClamAV's own are a handful

// freshclam's notes, and what it has not finished: no signatures.
bool is_signature_name(std::string_view name) {
    constexpr std::array<std::string_view, 4> kOthers{".dat", ".tmp", ".lock", ".new"};
    return !name.starts_with('.') && !name.starts_with("tmp.") &&
           std::none_of(kOthers.begin(), kOthers.end(), [name](std::string_view end) { return name.ends_with(end); });
}

void look_into(const std::string& directory, std::vector<std::string>& found) {
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
    if (!open)
        return;
    std::size_t count = 0;
    while (const dirent* entry = ::readdir(open.get())) {
        struct stat facts {};
        if (!is_signature_name(entry->d_name) || ::fstatat(::dirfd(open.get()), entry->d_name, &facts, 0) != 0 ||
            !S_ISREG(facts.st_mode))
            continue;
        if (++count > kMaxFiles)
            return;
        found.push_back(fmt::format("{}/{} {} {} {}.{:09}\n", directory, entry->d_name, facts.st_ino, facts.st_size,
                                    facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec));
    }
}

}  // namespace

void SignatureWatch::set(std::vector<std::string> directories, std::chrono::milliseconds interval, Time now) {
    directories_ = std::move(directories);
    interval_ = interval;
    due_.reset();
    if (interval_.count() > 0)
        due_ = now + interval_;
}

void SignatureWatch::loading() {
    loaded_ = seen_ = look();
}

bool SignatureWatch::changed(Time now) {
    if (!due_ || now < *due_)
        return false;
    auto found = look();
    const bool at_rest = found == seen_;
    seen_ = std::move(found);
    const bool different = seen_ != loaded_;
    due_ = now + (different && !at_rest ? std::min(kSettle, interval_) : interval_);
    return different && at_rest;
}

std::string SignatureWatch::look() const {
    std::vector<std::string> found;
    for (const auto& directory : directories_)
        look_into(directory, found);
    // The order in a directory means nothing.
    std::sort(found.begin(), found.end());
    std::string all;
    for (const auto& line : found)
        all += line;
    return all;
}

}  // namespace supervisor
