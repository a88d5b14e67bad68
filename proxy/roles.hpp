// The roles of the one binary, and what the supervisor hands to each: `sandwichd --role=NAME` is started by the
// supervisor only.
//
// Descriptors (fixed numbers in the child):
//   3  texts of the configuration and the policy (sealed memfd, supervisor::read_configuration): every process parses
//      the same bytes that the supervisor checked
//   4  channel to the supervisor (SOCK_SEQPACKET, base/channel.hpp)
//   5… proxy only: listening sockets, in the order of Settings::sockets; then the control socket; then, if
//      there is to be one, the socketmap; then the texts of the files that [tls] names (sealed memfd,
//      config::TlsFiles): keys are for no other process
//
// Packets on the supervisor's channels: the first octet says what it is, the rest is text.
//   supervisor -> proxy    'Z' + descriptor   adopt a zygote: its control channel; text = its generation, blank,
//                                             signatures
//                          'C' + descriptors  use this configuration and these TLS files (checked already; memfds)
//                                             text = the configuration's generation. With a zygote for it: what 'Z'
//                                             has behind a blank, its descriptor last; both are in use at once
//                          'L' text           how the last reload went, for the status
//                          'Q'                finish what runs, then exit 0
//   proxy -> supervisor    'R'                ready: accepting mail
//                          'C' / 'E' text     configuration in use / refused; 'E' instead of 'R': cannot start
//   supervisor -> zygote   'S' + descriptor   serve this proxy: zygote's end of a control channel (a previous proxy is
//                                             dead or leaves)
//   supervisor -> proxy    'K' + descriptor   a channel to the runner of check programs, in place of any before
//   supervisor -> runner   'S' + descriptor   serve this proxy: the runner's end of that channel
//                          'L'                end when the proxy has closed that channel and nothing runs
//   zygote -> supervisor   'L'                only of one that was started in the lowest scheduling class: the engine
//                                             is loaded, now it would make its workers
//   supervisor -> zygote   'F'                the answer: it has been taken out of that class
//   proxy -> supervisor    'O' / 'X' number   a process of the command in [smtp] original is wanted under this number
//                                             / is not needed any more, or not wanted any more
//   supervisor -> proxy    'O' + descriptor   text = the number; the process's standard input and output. Without a
//                                             descriptor: none, and text = the number, blank, why
//   zygote -> supervisor   'R' text           engine loaded; text = signatures
//                          'E' text           cannot load; exits 1 afterwards; text is for the administrator
// A channel that ends means: the other side is dead. A zygote then exits; so does a proxy after finishing what runs.
#pragma once

namespace config {
struct Settings;
}

namespace roles {

inline constexpr int kConfigFd = 3;
inline constexpr int kSupervisorFd = 4;
inline constexpr int kFirstListenFd = 5;

// Exit codes of the processes. Each returns when its process is to end.
int run_proxy(const config::Settings& settings, unsigned generation);
int run_zygote(const config::Settings& settings);
int run_runner(const config::Settings& settings);

}  // namespace roles
