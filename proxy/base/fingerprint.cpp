#include "base/fingerprint.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace base {
namespace {

constexpr std::size_t kAtOnce = 1U << 30;  // octets; the library counts in int

[[noreturn]] void fail() {
    throw std::runtime_error("no fingerprint of a text");
}

}  // namespace

Result<Fingerprints> Fingerprints::with_key(std::string_view key) {
    // The key is used for nothing else, so one nonce for all texts gives nothing away: no fingerprint is ever seen.
    constexpr std::array<unsigned char, 12> kNonce{};
    if (key.size() != kKeySize)
        return error("a key has {} octets", kKeySize);
    Context context(::EVP_CIPHER_CTX_new(), ::EVP_CIPHER_CTX_free);
    if (context == nullptr ||
        ::EVP_EncryptInit_ex(context.get(), ::EVP_aes_128_gcm(), nullptr,
                             reinterpret_cast<const unsigned char*>(key.data()), kNonce.data()) != 1)
        return error("the library has no AES-GCM");
    return Fingerprints(std::move(context));
}

Result<Fingerprints> Fingerprints::with_new_key() {
    std::array<unsigned char, kKeySize> key{};
    if (::RAND_bytes(key.data(), static_cast<int>(key.size())) != 1)
        return error("no random numbers");
    return with_key({reinterpret_cast<const char*>(key.data()), key.size()});
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

}  // namespace base
