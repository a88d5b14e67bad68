#include "journal/key.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>

namespace journal {
namespace {

// Each part with its length in front: no two different lists of parts give the same octets.
void add_part(std::string& parts, std::string_view part) {
    auto length = static_cast<std::uint32_t>(part.size());
    for (int i = 0; i < 4; ++i, length >>= 8)
        parts += static_cast<char>(length & 0xff);
    parts += part;
}

std::string common_parts(const Origin& origin, const Fingerprint& content) {
    std::string parts;
    add_part(parts, origin.reverse_path);
    std::string host = origin.host;  // host names have no case (RFC 5321 section 2.4)
    std::transform(host.begin(), host.end(), host.begin(),
                   [](char octet) { return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet + 32) : octet; });
    add_part(parts, host);
    add_part(parts, origin.queue_id);
    add_part(parts, {reinterpret_cast<const char*>(content.data()), content.size()});
    return parts;
}

}  // namespace

Key sha256(std::string_view octets) {
    // With EVP_sha256() the library would look for who implements it each time, and a context that is made for each
    // text takes as long as a short text does.
    static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    static thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&::EVP_MD_CTX_free)> context(::EVP_MD_CTX_new(),
                                                                                                ::EVP_MD_CTX_free);
    Key digest{};
    unsigned length = 0;
    if (kSha256 == nullptr || context == nullptr || ::EVP_DigestInit_ex(context.get(), kSha256, nullptr) != 1 ||
        ::EVP_DigestUpdate(context.get(), octets.data(), octets.size()) != 1 ||
        ::EVP_DigestFinal_ex(context.get(), digest.data(), &length) != 1 || length != digest.size())
        throw std::runtime_error("no SHA-256");
    return digest;
}

Key recipient_key(const Origin& origin, const Fingerprint& content, std::string_view recipient) {
    auto parts = common_parts(origin, content);
    add_part(parts, recipient);
    return sha256(parts);
}

Key act_key(const Key& mail, std::string_view kind, std::string_view whom) {
    std::string parts;
    add_part(parts, {reinterpret_cast<const char*>(mail.data()), mail.size()});
    add_part(parts, kind);
    add_part(parts, whom);
    return sha256(parts);
}

Key mail_key(const Origin& origin, const Fingerprint& content) {
    return sha256(common_parts(origin, content));
}

}  // namespace journal
