// A checked configuration together with the sealed text that the other processes parse again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "config/settings.hpp"

namespace supervisor {

struct Configuration {
    config::Settings settings;
    base::UniqueFd text;  // sealed memfd; read it with pread: its offset is shared
};

struct LoadedConfiguration {
    std::optional<Configuration> configuration;  // empty when there is an error
    std::vector<std::string> errors;             // "FILE:LINE: error: ..."
    std::vector<std::string> warnings;
};

// `log_to_stderr`: what -f says about the log counts more than the file.
LoadedConfiguration load_configuration(const std::string& file, bool log_to_stderr);

// The whole text of a configuration memfd, bounded as a file is.
base::Result<std::string> read_configuration(int memfd);

}  // namespace supervisor
