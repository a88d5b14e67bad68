#include "supervisor/configuration.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "config/check.hpp"
#include "config/load.hpp"
#include "config/old_file.hpp"
#include "config/policy_file.hpp"

namespace supervisor {
namespace {

// Neither settings nor a list of domains has it. The settings come first, then the list, then the policy's texts.
constexpr char kEndOfText = '\0';

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
    struct stat status {};
    if (::fstat(memfd, &status) != 0)
        return base::errno_error("reading the configuration");
    std::string text(std::min(static_cast<std::size_t>(status.st_size), limit) + 1, '\0');
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

// Error: what is wrong with the first of the files; the supervisor has told all of it.
base::Status adopt_policy(config::Settings& settings, const config::PolicyFiles& files) {
    if (files.files.empty())
        return base::ok();
    auto parsed = config::parse_policy(files);
    if (!parsed.policy)
        return base::error("{}", parsed.errors.front());
    settings.policy = std::move(parsed.policy);
    return base::ok();
}

// The text of [routing] domain_file; empty: there is none, or it is faulty.
std::string load_domains(config::Settings& settings, LoadedConfiguration& loaded) {
    if (settings.domain_file.empty())
        return {};
    auto text = config::read_file(settings.domain_file, config::kMaxDomainFile);
    if (!text) {
        loaded.errors.push_back(fmt::format("error: {}", text.error().message));
        return {};
    }
    auto parsed = config::parse_domain_list(settings.domain_file, *text, settings.domains);
    const auto circles = parsed.list ? config::check_domain_list(settings, config::this_machine(), *parsed.list)
                                     : std::vector<std::string>{};
    loaded.errors.insert(loaded.errors.end(), parsed.errors.begin(), parsed.errors.end());
    loaded.errors.insert(loaded.errors.end(), circles.begin(), circles.end());
    settings.domain_list = std::move(parsed.list);
    return std::move(*text);
}

// The supervisor has told what is wrong with it.
base::Status adopt_domains(config::Settings& settings, std::string_view text) {
    if (settings.domain_file.empty())
        return base::ok();
    auto parsed = config::parse_domain_list(settings.domain_file, text, settings.domains);
    if (!parsed.list)
        return base::error("{}", parsed.errors.front());
    settings.domain_list = std::move(parsed.list);
    return base::ok();
}

config::PolicyFiles load_policy(config::Settings& settings, LoadedConfiguration& loaded) {
    auto files = config::read_policy_files(settings.policy_file, settings.policy_directory);
    if (!files) {
        loaded.errors.push_back(fmt::format("error: {}", files.error().message));
        return {};
    }
    if (files->files.empty())
        return {};
    auto parsed = config::parse_policy(*files);
    loaded.errors.insert(loaded.errors.end(), parsed.errors.begin(), parsed.errors.end());
    loaded.warnings.insert(loaded.warnings.end(), parsed.warnings.begin(), parsed.warnings.end());
    if (parsed.policy) {
        const auto circles = config::check_policy(settings, *parsed.policy, config::this_machine());
        loaded.errors.insert(loaded.errors.end(), circles.begin(), circles.end());
    }
    settings.policy = std::move(parsed.policy);
    return std::move(*files);
}

}  // namespace

LoadedConfiguration load_configuration(const std::string& file, const LoadOptions& options) {
    LoadedConfiguration loaded;
    const auto source = config::read_source(file);
    if (!source) {
        loaded.errors.push_back(fmt::format("{}: error: {}", file, source.error().message));
        return loaded;
    }
    auto parsed = config::parse_source(*source);
    // Before the TLS files: a route in it may need one of them.
    const auto domain_list = parsed.settings ? load_domains(*parsed.settings, loaded) : std::string();
    config::TlsFiles tls_files;
    if (parsed.settings && options.tls_files)
        tls_files = config::read_tls_files(parsed);
    tell(file, parsed, loaded);
    config::PolicyFiles policy_files;
    if (parsed.settings && options.policy) {
        parsed.settings->policy_file = *options.policy;
        parsed.settings->policy_directory.clear();
    }
    if (parsed.settings)
        policy_files = load_policy(*parsed.settings, loaded);
    if (!loaded.errors.empty())
        return loaded;
    auto sealed = seal("sandwich.ini", source->text + kEndOfText + domain_list + kEndOfText + policy_files.pack());
    auto sealed_tls = seal("sandwich-tls", tls_files.pack());
    for (const auto* one : {&sealed, &sealed_tls})
        if (!*one)
            loaded.errors.push_back(fmt::format("{}: error: {}", file, one->error().message));
    if (!loaded.errors.empty())
        return loaded;
    if (options.log_to_stderr)
        parsed.settings->log_target = base::log::Target::kStderr;
    loaded.configuration = Configuration{std::move(*parsed.settings), std::move(*sealed), std::move(*sealed_tls)};
    return loaded;
}

base::Result<config::Settings> read_configuration(int memfd) {
    const auto whole = read_whole(memfd, config::kMaxFile + config::kMaxDomainFile + 2 + 2 * config::kMaxPolicySize);
    if (!whole)
        return whole.error();
    const std::string_view text = *whole;
    const auto end = text.find(kEndOfText);
    const auto end_of_list = end == std::string::npos ? end : text.find(kEndOfText, end + 1);
    if (end_of_list == std::string::npos)
        return base::error("the configuration has no end");
    auto loaded = config::parse(text.substr(0, end));
    if (!loaded.settings)
        return base::error("what the supervisor could parse cannot be parsed");
    if (auto adopted = adopt_domains(*loaded.settings, text.substr(end + 1, end_of_list - end - 1)); !adopted)
        return adopted.error();
    const auto files = config::PolicyFiles::unpack(text.substr(end_of_list + 1));
    if (!files)
        return files.error();
    if (auto adopted = adopt_policy(*loaded.settings, *files); !adopted)
        return adopted.error();
    return std::move(*loaded.settings);
}

base::Result<config::TlsFiles> read_tls_files(int memfd) {
    const auto packed = read_whole(memfd, config::kMaxPackedTlsFiles);
    if (!packed)
        return packed.error();
    return config::TlsFiles::unpack(*packed);
}

}  // namespace supervisor
