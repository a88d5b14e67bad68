// Pool: jobs, workers and zygotes; one state, touched on the home loop only, but for the two mutexes' contents.
#include "scanners/worker/pool.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <exception>
#include <list>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/channel.hpp"
#include "base/log.hpp"
#include "scanners/stale_notice.hpp"
#include "scanners/worker/desk.hpp"
#include "scanners/worker/wire.hpp"
#include "scanners/worker/wire_edit.hpp"

namespace scanners {
namespace {

using std::chrono::milliseconds;

constexpr unsigned kMaxHandOvers = 3;  // attempts to give one message to a worker
constexpr milliseconds kOutage{1000};  // without a worker for so long: said in the log

policy::ScanReport cannot_tell(policy::Cause cause, std::string_view detail) {
    return policy::cannot_tell(policy::kWorkers, cause, detail);
}

// One message on its way. It is answered exactly once: by fail(), or by accept() when that says so.
struct Job {
    Job(net::Loop& its_loop, std::string its_id, mail::MessagePtr its_message)
        : loop(its_loop), id(std::move(its_id)), message(std::move(its_message)) {}
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;
    virtual ~Job() = default;

    // What a worker is sent. Error: nobody can be.
    [[nodiscard]] virtual base::Result<std::string> packet() const = 0;
    // The packet holds the message; else its descriptor goes with it.
    [[nodiscard]] virtual bool carries_message() const { return false; }
    // A worker's answer. False: it breaks the protocol.
    virtual bool accept(std::string_view packet, std::string_view signatures, std::uint32_t generation) = 0;
    // `report` is "cannot tell" and why.
    virtual void fail(policy::ScanReport report) = 0;

    net::Loop& loop;
    std::string id;
    mail::MessagePtr message;
    std::uint32_t serial = 0;
    unsigned hand_overs = 0;
    std::unique_ptr<net::Timer> patience;  // total_time
    // Of an answer that tells it: why ClamAV's signatures are too old; empty: they are not.
    std::optional<std::string> outdated;
};
using JobPtr = std::shared_ptr<Job>;

class ScanJob : public Job {
  public:
    ScanJob(net::Loop& its_loop, std::string its_id, mail::MessagePtr its_message, Pool::Done done)
        : Job(its_loop, std::move(its_id), std::move(its_message)), done_(std::move(done)) {}

    [[nodiscard]] base::Result<std::string> packet() const override {
        return carries_message() ? wire::encode(wire::TextJob{serial, message->bytes()})
                                 : wire::encode(wire::Job{serial, message->size()});
    }
    [[nodiscard]] bool carries_message() const override { return message->size() <= wire::kMaxText; }
    bool accept(std::string_view packet, std::string_view signatures, std::uint32_t generation) override {
        auto answer = wire::decode_answer(packet);
        if (!answer || answer->serial != serial)
            return false;
        const auto stale = std::find_if(answer->results.begin(), answer->results.end(),
                                        [](const auto& result) { return result.cause == policy::Cause::kStale; });
        outdated = stale == answer->results.end() ? std::string() : stale->detail;
        policy::ScanReport report;
        report.results = std::move(answer->results);
        report.contents = std::move(answer->contents);
        report.signatures = signatures;
        report.generation = generation;
        fail(std::move(report));  // the same way out
        return true;
    }
    void fail(policy::ScanReport report) override {
        report.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(base::Monotonic::now() - submitted_);
        loop.post([done = std::move(done_), report = std::move(report)]() mutable { done(std::move(report)); });
    }

  private:
    Pool::Done done_;
    base::Monotonic::time_point submitted_ = base::Monotonic::now();
};

class EditJob : public Job {
  public:
    EditJob(net::Loop& its_loop, std::string its_id, mail::MessagePtr its_message, EditRequest request,
            Pool::EditDone done)
        : Job(its_loop, std::move(its_id), std::move(its_message)),
          request_(std::move(request)),
          done_(std::move(done)) {}

    [[nodiscard]] base::Result<std::string> packet() const override {
        return wire::encode(wire::EditJob{serial, message->size(), request_});
    }
    bool accept(std::string_view packet, std::string_view /*signatures*/, std::uint32_t /*generation*/) override {
        auto edited = wire::decode_edited(packet);
        if (!edited || edited->serial != serial ||
            (edited->answer && !mail::check_edits(message->bytes(), edited->answer->edits)))
            return false;
        answer(std::move(edited->answer));
        return true;
    }
    void fail(policy::ScanReport report) override {
        const auto& result = report.results.front();
        answer(base::error("{}{}", result.cause == policy::Cause::kUnavailable ? kNobodyAsked : "", result.detail));
    }

  private:
    void answer(base::Result<EditAnswer> result) {
        loop.post([done = std::move(done_), result = std::move(result)]() mutable { done(std::move(result)); });
    }

    EditRequest request_;
    Pool::EditDone done_;
};

struct Zygote;

// One worker process, seen through its channel.
struct Worker {
    Zygote* zygote = nullptr;
    wire::Worker identity;
    base::UniqueFd channel;
    Desk desk;
    std::unique_ptr<net::Watch> watch;
    std::unique_ptr<net::Timer> deadline;
    bool ready = false;
    JobPtr job;  // null: idle
};

struct Zygote {
    std::uint32_t generation = 0;
    std::string signatures;
    base::UniqueFd control;
    std::unique_ptr<net::Watch> watch;
    std::list<std::unique_ptr<Worker>> workers;
};

}  // namespace

struct Pool::State : std::enable_shared_from_this<Pool::State> {
    State(net::Loop& home_loop, PoolLimits pool_limits)
        : home(home_loop), limits(pool_limits), outage_(home_loop, [this] { log_outage(); }) {}

    // From any thread.
    void submit(JobPtr job);
    // On the home loop.
    void adopt(base::UniqueFd control, std::uint32_t generation);
    void expect_no_more();
    void close();
    void take_incoming();
    void dispatch();
    void publish();

    net::Loop& home;
    PoolLimits limits;
    mutable std::mutex status_mutex;
    Status published;
    std::atomic<std::size_t> waiting{0};
    std::mutex incoming_mutex;
    std::vector<JobPtr> incoming;

  private:
    Zygote* current() { return zygotes_.empty() ? nullptr : zygotes_.back().get(); }
    Worker* idle_worker();
    void enqueue(const JobPtr& job);
    void fail(const JobPtr& job, policy::ScanReport report);
    void end_patience(Job& job);
    bool hand_over(const JobPtr& job, Worker& worker);
    void on_control(Zygote& zygote);
    void on_worker(Worker& worker);
    void on_deadline(Worker& worker);
    void out_of_patience(const JobPtr& job);
    void add_worker(Zygote& zygote, const wire::Worker& identity, base::UniqueFd channel);
    void accept_answer(Worker& worker, const base::Packet& packet);
    enum class Replace { kNo, kYes };
    void lose_worker(Worker& worker, Replace replace, policy::Cause cause, std::string_view why);
    void lose_zygote(Zygote& zygote);
    void release_retired();
    [[nodiscard]] bool available();
    void note_availability();
    void log_outage();

    // The last one is current, the others finish what they have. Should the last one die first, the one before it
    // serves again: older signatures are better than none.
    std::list<std::unique_ptr<Zygote>> zygotes_;
    bool last_ = false;  // no other will come
    std::deque<JobPtr> waiting_;
    std::uint32_t last_serial_ = 0;
    std::uint64_t scanned_ = 0;
    std::uint64_t lost_ = 0;
    std::string outdated_;
    StaleNotice stale_notice_;
    net::Timer outage_;
    enum class Outage { kNone, kBegun, kLogged } outage_state_ = Outage::kNone;
};

// ---- jobs

void Pool::State::submit(JobPtr job) {
    {
        // Kept here, not in the posted task: a task that the loop drops at its end must not drop a message's answer.
        const std::lock_guard lock(incoming_mutex);
        incoming.push_back(std::move(job));
    }
    home.post([weak = weak_from_this()] {
        if (const auto state = weak.lock())
            state->take_incoming();
    });
}

void Pool::State::take_incoming() {
    std::vector<JobPtr> jobs;
    {
        const std::lock_guard lock(incoming_mutex);
        jobs.swap(incoming);
    }
    for (const auto& job : jobs)
        enqueue(job);
    dispatch();
}

void Pool::State::enqueue(const JobPtr& job) {
    if (waiting_.size() >= limits.queue) {
        job->fail(cannot_tell(policy::Cause::kUnavailable, "too many messages wait for a scanner worker"));
        return;
    }
    job->patience = std::make_unique<net::Timer>(home, [this, weak = std::weak_ptr(job)] {
        if (const auto late = weak.lock())
            out_of_patience(late);
    });
    job->patience->start(limits.total_time);
    waiting_.push_back(job);
}

Worker* Pool::State::idle_worker() {
    if (current() == nullptr)
        return nullptr;
    auto& workers = current()->workers;
    const auto found = std::find_if(workers.begin(), workers.end(),
                                    [](const auto& worker) { return worker->ready && worker->job == nullptr; });
    return found == workers.end() ? nullptr : found->get();
}

// The timer may be the one whose callback is running, so it is retired, not destroyed.
void Pool::State::end_patience(Job& job) {
    job.patience->stop();
    home.retire(std::move(job.patience));
}

void Pool::State::fail(const JobPtr& job, policy::ScanReport report) {
    end_patience(*job);
    job->fail(std::move(report));
}

void Pool::State::expect_no_more() {
    last_ = true;
    dispatch();
}

void Pool::State::dispatch() {
    if (last_ && zygotes_.empty())
        for (const auto& job : std::exchange(waiting_, {}))
            fail(job, cannot_tell(policy::Cause::kUnavailable, "no scanner process will come any more"));
    while (!waiting_.empty()) {
        Worker* worker = idle_worker();
        if (worker == nullptr)
            break;
        const auto job = waiting_.front();
        waiting_.pop_front();
        if (!hand_over(job, *worker))
            waiting_.push_front(job);
    }
    note_availability();
    publish();
}

// False: the worker is gone, the job is to be tried with another.
bool Pool::State::hand_over(const JobPtr& job, Worker& worker) {
    job->serial = ++last_serial_;
    const auto packet = job->packet();
    if (!packet) {
        fail(job, cannot_tell(policy::Cause::kError, packet.error().message));
        return true;
    }
    int descriptor = -1;
    base::UniqueFd shared;
    if (!job->carries_message() && job->message->in_memory())
        descriptor = worker.desk.put(job->message->bytes());
    if (!job->carries_message() && descriptor < 0) {
        auto message = job->message->share();
        if (!message) {
            fail(job, cannot_tell(policy::Cause::kError, message.error().message));
            return true;
        }
        shared = std::move(*message);
        descriptor = shared.get();
    }
    ++job->hand_overs;
    const auto sent = descriptor >= 0 ? base::send_packet(worker.channel.get(), *packet, {descriptor})
                                      : base::send_packet(worker.channel.get(), *packet);
    if (!sent) {
        lose_worker(worker, Replace::kYes, policy::Cause::kCrash, sent.error().message);
        if (job->hand_overs < kMaxHandOvers)
            return false;
        fail(job, cannot_tell(policy::Cause::kError, sent.error().message));
        return true;
    }
    worker.job = job;
    worker.deadline->start(limits.scan_time);
    return true;
}

void Pool::State::out_of_patience(const JobPtr& job) {
    for (auto& zygote : zygotes_) {
        for (auto& worker : zygote->workers) {
            if (worker->job == job)
                return on_deadline(*worker);
        }
    }
    std::erase(waiting_, job);
    fail(job, available() ? cannot_tell(policy::Cause::kTimeout, "no scanner worker became free in time")
                          : cannot_tell(policy::Cause::kUnavailable, "no scanner worker is there"));
    publish();
}

// ---- workers

void Pool::State::add_worker(Zygote& zygote, const wire::Worker& identity, base::UniqueFd channel) {
    auto worker = std::make_unique<Worker>();
    auto* raw = worker.get();
    worker->zygote = &zygote;
    worker->identity = identity;
    worker->channel = std::move(channel);
    worker->watch = std::make_unique<net::Watch>(home, worker->channel.get(), net::Watch::Direction::kRead,
                                                 [this, raw] { on_worker(*raw); });
    worker->deadline = std::make_unique<net::Timer>(home, [this, raw] { on_deadline(*raw); });
    worker->watch->enable();
    zygote.workers.push_back(std::move(worker));
}

void Pool::State::on_worker(Worker& worker) {
    base::Packet packet;
    switch (base::receive_packet(worker.channel.get(), packet, false)) {
        case base::Received::kNothing:
            return;
        case base::Received::kEnd:
            lose_worker(worker, Replace::kYes, policy::Cause::kCrash, "the scanner worker died");
            break;
        case base::Received::kPacket:
            if (!worker.ready && wire::is_ready(packet.bytes) && packet.descriptors.empty())
                worker.ready = true;
            else
                accept_answer(worker, packet);
            break;
    }
    release_retired();
    dispatch();
}

void Pool::State::accept_answer(Worker& worker, const base::Packet& packet) {
    const auto& zygote = *worker.zygote;
    if (worker.job == nullptr || !packet.descriptors.empty() ||
        !worker.job->accept(packet.bytes, zygote.signatures, zygote.generation)) {
        lose_worker(worker, Replace::kYes, policy::Cause::kCrash, "the scanner worker broke the protocol");
        return;
    }
    worker.deadline->stop();
    if (const auto& outdated = worker.job->outdated) {
        outdated_ = *outdated;
        stale_notice_.note("clamav", outdated_);
    }
    end_patience(*std::exchange(worker.job, nullptr));
    ++scanned_;
}

void Pool::State::on_deadline(Worker& worker) {
    lose_worker(worker, Replace::kYes, policy::Cause::kTimeout, "the scan overran its deadline");
    release_retired();
    dispatch();
}

// Its job is answered for, its zygote told; the object dies after the callback has unwound.
void Pool::State::lose_worker(Worker& worker, Replace replace, policy::Cause cause, std::string_view why) {
    auto& zygote = *worker.zygote;
    const bool retired = &zygote != current();
    worker.watch->disable();
    worker.deadline->stop();
    const auto& who = worker.identity;
    if (replace == Replace::kYes) {
        ++lost_;
        // When that fails the zygote is gone, which its own watch notices.
        static_cast<void>(base::send_packet(zygote.control.get(), wire::encode(wire::Kill{who.slot, who.serial})));
    }
    if (const auto job = std::exchange(worker.job, nullptr)) {
        base::log::event(base::log::kWorkerLost, "{}: {} (worker {}, process {})", job->id, why, who.slot, who.pid);
        if (retired && cause == policy::Cause::kCrash && job->hand_overs < kMaxHandOvers) {
            // It may be the end of the old zygote and no fault of the message: the new one gets it, once.
            job->hand_overs = kMaxHandOvers;
            waiting_.push_front(job);
        } else {
            auto report = cannot_tell(cause, why);
            report.signatures = zygote.signatures;
            report.worker_lost = replace == Replace::kYes;
            report.generation = zygote.generation;
            fail(job, std::move(report));
        }
    }
    const auto found = std::find_if(zygote.workers.begin(), zygote.workers.end(),
                                    [&worker](const auto& other) { return other.get() == &worker; });
    auto dying = std::move(*found);
    zygote.workers.erase(found);
    home.retire(std::move(dying));
}

// ---- zygotes

void Pool::State::adopt(base::UniqueFd control, std::uint32_t generation) {
    auto zygote = std::make_unique<Zygote>();
    auto* raw = zygote.get();
    zygote->generation = generation;
    zygote->control = std::move(control);
    zygote->watch = std::make_unique<net::Watch>(home, zygote->control.get(), net::Watch::Direction::kRead,
                                                 [this, raw] { on_control(*raw); });
    zygote->watch->enable();
    zygotes_.push_back(std::move(zygote));
    release_retired();
    dispatch();
}

void Pool::State::on_control(Zygote& zygote) {
    base::Packet packet;
    const auto received = base::receive_packet(zygote.control.get(), packet, false);
    if (received == base::Received::kEnd) {
        lose_zygote(zygote);
    } else if (received == base::Received::kPacket) {
        if (auto greeting = wire::decode_greeting(packet.bytes))
            zygote.signatures = std::move(*greeting);
        else if (const auto worker = wire::decode_worker(packet.bytes); worker && packet.descriptors.size() == 1)
            add_worker(zygote, *worker, std::move(packet.descriptors[0]));
    }
    dispatch();
}

void Pool::State::lose_zygote(Zygote& zygote) {
    while (!zygote.workers.empty())
        lose_worker(*zygote.workers.front(), Replace::kNo, policy::Cause::kCrash, "the scanner process died");
    zygote.watch->disable();
    const auto found =
        std::find_if(zygotes_.begin(), zygotes_.end(), [&zygote](const auto& other) { return other.get() == &zygote; });
    auto dying = std::move(*found);
    zygotes_.erase(found);
    home.retire(std::move(dying));
}

// Old zygotes whose last message is answered: closing the control channel dismisses their workers.
void Pool::State::release_retired() {
    std::vector<Zygote*> done;
    for (const auto& zygote : zygotes_) {
        const bool busy = std::any_of(zygote->workers.begin(), zygote->workers.end(),
                                      [](const auto& worker) { return worker->job != nullptr; });
        if (zygote.get() != current() && !busy)
            done.push_back(zygote.get());
    }
    for (auto* zygote : done)
        lose_zygote(*zygote);
}

// ---- state as a whole

bool Pool::State::available() {
    return current() != nullptr && !current()->workers.empty();
}

// Workers are replaced within milliseconds; only a longer absence is worth a line, one for each outage.
void Pool::State::note_availability() {
    if (!available() && !waiting_.empty() && outage_state_ == Outage::kNone) {
        outage_state_ = Outage::kBegun;
        outage_.start(kOutage);
    } else if (available()) {
        outage_.stop();
        if (std::exchange(outage_state_, Outage::kNone) == Outage::kLogged)
            base::log::event(base::log::kStarted, "scanner workers are there again");
    }
}

void Pool::State::log_outage() {
    outage_state_ = Outage::kLogged;
    base::log::event(base::log::kScannerUnavailable, "{} message(s) wait, for at most {} s each", waiting_.size(),
                     std::chrono::duration_cast<std::chrono::seconds>(limits.total_time).count());
}

void Pool::State::publish() {
    Status status;
    for (const auto& zygote : zygotes_) {
        status.workers += zygote->workers.size();
        status.busy += static_cast<std::size_t>(std::count_if(
            zygote->workers.begin(), zygote->workers.end(), [](const auto& worker) { return worker->job != nullptr; }));
    }
    status.waiting = waiting_.size();
    waiting = waiting_.size();
    status.scanned = scanned_;
    status.lost_workers = lost_;
    if (current() != nullptr) {
        status.generation = current()->generation;
        status.signatures = current()->signatures;
        status.outdated = outdated_;
    }
    const std::lock_guard lock(status_mutex);
    published = std::move(status);
}

void Pool::State::close() {
    const auto gone = [](const JobPtr& job) {
        job->patience.reset();
        job->fail(cannot_tell(policy::Cause::kUnavailable, "the daemon is ending"));
    };
    {
        const std::lock_guard lock(incoming_mutex);
        std::for_each(incoming.begin(), incoming.end(), gone);
        incoming.clear();
    }
    std::for_each(waiting_.begin(), waiting_.end(), gone);
    waiting_.clear();
    for (auto& zygote : zygotes_) {
        for (auto& worker : zygote->workers) {
            if (const auto job = std::exchange(worker->job, nullptr))
                gone(job);
        }
    }
    zygotes_.clear();
}

Pool::Pool(net::Loop& home, PoolLimits limits) : state_(std::make_shared<State>(home, limits)) {}

Pool::~Pool() {
    state_->close();
}

void Pool::adopt_zygote(base::UniqueFd control, std::uint32_t generation) {
    state_->adopt(std::move(control), generation);
}

void Pool::submit(net::Loop& loop, std::string id, mail::MessagePtr message, Done done) {
    state_->submit(std::make_shared<ScanJob>(loop, std::move(id), std::move(message), std::move(done)));
}

void Pool::submit_edit(net::Loop& loop, std::string id, mail::MessagePtr message, EditRequest request, EditDone done) {
    state_->submit(
        std::make_shared<EditJob>(loop, std::move(id), std::move(message), std::move(request), std::move(done)));
}

void Pool::expect_no_more() {
    state_->expect_no_more();
}

void Pool::set_limits(PoolLimits limits) {
    state_->limits = limits;
}

std::size_t Pool::waiting() const {
    return state_->waiting;
}

Pool::Status Pool::status() const {
    const std::lock_guard lock(state_->status_mutex);
    return state_->published;
}

}  // namespace scanners
