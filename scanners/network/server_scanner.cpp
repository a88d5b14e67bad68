#include "scanners/network/server_scanner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "scanners/network/clamd.hpp"
#include "scanners/network/icap.hpp"

namespace scanners::network {
namespace {

using policy::Cause;
using std::chrono::milliseconds;

std::vector<std::string> names_of(const std::vector<config::ScannerServer>& servers) {
    std::vector<std::string> names;
    for (const auto& server : servers)
        names.push_back(server.to_string());
    return names;
}

milliseconds until(base::Monotonic::time_point when) {
    const auto left = std::chrono::duration_cast<milliseconds>(when - base::Monotonic::now());
    return std::max(left, milliseconds(1));
}

}  // namespace

ServerScanner::ServerScanner(net::Loop& loop, config::OtherScanner settings)
    : loop_(loop),
      settings_(std::move(settings)),
      health_(settings_.id(), names_of(settings_.servers)),
      servers_(settings_.servers.size()) {}

ServerScanner::~ServerScanner() {
    while (!jobs_.empty())
        settle(*jobs_.front(), unknown(Cause::kUnavailable, "the scanner is shut down"));
}

void ServerScanner::scan(const std::string& id, mail::MessagePtr message, Done done) {
    auto job = std::make_unique<Job>();
    auto* raw = job.get();
    job->id = id;
    job->message = std::move(message);
    job->done = std::move(done);
    job->deadline = base::Monotonic::now() + settings_.timeout;
    job->patience = std::make_unique<net::Timer>(loop_, [this, raw] { out_of_patience(*raw); });
    job->patience->start(settings_.timeout);
    jobs_.push_back(std::move(job));
    if (++waiting_ > kMaxWaiting)
        return settle(*raw, unknown(Cause::kUnavailable, "too many messages wait for a connection"));
    dispatch();
}

// Gives what waits to servers, in the order of arrival.
void ServerScanner::dispatch() {
    for (auto next = jobs_.begin(); next != jobs_.end() && waiting_ > 0;) {
        auto& job = **next++;
        if (job.connection)
            continue;
        if (!place(job))
            settle(job, job.last);
        else if (!job.connection && job.tried == 0)
            break;  // where it has to wait, all that came later have to
    }
}

// False: there is no server for it, and none to wait for.
bool ServerScanner::place(Job& job) {
    const auto choice = health_.choose(
        job.tried, [this](std::size_t i) { return servers_[i].connections < settings_.max_connections; });
    if (!choice.server)
        return choice.busy;
    const auto now = base::Monotonic::now();
    const auto sharers = static_cast<int>(health_.usable(job.tried, *choice.server));
    job.server = *choice.server;
    job.share_begun = now;
    job.share_ends = now + (job.deadline - now) / sharers;
    job.tried |= ServerHealth::Mask{1} << job.server;
    ++servers_[job.server].connections;
    --waiting_;
    if (now < servers_[job.server].facts_until)
        send_message(job);
    else
        introduce(job);
    return true;
}

void ServerScanner::open(Job& job, std::unique_ptr<Conversation> conversation,
                         void (ServerScanner::*then)(Job&, Answer)) {
    job.connection = std::make_unique<Connection>(
        loop_, settings_.servers[job.server], std::move(conversation), until(job.share_ends),
        [this, &job, then](Answer answer) { (this->*then)(job, std::move(answer)); });
}

void ServerScanner::introduce(Job& job) {
    open(job,
         settings_.kind == config::ScannerKind::kIcap ? icap_options(settings_.servers[job.server], settings_.method)
                                                      : clamd_version(),
         &ServerScanner::on_introduced);
}

void ServerScanner::send_message(Job& job) {
    open(job,
         settings_.kind == config::ScannerKind::kIcap
             ? icap_scan(settings_.servers[job.server], settings_.method, servers_[job.server].facts, job.message)
             : clamd_scan(job.message),
         &ServerScanner::on_answer);
}

void ServerScanner::on_introduced(Job& job, Answer answer) {
    if (!answer.counts)
        return fail(job, answer);
    auto& server = servers_[job.server];
    server.facts = std::move(answer.facts);
    server.facts_until = base::Monotonic::now() + server.facts.good_for;
    loop_.retire(std::move(job.connection));
    send_message(job);
}

void ServerScanner::on_answer(Job& job, Answer answer) {
    if (!answer.counts)
        return fail(job, answer);
    health_.answered(job.server);
    job.outdated = outdated(servers_[job.server].facts);
    stale_.note(settings_.id(), job.outdated);
    settle(job, std::move(answer.result));
    dispatch();
}

std::string ServerScanner::outdated(const ServerFacts& facts) const {
    const auto most = settings_.max_signature_age;
    if (most.count() == 0 || (facts.made && base::Wall::now() - *facts.made <= most))
        return {};
    return facts.made ? "the signatures are of " + base::iso8601(*facts.made)
                      : "the server tells no date of its signatures";
}

// The connection is over; the place at its server is free again.
void ServerScanner::close(Job& job) {
    --servers_[job.server].connections;
    job.connection->cancel();
    loop_.retire(std::move(job.connection));
}

// A message that waited long for its turn leaves a server little time: that the server needs more is not its fault.
void ServerScanner::blame(const Job& job, const Answer& answer) {
    const auto fair = settings_.timeout / (2 * static_cast<int>(servers_.size()));
    if (!answer.fault)
        health_.answered(job.server);
    else if (answer.result.cause == Cause::kTimeout && base::Monotonic::now() - job.share_begun < fair)
        health_.given_up(job.server);
    else
        health_.failed(job.server, answer.result.detail);
}

void ServerScanner::fail(Job& job, const Answer& answer) {
    blame(job, answer);
    job.last = answer.result;
    job.last.detail = fmt::format("{}: {}", settings_.servers[job.server].to_string(), answer.result.detail);
    close(job);
    ++waiting_;
    dispatch();
}

void ServerScanner::out_of_patience(Job& job) {
    if (!job.connection)
        return settle(job, unknown(Cause::kTimeout, "no connection became free in time"));
    blame(job, {unknown(Cause::kTimeout, "no answer in time"), false, true});
    settle(job, unknown(Cause::kTimeout, settings_.servers[job.server].to_string() + ": no answer in time"));
    dispatch();
}

void ServerScanner::settle(Job& job, policy::ScanResult result) {
    if (job.connection)
        close(job);
    else
        --waiting_;
    job.patience->stop();
    loop_.retire(std::move(job.patience));
    const auto found = std::find_if(jobs_.begin(), jobs_.end(), [&job](const auto& one) { return one.get() == &job; });
    auto own = std::move(*found);
    jobs_.erase(found);
    result.scanner = settings_.id();
    tally_.count(result.outcome);
    const auto server = own->tried != 0 ? own->server : 0;
    auto done = std::move(own->done);
    auto signatures = servers_[server].facts.signatures;
    auto outdated = std::move(own->outdated);
    loop_.retire(std::move(own));
    done({std::move(result), std::move(signatures), std::move(outdated)});
}

std::string ServerScanner::describe() const {
    auto text = fmt::format("scanner {}: {}, {} waiting\n", settings_.id(), tally_.to_string(), waiting_);
    for (std::size_t i = 0; i < servers_.size(); ++i)
        text +=
            fmt::format("scanner {}: {}: {}, {} connections{}{}{}\n", settings_.id(), settings_.servers[i].to_string(),
                        health_.describe(i), servers_[i].connections, servers_[i].facts.signatures.empty() ? "" : ", ",
                        servers_[i].facts.signatures,
                        servers_[i].facts.signatures.empty() || outdated(servers_[i].facts).empty() ? "" : ", TOO OLD");
    return text;
}

std::string Tally::to_string() const {
    return fmt::format("{} clean, {} found, {} encrypted, {} not known", clean, found, encrypted, unknown);
}

}  // namespace scanners::network
