#include "net/resolver.hpp"

#include <ares.h>
#include <netinet/in.h>

#include <algorithm>
#include <utility>

namespace net {
namespace {

constexpr int kInternet = 1;  // the class IN
constexpr int kTries = 2;
constexpr std::size_t kHeaderSize = 12;

// One library-wide start, as c-ares wants it; never undone, like the process's other libraries.
bool start_library() {
    static const bool kStarted = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
    return kStarted;
}

template <typename T>
DnsAnswer<T> failed(int status) {
    const bool nothing = status == ARES_ENODATA || status == ARES_ENOTFOUND;
    return {
        nothing ? DnsOutcome::kNothing : DnsOutcome::kCannotTell, {}, std::chrono::seconds(0), ares_strerror(status)};
}

bool has_ipv6() {
    const auto own = local_addresses();
    return std::ranges::any_of(own, [](const Address& address) {
        const bool link_local = address.v6() && address.mapped()[0] == 0xfe && (address.mapped()[1] & 0xc0) == 0x80;
        return address.v6() && !address.loopback() && !link_local;
    });
}

DnsAddresses to_answer(const ares_addrinfo& info) {
    DnsAddresses answer{DnsOutcome::kFound, {}, std::chrono::seconds::max(), {}};
    const bool ipv6 = has_ipv6();
    for (const auto* node = info.nodes; node != nullptr && answer.records.size() < kMaxDnsRecords;
         node = node->ai_next) {
        const auto address = Address::from_sockaddr(node->ai_addr);
        if ((node->ai_family != AF_INET && node->ai_family != AF_INET6) ||
            (address.v6() && !ipv6 && !address.loopback()) ||
            std::ranges::find(answer.records, address) != answer.records.end())
            continue;
        answer.records.push_back(address);
        answer.keep = std::min(answer.keep, std::chrono::seconds(std::max(node->ai_ttl, 0)));
    }
    if (answer.records.empty())
        return failed<Address>(ARES_ENODATA);
    return answer;
}

// Reads one reply; every octet is looked at once it is known to be there.
class Reply {
  public:
    explicit Reply(std::string_view octets) : octets_(octets) {}

    bool skip(std::size_t count) {
        if (octets_.size() - at_ < count)
            return false;
        at_ += count;
        return true;
    }
    bool number(unsigned& value, std::size_t width) {
        value = 0;
        if (octets_.size() - at_ < width)
            return false;
        for (; width > 0; --width)
            value = value << 8 | static_cast<unsigned char>(octets_[at_++]);
        return true;
    }
    // The library follows the compression, with its own bounds.
    bool name(std::string& text) {
        const auto* const whole = reinterpret_cast<const unsigned char*>(octets_.data());
        char* expanded = nullptr;
        long length = 0;
        if (at_ >= octets_.size() ||
            ares_expand_name(whole + at_, whole, static_cast<int>(octets_.size()), &expanded, &length) != ARES_SUCCESS)
            return false;
        text = expanded;
        ares_free_string(expanded);
        return skip(static_cast<std::size_t>(length));
    }
    [[nodiscard]] std::size_t at() const { return at_; }

  private:
    std::string_view octets_;
    std::size_t at_ = 0;
};

// What follows an answer's fixed fields. False: malformed.
bool read_host(Reply& reply, DnsType type, DnsHost& host) {
    unsigned port = 0;
    if (!reply.number(host.preference, 2))
        return false;
    if (type == DnsType::kSrv) {
        if (!reply.number(host.weight, 2) || !reply.number(port, 2))
            return false;
        host.port = static_cast<std::uint16_t>(port);
    }
    return reply.name(host.name);
}

bool read_answers(Reply& reply, unsigned count, DnsType type, DnsHosts& found) {
    for (; count > 0; --count) {
        std::string owner;
        unsigned record = 0;
        unsigned record_class = 0;
        unsigned ttl = 0;
        unsigned length = 0;
        if (!reply.name(owner) || !reply.number(record, 2) || !reply.number(record_class, 2) || !reply.number(ttl, 4) ||
            !reply.number(length, 2))
            return false;
        if (record != static_cast<unsigned>(type) || record_class != kInternet) {  // an alias, say
            if (!reply.skip(length))
                return false;
            continue;
        }
        const auto end = reply.at() + length;
        DnsHost host;
        if (!read_host(reply, type, host) || reply.at() != end)
            return false;
        // RFC 2181 section 8: a time with the first bit set counts as none.
        found.keep = std::min(found.keep, std::chrono::seconds((ttl & 0x80000000U) != 0 ? 0 : ttl));
        if (found.records.size() < kMaxDnsRecords)
            found.records.push_back(std::move(host));
    }
    return true;
}

}  // namespace

base::Result<DnsHosts> parse_dns_reply(std::string_view octets, DnsType type) {
    Reply reply(octets);
    unsigned questions = 0;
    unsigned answers = 0;
    DnsHosts found{DnsOutcome::kFound, {}, std::chrono::seconds::max(), {}};
    if (!reply.skip(4) || !reply.number(questions, 2) || !reply.number(answers, 2) || !reply.skip(kHeaderSize - 8))
        return base::error("the reply is too short");
    for (std::string name; questions > 0; --questions)
        if (!reply.name(name) || !reply.skip(4))
            return base::error("the reply's question is malformed");
    if (!read_answers(reply, answers, type, found))
        return base::error("the reply's answer is malformed");
    if (found.records.empty())
        return failed<DnsHost>(ARES_ENODATA);
    return found;
}

struct Resolver::Watches {
    std::unique_ptr<Watch> read;
    std::unique_ptr<Watch> write;
};

Resolver::Resolver(Loop& loop, const Options& options)
    : loop_(loop), clock_(loop, [this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }) {
    if (!start_library()) {
        failure_ = "c-ares cannot be used";
        return;
    }
    ares_options wanted{};
    // Each try of a query waits twice as long as the one before.
    wanted.timeout = static_cast<int>(std::max<std::chrono::milliseconds::rep>(options.timeout.count() / 3, 100));
    wanted.tries = kTries;
    wanted.sock_state_cb = on_socket;
    wanted.sock_state_cb_data = this;
    const int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    if (const int status = ares_init_options(&channel_, &wanted, mask); status != ARES_SUCCESS) {
        channel_ = nullptr;
        failure_ = ares_strerror(status);
        return;
    }
    if (options.servers.empty())
        return;
    std::string list;
    for (const auto& server : options.servers)
        list += (list.empty() ? "" : ",") + server.to_string();
    if (const int status = ares_set_servers_ports_csv(channel_, list.c_str()); status != ARES_SUCCESS)
        failure_ = ares_strerror(status);
}

Resolver::~Resolver() {
    if (channel_ != nullptr)
        ares_destroy(channel_);
}

void Resolver::addresses(const std::string& name, std::function<void(DnsAddresses)> done) {
    if (!failure_.empty())
        return done({DnsOutcome::kCannotTell, {}, std::chrono::seconds(0), failure_});
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_flags = ARES_AI_NOSORT;
    using Done = std::function<void(DnsAddresses)>;
    const auto answered = [](void* context, int status, int /*timeouts*/, ares_addrinfo* info) {
        const std::unique_ptr<Done> waiting(static_cast<Done*>(context));
        auto answer = status == ARES_SUCCESS && info != nullptr ? to_answer(*info) : failed<Address>(status);
        if (info != nullptr)
            ares_freeaddrinfo(info);
        (*waiting)(std::move(answer));
    };
    ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, answered, new Done(std::move(done)));
    restart_clock();
}

void Resolver::hosts(const std::string& name, DnsType type, std::function<void(DnsHosts)> done) {
    if (!failure_.empty())
        return done({DnsOutcome::kCannotTell, {}, std::chrono::seconds(0), failure_});
    struct Waiting {
        DnsType type;
        std::function<void(DnsHosts)> done;
    };
    const auto answered = [](void* context, int status, int /*timeouts*/, unsigned char* octets, int size) {
        const std::unique_ptr<Waiting> waiting(static_cast<Waiting*>(context));
        if (status != ARES_SUCCESS || octets == nullptr)
            return waiting->done(failed<DnsHost>(status));
        auto parsed =
            parse_dns_reply({reinterpret_cast<const char*>(octets), static_cast<std::size_t>(size)}, waiting->type);
        if (!parsed)
            return waiting->done({DnsOutcome::kCannotTell, {}, std::chrono::seconds(0), parsed.error().message});
        waiting->done(std::move(*parsed));
    };
    ares_query(channel_, name.c_str(), kInternet, static_cast<int>(type), answered, new Waiting{type, std::move(done)});
    restart_clock();
}

// The library opens and closes its sockets as it likes; a watch that may be the one that called us goes later.
void Resolver::on_socket(void* self, int socket, int readable, int writable) noexcept {
    auto& resolver = *static_cast<Resolver*>(self);
    auto& watches = resolver.watches_[socket];
    if (!watches)
        watches = std::make_unique<Watches>();
    const auto set = [&](std::unique_ptr<Watch>& watch, bool wanted, Watch::Direction direction, auto ready) {
        if (wanted && !watch)
            watch = std::make_unique<Watch>(resolver.loop_, socket, direction, ready);
        if (watch)
            wanted ? watch->enable() : watch->disable();
    };
    set(watches->read, readable != 0, Watch::Direction::kRead,
        [&resolver, socket] { resolver.process(socket, ARES_SOCKET_BAD); });
    set(watches->write, writable != 0, Watch::Direction::kWrite,
        [&resolver, socket] { resolver.process(ARES_SOCKET_BAD, socket); });
    if (readable == 0 && writable == 0) {
        resolver.loop_.retire(std::move(watches));
        resolver.watches_.erase(socket);
    }
}

void Resolver::process(int readable, int writable) {
    ares_process_fd(channel_, readable, writable);
    restart_clock();
}

void Resolver::restart_clock() {
    timeval wait{};
    if (ares_timeout(channel_, nullptr, &wait) == nullptr)
        return clock_.stop();
    const auto time = std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec);
    clock_.start(std::chrono::duration_cast<std::chrono::milliseconds>(time) + std::chrono::milliseconds(1));
}

}  // namespace net
