#include "scanners/clamav/spared_lines.hpp"

#include <clamav.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>

#include "mail/text.hpp"
#include "scanners/clamav/in_library.hpp"
#include "scanners/clamav/layout.hpp"

namespace scanners::clamav {
namespace {

using Need = decltype(layout::Map::need);

// libclamav reads a line by asking for so many octets, of which it takes those up to the line's end.
constexpr std::size_t kAsked = 1001;
constexpr std::size_t kLongestLine = 996;  // it cuts those that are longer than 998
constexpr std::size_t kShortestLine = 40;
constexpr std::size_t kLettersBefore = 1024;  // that are read as they are, by which the file is known again

constexpr std::string_view kStands = "Sandwich/other/lines/";  // letters of base64

SparedLines* current = nullptr;
Need library_need = nullptr;  // of maps of memory

// Without memory of the heap: libclamav is on the stack, through which nothing may be thrown.
bool begins_with(int file, std::string_view octets) {
    std::array<char, 2 * kLettersBefore> there;
    std::size_t done = 0;
    while (done < octets.size()) {
        const auto got =
            ::pread(file, there.data(), std::min(octets.size() - done, there.size()), static_cast<off_t>(done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || octets.substr(done, static_cast<std::size_t>(got)) !=
                            std::string_view(there.data(), static_cast<std::size_t>(got)))
            return false;
        done += static_cast<std::size_t>(got);
    }
    return true;
}

bool write_all(int file, std::string_view octets) {
    while (!octets.empty()) {
        const auto wrote = ::write(file, octets.data(), octets.size());
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        octets.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
}

// Lines of one length with CRLF, and what stands behind them.
struct Lines {
    std::size_t length = 0;
    std::size_t count = 0;
    std::string_view rest;
};

Lines equal_lines(std::string_view body) {
    Lines lines;
    lines.length = std::min(body.find('\r'), body.size());
    const auto stride = lines.length + 2;
    while ((lines.count + 1) * stride <= body.size() && body[lines.count * stride + lines.length] == '\r' &&
           body[lines.count * stride + lines.length + 1] == '\n')
        ++lines.count;
    lines.rest = body.substr(lines.count * stride);
    return lines;
}

std::size_t count_letters(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return c != '=' && c != '\r' && c != '\n'; }));
}

constexpr std::size_t octets_of(std::size_t letters) {
    return letters * 3 / 4;
}

// A file in uuencode begins in one of its lines, as far as libclamav may see it.
bool has_uuencode(std::string_view text) {
    constexpr std::string_view kBegin = "begin";
    const auto same = [](char a, char b) { return mail::lower(a) == b; };
    for (auto at = text.begin();; ++at) {
        at = std::search(at, text.end(), kBegin.begin(), kBegin.end(), same);
        if (at == text.end())
            return false;
        if (at == text.begin() || at[-1] == '\r' || at[-1] == '\n' || at[-1] == '\0')
            return true;
    }
}

// Its lines are read one after the other, up to the end of the last one: no mailbox, no file in uuencode.
bool is_read_by_lines(std::string_view mail) {
    return mail.ends_with("\r\n") && !mail.starts_with("From ") && !mail.starts_with("P I ") && !has_uuencode(mail);
}

}  // namespace

SparedLines::SparedLines(std::string_view mail, std::span<const EncodedFile> files) {
    if (files.empty() || current != nullptr || !std::string_view(cl_retver()).starts_with(layout::kVersion))
        return;
    std::size_t from = 0;
    for (const auto& file : files)
        from = plan(file, mail, from);
    if (parts_.empty())
        return;
    shown_ += mail.substr(from);
    if (shown_.size() > kMostShown || !is_read_by_lines(shown_)) {
        parts_.clear();
        return;
    }
    shown_.append(kAsked, '\0');
    current = this;
}

SparedLines::~SparedLines() {
    if (current == this)
        current = nullptr;
}

// Appends what is shown of the mail from `from` on; returns up to where.
std::size_t SparedLines::plan(const EncodedFile& file, std::string_view mail, std::size_t from) {
    const auto lines = equal_lines(file.body);
    const auto letters = lines.count * lines.length;
    const auto before = kLettersBefore / std::max(lines.length, kShortestLine) + 1;
    if (lines.length % 4 != 0 || lines.length < kShortestLine || lines.length > kLongestLine ||
        lines.count < before + 2)
        return from;
    // Were one of the letters none, the file would have fewer octets; but one letter alone says nothing.
    const auto all = letters + count_letters(lines.rest);
    if (all % 4 == 1 || file.octets.size() != octets_of(all))
        return from;
    const auto spared = lines.count - before - 1;
    const auto begin = static_cast<std::size_t>(file.body.data() - mail.data()) + before * (lines.length + 2);
    const auto size = spared * (lines.length + 2);
    if (size < kLeast || begin < from || begin - from + shown_.size() > kMostShown)
        return from;
    Part part;
    part.line = fmt::format("{}{:07}", kStands, parts_.size());
    part.before = file.octets.substr(0, octets_of(before * lines.length));
    part.octets = file.octets.substr(part.before.size(), octets_of(spared * lines.length));
    part.size = file.octets.size();
    shown_ += mail.substr(from, begin - from);
    shown_.append(part.line).append("\r\n");
    parts_.push_back(std::move(part));
    return begin + size;
}

bool SparedLines::all_scanned() const {
    return !spoiled_ && std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.scanned; });
}

void SparedLines::made(int file) {
    if (current == nullptr)
        return;
    current->made_ = file;
    for (auto& part : current->parts_)
        if (part.file == file)  // which has been closed since
            part.file = -1;
}

bool SparedLines::decode(std::string_view line) {
    if (current == nullptr || !line.starts_with(kStands))
        return false;
    for (auto& part : current->parts_) {
        if (part.line != line)
            continue;
        // Else something is missing where it stands.
        if (!current->write(part))
            current->spoiled_ = true;
        part.file = current->made_;
        return true;
    }
    return false;
}

// What libclamav has of the file so far may be in a buffer of its stream.
bool SparedLines::write(const Part& part) const {
    struct stat status {};
    if (made_ < 0 || std::fflush(nullptr) != 0 || ::fstat(made_, &status) != 0 || !S_ISREG(status.st_mode) ||
        static_cast<std::uint64_t>(status.st_size) != part.before.size())
        return false;
    return begins_with(made_, part.before) && write_all(made_, part.octets);
}

void SparedLines::opened(int file, std::size_t size) {
    if (current == nullptr)
        return;
    for (auto& part : current->parts_)
        if (part.file == file && part.size == size)
            part.scanned = true;
}

struct SparedLines::Hooks {
    static const unsigned char* need(layout::Map* map, std::size_t at, std::size_t length, int lock) {
        if (current != nullptr && reinterpret_cast<cl_fmap_t*>(map) == current->map_ &&
            current->stage_ == Stage::kReading) {
            if (const auto* const shown = current->read(at, length, map->length); shown != nullptr)
                return shown;
            if (current->stage_ == Stage::kReading)
                return nullptr;
        }
        return library_need(map, at, length, lock);
    }
};

void SparedLines::begin_to_read() {
    if (current != nullptr && current->map_ != nullptr && current->stage_ == Stage::kBegun)
        current->stage_ = Stage::kReading;
}

void SparedLines::show(cl_fmap* map) {
    auto* const known = reinterpret_cast<layout::Map*>(map);
    if (!layout::is_as_expected(*known))
        return;
    map_ = map;
    library_need = known->need;
    known->need = Hooks::need;
}

// Line by line, or the first octet of the next one. Whoever asks for anything else is no reader of lines.
const unsigned char* SparedLines::read(std::size_t at, std::size_t length, std::size_t size) {
    const bool line =
        at >= last_ && at - last_ <= kAsked && at <= size && (length == 1 || length == std::min(size - at, kAsked));
    if (!line) {
        stage_ = Stage::kRead;
        return nullptr;
    }
    last_ = at;
    const auto end = shown_.size() - kAsked;
    return at < end ? reinterpret_cast<const unsigned char*>(shown_.data()) + at : nullptr;
}

void link_spared_lines() {}

}  // namespace scanners::clamav

using namespace scanners::clamav;

using MakeMessage = void*();
using MakeFile = int(const char* directory, char** name, int* file);

extern "C" {

#pragma GCC visibility push(default)
MakeMessage messageCreate;
MakeFile cli_gentempfd;
#pragma GCC visibility pop

// The first one of a mail is made before its lines are read.
void* messageCreate() {
    static auto* const library = in_library<MakeMessage>("messageCreate");
    SparedLines::begin_to_read();
    return library();
}

int cli_gentempfd(const char* directory, char** name, int* file) {
    static auto* const library = in_library<MakeFile>("cli_gentempfd");
    const int code = library(directory, name, file);
    SparedLines::made(code == CL_SUCCESS ? *file : -1);
    return code;
}
}
