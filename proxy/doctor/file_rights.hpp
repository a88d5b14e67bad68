// Rights of files and directories: who may read secrets, write what the daemons trust, and whether the daemon can get
// at what it needs. Pure.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "doctor/finding.hpp"

namespace doctor {

// One file, with the directories above it, the root first.
struct PathFacts {
    struct Step {
        std::string path;
        mode_t mode = 0;
        uid_t uid = 0;
        gid_t gid = 0;
    };
    std::string path;
    std::string missing;      // why it cannot be looked at; empty: it can
    std::vector<Step> steps;  // the last one is the file
};

// Who wants at it.
struct User {
    std::string name;
    uid_t uid = 0;
    std::vector<gid_t> groups;  // all of them
};

// Whether `user` may do this to the last step and search all above it. Root may always.
enum class Right { kRead, kWrite };
bool may(const User& user, Right right, const PathFacts& facts);

// A password or a key: nobody but its owner, who is root or `user`, and their group may read it.
Finding judge_secret(const std::string& what, const PathFacts& facts, const User& user);
// What the daemons believe: nobody but root (and `user`, where that is meant) may write it or put another in its place.
Finding judge_trusted(const std::string& what, const PathFacts& facts);
// A directory of the daemon's own: `user` may write there, others may not even look.
Finding judge_own_directory(const std::string& what, const PathFacts& facts, const User& user);
// A file that the daemon has to read as `user`.
Finding judge_readable(const std::string& what, const PathFacts& facts, const User& user);
// Both queues of Sendmail: the same owner and mode.
Finding judge_queues(const PathFacts& inbound, const PathFacts& delivery);

}  // namespace doctor
