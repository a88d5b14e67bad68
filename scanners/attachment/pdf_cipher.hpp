// PDFs that are encrypted and that everybody can read: the standard security handler with an empty user password
// (ISO 32000-2 section 7.6). Programs that only forbid printing or copying write them, every reader opens them, and so
// could a script in one.
//
// RC4 with 40 to 128 bits, AES with 128 and 256. Nothing here guesses a password.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scanners::attachment {

// What a PDF says of its encryption, all of it: which of several "Encrypt" its readers take is for its writer to
// choose.
struct PdfEncryption {
    static constexpr std::size_t kMaxValues = 16;
    static constexpr std::size_t kMaxObjects = 1 << 20;

    std::size_t keys = 0;                                        // "Encrypt" that were met
    std::size_t values = 0;                                      // of them, those whose value is kept below
    std::set<std::uint64_t> references;                          // objects
    std::vector<std::size_t> dictionaries;                       // where they begin
    std::vector<std::pair<std::uint64_t, std::size_t>> objects;  // all in the file, and where what they are begins
    bool whole = true;                                           // no more objects than were kept
};

struct PdfOpened;

class PdfCipher {
  public:
    // Of the last encryption dictionary that the empty password opens.
    static PdfOpened find(std::string_view pdf, const PdfEncryption& said, const std::function<bool()>& in_time);

    bool operator==(const PdfCipher&) const = default;

    // What a stream or a string of an object says. What is damaged is read as far as it goes.
    enum class Use : std::uint8_t { kStream, kString, kFile };
    [[nodiscard]] std::string decrypt(std::string_view octets, std::uint64_t object, std::uint64_t generation,
                                      Use use) const;

    // In the process that forks workers: whatever the library loads at first use.
    static void warm_up();

    enum class Method : std::uint8_t { kNone, kRc4, kAes128, kAes256 };

  private:
    friend class PdfKeys;
    PdfCipher() = default;

    std::string key_;
    std::array<Method, 3> methods_{};  // by Use
};

struct PdfOpened {
    std::optional<PdfCipher> cipher;  // nothing: no dictionary opens
    bool all = false;                 // every one that readers could take does, and with the same key
};

}  // namespace scanners::attachment
