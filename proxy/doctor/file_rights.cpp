#include "doctor/file_rights.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

namespace doctor {
namespace {

bool allows(const User& user, const PathFacts::Step& step, mode_t of_others) {
    if (user.uid == 0)
        return true;
    if (user.uid == step.uid)
        return (step.mode & (of_others << 6)) != 0;
    if (std::find(user.groups.begin(), user.groups.end(), step.gid) != user.groups.end())
        return (step.mode & (of_others << 3)) != 0;
    return (step.mode & of_others) != 0;
}

std::string rights_of(const std::string& what) {
    return "rights of " + what;
}

Finding cannot_look(const std::string& what, const PathFacts& facts) {
    return failure(rights_of(what), fmt::format("{}: {}", facts.path, facts.missing),
                   "make it, or correct the setting that names it");
}

std::string octal(mode_t mode) {
    return fmt::format("{:04o}", static_cast<unsigned>(mode & 07777));
}

// The first directory or file on the way that somebody else than root may replace; null: none.
const PathFacts::Step* loose_step(const PathFacts& facts) {
    for (std::size_t i = 0; i < facts.steps.size(); ++i) {
        const auto& step = facts.steps[i];
        const bool last = i + 1 == facts.steps.size();
        const bool sticky = !last && (step.mode & S_ISVTX) != 0;
        if ((step.mode & S_IWOTH) != 0 && !sticky)
            return &step;
    }
    return nullptr;
}

}  // namespace

bool may(const User& user, Right right, const PathFacts& facts) {
    if (!facts.missing.empty() || facts.steps.empty())
        return false;
    for (std::size_t i = 0; i + 1 < facts.steps.size(); ++i)
        if (!allows(user, facts.steps[i], S_IXOTH))
            return false;
    return allows(user, facts.steps.back(), right == Right::kRead ? S_IROTH : S_IWOTH);
}

Finding judge_secret(const std::string& what, const PathFacts& facts, const User& user) {
    if (!facts.missing.empty())
        return cannot_look(what, facts);
    const auto& file = facts.steps.back();
    const auto text = fmt::format("{} (mode {}, owner {})", facts.path, octal(file.mode), file.uid);
    const auto cure =
        fmt::format("chown root {0}; chmod 600 {0}; change the secret, as others may have read it", facts.path);
    if ((file.mode & S_IRWXO) != 0)
        return failure(rights_of(what), text + ": everybody on this machine may read or change it", cure);
    if (file.uid != 0 && file.uid != user.uid)
        return warning(rights_of(what), text + ": it belongs to neither root nor " + user.name,
                       fmt::format("chown root {}", facts.path));
    const bool our_group =
        file.gid == 0 || std::find(user.groups.begin(), user.groups.end(), file.gid) != user.groups.end();
    if ((file.mode & S_IRWXG) != 0 && !our_group)
        return warning(rights_of(what), text + fmt::format(": group {} may read or change it", file.gid), cure);
    return fine(rights_of(what), text);
}

Finding judge_trusted(const std::string& what, const PathFacts& facts) {
    if (!facts.missing.empty())
        return cannot_look(what, facts);
    if (const auto* const loose = loose_step(facts))
        return failure(rights_of(what),
                       fmt::format("everybody may write {} (mode {})", loose->path, octal(loose->mode)),
                       fmt::format("chmod o-w {}; look at what stands in {}", loose->path, facts.path));
    return fine(rights_of(what), facts.path);
}

Finding judge_own_directory(const std::string& what, const PathFacts& facts, const User& user) {
    if (!facts.missing.empty())
        return cannot_look(what, facts);
    const auto& directory = facts.steps.back();
    const auto text = fmt::format("{} (mode {}, owner {})", facts.path, octal(directory.mode), directory.uid);
    if (!S_ISDIR(directory.mode))
        return failure(rights_of(what), facts.path + " is no directory",
                       "move it away; sandwichd makes the directory when it starts");
    if (!may(user, Right::kWrite, facts) || !may(user, Right::kRead, facts))
        return failure(rights_of(what), fmt::format("{}: {} may not write there", text, user.name),
                       fmt::format("chown {0}: {1}; chmod 700 {1}; and let {0} pass the directories above", user.name,
                                   facts.path));
    if ((directory.mode & (S_IWOTH | S_IROTH | S_IXOTH)) != 0)
        return (directory.mode & S_IWOTH) != 0
                   ? failure(rights_of(what), text + ": everybody may write there",
                             fmt::format("chmod 750 {}", facts.path))
                   : warning(rights_of(what), text + ": everybody on this machine may look at mail there",
                             fmt::format("chmod 750 {}", facts.path));
    return fine(rights_of(what), text);
}

Finding judge_readable(const std::string& what, const PathFacts& facts, const User& user) {
    if (!facts.missing.empty())
        return cannot_look(what, facts);
    if (!may(user, Right::kRead, facts))
        return failure(
            rights_of(what), fmt::format("{}: {}, as whom sandwichd runs, may not read it", facts.path, user.name),
            fmt::format(
                "add {} to the file's group (usermod -aG), or chmod o+r it, and o+x the directories above; then "
                "restart",
                user.name));
    return fine(rights_of(what), fmt::format("{} may be read by {}", facts.path, user.name));
}

Finding judge_queues(const PathFacts& inbound, const PathFacts& delivery) {
    constexpr const char* kAbout = "delivery queue";
    if (!delivery.missing.empty())
        return failure(kAbout, fmt::format("{}: {}", delivery.path, delivery.missing),
                       fmt::format("mkdir {1}; chown --reference={0} {1}; chmod --reference={0} {1}", inbound.path,
                                   delivery.path));
    if (!inbound.missing.empty())
        return failure(kAbout, fmt::format("{}: {}", inbound.path, inbound.missing),
                       "make the inbound queue as Sendmail's package does");
    const auto& left = inbound.steps.back();
    const auto& right = delivery.steps.back();
    if (left.uid != right.uid || left.gid != right.gid || (left.mode & 07777) != (right.mode & 07777))
        return failure(
            kAbout,
            fmt::format("{} has mode {}, owner {}:{}; {} has mode {}, owner {}:{}", delivery.path, octal(right.mode),
                        right.uid, right.gid, inbound.path, octal(left.mode), left.uid, left.gid),
            fmt::format("chown --reference={0} {1}; chmod --reference={0} {1}", inbound.path, delivery.path));
    return fine(kAbout, fmt::format("{} has owner and mode of {}", delivery.path, inbound.path));
}

}  // namespace doctor
