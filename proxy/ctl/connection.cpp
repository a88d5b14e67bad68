#include "ctl/connection.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <memory>
#include <utility>

#include "ctl/protocol.hpp"

namespace ctl {
namespace {

Peer peer_of(int socket) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
        return {static_cast<uid_t>(-1), 0};
    return {credentials.uid, credentials.pid};
}

}  // namespace

Connection::Connection(net::Loop& loop, base::UniqueFd socket, unsigned long serial, Owner& owner)
    : owner_(owner),
      serial_(serial),
      peer_(peer_of(socket.get())),
      patience_(loop, [this] { over("too slow"); }),
      stream_(loop, std::move(socket), *this) {
    patience_.start(kPatience);
}

void Connection::on_input() {
    const auto input = stream_.input();
    if (requested_)
        return over("more than one line");
    const auto end = input.find('\n');
    if (end == std::string_view::npos) {
        if (input.size() >= kMaxRequest)
            over("request too long");
        return;
    }
    if (end >= kMaxRequest)
        return over("request too long");
    if (end + 1 != input.size())
        return over("more than one line");
    requested_ = true;
    const std::string line(input.substr(0, end));
    stream_.consume(input.size());
    // The work has its own limits; the client's begin again with the answer.
    patience_.stop();
    owner_.on_request(*this, line);
}

void Connection::answer(bool ok, Source source) {
    source_ = std::move(source);
    patience_.start(kPatience);
    stream_.write(ok ? "ok\n" : "error\n");
}

void Connection::answer(bool ok, std::string text) {
    answer(ok, [text = std::move(text), sent = std::size_t{0}]() mutable {
        auto piece = text.substr(sent, kMaxPiece);
        sent += piece.size();
        return piece;
    });
}

void Connection::on_output_sent() {
    patience_.start(kPatience);
    if (stream_.output_size() > 0 || !source_)
        return;
    const auto piece = source_();
    stream_.write(fmt::format("{}\n", piece.size()));
    stream_.write(piece);
    if (piece.empty()) {
        source_ = nullptr;
        stream_.shutdown_when_sent();
    }
}

void Connection::on_end(const std::string& why) {
    over(why);
}

void Connection::over(const std::string& why) {
    if (std::exchange(over_, true))
        return;
    patience_.stop();
    stream_.close();
    owner_.on_over(*this, why);
}

}  // namespace ctl
