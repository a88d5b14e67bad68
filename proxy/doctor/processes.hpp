// Processes: who runs on this machine, who listens, what a pid file says; and running a program to its end. What this
// finds depends on whether root looks. parse_* and has_queue_run are pure.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "doctor/contact.hpp"

namespace doctor {

struct Process {
    pid_t pid = 0;
    std::string name;   // of the program, at most 15 octets
    std::string title;  // what ps(1) shows
    bool operator==(const Process&) const = default;
};

struct Listener {
    net::Endpoint address;
    std::vector<Process> owners;  // empty: only their owner or root may see them
};

// Sockets that listen, of /proc/net/tcp or tcp6, with their inodes.
struct ListeningSocket {
    net::Endpoint address;
    unsigned long inode = 0;
    bool operator==(const ListeningSocket&) const = default;
};
std::vector<ListeningSocket> parse_tcp_table(std::string_view text);

std::vector<Listener> find_listeners();
std::vector<Process> find_processes();
bool runs(pid_t pid);

// The first line is a number; Sendmail puts its command line into the second.
struct PidFile {
    std::string path;
    std::optional<pid_t> pid;
    std::string command;
    std::string why;  // where there is no pid
};
PidFile parse_pid_file(std::string path, std::string_view text);
PidFile read_pid_file(const std::string& path);

// A command line or title of Sendmail's that tries its queue again and again: -q10m, -qp30s, "Queue runner@00:10:00".
bool has_queue_run(std::string_view command);

struct Output {
    int status = 0;    // as a shell has it: 128 and more for a signal
    std::string text;  // both streams, at most 1 MiB
};
// Error: it cannot be started, or did not end in time (it is killed then).
base::Result<Output> run_program(const std::vector<std::string>& command, Deadline deadline);

}  // namespace doctor
