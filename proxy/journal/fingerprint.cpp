#include "journal/fingerprint.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "base/unique_fd.hpp"

namespace journal {
namespace {

constexpr std::size_t kAtOnce = 1U << 30;  // octets; the library counts in int

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

[[noreturn]] void fail() {
    throw std::runtime_error("no fingerprint of a text");
}

}  // namespace

base::Result<Fingerprints> Fingerprints::open(const std::string& directory) {
    const auto path = directory + "/key";
    auto key = read_key(path);
    if (!key && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
        if (auto made = make_key(directory, path); !made)
            return made.error();
        key = read_key(path);
    }
    if (!key)
        return key.error();
    return with_key(*key);
}

base::Result<Fingerprints> Fingerprints::with_key(std::string_view key) {
    // The key is used for nothing else, so one nonce for all texts gives nothing away: no fingerprint is ever seen.
    constexpr std::array<unsigned char, 12> kNonce{};
    if (key.size() != kKeySize)
        return base::error("a key has {} octets", kKeySize);
    Context context(::EVP_CIPHER_CTX_new(), ::EVP_CIPHER_CTX_free);
    if (context == nullptr ||
        ::EVP_EncryptInit_ex(context.get(), ::EVP_aes_128_gcm(), nullptr,
                             reinterpret_cast<const unsigned char*>(key.data()), kNonce.data()) != 1)
        return base::error("the library has no AES-GCM");
    return Fingerprints(std::move(context));
}

Fingerprint Fingerprints::of(std::string_view text) const {
    auto running = begin();
    running.add(text);
    return running.end();
}

RunningFingerprint Fingerprints::begin() const {
    Context context(::EVP_CIPHER_CTX_new(), ::EVP_CIPHER_CTX_free);
    if (context == nullptr || ::EVP_CIPHER_CTX_copy(context.get(), context_.get()) != 1)
        fail();
    return RunningFingerprint(std::move(context));
}

void RunningFingerprint::add(std::string_view piece) {
    int length = 0;
    for (; !piece.empty(); piece.remove_prefix(std::min(piece.size(), kAtOnce)))
        if (::EVP_EncryptUpdate(context_.get(), nullptr, &length, reinterpret_cast<const unsigned char*>(piece.data()),
                                static_cast<int>(std::min(piece.size(), kAtOnce))) != 1)
            fail();
}

Fingerprint RunningFingerprint::end() {
    int length = 0;
    Fingerprint found{};
    if (::EVP_EncryptFinal_ex(context_.get(), nullptr, &length) != 1 ||
        ::EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(found.size()), found.data()) != 1)
        fail();
    return found;
}

}  // namespace journal
