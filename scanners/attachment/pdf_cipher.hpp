// PDFs that are encrypted and that everybody can read: the standard security handler with an empty user password
// (ISO 32000-2 section 7.6). Programs that only forbid printing or copying write them, every reader opens them, and so
// could a script in one.
//
// RC4 with 40 to 128 bits, AES with 128 and 256. Nothing here guesses a password.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace scanners::attachment {

class PdfCipher {
  public:
    // Of the first encryption dictionary in a PDF that the empty password opens. Nothing: there is none.
    static std::optional<PdfCipher> find(std::string_view pdf);

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

}  // namespace scanners::attachment
