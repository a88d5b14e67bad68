#include "directory/user_list.hpp"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <latch>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/background_thread.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/original.hpp"
#include "directory/user_list_address.hpp"
#include "directory/user_list_requests.hpp"
#include "directory/user_list_sqlite.hpp"
#include "directory/user_settings.hpp"
#include "policy/address_set.hpp"

namespace directory {
namespace {

constexpr std::int64_t kHour = 3600;  // seconds

std::int64_t seconds_now() {
    return std::chrono::duration_cast<std::chrono::seconds>(base::Wall::now().time_since_epoch()).count();
}

policy::AddressSet domains_of(const std::string& text) {
    policy::AddressSet domains;
    for (const auto& domain : config::list_items(text))
        domains.add(domain);
    return domains;
}

}  // namespace

struct UserList::State {
    struct Request {
        net::Loop* loop = nullptr;
        std::string line;
        std::function<void(base::Result<std::string>)> done;
    };

    explicit State(Open opener) : open(std::move(opener)) {}

    void run();
    void write(std::vector<Sighting> sightings);
    void answer(Request& one);
    void refresh(const std::vector<std::string>& changed);
    void refresh_folded(const std::vector<Sighting>& sightings);
    UserStore* usable(bool at_once);
    void tell(const std::string& failure);
    void count();

    const Open open;
    std::atomic<bool> filling{false};  // there are domains
    std::atomic<std::uint64_t> mailboxes{0};
    std::atomic<std::uint64_t> aliases{0};
    std::atomic<bool> failing{false};
    std::latch tried_once{1};
    UserSettings settings;

    std::mutex mutex;
    std::condition_variable wake;
    policy::AddressSet domains;
    std::uint64_t limit = 0;
    std::vector<Sighting> waiting;
    std::unordered_map<std::string, std::int64_t> recent;  // address -> hour in which it was passed on
    std::vector<Request> requests;
    bool stopping = false;

    // Of the thread.
    std::unique_ptr<UserStore> store;
    base::Monotonic::time_point tried{};
    std::int64_t full_told = 0;

    std::thread thread;
};

void UserList::State::run() {
    try {
        if (usable(true) != nullptr)
            count();
    } catch (const std::exception& failure) {
        tell(failure.what());
    }
    tried_once.count_down();
    std::unique_lock lock(mutex);
    for (;;) {
        wake.wait(lock, [this] { return !waiting.empty() || !requests.empty() || stopping; });
        if (requests.empty() && !stopping)  // more will come within a moment
            wake.wait_for(lock, kGather, [this] { return !requests.empty() || stopping; });
        auto sightings = std::exchange(waiting, {});
        auto asked = std::exchange(requests, {});
        const bool last = stopping;
        lock.unlock();
        try {
            // First, so that a request sees what was seen before it.
            if (!sightings.empty())
                write(std::move(sightings));
            for (auto& one : asked)
                if (!last)
                    answer(one);
        } catch (const std::exception& failure) {
            tell(failure.what());
        }
        if (last)
            return;
        lock.lock();
    }
}

// Null: there is none at this moment.
UserStore* UserList::State::usable(bool at_once) {
    if (store)
        return store.get();
    const auto now = base::Monotonic::now();
    if (!at_once && now - tried < kAgain)
        return nullptr;
    tried = now;
    auto opened = open();
    if (!opened) {
        tell(opened.error().message);
        return nullptr;
    }
    store = std::move(*opened);
    if (const auto loaded = settings.load(*store); !loaded) {
        tell(loaded.error().message);
        store.reset();
    }
    return store.get();
}

void UserList::State::refresh(const std::vector<std::string>& changed) {
    for (const auto& scope : changed)
        if (const auto refreshed = settings.refresh(*store, scope); !refreshed)
            return tell(refreshed.error().message);
}

// A mailbox with settings may have become an alias, or have got one.
void UserList::State::refresh_folded(const std::vector<Sighting>& sightings) {
    std::vector<std::string> changed;
    for (const auto& one : sightings)
        if (!one.mailbox.empty() && (settings.has(one.address) || settings.has(one.mailbox)))
            changed.push_back(one.address);
    refresh(changed);
}

// Once until it works again.
void UserList::State::tell(const std::string& failure) {
    if (!failing.exchange(true))
        base::log::event(base::log::kUsersFailed, "{}", failure);
}

void UserList::State::write(std::vector<Sighting> sightings) {
    std::uint64_t most = 0;
    {
        const std::lock_guard lock(mutex);
        most = limit;
    }
    auto* const usable_store = usable(false);
    const auto left_out = usable_store != nullptr ? usable_store->record(sightings, most)
                                                  : base::Result<std::uint64_t>(base::error("it cannot be opened"));
    if (!left_out) {
        tell(left_out.error().message);
        // They count anew with the next mail.
        const std::lock_guard lock(mutex);
        recent.clear();
        return;
    }
    if (failing.exchange(false))
        base::log::event(base::log::kUsersFailed, "it can be written again");
    if (const auto now = seconds_now(); *left_out > 0 && now - full_told >= kHour) {
        base::log::event(base::log::kUsersFull, "{} addresses; new ones are left out", most);
        full_told = now;
    }
    refresh_folded(sightings);
    count();
}

void UserList::State::answer(Request& one) {
    auto answer = std::make_shared<base::Result<std::string>>(base::error("the user list cannot be opened"));
    if (auto* const usable_store = usable(true)) {
        std::vector<std::string> changed;
        *answer = answer_user_request(*usable_store, one.line, seconds_now(), changed);
        refresh(changed);
        count();
    }
    one.loop->post([done = std::move(one.done), answer] { done(std::move(*answer)); });
}

void UserList::State::count() {
    if (const auto counts = store->count()) {
        mailboxes = counts->mailboxes;
        aliases = counts->aliases;
    }
}

UserList::UserList(Open open, const Limits& limits) : state_(std::make_unique<State>(std::move(open))) {
    configure(limits);
    state_->thread = base::background_thread([state = state_.get()] { state->run(); });
    state_->tried_once.wait();
}

UserList::~UserList() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->wake.notify_one();
    state_->thread.join();
}

void UserList::seen(std::string_view address, std::string_view source, std::string_view mailbox) {
    if (!state_->filling)
        return;
    auto kept = list_address(address);
    auto target = mailbox.empty() ? std::optional(std::string()) : list_address(mailbox);
    if (!kept || !target)
        return;
    const auto now = seconds_now();
    bool wake = false;
    {
        const std::lock_guard lock(state_->mutex);
        if (!state_->domains.contains(*kept))
            return;
        if (state_->recent.size() >= kMaxRecent)
            state_->recent.clear();
        auto& hour = state_->recent[*kept + " " + *target];
        if (hour == now / kHour || state_->waiting.size() >= kMaxWaiting)
            return;
        hour = now / kHour;
        wake = state_->waiting.empty();
        state_->waiting.push_back({std::move(*kept), std::move(*target), std::string(source), now});
    }
    if (wake)
        state_->wake.notify_one();
}

void UserList::request(net::Loop& loop, std::string line, std::function<void(base::Result<std::string>)> done) {
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->requests.size() < kMaxRequests) {
            state_->requests.push_back({&loop, std::move(line), std::move(done)});
            done = nullptr;
        }
    }
    if (done)
        loop.post([done = std::move(done)] { done(base::error("the user list has too much to do; try again")); });
    else
        state_->wake.notify_one();
}

policy::RecipientSettings UserList::settings(std::string_view path) const {
    return state_->settings.of(path);
}

bool UserList::settings_known() const {
    return state_->settings.known();
}

void UserList::configure(const Limits& limits) {
    auto domains = domains_of(limits.domains);
    const std::lock_guard lock(state_->mutex);
    state_->filling = domains.size() > 0;
    state_->domains = std::move(domains);
    state_->limit = limits.addresses;
}

std::string UserList::describe() const {
    return fmt::format("{} mailboxes, {} aliases{}", state_->mailboxes.load(), state_->aliases.load(),
                       state_->failing ? ", CANNOT BE USED" : "");
}

UserList::Open embedded_user_store(const std::string& directory) {
    return [directory] { return open_sqlite_user_store(directory + "/users.db"); };
}

}  // namespace directory
