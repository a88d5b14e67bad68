#include "ctl/doctor_command.hpp"

#include <fmt/format.h>
#include <getopt.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "ctl/client.hpp"
#include "doctor/doctor.hpp"

namespace ctl {
namespace {

constexpr std::string_view kDoctorUsage =
    "Usage: sandwichctl doctor [-c FILE] [--inbound-cf=FILE] [--delivery-cf=FILE] [--patience=SECONDS]\n"
    "                          [--probe [--to=ADDRESS] [--from=ADDRESS]]\n"
    "\n"
    "  -c, --config=FILE      our configuration (default /etc/sandwich/sandwich.ini)\n"
    "  --inbound-cf=FILE      the inbound Sendmail's (default: as /etc/default/sandwich says)\n"
    "  --delivery-cf=FILE     the delivery Sendmail's\n"
    "  --patience=SECONDS     with each server, 1 to 600 (default 10); with a probe six times that\n"
    "  --probe                send a clean message and a harmless test virus through all, and follow both\n"
    "  --to=ADDRESS           to whom (default: [smtp] postmaster); --from=ADDRESS: from whom (default: <>)\n"
    "\n"
    "Exit status: 0 all is well, 1 there are warnings, 2 there are failures, 64 wrong usage.\n";

enum DoctorOption : int { kInboundCf = 256, kDeliveryCf, kPatience, kProbe, kTo, kFrom, kDoctorHelp };

constexpr std::array kDoctorOptions{
    option{"config", required_argument, nullptr, 'c'},
    option{"inbound-cf", required_argument, nullptr, kInboundCf},
    option{"delivery-cf", required_argument, nullptr, kDeliveryCf},
    option{"patience", required_argument, nullptr, kPatience},
    option{"probe", no_argument, nullptr, kProbe},
    option{"to", required_argument, nullptr, kTo},
    option{"from", required_argument, nullptr, kFrom},
    option{"help", no_argument, nullptr, kDoctorHelp},
    option{nullptr, 0, nullptr, 0},
};

// What may stand between the angle brackets of MAIL and RCPT.
bool is_path(std::string_view text) {
    return !text.empty() && text.size() <= 254 && text.find_first_of("<> \t\r\n") == std::string_view::npos;
}

bool take(doctor::Request& request, int found, std::string_view value) {
    switch (found) {
        case 'c':
            request.configuration = value;
            return true;
        case kInboundCf:
            request.inbound_cf = value;
            return true;
        case kDeliveryCf:
            request.delivery_cf = value;
            return true;
        case kPatience: {
            int seconds = 0;
            const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), seconds);
            request.patience = std::chrono::seconds(seconds);
            return failure == std::errc{} && end == value.data() + value.size() && seconds >= 1 && seconds <= 600;
        }
        case kProbe:
            request.probe = true;
            return true;
        case kTo:
            request.probe_to = value;
            return is_path(value);
        case kFrom:
            request.probe_from = value;
            return is_path(value);
        default:
            return false;
    }
}

void print_all(std::string_view text) {
    while (!text.empty()) {
        const ssize_t wrote = ::write(STDOUT_FILENO, text.data(), text.size());
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return;
        text.remove_prefix(static_cast<std::size_t>(wrote));
    }
}

}  // namespace

void run_doctor(int argc, char** argv) {
    doctor::Request request;
    request.configuration = "/etc/sandwich/sandwich.ini";
    for (int found = 0; (found = ::getopt_long(argc, argv, "c:", kDoctorOptions.data(), nullptr)) != -1;) {
        if (found == kDoctorHelp) {
            print_all(kDoctorUsage);
            ::_exit(0);
        }
        if (!take(request, found, optarg == nullptr ? std::string_view() : std::string_view(optarg))) {
            fmt::print(stderr, "{}", kDoctorUsage);
            ::_exit(EX_USAGE);
        }
    }
    const bool only_for_probe = !request.probe_to.empty() || !request.probe_from.empty();
    if (argc - optind != 1 || (only_for_probe && !request.probe)) {
        fmt::print(stderr, "{}", kDoctorUsage);
        ::_exit(EX_USAGE);
    }
    std::error_code problem;
    // A server that closes in the middle must end its check, not us: OpenSSL writes without MSG_NOSIGNAL.
    std::signal(SIGPIPE, SIG_IGN);
    request.program_directory = std::filesystem::read_symlink("/proc/self/exe", problem).parent_path().string();
    request.ask = [](const std::string& socket, const std::string& text) -> base::Result<doctor::Request::Answer> {
        auto answer = ask(socket, text);
        if (!answer)
            return answer.error();
        return doctor::Request::Answer{answer->ok, std::move(answer->text)};
    };
    request.print = [](const std::string& text) { print_all(printable(text)); };
    const int status = doctor::run(std::move(request));
    // A check that hangs in the system must not keep the others' result from being told.
    std::fflush(nullptr);
    ::_exit(status);
}

}  // namespace ctl
