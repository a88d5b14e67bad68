#include "journal/journal.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "journal/index.hpp"

namespace journal {
namespace {

// After so long an intent of another process is not waited for any more: its number may be somebody else's by now.
constexpr std::uint32_t kLongestTry = 3600;  // seconds

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

    void add(Task task) {
        {
            const std::lock_guard lock(mutex);
            tasks.push_back(std::move(task));
        }
        wake.notify_one();
    }

    void run();
    void on_record(const Record& record) override;
    void on_new_file() override { index.begin_generation(); }
    void write(Kind kind, const std::string& id, const Key& key);
    void flush();
    Known known(const Key& key, bool identified) const;
    Answer look_up(const mail::Message& message, std::size_t below, const Origin& origin,
                   const std::vector<std::string>& recipients);

    // Of the thread, once it runs.
    const std::uint32_t process = static_cast<std::uint32_t>(::getpid());
    bool reading_ours = true;  // at start: what an earlier process with our number wrote is not ours
    Index index;
    std::optional<Files> files;
    std::string unwritten;      // encoded records
    std::vector<Task> answers;  // to be given when they are written

    std::atomic<std::uint64_t> entries{0};
    std::atomic<std::uint64_t> recognised{0};
    std::atomic<bool> failing{false};
    std::mutex mutex;
    std::condition_variable wake;
    std::vector<Task> tasks;
    bool stopping = false;
    std::thread thread;
};

void Journal::State::on_record(const Record& record) {
    if (reading_ours || record.process != process)
        index.apply(record, false);
}

void Journal::State::write(Kind kind, const std::string& id, const Key& key) {
    const Record record{kind, process, seconds_now(), key, id};
    index.apply(record, true);
    const auto octets = encode(record);
    unwritten.append(octets.data(), octets.size());
}

// One write for all that came together.
void Journal::State::flush() {
    if (!unwritten.empty()) {
        const auto written = files->append(unwritten, seconds_now(), *this);
        unwritten.clear();
        if (!written && !failing.exchange(true))
            base::log::event(base::log::kJournalFailed, "{}", written.error().message);
        else if (written && failing.exchange(false))
            base::log::event(base::log::kJournalFailed, "it can be written again");
    }
    for (auto& answer : std::exchange(answers, {}))
        answer();
    entries = index.size();
}

void Journal::State::run() {
    std::unique_lock lock(mutex);
    for (;;) {
        wake.wait(lock, [this] { return !tasks.empty() || stopping; });
        if (tasks.empty())
            return;
        auto batch = std::exchange(tasks, {});
        lock.unlock();
        try {
            if (auto read = files->catch_up(*this); !read && !failing.exchange(true))
                base::log::event(base::log::kJournalFailed, "{}", read.error().message);
        } catch (const std::exception& failure) {
            base::log::event(base::log::kJournalFailed, "{}", failure.what());
        }
        for (auto& task : batch)
            task();
        flush();
        batch.clear();  // what the tasks hold dies outside the lock
        lock.lock();
    }
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

Answer Journal::State::look_up(const mail::Message& message, std::size_t below, const Origin& origin,
                               const std::vector<std::string>& recipients) {
    Answer answer;
    const auto content = sha256(message.bytes().substr(std::min(below, message.size())));
    answer.mail = mail_key(origin, content);
    answer.crashes = index.crashes(answer.mail);
    for (const auto& recipient : recipients) {
        answer.keys.push_back(recipient_key(origin, content, recipient));
        answer.known.push_back(known(answer.keys.back(), origin.identified()));
        if (answer.known.back().state == Known::State::kDone)
            ++recognised;
    }
    return answer;
}

base::Result<std::unique_ptr<Journal>> Journal::open(const std::string& directory, FileLimits limits) {
    auto state = std::make_unique<State>();
    auto files = Files::open(directory, limits, seconds_now(), *state);
    if (!files)
        return files.error();
    state->files.emplace(std::move(*files));
    state->reading_ours = false;
    state->entries = state->index.size();
    return std::unique_ptr<Journal>(new Journal(std::move(state)));
}

Journal::Journal(std::unique_ptr<State> state) : state_(std::move(state)) {
    // Signals belong to the main loop's thread.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    state_->thread = std::thread([running = state_.get()] { running->run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Journal::~Journal() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->wake.notify_one();
    state_->thread.join();
}

void Journal::look_up(net::Loop& loop, mail::MessagePtr message, std::size_t below, Origin origin,
                      std::vector<std::string> recipients, std::function<void(Answer)> done) {
    state_->add([state = state_.get(), &loop, message = std::move(message), below, origin = std::move(origin),
                 recipients = std::move(recipients), done = std::move(done)]() mutable {
        auto answer = std::make_shared<Answer>();
        try {
            *answer = state->look_up(*message, below, origin, recipients);
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
        for (const auto& key : keys)
            known.push_back(state->known(key, identified));
        loop.post([done = std::move(done), known = std::move(known)]() mutable { done(std::move(known)); });
    });
}

void Journal::intend(net::Loop& loop, std::string id, std::vector<Key> keys, std::function<void()> done) {
    state_->add(
        [state = state_.get(), &loop, id = std::move(id), keys = std::move(keys), done = std::move(done)]() mutable {
            for (const auto& key : keys)
                state->write(Kind::kIntent, id, key);
            state->answers.emplace_back([&loop, done = std::move(done)]() mutable {
                SANDWICH_FAILPOINT("journal-intent-written");
                loop.post(std::move(done));
            });
        });
}

void Journal::conclude(std::string id, std::vector<Key> keys, Kind kind) {
    state_->add([state = state_.get(), id = std::move(id), keys = std::move(keys), kind] {
        SANDWICH_FAILPOINT("journal-before-completion");
        for (const auto& key : keys)
            state->write(kind, id, key);
        state->answers.emplace_back([] { SANDWICH_FAILPOINT("journal-completion-written"); });
    });
}

void Journal::give_up(std::vector<Key> keys) {
    state_->add([state = state_.get(), keys = std::move(keys)] {
        for (const auto& key : keys)
            state->index.stop_waiting(key);
    });
}

void Journal::crashed(std::string id, Key mail) {
    state_->add([state = state_.get(), id = std::move(id), mail] { state->write(Kind::kCrash, id, mail); });
}

void Journal::set_limits(FileLimits limits) {
    state_->add([state = state_.get(), limits] { state->files->set_limits(limits); });
}

Journal::Status Journal::status() const {
    return {state_->entries, state_->recognised, state_->failing};
}

}  // namespace journal
