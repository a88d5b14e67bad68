// The log: to syslog (facility mail) or to standard error, one line a call, control characters escaped.
//
// No loop ever waits for the log: after start_writer() lines go through a bounded queue to a thread of their own, since
// syslog(3) blocks while the system's logger does. When the queue is full, lines are counted and dropped, and the count
// is logged as soon as there is room. Single-threaded processes (supervisor, zygote) never call start_writer() and
// write at once. Thread-safe after open().
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/log_events.hpp"

namespace base::log {

enum class Target { kStderr, kSyslog };

// Longest line handed to syslog; longer ones end in "...". (syslogd's usual limit is 8 KiB, Sendmail splits at 1 KiB.)
inline constexpr size_t kMaxLine = 4096;

// `ident` is copied. Call once at start, before any thread; call again after a reload to change the level.
void open(Target target, std::string_view ident, Level lowest = Level::kInfo);
void set_level(Level lowest);

// Starts the writer thread; stop_writer() writes what is queued and joins it.
void start_writer();
void stop_writer();

// Writes "text" at `level` as it is, after escaping.
void write(Level level, std::string_view text);

// A declared event (log_events.hpp): written as "NAME: text", so that what an administrator greps for never changes.
template <typename... Args>
void event(const Event& event, fmt::format_string<Args...> format, Args&&... args) {
    write(event.level, fmt::format("{}: {}", event.name, fmt::format(format, std::forward<Args>(args)...)));
}

// `text` with control characters as \xNN, so that no peer can forge a line or colour a terminal.
std::string escape(std::string_view text);

}  // namespace base::log
