// Release: hands one quarantined message to the delivery server, with its original envelope, all recipients or none.
//
// Belongs to one loop. The records before and after are the control server's affair.
#pragma once

#include <functional>

#include "base/result.hpp"
#include "quarantine/store.hpp"
#include "session/downstream_pool.hpp"

namespace session {

// `done` runs once, on the pool's loop: the delivery server's final text, or why it was not delivered. An Error's text
// begins with "possibly delivered: " when the final dot had left and no answer came.
void release(net::Loop& loop, DownstreamPool& pool, RuntimePtr runtime, const quarantine::Entry& entry,
             mail::MessagePtr message, std::function<void(base::Result<std::string>)> done);

}  // namespace session
