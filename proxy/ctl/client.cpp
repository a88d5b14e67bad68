#include "ctl/client.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

#include "base/unique_fd.hpp"
#include "ctl/protocol.hpp"

namespace ctl {
namespace {

constexpr std::size_t kColumns = 7;
// A release waits for the delivery server's final reply, which may take its time.
constexpr timeval kPatience{600, 0};

base::Result<base::UniqueFd> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return base::error("{}: the path of the control socket is too long", path);
    std::memcpy(address.sun_path, path.data(), path.size());
    base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd)
        return base::errno_error("socket");
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return fd;
    if (errno == ECONNREFUSED || errno == ENOENT)
        return base::error("nobody answers at {}; does sandwichd run?", path);
    if (errno == EACCES)
        return base::error("{}: permission denied; only root and the group of the control socket may ask", path);
    return base::errno_error(path);
}

base::Status send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        // Refused before it was read: the answer, if there is one, says why.
        if (sent < 0 && errno == EPIPE)
            return base::ok();
        if (sent < 0)
            return base::errno_error("control socket");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return base::ok();
}

// Reads lines and counted pieces from a socket.
class Reader {
  public:
    explicit Reader(int fd) : fd_(fd) {}

    base::Result<std::string> line() {
        for (;;) {
            if (const auto end = buffer_.find('\n'); end != std::string::npos)
                return take(end + 1).substr(0, end);
            if (buffer_.size() > kMaxRequest)
                return base::error("the answer is malformed");
            if (auto filled = fill(); !filled)
                return filled.error();
        }
    }

    base::Result<std::string> octets(std::size_t count) {
        while (buffer_.size() < count)
            if (auto filled = fill(); !filled)
                return filled.error();
        return take(count);
    }

  private:
    std::string take(std::size_t count) {
        auto taken = buffer_.substr(0, count);
        buffer_.erase(0, count);
        return taken;
    }

    base::Status fill() {
        std::array<char, 16384> chunk{};
        ssize_t got = 0;
        do {
            got = ::recv(fd_, chunk.data(), chunk.size(), 0);
        } while (got < 0 && errno == EINTR);
        if (got < 0 && errno == EAGAIN)
            return base::error("sandwichd does not answer");
        if (got <= 0)
            return base::error("sandwichd broke the answer off");
        buffer_.append(chunk.data(), static_cast<std::size_t>(got));
        return base::ok();
    }

    int fd_;
    std::string buffer_;
};

// The octet count before a piece.
base::Result<std::size_t> piece_size(const std::string& line) {
    std::size_t size = 0;
    const auto [end, code] = std::from_chars(line.data(), line.data() + line.size(), size);
    if (code != std::errc() || end != line.data() + line.size() || size > kMaxPiece)
        return base::error("the answer is malformed");
    return size;
}

// Octets of the UTF-8 character at the beginning of `text` that may be shown, 0 when it may not.
std::size_t showable(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = at(0);
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    const std::size_t length = first >= 0xf0 && first <= 0xf4   ? 4
                               : first >= 0xe0 && first <= 0xef ? 3
                               : first >= 0xc2 && first <= 0xdf ? 2
                                                                : 0;
    if (length == 0 || text.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((at(i) & 0xc0) != 0x80)
            return 0;
    const bool overlong = (first == 0xe0 && at(1) < 0xa0) || (first == 0xf0 && at(1) < 0x90);
    const bool outside = (first == 0xed && at(1) > 0x9f) || (first == 0xf4 && at(1) > 0x8f);
    const bool c1_control = first == 0xc2 && at(1) < 0xa0;
    // U+200E, U+200F, U+202A..U+202E, U+2066..U+2069: they turn the order of what stands beside them.
    const bool direction =
        first == 0xe2 && ((at(1) == 0x80 && ((at(2) >= 0xaa && at(2) <= 0xae) || at(2) == 0x8e || at(2) == 0x8f)) ||
                          (at(1) == 0x81 && at(2) >= 0xa6 && at(2) <= 0xa9));
    return overlong || outside || c1_control || direction ? 0 : length;
}

std::vector<std::string> split(std::string_view line) {
    std::vector<std::string> cells;
    for (;;) {
        const auto end = std::min(line.find('\t'), line.size());
        cells.emplace_back(printable(line.substr(0, end)));
        if (end == line.size())
            return cells;
        line.remove_prefix(end + 1);
    }
}

// Characters, not octets; good enough for alignment.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

base::Result<Answer> ask(const std::string& socket_path, std::string_view request,
                         const std::function<base::Status(std::string_view)>& sink) {
    const auto fd = connect_to(socket_path);
    if (!fd)
        return fd.error();
    if (auto sent = send_all(fd->get(), fmt::format("{}\n", request)); !sent)
        return sent.error();
    Reader reader(fd->get());
    const auto first = reader.line();
    if (!first)
        return first.error();
    Answer answer{*first == "ok", {}};
    if (!answer.ok && *first != "error")
        return base::error("the answer is malformed");
    for (;;) {
        const auto line = reader.line();
        if (!line)
            return line.error();
        const auto size = piece_size(*line);
        if (!size)
            return size.error();
        if (*size == 0)
            return answer;
        auto piece = reader.octets(*size);
        if (!piece)
            return piece.error();
        if (!answer.ok || !sink)
            answer.text += *piece;
        else if (auto taken = sink(*piece); !taken)
            return taken.error();
    }
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        auto length = text.front() == '\n' ? 1 : showable(text);
        if (length > 0) {
            out += text.substr(0, length);
        } else {
            length = 1;
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
        }
        text.remove_prefix(length);
    }
    return out;
}

std::string table(std::string_view lines) {
    std::vector<std::vector<std::string>> rows{{"ID", "STATE", "TIME", "SIZE", "FROM", "TO", "VERDICT"}};
    while (!lines.empty()) {
        const auto end = std::min(lines.find('\n'), lines.size());
        rows.push_back(split(lines.substr(0, end)));
        rows.back().resize(kColumns);
        lines.remove_prefix(std::min(end + 1, lines.size()));
    }
    std::array<std::size_t, kColumns> widths{};
    for (const auto& row : rows)
        for (std::size_t i = 0; i < kColumns; ++i)
            widths.at(i) = std::max(widths.at(i), width(row.at(i)));
    std::string text;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < kColumns; ++i) {
            const bool last = i + 1 == kColumns;
            const std::string padding(last ? 0 : widths.at(i) - width(row.at(i)), ' ');
            // Numbers stand to the right.
            text += i == 3 ? padding + row.at(i) : row.at(i) + padding;
            text += last ? "\n" : "  ";
        }
    }
    return text;
}

}  // namespace ctl
