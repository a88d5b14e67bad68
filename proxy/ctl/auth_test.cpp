#include "ctl/auth_test.hpp"

#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>

#include "config/load.hpp"
#include "config/old_file.hpp"
#include "ctl/client.hpp"
#include "directory/login.hpp"
#include "directory/server_password.hpp"

namespace ctl {
namespace {

constexpr int kWrong = 1;
constexpr int kNoConfiguration = 2;

// As long as this lives, the terminal shows nothing of what is typed, and an interrupt is a character like any other:
// so the terminal is never left behind like that.
class Silence {
  public:
    explicit Silence(int terminal) : terminal_(terminal) {
        if (::tcgetattr(terminal_, &before_) != 0)
            return;
        auto silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
        silent.c_lflag |= ECHONL;
        changed_ = ::tcsetattr(terminal_, TCSAFLUSH, &silent) == 0;
    }
    ~Silence() {
        if (changed_)
            ::tcsetattr(terminal_, TCSAFLUSH, &before_);
    }
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;

    [[nodiscard]] bool works() const { return changed_; }

  private:
    int terminal_;
    termios before_{};
    bool changed_ = false;
};

// Octet by octet, past no buffer that would keep it.
base::Result<directory::Secret> read_line(int fd) {
    constexpr std::size_t kMost = directory::Login::kMaxPassword + 1;  // one that is too long is refused later on
    std::string line;
    line.reserve(kMost + 1);
    for (;;) {
        char octet = 0;
        const ssize_t got = ::read(fd, &octet, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            directory::wipe(line);
            return base::errno_error("reading the password");
        }
        if (got == 0 || octet == '\n')
            break;
        if (line.size() < kMost)
            line += octet;
    }
    if (line.ends_with('\r'))
        line.pop_back();
    return directory::Secret(std::move(line));
}

base::Result<directory::Secret> read_password(std::string_view address) {
    if (::isatty(STDIN_FILENO) == 0)
        return read_line(STDIN_FILENO);
    const Silence silence(STDIN_FILENO);
    if (!silence.works())
        return base::error("the terminal cannot be kept from showing the password");
    fmt::print(stderr, "Password of {}: ", printable(address));
    std::fflush(stderr);
    return read_line(STDIN_FILENO);
}

std::string_view in_words(directory::LoginStep::Kind kind) {
    switch (kind) {
        case directory::LoginStep::Kind::kRight:
            return "right";
        case directory::LoginStep::Kind::kWrong:
            return "wrong password";
        case directory::LoginStep::Kind::kRefused:
            return "refused";
        case directory::LoginStep::Kind::kUnavailable:
            break;
    }
    return "cannot tell";
}

void print_step(const directory::LoginStep& step) {
    fmt::print("{}{}{}: {}{}{}\n", step.name, step.server.empty() ? "" : " ", printable(step.server),
               in_words(step.kind), step.reason.empty() ? "" : ": ", printable(step.reason));
    if (!step.mailbox.empty())
        fmt::print("  mailbox: {}\n", printable(step.mailbox));
    for (const auto& alias : step.aliases)
        fmt::print("  alias: {}\n", printable(alias));
}

// Null: the list has errors. Domains that stand in it may have log-in servers of their own.
config::DomainListPtr load_domains(const config::Settings& settings) {
    const auto text = config::read_file(settings.domain_file, config::kMaxDomainFile);
    if (!text) {
        fmt::print(stderr, "sandwichctl: {}\n", printable(text.error().message));
        return nullptr;
    }
    auto parsed = config::parse_domain_list(settings.domain_file, *text, settings.domains);
    if (!parsed.list)
        fmt::print(stderr, "sandwichctl: {} has errors; sandwichd --check-config shows them\n", settings.domain_file);
    return std::move(parsed.list);
}

std::optional<config::Settings> load(const std::string& file) {
    const auto source = config::read_source(file);
    if (!source) {
        fmt::print(stderr, "sandwichctl: {}\n", printable(source.error().message));
        return std::nullopt;
    }
    auto loaded = config::parse_source(*source);
    if (!loaded.settings) {
        fmt::print(stderr, "sandwichctl: {} has errors; sandwichd --check-config shows them\n", file);
        return std::nullopt;
    }
    if (!loaded.settings->domain_file.empty() && !(loaded.settings->domain_list = load_domains(*loaded.settings)))
        return std::nullopt;
    return std::move(loaded.settings);
}

}  // namespace

int auth_test(const std::string& configuration, std::string_view address) {
    // A server that closes in the middle is an answer, not our end: OpenSSL writes without MSG_NOSIGNAL.
    std::signal(SIGPIPE, SIG_IGN);
    const auto settings = load(configuration);
    if (!settings)
        return kNoConfiguration;
    const auto password = read_password(address);
    if (!password) {
        fmt::print(stderr, "sandwichctl: {}\n", password.error().message);
        return kNoConfiguration;
    }
    directory::LoginRate rate(settings->login_user_attempts, settings->login_attempts);
    const auto names =
        config::login_names(*settings, config::DomainIndex(settings->domains, settings->domain_list), address);
    const auto password_of = [](const auto&, const auto& place) { return directory::read_secret(place); };
    directory::Login login(directory::make_login_servers(*settings, names, password_of), rate);
    const auto answer = login.ask(address, *password);
    for (const auto& step : answer.steps)
        print_step(step);
    const auto why = answer.reason.empty() ? "" : fmt::format(": {}", answer.reason);
    switch (answer.kind) {
        case directory::LoginAnswer::Kind::kRight:
            fmt::print("{}: right\n", printable(address));
            return 0;
        case directory::LoginAnswer::Kind::kWrong:
            fmt::print("{}: wrong{}\n", printable(address), why);
            return kWrong;
        case directory::LoginAnswer::Kind::kTryLater:
            break;
    }
    fmt::print("{}: try again later{}\n", printable(address), why);
    return EX_TEMPFAIL;
}

}  // namespace ctl
