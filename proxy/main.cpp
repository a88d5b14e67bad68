// sandwichd: arguments, role, exit status. `--role` is for the supervisor alone (roles.hpp).
#include <getopt.h>
#include <sys/prctl.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "config/load.hpp"
#include "config/old_file.hpp"
#include "inspect/inspect.hpp"
#include "inspect/matrix.hpp"
#include "inspect/replay.hpp"
#include "roles.hpp"
#include "scanners/content/expressions.hpp"
#include "supervisor/configuration.hpp"
#include "supervisor/supervisor.hpp"

namespace {

constexpr int kUsageError = 2;

constexpr std::string_view kUsage =
    "Usage: sandwichd [-c FILE] [-f]\n"
    "       sandwichd [-c FILE] --check-config | --print-config\n"
    "       sandwichd --print-sample-config | --version | --help\n"
    "\n"
    "  -c, --config=FILE      configuration (default /etc/sandwich/sandwich.ini)\n"
    "  -f, --foreground       stay in the foreground, log to standard error\n"
    "  --check-config         print what is wrong with the configuration; exit status 1 if anything is\n"
    "  --print-config         print the settings in force: of FILE, or the defaults when -c is not given\n"
    "  --print-sample-config  print a configuration file with every key explained\n";

enum Option : int {
    kCheckConfig = 256,
    kPrintConfig,
    kPrintSampleConfig,
    kPrintManualReference,
    kPrintEvents,
    kVersion,
    kHelp,
    kRole,
    kGeneration,
};

constexpr std::array kOptions{
    option{"config", required_argument, nullptr, 'c'},
    option{"foreground", no_argument, nullptr, 'f'},
    option{"check-config", no_argument, nullptr, kCheckConfig},
    option{"print-config", no_argument, nullptr, kPrintConfig},
    option{"print-sample-config", no_argument, nullptr, kPrintSampleConfig},
    option{"print-manual-reference", no_argument, nullptr, kPrintManualReference},
    option{"print-events", no_argument, nullptr, kPrintEvents},
    option{"version", no_argument, nullptr, kVersion},
    option{"help", no_argument, nullptr, kHelp},
    option{"role", required_argument, nullptr, kRole},
    option{"generation", required_argument, nullptr, kGeneration},
    option{nullptr, 0, nullptr, 0},
};

struct Arguments {
    std::optional<std::string> file;  // -c
    bool foreground = false;
    int task = 0;  // an Option; 0: run the daemon
    std::string role;
    unsigned generation = 1;  // of the configuration that a role is given
};

std::optional<Arguments> read_arguments(int argc, char** argv) {
    Arguments arguments;
    for (;;) {
        const int found = ::getopt_long(argc, argv, "c:f", kOptions.data(), nullptr);
        if (found == -1)
            break;
        if (found == 'c')
            arguments.file = optarg;
        else if (found == 'f')
            arguments.foreground = true;
        else if (found == kGeneration)
            arguments.generation = static_cast<unsigned>(std::strtoul(optarg, nullptr, 10));
        else if (found == '?' || arguments.task != 0)
            return std::nullopt;
        else
            arguments.task = found;
        if (found == kRole)
            arguments.role = optarg;
    }
    if (optind < argc) {
        fmt::print(stderr, "sandwichd: unexpected argument \"{}\"\n", argv[optind]);
        return std::nullopt;
    }
    return arguments;
}

// False when there is an error.
bool print_diagnostics(const supervisor::LoadedConfiguration& loaded) {
    for (const auto* texts : {&loaded.errors, &loaded.warnings})
        for (const auto& text : *texts)
            fmt::print(stderr, "{}\n", text);
    return loaded.errors.empty();
}

int check_config(const std::string& file) {
    const auto loaded = supervisor::load_configuration(file, {});
    if (!print_diagnostics(loaded))
        return 1;
    // A daemon that starts leaves that to its scanner process.
    if (const auto& policy = loaded.configuration->settings.policy; policy && !policy->expressions.empty()) {
        if (const auto compiled = scanners::content::Expressions::compile(policy->expressions); !compiled) {
            fmt::print(stderr, "{}\n", compiled.error().message);
            return 1;
        }
    }
    fmt::print("{}: valid\n", file);
    return 0;
}

int print_config(const std::optional<std::string>& file) {
    if (!file) {
        const auto defaults = config::parse("");
        if (!defaults.settings) {
            for (const auto& diagnostic : defaults.diagnostics)
                fmt::print(stderr, "{}\n", config::format("defaults", diagnostic));
            return 1;
        }
        fmt::print("{}", config::print(*defaults.settings));
        return 0;
    }
    const auto source = config::read_source(*file);
    if (!source) {
        fmt::print(stderr, "{}: error: {}\n", *file, source.error().message);
        return 1;
    }
    // The files that [tls] names are left alone: who may see the settings need not be able to read the key.
    const auto loaded = config::parse_source(*source);
    for (const auto& diagnostic : loaded.diagnostics)
        fmt::print(stderr, "{}\n", config::format(*file, diagnostic));
    if (!loaded.settings)
        return 1;
    fmt::print("{}", config::print(*loaded.settings));
    return 0;
}

// Rows of the table in sandwichd(8).
int print_events() {
    static constexpr std::array<std::string_view, 6> kLevels{"debug", "info", "notice", "warning", "error", "critical"};
    for (const auto* event : base::log::kEvents)
        fmt::print(".It Sy {} Pq {}\n{}\n", event->name, kLevels.at(static_cast<std::size_t>(event->level)),
                   event->meaning);
    return 0;
}

int run_role(const Arguments& arguments) {
    const bool proxy = arguments.role == "proxy";
    const bool runner = arguments.role == "runner";
    if (!proxy && !runner && arguments.role != "zygote")
        return kUsageError;
    // Executed by descriptor, it would be called after the descriptor's number.
    ::prctl(PR_SET_NAME, proxy ? "sandwichd-proxy" : runner ? "sandwichd-check" : "sandwichd-scan", 0, 0, 0);
    auto settings = supervisor::read_configuration(roles::kConfigFd);
    if (!settings) {
        fmt::print(stderr, "sandwichd: --role is for the daemon's own use: {}\n", settings.error().message);
        return kUsageError;
    }
    if (arguments.foreground)
        settings->log_target = base::log::Target::kStderr;
    base::log::open(settings->log_target, settings->log_ident, settings->log_level);
    if (runner)
        return roles::run_runner(*settings);
    return proxy ? roles::run_proxy(*settings, arguments.generation) : roles::run_zygote(*settings);
}

int run(int argc, char** argv) {
    // What sandwichctl(8) asks of the scanners alone.
    if (argc > 1 && argv[1] == std::string_view("--inspect"))
        return inspect::run(argc - 1, argv + 1);
    if (argc > 1 && argv[1] == std::string_view("--matrix"))
        return inspect::matrix(argc - 1, argv + 1);
    if (argc > 1 && argv[1] == std::string_view("--replay"))
        return inspect::replay(argc - 1, argv + 1);
    const auto arguments = read_arguments(argc, argv);
    if (!arguments) {
        fmt::print(stderr, "{}", kUsage);
        return kUsageError;
    }
    const auto file = arguments->file.value_or("/etc/sandwich/sandwich.ini");
    switch (arguments->task) {
        case kCheckConfig:
            return check_config(file);
        case kPrintConfig:
            return print_config(arguments->file);
        case kPrintSampleConfig:
            fmt::print("{}", config::sample_file());
            return 0;
        case kPrintManualReference:
            fmt::print("{}", config::manual_page());
            return 0;
        case kPrintEvents:
            return print_events();
        case kVersion:
            fmt::print("sandwichd {}\n", SANDWICH_VERSION);
            return 0;
        case kHelp:
            fmt::print("{}", kUsage);
            return 0;
        case kRole:
            return run_role(*arguments);
        default:
            return supervisor::run({std::filesystem::absolute(file), arguments->foreground});
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& failure) {
        base::log::event(base::log::kStartFailed, "{}", failure.what());
        fmt::print(stderr, "sandwichd: {}\n", failure.what());
        return 1;
    }
}
