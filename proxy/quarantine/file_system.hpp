// The few file operations that the quarantine is made of, behind an interface, so that a test can fill the disk, cut a
// write short or cut the power between any two of them.
//
// Each call says in its Status what failed and on which file. No call retries an fsync: after a failed one the kernel
// may have dropped the data already.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "mail/message.hpp"

namespace quarantine {

// A file being written.
class File {
  public:
    File() = default;
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    virtual ~File() = default;

    // All of `bytes`, or an Error with any part of them written.
    virtual base::Status append(std::string_view bytes) = 0;
    virtual base::Status sync() = 0;
};

class FileSystem {
  public:
    FileSystem() = default;
    FileSystem(const FileSystem&) = delete;
    FileSystem& operator=(const FileSystem&) = delete;
    virtual ~FileSystem() = default;

    // Makes the directory (0700), parents not. Ok when it is there already, ours, and nobody else may write to it.
    virtual base::Status make_directory(const std::string& path) = 0;

    struct Name {
        std::string name;
        std::uint64_t size = 0;  // octets
    };
    // The regular files of a directory, in no order.
    virtual base::Result<std::vector<Name>> names(const std::string& directory) = 0;

    // An empty file (0600), whatever was there before.
    virtual base::Result<std::unique_ptr<File>> create(const std::string& path) = 0;
    // Error: unreadable, or longer than `limit` octets.
    virtual base::Result<std::string> read(const std::string& path, std::size_t limit) = 0;
    // The file as a Message; it stays readable when its name is removed.
    virtual base::Result<mail::MessagePtr> map(const std::string& path) = 0;
    virtual base::Status rename(const std::string& from, const std::string& to) = 0;
    // Ok when it is not there.
    virtual base::Status remove(const std::string& path) = 0;
    virtual base::Status sync_directory(const std::string& path) = 0;
    // Octets that an ordinary user may still write to the file system of `path`.
    virtual base::Result<std::uint64_t> free_space(const std::string& path) = 0;

    enum class Lock { kShared, kExclusiveIfFree };
    // A lock against other processes, held as long as the descriptor lives. kShared waits; kExclusiveIfFree does not:
    // an Error then says that another process holds it.
    virtual base::Result<base::UniqueFd> lock(const std::string& directory, Lock kind) = 0;
};

// The real one; stateless, thread-safe.
std::shared_ptr<FileSystem> real_file_system();

}  // namespace quarantine
