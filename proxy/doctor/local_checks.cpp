#include "doctor/local_checks.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "config/load.hpp"
#include "doctor/clock_check.hpp"
#include "doctor/daemon_state.hpp"
#include "doctor/disk_space.hpp"
#include "doctor/ports.hpp"
#include "doctor/queue_runner.hpp"
#include "doctor/sendmail_pair.hpp"
#include "doctor/signature_age.hpp"

namespace doctor {
namespace {

namespace fs = std::filesystem;

bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

// Beside sandwichctl, else where it is installed.
std::string find_tool(const Setup& setup, const std::string& name, const std::string& installed) {
    const auto beside = setup.request.program_directory + "/" + name;
    return exists(beside) || installed.empty() ? beside : installed;
}

bool is_sendmail(const Process& process) {
    return process.name.starts_with("sendmail");
}

Finding port_of(const net::Endpoint& wanted, const std::string& daemon, const std::string& program,
                const std::string& pid_file, const std::vector<Listener>& listeners) {
    const auto file = pid_file.empty() ? PidFile{} : read_pid_file(pid_file);
    return judge_port({wanted, daemon, program, pid_file, file.pid, listeners});
}

net::Endpoint as_endpoint(const CfFacts::Daemon& daemon) {
    auto text = std::string_view(daemon.address);
    if (text.starts_with("IPv6:"))
        text.remove_prefix(5);
    const auto address = net::Address::parse(text == "localhost" ? "127.0.0.1" : text);
    return {address ? *address : net::Address(), daemon.port};
}

// The newest signatures of a directory.
void look_into_signatures(const std::string& directory, SignatureFacts& facts) {
    std::error_code failure;
    for (fs::directory_iterator at(directory, failure), end; !failure && at != end; at.increment(failure)) {
        const auto name = at->path().filename().string();
        if (!is_signature_file(name))
            continue;
        ++facts.files;
        std::string head(512, '\0');
        if (auto* const file = std::fopen(at->path().c_str(), "rb"); file != nullptr) {
            head.resize(std::fread(head.data(), 1, head.size(), file));
            std::fclose(file);
        }
        if (const auto built = built_at(head); built && (!facts.built || *built > *facts.built)) {
            facts.built = built;
            facts.newest = name;
        }
    }
    if (failure)
        facts.unread = fmt::format("{}: {}", directory, failure.message());
}

DiskFacts room_of(const std::string& what, const std::string& path, std::uint64_t floor) {
    DiskFacts facts;
    facts.what = what;
    facts.path = path;
    facts.floor = floor;
    struct statvfs room {};
    if (::statvfs(path.c_str(), &room) != 0) {
        facts.missing = std::strerror(errno);
        return facts;
    }
    facts.free = std::uint64_t{room.f_bavail} * room.f_frsize;
    facts.size = std::uint64_t{room.f_blocks} * room.f_frsize;
    facts.free_inodes = room.f_favail;
    facts.inodes = room.f_files;
    return facts;
}

}  // namespace

Findings check_configuration(const Setup& setup) {
    ConfigurationFacts facts;
    facts.file = setup.request.configuration;
    const auto ran =
        run_program({find_tool(setup, "sandwichd", ""), "-c", facts.file, "--check-config"}, setup.program_deadline());
    if (ran) {
        facts.status = ran->status;
        facts.told = ran->text;
    } else {
        facts.not_run = ran.error().message;
    }
    return judge_configuration(facts);
}

Findings check_daemon(const Setup& setup) {
    DaemonFacts facts;
    facts.socket = setup.settings->control_socket;
    const auto answer = setup.request.ask(facts.socket, "status");
    if (!answer)
        facts.unreachable = answer.error().message;
    else if (!answer->ok)
        facts.unreachable = fmt::format("{}: {}", facts.socket, answer->text);
    else
        facts.status = answer->text;
    return judge_daemon(facts);
}

Findings check_sendmail_pair(const Setup& setup) {
    PairFacts facts;
    facts.inbound_cf = setup.inbound_cf;
    facts.delivery_cf = setup.delivery_cf;
    facts.inbound_there = exists(setup.inbound_cf);
    facts.delivery_there = exists(setup.delivery_cf);
    facts.inbound_expected = setup.inbound_expected();
    facts.delivery_expected = setup.delivery_expected();
    if (facts.inbound_there && facts.delivery_there) {
        const auto tool = find_tool(setup, "sandwich-cf", SANDWICH_DATADIR "/scripts/sandwich-cf");
        std::vector<std::string> command{tool, "--check", facts.inbound_cf, facts.delivery_cf};
        if (setup.by_command())
            command.push_back("--isvw=" + setup.settings->original_user);
        const auto ran = run_program(command, setup.program_deadline());
        if (ran) {
            facts.status = ran->status;
            facts.told = ran->text;
        } else {
            facts.not_run = ran.error().message;
        }
    }
    auto findings = judge_pair(facts);
    if (setup.settings) {
        WayFacts way{setup.inbound, setup.delivery, {}, setup.settings->downstream, setup.local};
        if (setup.by_command())
            way.delivery.reset();
        for (const auto& one : setup.settings->sockets)
            way.sockets.push_back(one.address);
        append(findings, judge_way(way));
    }
    return findings;
}

Findings check_ports(const Setup& setup) {
    Findings findings;
    const auto listeners = find_listeners();
    if (setup.inbound)
        for (const auto& daemon : setup.inbound->daemons)
            findings.push_back(port_of(as_endpoint(daemon), "inbound", "sendmail", pid_file(setup.inbound), listeners));
    for (const auto& one : setup.settings ? setup.settings->sockets : std::vector<config::ListenSocket>{})
        findings.push_back(port_of(one.address, "proxy", "sandwichd", setup.settings->pid_file, listeners));
    if (setup.delivery && !setup.by_command())
        for (const auto& daemon : setup.delivery->daemons)
            findings.push_back(
                port_of(as_endpoint(daemon), "delivery", "sendmail", pid_file(setup.delivery), listeners));
    return findings;
}

Findings check_queues(const Setup& setup) {
    Findings findings;
    std::vector<Process> sendmails;
    for (auto& process : find_processes())
        if (is_sendmail(process))
            sendmails.push_back(std::move(process));
    for (const auto& [cf, file, daemon] : {std::tuple{&setup.inbound, &setup.inbound_cf, "inbound"},
                                           std::tuple{&setup.delivery, &setup.delivery_cf, "delivery"}}) {
        if (!*cf)
            continue;
        QueueFacts facts{daemon, *file, queue_directory(*cf), read_pid_file(pid_file(*cf)), false, sendmails};
        facts.runs = std::any_of(sendmails.begin(), sendmails.end(),
                                 [&](const Process& one) { return one.pid == facts.pid_file.pid; });
        findings.push_back(judge_queue(facts));
    }
    return findings;
}

Findings check_clock(const Setup& setup) {
    ClockFacts facts;
    facts.now = base::Wall::now();
    timex state{};
    if (const int kept = ::adjtimex(&state); kept >= 0) {
        facts.asked = true;
        facts.synchronised = kept != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
        facts.greatest_error = std::chrono::microseconds(state.maxerror);
    }
    if (setup.settings) {
        SignatureFacts signatures;
        look_into_signatures(setup.settings->clamav.database, signatures);
        if (signatures.built)
            facts.traces.push_back({"the signatures in " + signatures.newest + " were built", *signatures.built});
        struct stat status {};
        for (const auto& file : {setup.settings->pid_file, setup.settings->journal_path, setup.request.configuration})
            if (::stat(file.c_str(), &status) == 0)
                facts.traces.push_back({file + " was written", base::Wall::from_time_t(status.st_mtime)});
    }
    return judge_clock(facts);
}

Findings check_signatures(const Setup& setup) {
    SignatureFacts facts;
    const auto& clamav = setup.settings->clamav;
    facts.enabled = clamav.enable;
    facts.test_only = clamav.allow_test_signatures;
    facts.directory = clamav.database;
    facts.max_age = clamav.max_signature_age;
    facts.now = base::Wall::now();
    look_into_signatures(clamav.database, facts);
    const auto processes = find_processes();
    facts.freshclam =
        std::any_of(processes.begin(), processes.end(), [](const Process& one) { return one.name == "freshclam"; });
    return {judge_signatures(facts)};
}

Findings check_disk(const Setup& setup) {
    const auto& settings = *setup.settings;
    Findings findings;
    findings.push_back(judge_disk(room_of("spool_directory", settings.spool_directory, settings.spool_disk_floor)));
    findings.push_back(judge_disk(room_of("the quarantine", settings.quarantine_path, settings.quarantine_disk_floor)));
    findings.push_back(judge_disk(room_of("the journal", settings.journal_path, 0)));
    if (settings.explain_enable)
        findings.push_back(judge_disk(room_of("explanations", settings.explain_path, 0)));
    findings.push_back(judge_disk(room_of("the user list", settings.users_path, 0)));
    findings.push_back(judge_disk(room_of("temporary files", fs::temp_directory_path().string(), 0)));
    for (const auto& [cf, what] :
         {std::pair{&setup.inbound, "the inbound queue"}, std::pair{&setup.delivery, "the delivery queue"}})
        if (*cf)
            findings.push_back(judge_disk(room_of(what, queue_directory(*cf), 0)));
    return findings;
}

Findings check_rights(const Setup& setup) {
    const auto& settings = *setup.settings;
    Findings findings;
    if (::geteuid() != 0)
        findings.push_back(
            warning("rights", "not run by root: not all files can be looked at", "run sandwichctl doctor as root"));
    findings.push_back(judge_trusted("the configuration", look_at(setup.request.configuration)));
    if (!settings.domain_file.empty())
        findings.push_back(judge_trusted("domain_file", look_at(settings.domain_file)));
    for (const auto* file : {&settings.policy_file, &settings.policy_directory})
        if (!file->empty())
            findings.push_back(judge_trusted("the policy", look_at(*file)));
    for (const auto& [there, file] :
         {std::pair{setup.inbound.has_value(), &setup.inbound_cf}, {setup.delivery.has_value(), &setup.delivery_cf}})
        if (there)
            findings.push_back(judge_trusted(fs::path(*file).filename().string(), look_at(*file)));
    for (const auto& [what, path] : {std::pair{"spool_directory", &settings.spool_directory},
                                     {"the quarantine", &settings.quarantine_path},
                                     {"the journal", &settings.journal_path},
                                     {"explanations", &settings.explain_path},
                                     {"the user list", &settings.users_path}})
        findings.push_back(judge_own_directory(what, look_at(*path), setup.user));
    if (!settings.tls.key.empty())
        findings.push_back(judge_secret("[tls] key", look_at(settings.tls.key), setup.user));
    for (const auto& directory : settings.ldap_directories)
        if (!directory.bind_password.file.empty())
            findings.push_back(judge_secret(fmt::format("[ldap {}] bind_password_file", directory.name),
                                            look_at(directory.bind_password.file), setup.user));
    for (const auto& login : settings.login_servers)
        if (!login.control_password.file.empty())
            findings.push_back(judge_secret(fmt::format("[login {}] control_password_file", login.name),
                                            look_at(login.control_password.file), setup.user));
    for (const auto& source : settings.sources) {
        const auto& file = source.kind == config::SourceKind::kList ? source.file : source.sendmail_cf;
        if (file.empty())
            continue;
        // That it is missing, the source's own check says.
        if (const auto facts = look_at(file); facts.missing.empty())
            findings.push_back(judge_readable(source.id(), facts, setup.user));
    }
    if (setup.inbound && setup.delivery)
        findings.push_back(
            judge_queues(look_at(queue_directory(setup.inbound)), look_at(queue_directory(setup.delivery))));
    return findings;
}

}  // namespace doctor
