#include "quarantine/store.hpp"

#include <algorithm>
#include <set>

#include "base/failpoint.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "quarantine/metadata.hpp"

namespace quarantine {
namespace {

constexpr std::string_view kMail = ".eml";
constexpr std::string_view kMeta = ".meta";
constexpr std::string_view kNew = ".new";  // after one of the above: not yet whole

// The id of "ID<suffix>", empty for any other name.
std::string_view id_before(std::string_view name, std::string_view suffix) {
    if (!name.ends_with(suffix))
        return {};
    const auto id = name.substr(0, name.size() - suffix.size());
    return base::is_message_id(id) ? id : std::string_view();
}

bool half_made(std::string_view name) {
    return name.ends_with(kNew) && (!id_before(name.substr(0, name.size() - kNew.size()), kMail).empty() ||
                                    !id_before(name.substr(0, name.size() - kNew.size()), kMeta).empty());
}

base::Error no_such(std::string_view id) {
    return base::error("no message {} in the quarantine", base::log::escape(id.substr(0, 64)));
}

void report_damage(std::string_view id, const base::Error& error) {
    base::log::event(base::log::kStorageFailed, "quarantine {}: damaged, left out: {}", id, error.message);
}

}  // namespace

std::string Store::file(std::string_view id, std::string_view suffix) const {
    return fmt::format("{}/{}{}", path_, id, suffix);
}

base::Result<Store> Store::open(std::string path, Limits limits, std::shared_ptr<FileSystem> files) {
    Store store(std::move(path), limits, std::move(files));
    if (auto made = store.files_->make_directory(store.path_); !made)
        return made.error();
    if (auto taken = store.take_stock(); !taken)
        return taken.error();
    return store;
}

base::Result<Store> Store::for_reading(std::string path, std::shared_ptr<FileSystem> files) {
    Store store(std::move(path), {}, std::move(files));
    if (const auto names = store.files_->names(store.path_); !names)
        return names.error();
    return store;
}

base::Status Store::take_stock() {
    // put() holds the lock shared: between its two renames a message without metadata is no left-over.
    const auto lock = files_->lock(path_, FileSystem::Lock::kExclusiveIfFree);
    const bool alone = lock.has_value();
    auto names = files_->names(path_);
    if (!names)
        return names.error();
    std::map<std::string, std::uint64_t, std::less<>> mails;
    std::map<std::string, std::uint64_t, std::less<>> metas;
    std::vector<std::string> surplus;
    for (const auto& [name, size] : *names) {
        if (const auto id = id_before(name, kMail); !id.empty())
            mails.emplace(id, size);
        else if (const auto meta_id = id_before(name, kMeta); !meta_id.empty())
            metas.emplace(meta_id, size);
        else if (half_made(name))
            surplus.push_back(fmt::format("{}/{}", path_, name));
    }
    for (const auto& [id, size] : mails) {
        if (const auto meta = metas.find(id); meta != metas.end())
            count(id, size + meta->second);
        else
            surplus.push_back(file(id, kMail));
    }
    for (const auto& [id, size] : metas)
        if (!mails.contains(id)) {
            base::log::event(base::log::kStorageFailed, "quarantine {}: metadata without a message, removed", id);
            surplus.push_back(file(id, kMeta));
        }
    if (!alone)
        return base::ok();
    for (const auto& path : surplus)
        if (auto removed = files_->remove(path); !removed)
            return removed;
    // What the last process renamed and did not sync: from now on it is listed, so it has to stay.
    return files_->sync_directory(path_);
}

base::Status Store::room_for(std::uint64_t octets) const {
    if (limits_.max_size > 0 && (octets > limits_.max_size || total_ > limits_.max_size - octets))
        return base::error("quarantine full: {} octets held, {} more would pass max_size={}", total_, octets,
                           limits_.max_size);
    if (limits_.disk_floor == 0)
        return base::ok();
    const auto available = files_->free_space(path_);
    if (!available)
        return available.error();
    if (*available < octets || *available - octets < limits_.disk_floor)
        return base::error("quarantine full: {} octets free on the disk, {} more would pass disk_floor={}", *available,
                           octets, limits_.disk_floor);
    return base::ok();
}

base::Status Store::put(Entry entry, const mail::Message& message) {
    if (!base::is_message_id(entry.id))
        return base::error("\"{}\" is no message id", base::log::escape(entry.id.substr(0, 64)));
    if (sizes_.contains(entry.id))
        return base::error("{} is in the quarantine already", entry.id);
    entry.size = message.size();
    entry.sha256 = sha256(message.bytes());
    const auto metadata = encode(entry);
    if (metadata.size() > kMaxMetadata)
        return base::error("the envelope of {} is too big", entry.id);
    if (auto room = room_for(entry.size + metadata.size()); !room)
        return room;
    const auto lock = files_->lock(path_, FileSystem::Lock::kShared);
    if (!lock)
        return lock.error();
    SANDWICH_FAILPOINT("quarantine-put");
    auto written = write_entry(entry, message, metadata);
    if (written) {
        SANDWICH_FAILPOINT("quarantine-durable");
        count(entry.id, entry.size + metadata.size());
        return written;
    }
    // Nothing may stay: the upstream is told to try again, and would find its message held twice.
    for (const auto suffix : {kMeta, kMail}) {
        [[maybe_unused]] const auto first = files_->remove(file(entry.id, suffix));
        [[maybe_unused]] const auto second = files_->remove(file(entry.id, suffix) + std::string(kNew));
    }
    return written;
}

base::Status Store::write_synced(const std::string& path, std::string_view bytes) {
    auto target = files_->create(path);
    if (!target)
        return target.error();
    if (auto written = (*target)->append(bytes); !written)
        return written;
    return (*target)->sync();
}

base::Status Store::write_entry(const Entry& entry, const mail::Message& message, std::string_view metadata) {
    const auto eml = file(entry.id, kMail);
    if (auto written = write_synced(eml + std::string(kNew), message.bytes()); !written)
        return written;
    SANDWICH_FAILPOINT("quarantine-text-written");
    if (auto renamed = files_->rename(eml + std::string(kNew), eml); !renamed)
        return renamed;
    SANDWICH_FAILPOINT("quarantine-text-renamed");
    return replace_metadata(entry.id, metadata);
}

base::Status Store::replace_metadata(const std::string& id, std::string_view metadata) {
    const auto meta = file(id, kMeta);
    if (auto written = write_synced(meta + std::string(kNew), metadata); !written)
        return written;
    SANDWICH_FAILPOINT("quarantine-metadata-written");
    if (auto renamed = files_->rename(meta + std::string(kNew), meta); !renamed)
        return renamed;
    SANDWICH_FAILPOINT("quarantine-metadata-renamed");
    return files_->sync_directory(path_);
}

std::vector<Entry> Store::list() const {
    std::vector<Entry> entries;
    auto names = files_->names(path_);
    if (!names) {
        base::log::event(base::log::kStorageFailed, "quarantine: {}", names.error().message);
        return entries;
    }
    std::set<std::string> ids;
    for (const auto& [name, size] : *names)
        if (const auto id = id_before(name, kMeta); !id.empty())
            ids.emplace(id);
    entries.reserve(ids.size());
    for (const auto& id : ids) {
        auto entry = show(id);
        if (entry)
            entries.push_back(std::move(*entry));
        else
            report_damage(id, entry.error());
    }
    return entries;
}

base::Result<Entry> Store::show(std::string_view id) const {
    if (!base::is_message_id(id))
        return no_such(id);
    auto text = files_->read(file(id, kMeta), kMaxMetadata);
    if (!text)
        return sizes_.contains(id) ? text.error() : no_such(id);
    auto entry = decode(*text);
    if (!entry)
        return base::error("{}: {}", file(id, kMeta), entry.error().message);
    if (entry->id != id)
        return base::error("{} belongs to {}", file(id, kMeta), entry->id);
    return entry;
}

base::Result<mail::MessagePtr> Store::message(std::string_view id) const {
    const auto entry = show(id);
    if (!entry)
        return entry.error();
    auto message = files_->map(file(id, kMail));
    if (!message)
        return message.error();
    if ((*message)->size() != entry->size)
        return base::error("{}: {} octets where {} were stored", file(id, kMail), (*message)->size(), entry->size);
    if (sha256((*message)->bytes()) != entry->sha256)
        return base::error("{}: changed since it was stored (SHA-256 differs)", file(id, kMail));
    return message;
}

base::Status Store::remove(std::string_view id) {
    if (!base::is_message_id(id))
        return no_such(id);
    // A damaged entry can be removed as well, so only the file's existence counts.
    if (!sizes_.contains(id) && !files_->read(file(id, kMeta), kMaxMetadata))
        return no_such(id);
    if (auto removed = files_->remove(file(id, kMeta)); !removed)
        return removed;
    forget(id);
    // After this the entry cannot come back; a message file that does is a left-over for take_stock().
    if (auto synced = files_->sync_directory(path_); !synced)
        return synced;
    return files_->remove(file(id, kMail));
}

base::Status Store::record_release(std::string_view id, ReleaseState state, std::string_view note) {
    auto entry = show(id);
    if (!entry)
        return entry.error();
    entry->release = state;
    entry->release_note = note.substr(0, 1000);
    const auto metadata = encode(*entry);
    auto replaced = replace_metadata(entry->id, metadata);
    if (!replaced) {
        [[maybe_unused]] const auto removed = files_->remove(file(id, kMeta) + std::string(kNew));
        return replaced;
    }
    count(entry->id, entry->size + metadata.size());
    return replaced;
}

std::vector<std::string> Store::expire(base::Wall::time_point now) {
    std::vector<std::string> expired;
    if (limits_.expire_after.count() == 0)
        return expired;
    std::vector<std::string> ids;
    ids.reserve(sizes_.size());
    for (const auto& [id, size] : sizes_)
        ids.push_back(id);
    // Ids sort by time: the first that is young enough ends the walk, so nothing is read in vain.
    for (const auto& id : ids) {
        const auto entry = show(id);
        if (!entry) {
            report_damage(id, entry.error());
            continue;
        }
        if (now - entry->time < limits_.expire_after)
            break;
        if (auto removed = remove(id); removed)
            expired.push_back(id);
        else
            base::log::event(base::log::kStorageFailed, "quarantine {}: {}", id, removed.error().message);
    }
    return expired;
}

void Store::count(const std::string& id, std::uint64_t octets) {
    forget(id);
    sizes_.emplace(id, octets);
    total_ += octets;
}

void Store::forget(std::string_view id) {
    if (const auto found = sizes_.find(id); found != sizes_.end()) {
        total_ -= found->second;
        sizes_.erase(found);
    }
}

}  // namespace quarantine
