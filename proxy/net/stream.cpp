#include "net/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <system_error>
#include <utility>

namespace net {
namespace {

std::string reason(int code) {
    return std::generic_category().message(code);
}

void no_delay(int socket) {
    // Without it every reply that follows another small write waits for the peer's delayed ACK (40 ms a message).
    const int one = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// What a socket gives is received here, one for each thread. Its stream borrows it, so that what is used up at once is
// not copied.
struct Received {
    std::array<char, Stream::kReadChunk> octets;
    Stream* by = nullptr;
};
thread_local Received received;

constexpr std::size_t kTlsAhead = 256 * 1024;  // octets that may wait for the socket before more is put into TLS
constexpr std::size_t kFromFile = 16 * 1024;   // octets; fewer are copied sooner
constexpr std::size_t kPage = 4096;

using Parts = std::vector<std::string_view>;

bool is_from_file(std::string_view part, const Stored& stored) {
    const std::less_equal<> ordered;
    return stored.file >= 0 && part.size() >= kFromFile && ordered(stored.text.data(), part.data()) &&
           ordered(part.data() + part.size(), stored.text.data() + stored.text.size());
}

// Of the first parts, up to one that comes from the file.
std::size_t count_copied(const Parts& parts, const Stored& stored) {
    std::size_t count = 0;
    while (count < std::min(parts.size(), Stream::kMostParts) && !is_from_file(parts[count], stored))
        ++count;
    return count;
}

std::size_t total_of(const Parts& parts, std::size_t count) {
    std::size_t total = 0;
    for (std::size_t i = 0; i < count; ++i)
        total += parts[i].size();
    return total;
}

// Of the first part: what is left of its last page goes with the parts behind it, in one segment.
std::size_t from_file_at_once(const Parts& parts) {
    const auto size = parts.front().size();
    return parts.size() == 1 ? size : size - size % kPage;
}

void take_out(Parts& parts, std::size_t octets) {
    auto first = parts.begin();
    for (; first != parts.end() && octets >= first->size(); ++first)
        octets -= first->size();
    if (first != parts.end())
        first->remove_prefix(octets);
    parts.erase(parts.begin(), first);
}

}  // namespace

Stream::Stream(Loop& loop, base::UniqueFd socket, Handler& handler, Sending::Way way)
    : handler_(handler),
      socket_(std::move(socket)),
      readable_(loop, socket_.get(), Watch::Direction::kRead, [this] { read_ready(); }),
      writable_(loop, socket_.get(), Watch::Direction::kWrite, [this] { write_ready(); }),
      gathered_(loop, way, [this] { flush(); }),
      all_sent_(loop, [this] { write_ready(); }) {
    readable_.enable();
}

Stream::~Stream() {
    send_gathered();
    if (received.by == this)
        received.by = nullptr;
}

void Stream::consume(std::size_t octets) {
    if (!borrowed_.empty()) {
        borrowed_.remove_prefix(octets);
        if (borrowed_.empty())
            lender_.reset();
    } else {
        consumed_ += octets;
    }
    if (consumed_ == input_.size()) {
        input_.clear();
        // An idle session keeps no large buffer.
        if (input_.capacity() > kReadChunk / 4)
            input_.shrink_to_fit();
        consumed_ = 0;
    }
    if (socket_ && !ended_ && input().size() < kInputLimit)
        readable_.enable();
}

ssize_t Stream::receive() {
    auto room = !tls_ && input().empty() ? handler_.room() : base::Room{};
    if (room.size == 0) {
        if (received.by != nullptr)
            received.by->keep_input();
        room = {received.octets.data(), received.octets.size()};
    }
    const ssize_t got = ::recv(socket_.get(), room.begin, room.size, 0);
    if (got > 0) {
        lender_ = std::move(room.keeper);
        take({room.begin, static_cast<std::size_t>(got)});
    }
    return got;
}

// One chunk holds no more text than octets, so that the limit is kept with TLS as it is without.
void Stream::take(std::string_view network) {
    if (tls_) {
        tidy();
        tls_->feed(network, input_);
        send(tls_->take_output());
    } else if (input().empty()) {
        borrowed_ = network;
        if (!lender_)
            received.by = this;
    } else {
        tidy();
        input_.append(network);
    }
    if (!lender_ && input().size() >= kInputLimit)
        readable_.disable();
}

void Stream::keep_input() {
    if (received.by == this)
        received.by = nullptr;
    input_.append(borrowed_);
    borrowed_ = {};
    lender_.reset();
}

// What was consumed makes room.
void Stream::tidy() {
    if (consumed_ > 0)
        input_.erase(0, consumed_);
    consumed_ = 0;
}

void Stream::fetch() {
    // A broken connection may give its reason only once, but it goes on being at its end.
    if (!socket_ || ended_ || input_.size() - consumed_ >= kInputLimit)
        return;
    static_cast<void>(receive());
    if (tls_)
        writable_.enable();  // where the end of TLS is told, if that was in it
}

void Stream::read_ready() {
    const auto had = input().size();
    const bool was_secured = tls_ && tls_->established();
    const ssize_t got = receive();
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (got <= 0)
        return end(!write_failure_.empty() ? write_failure_
                   : got < 0               ? reason(errno)
                   : tls_                  ? "closed by the peer, against the rules of TLS"
                                           : "closed by the peer");
    if (!was_secured && tls_ && tls_->established())
        handler_.on_secured();
    // Text that came before a failure or a close_notify counts.
    if (socket_ && !ended_ && input().size() > had)
        handler_.on_input();
    if (!borrowed_.empty())
        keep_input();
    end_with_tls();
}

void Stream::end_with_tls() {
    if (!socket_ || ended_ || !tls_)
        return;
    if (tls_->failed())
        end(tls_->failure());
    else if (tls_->closed_by_peer())
        end("closed by the peer");
}

void Stream::end(const std::string& why) {
    send_gathered();  // the peer may have ended its half alone
    ended_ = true;
    readable_.disable();
    stop_writing();
    handler_.on_end(why);
}

base::Status Stream::start_tls(tls::ContextPtr context, const tls::Peer& peer) {
    if (!input().empty())
        return base::error("{} octets in the clear behind the agreement on TLS", input().size());
    tls_ = std::make_unique<tls::Engine>(std::move(context));
    auto begun = tls_->begin(peer);
    send(tls_->take_output());
    return begun;
}

void Stream::write(std::string_view bytes) {
    gather(bytes);
    send_gathered();
}

void Stream::gather(std::string_view bytes) {
    if (!writable() || bytes.empty())
        return;
    if (!tls_)
        return put(bytes);
    tls_->write(bytes);
    put(tls_->take_output());
    if (!tls_->failed())
        return;
    send_gathered();  // the peer is told why
    fail(tls_->failure());
}

void Stream::send(std::string_view octets) {
    put(octets);
    send_gathered();
}

// Behind the output.
void Stream::put(std::string_view octets) {
    if (!writable() || octets.empty())
        return;
    if (output_size() == 0) {
        output_.clear();
        sent_ = 0;
    } else if (sent_ > kReadChunk) {
        output_.erase(0, sent_);
        sent_ = 0;
    }
    output_.append(octets);
    gathered_.start();
}

void Stream::send_gathered() {
    if (gathered_.stop())
        flush();
}

void Stream::offer(std::vector<std::string_view>& parts, const Stored& stored) {
    if (!writable() || parts.empty())
        return;
    if (tls_) {
        offer_waits_ = output_size() >= kTlsAhead;
        if (offer_waits_)
            return;
        std::string together;
        while (!parts.empty() && together.size() < kTlsAhead) {
            const auto some = parts.front().substr(0, kTlsAhead - together.size());
            together += some;
            take_out(parts, some.size());
        }
        return write(together);
    }
    offer_waits_ = true;
    send_gathered();
    if (output_size() > 0)  // what was written goes first, and is waited for already
        return;
    while (!parts.empty()) {
        const auto copied = count_copied(parts, stored);
        const auto size = copied > 0 ? total_of(parts, copied) : from_file_at_once(parts);
        const ssize_t sent =
            copied > 0 ? send_parts(parts, copied) : send_stored(parts.front().substr(0, size), stored);
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return fail(reason(errno));
        const auto gone = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
        take_out(parts, gone);
        if (gone < size)
            return writable_.enable();
    }
    offer_waits_ = false;
    all_sent_.start();
}

ssize_t Stream::send_parts(const std::vector<std::string_view>& parts, std::size_t count) {
    std::array<iovec, kMostParts> places{};
    for (std::size_t i = 0; i < count; ++i)
        places[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};  // sendmsg() only reads it
    msghdr message{};
    message.msg_iov = places.data();
    message.msg_iovlen = count;
    const int flags = MSG_NOSIGNAL | (count < parts.size() ? MSG_MORE : 0);
    ssize_t sent = 0;
    do {
        sent = ::sendmsg(socket_.get(), &message, flags);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

ssize_t Stream::send_stored(std::string_view part, const Stored& stored) {
    ssize_t sent = 0;
    do {
        off_t offset = part.data() - stored.text.data();
        sent = ::sendfile(socket_.get(), stored.file, &offset, part.size());
    } while (sent < 0 && errno == EINTR);
    if (sent == 0) {  // the file is shorter than the text
        errno = EIO;
        return -1;
    }
    // Not every file system can do it.
    return sent < 0 && errno == EINVAL ? send_parts({part}, 1) : sent;
}

void Stream::flush() {
    while (output_size() > 0) {
        const ssize_t wrote = ::send(socket_.get(), output_.data() + sent_, output_size(), MSG_NOSIGNAL);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOTCONN)) {
            writable_.enable();
            return;
        }
        if (wrote < 0) {
            fail(reason(errno));
            return;
        }
        sent_ += static_cast<std::size_t>(wrote);
    }
    // Everything is out. on_output_sent() has to come from the loop: before it waits, and without two system calls for
    // a watch on what is known already.
    all_sent_.start();
}

void Stream::write_ready() {
    if (output_size() > 0)
        flush();
    if (!write_failure_.empty())
        return;
    if (output_size() == 0) {
        all_sent_.stop();
        output_.clear();
        if (output_.capacity() > kReadChunk / 4)
            output_.shrink_to_fit();
        sent_ = 0;
        if (shutdown_wanted_)
            shut_down();
    }
    offer_waits_ = false;
    handler_.on_output_sent();
    // Only now: who has more to send would have to ask for it again.
    if (output_size() == 0 && !offer_waits_)
        writable_.disable();
    end_with_tls();
}

void Stream::shutdown_when_sent() {
    shutdown_wanted_ = true;
    if (tls_) {
        tls_->close();
        send(tls_->take_output());
    }
    if (socket_ && output_size() == 0)
        shut_down();
}

void Stream::shut_down() {
    shutdown_wanted_ = false;
    ::shutdown(socket_.get(), SHUT_WR);
}

void Stream::fail(std::string why) {
    write_failure_ = std::move(why);
    stop_writing();
    readable_.enable();
}

void Stream::stop_writing() {
    writable_.disable();
    gathered_.stop();
    all_sent_.stop();
}

void Stream::close() {
    send_gathered();
    if (tls_ && socket_ && !ended_ && output_size() == 0) {
        tls_->close();
        send(tls_->take_output());
    }
    readable_.disable();
    stop_writing();
    socket_.reset();
}

base::Result<base::UniqueFd> start_connect(const Endpoint& peer) {
    sockaddr_storage storage{};
    const socklen_t length = peer.to_sockaddr(storage);
    base::UniqueFd socket(::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket)
        return base::errno_error("socket");
    no_delay(socket.get());
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 && errno != EINPROGRESS)
        return base::errno_error("connect to " + peer.to_string());
    return socket;
}

base::UniqueFd accept_connection(int listener, Endpoint& peer) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    base::UniqueFd socket(
        ::accept4(listener, reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) {
        no_delay(socket.get());
        peer = Endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage));
    }
    return socket;
}

std::string connect_error(int socket) {
    int code = 0;
    socklen_t length = sizeof code;
    if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &length) != 0)
        code = errno;
    return code == 0 ? std::string() : reason(code);
}

}  // namespace net
