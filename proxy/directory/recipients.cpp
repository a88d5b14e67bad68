#include "directory/recipients.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/server_passwords.hpp"
#include "config/spelling.hpp"

namespace directory {

using policy::Knowledge;
using policy::SourceAnswer;

struct Recipients::Question {
    struct Waiter {
        net::Loop* loop;
        Done done;
    };
    policy::RecipientAddress address;
    Sources sources;
    std::size_t next = 0;
    std::vector<SourceAnswer> answers;
    std::vector<Waiter> waiters;
    bool remember = false;  // a source was asked that is not at hand
};

struct Recipients::Explanation {
    Sources sources;
    std::size_t checked = 0;  // so many of them are the domain's
    std::vector<SourceAnswer> answers;
    std::size_t missing = 0;
    config::RecipientCheck check;
    std::string head;
    std::function<void(base::Result<std::string>)> done;
};

namespace {

std::string key_of(const config::RecipientCheck& check, const policy::RecipientAddress& address) {
    return fmt::format("{}\n{}", fmt::join(check.sources, ","), address.text());
}

std::string in_words(const SourceAnswer& answer) {
    std::string text(policy::to_string(answer.knowledge));
    if (!answer.mailbox.empty())
        text += fmt::format(", mailbox {}", answer.mailbox);
    if (!answer.detail.empty())
        text += fmt::format(" ({})", answer.detail);
    return text;
}

}  // namespace

Recipients::Recipients(net::Loop& home, const config::Settings& settings, std::string_view server_passwords,
                       UserList::Open users)
    : home_(home), users_(std::move(users)) {
    configure(settings, server_passwords);
}

Recipients::~Recipients() = default;

void Recipients::configure(const config::Settings& settings, std::string_view server_passwords) {
    std::map<std::string, Made> now;
    order_.clear();
    const auto take = [&](const std::string& id, const config::RecipientSource& source,
                          const config::LdapDirectory& directory, const std::string& password, const auto& make) {
        order_.push_back(id);
        const auto old = sources_.find(id);
        if (old != sources_.end() && old->second.settings == source && old->second.directory == directory &&
            old->second.password == password)
            now.insert(sources_.extract(old));
        else
            now.emplace(id, Made{source, directory, password, make()});
    };
    for (const auto& wanted : settings.sources)
        take(wanted.id(), wanted, {}, {}, [&] { return make_source(home_, wanted, settings.proxy_hostname); });
    // Directories may be there for other purposes: they are connected to only where they are named.
    const auto named = config::named_sources(settings);
    for (const auto& wanted : settings.ldap_directories) {
        const auto id = "ldap " + config::lower(wanted.name);
        const auto password = config::server_password_in(server_passwords, id);
        if (std::ranges::find(named, id) != named.end())
            take(id, {}, wanted, password, [&] { return make_source(home_, wanted, password); });
    }
    if (const std::string id(config::kUserListSource); users_ && std::ranges::find(named, id) != named.end())
        take(id, {}, {}, {}, [&] { return make_source(home_, users_); });
    sources_ = std::move(now);  // those that go answer what they were asked before they die
    most_ = settings.directory.max_lookups;
    cache_.set_limits(
        {settings.directory.cache_entries, settings.directory.cache_known, settings.directory.cache_unknown});
    cache_.clear();
}

std::optional<SourceAnswer> Recipients::remembered(const config::RecipientCheck& check,
                                                   const policy::RecipientAddress& address) {
    return cache_.find(key_of(check, address), base::Monotonic::now());
}

void Recipients::look_up(net::Loop& loop, const config::RecipientCheck& check, const policy::RecipientAddress& address,
                         Done done) {
    home_.post([this, &loop, key = key_of(check, address), check, address, done = std::move(done)]() mutable {
        start(loop, key, check, address, std::move(done));
    });
}

void Recipients::start(net::Loop& loop, const std::string& key, const config::RecipientCheck& check,
                       const policy::RecipientAddress& address, Done done) {
    if (const auto running = questions_.find(key); running != questions_.end()) {
        running->second->waiters.push_back({&loop, std::move(done)});
        return;
    }
    if (questions_.size() >= most_) {
        loop.post([done = std::move(done)] { done({Knowledge::kDown, "too many look-ups at the same time"}); });
        return;
    }
    auto question = std::make_unique<Question>();
    question->address = address;
    question->sources = find(check.sources);
    question->waiters.push_back({&loop, std::move(done)});
    questions_.emplace(key, std::move(question));
    go_on(key);
}

// A source that a newer configuration has taken away counts as down: nobody is refused for that.
Recipients::Sources Recipients::find(const std::vector<std::string>& ids) const {
    Sources found;
    for (const auto& id : ids) {
        const auto made = sources_.find(id);
        found.emplace_back(id, made == sources_.end() ? nullptr : made->second.source);
    }
    return found;
}

void Recipients::go_on(const std::string& key) {
    auto& question = *questions_.at(key);
    if (!question.answers.empty() && policy::settles(question.answers.back().knowledge))
        return settle(key, question.answers.back());
    if (question.next == question.sources.size())
        return settle(key, policy::combine(question.answers));
    const auto& [id, source] = question.sources[question.next++];
    if (!source) {
        question.answers.push_back({Knowledge::kDown, "no such source any more"});
        return go_on(key);
    }
    question.remember = question.remember || !source->at_hand();
    source->ask(question.address, [this, key, id = id, alive = std::weak_ptr(alive_)](SourceAnswer answer) {
        if (alive.expired())
            return;
        note_state(id, answer);
        if (answer.knowledge == Knowledge::kKnown)
            answer.source = id.substr(0, id.find(' '));
        questions_.at(key)->answers.push_back(std::move(answer));
        go_on(key);
    });
}

void Recipients::settle(const std::string& key, SourceAnswer answer) {
    auto question = std::move(questions_.extract(key).mapped());
    if (question->remember)
        cache_.keep(key, answer, base::Monotonic::now());
    for (auto& waiter : question->waiters)
        waiter.loop->post([done = std::move(waiter.done), answer] { done(answer); });
    home_.retire(std::move(question));  // its sources may be the last of an older configuration, and have called us
}

std::chrono::seconds Recipients::slow_down(const std::string& client, const config::Settings& settings) {
    const auto [slow, first] = guesses_.count(client, settings.directory.unknown_per_minute, base::Monotonic::now());
    if (first)
        base::log::event(base::log::kGuessing, "{}: more than {} unknown recipients in a minute", client,
                         settings.directory.unknown_per_minute);
    if (!slow)
        return std::chrono::seconds(0);
    ++counts_.slowed;
    return settings.directory.unknown_delay;
}

void Recipients::note_state(const std::string& id, const SourceAnswer& answer) {
    const auto made = sources_.find(id);
    if (made == sources_.end())
        return;
    auto& state = made->second;
    ++state.answers;
    if (answer.passing)
        return;
    const bool down = answer.knowledge == Knowledge::kDown;
    state.failures += down ? 1 : 0;
    if (std::exchange(state.down, down) == down)
        return;
    if (down)
        base::log::event(base::log::kSourceDown, "{}: {}", id, answer.detail);
    else
        base::log::event(base::log::kSourceUp, "{}", id);
}

void Recipients::explain(const CheckOf& check_of, const std::string& path,
                         std::function<void(base::Result<std::string>)> done) {
    const auto address = policy::parse_recipient(path);
    if (!address)
        return done(base::error("\"{}\" is no address", path));
    auto task = std::make_shared<Explanation>();
    const auto* const check = check_of(address->domain);
    auto ids = check != nullptr ? check->sources : std::vector<std::string>();
    task->checked = ids.size();
    task->check = check != nullptr ? *check : config::RecipientCheck{};
    for (const auto& id : order_)
        if (std::ranges::find(ids, id) == ids.end())
            ids.push_back(id);
    task->sources = find(ids);
    task->head = fmt::format("recipient: {}\n", address->text());
    if (check != nullptr) {
        if (const auto kept = remembered(*check, *address))
            task->head += fmt::format("remembered: {}\n", in_words(*kept));
    }
    task->answers.resize(task->sources.size());
    task->missing = task->sources.size() + 1;
    task->done = std::move(done);
    const auto finish = [this, task] {
        if (--task->missing > 0)
            return;
        auto text = task->head;
        for (std::size_t i = 0; i < task->sources.size(); ++i)
            text += fmt::format("{}: {}{}\n", task->sources[i].first, in_words(task->answers[i]),
                                i < task->checked ? "" : "; not asked for this domain");
        task->answers.resize(task->checked);
        if (task->checked == 0)
            text += "verdict: accept, the domain is not checked\n";
        else
            text += fmt::format("verdict: {}\n", policy::to_string(policy::judge(
                                                     policy::combine(task->answers).knowledge, task->check.choices)));
        home_.retire(std::make_unique<Sources>(std::exchange(task->sources, {})));
        task->done(std::move(text));
    };
    for (std::size_t i = 0; i < task->sources.size(); ++i) {
        if (!task->sources[i].second) {
            task->answers[i].detail = "there is no such source";
            finish();
            continue;
        }
        task->sources[i].second->ask(*address, [task, i, finish](SourceAnswer answer) {
            task->answers[i] = std::move(answer);
            finish();
        });
    }
    finish();
}

std::string Recipients::describe() const {
    if (sources_.empty())
        return {};
    std::string text;
    for (const auto& id : order_) {
        const auto& made = sources_.at(id);
        text += fmt::format("source {}: {}{}, {} asked, {} failed\n", id, made.down ? "DOWN, " : "",
                            made.source->describe(), made.answers, made.failures);
    }
    const auto cache = cache_.counts();
    return text +
           fmt::format("recipients: {} unknown, {} deferred, {} answers slowed; {} remembered, {} hits, {} misses\n",
                       counts_.refused.load(), counts_.deferred.load(), counts_.slowed.load(), cache.entries,
                       cache.hits, cache.misses);
}

}  // namespace directory
