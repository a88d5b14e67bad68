#include "quarantine/service.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "base/background_thread.hpp"
#include "base/log.hpp"

namespace quarantine {
namespace {

constexpr std::chrono::hours kExpiryInterval{1};

// The recipients stand in the log line of the message; here their number is enough.
std::string summary(const Entry& entry) {
    return fmt::format("from=<{}>, nrcpts={}, size={}, relay={}, verdict={}, rule={}", entry.envelope.reverse_path,
                       entry.envelope.recipients.size(), entry.size, entry.client, entry.verdict, entry.rule);
}

}  // namespace

struct Service::State {
    explicit State(Store opened) : store(std::move(opened)) { publish(); }

    using Task = std::function<void(Store&)>;

    void add(Task task) {
        {
            const std::lock_guard lock(mutex);
            tasks.push_back(std::move(task));
        }
        wake.notify_one();
    }

    // Runs `work` on the thread and `done` with its result on the loop. Whatever happens, somebody waits for `done`.
    template <typename T>
    void ask(net::Loop& loop, std::function<T(Store&)> work, std::function<void(T)> done, T otherwise) {
        add([this, &loop, work = std::move(work), done = std::move(done),
             otherwise = std::move(otherwise)](Store& target) mutable {
            auto answer = std::make_shared<T>(std::move(otherwise));
            try {
                *answer = work(target);
            } catch (const std::exception& failure) {
                base::log::event(base::log::kStorageFailed, "quarantine: {}", failure.what());
            }
            publish();
            loop.post([done = std::move(done), answer] { done(std::move(*answer)); });
        });
    }

    void run();
    void expire();
    void publish() {
        entries = store.entries();
        octets = store.total_size();
    }

    Store store;  // of the thread, once it runs
    std::atomic<std::uint64_t> entries{0};
    std::atomic<std::uint64_t> octets{0};
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Task> tasks;
    bool stopping = false;
    std::thread thread;
};

void Service::State::run() {
    expire();
    auto next_expiry = base::Monotonic::now() + kExpiryInterval;
    std::unique_lock lock(mutex);
    for (;;) {
        wake.wait_until(lock, next_expiry, [this] { return !tasks.empty() || stopping; });
        if (tasks.empty() && stopping)
            return;
        Task task;
        if (!tasks.empty()) {
            task = std::move(tasks.front());
            tasks.pop_front();
        }
        lock.unlock();
        if (task)
            task(store);
        if (base::Monotonic::now() >= next_expiry) {
            expire();
            next_expiry = base::Monotonic::now() + kExpiryInterval;
        }
        task = nullptr;  // what it holds dies outside the lock
        lock.lock();
    }
}

void Service::State::expire() {
    try {
        for (const auto& id : store.expire(base::Wall::now()))
            base::log::event(base::log::kQuarantineDelete, "{}: expired", id);
    } catch (const std::exception& failure) {
        base::log::event(base::log::kStorageFailed, "quarantine: {}", failure.what());
    }
    publish();
}

Service::Service(Store store) : state_(std::make_unique<State>(std::move(store))) {
    state_->thread = base::background_thread([state = state_.get()] { state->run(); });
}

Service::~Service() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->wake.notify_one();
    state_->thread.join();
}

void Service::put(net::Loop& loop, Entry entry, mail::MessagePtr message, std::function<void(base::Status)> done) {
    state_->ask<base::Status>(
        loop,
        [entry = std::move(entry), message = std::move(message)](Store& store) mutable -> base::Status {
            entry.size = message->size();
            if (auto room = store.room_for(entry.size); !room) {
                base::log::event(base::log::kQuarantineFull, "{}: {}", entry.id, room.error().message);
                return room;
            }
            auto kept = store.put(entry, *message);
            if (kept)
                base::log::event(base::log::kQuarantined, "{}: {}", entry.id, summary(entry));
            else
                base::log::event(base::log::kStorageFailed, "{}: quarantine: {}", entry.id, kept.error().message);
            return kept;
        },
        std::move(done), base::error("the quarantine failed"));
}

void Service::list(net::Loop& loop, std::function<void(std::vector<Entry>)> done) {
    state_->ask<std::vector<Entry>>(loop, [](Store& store) { return store.list(); }, std::move(done), {});
}

void Service::show(net::Loop& loop, std::string id, std::function<void(base::Result<Entry>)> done) {
    state_->ask<base::Result<Entry>>(
        loop, [id = std::move(id)](Store& store) { return store.show(id); }, std::move(done),
        base::error("the quarantine failed"));
}

void Service::remove(net::Loop& loop, std::string id, std::function<void(base::Status)> done) {
    state_->ask<base::Status>(
        loop, [id = std::move(id)](Store& store) { return store.remove(id); }, std::move(done),
        base::error("the quarantine failed"));
}

void Service::record_release(net::Loop& loop, std::string id, ReleaseState state, std::string note,
                             std::function<void(base::Status)> done) {
    state_->ask<base::Status>(
        loop,
        [id = std::move(id), state, note = std::move(note)](Store& store) {
            auto recorded = store.record_release(id, state, note);
            if (!recorded)
                base::log::event(base::log::kStorageFailed, "{}: quarantine: {}", id, recorded.error().message);
            return recorded;
        },
        std::move(done), base::error("the quarantine failed"));
}

void Service::load(net::Loop& loop, std::string id, std::function<void(base::Result<Loaded>)> done) {
    state_->ask<base::Result<Loaded>>(
        loop,
        [id = std::move(id)](Store& store) -> base::Result<Loaded> {
            auto entry = store.show(id);
            if (!entry)
                return entry.error();
            auto message = store.message(id);
            if (!message)
                return message.error();
            return Loaded{std::move(*entry), std::move(*message)};
        },
        std::move(done), base::error("the quarantine failed"));
}

void Service::set_limits(Limits limits) {
    state_->add([limits](Store& store) { store.set_limits(limits); });
}

Service::Usage Service::usage() const {
    return {state_->entries, state_->octets};
}

}  // namespace quarantine
