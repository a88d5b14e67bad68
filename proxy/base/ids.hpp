// Our message ids: 14 characters of Crockford's base32, sortable by time, unique across threads, processes and
// restarts.
//
// 11 characters hold microseconds since the epoch (never the same twice in one process), 3 are random. The id stands in
// the final reply, every log line, the Received field and the quarantine's file names, so it holds only [0-9A-Z].
#pragma once

#include <string>
#include <string_view>

namespace base {

inline constexpr size_t kMessageIdLength = 14;

// Thread-safe.
std::string new_message_id();

// True when `text` has the form of an id; the gate for everything that turns an id into a file name.
bool is_message_id(std::string_view text);

}  // namespace base
