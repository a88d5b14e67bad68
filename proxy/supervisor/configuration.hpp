// A checked configuration together with the sealed texts that the other processes parse again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "config/load.hpp"
#include "config/settings.hpp"
#include "config/tls_files.hpp"

namespace supervisor {

struct Configuration {
    config::Settings settings;
    base::UniqueFd text;  // sealed memfd for read_configuration(); read with pread: its offset is shared
    base::UniqueFd tls;   // the same for config::TlsFiles; for the proxy alone: it holds the key
};

struct LoadedConfiguration {
    std::optional<Configuration> configuration;  // empty when there is an error
    std::vector<std::string> errors;             // "FILE:LINE: error: ..."
    std::vector<std::string> warnings;
};

struct LoadOptions {
    bool log_to_stderr = false;           // what -f says about the log counts more than the file
    bool tls_files = true;                // read what [tls] names, too; who only scans may not be able to read the key
    std::optional<std::string> policy{};  // in place of the policy's files that the configuration names
};
LoadedConfiguration load_configuration(const std::string& file, const LoadOptions& options);

// What the supervisor has checked, from the memfd with its texts. Error: it is none of those.
base::Result<config::Settings> read_configuration(int memfd);
base::Result<config::TlsFiles> read_tls_files(int memfd);

}  // namespace supervisor
