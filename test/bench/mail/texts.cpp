#include "texts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace bench {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const std::vector<std::string>& paths) {
    std::vector<fs::path> files;
    for (const fs::path path : paths) {
        if (!fs::is_directory(path)) {
            files.push_back(path);
            continue;
        }
        const auto begin = static_cast<std::ptrdiff_t>(files.size());
        for (const auto& entry : fs::directory_iterator(path))
            if (entry.is_regular_file())
                files.push_back(entry.path());
        std::sort(files.begin() + begin, files.end());
    }
    return files;
}

std::string canonical(std::string_view raw) {
    if (raw.starts_with("From "))
        raw.remove_prefix(std::min(raw.size(), raw.find('\n') + 1));
    std::string text;
    text.reserve(raw.size() + raw.size() / 32);
    for (const char octet : raw) {
        if (octet == '\r')
            continue;  // a bare one would be changed on the way
        if (octet == '\n')
            text += '\r';
        text += octet;
    }
    if (!text.ends_with("\r\n"))
        text += "\r\n";
    return text;
}

Text with_placeholders(std::string octets) {
    Text text{std::move(octets), {}};
    for (auto at = text.octets.find(kPlaceholder); at != std::string::npos; at = text.octets.find(kPlaceholder, at + 1))
        text.placeholders.push_back(at);
    return text;
}

// Another one in each run: the journal of a daemon may live longer than a sender.
std::uint64_t run_number() {
    static const auto number =
        static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()) * 0x9e3779b97f4a7c15U;
    return number;
}

}  // namespace

std::vector<Text> read_texts(const std::vector<std::string>& paths) {
    std::vector<Text> texts;
    for (const auto& path : files_of(paths)) {
        std::ifstream file(path, std::ios::binary);
        if (!file)
            throw std::runtime_error("cannot read " + path.string());
        const std::string raw{std::istreambuf_iterator<char>(file), {}};
        texts.push_back(with_placeholders(canonical(raw)));
    }
    if (texts.empty())
        throw std::runtime_error("there are no messages");
    return texts;
}

Text on_the_wire(const Text& text) {
    std::string stuffed;
    stuffed.reserve(text.octets.size() + 64);
    bool line_begins = true;
    for (const char octet : text.octets) {
        if (line_begins && octet == '.')
            stuffed += '.';
        stuffed += octet;
        line_begins = octet == '\n';
    }
    return with_placeholders(std::move(stuffed));
}

std::string received_field(std::uint64_t number) {
    return fmt::format(
        "Received: from client.from.test (client.from.test [192.0.2.7])\r\n\tby {} (8.17.1/8.17.1) with ESMTP id "
        "{:016x};\r\n"
        "\tSat, 28 Nov 2026 10:00:00 GMT\r\n",
        kHost, run_number() + number);
}

void make_unique(std::string& octets, const Text& text, std::size_t offset, std::uint64_t number) {
    const auto digits = fmt::format("{:016x}", run_number() ^ ((number + 1) * 0xff51afd7ed558ccdU));
    for (const auto at : text.placeholders)
        octets.replace(offset + at, digits.size(), digits);
}

}  // namespace bench
