#include "journal/index.hpp"

#include <algorithm>
#include <utility>

namespace journal {

void Index::apply(const Record& record, bool own) {
    if (record.kind == Kind::kStart)
        return;
    if (record.kind == Kind::kCrash) {
        ++current_.crashes[record.key];
        return;
    }
    Entry entry;
    entry.kind = record.kind;
    entry.process = record.process;
    entry.time = record.time;
    entry.running = own && record.kind == Kind::kIntent;
    std::copy_n(record.id.begin(), std::min(record.id.size(), entry.id.size()), entry.id.begin());
    current_.entries[record.key] = entry;
}

void Index::renew(const Record& record) {
    if (record.kind == Kind::kCrash)
        return;
    const auto is_it = [&record](const Entry& entry) {
        return entry.kind == record.kind && entry.process == record.process &&
               std::equal(entry.id.begin(), entry.id.end(), record.id.begin(), record.id.end());
    };
    if (const auto found = current_.entries.find(record.key); found != current_.entries.end()) {
        // Whether an intent that somebody else's record had covered still runs is not known any more.
        if (!is_it(found->second))
            apply(record, false);
        return;
    }
    if (const auto before = previous_.entries.find(record.key);
        before != previous_.entries.end() && is_it(before->second))
        current_.entries.insert(previous_.entries.extract(before));
    else
        apply(record, false);
}

void Index::stop_waiting(const Key& key) {
    for (auto* generation : {&current_, &previous_})
        if (const auto found = generation->entries.find(key); found != generation->entries.end()) {
            found->second.running = false;
            found->second.process = 0;
            return;
        }
}

const Index::Entry* Index::find(const Key& key) const {
    for (const auto* generation : {&current_, &previous_})
        if (const auto found = generation->entries.find(key); found != generation->entries.end())
            return found->second.kind == Kind::kWithdrawn ? nullptr : &found->second;
    return nullptr;
}

unsigned Index::crashes(const Key& mail) const {
    unsigned count = 0;
    for (const auto* generation : {&current_, &previous_})
        if (const auto found = generation->crashes.find(mail); found != generation->crashes.end())
            count += found->second;
    return count;
}

void Index::begin_generation() {
    auto forgotten = std::exchange(previous_, std::exchange(current_, {}));
    for (auto& [key, entry] : forgotten.entries)
        if (entry.running && !previous_.entries.contains(key))
            current_.entries.emplace(key, entry);
}

}  // namespace journal
