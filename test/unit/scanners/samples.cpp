#include "samples.hpp"

#include <array>
#include <cstdint>

namespace samples {
namespace {

template <std::size_t Size>
std::string unmasked(const std::array<unsigned char, Size>& bytes) {
    std::string text;
    for (const auto byte : bytes)
        text.push_back(static_cast<char>(byte ^ 0x5a));
    return text;
}

std::string unhex(std::string_view hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    return bytes;
}

std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t crc = ~0U;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0);
    }
    return ~crc;
}

std::string little(std::uint64_t value, int octets) {
    std::string bytes;
    for (int i = 0; i < octets; ++i)
        bytes.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
    return bytes;
}

struct Member {
    std::string name;
    std::string packed;
    std::uint16_t method;
    std::uint32_t crc;
    std::size_t size;
};

std::string zip_of(const std::vector<Member>& members) {
    std::string local;
    std::string central;
    for (const auto& m : members) {
        const auto common = little(20, 2) + little(0, 2) + little(m.method, 2) + little(0x00210000, 4) +
                            little(m.crc, 4) + little(m.packed.size(), 4) + little(m.size, 4) +
                            little(m.name.size(), 2) + little(0, 2);
        central += "PK\x01\x02" + little(20, 2) + common + little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4) +
                   little(local.size(), 4) + m.name;
        local += "PK\x03\x04" + common + m.name + m.packed;
    }
    return local + central + "PK\x05\x06" + little(0, 4) + little(members.size(), 2) + little(members.size(), 2) +
           little(central.size(), 4) + little(local.size(), 4) + little(0, 2);
}

}  // namespace

std::string eicar() {
    return unmasked(std::array<unsigned char, 68>{
        0x02, 0x6f, 0x15, 0x7b, 0x0a, 0x7f, 0x1a, 0x1b, 0x0a, 0x01, 0x6e, 0x06, 0x0a, 0x00, 0x02, 0x6f, 0x6e,
        0x72, 0x0a, 0x04, 0x73, 0x6d, 0x19, 0x19, 0x73, 0x6d, 0x27, 0x7e, 0x1f, 0x13, 0x19, 0x1b, 0x08, 0x77,
        0x09, 0x0e, 0x1b, 0x14, 0x1e, 0x1b, 0x08, 0x1e, 0x77, 0x1b, 0x14, 0x0e, 0x13, 0x0c, 0x13, 0x08, 0x0f,
        0x09, 0x77, 0x0e, 0x1f, 0x09, 0x0e, 0x77, 0x1c, 0x13, 0x16, 0x1f, 0x7b, 0x7e, 0x12, 0x71, 0x12, 0x70});
}

std::string zip(const std::vector<File>& files) {
    std::vector<Member> members;
    for (const auto& file : files)
        members.push_back({file.name, file.bytes, 0, crc32(file.bytes), file.bytes.size()});
    return zip_of(members);
}

std::string deflated_eicar_zip() {
    const auto deflated = unhex(
        "8b30f5570c5075700c88368909888a3035d10888d3347776d634af5571f574760cd20d0e71f473710c72d175f40bf10cf30c0a0d"
        "d60d710d0ed175f3f4715554f1d0f6d00200");
    return zip_of({{"eicar.com", deflated, 8, crc32(eicar()), eicar().size()}});
}

std::string encrypted_zip() {
    return unhex(
        "504b0304140001000000000021009785b8e87a0000006e0000000a0000007365637265742e747874c889c95bb4deac0e5a9d7e89cb52c6"
        "0886586a8545cc4d9f83353ca5a19dd082ba2ed8fa1908fc65e3dfd296f909775b5e99ff306e35ddeee97250ce4ce032841442dd50c6cd"
        "36152815b78d72f90d06b9367c22146daead02eace0460a945500a4e1cf201ab23844cfd63593d7f27a0d8a9fcfe6c27a9468b48504b01"
        "021400140001000000000021009785b8e87a0000006e0000000a00000000000000000000000000000000007365637265742e747874504b"
        "0506000000000100010038000000a20000000000");
}

std::string nested_zip(std::string inner, unsigned depth) {
    for (unsigned level = 0; level < depth; ++level)
        inner = zip({{"level" + std::to_string(level), inner}});
    return inner;
}

std::string base64(std::string_view bytes) {
    static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    std::size_t column = 0;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = (group << 8) | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k)
            text.push_back(i + k > bytes.size() ? '=' : kDigits[(group >> (18 - 6 * k)) & 63]);
        if (column += 4; column >= 76) {
            text += "\r\n";
            column = 0;
        }
    }
    return text;
}

std::string mail(std::string_view text, const std::vector<File>& attachments, std::string_view header) {
    std::string mail = "From: <sender@example.test>\r\nTo: <rcpt@example.test>\r\nSubject: test\r\n";
    mail += header;
    mail += "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n--=_b\r\n";
    mail += "Content-Type: text/plain\r\n\r\n";
    mail += text;
    mail += "\r\n";
    for (const auto& file : attachments) {
        mail += "--=_b\r\nContent-Type: application/octet-stream; name=\"" + file.name +
                "\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"" + file.name +
                "\"\r\n\r\n" + base64(file.bytes) + "\r\n";
    }
    return mail + "--=_b--\r\n";
}

std::string fault(std::string_view what) {
    return mail("a test", {}, "X-Sandwich-Test: " + std::string(what) + "\r\n");
}

}  // namespace samples
