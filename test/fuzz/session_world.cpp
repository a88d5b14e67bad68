#include "session_world.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/ids.hpp"
#include "scanners/worker/wire.hpp"

namespace fuzz {
namespace {

namespace wire = scanners::wire;

// Ended without TIME_WAIT: thousands of connections a second would use up the ports.
void end_at_once(int socket) {
    const linger now{1, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void send_text(int socket, std::string_view text) {
    [[maybe_unused]] const auto sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

// The word behind `mark` up to a blank or one of ";)\r".
std::string word_after(std::string_view text, std::string_view mark) {
    const auto at = text.find(mark);
    if (at == std::string_view::npos)
        return {};
    const auto rest = text.substr(at + mark.size());
    return std::string(rest.substr(0, rest.find_first_of(" ;)\r")));
}

}  // namespace

bool read_available(int socket, std::string& buffer) {
    std::array<char, 65536> piece{};
    for (;;) {
        const auto got = ::recv(socket, piece.data(), piece.size(), MSG_DONTWAIT);
        if (got > 0)
            buffer.append(piece.data(), static_cast<std::size_t>(got));
        else if (got == 0 || (errno != EAGAIN && errno != EINTR))
            return false;
        else
            return true;
    }
}

DeliveryServer::DeliveryServer(Books& books, Source& script)
    : books_(books), script_(script), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    require(listener_ && ::bind(listener_.get(), generic, length) == 0 && ::listen(listener_.get(), 64) == 0 &&
                ::getsockname(listener_.get(), generic, &length) == 0,
            "the delivery server listens");
    port_ = ntohs(address.sin_port);
}

DeliveryServer::~DeliveryServer() {
    for (const auto& connection : connections_)
        if (connection.socket)
            end_at_once(connection.socket.get());
}

bool DeliveryServer::serve() {
    bool busy = false;
    for (;;) {
        base::UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket)
            break;
        busy = true;
        end_at_once(socket.get());
        const int on = 1;  // what is said must be there at once: nobody waits here
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connections_.push_back({std::move(socket), {}, false, false, false});
        say(connections_.back(), "220 delivery.test ESMTP");
    }
    for (auto& connection : connections_)
        busy = (!connection.over && serve(connection)) || busy;
    return busy;
}

bool DeliveryServer::serve(Connection& connection) {
    const auto before = connection.input.size();
    if (!read_available(connection.socket.get(), connection.input)) {
        connection.over = true;
        connection.socket.reset();
        return true;
    }
    if (connection.input.size() == before)
        return false;
    while (!connection.over) {
        if (connection.in_text) {
            const bool empty = connection.input.starts_with(".\r\n");
            const auto end = empty ? 0 : connection.input.find("\r\n.\r\n");
            if (end == std::string::npos)
                break;
            auto text = empty ? std::string() : connection.input.substr(0, end + 2);
            connection.input.erase(0, empty ? 3 : end + 5);
            connection.in_text = false;
            end_of_text(connection, std::move(text));
            continue;
        }
        const auto end = connection.input.find("\r\n");
        if (end == std::string::npos)
            break;
        const auto line = connection.input.substr(0, end);
        connection.input.erase(0, end + 2);
        command(connection, line);
    }
    return true;
}

void DeliveryServer::command(Connection& connection, std::string_view line) {
    require(line.find_first_of("\r\n") == std::string_view::npos, "a command is one line");
    if (line.starts_with("EHLO "))
        say(connection, "250-delivery.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250 SIZE");
    else if (line == "DATA")
        connection.in_text = say(connection, "354 go on").starts_with("354");
    else if (line == "QUIT")
        say(connection, "221 2.0.0 bye");
    else if (line.starts_with("MAIL FROM:<") || line.starts_with("RCPT TO:<") || line == "RSET" ||
             line.starts_with("HELO "))
        say(connection, "250 2.1.0 ok");
    else
        require(connection.silent, "the delivery server understands every command");
}

void DeliveryServer::end_of_text(Connection& connection, std::string text) {
    require(!has_bare_newline(text), "no bare CR or LF reaches the delivery server");
    const auto verdict = text.find("X-Sandwich-Verdict: clean\r\n");
    require(verdict != std::string::npos, "what reaches the delivery server was found clean");
    require(text.find(kVirus, verdict) == std::string::npos, "no virus reaches the delivery server");
    const auto id = "Q" + std::to_string(++texts_);
    // Before it is said: the upstream may be told in the same moment.
    books_.taken.emplace(id, std::move(text));
    const auto said = say(connection, "250 2.0.0 " + id + " taken");
    if (!said.starts_with("25") || said.find(id) == std::string::npos)
        books_.taken.erase(id);
}

std::string DeliveryServer::say(Connection& connection, std::string_view usual) {
    if (connection.over || connection.silent)
        return {};
    std::string text;
    bool close = false;
    switch (script_.octet() % 32) {
        case 1:
            text = "451 4.3.0 later";
            break;
        case 2:
            text = "550 5.1.1 no";
            break;
        case 3:
            text = "421 4.3.2 closing";
            close = true;
            break;
        case 4:
            close = true;
            break;
        case 5:
            connection.silent = true;
            return {};
        case 6:
            text = "this is no reply";
            break;
        case 7:
            text = "250-half a reply";
            break;
        case 8:
            text = std::string(usual) + "\r\n250 2.9.9 and one more";
            break;
        case 9:
            text = "354 unasked";
            break;
        case 10:
            text = "503 5.5.1 out of order";
            break;
        case 11:
            text = std::string(usual);
            close = true;
            break;
        case 12:
            text = "550-5.7.1 several\r\n550 5.7.1 lines";
            break;
        case 13:
            text = "252" + std::string(usual.substr(3));
            break;
        default:
            text = std::string(usual);
            break;
    }
    if (!text.empty())
        send_text(connection.socket.get(), text + "\r\n");
    if (close) {
        connection.over = true;
        ::shutdown(connection.socket.get(), SHUT_WR);
    }
    return text;
}

ScannerWorker::ScannerWorker(Books& books, Source& script, scanners::Pool& pool) : books_(books), script_(script) {
    auto ends = base::make_channel();
    require(static_cast<bool>(ends), "a channel");
    control_ = std::move(ends->first);
    require(static_cast<bool>(base::send_packet(control_.get(), wire::encode_greeting("fuzz 1"))), "a greeting");
    pool.adopt_zygote(std::move(ends->second), 1);
    appear();
}

void ScannerWorker::appear() {
    auto ends = base::make_channel();
    require(static_cast<bool>(ends), "a channel");
    channel_ = std::move(ends->first);
    const auto announced = base::send_packet(control_.get(), wire::encode(wire::Worker{0, ++serial_, 1000 + serial_}),
                                             {ends->second.get()});
    require(static_cast<bool>(announced), "a worker is announced");
    tell(std::string(1, wire::kReady));
}

bool ScannerWorker::work() {
    bool busy = false;
    base::Packet packet;
    while (base::receive_packet(control_.get(), packet, false) == base::Received::kPacket) {
        const auto kill = wire::decode_kill(packet.bytes);
        require(kill.has_value(), "the zygote understands the proxy");
        busy = true;
        if (kill->serial == serial_)
            appear();
    }
    const auto received = base::receive_packet(channel_.get(), packet, false);
    if (received == base::Received::kNothing)
        return busy;
    if (received == base::Received::kEnd)
        appear();
    else
        judge(packet);
    return true;
}

void ScannerWorker::judge(const base::Packet& packet) {
    std::string text;
    std::uint32_t serial = 0;
    if (const auto small = wire::decode_text_job(packet.bytes)) {
        require(packet.descriptors.empty(), "what goes along needs no descriptor");
        serial = small->serial;
        text = small->text;
    } else {
        const auto job = wire::decode_job(packet.bytes);
        require(job.has_value() && packet.descriptors.size() == 1, "the worker understands the proxy");
        serial = job->serial;
        text.resize(job->size);
        const auto got = ::pread(packet.descriptors[0].get(), text.data(), text.size(), 0);
        require(got == static_cast<ssize_t>(text.size()), "the message is as long as it is said to be");
    }
    const bool infected = text.find(kVirus) != std::string::npos;

    const policy::ScanResult clean{"fuzz", policy::Outcome::kClean, policy::Cause::kNone, {}, {}};
    policy::ScanResult result = clean;
    if (infected) {
        result.outcome = policy::Outcome::kFound;
        result.name = "Fuzz.Virus";
    }
    switch (script_.octet() % 16) {
        case 1:
            return appear();  // it crashed
        case 2:
            return tell("Agarbage");
        case 3:
            return;  // it hangs
        case 4:
            result = {"fuzz", policy::Outcome::kCannotTell, policy::Cause::kLimit, {}, {}};
            break;
        case 5:
            result = {"fuzz", policy::Outcome::kEncrypted, policy::Cause::kNone, "Fuzz.Encrypted", {}};
            break;
        case 6:  // the answer to another message
            result = clean;
            --serial;
            break;
        default:
            break;
    }
    books_.found += result.outcome == policy::Outcome::kFound ? 1U : 0U;
    tell(wire::encode(wire::Answer{serial, {result}}));
}

void ScannerWorker::tell(const std::string& packet) {
    [[maybe_unused]] const auto sent = base::send_packet(channel_.get(), packet);
}

void Upstream::send(std::string_view bytes) {
    unsent_ += bytes;
    while (!unsent_.empty() && socket_) {
        const auto sent = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0)
            return;
        unsent_.erase(0, static_cast<std::size_t>(sent));
    }
}

void Upstream::end_sending() {
    if (socket_)
        ::shutdown(socket_.get(), SHUT_WR);
}

bool Upstream::listen() {
    if (!socket_)
        return false;
    const auto waiting = unsent_.size();
    send({});
    const auto before = input_.size();
    if (!read_available(socket_.get(), input_))
        socket_.reset();
    const bool busy = input_.size() != before || unsent_.size() != waiting || !socket_;
    for (auto end = input_.find("\r\n"); end != std::string::npos; end = input_.find("\r\n")) {
        reply_line(std::string_view(input_).substr(0, end));
        input_.erase(0, end + 2);
    }
    return busy;
}

// Invariant 1: a receipt names a text that the delivery server has taken, or one that is held, or was discarded.
void Upstream::reply_line(std::string_view line) {
    if (!line.starts_with("250 2.0.0 "))
        return;
    const auto our_id = word_after(line, "250 2.0.0 ");
    const auto rest = line.substr(std::min(line.size(), 10 + our_id.size()));
    if (rest.starts_with(" accepted for delivery (")) {
        const auto queue_id = word_after(rest, "accepted for delivery (");
        const auto taken = books_.taken.find(queue_id);
        require(taken != books_.taken.end(), "a receipt only for what the delivery server has taken");
        const auto is_of = [&taken, &our_id](std::string_view mark) {
            return word_after(taken->second, mark) == our_id;
        };
        require(is_of("with ESMTP id ") || is_of("with SMTP id ") || is_of("with LMTP id "), "for this very message");
        require(books_.confirmed.emplace(queue_id, our_id).first->second == our_id, "and for no other");
    } else if (rest.starts_with(" accepted (held in quarantine)")) {
        books_.held.insert(our_id);
    } else if (rest.starts_with(" accepted (delivered earlier as ")) {
        const auto mark = " id " + word_after(rest, "earlier as ") + ";";
        require(std::any_of(books_.taken.begin(), books_.taken.end(),
                            [&mark](const auto& one) { return one.second.find(mark) != std::string::npos; }),
                "a retry only of what the delivery server has taken");
    } else if (rest == " accepted") {
        books_.discarded.insert(our_id);
        require(books_.discarded.size() <= books_.found, "discarded only what was found");
    } else if (base::is_message_id(our_id)) {
        require(rest.starts_with(" accepted (quarantined earlier as ") ||
                    rest.starts_with(" accepted (discarded earlier as "),
                "no receipt but those that are known");
    }
}

}  // namespace fuzz
