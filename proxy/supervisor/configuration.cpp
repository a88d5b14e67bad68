#include "supervisor/configuration.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "config/load.hpp"

namespace supervisor {
namespace {

base::Result<base::UniqueFd> seal(const char* name, std::string_view text) {
    base::UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
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

base::Result<std::string> read_whole(int memfd, std::size_t limit) {
    std::string text(limit + 1, '\0');
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
    if (have > limit)
        return base::error("the configuration is too big");
    text.resize(have);
    return text;
}

void tell(const std::string& file, const config::Loaded& parsed, LoadedConfiguration& loaded) {
    for (const auto& diagnostic : parsed.diagnostics) {
        const bool error = diagnostic.severity == config::Diagnostic::Severity::kError;
        (error ? loaded.errors : loaded.warnings).push_back(config::format(file, diagnostic));
    }
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
    config::TlsFiles tls_files;
    if (parsed.settings)
        tls_files = config::read_tls_files(parsed);
    tell(file, parsed, loaded);
    if (!loaded.errors.empty())
        return loaded;
    auto sealed = seal("sandwich.ini", *text);
    auto sealed_tls = seal("sandwich-tls", tls_files.pack());
    for (const auto* one : {&sealed, &sealed_tls})
        if (!*one)
            loaded.errors.push_back(fmt::format("{}: error: {}", file, one->error().message));
    if (!loaded.errors.empty())
        return loaded;
    if (log_to_stderr)
        parsed.settings->log_target = base::log::Target::kStderr;
    loaded.configuration = Configuration{std::move(*parsed.settings), std::move(*sealed), std::move(*sealed_tls)};
    return loaded;
}

base::Result<std::string> read_configuration(int memfd) {
    return read_whole(memfd, config::kMaxFile);
}

base::Result<config::TlsFiles> read_tls_files(int memfd) {
    const auto packed = read_whole(memfd, config::kMaxPackedTlsFiles);
    if (!packed)
        return packed.error();
    return config::TlsFiles::unpack(*packed);
}

}  // namespace supervisor
