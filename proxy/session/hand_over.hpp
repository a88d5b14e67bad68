// HandOver: gives the delivery servers a mail that no upstream waits for: a released message, a notice. All recipients
// or none, as far as one server can speak for all: on several routes, all must be accepted on all of them first.
//
// Belongs to one loop; what runs deletes itself when `done` has been called.
#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"
#include "mail/envelope.hpp"
#include "mail/rope.hpp"
#include "session/downstream_pool.hpp"

namespace session {

// The final dot had left and no answer came; or some recipients have it, and others could not get it.
bool possibly_delivered(const base::Error& error);

// `id` for the log. `done` runs once, on the pool's loop: the delivery server's final text, or why it did not take the
// mail; see possibly_delivered(). `servers`: where it goes; null: by the recipients' routes.
void hand_over(net::Loop& loop, DownstreamPool& pool, RuntimePtr runtime, ServersPtr servers, std::string id,
               mail::Envelope envelope, mail::Rope message, std::function<void(base::Result<std::string>)> done);

}  // namespace session
