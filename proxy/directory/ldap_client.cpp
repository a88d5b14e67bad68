#include "directory/ldap_client.hpp"

#include <utility>

namespace directory {
namespace {

LdapAnswer unavailable(std::string_view why) {
    LdapAnswer answer;
    answer.reason = why;
    return answer;
}

std::vector<LdapSession> sessions_for(const std::shared_ptr<LdapSource>& source) {
    std::vector<LdapSession> sessions;
    for (unsigned i = 0; i < source->settings.max_connections; ++i)
        sessions.emplace_back(source);
    return sessions;
}

}  // namespace

LdapClient::LdapClient(std::shared_ptr<LdapSource> source)
    : source_(std::move(source)),
      sessions_(sessions_for(source_)),
      threads_(source_->settings.max_connections, source_->settings.max_waiting) {}

LdapClient::~LdapClient() = default;

void LdapClient::look_up(std::string address, Done done) {
    const auto deadline = base::Monotonic::now() + source_->settings.timeout;
    const auto shared = std::make_shared<Done>(std::move(done));
    WorkerThreads::Job job;
    job.run = [this, address = std::move(address), shared, deadline](std::size_t thread) {
        if (base::Monotonic::now() >= deadline)
            return (*shared)(unavailable("too many look-ups wait: its turn came too late"));
        (*shared)(sessions_.at(thread).look_up(address, deadline));
    };
    job.drop = [shared] { (*shared)(unavailable("the daemon stops")); };
    if (!threads_.add(job))
        (*shared)(unavailable("too many look-ups wait"));
}

}  // namespace directory
