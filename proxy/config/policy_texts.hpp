// The texts of the content policy: policy.ini, the files of policy.d, and the lists and texts that they name. The
// supervisor reads them and hands them to the other processes, which open none of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace config {

inline constexpr std::size_t kMaxPolicyFiles = 200;         // with the lists
inline constexpr std::size_t kMaxPolicySize = 64ULL << 20;  // octets of all files

struct PolicyFiles {
    struct File {
        std::string name;  // as messages name it: the path
        std::string text;
        bool list = false;  // a list or a text that another file names, and no ini file
    };
    std::vector<File> files;

    [[nodiscard]] std::string pack() const;
    static base::Result<PolicyFiles> unpack(std::string_view packed);
};

// Reads `file`, then *.ini of `directory` in the order of their names, then the lists. Either path may be empty; a
// directory that is not there is empty. Error: what cannot be read.
base::Result<PolicyFiles> read_policy_files(const std::string& file, const std::string& directory);

}  // namespace config
