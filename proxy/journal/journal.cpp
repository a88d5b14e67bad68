#include "journal/journal.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <thread>
#include <utility>

#include "base/background_thread.hpp"
#include "base/clock.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "journal/fingerprint.hpp"
#include "journal/index.hpp"
#include "journal/ring.hpp"

namespace journal {
namespace {

// After so long an intent of another process is not waited for any more: its number may be somebody else's by now.
constexpr std::uint32_t kLongestTry = 3600;  // seconds

// So long the thread lets what nobody waits for come together. It is safe meanwhile.
constexpr std::chrono::milliseconds kRest{5};

// Of a record that is no mail's.
constexpr std::string_view kNoId = "00000000000000";

std::uint32_t seconds_now() {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(base::Wall::now().time_since_epoch()).count());
}

bool is_alive(std::uint32_t process) {
    return ::kill(static_cast<pid_t>(process), 0) == 0 || errno == EPERM;
}

}  // namespace

struct Journal::State final : Files::Reader {
    using Task = std::function<void()>;

    // What is to be done by the thread, in this order.
    struct Work {
        std::string records;        // encoded
        std::vector<Task> answers;  // to be given when they are written
        std::vector<Task> tasks;    // that want to know what others wrote
        std::size_t safe = 0;       // records that are in the ring, too

        [[nodiscard]] bool empty() const { return records.empty() && !urgent(); }
        [[nodiscard]] bool urgent() const {
            return !answers.empty() || !tasks.empty() || records.size() > safe * kRecordSize;
        }
    };

    void run();
    void work(Work& batch);
    void write(const std::string& records);
    void learn(const std::string& records);
    void failed(const base::Status& status);
    void on_record(const Record& record) override;
    void on_new_file() override { seen.emplace_back(); }

    base::Status make_ring(const std::string& directory, const std::string& where);
    void read_others();
    void take_over_the_dead();
    bool note(Kind kind, const std::string& id, const Key& key);
    void tell_thread(std::unique_lock<std::mutex>& lock);
    void add(Task task);
    Known known(const Key& key, bool identified) const;
    void tell(const Origin& origin, const Fingerprint& content, const std::vector<std::string>& recipients,
              Answer& answer);
    bool look_up_at_once(std::string_view text, const std::optional<Fingerprint>& known, const Origin& origin,
                         const std::vector<std::string>& recipients, Answer& answer);

    std::optional<Fingerprints> fingerprints;
    const std::uint32_t process = static_cast<std::uint32_t>(::getpid());

    std::shared_mutex files_mutex;  // of those three; taken before the other one
    std::optional<Files> files;
    std::optional<Rings> rings;
    std::vector<std::optional<Record>> seen;  // in the files, in order; nothing: a new one begins

    std::atomic<std::uint64_t> entries{0};
    std::atomic<std::uint64_t> recognised{0};
    std::atomic<bool> failing{false};
    std::atomic<bool> others{false};  // there are rings of other processes

    mutable std::mutex mutex;  // of all below
    Index index;
    Work waiting;
    std::optional<Ring> ring;
    // The thread. Asleep or resting: it has to be woken, in the second case only by what is urgent.
    enum class Thread : std::uint8_t { kAwake, kAsleep, kResting } state = Thread::kAwake;
    bool stopping = false;
    std::condition_variable wake;
    std::thread thread;
};

// Before the thread starts.
base::Status Journal::State::make_ring(const std::string& directory, const std::string& where) {
    auto opened = Rings::open(where, directory);
    if (!opened)
        return opened.error();
    rings.emplace(std::move(*opened));
    auto made = rings->make(process);
    if (!made)
        return made.error();
    ring.emplace(std::move(*made));
    take_over_the_dead();
    for (const auto& record : std::exchange(seen, {})) {
        if (record)
            index.apply(*record, false);
        else
            index.begin_generation();
    }
    // Who else is there sees that the file has grown, and looks for our ring.
    const auto start = encode({Kind::kStart, process, seconds_now(), {}, std::string(kNoId)});
    return files->append({start.data(), start.size()}, seconds_now(), *this);
}

// ---- the thread

void Journal::State::run() {
    std::unique_lock lock(mutex);
    for (;;) {
        state = Thread::kAsleep;
        wake.wait(lock, [this] { return !waiting.empty() || stopping; });
        if (!waiting.urgent() && !stopping) {
            state = Thread::kResting;
            wake.wait_for(lock, kRest, [this] { return waiting.urgent() || stopping; });
        }
        state = Thread::kAwake;
        if (waiting.empty())
            break;
        auto batch = std::exchange(waiting, {});
        lock.unlock();
        work(batch);
        const auto safe = std::exchange(batch, {}).safe;  // what the tasks hold dies outside the lock
        lock.lock();
        if (safe > 0)
            ring->written(safe);
    }
    if (ring)
        ring->remove();
}

// One write for all that came together.
void Journal::State::work(Work& batch) {
    {
        const std::lock_guard guard(files_mutex);
        try {
            read_others();
            learn(batch.records);
            if (!batch.records.empty())
                write(batch.records);
            learn(batch.records);
        } catch (const std::exception& failure) {
            base::log::event(base::log::kJournalFailed, "{}", failure.what());
        }
    }
    for (auto& answer : batch.answers)
        answer();
    for (auto& task : batch.tasks)
        task();
}

// What is in a living process's ring now is there or, a moment later, in the file: so the rings come first.
void Journal::State::read_others() {
    std::vector<std::string> unwritten;
    bool again = true;
    while (again) {
        unwritten = others ? rings->of_the_living() : std::vector<std::string>();
        const auto before = static_cast<std::ptrdiff_t>(seen.size());
        failed(files->catch_up(*this));
        again = rings && std::any_of(seen.begin() + before, seen.end(),
                                     [](const auto& record) { return record && record->kind == Kind::kStart; });
        if (again) {
            rings->look();
            others = rings->any_other();
        }
    }
    for (const auto& records : unwritten)
        for (std::size_t at = 0; at < records.size(); at += kRecordSize)
            // Crashes are counted when they are in the file, once.
            if (const auto record = decode(std::string_view(records).substr(at, kRecordSize));
                record && record->kind != Kind::kCrash)
                seen.emplace_back(*record);
    if (others)
        take_over_the_dead();
}

void Journal::State::take_over_the_dead() {
    rings->take_over([this](const std::string& records) -> base::Status {
        if (records.empty())
            return base::ok();
        const auto written = files->append(records, seconds_now(), *this);
        failed(written);
        if (written)
            for (std::size_t at = 0; at < records.size(); at += kRecordSize)
                seen.emplace_back(decode(std::string_view(records).substr(at, kRecordSize)));
        return written;
    });
    others = rings->any_other();
}

void Journal::State::write(const std::string& records) {
    const auto written = files->append(records, seconds_now(), *this);
    failed(written);
    if (written && failing.exchange(false))
        base::log::event(base::log::kJournalFailed, "it can be written again");
}

void Journal::State::failed(const base::Status& status) {
    if (!status && !failing.exchange(true))
        base::log::event(base::log::kJournalFailed, "{}", status.error().message);
}

void Journal::State::on_record(const Record& record) {
    if (record.process != process)
        seen.emplace_back(record);
}

// Takes over what was seen in the files. Ours is written behind it: `records`, and what came since.
void Journal::State::learn(const std::string& records) {
    if (seen.empty())
        return;
    const std::lock_guard lock(mutex);
    for (const auto& record : std::exchange(seen, {})) {
        if (record)
            index.apply(*record, false);
        else
            index.begin_generation();
    }
    for (const std::string_view ours : {std::string_view(records), std::string_view(waiting.records)})
        for (std::size_t at = 0; at < ours.size(); at += kRecordSize)
            if (const auto record = decode(ours.substr(at, kRecordSize)))
                index.renew(*record);
    entries = index.size();
}

// ---- whoever asks or tells; with the lock

// True: it outlives this process. What has to be written first is urgent.
bool Journal::State::note(Kind kind, const std::string& id, const Key& key) {
    const Record record{kind, process, seconds_now(), key, id};
    index.apply(record, true);
    const auto octets = encode(record);
    waiting.records.append(octets.data(), octets.size());
    entries = index.size();
    const bool safe = ring && ring->put(octets);
    waiting.safe += safe ? 1 : 0;
    return safe;
}

// There is work. It is woken without the lock, for which it would only wait.
void Journal::State::tell_thread(std::unique_lock<std::mutex>& lock) {
    const bool needed = state == Thread::kAsleep || (state == Thread::kResting && waiting.urgent());
    if (needed)
        state = Thread::kAwake;
    lock.unlock();
    if (needed)
        wake.notify_one();
}

void Journal::State::add(Task task) {
    std::unique_lock lock(mutex);
    waiting.tasks.push_back(std::move(task));
    tell_thread(lock);
}

Known Journal::State::known(const Key& key, bool identified) const {
    const auto* const entry = index.find(key);
    if (entry == nullptr)
        return {};
    Known known{Known::State::kPossible, entry->kind, std::string(entry->id.begin(), entry->id.end())};
    if (entry->kind == Kind::kIntent) {
        const bool elsewhere = entry->process != process && entry->process != 0 &&
                               seconds_now() - entry->time < kLongestTry && is_alive(entry->process);
        if (identified && (entry->running || elsewhere))
            known.state = Known::State::kRunning;
    } else if (identified) {
        known.state = Known::State::kDone;
    }
    return known;
}

void Journal::State::tell(const Origin& origin, const Fingerprint& content, const std::vector<std::string>& recipients,
                          Answer& answer) {
    answer.mail = mail_key(origin, content);
    for (const auto& recipient : recipients)
        answer.keys.push_back(recipient_key(origin, content, recipient));
    const std::lock_guard lock(mutex);
    answer.crashes = index.crashes(answer.mail);
    for (const auto& key : answer.keys) {
        answer.known.push_back(known(key, origin.identified()));
        if (answer.known.back().state == Known::State::kDone)
            ++recognised;
    }
}

// False: the thread has to be asked.
bool Journal::State::look_up_at_once(std::string_view text, const std::optional<Fingerprint>& known,
                                     const Origin& origin, const std::vector<std::string>& recipients, Answer& answer) {
    if ((text.size() > kSmall && !known) || others)
        return false;
    const auto content = known ? *known : fingerprints->of(text);
    // While the thread is at the files nobody knows what stands in them.
    const std::shared_lock lock(files_mutex, std::try_to_lock);
    if (!lock.owns_lock() || !files->caught_up())
        return false;
    tell(origin, content, recipients, answer);
    return true;
}

// ---- the journal

base::Result<std::unique_ptr<Journal>> Journal::open(const std::string& directory, const std::string& rings,
                                                     FileLimits limits) {
    auto state = std::make_unique<State>();
    // At the start what an earlier process with our number wrote is not ours.
    struct Start final : Files::Reader {
        explicit Start(Index& of) : index(of) {}
        void on_record(const Record& record) override { index.apply(record, false); }
        void on_new_file() override { index.begin_generation(); }
        Index& index;
    } start(state->index);
    auto files = Files::open(directory, limits, seconds_now(), start);
    if (!files)
        return files.error();
    state->files.emplace(std::move(*files));
    auto fingerprints = open_fingerprints(directory);
    if (!fingerprints)
        return fingerprints.error();
    state->fingerprints.emplace(std::move(*fingerprints));
    if (const auto made = state->make_ring(directory, rings); !made)
        base::log::event(base::log::kJournalFailed, "{}; each mail waits for the disk", made.error().message);
    state->entries = state->index.size();
    return std::unique_ptr<Journal>(new Journal(std::move(state)));
}

Journal::Journal(std::unique_ptr<State> state) : state_(std::move(state)) {
    state_->thread = base::background_thread([running = state_.get()] { running->run(); });
}

Journal::~Journal() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->wake.notify_one();
    state_->thread.join();
}

RunningFingerprint Journal::begin_text() const {
    return state_->fingerprints->begin();
}

void Journal::look_up(net::Loop& loop, mail::MessagePtr message, std::size_t below, std::optional<Fingerprint> content,
                      Origin origin, std::vector<std::string> recipients, std::function<void(Answer)> done) {
    below = std::min(below, message->size());
    bool answered = false;
    Answer at_once;
    try {
        answered = state_->look_up_at_once(message->bytes().substr(below), content, origin, recipients, at_once);
    } catch (const std::exception&) {  // the thread will say it
    }
    if (answered)
        return done(std::move(at_once));
    state_->add([state = state_.get(), &loop, message = std::move(message), below, content, origin = std::move(origin),
                 recipients = std::move(recipients), done = std::move(done)]() mutable {
        auto answer = std::make_shared<Answer>();
        try {
            const auto text = message->bytes().substr(below);
            state->tell(origin, content ? *content : state->fingerprints->of(text), recipients, *answer);
        } catch (const std::exception& failure) {
            base::log::event(base::log::kJournalFailed, "{}", failure.what());
        }
        loop.post([done = std::move(done), answer] { done(std::move(*answer)); });
    });
}

void Journal::look_up(net::Loop& loop, std::vector<Key> keys, bool identified,
                      std::function<void(std::vector<Known>)> done) {
    state_->add([state = state_.get(), &loop, keys = std::move(keys), identified, done = std::move(done)]() mutable {
        std::vector<Known> known;
        known.reserve(keys.size());
        {
            const std::lock_guard lock(state->mutex);
            for (const auto& key : keys)
                known.push_back(state->known(key, identified));
        }
        loop.post([done = std::move(done), known = std::move(known)]() mutable { done(std::move(known)); });
    });
}

void Journal::intend(net::Loop& loop, std::string id, std::vector<Key> keys, std::function<void()> done) {
    std::unique_lock lock(state_->mutex);
    bool safe = true;
    for (const auto& key : keys)
        safe = state_->note(Kind::kIntent, id, key) && safe;
    auto answer = [&loop, done = std::move(done)]() mutable {
        SANDWICH_FAILPOINT("journal-intent-written");
        loop.post(std::move(done));
    };
    if (!safe)
        state_->waiting.answers.emplace_back(std::move(answer));
    state_->tell_thread(lock);
    if (safe)
        answer();
}

void Journal::conclude(std::string id, std::vector<Key> keys, Kind kind) {
    SANDWICH_FAILPOINT("journal-before-completion");
    std::unique_lock lock(state_->mutex);
    for (const auto& key : keys)
        state_->note(kind, id, key);
    state_->tell_thread(lock);
    SANDWICH_FAILPOINT("journal-completion-written");
}

void Journal::give_up(std::vector<Key> keys) {
    const std::lock_guard lock(state_->mutex);
    for (const auto& key : keys)
        state_->index.stop_waiting(key);
}

void Journal::crashed(std::string id, Key mail) {
    std::unique_lock lock(state_->mutex);
    state_->note(Kind::kCrash, id, mail);
    state_->tell_thread(lock);
}

void Journal::set_limits(FileLimits limits) {
    state_->add([state = state_.get(), limits] {
        const std::lock_guard guard(state->files_mutex);
        state->files->set_limits(limits);
    });
}

Journal::Status Journal::status() const {
    return {state_->entries, state_->recognised, state_->failing};
}

}  // namespace journal
