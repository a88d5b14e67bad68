// The quarantine on disk: durable, one message in two files, written only by the proxy.
//
//   PATH/ID.eml    the message as it came from the upstream (canonical CRLF text)
//   PATH/ID.meta   envelope with all parameters, findings, time, ids, SHA-256 and size of the message, release record
//
// put() returns only when both are on stable storage: each is a temporary file, written, fsynced, renamed; the
// directory is fsynced; .meta comes last, so an entry exists when its .meta does. What a crash leaves half-made is
// removed at open(), unless another proxy is at work in the directory (one that outlived its supervisor). Blocking; use
// it through Service (service.hpp) from a loop. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "mail/envelope.hpp"
#include "mail/message.hpp"
#include "quarantine/file_system.hpp"

namespace quarantine {

struct Limits {
    std::uint64_t max_size = 0;          // octets of all entries together; 0: no limit
    std::uint64_t disk_floor = 0;        // octets that must stay free on the file system
    std::chrono::hours expire_after{0};  // 0: never
};

// A release is recorded before and after the hand-over, so that a crash neither loses nor silently repeats it.
enum class ReleaseState : std::uint8_t {
    kHeld,       // never released
    kReleasing,  // handed to the delivery server, outcome unknown (yet): a crash fell here, or it runs now
    kReleased,   // the delivery server took it; kept until it expires or is deleted
};

struct Entry {
    std::string id;          // base::is_message_id
    std::string inbound_id;  // the upstream's queue id, when known
    std::string message_id;
    std::string client;   // address of the client that the mail came from, else of the upstream; for the log
    std::string verdict;  // "found Eicar-Signature"
    std::string rule;
    std::string area{};  // that the rule named; empty: the general one
    base::Wall::time_point time;
    mail::Envelope envelope;
    std::uint64_t size = 0;  // octets of the message
    std::string sha256;      // hex, of the message
    ReleaseState release = ReleaseState::kHeld;
    std::string release_note;  // last outcome of a release: the delivery server's reply, or why it failed
};

class Store {
  public:
    // Makes the directory (0700) when it is missing, removes half-made files, counts what is there.
    // Error: not a directory, not ours, not writable, damaged metadata is logged and skipped.
    static base::Result<Store> open(std::string path, Limits limits,
                                    std::shared_ptr<FileSystem> files = real_file_system());

    // What another process looks after, to read it only: of this Store nothing but list(), show() and message() may be
    // called. Error: there is no such directory, or it cannot be read.
    static base::Result<Store> for_reading(std::string path, std::shared_ptr<FileSystem> files = real_file_system());

    // Ok: durable. Error: nothing was kept. `entry.size` and `entry.sha256` are filled in here.
    base::Status put(Entry entry, const mail::Message& message);
    // True when put() of `octets` would pass the limits now; else the Error says which limit.
    base::Status room_for(std::uint64_t octets) const;

    std::vector<Entry> list() const;  // oldest first
    base::Result<Entry> show(std::string_view id) const;
    // The message, its size and SHA-256 checked against the metadata.
    base::Result<mail::MessagePtr> message(std::string_view id) const;
    base::Status remove(std::string_view id);
    // Durable record of the release's state.
    base::Status record_release(std::string_view id, ReleaseState state, std::string_view note);
    // Removes what is older than expire_after at `now`; returns the ids.
    std::vector<std::string> expire(base::Wall::time_point now);

    void set_limits(Limits limits) { limits_ = limits; }
    [[nodiscard]] std::uint64_t total_size() const { return total_; }
    [[nodiscard]] std::uint64_t entries() const { return sizes_.size(); }

  private:
    Store(std::string path, Limits limits, std::shared_ptr<FileSystem> files)
        : path_(std::move(path)), limits_(limits), files_(std::move(files)) {}

    [[nodiscard]] std::string file(std::string_view id, std::string_view suffix) const;
    // Removes what a crash left half-made, when no other process is at work here; fills sizes_.
    base::Status take_stock();
    base::Status write_synced(const std::string& path, std::string_view bytes);
    base::Status write_entry(const Entry& entry, const mail::Message& message, std::string_view metadata);
    base::Status replace_metadata(const std::string& id, std::string_view metadata);
    void count(const std::string& id, std::uint64_t octets);
    void forget(std::string_view id);

    std::string path_;
    Limits limits_;
    std::shared_ptr<FileSystem> files_;
    std::map<std::string, std::uint64_t, std::less<>> sizes_;  // octets of both files; ids sort by time
    std::uint64_t total_ = 0;
};

}  // namespace quarantine
