#include "journal/fingerprint.hpp"

#include <fcntl.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/unique_fd.hpp"

namespace journal {
namespace {

using Bytes = std::array<unsigned char, Fingerprints::kKeySize>;

base::Result<std::string> read_key(const std::string& path) {
    const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file)
        return base::errno_error(path);
    std::string key(Fingerprints::kKeySize + 1, '\0');
    const auto got = ::read(file.get(), key.data(), key.size());
    if (got < 0)
        return base::errno_error(path);
    if (static_cast<std::size_t>(got) != Fingerprints::kKeySize)
        return base::error("{}: not a key of {} octets; remove it, and a new one is made", path,
                           Fingerprints::kKeySize);
    key.pop_back();
    return key;
}

// Whole or not at all, and never in another's place: who comes second uses the first one's.
base::Status make_key(const std::string& directory, const std::string& path) {
    Bytes key{};
    if (::RAND_bytes(key.data(), static_cast<int>(key.size())) != 1)
        return base::error("no random numbers");
    auto name = directory + "/key.XXXXXX";
    const base::UniqueFd file(::mkostemp(name.data(), O_CLOEXEC));
    if (!file)
        return base::errno_error(name);
    base::Status made = base::ok();
    if (::write(file.get(), key.data(), key.size()) != static_cast<ssize_t>(key.size()) ||
        (::link(name.c_str(), path.c_str()) != 0 && errno != EEXIST))
        made = base::errno_error(path);
    ::unlink(name.c_str());
    return made;
}

}  // namespace

base::Result<Fingerprints> open_fingerprints(const std::string& directory) {
    const auto path = directory + "/key";
    auto key = read_key(path);
    if (!key && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
        if (auto made = make_key(directory, path); !made)
            return made.error();
        key = read_key(path);
    }
    if (!key)
        return key.error();
    return Fingerprints::with_key(*key);
}

}  // namespace journal
