#include "scanners/attachment/pdf_cipher.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "scanners/attachment/pdf_lexer.hpp"

namespace scanners::attachment {
namespace {

using Method = PdfCipher::Method;

// A file may name several, and only one of them may be the one that its readers take.
constexpr std::size_t kMaxIdentifiers = 4;
constexpr std::size_t kMaxPlaces = 64;
constexpr std::size_t kMaxLength = 1 << 16;  // octets of a dictionary or an identifier, more than any program writes
constexpr std::size_t kMaxTokens = 1000;
constexpr std::size_t kMaxDictionaries = 8;
constexpr std::size_t kBlock = 16;

// ---- what OpenSSL does

std::string digest(const EVP_MD* kind, std::string_view octets) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned length = 0;
    if (::EVP_Digest(octets.data(), octets.size(), out.data(), &length, kind, nullptr) != 1)
        return {};
    return {reinterpret_cast<const char*>(out.data()), length};
}

// CBC without padding; whole blocks only. Empty: it cannot be done.
std::string aes(bool encrypt, std::string_view key, std::string_view start, std::string_view octets) {
    const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> context(::EVP_CIPHER_CTX_new(),
                                                                             ::EVP_CIPHER_CTX_free);
    const auto* const kind = key.size() == 32 ? ::EVP_aes_256_cbc() : ::EVP_aes_128_cbc();
    const auto bytes = [](std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); };
    octets = octets.substr(0, octets.size() / kBlock * kBlock);
    if (!context || (key.size() != 16 && key.size() != 32) || start.size() != kBlock || octets.size() > (1U << 30) ||
        ::EVP_CipherInit_ex(context.get(), kind, nullptr, bytes(key), bytes(start), encrypt ? 1 : 0) != 1)
        return {};
    ::EVP_CIPHER_CTX_set_padding(context.get(), 0);
    std::string out(octets.size() + kBlock, '\0');
    int length = 0;
    if (::EVP_CipherUpdate(context.get(), reinterpret_cast<unsigned char*>(out.data()), &length, bytes(octets),
                           static_cast<int>(octets.size())) != 1)
        return {};
    out.resize(static_cast<std::size_t>(length));
    return out;
}

// By hand: OpenSSL 3 keeps it in a provider that has to be loaded from a file.
std::string rc4(std::string_view key, std::string_view octets) {
    std::array<unsigned char, 256> state{};
    std::iota(state.begin(), state.end(), static_cast<unsigned char>(0));
    const auto octet = [key](std::size_t at) { return static_cast<unsigned char>(key[at % key.size()]); };
    for (std::size_t i = 0, j = 0; i < state.size() && !key.empty(); ++i) {
        j = (j + state[i] + octet(i)) & 0xFF;
        std::swap(state[i], state[j]);
    }
    std::string out(octets);
    std::size_t i = 0;
    std::size_t j = 0;
    for (auto& c : out) {
        i = (i + 1) & 0xFF;
        j = (j + state[i]) & 0xFF;
        std::swap(state[i], state[j]);
        c = static_cast<char>(static_cast<unsigned char>(c) ^ state[(state[i] + state[j]) & 0xFF]);
    }
    return out;
}

std::string little_endian(std::uint64_t number, std::size_t octets) {
    std::string out;
    for (std::size_t i = 0; i < octets; ++i)
        out += static_cast<char>(number >> (8 * i) & 0xFF);
    return out;
}

// ---- the encryption dictionary

// Its values by their way, as "CF/StdCF/CFM". Names, numbers and words as they are written; strings as they are meant.
using Values = std::map<std::string, std::string>;

// Behind "<<". False: it has no end, more than any program writes, or two values for a key, of which readers take
// either.
bool read_dictionary(PdfLexer& lexer, const std::string& way, std::size_t depth, std::size_t& tokens, Values& values) {
    std::string key;
    while (tokens-- > 1) {
        auto token = lexer.next();
        if (token.kind == PdfToken::Kind::kEnd)
            return false;
        if (token.kind == PdfToken::Kind::kDictEnd)
            return true;
        if (token.kind == PdfToken::Kind::kDictBegin) {
            if (depth == kMaxDictionaries || !read_dictionary(lexer, way + key + "/", depth + 1, tokens, values))
                return false;
            key.clear();
        } else if (key.empty() && token.kind == PdfToken::Kind::kName) {
            key = std::move(token.text);
        } else if (!key.empty()) {
            const auto [kept, is_new] = values.try_emplace(way + key, token.text);
            if (!is_new && kept->second != token.text)
                return false;
            key.clear();
        }
    }
    return false;
}

// Nothing: a dictionary that cannot be read. Empty: no dictionary.
std::optional<Values> read_values(std::string_view octets) {
    PdfLexer lexer(octets.substr(0, kMaxLength));
    Values values;
    std::size_t tokens = kMaxTokens;
    if (lexer.next().kind == PdfToken::Kind::kDictBegin && !read_dictionary(lexer, {}, 0, tokens, values))
        return std::nullopt;
    return values;
}

// What stands behind the last places of a word: what is appended to a PDF counts.
std::vector<std::string_view> behind(std::string_view octets, std::string_view word) {
    std::vector<std::string_view> places;
    for (auto at = octets.find(word); at != std::string_view::npos; at = octets.find(word, at + word.size())) {
        if (places.size() == kMaxIdentifiers)
            places.erase(places.begin());
        places.push_back(octets.substr(at + word.size(), kMaxLength));
    }
    std::reverse(places.begin(), places.end());
    return places;
}

// Where a dictionary may be that "Encrypt" means, and of which object it is.
struct StringPlace {
    std::size_t at = 0;
    std::optional<std::uint64_t> object;
};

// The last first.
std::vector<StringPlace> places_of(const PdfEncryption& said) {
    std::vector<StringPlace> places;
    for (const auto at : said.dictionaries)
        places.push_back({at, std::nullopt});
    for (const auto& [object, at] : said.objects)
        if (said.references.contains(object))
            places.push_back({at, object});
    std::sort(places.begin(), places.end(), [](const StringPlace& a, const StringPlace& b) { return a.at > b.at; });
    return places;
}

std::vector<std::string> first_identifiers(std::string_view pdf) {
    std::vector<std::string> all;
    for (const auto text : behind(pdf, "/ID")) {
        PdfLexer lexer(text);
        if (lexer.next().kind != PdfToken::Kind::kArrayBegin)
            continue;
        if (auto token = lexer.next(); token.kind == PdfToken::Kind::kString)
            all.push_back(std::move(token.text));
    }
    all.emplace_back();  // it may have none
    return all;
}

constexpr std::string_view kPadding(
    "\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE"
    "\x64\x53\x69\x7A",
    32);

}  // namespace

// The key of a file for the empty password, out of its dictionary.
class PdfKeys {
  public:
    PdfKeys(const Values& values, std::string_view identifier) : values_(values), identifier_(identifier) {}

    [[nodiscard]] std::optional<PdfCipher> cipher() const {
        if (text("Filter") != "Standard")
            return std::nullopt;
        PdfCipher cipher;
        const auto version = number("V");
        const auto revision = number("R");
        if (version == 5 && (revision == 5 || revision == 6))
            cipher.key_ = key_of_256(revision == 6);
        else if ((version == 1 || version == 2 || version == 4) && revision >= 2 && revision <= 4)
            cipher.key_ = key_of_128(version == 1 ? 5 : length(), revision);
        if (cipher.key_.empty())
            return std::nullopt;
        const auto old = version < 4 ? std::optional(Method::kRc4) : std::nullopt;
        const auto streams = old ? *old : method("StmF");
        cipher.methods_ = {streams, old ? *old : method("StrF"),
                           old || !values_.contains("EFF") ? streams : method("EFF")};
        return cipher;
    }

  private:
    [[nodiscard]] std::string_view text(const std::string& way) const {
        const auto found = values_.find(way);
        return found == values_.end() ? std::string_view() : std::string_view(found->second);
    }

    [[nodiscard]] std::int64_t number(const std::string& way) const {
        std::int64_t value = 0;
        const auto written = text(way);
        std::from_chars(written.data(), written.data() + written.size(), value);
        return value;
    }

    // Octets of the key; programs disagree whether the standard means bits or octets in version 4.
    [[nodiscard]] std::size_t length() const {
        if (number("V") == 4)
            return 16;
        const auto bits = number("Length") == 0 ? 40 : number("Length");
        return static_cast<std::size_t>(std::clamp<std::int64_t>(bits / 8, 5, 16));
    }

    [[nodiscard]] Method method(const std::string& use) const {
        const auto name = text("CF/" + std::string(text(use)) + "/CFM");
        if (name == "V2")
            return Method::kRc4;
        return name == "AESV2" ? Method::kAes128 : name == "AESV3" ? Method::kAes256 : Method::kNone;
    }

    // Algorithms 2, 4 and 5.
    [[nodiscard]] std::string key_of_128(std::size_t octets, std::int64_t revision) const {
        const auto owner = text("O").substr(0, 32);
        auto seed = std::string(kPadding) + std::string(owner) +
                    little_endian(static_cast<std::uint64_t>(number("P")) & 0xFFFFFFFF, 4) + std::string(identifier_);
        if (revision >= 4 && text("EncryptMetadata") == "false")
            seed += "\xFF\xFF\xFF\xFF";
        auto key = digest(::EVP_md5(), seed).substr(0, octets);
        for (int i = 0; i < 50 && revision >= 3; ++i)
            key = digest(::EVP_md5(), key).substr(0, octets);
        const auto check = revision == 2 ? rc4(key, kPadding) : user_check(key);
        return !key.empty() && check.size() >= 16 && text("U").starts_with(check) ? key : std::string();
    }

    [[nodiscard]] std::string user_check(std::string_view key) const {
        auto check = digest(::EVP_md5(), std::string(kPadding) + std::string(identifier_));
        for (int i = 0; i < 20; ++i) {
            std::string other(key);
            for (auto& octet : other)
                octet = static_cast<char>(octet ^ i);
            check = rc4(other, check);
        }
        return check;
    }

    // Algorithm 2.A: 32 octets to check, 8 that salt the check, 8 that salt the key's key.
    [[nodiscard]] std::string key_of_256(bool hardened) const {
        const auto user = text("U");
        if (user.size() < 48 || text("UE").size() < 32)
            return {};
        const auto hash = [hardened](std::string_view salt) {
            return hardened ? hardened_hash(salt) : digest(::EVP_sha256(), salt);
        };
        if (hash(user.substr(32, 8)) != user.substr(0, 32))
            return {};
        return aes(false, hash(user.substr(40, 8)), std::string(kBlock, '\0'), text("UE").substr(0, 32));
    }

    // Algorithm 2.B with an empty password: some 64 to 320 rounds.
    static std::string hardened_hash(std::string_view salt) {
        auto key = digest(::EVP_sha256(), salt);
        for (unsigned round = 1; key.size() >= 32; ++round) {
            std::string repeated;
            for (int i = 0; i < 64; ++i)
                repeated += key;
            const auto out = aes(true, key.substr(0, 16), key.substr(16, 16), repeated);
            if (out.empty())
                return {};
            const auto rest =
                std::accumulate(out.begin(), out.begin() + kBlock, 0U,
                                [](unsigned sum, char octet) { return sum + static_cast<unsigned char>(octet); }) %
                3;
            key = digest(rest == 0 ? ::EVP_sha256() : rest == 1 ? ::EVP_sha384() : ::EVP_sha512(), out);
            if (round >= 64 && static_cast<unsigned char>(out.back()) + 32U <= round)
                break;
        }
        return key.substr(0, 32);
    }

    const Values& values_;
    std::string_view identifier_;
};

PdfOpened PdfCipher::find(std::string_view pdf, const PdfEncryption& said, const std::function<bool()>& in_time) {
    auto places = places_of(said);
    PdfOpened found{{}, said.whole && said.keys == said.values && places.size() <= kMaxPlaces};
    places.resize(std::min(places.size(), kMaxPlaces));
    const auto identifiers = first_identifiers(pdf);
    auto missing = said.references;
    for (const auto& place : places) {
        if (!in_time())
            return {};
        const auto values = read_values(pdf.substr(std::min(place.at, pdf.size())));
        if (place.object && values && !values->contains("Filter"))
            continue;  // it encrypts nothing
        std::optional<PdfCipher> cipher;
        for (auto identifier = identifiers.begin(); values && !cipher && identifier != identifiers.end(); ++identifier)
            cipher = PdfKeys(*values, *identifier).cipher();
        found.all = found.all && cipher && (!found.cipher || *found.cipher == *cipher);
        if (cipher && place.object)
            missing.erase(*place.object);
        if (!found.cipher)
            found.cipher = std::move(cipher);
    }
    found.all = found.all && missing.empty();
    return found;
}

std::string PdfCipher::decrypt(std::string_view octets, std::uint64_t object, std::uint64_t generation, Use use) const {
    const auto method = methods_[static_cast<std::size_t>(use)];
    if (method == Method::kNone)
        return std::string(octets);
    auto key = key_;
    if (method != Method::kAes256) {
        key += little_endian(object, 3) + little_endian(generation, 2) + (method == Method::kAes128 ? "sAlT" : "");
        key = digest(::EVP_md5(), key).substr(0, std::min<std::size_t>(key_.size() + 5, 16));
    }
    if (method == Method::kRc4)
        return rc4(key, octets);
    auto plain =
        octets.size() < kBlock ? std::string() : aes(false, key, octets.substr(0, kBlock), octets.substr(kBlock));
    const std::size_t padding = plain.empty() ? 0 : static_cast<unsigned char>(plain.back());
    if (padding >= 1 && padding <= kBlock)
        plain.resize(plain.size() - padding);
    return plain;
}

void PdfCipher::warm_up() {
    for (const auto* const kind : {::EVP_md5(), ::EVP_sha256(), ::EVP_sha384(), ::EVP_sha512()})
        digest(kind, {});
    for (const std::size_t octets : {16U, 32U})
        aes(false, std::string(octets, '\0'), std::string(kBlock, '\0'), std::string(kBlock, '\0'));
}

}  // namespace scanners::attachment
