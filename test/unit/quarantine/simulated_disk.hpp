// A file system in memory that knows what is on the platter and what is only in the cache, and that fails when told to.
//
// Every operation that changes something has a number. At `fail_at` it returns an error (a write after half its bytes);
// at `cut_at` the power goes: PowerCut is thrown and nothing has effect any more until power_on(), which keeps of what
// was not synced an arbitrary part, as a real disk may: any subset of the directory changes, any prefix of the data.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "quarantine/file_system.hpp"

namespace test {

struct PowerCut {};

class MemoryMessage final : public mail::Message {
  public:
    explicit MemoryMessage(std::string text) : text_(std::move(text)) {}
    [[nodiscard]] std::string_view bytes() const override { return text_; }
    [[nodiscard]] base::Result<base::UniqueFd> share() const override { return base::error("in memory only"); }

  private:
    std::string text_;
};

class SimulatedDisk final : public quarantine::FileSystem {
  public:
    unsigned fail_at = 0;  // number of the operation; 0: none
    unsigned cut_at = 0;
    std::uint64_t free_octets = 1 << 30;

    [[nodiscard]] unsigned operations() const { return operations_; }
    void reset_counters() { operations_ = fail_at = cut_at = 0; }

    // Everything in the cache reaches the platter: what a crash of the process alone leaves.
    void process_restart() {
        dead_ = false;
        reset_counters();
    }

    void power_on(std::mt19937& random) {
        dead_ = false;
        reset_counters();
        for (const auto& change : pending_)
            if (random() % 2 == 0)
                apply(platter_, change);
        pending_.clear();
        for (auto& [name, node] : platter_) {
            node->cached = node->synced + node->unsynced_part(random);
            node->synced = node->cached;
        }
        cache_ = platter_;
    }

    std::string& content(const std::string& path) { return cache_.at(path)->cached; }
    [[nodiscard]] std::vector<std::string> paths() const {
        std::vector<std::string> found;
        for (const auto& [name, node] : cache_)
            found.push_back(name);
        return found;
    }

    base::Status make_directory(const std::string&) override { return base::ok(); }

    base::Result<std::vector<Name>> names(const std::string& directory) override {
        std::vector<Name> found;
        for (const auto& [name, node] : cache_)
            found.push_back({name.substr(directory.size() + 1), node->cached.size()});
        return found;
    }

    base::Result<std::unique_ptr<quarantine::File>> create(const std::string& path) override {
        if (step())
            return no_space();
        change({path, std::make_shared<Node>(), {}});
        return std::unique_ptr<quarantine::File>(std::make_unique<OpenFile>(*this, cache_.at(path)));
    }

    base::Result<std::string> read(const std::string& path, std::size_t limit) override {
        const auto found = cache_.find(path);
        if (found == cache_.end() || found->second->cached.size() > limit)
            return base::error("cannot read {}", path);
        return found->second->cached;
    }

    base::Result<mail::MessagePtr> map(const std::string& path) override {
        const auto found = cache_.find(path);
        if (found == cache_.end())
            return base::error("cannot map {}", path);
        return mail::MessagePtr(std::make_shared<MemoryMessage>(found->second->cached));
    }

    base::Status rename(const std::string& from, const std::string& to) override {
        if (step() || !cache_.contains(from))
            return no_space();
        change({to, cache_.at(from), from});
        return base::ok();
    }

    base::Status remove(const std::string& path) override {
        if (step())
            return no_space();
        if (cache_.contains(path))
            change({path, nullptr, {}});
        return base::ok();
    }

    base::Status sync_directory(const std::string&) override {
        if (step())
            return no_space();
        for (const auto& change : pending_)
            apply(platter_, change);
        pending_.clear();
        return base::ok();
    }

    base::Result<std::uint64_t> free_space(const std::string&) override { return free_octets; }
    base::Result<base::UniqueFd> lock(const std::string&, Lock) override { return base::UniqueFd(); }

  private:
    struct Node {
        std::string cached;
        std::string synced;

        // What of the unsynced data made it: nothing, a prefix, or (block allocated, never written) zeros.
        [[nodiscard]] std::string unsynced_part(std::mt19937& random) const {
            if (cached.size() <= synced.size())
                return {};
            const auto rest = cached.substr(synced.size());
            if (random() % 3 == 0)
                return std::string(rest.size(), '\0');
            return rest.substr(0, random() % (rest.size() + 1));
        }
    };
    using Directory = std::map<std::string, std::shared_ptr<Node>>;

    struct Change {
        std::string name;
        std::shared_ptr<Node> node;  // null: removed
        std::string old_name;        // of a rename
    };

    class OpenFile final : public quarantine::File {
      public:
        OpenFile(SimulatedDisk& disk, std::shared_ptr<Node> node) : disk_(disk), node_(std::move(node)) {}
        base::Status append(std::string_view bytes) override {
            if (disk_.step()) {
                node_->cached += bytes.substr(0, bytes.size() / 2);
                return no_space();
            }
            node_->cached += bytes;
            return base::ok();
        }
        base::Status sync() override {
            if (disk_.step())
                return no_space();
            node_->synced = node_->cached;
            return base::ok();
        }

      private:
        SimulatedDisk& disk_;
        std::shared_ptr<Node> node_;
    };

    static base::Error no_space() { return base::error("No space left on device"); }

    // True: this operation is to fail.
    bool step() {
        if (dead_)
            throw PowerCut{};
        ++operations_;
        if (operations_ == cut_at) {
            dead_ = true;
            throw PowerCut{};
        }
        return operations_ == fail_at;
    }

    void change(Change wanted) {
        apply(cache_, wanted);
        pending_.push_back(std::move(wanted));
    }

    static void apply(Directory& directory, const Change& change) {
        if (!change.old_name.empty())
            directory.erase(change.old_name);
        if (change.node)
            directory[change.name] = change.node;
        else
            directory.erase(change.name);
    }

    Directory cache_;
    Directory platter_;
    std::vector<Change> pending_;
    unsigned operations_ = 0;
    bool dead_ = false;
};

}  // namespace test
