#include "explain/explanations.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "explain/record.hpp"
#include "explain/task_thread.hpp"
#include "explain/text.hpp"

namespace explain {
namespace {

constexpr std::uint32_t kForgetEvery = 3600;  // seconds
// Of the writer. What it packs together is packed better, and nobody waits for it but who asks `why`.
constexpr std::chrono::milliseconds kRest{25};

std::uint32_t seconds_now() {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(base::Wall::now().time_since_epoch()).count());
}

// About the memory that it takes; it is only to bound the queue.
std::uint64_t weight_of(const Case& one) {
    constexpr std::uint64_t kItem = 400;
    constexpr std::uint64_t kSmall = 200;
    const auto& contents = one.report.contents;
    return 2000 + kItem * contents.items.size() + kSmall * (contents.hits.size() + one.envelope.recipients.size());
}

// What is to be written: a case, or the end of one.
struct Entry {
    std::unique_ptr<const Case> one;  // null: an end
    Names names;                      // of an end, as the rest
    std::vector<std::string> lines;
    std::uint64_t weight = 0;  // octets
};

}  // namespace

struct Explanations::State {
    State(std::string directory_name, bool enable, FileLimits limits)
        : directory(std::move(directory_name)),
          enabled(enable),
          files(directory, limits),
          writer([this] { flush(); }, kRest) {}
    ~State() { stopping = true; }

    void post(Entry entry);
    void write_entries();
    void write(const Entry& entry);
    void flush();
    void tell_dropped();
    void forget();
    base::Result<std::string> find(const std::string& name) const;

    const std::string directory;
    std::atomic<bool> enabled;
    std::atomic<bool> stopping{false};
    std::atomic<std::uint64_t> waiting{0};       // cases
    std::atomic<std::uint64_t> waiting_size{0};  // octets
    std::atomic<std::uint64_t> kept{0};
    std::atomic<std::uint64_t> dropped{0};
    std::atomic<bool> failing{false};

    std::mutex mutex;
    std::vector<Entry> entries;  // that the writer has not taken

    // Of the writer.
    std::vector<Entry> batch;  // that it writes; empty but with room between two
    Files files;
    Encoder encoder;
    std::uint64_t dropped_told = 0;
    std::uint32_t forgot = 0;  // when it was last looked for what is too old

    TaskThread reader;
    TaskThread writer;  // ends first: it gives the reader tasks
};

// The writer is told once of all that comes before it begins with them.
void Explanations::State::post(Entry entry) {
    if (waiting >= kMaxWaiting || waiting_size + entry.weight > kMaxWaitingSize) {
        ++dropped;
        return;
    }
    ++waiting;
    waiting_size += entry.weight;
    bool first = false;
    {
        const std::lock_guard lock(mutex);
        first = entries.empty();
        entries.push_back(std::move(entry));
    }
    if (first)
        writer.add([this] { write_entries(); });
}

void Explanations::State::write_entries() {
    {
        const std::lock_guard lock(mutex);
        batch.swap(entries);
    }
    for (auto& entry : batch) {
        const auto weight = entry.weight;
        try {
            write(entry);
        } catch (const std::exception& failure) {
            base::log::event(base::log::kExplainFailed, "{}", failure.what());
        }
        entry = {};  // what it holds is free when it no longer counts
        --waiting;
        waiting_size -= weight;
    }
    batch.clear();
}

void Explanations::State::write(const Entry& entry) {
    if (entry.one) {
        encoder.add(entry.one->names, seconds_now(), to_text(*entry.one));
        ++kept;
    } else {
        std::string text;
        for (const auto& line : entry.lines)
            text.append("log:           ").append(base::log::escape(line)).append("\n");
        encoder.add(entry.names, seconds_now(), cut_lines(std::move(text), kMaxText));
    }
    if (encoder.full())
        flush();
}

void Explanations::State::flush() {
    if (!encoder.empty()) {
        const auto written = files.append(encoder.take(), seconds_now());
        if (!written && !failing.exchange(true))
            base::log::event(base::log::kExplainFailed, "{}", written.error().message);
        else if (written && failing.exchange(false))
            base::log::event(base::log::kExplainFailed, "they can be written again");
    }
    tell_dropped();
    if (seconds_now() - forgot > kForgetEvery)
        forget();
}

void Explanations::State::forget() {
    forgot = seconds_now();
    if (const auto forgotten = files.forget(forgot); !forgotten)
        base::log::event(base::log::kExplainFailed, "{}", forgotten.error().message);
}

// Once for all that were dropped while the writer was busy.
void Explanations::State::tell_dropped() {
    const std::uint64_t now = dropped;
    if (now == dropped_told)
        return;
    base::log::event(base::log::kExplainLost, "{} mails", now - dropped_told);
    dropped_told = now;
}

base::Result<std::string> Explanations::State::find(const std::string& name) const {
    std::size_t left_out = 0;
    auto found = explain::search(directory, name, kMaxAnswers, left_out, stopping);
    if (!found)
        return found.error();
    if (found->empty())
        return base::error("nothing is known of {}{}", base::log::escape(name),
                           enabled ? "" : "; explanations are off ([explain] enable)");
    std::string text;
    if (left_out > 0)
        text = fmt::format("{} older records are left out\n\n", left_out);
    std::string_view before;
    for (const auto& one : *found) {
        if (!before.empty() && before != one.id)
            text += '\n';
        before = one.id;
        text += one.text;
    }
    return text;
}

Explanations::Explanations(std::string directory, bool enabled, FileLimits limits)
    : state_(std::make_unique<State>(std::move(directory), enabled, limits)) {
    configure(enabled, limits);
}

Explanations::~Explanations() = default;

bool Explanations::enabled() const {
    return state_->enabled;
}

void Explanations::keep(Case one) {
    if (!enabled())
        return;
    const auto weight = weight_of(one);
    state_->post({std::make_unique<const Case>(std::move(one)), {}, {}, weight});
}

void Explanations::keep_end(Names names, std::vector<std::string> lines) {
    constexpr std::uint64_t kSmall = 2000;
    if (enabled())
        state_->post({nullptr, std::move(names), std::move(lines), kSmall});
}

// By way of the writer, so that what was kept before is found.
void Explanations::find(net::Loop& loop, std::string name, std::function<void(base::Result<std::string>)> done) {
    state_->writer.add([state = state_.get(), &loop, name = std::move(name), done = std::move(done)]() mutable {
        state->flush();
        state->reader.add([state, &loop, name = std::move(name), done = std::move(done)]() mutable {
            auto answer = std::make_shared<base::Result<std::string>>(base::error("the search failed"));
            try {
                *answer = state->find(name);
            } catch (const std::exception& failure) {
                base::log::event(base::log::kExplainFailed, "{}", failure.what());
            }
            loop.post([done = std::move(done), answer] { done(std::move(*answer)); });
        });
    });
}

void Explanations::configure(bool enabled, FileLimits limits) {
    state_->enabled = enabled;
    state_->writer.add([state = state_.get(), limits] {
        state->files.set_limits(limits);
        state->forget();
    });
}

Explanations::Status Explanations::status() const {
    return {state_->kept, state_->dropped, state_->failing};
}

}  // namespace explain
