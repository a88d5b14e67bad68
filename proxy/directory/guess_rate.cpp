#include "directory/guess_rate.hpp"

namespace directory {

GuessRate::Count GuessRate::count(std::string_view client, unsigned per_minute, Time now) {
    if (per_minute == 0)
        return {};
    const std::lock_guard lock(mutex_);
    const std::string name(client);
    if (!clients_.contains(name) && clients_.size() >= max_clients_) {
        std::erase_if(clients_, [&](const auto& one) { return now - one.second.begun >= kWindow; });
        if (clients_.size() >= max_clients_)
            return {};
    }
    auto& entry = clients_[name];
    if (entry.count == 0 || now - entry.begun >= kWindow)
        entry = {now, 0};
    ++entry.count;
    return {entry.count > per_minute, entry.count == per_minute + 1};
}

}  // namespace directory
