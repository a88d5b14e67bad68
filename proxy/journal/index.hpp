// What the journal knows, in memory: the last word about each key, of two generations.
//
// The generations follow the two files on disk: when a new file is begun the older generation is forgotten, so memory
// is bounded as the files are. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "journal/record.hpp"

namespace journal {

class Index {
  public:
    // The last record about a key; kCrash records are counted apart, kStart records say nothing here.
    struct Entry {
        Kind kind = Kind::kIntent;
        std::uint32_t process = 0;
        std::uint32_t time = 0;
        bool running = false;  // an intent of this very process, whose end is still to come
        std::array<char, 14> id{};
    };

    // `own`: written by this process just now; an intent is running until another record of its key ends it.
    void apply(const Record& record, bool own);
    // One of ours, applied before: it stands behind what was applied since, and in the new file, if one was begun.
    void renew(const Record& record);
    // An intent whose end nobody will learn (the connection broke after the final dot) runs no more.
    void stop_waiting(const Key& key);

    // Null: nothing is known, or what was intended was withdrawn.
    [[nodiscard]] const Entry* find(const Key& key) const;
    // Workers that died of this mail.
    [[nodiscard]] unsigned crashes(const Key& mail) const;

    // A new file begins: what stands only in the one before the last is forgotten, but for what is running.
    void begin_generation();

    [[nodiscard]] std::size_t size() const { return current_.entries.size() + previous_.entries.size(); }

  private:
    struct Generation {
        std::unordered_map<Key, Entry, KeyHash> entries;
        std::unordered_map<Key, unsigned, KeyHash> crashes;
    };
    Generation current_;
    Generation previous_;
};

}  // namespace journal
