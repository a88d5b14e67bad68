#include "ctl/entry_text.hpp"

#include <string_view>

#include "base/log.hpp"

namespace ctl {
namespace {

using base::log::escape;
using quarantine::Entry;
using quarantine::ReleaseState;

std::string_view state_name(const Entry& entry, bool running) {
    switch (entry.release) {
        case ReleaseState::kHeld:
            return "held";
        case ReleaseState::kReleasing:
            return running ? "releasing" : "releasing?";
        case ReleaseState::kReleased:
            return "released";
    }
    return "held";
}

std::string recipients(const Entry& entry) {
    const auto& all = entry.envelope.recipients;
    if (all.empty())
        return "-";
    const auto first = fmt::format("<{}>", escape(all.front().path));
    return all.size() == 1 ? first : fmt::format("{} +{}", first, all.size() - 1);
}

}  // namespace

std::string list_line(const Entry& entry, bool running) {
    return fmt::format("{}\t{}\t{}\t{}\t<{}>\t{}\t{}\n", entry.id, state_name(entry, running),
                       base::iso8601(entry.time), entry.size, escape(entry.envelope.reverse_path), recipients(entry),
                       escape(entry.verdict));
}

std::string describe(const Entry& entry, bool running) {
    std::string text;
    const auto line = [&text](std::string_view key, std::string_view value) {
        text += fmt::format("{:<14}{}\n", key, escape(value));
    };
    line("id:", entry.id);
    line("state:", state_name(entry, running));
    if (!entry.release_note.empty())
        line("last release:", entry.release_note);
    line("time:", base::iso8601(entry.time));
    line("verdict:", entry.verdict);
    line("rule:", entry.rule);
    if (!entry.area.empty())
        line("area:", entry.area);
    line("client:", entry.client);
    line("inbound id:", entry.inbound_id);
    line("message id:", entry.message_id);
    line("size:", fmt::format("{} octets", entry.size));
    line("sha256:", entry.sha256);
    line("from:", fmt::format("<{}>{}", entry.envelope.reverse_path, entry.envelope.parameters));
    for (const auto& recipient : entry.envelope.recipients)
        line("to:", fmt::format("<{}>{}", recipient.path, recipient.parameters));
    return text;
}

std::string reason_against_release(const Entry& entry) {
    switch (entry.release) {
        case ReleaseState::kHeld:
            return {};
        case ReleaseState::kReleasing:
            return fmt::format(
                "{} may have been delivered already: its last release has no known end ({}); look into the delivery "
                "server's log, and use --again to release it once more",
                entry.id, escape(entry.release_note));
        case ReleaseState::kReleased:
            return fmt::format("{} was released before ({}); use --again to release it once more", entry.id,
                               escape(entry.release_note));
    }
    return {};
}

}  // namespace ctl
