#include "supervisor/configuration.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "config/load.hpp"

namespace supervisor {
namespace {

base::Result<base::UniqueFd> seal(std::string_view text) {
    base::UniqueFd fd(::memfd_create("sandwich.ini", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd)
        return base::errno_error("memfd_create");
    while (!text.empty()) {
        const ssize_t wrote = ::write(fd.get(), text.data(), text.size());
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return base::errno_error("memfd");
        text.remove_prefix(static_cast<std::size_t>(wrote));
    }
    if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        return base::errno_error("sealing a memfd");
    return fd;
}

}  // namespace

LoadedConfiguration load_configuration(const std::string& file, bool log_to_stderr) {
    LoadedConfiguration loaded;
    const auto text = config::read_file(file);
    if (!text) {
        loaded.errors.push_back(fmt::format("{}: error: {}", file, text.error().message));
        return loaded;
    }
    auto parsed = config::parse(*text);
    for (const auto& diagnostic : parsed.diagnostics) {
        const bool error = diagnostic.severity == config::Diagnostic::Severity::kError;
        (error ? loaded.errors : loaded.warnings).push_back(config::format(file, diagnostic));
    }
    if (!parsed.settings)
        return loaded;
    auto sealed = seal(*text);
    if (!sealed) {
        loaded.errors.push_back(fmt::format("{}: error: {}", file, sealed.error().message));
        return loaded;
    }
    if (log_to_stderr)
        parsed.settings->log_target = base::log::Target::kStderr;
    loaded.configuration = Configuration{std::move(*parsed.settings), std::move(*sealed)};
    return loaded;
}

base::Result<std::string> read_configuration(int memfd) {
    std::string text(config::kMaxFile + 1, '\0');
    std::size_t have = 0;
    while (have < text.size()) {
        const ssize_t got = ::pread(memfd, text.data() + have, text.size() - have, static_cast<off_t>(have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return base::errno_error("reading the configuration");
        if (got == 0)
            break;
        have += static_cast<std::size_t>(got);
    }
    if (have > config::kMaxFile)
        return base::error("the configuration is too big");
    text.resize(have);
    return text;
}

}  // namespace supervisor
