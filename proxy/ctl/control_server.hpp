// The control socket's server: what sandwichctl may see and do (protocol.hpp).
//
// Lives on the proxy's main loop. Who may connect is decided by the socket's mode and group; who did is logged. A
// release is recorded before the message goes out and after: a crash in between leaves it "releasing", and then only
// `again` repeats it (invariant 9).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "net/loop.hpp"
#include "quarantine/service.hpp"

namespace ctl {

class ControlServer {
  public:
    struct Functions {
        // Lines "key: value" for people.
        std::function<std::string()> status;
        // Where mail goes and how the servers are, for one domain or all.
        std::function<std::string(const std::string& domain)> routes;
        // Hands the message to the delivery server with the entry's envelope; `done` runs once, on the server's loop:
        // the delivery server's reply, or why it was not delivered. An error that begins with "possibly delivered"
        // means that nobody knows.
        std::function<void(const quarantine::Entry&, mail::MessagePtr,
                           std::function<void(base::Result<std::string>)> done)>
            release;
        // What is known about why what was done with a mail, by any of its names; `done` runs once, on the server's
        // loop.
        std::function<void(const std::string& name, std::function<void(base::Result<std::string>)> done)> why;
        // What each source says of a recipient; `done` runs once, on the server's loop, perhaps at once.
        std::function<void(const std::string& address, std::function<void(base::Result<std::string>)> done)> recipient;
        // The answer of the user list to one of its requests, in the same way.
        std::function<void(const std::string& request, std::function<void(base::Result<std::string>)> done)> users;
    };

    static constexpr std::size_t kMaxClients = 16;
    static constexpr std::size_t kMaxLists =
        2;  // each holds the metadata of the whole quarantine for a moment, or searches

    // `listener` is non-blocking. `quarantine` outlives the server.
    ControlServer(net::Loop& loop, base::UniqueFd listener, quarantine::Service& quarantine, Functions functions);
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

  private:
    class State;
    std::shared_ptr<State> state_;  // answers that come after the end find it gone
};

}  // namespace ctl
