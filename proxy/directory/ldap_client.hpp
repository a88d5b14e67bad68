// LdapClient: a directory as an event loop sees it. Questions wait in a bounded queue for one of a few threads, each
// with a connection of its own; no more questions are at the directory at once than there are threads. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "directory/ldap_session.hpp"
#include "directory/worker_threads.hpp"

namespace directory {

class LdapClient {
  public:
    // Called exactly once, on a thread of the client; where the queue is full (kUnavailable), before the call returns,
    // and for what waits when the client ends, in its destructor. So it posts the answer to its loop, and does nothing
    // else.
    using Done = std::function<void(LdapAnswer)>;

    // settings.max_connections threads, settings.max_waiting questions in the queue. Connects with the first question.
    explicit LdapClient(std::shared_ptr<LdapSource> source);
    // Waits for the questions that are being answered: settings.timeout at most.
    ~LdapClient();
    LdapClient(const LdapClient&) = delete;
    LdapClient& operator=(const LdapClient&) = delete;

    // What the directory knows of `address`. The time counts from now: settings.timeout, the queue included.
    void look_up(std::string address, Done done);

  private:
    std::shared_ptr<LdapSource> source_;
    std::vector<LdapSession> sessions_;  // one a thread
    WorkerThreads threads_;              // ends before what its threads use
};

}  // namespace directory
