#include "session/original_command.hpp"

#include <fmt/format.h>

#include <utility>

namespace session {

OriginalCommand::TicketPtr OriginalCommand::ask(net::Loop& loop, Got got) {
    TicketPtr ticket;
    std::uint64_t serial = 0;
    {
        const std::lock_guard lock(mutex_);
        serial = ++last_serial_;
        ticket = std::make_shared<Ticket>(*this, serial, std::move(got));
        waiters_[serial] = {&loop, ticket};
        waiting_ = waiters_.size();
    }
    main_.post([this, serial] { send_(fmt::format("O{}", serial)); });
    return ticket;
}

void OriginalCommand::answered(std::uint64_t serial, base::Result<base::UniqueFd> socket) {
    Waiter waiter;
    {
        const std::lock_guard lock(mutex_);
        const auto found = waiters_.find(serial);
        if (found == waiters_.end())
            return;  // the socket closes, and the process sees the end of its input
        waiter = std::move(found->second);
        waiters_.erase(found);
        waiting_ = waiters_.size();
    }
    auto handed = std::make_shared<base::Result<base::UniqueFd>>(std::move(socket));
    waiter.loop->post([weak = std::move(waiter.ticket), handed] {
        const auto ticket = weak.lock();
        if (!ticket)
            return;
        const auto got = std::exchange(ticket->got_, {});
        got(std::move(*handed));
    });
}

void OriginalCommand::give_back(std::uint64_t serial) {
    {
        const std::lock_guard lock(mutex_);
        waiters_.erase(serial);
        waiting_ = waiters_.size();
    }
    main_.post([this, serial] { send_(fmt::format("X{}", serial)); });
}

}  // namespace session
