// sandwichctl: asks the running proxy over its control socket. It touches no file of the quarantine itself.
#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/unique_fd.hpp"
#include "config/load.hpp"
#include "config/old_file.hpp"
#include "ctl/auth_test.hpp"
#include "ctl/client.hpp"
#include "ctl/doctor_command.hpp"
#include "ctl/user_commands.hpp"

namespace {

constexpr int kRefused = 1;
constexpr int kUsageError = 2;
constexpr int kUnreachable = 3;
constexpr const char* kDefaultConfiguration = "/etc/sandwich/sandwich.ini";

constexpr std::string_view kUsage =
    "Usage: sandwichctl [-c FILE | -s SOCKET] COMMAND\n"
    "\n"
    "  status                        what the daemon does\n"
    "  why ID                        what was done with a message and why, by our id, the inbound queue id or "
    "Message-ID\n"
    "  routes [DOMAIN]               where mail goes and how the servers there are, for all domains or one\n"
    "  recipient ADDRESS             what each source of recipients says of it, asked anew\n"
    "  quarantine list               the messages held, oldest first\n"
    "  quarantine show ID            one message's envelope, verdict and history\n"
    "  quarantine show ID --raw      its bytes, as they came\n"
    "  quarantine release ID         hand it to the delivery server; --again: once more\n"
    "  quarantine delete ID          remove it for good\n"
    "  users list [TEXT]             the mailboxes that are known, all, of @DOMAIN, or with TEXT in an address\n"
    "  users show ADDRESS            all about one; @DOMAIN: the settings of a domain\n"
    "  users add MAILBOX [ALIAS...]  put one in; users alias MAILBOX ALIAS...: more aliases\n"
    "  users remove ADDRESS...       a mailbox with its aliases and settings, or an alias\n"
    "  users set ADDRESS NAME=VALUE  a setting of a mailbox or of @DOMAIN; users unset ADDRESS NAME\n"
    "  users settings [ADDRESS]      which settings there are; what counts for a mailbox or @DOMAIN\n"
    "  users disable MAILBOX...      no mail is taken for them; users enable MAILBOX...\n"
    "  users import FILE             put in what a file lists; users export [TEXT]: as such a file\n"
    "  scan MESSAGE...               what would be done with messages in files, and why; nothing is sent.\n"
    "                                --policy=FILE: under these rules; --from, --to, --client: in this envelope;\n"
    "                                --setting=NAME=VALUE: with recipients that have this setting\n"
    "  matrix                        what is done when a scanner cannot tell, as one table; --to=ADDRESS: for that "
    "one\n"
    "  replay --policy=FILE MAILS... which mails of mboxes, Maildirs and directories these rules would treat "
    "otherwise\n"
    "                                than those in force; --quarantine: those that are held\n"
    "  doctor                        looks at all that mail depends on, and says what is wrong and what to do;\n"
    "                                --probe: sends two messages through it all, and follows them\n"
    "  auth-test ADDRESS             whether the log-in servers of the configuration take an address and the password "
    "that\n"
    "                                is typed, or comes on standard input\n"
    "  import FILE [NATIVE]          what applies of an intscan.ini or imss.ini, line by line, and the same as a file "
    "of\n"
    "                                ours, to NATIVE, which must not be there, or to the screen\n"
    "\n"
    "  -c, --config=FILE             configuration that names the control socket (default /etc/sandwich/sandwich.ini)\n"
    "  -s, --socket=SOCKET           the control socket itself\n"
    "\n"
    "Exit status: 0 done, 1 the daemon refused, 2 wrong usage, 3 the daemon cannot be reached;\n"
    "of auth-test: 0 right, 1 wrong, 75 try again later, 2 no valid configuration;\n"
    "of doctor: 0 all is well, 1 there are warnings, 2 there are failures, 64 wrong usage.\n";

enum Option : int { kRaw = 256, kAgain, kVersion, kHelp };

constexpr std::array kOptions{
    option{"config", required_argument, nullptr, 'c'},
    option{"socket", required_argument, nullptr, 's'},
    option{"raw", no_argument, nullptr, kRaw},
    option{"again", no_argument, nullptr, kAgain},
    option{"version", no_argument, nullptr, kVersion},
    option{"help", no_argument, nullptr, kHelp},
    option{nullptr, 0, nullptr, 0},
};

struct Arguments {
    std::optional<std::string> file;
    std::optional<std::string> socket;
    bool raw = false;
    bool again = false;
    int task = 0;
    std::vector<std::string_view> words;
};

std::optional<Arguments> read_arguments(int argc, char** argv) {
    Arguments arguments;
    for (;;) {
        const int found = ::getopt_long(argc, argv, "c:s:", kOptions.data(), nullptr);
        switch (found) {
            case -1:
                for (int i = optind; i < argc; ++i)
                    arguments.words.emplace_back(argv[i]);
                return arguments;
            case 'c':
                arguments.file = optarg;
                break;
            case 's':
                arguments.socket = optarg;
                break;
            case kRaw:
                arguments.raw = true;
                break;
            case kAgain:
                arguments.again = true;
                break;
            case kVersion:
            case kHelp:
                arguments.task = found;
                break;
            default:
                return std::nullopt;
        }
    }
}

int fail_usage() {
    fmt::print(stderr, "{}", kUsage);
    return kUsageError;
}

int fail(int status, std::string_view why) {
    fmt::print(stderr, "sandwichctl: {}\n", ctl::printable(why));
    return status;
}

base::Result<std::string> socket_path(const Arguments& arguments) {
    if (arguments.socket)
        return *arguments.socket;
    const std::string file = arguments.file.value_or(kDefaultConfiguration);
    config::Source source;
    if (arguments.file || ::access(file.c_str(), F_OK) == 0) {
        auto read = config::read_source(file);
        if (!read)
            return base::error("{}; -s SOCKET needs no configuration", read.error().message);
        source = std::move(*read);
    }
    const auto loaded = config::parse_source(source);
    if (loaded.settings)
        return loaded.settings->control_socket;
    return base::error("{} has errors (sandwichd --check-config shows them); -s SOCKET needs no configuration", file);
}

base::Status to_stdout(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t wrote = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return base::errno_error("standard output");
        bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return base::ok();
}

// Whatever a mail may be called by, on one line.
bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= 1000 && text.find_first_of("\r\n") == std::string_view::npos &&
           text.find_first_not_of(' ') != std::string_view::npos;
}

bool is_domain(std::string_view text) {
    return is_name(text) && text.find(' ') == std::string_view::npos;
}

// The request for the words of the command line; empty when they are none.
std::string request_of(const Arguments& arguments) {
    const auto& words = arguments.words;
    const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string_view(); };
    const bool plain = !arguments.raw && !arguments.again;
    if (words.size() == 1 && word(0) == "status" && plain)
        return "status";
    if (words.size() == 2 && word(0) == "why" && plain && is_name(word(1)))
        return fmt::format("why {}", word(1));
    if (word(0) == "routes" && words.size() <= 2 && plain)
        return words.size() == 1 ? "routes" : is_domain(word(1)) ? fmt::format("routes {}", word(1)) : std::string();
    if (words.size() == 2 && word(0) == "recipient" && plain && is_name(word(1)))
        return fmt::format("recipient {}", word(1));
    if (word(0) != "quarantine")
        return {};
    if (words.size() == 2 && word(1) == "list" && plain)
        return "list";
    if (words.size() != 3)
        return {};
    const auto id = word(2);
    if (word(1) == "show" && !arguments.again)
        return fmt::format("{} {}", arguments.raw ? "raw" : "show", id);
    if (word(1) == "release" && !arguments.raw)
        return fmt::format("release {}{}", id, arguments.again ? " again" : "");
    if (word(1) == "delete" && plain)
        return fmt::format("delete {}", id);
    return {};
}

// What the program beside this one does, and how it is told so.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kOfDaemon{
    {{"scan", "--inspect"}, {"matrix", "--matrix"}, {"replay", "--replay"}}};

bool is_of_daemon(std::string_view word) {
    return std::any_of(kOfDaemon.begin(), kOfDaemon.end(), [&](const auto& known) { return known.first == word; });
}

// Where a command stands that reads its own options: only -c may stand before it. 0: nowhere.
int find_command_with_options(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (is_of_daemon(word) || word == "doctor")
            return i;
        if (word == "-c" || word == "--config")
            ++i;
        else if (!word.starts_with("--config=") && !word.starts_with("-c"))
            return 0;
    }
    return 0;
}

// The program beside this one does it: the scanners are not linked in here. Returns only when it cannot.
int hand_to_daemon(int argc, char** argv, int command) {
    std::error_code problem;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", problem);
    const auto daemon = (self.parent_path() / "sandwichd").string();
    std::string task;
    for (const auto& [name, option] : kOfDaemon)
        if (name == argv[command])
            task = option;
    std::vector<char*> words{argv[0], task.data()};
    words.insert(words.end(), argv + 1, argv + argc);
    words.erase(words.begin() + 1 + command);
    words.push_back(nullptr);
    ::execv(daemon.c_str(), words.data());
    return fail(kRefused, fmt::format("{}: {}", daemon, std::strerror(errno)));
}

base::Status write_new_file(const std::string& path, std::string_view text) {
    const base::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!file)
        return base::errno_error(path);
    while (!text.empty()) {
        const ssize_t wrote = ::write(file.get(), text.data(), text.size());
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return base::errno_error(path);
        text.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return base::ok();
}

// An old configuration file, line by line; and as one of ours.
int run_import(const Arguments& arguments) {
    const auto& words = arguments.words;
    if (words.size() < 2 || words.size() > 3 || arguments.raw || arguments.again)
        return fail_usage();
    const std::string file(words[1]);
    const auto kind = config::old_file_kind(file);
    if (kind == config::OldFile::kNone)
        return fail(kRefused, file + " is called neither intscan.ini nor imss.ini: which of them is it?");
    const auto text = config::read_file(file);
    if (!text)
        return fail(kRefused, text.error().message);
    const auto translated = config::translate_old_file(kind, file, *text);
    std::string report;
    for (const auto& line : translated.report)
        report += fmt::format("{}:{}: {}: {}\n", file, line.line,
                              line.what == config::OldLine::What::kApplied         ? "applied"
                              : line.what == config::OldLine::What::kWithoutEffect ? "without effect"
                                                                                   : "unknown",
                              line.text);
    const auto loaded = config::parse_source({translated.text, translated.lines, {}});
    for (const auto& diagnostic : loaded.diagnostics)
        report += config::format(file, diagnostic) + "\n";
    if (words.size() == 2)
        report += "\n" + translated.text;
    if (const auto written = to_stdout(ctl::printable(report)); !written)
        return fail(kRefused, written.error().message);
    if (words.size() == 3)
        if (const auto written = write_new_file(std::string(words[2]), translated.text); !written)
            return fail(kRefused, written.error().message);
    return loaded.settings ? 0 : kRefused;
}

base::Result<std::string> read_users(const std::string& file) {
    constexpr std::size_t kMaxUsersFile = std::size_t{64} << 20;
    if (file != "-")
        return config::read_file(file, kMaxUsersFile);
    std::string text;
    std::array<char, 65536> chunk{};
    for (;;) {
        const ssize_t got = ::read(STDIN_FILENO, chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return base::errno_error("standard input");
        if (got == 0)
            return text;
        text.append(chunk.data(), static_cast<std::size_t>(got));
        if (text.size() > kMaxUsersFile)
            return base::error("standard input has more than {} octets", kMaxUsersFile);
    }
}

int run_users(const Arguments& arguments) {
    if (arguments.raw || arguments.again)
        return fail_usage();
    const auto path = socket_path(arguments);
    if (!path)
        return fail(kUnreachable, path.error().message);
    const ctl::UserTask task{[&](const std::string& request) { return ctl::ask(*path, request); }, to_stdout,
                             [](std::string_view why) { fail(kRefused, why); }, read_users};
    switch (ctl::run_user_command(std::span(arguments.words).subspan(1), task)) {
        case ctl::UserOutcome::kDone:
            return 0;
        case ctl::UserOutcome::kRefused:
            return kRefused;
        case ctl::UserOutcome::kUnreachable:
            return kUnreachable;
        case ctl::UserOutcome::kUsage:
            break;
    }
    return fail_usage();
}

int run(int argc, char** argv) {
    if (const int command = find_command_with_options(argc, argv); command > 0) {
        if (is_of_daemon(argv[command]))
            return hand_to_daemon(argc, argv, command);
        ctl::run_doctor(argc, argv);
    }
    const auto arguments = read_arguments(argc, argv);
    if (arguments && arguments->task == kHelp)
        return to_stdout(kUsage) ? 0 : kRefused;
    if (arguments && arguments->task == kVersion)
        return to_stdout(fmt::format("sandwichctl {}\n", SANDWICH_VERSION)) ? 0 : kRefused;
    if (arguments && arguments->words.size() == 2 && arguments->words[0] == "auth-test" && !arguments->socket &&
        !arguments->raw && !arguments->again)
        return ctl::auth_test(arguments->file.value_or(kDefaultConfiguration), arguments->words[1]);
    if (arguments && !arguments->words.empty() && arguments->words[0] == "users")
        return run_users(*arguments);
    if (arguments && !arguments->words.empty() && arguments->words[0] == "import")
        return run_import(*arguments);
    const auto request = arguments ? request_of(*arguments) : std::string();
    if (request.empty())
        return fail_usage();
    if (arguments->words.size() == 3 && !base::is_message_id(arguments->words[2]))
        return fail(kUsageError,
                    fmt::format("\"{}\" is no message id; ids have {} characters, as \"sandwichctl quarantine "
                                "list\" shows them",
                                arguments->words[2], base::kMessageIdLength));
    const auto path = socket_path(*arguments);
    if (!path)
        return fail(kUnreachable, path.error().message);
    std::function<base::Status(std::string_view)> sink;
    if (arguments->raw)
        sink = to_stdout;
    const auto answer = ctl::ask(*path, request, sink);
    if (!answer)
        return fail(kUnreachable, answer.error().message);
    if (!answer->ok)
        return fail(kRefused, answer->text);
    const auto written = to_stdout(request == "list" ? ctl::table(answer->text) : ctl::printable(answer->text));
    return written ? 0 : fail(kRefused, written.error().message);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& failure) {
        return fail(kRefused, failure.what());
    }
}
