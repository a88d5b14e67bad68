#include "scanners/network/connection.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace scanners::network {
namespace {

using std::chrono::milliseconds;

// A socket in the file system connects at once, or the server's queue is full (EAGAIN), which is a failure as any.
base::Result<base::UniqueFd> connect_path(const std::string& path) {
    base::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket)
        return base::errno_error("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return base::error("connect to {}: the path is too long", path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return base::errno_error("connect to " + path);
    return socket;
}

}  // namespace

Connection::Connection(net::Loop& loop, const config::ScannerServer& server, std::unique_ptr<Conversation> conversation,
                       milliseconds patience, Done done)
    : timer_(loop, [this] { on_timer(); }),
      conversation_(std::move(conversation)),
      done_(std::move(done)),
      deadline_(base::Monotonic::now() + patience) {
    auto socket = server.path.empty() ? net::start_connect(server.endpoint) : connect_path(server.path);
    if (!socket) {
        failure_ = socket.error().message;
        timer_.start(milliseconds(0));  // `done` comes from the loop
        return;
    }
    timer_.start(std::min(patience, kConnectPatience));
    stream_ = std::make_unique<net::Stream>(loop, std::move(*socket), static_cast<net::Stream::Handler&>(*this));
    send_more();
}

void Connection::connected() {
    if (std::exchange(connected_, true))
        return;
    const auto left = std::chrono::duration_cast<milliseconds>(deadline_ - base::Monotonic::now());
    timer_.start(std::max(left, milliseconds(1)));
}

void Connection::send_more() {
    if (stream_->output_size() > 0)
        return;
    if (const auto piece = conversation_->output(); !piece.empty())
        stream_->write(piece);
}

void Connection::on_output_sent() {
    connected();
    send_more();
}

void Connection::on_input() {
    connected();
    const auto input = stream_->input();
    conversation_->input(input);
    stream_->consume(input.size());
    if (!finish_when_answered())
        send_more();
}

void Connection::on_end(const std::string& why) {
    if (!connected_)
        return finish({unknown(policy::Cause::kUnavailable, why), false, true});
    conversation_->end(why);
    if (!finish_when_answered())
        finish(broken(why));
}

void Connection::on_timer() {
    if (!failure_.empty())
        return finish({unknown(policy::Cause::kUnavailable, failure_), false, true});
    finish({unknown(policy::Cause::kTimeout, connected_ ? "no answer in time" : "no connection in time"), false, true});
}

bool Connection::finish_when_answered() {
    if (!conversation_->answer())
        return false;
    auto answer = *conversation_->answer();
    // What it has not got it has not looked at.
    if (answer.result.outcome == policy::Outcome::kClean && stream_->output_size() > 0)
        answer = broken("it called the message clean before it had all of it");
    finish(std::move(answer));
    return true;
}

void Connection::finish(Answer answer) {
    const auto done = std::exchange(done_, nullptr);
    cancel();
    if (done)
        done(std::move(answer));
}

void Connection::cancel() {
    done_ = nullptr;
    timer_.stop();
    if (stream_)
        stream_->close();
}

}  // namespace scanners::network
