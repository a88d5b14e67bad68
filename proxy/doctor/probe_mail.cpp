// Sends the two messages of --probe, and looks for them until both are where they end, or the patience is over.
#include <fcntl.h>
#include <pwd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "base/clock.hpp"
#include "config/load.hpp"
#include "doctor/probe.hpp"
#include "doctor/smtp_talk.hpp"

namespace doctor {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 3> kMailLogs{"/var/log/mail.log", "/var/log/maillog", "/var/log/mail"};
constexpr std::chrono::milliseconds kRound{300};
constexpr std::size_t kMostRead = 16 << 20;  // octets, behind where a file ended before the probe

// The test virus in base64, in two parts: as it stands in a program, a virus scanner would take the program for one.
constexpr std::array<std::string_view, 2> kEicar{"WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FS",
                                                 "LVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo="};

// What has been added to a file since it was made known here.
class GrowingFile {
  public:
    explicit GrowingFile(std::string path) : path_(std::move(path)) {
        struct stat status {};
        there_ = ::stat(path_.c_str(), &status) == 0 && S_ISREG(status.st_mode);
        begin_ = there_ ? status.st_size : 0;
    }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] bool there() const { return there_; }

    [[nodiscard]] std::string added() const {
        const base::UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
        struct stat status {};
        if (!file || ::fstat(file.get(), &status) != 0)
            return {};
        off_t at = status.st_size < begin_ ? 0 : begin_;  // it was begun anew meanwhile
        std::string text;
        std::array<char, 65536> chunk{};
        while (text.size() < kMostRead) {
            const ssize_t got = ::pread(file.get(), chunk.data(), chunk.size(), at);
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                break;
            text.append(chunk.data(), static_cast<std::size_t>(got));
            at += got;
        }
        return text;
    }

  private:
    std::string path_;
    bool there_ = false;
    off_t begin_ = 0;
};

std::string random_name() {
    std::array<unsigned char, 12> octets{};
    if (::getrandom(octets.data(), octets.size(), 0) < 0)
        return fmt::format("{}.{}", ::getpid(), base::Wall::now().time_since_epoch().count());
    std::string name;
    for (const auto octet : octets)
        name += fmt::format("{:02x}", octet);
    return name;
}

std::string first_line_with(std::string_view text, std::initializer_list<std::string_view> words) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        if (std::all_of(words.begin(), words.end(),
                        [&](auto word) { return line.find(word) != std::string_view::npos; }))
            return std::string(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return {};
}

// The envelope of a message in a queue, which may have queues below it; empty: it is not there.
std::string queue_file(const std::string& directory, const std::string& id) {
    if (id.empty())
        return {};
    for (const auto* const below : {"", "/qf"})
        if (const auto path = directory + below + "/qf" + id; ::access(path.c_str(), F_OK) == 0)
            return path;
    std::error_code failure;
    for (fs::directory_iterator at(directory, failure), end; !failure && at != end; at.increment(failure)) {
        std::error_code ignored;
        if (!at->is_directory(ignored))
            continue;
        for (const auto* const below : {"", "/qf"})
            if (const auto path = at->path().string() + below + "/qf" + id; ::access(path.c_str(), F_OK) == 0)
                return path;
    }
    return {};
}

// Why it waits: the line M of its envelope.
std::string status_in(const std::string& envelope) {
    const auto text = config::read_file(envelope, 1 << 20);
    if (!text)
        return {};
    const auto at = text->find("\nM");
    return at == std::string::npos ? std::string() : text->substr(at + 2, text->find('\n', at + 2) - at - 2);
}

// One message on its way.
class Probe {
  public:
    Probe(const Setup& setup, bool infected) : setup_(setup) {
        facts_.infected = infected;
        facts_.when_found = setup.settings->clamav.actions.found.value_or(policy::Action::kQuarantine);
        message_id_ = fmt::format("<doctor.{}@{}>", random_name(), setup.settings->proxy_hostname);
        to_ = setup.request.probe_to.empty() ? setup.settings->postmaster : setup.request.probe_to;
        for (const auto* const path : kMailLogs)
            logs_.emplace_back(path);
        const auto user = to_.substr(0, to_.find('@'));
        if (user.find('/') == std::string::npos && user != "." && user != "..")
            for (const auto* const directory : {"/var/mail/", "/var/spool/mail/"})
                mailboxes_.emplace_back(directory + user);
        if (const auto* const entry = ::getpwnam(user.c_str()); entry != nullptr)
            maildir_ = std::string(entry->pw_dir) + "/Maildir/new";
    }

    void send();
    // Looks once. True: it is where it ends.
    bool look();
    [[nodiscard]] Finding finding() const { return judge_probe(facts_); }

  private:
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::string find_in_mailboxes() const;
    [[nodiscard]] std::string log_line() const;

    const Setup& setup_;
    ProbeFacts facts_;
    std::string message_id_;
    std::string to_;
    std::vector<GrowingFile> logs_;
    std::vector<GrowingFile> mailboxes_;
    std::string maildir_;
};

std::string Probe::text() const {
    const auto& name = setup_.settings->proxy_hostname;
    auto text = fmt::format(
        "From: sandwichctl doctor <postmaster@{}>\r\nTo: <{}>\r\nSubject: sandwichctl doctor: {}\r\nDate: {}\r\n"
        "Message-ID: {}\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
        name, to_, facts_.infected ? "harmless test virus, which should not arrive" : "clean message",
        base::rfc5322_date(base::Wall::now()), message_id_);
    if (!facts_.infected)
        return text +
               "Content-Type: text/plain; charset=us-ascii\r\n\r\nsandwichctl doctor has sent this message to see "
               "whether mail "
               "arrives.\r\n";
    // As an attachment of its own: some signatures know only the whole file.
    return text +
           "Content-Type: application/octet-stream; name=eicar.txt\r\nContent-Transfer-Encoding: base64\r\n"
           "Content-Disposition: attachment; filename=eicar.txt\r\n\r\n" +
           fmt::format("{}{}\r\n", kEicar[0], kEicar[1]);
}

void Probe::send() {
    const auto daemon =
        setup_.inbound && !setup_.inbound->daemons.empty() ? setup_.inbound->daemons.front() : CfFacts::Daemon{};
    const auto address =
        net::Address::parse(daemon.address.starts_with("IPv6:") ? daemon.address.substr(5) : daemon.address);
    net::Endpoint server{address && !address->any() ? *address : *net::Address::parse("127.0.0.1"), daemon.port};
    const auto deadline = base::Monotonic::now() + setup_.request.probe_patience();
    auto connecting = connect_to(server, deadline);
    if (!connecting.contact.connected()) {
        facts_.refused = fmt::format("{}: {}", server.to_string(), to_text(connecting.contact));
        return;
    }
    SmtpTalk talk(std::move(connecting.socket), deadline);
    const auto refused = [&](std::string_view what, const base::Result<smtp::Reply>& reply, int wanted) {
        if (!reply)
            facts_.refused = fmt::format("{}: {}", what, reply.error().message);
        else if (reply->code / 100 != wanted)
            facts_.refused = fmt::format("{}: {} {}", what, reply->code, smtp::text_of(*reply));
        return !facts_.refused.empty();
    };
    if (refused("greeting", talk.read(), 2) || refused("EHLO", talk.say("EHLO localhost"), 2) ||
        refused("MAIL", talk.say(fmt::format("MAIL FROM:<{}>", setup_.request.probe_from)), 2) ||
        refused("RCPT", talk.say(fmt::format("RCPT TO:<{}>", to_)), 2) || refused("DATA", talk.say("DATA"), 3))
        return;
    const auto taken = talk.send(text() + ".\r\n");
    if (refused("end of data", taken, 2))
        return;
    facts_.inbound_id = queue_id_in(smtp::text_of(*taken));
    (void)talk.say("QUIT");
}

std::string Probe::find_in_mailboxes() const {
    for (const auto& mailbox : mailboxes_)
        if (mailbox.added().find(message_id_) != std::string::npos)
            return mailbox.path();
    std::error_code failure;
    for (fs::directory_iterator at(maildir_, failure), end; !failure && at != end; at.increment(failure)) {
        const auto text = config::read_file(at->path().string(), 1 << 20);
        if (text && text->find(message_id_) != std::string::npos)
            return at->path().string();
    }
    return {};
}

// sandwichd's line: from its explanation, else from the mail log.
std::string Probe::log_line() const {
    constexpr std::string_view kLog = "\nlog:";
    if (setup_.settings->explain_enable) {
        const auto answer = setup_.request.ask(setup_.settings->control_socket, "why " + message_id_);
        const auto text = answer && answer->ok ? "\n" + answer->text : std::string();
        const auto at = text.find(kLog);
        if (at != std::string::npos) {
            auto line = text.substr(at + kLog.size(), text.find('\n', at + 1) - at - kLog.size());
            return line.substr(std::min(line.find_first_not_of(' '), line.size()));
        }
    }
    for (const auto& log : logs_)
        if (auto line = first_line_with(log.added(), {message_id_, ", verdict=", ", stat="}); !line.empty())
            return line.substr(std::min(line.find("]: ") + 3, line.size()));
    return {};
}

bool Probe::look() {
    if (!facts_.refused.empty())
        return true;
    if (facts_.line.empty())
        facts_.line = log_line();
    facts_.mailbox = find_in_mailboxes();
    const auto waiting = queue_file(queue_directory(setup_.inbound), facts_.inbound_id);
    facts_.in_inbound_queue = !waiting.empty();
    facts_.inbound_status = waiting.empty() ? "" : status_in(waiting);
    facts_.knows_all = setup_.settings->explain_enable ||
                       std::any_of(logs_.begin(), logs_.end(), [](const auto& log) { return log.there(); });
    const auto next = field_of(facts_.line, "outbound");
    if (next.empty())
        // Where nothing was handed on, it ends at sandwichd; or in the queue, when Sendmail has noted why.
        return !facts_.line.empty() || !facts_.mailbox.empty() || !facts_.inbound_status.empty();
    for (const auto& log : logs_)
        if (const auto line = first_line_with(log.added(), {next + ": to=", "stat="}); !line.empty())
            facts_.delivery_stat = field_of(line, "stat");
    const auto delayed = queue_file(queue_directory(setup_.delivery), next);
    facts_.in_delivery_queue = !delayed.empty();
    facts_.delivery_status = delayed.empty() ? "" : status_in(delayed);
    return !facts_.mailbox.empty() || facts_.delivery_stat.starts_with("Sent") || !facts_.delivery_status.empty();
}

}  // namespace

Findings check_probe(const Setup& setup) {
    std::array<Probe, 2> probes{Probe(setup, false), Probe(setup, true)};
    for (auto& probe : probes)
        probe.send();
    const auto deadline = base::Monotonic::now() + setup.request.probe_patience();
    for (;;) {
        bool done = true;
        for (auto& probe : probes)
            done = probe.look() && done;
        if (done || base::Monotonic::now() >= deadline)
            break;
        std::this_thread::sleep_for(kRound);
    }
    return {probes[0].finding(), probes[1].finding()};
}

}  // namespace doctor
