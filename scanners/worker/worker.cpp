// The worker's loop: a packet with a descriptor in, the findings out.
#include "scanners/worker/worker.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <iterator>
#include <optional>
#include <utility>

#include "base/channel.hpp"
#include "scanners/edit.hpp"
#include "scanners/examine.hpp"
#include "scanners/find_expressions.hpp"
#include "scanners/worker/mail_map.hpp"
#include "scanners/worker/memory.hpp"
#include "scanners/worker/temporary_directory.hpp"
#include "scanners/worker/wire.hpp"
#include "scanners/worker/wire_edit.hpp"

namespace scanners {
namespace {

// Standard streams go to /dev/null: what a worker under an attacker's control writes must not look like our log.
// In a build for tests they stay, for the sanitizers' reports.
void close_all_but(int channel) {
#ifndef SANDWICH_TEST_HOOKS
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        ::dup2(null, stream);
#endif
    const auto fd = static_cast<unsigned>(channel);
    if (fd > 3)
        ::close_range(3, fd - 1, 0);
    ::close_range(fd + 1, ~0U, 0);
}

void default_signals() {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGTERM, SIG_DFL);
    ::signal(SIGPIPE, SIG_IGN);
}

base::Status prepare(const WorkerPlan& plan, Scanners& scanners) {
    if (::chdir(plan.temporary_directory.c_str()) != 0)
        return base::errno_error("chdir " + plan.temporary_directory);
    keep_heap();
    for (auto& scanner : scanners) {
        if (auto entered = scanner->enter_worker(plan.temporary_directory); !entered)
            return entered;
    }
    if (auto limited = apply_limits(plan.limits); !limited)
        return limited;
    return plan.sandbox ? enter_sandbox(plan.support, plan.temporary_directory) : base::ok();
}

policy::ScanResult failed(const Scanner& scanner, std::string_view why) {
    return {std::string(scanner.name()), policy::Outcome::kCannotTell, policy::Cause::kError, {}, std::string(why)};
}

policy::ScanResult scan_with(Scanner& scanner, std::string_view mail, const Parts& parts) {
    try {
        return scanner.scan(mail, parts);
    } catch (const std::exception& exception) {
        return failed(scanner, exception.what());
    }
}

// What was not looked at is not clean (invariant 6). Each limit by its name, so that a rule can tell them apart.
void note_limits(const policy::Contents& contents, std::vector<policy::ScanResult>& results) {
    std::string names;
    for (const auto& one : contents.exceeded)
        names.append(names.empty() ? "" : " ").append(policy::to_string(one.limit));
    if (!names.empty())
        results.push_back(
            {std::string(policy::kContentsScanner), policy::Outcome::kCannotTell, policy::Cause::kLimit, names, {}});
}

Texts texts_for(const content::Expressions* expressions) {
    if (expressions == nullptr)
        return Texts::kNone;
    return expressions->looks_at(policy::Where::kAttachment) ? Texts::kAll : Texts::kMail;
}

// `asked`: what the policy asks for, too; else only what the scanners need.
std::vector<policy::ScanResult> look_at(std::string_view mail, policy::Contents& contents, const WorkerPlan& plan,
                                        bool asked, Scanners& scanners) {
    std::vector<policy::ScanResult> results;
    Opening opening(plan.content_limits, contents, asked ? texts_for(plan.expressions) : Texts::kNone,
                    asked ? plan.wanted : policy::Wanted{});
    try {
        examine(opening, mail);
        if (opening.want_text()) {
            const auto texts = readable_texts(opening);
            see_writing(opening, texts, plan.languages);
            if (plan.expressions != nullptr)
                find_expressions(opening, texts, *plan.expressions, results);
        }
    } catch (const std::exception& exception) {  // no memory: what was seen is not all (invariant 6)
        results.push_back({std::string(policy::kContentsScanner),
                           policy::Outcome::kCannotTell,
                           policy::Cause::kError,
                           {},
                           exception.what()});
    }
    note_limits(contents, results);
    for (auto& scanner : scanners)
        results.push_back(scan_with(*scanner, mail, opening.parts()));
    if (results.empty())  // no scanner is on, and an answer says something
        results.push_back(
            {std::string(policy::kContentsScanner), policy::Outcome::kClean, policy::Cause::kNone, {}, {}});
    return results;
}

// Beside what they say of a mail, which is worth less then.
void note_age(const Scanners& scanners, std::vector<policy::ScanResult>& results) {
    for (const auto& scanner : scanners)
        if (auto why = scanner->outdated(); !why.empty())
            results.push_back({std::string(scanner->name()),
                               policy::Outcome::kCannotTell,
                               policy::Cause::kStale,
                               {},
                               std::move(why)});
}

std::string scan(std::uint32_t serial, std::string_view mail, const WorkerPlan& plan, Scanners& scanners) {
    wire::Answer answer{serial, {}, {}};
    answer.contents.expression_set = plan.expression_set;
    answer.results = look_at(mail, answer.contents, plan, true, scanners);
    note_age(scanners, answer.results);
    return wire::encode(answer);
}

std::string scan(const wire::Job& job, std::optional<std::string_view> mail, const WorkerPlan& plan,
                 Scanners& scanners) {
    if (mail)
        return scan(job.serial, *mail, plan, scanners);
    wire::Answer answer{job.serial, {}, {}};
    std::transform(scanners.begin(), scanners.end(), std::back_inserter(answer.results),
                   [](const auto& one) { return failed(*one, "the message could not be mapped"); });
    return wire::encode(answer);
}

base::Result<EditAnswer> edit_with(std::string_view mail, const EditRequest& request, const WorkerPlan& plan,
                                   Scanners& scanners) {
    Judges judges;
    judges.mail = [&](std::string_view text) {
        policy::Contents unused;
        return look_at(text, unused, plan, false, scanners);
    };
    judges.octets = [&](std::string_view octets) {
        std::vector<policy::ScanResult> results;
        for (auto& scanner : scanners)
            results.push_back(scan_with(*scanner, octets, {}));
        return results;
    };
    try {
        return edit(mail, request, plan.content_limits, judges);
    } catch (const std::exception& exception) {  // no memory
        return base::error("{}", exception.what());
    }
}

std::string edit(const wire::EditJob& job, std::optional<std::string_view> mail, const WorkerPlan& plan,
                 Scanners& scanners) {
    wire::Edited edited{job.serial, base::error("the message could not be mapped")};
    if (mail)
        edited.answer = edit_with(*mail, job.request, plan, scanners);
    return wire::encode(edited);
}

// Empty: no job.
std::string answer_to(const base::Packet& packet, MailMap& map, const WorkerPlan& plan, Scanners& scanners) {
    if (packet.descriptors.empty()) {
        const auto job = wire::decode_text_job(packet.bytes);
        return job ? scan(job->serial, job->text, plan, scanners) : std::string();
    }
    if (packet.descriptors.size() != 1)
        return {};
    const int fd = packet.descriptors[0].get();
    if (const auto job = wire::decode_job(packet.bytes))
        return scan(*job, map.open(fd, job->size), plan, scanners);
    const auto job = wire::decode_edit_job(packet.bytes);
    return job ? edit(*job, map.open(fd, job->size), plan, scanners) : std::string();
}

int serve(int channel, const WorkerPlan& plan, Scanners& scanners) {
    const base::UniqueFd temporary(::open(plan.temporary_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!temporary)
        return kWorkerNotReady;
    MailMap map;
    base::Packet packet;
    while (base::receive_packet(channel, packet, true) == base::Received::kPacket) {
        allow_cpu_time(plan.scan_time + std::chrono::seconds(2));
        const auto answer = answer_to(packet, map, plan, scanners);
        if (answer.empty())
            return kWorkerBadPacket;
        map.close();
        packet.descriptors.clear();
        if (!is_empty_directory(temporary.get()) && !empty_directory(plan.temporary_directory))
            return kWorkerNotReady;
        if (!base::send_packet(channel, answer))
            return kWorkerDone;
        shrink_heap();
    }
    return kWorkerDone;
}

// What the first mail would pay for: the memory that every scan takes, and the engine's pages that a scan writes to.
constexpr std::string_view kFirstMail =
    "From: <a@example.test>\r\nTo: <b@example.test>\r\nSubject: first\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=limit\r\n\r\n"
    "--limit\r\nContent-Type: text/plain\r\n\r\nSome words of text, and some more of them.\r\n"
    "--limit\r\nContent-Type: text/html\r\n\r\n<html><body><p>Some <b>words</b></p></body></html>\r\n"
    "--limit\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "AAECAwQFBgcICQoLDA0ODw==\r\n--limit--\r\n";

base::Status warm_up(const WorkerPlan& plan, Scanners& scanners) {
    allow_cpu_time(plan.scan_time + std::chrono::seconds(2));
    policy::Contents unused;
    static_cast<void>(look_at(kFirstMail, unused, plan, true, scanners));
    return empty_directory(plan.temporary_directory);
}

}  // namespace

void run_worker(base::UniqueFd channel, const WorkerPlan& plan, Scanners& scanners, volatile bool& ready) {
    default_signals();
    close_all_but(channel.get());
    int code = kWorkerNotReady;
    if (prepare(plan, scanners) && (!plan.warm_up || warm_up(plan, scanners))) {
        ready = true;
        const char hello = wire::kReady;
        if (base::send_packet(channel.get(), {&hello, 1}))
            code = serve(channel.get(), plan, scanners);
    }
    ::_exit(code);  // no destructors: the engine's memory is the zygote's
}

}  // namespace scanners
