#include "sender.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace bench {
namespace {

constexpr std::size_t kConnectingAtOnce = 100;  // fewer than any server's backlog
constexpr std::uint64_t kMostLost = 1000;       // then nobody is there
constexpr std::string_view kEndOfText = ".\r\n";

volatile std::sig_atomic_t stopped = 0;

std::string words_of(int number) {
    return std::system_category().message(number);
}

[[noreturn]] void raise(const char* what) {
    throw std::system_error(errno, std::system_category(), what);
}

}  // namespace

// One after another, the connections of one of the sessions that there are at once.
class Session {
  public:
    explicit Session(Sender& owner) : owner_(owner) {}
    ~Session() {
        if (fd_ >= 0)
            ::close(fd_);
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    Clock::time_point begun() const { return begun_; }
    std::uint64_t number() const { return number_; }

    void begin() {
        // A message that is late for want of a session has waited since it was due.
        begun_ = owner_.load_.rate > 0 ? owner_.due() : Clock::now();
        on_connection_ = 0;
        if (!owner_.load_.idle)
            number_ = owner_.take();
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd_ < 0)
            raise("socket");
        const int yes = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        stage_ = Stage::kGreeting;
        ++owner_.connecting_;
        const auto* server = reinterpret_cast<const sockaddr*>(&owner_.load_.server);
        if (::connect(fd_, server, sizeof owner_.load_.server) != 0 && errno != EINPROGRESS)
            return lose(words_of(errno));
        watch(EPOLLIN);
    }

    void on_events(std::uint32_t events) {
        if (fd_ >= 0 && (events & EPOLLOUT) != 0)
            flush();
        if (fd_ >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
            receive();
    }

    void end_text() {
        if (stage_ == Stage::kHeld)
            say(Stage::kDot, std::string(kEndOfText));
    }

  private:
    enum class Stage { kGreeting, kEhlo, kMail, kRcpt, kData, kText, kHeld, kDot, kQuit, kIdle };

    void watch(std::uint32_t events) {
        if (events == watched_)
            return;
        epoll_event wanted{};
        wanted.events = events;
        wanted.data.ptr = this;
        if (::epoll_ctl(owner_.poll_, watched_ == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd_, &wanted) != 0)
            raise("epoll_ctl");
        watched_ = events;
    }

    void hang_up() {
        if (stage_ == Stage::kGreeting)
            --owner_.connecting_;
        ::close(fd_);
        fd_ = -1;
        watched_ = 0;
        in_.clear();
        out_ = {};
        owner_.free_.push_back(this);
    }

    void say(Stage stage, std::string words) {
        stage_ = stage;
        head_ = std::move(words);
        out_ = {head_, {}, {}};
        flush();
    }

    void send_text() {
        const auto& text = owner_.text(number_);
        stage_ = Stage::kText;
        head_ = received_field(number_);
        out_ = {head_, text.octets, owner_.load_.together ? std::string_view{} : kEndOfText};
        if (!text.placeholders.empty()) {
            const auto offset = head_.size();
            head_ += text.octets;
            make_unique(head_, text, offset, number_);
            out_[0] = head_;
            out_[1] = {};
        }
        flush();
    }

    void flush() {
        while (std::any_of(out_.begin(), out_.end(), [](std::string_view piece) { return !piece.empty(); })) {
            std::array<iovec, 3> pieces{};
            for (std::size_t i = 0; i < pieces.size(); ++i)
                pieces[i] = {const_cast<char*>(out_[i].data()), out_[i].size()};
            msghdr message{};
            message.msg_iov = pieces.data();
            message.msg_iovlen = pieces.size();
            const auto count = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
            if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
                return watch(EPOLLIN | EPOLLOUT);
            if (count < 0)
                return;  // reading tells why
            auto left = static_cast<std::size_t>(count);
            for (auto& piece : out_) {
                const auto gone = std::min(left, piece.size());
                piece.remove_prefix(gone);
                left -= gone;
            }
        }
        watch(EPOLLIN);
        if (stage_ == Stage::kText)
            text_gone();
    }

    void text_gone() {
        stage_ = owner_.load_.together ? Stage::kHeld : Stage::kDot;
        if (stage_ == Stage::kHeld)
            owner_.text_sent();
    }

    void receive() {
        std::array<char, 4096> buffer;
        const auto count = ::recv(fd_, buffer.data(), buffer.size(), 0);
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (count <= 0 && stage_ == Stage::kQuit)
            return hang_up();
        if (count <= 0)
            return lose(count < 0 ? words_of(errno) : "connection closed");
        in_.append(buffer.data(), static_cast<std::size_t>(count));
        for (std::size_t end = 0; fd_ >= 0 && (end = in_.find("\r\n")) != std::string::npos;) {
            const auto line = in_.substr(0, end);
            in_.erase(0, end + 2);
            if (line.size() < 4 || line[3] != '-')
                on_reply(line);
        }
    }

    void on_reply(const std::string& line) {
        owner_.last_reply_ = Clock::now();
        const char kind = line.empty() ? '5' : line[0];
        switch (stage_) {
            case Stage::kGreeting:
                if (kind != '2')
                    return refuse(line);
                --owner_.connecting_;
                return say(Stage::kEhlo, fmt::format("EHLO {}\r\n", kHost));
            case Stage::kEhlo:
                if (kind != '2')
                    return refuse(line);
                return owner_.load_.idle ? rest() : mail();
            case Stage::kMail:
                return kind == '2' ? say(Stage::kRcpt, fmt::format("RCPT TO:<{}>\r\n", owner_.load_.recipient))
                                   : refuse(line);
            case Stage::kRcpt:
                return kind == '2' ? say(Stage::kData, "DATA\r\n") : refuse(line);
            case Stage::kData:
                return kind == '3' ? send_text() : refuse(line);
            case Stage::kDot:
                owner_.answered(*this, line);
                return next();
            case Stage::kQuit:
                return hang_up();
            default:  // within a text, or while nothing was asked
                return refuse(line);
        }
    }

    void mail() { say(Stage::kMail, fmt::format("MAIL FROM:<{}>\r\n", owner_.load_.sender)); }

    void rest() {
        stage_ = Stage::kIdle;
        ++owner_.outcome_.greeted;
    }

    void next() {
        if (++on_connection_ >= owner_.load_.messages_per_connection || !owner_.may_begin())
            return say(Stage::kQuit, "QUIT\r\n");
        begun_ = Clock::now();
        number_ = owner_.take();
        mail();
    }

    void refuse(const std::string& line) {
        owner_.failed(owner_.outcome_.refused, line);
        hang_up();
    }

    void lose(const std::string& why) {
        owner_.failed(owner_.outcome_.lost, why);
        hang_up();
    }

    Sender& owner_;
    int fd_ = -1;
    std::uint32_t watched_ = 0;
    Stage stage_ = Stage::kGreeting;
    unsigned on_connection_ = 0;
    std::uint64_t number_ = 0;
    Clock::time_point begun_;
    std::string in_, head_;
    std::array<std::string_view, 3> out_;  // of head_, and of a text that all sessions share
};

Sender::Sender(const Load& load, const std::vector<Text>& texts)
    : load_(load), texts_(texts), poll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (poll_ < 0)
        raise("epoll_create1");
    for (unsigned i = 0; i < load.sessions; ++i) {
        sessions_.push_back(std::make_unique<Session>(*this));
        free_.push_back(sessions_.back().get());
    }
}

Sender::~Sender() {
    sessions_.clear();
    ::close(poll_);
}

const Outcome& Sender::run() {
    std::array<epoll_event, 256> events;
    begun_ = last_reply_ = Clock::now();
    while (!done()) {
        begin_sessions();
        const auto count = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), patience());
        if (count < 0 && errno != EINTR)
            raise("epoll_wait");
        for (int i = 0; i < count; ++i)
            static_cast<Session*>(events[static_cast<std::size_t>(i)].data.ptr)
                ->on_events(events[static_cast<std::size_t>(i)].events);
        if (Clock::now() - last_reply_ > load_.patience) {
            outcome_.stalled = true;
            break;
        }
    }
    outcome_.seconds = std::chrono::duration<double>(last_reply_ - begun_).count();
    return outcome_;
}

void Sender::stop() {
    stopped = 1;
}

Clock::time_point Sender::due() const {
    return begun_ + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(static_cast<double>(taken_) / load_.rate));
}

int Sender::patience() const {
    constexpr std::chrono::milliseconds kLongest{100};
    if (load_.rate == 0 || free_.empty() || connecting_ >= kConnectingAtOnce)
        return static_cast<int>(kLongest.count());
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due() - Clock::now());
    return static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), kLongest).count());
}

bool Sender::may_begin() const {
    if (stopped != 0)
        return false;
    if (load_.messages != 0 && taken_ >= load_.messages)
        return false;
    if (load_.rounds && taken_ % texts_.size() != 0)
        return true;
    return load_.time.count() == 0 || Clock::now() - begun_ < load_.time;
}

bool Sender::done() const {
    if (outcome_.lost + outcome_.refused > kMostLost)
        return true;
    if (load_.idle)
        return outcome_.greeted == sessions_.size() || outcome_.refused + outcome_.lost > 0;
    return free_.size() == sessions_.size() && !may_begin();
}

// Not from within a reply: a server that refuses at once would be asked again and again without an end.
void Sender::begin_sessions() {
    std::size_t begun = 0;
    const auto most = free_.size();
    while (begun++ < most && connecting_ < kConnectingAtOnce && may_begin() &&
           (load_.rate == 0 || due() <= Clock::now())) {
        auto* session = free_.back();
        free_.pop_back();
        session->begin();
    }
}

void Sender::text_sent() {
    if (++texts_sent_ < std::min<std::uint64_t>(load_.sessions, load_.messages))
        return;
    for (const auto& session : sessions_)
        session->end_text();
}

void Sender::answered(Session& session, std::string_view line) {
    if (!line.starts_with("250"))
        return failed(outcome_.refused, line);
    ++outcome_.messages;
    outcome_.octets += text(session.number()).octets.size();
    const auto taken = std::chrono::duration<float, std::milli>(last_reply_ - session.begun()).count();
    outcome_.milliseconds.push_back(taken);
    if (load_.timed)
        outcome_.times.push_back({std::chrono::duration<double>(session.begun().time_since_epoch()).count(), taken});
}

void Sender::failed(std::uint64_t& count, std::string_view what) {
    ++count;
    if (outcome_.trouble.empty())
        outcome_.trouble = what;
}

}  // namespace bench
