#include "explain/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>

#include "base/ids.hpp"

namespace explain {
namespace {

constexpr std::string_view kPrefix = "why.";
constexpr std::uint64_t kLargestFile = 16U << 20;  // octets; one is read into memory as a whole
constexpr std::uint64_t kSmallestFile = 64U << 10;

struct Listed {
    std::string name;
    std::uint64_t size = 0;
    std::int64_t changed = 0;  // seconds since the epoch
};

// Oldest first.
base::Result<std::vector<Listed>> list(const std::string& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
    if (!stream && errno == ENOENT)
        return std::vector<Listed>();
    if (!stream)
        return base::errno_error(directory);
    std::vector<Listed> found;
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string_view name = entry->d_name;
        struct stat facts {};
        if (name.starts_with(kPrefix) && base::is_message_id(name.substr(kPrefix.size())) &&
            ::fstatat(::dirfd(stream.get()), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(facts.st_mode))
            found.push_back({std::string(name), static_cast<std::uint64_t>(facts.st_size), facts.st_mtim.tv_sec});
    }
    std::sort(found.begin(), found.end(), [](const Listed& one, const Listed& other) { return one.name < other.name; });
    return found;
}

// As much as there is, at most twice what a file may hold. Gone meanwhile: nothing.
base::Result<std::string> read(const std::string& path) {
    const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file && errno == ENOENT)
        return std::string();
    if (!file)
        return base::errno_error(path);
    struct stat facts {};
    if (::fstat(file.get(), &facts) != 0)
        return base::errno_error(path);
    std::string octets(std::min(static_cast<std::uint64_t>(facts.st_size), 2 * kLargestFile), '\0');
    std::size_t have = 0;
    while (have < octets.size()) {
        const auto got = ::pread(file.get(), octets.data() + have, octets.size() - have, static_cast<off_t>(have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return base::errno_error(path);
        if (got == 0)
            break;
        have += static_cast<std::size_t>(got);
    }
    octets.resize(have);
    return octets;
}

}  // namespace

std::uint64_t FileLimits::size_of_file() const {
    return std::clamp(size / 8, kSmallestFile, kLargestFile);
}

base::Status Files::append(std::string_view records, std::uint32_t now) {
    struct stat facts {};
    const bool there = file_ && ::fstat(file_.get(), &facts) == 0 && facts.st_nlink > 0;
    const bool full = size_ > 0 && size_ + records.size() > limits_.size_of_file();
    if (!there || full || now - begun_ > static_cast<std::uint64_t>(limits_.age_of_file().count()) || now < begun_)
        if (auto begun = begin_file(now); !begun)
            return begun;
    ssize_t written = 0;
    do {
        written = ::write(file_.get(), records.data(), records.size());
    } while (written < 0 && errno == EINTR);
    if (written < 0)
        return base::errno_error(directory_ + "/" + name_);
    size_ += static_cast<std::uint64_t>(written);
    if (static_cast<std::size_t>(written) < records.size())
        return base::error("{}/{}: written only in part: no space?", directory_, name_);
    return base::ok();
}

base::Status Files::begin_file(std::uint32_t now) {
    file_.reset();
    name_.clear();
    if (::mkdir(directory_.c_str(), 0750) != 0 && errno != EEXIST)
        return base::errno_error(directory_);
    if (auto forgotten = forget(now, limits_.size_of_file()); !forgotten)
        return forgotten;
    name_ = std::string(kPrefix) + base::new_message_id();
    const auto path = directory_ + "/" + name_;
    file_.reset(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640));
    if (!file_)
        return base::errno_error(path);
    size_ = 0;
    begun_ = now;
    return base::ok();
}

// `room`: octets that are about to be written, to one more file.
base::Status Files::forget(std::uint32_t now, std::uint64_t room) {
    const auto all = list(directory_);
    if (!all)
        return all.error();
    std::uint64_t total = room;
    for (const auto& file : *all)
        total += file.size;
    auto count = all->size() + (room > 0 ? 1 : 0);
    for (const auto& file : *all) {
        const bool old = file.changed + limits_.keep.count() < static_cast<std::int64_t>(now);
        if (file.name == name_ || (!old && total <= limits_.size && count <= kMaxFiles))
            continue;
        const auto path = directory_ + "/" + file.name;
        if (::unlink(path.c_str()) != 0 && errno != ENOENT)
            return base::errno_error(path);
        total -= file.size;
        --count;
    }
    return base::ok();
}

base::Result<std::vector<Found>> search(const std::string& directory, std::string_view name, std::size_t most,
                                        std::size_t& left_out, const std::atomic<bool>& stop) {
    left_out = 0;
    const auto all = list(directory);
    if (!all)
        return all.error();
    std::deque<Found> found;
    for (const auto& file : *all) {
        if (stop)
            break;
        const auto octets = read(directory + "/" + file.name);
        if (!octets)
            return octets.error();
        RecordReader reader(*octets);
        while (const auto record = reader.next()) {
            if (!record->is_of(name))
                continue;
            if (auto text = record->text())
                found.push_back({std::string(record->id), std::move(*text)});
            if (found.size() > most) {
                found.pop_front();
                ++left_out;
            }
        }
    }
    // By the first record of each mail.
    std::vector<Found> ordered;
    while (!found.empty()) {
        const auto id = found.front().id;
        for (auto& one : found)
            if (one.id == id)
                ordered.push_back(std::move(one));
        std::erase_if(found, [&](const Found& one) { return one.id == id || one.id.empty(); });
    }
    return ordered;
}

}  // namespace explain
