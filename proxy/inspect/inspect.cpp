#include "inspect/inspect.hpp"

#include <getopt.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "inspect/engine.hpp"
#include "inspect/judgement.hpp"
#include "inspect/mail_file.hpp"
#include "net/address.hpp"
#include "policy/explain.hpp"
#include "supervisor/configuration.hpp"

namespace inspect {
namespace {

constexpr int kFailed = 1;
constexpr int kUsageError = 2;

enum Option : int { kPolicy = 256, kFrom, kTo, kClient, kSetting };

constexpr std::array kOptions{
    option{"config", required_argument, nullptr, 'c'},
    option{"policy", required_argument, nullptr, kPolicy},
    option{"from", required_argument, nullptr, kFrom},
    option{"to", required_argument, nullptr, kTo},
    option{"client", required_argument, nullptr, kClient},
    option{"setting", required_argument, nullptr, kSetting},
    option{nullptr, 0, nullptr, 0},
};

struct Arguments {
    std::string configuration = "/etc/sandwich/sandwich.ini";
    std::optional<std::string> policy;
    mail::Envelope envelope{"sender@example.com", "", {}};
    std::optional<policy::ClientAddress> client;
    policy::SettingValues settings;  // of every recipient
    std::vector<std::string> files;
};

int complain(const std::string& why) {
    fmt::print(stderr, "sandwichctl: {}\n", why);
    return kFailed;
}

std::optional<Arguments> read_arguments(int argc, char** argv) {
    Arguments arguments;
    for (int found = 0; (found = ::getopt_long(argc, argv, "c:", kOptions.data(), nullptr)) != -1;) {
        switch (found) {
            case 'c':
                arguments.configuration = optarg;
                break;
            case kPolicy:
                arguments.policy = optarg;
                break;
            case kFrom:
                arguments.envelope.reverse_path = std::string_view(optarg) == "<>" ? "" : optarg;
                break;
            case kTo:
                arguments.envelope.recipients.push_back({optarg, ""});
                break;
            case kClient:
                if (const auto address = net::Address::parse(optarg))
                    arguments.client = address->mapped();
                else
                    return std::nullopt;
                break;
            case kSetting:
                if (const auto taken = take_setting(arguments.settings, optarg); !taken) {
                    complain(taken.error().message);
                    return std::nullopt;
                }
                break;
            default:
                return std::nullopt;
        }
    }
    arguments.files.assign(argv + optind, argv + argc);
    if (arguments.envelope.recipients.empty())
        arguments.envelope.recipients.push_back({"recipient@example.com", ""});
    return arguments.files.empty() ? std::nullopt : std::optional(std::move(arguments));
}

void print_verdict(const Arguments& arguments, const policy::ScanReport& report, std::size_t size,
                   const policy::Rules& rules) {
    policy::Facts facts{report, arguments.envelope};
    facts.size = size;
    facts.client = arguments.client;
    const auto settings = settings_of_all(arguments.settings, arguments.envelope);
    facts.settings = settings;
    const auto local = base::local_time(base::Wall::now());
    facts.moment = policy::Moment::at(local.tm_wday, local.tm_hour, local.tm_min);
    fmt::print("{}", policy::describe_report(report));
    for (std::size_t i = 0; i < arguments.envelope.recipients.size(); ++i)
        fmt::print("{}", policy::explain(facts, i, rules));
}

std::optional<supervisor::Configuration> load(const Arguments& arguments) {
    auto loaded = supervisor::load_configuration(
        arguments.configuration, {.log_to_stderr = true, .tls_files = false, .policy = arguments.policy});
    for (const auto* texts : {&loaded.errors, &loaded.warnings})
        for (const auto& text : *texts)
            fmt::print(stderr, "{}\n", text);
    return std::move(loaded.configuration);
}

}  // namespace

int run(int argc, char** argv) {
    const auto arguments = read_arguments(argc, argv);
    if (!arguments) {
        fmt::print(
            stderr,
            "Usage: sandwichctl scan [-c FILE] [--policy FILE] [--from ADDRESS] [--to ADDRESS]... [--client IP]\n"
            "                        [--setting NAME=VALUE]... MESSAGE...\n");
        return kUsageError;
    }
    base::log::open(base::log::Target::kStderr, "sandwichctl", base::log::Level::kWarning);
    const auto configuration = load(*arguments);
    if (!configuration)
        return kFailed;
    const auto engine = Engine::start(*configuration);
    if (!engine)
        return complain("scanner: " + engine.error().message);
    const auto& settings = configuration->settings;
    if (const auto note = note_on_settings(arguments->settings, settings.rules()); !note.empty())
        complain(std::string(note));
    int status = 0;
    for (const auto& file : arguments->files) {
        auto mail = read_mail(file, settings.message_size_limit > 0 ? settings.message_size_limit : 2047U << 20U);
        if (!mail) {
            status = complain(mail.error().message);
            continue;
        }
        const auto size = (*mail)->size();
        fmt::print("file: {}\nsize: {} octets\n", file, size);
        print_verdict(*arguments, (*engine)->scan(std::move(*mail)), size, settings.rules());
    }
    return status;
}

}  // namespace inspect
