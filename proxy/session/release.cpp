#include "session/release.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "session/hand_over.hpp"

namespace session {
namespace {

std::string trace(const config::Settings& settings, const quarantine::Entry& entry) {
    return fmt::format(
        "Received: from {0}\r\n\tby {0} (Sandwich quarantine) id {1};\r\n\t{2}\r\n"
        "X-Sandwich-Verdict: released from quarantine ({3})\r\n",
        settings.proxy_hostname, entry.id, base::rfc5322_date(base::Wall::now()), base::log::escape(entry.verdict));
}

}  // namespace

void release(net::Loop& loop, DownstreamPool& pool, RuntimePtr runtime, const quarantine::Entry& entry,
             mail::MessagePtr message, std::function<void(base::Result<std::string>)> done) {
    auto text = mail::with_trace(std::move(message), trace(runtime->settings, entry));
    hand_over(loop, pool, std::move(runtime), nullptr, entry.id, entry.envelope, std::move(text), std::move(done));
}

}  // namespace session
