// The proxy process: a main loop for what is shared (supervisor, scanner pool, control socket) and a thread a Shard for
// mail.
//
// Speaks the supervisor's packets (roles.hpp). Runs as the unprivileged user; looks inside no body (invariant 15).
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/channel.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "config/load.hpp"
#include "ctl/control_server.hpp"
#include "directory/recipients.hpp"
#include "directory/socketmap_server.hpp"
#include "directory/user_list.hpp"
#include "explain/explanations.hpp"
#include "explain/task_thread.hpp"
#include "journal/journal.hpp"
#include "quarantine/service.hpp"
#include "roles.hpp"
#include "scanners/network/all_scanners.hpp"
#include "scanners/worker/pool.hpp"
#include "session/release.hpp"
#include "session/route_report.hpp"
#include "session/shard.hpp"
#include "session/spool_block.hpp"
#include "supervisor/configuration.hpp"
#include "supervisor/directories.hpp"

namespace roles {
namespace {

unsigned shard_count(const config::Settings& settings) {
    if (settings.threads > 0)
        return settings.threads;
    // A loop that has more to do at a time takes more at a time: half as many do the same with less. The other cores
    // have scanner workers and two Sendmails.
    return std::clamp(std::thread::hardware_concurrency() / 2, 1U, 4U);
}

session::RuntimePtr make_runtime(const config::Settings& settings, config::TlsContexts tls, unsigned generation,
                                 session::OriginalCommand& original) {
    auto runtime = std::make_shared<session::Runtime>();
    runtime->settings = settings;
    runtime->tls = std::move(tls);
    runtime->rules = settings.rules();
    runtime->domains = config::DomainIndex(settings.domains, settings.domain_list);
    runtime->routes = session::RouteTable(settings, runtime->domains);
    runtime->generation = generation;
    runtime->original = &original;
    return runtime;
}

base::Result<config::TlsContexts> tls_contexts(const config::Settings& settings, int memfd) {
    const auto files = supervisor::read_tls_files(memfd);
    if (!files)
        return files.error();
    return config::make_tls_contexts(settings, *files);
}

// Any thread.
base::Result<session::RuntimePtr> read_runtime(const base::Packet& packet, unsigned generation,
                                               session::OriginalCommand& original) {
    auto settings = supervisor::read_configuration(packet.descriptors.front().get());
    if (!settings)
        return settings.error();
    SANDWICH_FAILPOINT("configuration-read");
    auto tls = tls_contexts(*settings, packet.descriptors[1].get());
    if (!tls)
        return tls.error();
    return make_runtime(*settings, std::move(*tls), generation, original);
}

// The number at this place of a packet.
std::optional<unsigned> number_at(const std::string& packet, std::size_t position) {
    unsigned number = 0;
    const char* const end = packet.data() + packet.size();
    const bool found =
        position < packet.size() && std::from_chars(packet.data() + position, end, number).ec == std::errc();
    return found ? std::optional(number) : std::nullopt;
}

scanners::PoolLimits pool_limits(const config::Settings& settings) {
    return {settings.scan_timeout, settings.scan_total_timeout, settings.scan_queue};
}

quarantine::Limits quarantine_limits(const config::Settings& settings) {
    return {settings.quarantine_max_size, settings.quarantine_disk_floor,
            std::chrono::hours(24) * settings.quarantine_expire_days};
}

// Two files, of which the older goes when the newer is full.
journal::FileLimits journal_limits(const config::Settings& settings) {
    return {settings.journal_max_size / 2, settings.journal_keep};
}

explain::FileLimits explain_limits(const config::Settings& settings) {
    return {settings.explain_max_size, settings.explain_keep};
}

directory::UserList::Limits users_limits(const config::Settings& settings) {
    return {settings.users_domains, settings.users_max};
}

class Proxy {
  public:
    Proxy(const config::Settings& settings, unsigned generation, config::TlsContexts tls, quarantine::Store store,
          std::unique_ptr<journal::Journal> journal);
    ~Proxy();
    void run();

  private:
    void on_supervisor();
    void adopt_zygote(base::Packet& packet);
    void adopt_configuration(base::Packet& packet);
    void adopt_command(base::Packet& packet);
    void use(const session::RuntimePtr& runtime);
    void drain();
    void tell_supervisor(const std::string& packet);
    void tell_limits();
    void give_memory_back();
    std::string status();
    void release(const quarantine::Entry& entry, mail::MessagePtr message,
                 std::function<void(base::Result<std::string>)> done);

    // In this order: what may still answer to a loop ends before the loops, and these before what all of them share.
    net::Loop main_;
    session::OriginalCommand original_;
    session::Shared shared_;
    std::vector<std::unique_ptr<session::Shard>> shards_;
    scanners::Pool workers_;
    scanners::network::AllScanners scanners_;
    quarantine::Service quarantine_;
    std::unique_ptr<journal::Journal> journal_;
    explain::Explanations explanations_;
    directory::Recipients recipients_;
    directory::UserList users_;
    std::vector<std::thread> threads_;
    std::unique_ptr<net::Watch> supervisor_;
    std::unique_ptr<ctl::ControlServer> control_;
    std::unique_ptr<directory::SocketmapServer> socketmap_;
    net::Timer limits_clock_;
    net::Timer memory_clock_;
    base::Monotonic::time_point started_ = base::Monotonic::now();
    std::string last_reload_ = "none";
    std::size_t shards_running_ = 0;
    bool draining_ = false;
    explain::TaskThread reader_;  // of new configurations; ends before all that it posts to
};

Proxy::Proxy(const config::Settings& settings, unsigned generation, config::TlsContexts tls, quarantine::Store store,
             std::unique_ptr<journal::Journal> journal)
    : original_(main_, [this](const std::string& packet) { tell_supervisor(packet); }),
      shared_{base::Snapshot<session::Runtime>(make_runtime(settings, std::move(tls), generation, original_)),
              scanners_, quarantine_, *journal},
      workers_(main_, pool_limits(settings)),
      scanners_(main_, workers_, settings),
      quarantine_(std::move(store)),
      journal_(std::move(journal)),
      explanations_(settings.explain_path, settings.explain_enable, explain_limits(settings)),
      recipients_(main_, settings, shared_.runtime.load()->tls.server_passwords,
                  directory::embedded_user_store(settings.users_path)),
      users_(directory::embedded_user_store(settings.users_path), users_limits(settings)),
      limits_clock_(main_, [this] { tell_limits(); }),
      memory_clock_(main_, [this] { give_memory_back(); }) {
    shared_.explanations = &explanations_;
    shared_.names.start(main_, settings);
    shared_.recipients = &recipients_;
    shared_.users = &users_;
    std::vector<int> listeners;
    for (std::size_t i = 0; i < settings.sockets.size(); ++i)
        listeners.push_back(kFirstListenFd + static_cast<int>(i));
    for (unsigned i = 0; i < shard_count(settings); ++i)
        shards_.push_back(std::make_unique<session::Shard>(shared_, listeners));

    ctl::ControlServer::Functions functions;
    functions.status = [this] { return status(); };
    functions.routes = [this](const std::string& domain) {
        return session::report_routes(shared_.runtime.load()->routes, shared_.names, shared_.downstream, domain);
    };
    functions.release = [this](const quarantine::Entry& entry, mail::MessagePtr message,
                               std::function<void(base::Result<std::string>)> done) {
        release(entry, std::move(message), std::move(done));
    };
    functions.why = [this](const std::string& name, std::function<void(base::Result<std::string>)> done) {
        explanations_.find(main_, name, std::move(done));
    };
    functions.recipient = [this](const std::string& path, std::function<void(base::Result<std::string>)> done) {
        const auto runtime = shared_.runtime.load();
        recipients_.explain(
            [&](std::string_view domain) {
                return config::find_recipient_check(runtime->settings, runtime->domains, domain);
            },
            path,
            [this, path, done = std::move(done)](base::Result<std::string> told) {
                if (told && users_.settings(path).disabled())
                    *told += "user list: disabled, refuse (550 5.2.1)\n";
                done(std::move(told));
            });
    };
    functions.users = [this](const std::string& request, std::function<void(base::Result<std::string>)> done) {
        users_.request(main_, request, std::move(done));
    };
    const int control_fd = kFirstListenFd + static_cast<int>(settings.sockets.size());
    control_ = std::make_unique<ctl::ControlServer>(main_, base::UniqueFd(control_fd), quarantine_, functions);

    if (settings.directory.socketmap_address.listens())
        socketmap_ =
            std::make_unique<directory::SocketmapServer>(main_, base::UniqueFd(control_fd + 1), recipients_, users_,
                                                         [this]() -> directory::SocketmapServer::Runtime {
                                                             auto runtime = shared_.runtime.load();
                                                             return {runtime, &runtime->settings, &runtime->domains};
                                                         });

    supervisor_ =
        std::make_unique<net::Watch>(main_, kSupervisorFd, net::Watch::Direction::kRead, [this] { on_supervisor(); });
    supervisor_->enable();
    tell_limits();
    give_memory_back();
}

Proxy::~Proxy() {
    control_.reset();
    socketmap_.reset();
    for (auto& shard : shards_)
        shard->loop().stop();
    for (auto& thread : threads_)
        thread.join();
    shared_.names.stop();
}

void Proxy::run() {
    for (auto& shard : shards_)
        threads_.emplace_back([&loop = shard->loop()] { loop.run(); });
    shards_running_ = shards_.size();
    tell_supervisor("R");
    main_.run();
}

void Proxy::on_supervisor() {
    base::Packet packet;
    switch (base::receive_packet(kSupervisorFd, packet, false)) {
        case base::Received::kNothing:
            return;
        case base::Received::kEnd:
            // The supervisor is gone: nobody would restart us or bring new signatures. Finish, so that a new one can
            // start.
            supervisor_->disable();
            workers_.expect_no_more();
            return drain();
        case base::Received::kPacket:
            break;
    }
    switch (packet.bytes.front()) {
        case 'Z':
            return adopt_zygote(packet);
        case 'C':
            return adopt_configuration(packet);
        case 'K':
            if (packet.descriptors.size() == 1)
                scanners_.adopt_runner(std::move(packet.descriptors.front()));
            return;
        case 'O':
            return adopt_command(packet);
        case 'L':
            last_reload_ = packet.bytes.substr(1);
            return;
        case 'Q':
            return drain();
        default:
            return;
    }
}

void Proxy::adopt_zygote(base::Packet& packet) {
    const auto generation = number_at(packet.bytes, 1);
    if (packet.descriptors.size() == 1 && generation)
        workers_.adopt_zygote(std::move(packet.descriptors.front()), *generation);
}

void Proxy::adopt_configuration(base::Packet& packet) {
    const auto blank = packet.bytes.find(' ');
    const bool with_scanners = blank != std::string::npos;
    if (packet.descriptors.size() != (with_scanners ? 3 : 2))
        return tell_supervisor("Eno configuration came along");
    const auto generation = number_at(packet.bytes, 1);
    const auto scanners = with_scanners ? number_at(packet.bytes, blank + 1) : 0;
    if (!generation || !scanners)
        return tell_supervisor("Ethe configuration has no number");
    // Thousands of domains and rules take their time, and every scan goes through this loop: a thread reads them. What
    // the supervisor says next waits for that.
    supervisor_->disable();
    auto came = std::make_shared<base::Packet>(std::move(packet));
    reader_.add([this, came, with_scanners, generation = *generation, scanners = *scanners] {
        const auto runtime = read_runtime(*came, generation, original_);
        main_.post([this, came, with_scanners, scanners, runtime] {
            supervisor_->enable();
            if (!runtime)
                return tell_supervisor("E" + runtime.error().message);
            // In one turn of this loop: what a mail is scanned for is what its rules ask.
            if (with_scanners)
                workers_.adopt_zygote(std::move(came->descriptors.back()), scanners);
            use(*runtime);
            tell_supervisor("C");
        });
    });
}

// A process of the command in original, or why there is none.
void Proxy::adopt_command(base::Packet& packet) {
    const auto serial = number_at(packet.bytes, 1);
    if (!serial)
        return;
    const auto blank = packet.bytes.find(' ');
    if (packet.descriptors.size() == 1)
        original_.answered(*serial, std::move(packet.descriptors.front()));
    else
        original_.answered(*serial, base::error("{}", blank == std::string::npos ? "it did not start"
                                                                                 : packet.bytes.substr(blank + 1)));
}

void Proxy::use(const session::RuntimePtr& runtime) {
    const auto& settings = runtime->settings;
    base::log::set_level(settings.log_level);
    workers_.set_limits(pool_limits(settings));
    scanners_.configure(settings);
    quarantine_.set_limits(quarantine_limits(settings));
    journal_->set_limits(journal_limits(settings));
    recipients_.configure(settings, runtime->tls.server_passwords);
    explanations_.configure(settings.explain_enable, explain_limits(settings));
    users_.configure(users_limits(settings));
    shared_.names.configure(settings);
    shared_.runtime.store(runtime);
}

void Proxy::drain() {
    if (std::exchange(draining_, true))
        return;
    shared_.draining = true;
    if (socketmap_)
        socketmap_->drain();
    for (auto& shard : shards_) {
        shard->drain([this] {
            main_.post([this] {
                if (--shards_running_ == 0)
                    main_.stop();
            });
        });
    }
}

void Proxy::tell_supervisor(const std::string& packet) {
    // A supervisor that is gone shows as the channel's end.
    [[maybe_unused]] const auto sent = base::send_packet(kSupervisorFd, packet);
}

// Runs on the first shard, whose delivery connections it uses.
void Proxy::release(const quarantine::Entry& entry, mail::MessagePtr message,
                    std::function<void(base::Result<std::string>)> done) {
    auto& shard = *shards_.front();
    shard.loop().post([this, &shard, entry, message = std::move(message), done = std::move(done)]() mutable {
        session::release(
            shard.loop(), shard.pool(), shared_.runtime.load(), entry, std::move(message),
            [this, done = std::move(done)](base::Result<std::string> result) mutable {
                main_.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
            });
    });
}

// What a flood's lines were left out for is told when it is over, too.
void Proxy::tell_limits() {
    shared_.limits.flush();
    limits_clock_.start(session::Limits::kQuiet);
}

void Proxy::give_memory_back() {
    constexpr std::chrono::minutes kEvery{1};
    session::SpoolBlock::let_idle_go();
    memory_clock_.start(kEvery);
}

std::string Proxy::status() {
    const auto& counters = shared_.counters;
    const auto scan = workers_.status();
    const auto held = quarantine_.usage();
    const auto journal = journal_->status();
    const auto why = explanations_.status();
    const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(base::Monotonic::now() - started_);
    std::string servers;
    const auto runtime = shared_.runtime.load();
    const auto usual = shared_.names.cached(*runtime->routes.fallback());
    for (const auto& line : usual ? shared_.downstream.describe(*usual) : std::vector<std::string>{"not looked up yet"})
        servers += "delivery server: " + line + '\n';
    return fmt::format(
        "version: {}\nuptime: {} s\nconfiguration: generation {}\nlast reload: {}\nsessions: {} now, {} accepted, {} "
        "refused\n"
        "messages: {} delivered, {} quarantined, {} discarded, {} rejected, {} deferred, {} repeated\n"
        "{}{}workers: {} ({} busy), {} waiting, {} scanned, {} lost\nsignatures: generation {}, {}{}\n{}"
        "quarantine: {} messages, {} octets\njournal: {} entries, {} recipients recognised{}\n"
        "explanations: {} mails, {} not kept{}\nusers: {}\nmemory: {} octets of messages\nlimits: {}\n",
        SANDWICH_VERSION, uptime.count(), runtime->generation, last_reload_, shared_.admission.sessions(),
        counters.accepted.load(), counters.refused.load(), counters.delivered.load(), counters.quarantined.load(),
        counters.discarded.load(), counters.rejected.load(), counters.deferred.load(), counters.repeated.load(),
        servers, recipients_.describe() + (socketmap_ ? socketmap_->describe() : std::string()), scan.workers,
        scan.busy, scan.waiting, scan.scanned, scan.lost_workers, scan.generation,
        scan.signatures.empty() ? "none" : scan.signatures,
        scan.outdated.empty() ? "" : fmt::format(", TOO OLD: {}", scan.outdated), scanners_.describe(), held.entries,
        held.octets, journal.entries, journal.recognised, journal.failing ? ", CANNOT BE WRITTEN" : "", why.kept,
        why.dropped, why.failing ? ", CANNOT BE WRITTEN" : "", users_.describe(), shared_.admission.memory(),
        shared_.limits.summary());
}

// Each session needs two descriptors and a large mail two more.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

// What a mail took of the heap is kept for the next one. By its defaults the C library gives a large mail's memory back
// to the system at once, and the next mail pays for each page anew: more than for all that is done with its text.
void keep_heap(unsigned threads) {
    constexpr int kMiB = 1 << 20;
    constexpr int kKept = 128 * kMiB;  // about fifty mails of 1 MiB at a time, and what comes with them
    ::mallopt(M_MMAP_THRESHOLD, 4 * kMiB);
    ::mallopt(M_TRIM_THRESHOLD, std::max(16 * kMiB, kKept / static_cast<int>(threads)));  // of each thread's part
    ::mallopt(M_TOP_PAD, kMiB / 4);
}

// A thread of this class that wakes up does not drive another from the processor before its share is used up. The proxy
// wakes for each line of each session: beside scanner workers it drove one of them out of the processor, and out of its
// caches, a dozen times for each mail. Its share of the time is the same as before, and where a processor is free
// nothing waits.
void wake_politely() {
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_BATCH, &none);  // of this thread and of those it starts; a wish, no more
}

int cannot_start(const std::string& why) {
    base::log::event(base::log::kStartFailed, "{}", why);
    // Whoever waits for the start sees no log.
    [[maybe_unused]] const auto sent = base::send_packet(kSupervisorFd, "E" + why);
    return 1;
}

}  // namespace

int run_proxy(const config::Settings& settings, unsigned generation) {
    // The supervisor decides when to end; a terminal's ^C goes to the whole group.
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP})
        ::signal(number, SIG_IGN);
    raise_descriptor_limit();
    keep_heap(shard_count(settings));
    wake_politely();
    auto store = quarantine::Store::open(settings.quarantine_path, quarantine_limits(settings));
    if (!store)
        return cannot_start("quarantine: " + store.error().message);
    auto journal =
        journal::Journal::open(settings.journal_path, supervisor::journal_memory(settings), journal_limits(settings));
    if (!journal)
        return cannot_start("journal: " + journal.error().message);
    const int others = settings.directory.socketmap_address.listens() ? 2 : 1;  // sockets besides those for mail
    base::UniqueFd tls_files(kFirstListenFd + static_cast<int>(settings.sockets.size()) + others);
    auto tls = tls_contexts(settings, tls_files.get());
    tls_files.reset();
    if (!tls)
        return cannot_start("TLS: " + tls.error().message);
    base::log::start_writer();
    {
        Proxy proxy(settings, generation, std::move(*tls), std::move(*store), std::move(*journal));
        proxy.run();
    }
    base::log::stop_writer();
    return 0;
}

}  // namespace roles
