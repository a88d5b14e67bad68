#include "doctor/ports.hpp"

#include <algorithm>

namespace doctor {
namespace {

bool covers(const net::Endpoint& listening, const net::Endpoint& wanted) {
    return listening.port == wanted.port &&
           (wanted.address.any() || listening.address.any() || listening.address == wanted.address);
}

std::string names_of(const std::vector<Process>& processes) {
    std::string text;
    for (const auto& one : processes)
        text += fmt::format("{}{} (pid {})", text.empty() ? "" : ", ", one.name, one.pid);
    return text;
}

}  // namespace

Finding judge_port(const PortFacts& facts) {
    const auto about = fmt::format("port {}", facts.wanted.port);
    const auto start = fmt::format("service sandwich start {}", facts.daemon);
    std::vector<Process> owners;
    std::string where;
    bool ours = false;
    for (const auto& listener : facts.listeners) {
        if (!covers(listener.address, facts.wanted))
            continue;
        where += (where.empty() ? "" : ", ") + listener.address.to_string();
        for (const auto& owner : listener.owners) {
            ours = ours || owner.pid == facts.pid;
            if (std::find(owners.begin(), owners.end(), owner) == owners.end())
                owners.push_back(owner);
        }
    }
    if (where.empty())
        return failure(about, fmt::format("nobody listens on {}", facts.wanted.to_string()),
                       start + "; the log says why it ended");
    if (owners.empty())
        return warning(about, fmt::format("somebody listens on {}, and who it is cannot be seen", where),
                       "run sandwichctl doctor as root");
    const bool of_program = std::all_of(owners.begin(), owners.end(),
                                        [&](const Process& one) { return one.name.starts_with(facts.program); });
    if (!of_program)
        return failure(about, fmt::format("{} listens on {}, and not {}", names_of(owners), where, facts.program),
                       fmt::format("stop it, or give it another port; then {}", start));
    if (!facts.pid_file.empty() && !ours)
        return failure(
            about,
            fmt::format("{} listens on {}, and is not the one of {}{}", names_of(owners), where, facts.pid_file,
                        facts.pid ? fmt::format(" (pid {})", *facts.pid) : ", in which there is none"),
            fmt::format("end the stranger (an older daemon, or another configuration's); then {}", start));
    return fine(about, fmt::format("{} listens on {}", names_of(owners), where));
}

}  // namespace doctor
