#include "journal/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace journal {
namespace {

constexpr std::size_t kReadChunk = 16384 * kRecordSize;

base::Status make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return base::errno_error(path);
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return base::errno_error(path);
    if (!S_ISDIR(status.st_mode))
        return base::error("{}: not a directory", path);
    return base::ok();
}

// Gives the whole records between `begin` and the end of the file; returns the offset behind the last one read.
base::Result<std::uint64_t> read_records(int file, std::uint64_t begin, const std::function<void(const Record&)>& use) {
    std::string chunk(kReadChunk, '\0');
    auto at = begin - begin % kRecordSize;
    for (;;) {
        const auto got = ::pread(file, chunk.data(), chunk.size(), static_cast<off_t>(at));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return base::errno_error("journal");
        const auto whole = static_cast<std::size_t>(got) / kRecordSize * kRecordSize;
        if (whole == 0)
            return at;
        for (std::size_t i = 0; i < whole; i += kRecordSize)
            if (const auto record = decode(std::string_view(chunk).substr(i, kRecordSize)))
                use(*record);
        at += whole;
    }
}

}  // namespace

base::Result<Files> Files::open(const std::string& directory, FileLimits limits, std::uint32_t now, Reader& reader) {
    if (auto made = make_directory(directory); !made)
        return made.error();
    Files files(directory, limits);
    const base::UniqueFd old(::open((files.path_ + ".old").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!old && errno != ENOENT)
        return base::errno_error(files.path_ + ".old");
    if (old)
        if (auto read = read_records(old.get(), 0, [&](const Record& record) { reader.on_record(record); }); !read)
            return read.error();
    reader.on_new_file();
    if (auto opened = files.open_current(false); !opened)
        return opened.error();
    if (auto read = files.read_from(0, reader); !read)
        return read.error();
    if (files.begun_ > now)
        files.begun_ = now;  // a clock that was set back must not keep the file for ever
    return files;
}

base::Status Files::open_current(bool fresh) {
    const int flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (fresh ? O_EXCL : 0);
    file_.reset(::open(path_.c_str(), flags, 0600));
    if (!file_)
        return base::errno_error(path_);
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0)
        return base::errno_error(path_);
    device_ = status.st_dev;
    inode_ = status.st_ino;
    end_ = 0;
    begun_ = 0;
    return base::ok();
}

base::Status Files::read_from(std::uint64_t begin, Reader& reader) {
    auto read = read_records(file_.get(), begin, [&](const Record& record) {
        if (begun_ == 0)
            begun_ = record.time;
        reader.on_record(record);
    });
    if (!read)
        return read.error();
    end_ = *read;
    return base::ok();
}

bool Files::caught_up() const {
    struct stat named {};
    return file_ && ::stat(path_.c_str(), &named) == 0 && named.st_ino == inode_ && named.st_dev == device_ &&
           static_cast<std::uint64_t>(named.st_size) / kRecordSize * kRecordSize == end_;
}

base::Status Files::catch_up(Reader& reader) {
    if (caught_up())
        return base::ok();
    struct stat named {};
    const bool ours = file_ && ::stat(path_.c_str(), &named) == 0 && named.st_ino == inode_ && named.st_dev == device_;
    if (file_ && !ours) {
        // Another process has begun a new file: ours is journal.old by now.
        if (auto rest = read_from(end_, reader); !rest)
            return rest;
        file_.reset();
    }
    if (!file_) {
        if (auto opened = open_current(false); !opened)
            return opened;
        reader.on_new_file();
    }
    return read_from(end_, reader);
}

base::Status Files::rotate(Reader& reader) {
    if (::rename(path_.c_str(), (path_ + ".old").c_str()) != 0)
        return base::errno_error(path_);
    if (auto opened = open_current(false); !opened)
        return opened;
    reader.on_new_file();
    return base::ok();
}

base::Status Files::append(std::string_view records, std::uint32_t now, Reader& reader) {
    if (!file_)
        if (auto opened = open_current(false); !opened)
            return opened;
    const bool old = begun_ != 0 && now > begun_ && now - begun_ > static_cast<std::uint64_t>(limits_.age.count());
    if (end_ > 0 && (end_ + records.size() > limits_.size || old))
        if (auto rotated = rotate(reader); !rotated)
            return rotated;
    std::uint64_t begin = 0;
    if (auto written = write(records, begin); !written)
        return written;
    if (const auto torn = begin % kRecordSize; torn != 0) {
        // What a full disk left of a record is filled up, and all is written again where it is looked for. Records that
        // stand there twice say the same twice.
        const auto end = (begin + records.size()) % kRecordSize;
        std::string octets(end == 0 ? 0 : kRecordSize - end, '\0');
        octets += records;
        if (auto written = write(octets, begin); !written)
            return written;
        return base::ok();  // catch_up() reads it all
    }
    if (begun_ == 0)
        begun_ = now;
    // With records of others in between they are read again, together with ours: catch_up() sees to it.
    if (begin == end_)
        end_ = begin + records.size();
    return base::ok();
}

// `begin`: where they stand.
base::Status Files::write(std::string_view octets, std::uint64_t& begin) {
    ssize_t written = 0;
    do {
        written = ::write(file_.get(), octets.data(), octets.size());
    } while (written < 0 && errno == EINTR);
    if (written < 0)
        return base::errno_error(path_);
    if (static_cast<std::size_t>(written) < octets.size())
        return base::error("{}: written only in part: no space?", path_);
    // O_APPEND has put them behind what others wrote, and us behind them.
    const auto end = ::lseek(file_.get(), 0, SEEK_CUR);
    if (end < 0)
        return base::errno_error(path_);
    begin = static_cast<std::uint64_t>(end) - octets.size();
    return base::ok();
}

}  // namespace journal
