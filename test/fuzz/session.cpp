// The whole session: a real Shard with its sessions, transactions, deliveries, pool, journal and quarantine between a
// delivery server, a scanner and an upstream that do what the input says. Never a receipt without the delivery server's
// own, a durable put or a discard (invariant 1); never an infected text at the delivery server.
//
// Input: settings, length and octets of the delivery server's script, of the worker's script, then the upstream's
// steps. A script that is used up behaves.
#include <event2/event.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "../unit/quarantine/simulated_disk.hpp"
#include "base/log.hpp"
#include "config/load.hpp"
#include "session/shard.hpp"
#include "session_world.hpp"

namespace {

using fuzz::require;

constexpr std::size_t kMostSteps = 200;
constexpr unsigned kMostLarge = 2;  // texts that go to the disk; more only cost time

// A listening socket of the Unix kind: it needs no port. Its name is the kernel's choice.
struct Door {
    base::UniqueFd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    socklen_t length = sizeof address;

    Door() {
        address.sun_family = AF_UNIX;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        require(::bind(listener.get(), generic, sizeof(sa_family_t)) == 0 &&
                    ::listen(listener.get(), kMostSteps) == 0 && ::getsockname(listener.get(), generic, &length) == 0,
                "the upstream's door");
    }
    [[nodiscard]] base::UniqueFd knock() const {
        base::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        require(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0, "connected");
        return socket;
    }
};

// For the journal; in memory, where there is such a file system.
struct Directory {
    std::string path =
        std::filesystem::exists("/dev/shm") ? "/dev/shm/sandwich-fuzz-XXXXXX" : "/tmp/sandwich-fuzz-XXXXXX";

    Directory() { require(::mkdtemp(path.data()) != nullptr, "a directory"); }
    ~Directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
};

session::RuntimePtr make_runtime(std::uint8_t choice, std::uint16_t delivery_port) {
    using std::chrono::hours;
    static const auto defaults = config::parse("", {"fuzz.test", {}});
    require(defaults.settings.has_value(), "the defaults");
    auto runtime = std::make_shared<session::Runtime>();
    auto& settings = runtime->settings;
    settings = *defaults.settings;
    settings.proxy_hostname = "sandwich.test";
    settings.smtp_allow_client_ip = *net::AddressList::parse("addr:0.0.0.0/0");
    settings.downstream = {{*net::Address::parse("127.0.0.1"), delivery_port}};
    settings.message_size_limit = (choice & 4U) != 0 ? 2000 : 0;
    settings.max_connections = 20;
    settings.max_recipients = (choice & 8U) != 0 ? 2 : 100;
    settings.spool_directory = "/tmp";
    settings.command_timeout = settings.data_timeout = settings.downstream_connect_timeout =
        settings.downstream_command_timeout = settings.downstream_final_timeout = hours(1);
    settings.downstream_idle_seconds = (choice & 16U) != 0 ? 30 : 0;
    settings.downstream_max_messages = 3;
    constexpr policy::Action kFound[] = {policy::Action::kQuarantine, policy::Action::kReject, policy::Action::kDiscard,
                                         policy::Action::kQuarantine};
    runtime->rules = {true, {kFound[choice & 3U], policy::Action::kDefer, policy::Action::kDefer}, {}};
    runtime->routes = session::RouteTable(settings, {});
    return runtime;
}

class World {
  public:
    World(std::uint8_t choice, std::string_view delivery_script, std::string_view worker_script)
        : delivery_script_(delivery_script),
          worker_script_(worker_script),
          delivery_(books_, delivery_script_),
          pool_(std::in_place, main_, scanners::PoolLimits{}),
          scanners_(main_, *pool_, {}) {
        disk_->fail_at = choice >> 5;  // 0: never
        auto store = quarantine::Store::open("/quarantine", {}, disk_);
        if (!store) {
            disk_->fail_at = 0;
            store = quarantine::Store::open("/quarantine", {}, disk_);
        }
        quarantine_.emplace(std::move(*store));
        auto journal =
            journal::Journal::open(directory_.path, directory_.path + "/rings", {1 << 20, std::chrono::hours(24)});
        require(static_cast<bool>(journal), "a journal");
        journal_ = std::move(*journal);
        shared_.reset(new session::Shared{base::Snapshot<session::Runtime>(make_runtime(choice, delivery_.port())),
                                          scanners_,
                                          *quarantine_,
                                          *journal_,
                                          {},
                                          {},
                                          {}});
        shard_.emplace(*shared_, std::vector<int>{door_.listener.get()});
        worker_.emplace(books_, worker_script_, *pool_);
        settle();
    }

    // At rest, no thread has an answer for the shard any more. The pool still may, for a worker that hangs: it goes
    // first, and nobody runs the shard's loop after that.
    ~World() {
        settle();
        pool_.reset();
        shard_.reset();
        for (const auto& id : books_.held) {
            bool found = false;
            for (const auto& path : disk_->paths())
                found = found || path.find(id) != std::string::npos;
            require(found, "what is said to be held is held");
        }
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    void connect() { upstreams_.push_back(std::make_unique<fuzz::Upstream>(books_, door_.knock())); }
    void hang_up() {
        if (!upstreams_.empty())
            upstreams_.pop_back();
    }
    fuzz::Upstream* upstream() { return upstreams_.empty() ? nullptr : upstreams_.back().get(); }

    bool round() {
        main_.turn(false);
        shard_->loop().turn(false);
        bool busy = delivery_.serve();
        busy = (worker_ && worker_->work()) || busy;
        for (auto& one : upstreams_)
            busy = one->listen() || busy;
        return busy;
    }

    void settle() {
        for (int idle = 0, rounds = 0; idle < 4 && rounds < 1000; ++rounds) {
            idle = round() ? 0 : idle + 1;
            if (idle == 2)
                await_threads();
        }
    }

  private:
    // Quarantine and journal have threads of their own; what they were asked before is done when they have answered.
    void await_threads() {
        int answers = 0;
        quarantine_->show(main_, "none", [&answers](const auto&) { ++answers; });
        journal_->intend(main_, "none", {}, [&answers] { ++answers; });
        while (answers < 2)
            main_.turn(false);
    }

    fuzz::Source delivery_script_;
    fuzz::Source worker_script_;
    fuzz::Books books_;
    Door door_;
    fuzz::DeliveryServer delivery_;
    std::shared_ptr<test::SimulatedDisk> disk_ = std::make_shared<test::SimulatedDisk>();
    net::Loop main_;
    std::optional<scanners::Pool> pool_;
    scanners::network::AllScanners scanners_;
    std::optional<quarantine::Service> quarantine_;
    Directory directory_;
    std::unique_ptr<journal::Journal> journal_;
    std::unique_ptr<session::Shared> shared_;
    std::optional<session::Shard> shard_;
    std::optional<fuzz::ScannerWorker> worker_;
    std::vector<std::unique_ptr<fuzz::Upstream>> upstreams_;
};

std::string_view line_of(std::uint8_t step) {
    constexpr std::string_view kLines[] = {
        "EHLO client.test\r\n",
        "MAIL FROM:<a@from.test>\r\n",
        "RCPT TO:<b@to.test>\r\n",
        "DATA\r\n",
        "Subject: x\r\n\r\nclean text\r\n",
        "a VIRUS\r\n",
        ".\r\n",
        "RSET\r\n",
        "QUIT\r\n",
        "HELO client.test\r\n",
        "MAIL FROM:<> BODY=8BITMIME SIZE=100\r\n",
        "RCPT TO:<c@to.test> NOTIFY=NEVER\r\n",
        "X-Sandwich-Verdict: forged\r\n",
        "..\r\n.\rx\ny\r\n",
        "MAIL FROM:<a@from.test>\r\nRCPT TO:<b@to.test>\r\nDATA\r\n",
        "NOOP\r\n",
        "LHLO client.test\r\n",
    };
    return kLines[step % std::size(kLines)];
}

void take_steps(World& world, fuzz::Source& source) {
    unsigned large = 0;
    for (std::size_t count = 0; count < kMostSteps && !source.empty(); ++count) {
        const auto step = source.octet();
        if (world.upstream() == nullptr)
            world.connect();
        if (step < 160) {
            world.upstream()->send(line_of(step));
        } else if (step < 180) {
            world.upstream()->send(source.text(source.octet()));
        } else if (step < 190) {
            world.round();
        } else if (step < 230) {
            world.settle();
        } else if (step < 235) {
            world.upstream()->end_sending();
        } else if (step < 240) {
            world.hang_up();
        } else if (step < 245) {
            world.connect();
        } else {
            const bool to_disk = step >= 250 && ++large <= kMostLarge;
            world.upstream()->send(std::string(to_disk ? 1200000 : 3000, 'z') + "\r\n");
        }
    }
    world.settle();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    base::log::set_level(static_cast<base::log::Level>(100));  // nothing
    fuzz::Source source(fuzz::as_text(data, size));
    const auto choice = source.octet();
    const auto delivery_script = source.text(source.octet());
    const auto worker_script = source.text(source.octet());
    World world(choice, delivery_script, worker_script);
    take_steps(world, source);
    return 0;
}
