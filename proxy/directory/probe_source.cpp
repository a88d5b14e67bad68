#include "directory/probe_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "directory/probe_reply.hpp"

namespace directory {

using policy::Knowledge;
using policy::SourceAnswer;
using std::chrono::milliseconds;

ProbeSource::ProbeSource(net::Loop& home, const config::RecipientSource& settings, std::string our_name)
    : home_(home), settings_(settings), our_name_(std::move(our_name)), servers_(settings.servers.size()) {}

ProbeSource::~ProbeSource() {
    for (auto& line : lines_) {
        line.connection->close();
        home_.retire(std::move(line.connection));
    }
    for (auto& question : questions_)
        home_.post([done = std::move(question->done)] { done({Knowledge::kDown, "the source is shut down", {}}); });
}

void ProbeSource::ask(const policy::RecipientAddress& address, Done done) {
    auto question = std::make_unique<Question>();
    auto* const raw = question.get();
    question->address = address;
    question->done = std::move(done);
    question->tried.resize(servers_.size());
    question->last = {Knowledge::kDown, "too many questions wait", {}};
    question->patience = std::make_unique<net::Timer>(home_, [this, raw] { out_of_patience(*raw); });
    const bool full = questions_.size() >= kMaxWaiting;
    questions_.push_back(std::move(question));
    if (full)
        return raw->patience->start(milliseconds(0));
    raw->last.detail = "no answer in time";
    raw->patience->start(settings_.timeout);
    // Not from within: the answer may be at hand (every server is left alone).
    home_.post([this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired())
            dispatch();
    });
}

void ProbeSource::dispatch() {
    for (auto next = questions_.begin(); next != questions_.end();) {
        auto& question = **next++;
        if (question.connection == nullptr && !place(question))
            settle(question, question.last);
    }
}

// False: there is no server for it, and none to wait for.
bool ProbeSource::place(Question& question) {
    const auto now = base::Monotonic::now();
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (question.tried[i])
            continue;
        if (servers_[i].not_before > now) {
            question.last = {Knowledge::kDown, settings_.servers[i].to_string() + ": " + servers_[i].why, {}};
            continue;
        }
        auto* line = free_line(i);
        // After a failure one connection tries it, and no more.
        const auto most = servers_[i].backoff.count() > 0 ? 1 : settings_.max_connections;
        if (line == nullptr && lines_to(i) < most)
            line = open_line(i);
        if (line != nullptr)
            give(*line, question);
        return true;  // it has one, or waits for one
    }
    return false;
}

std::size_t ProbeSource::lines_to(std::size_t server) const {
    return static_cast<std::size_t>(std::ranges::count(lines_, server, &Line::server));
}

ProbeSource::Line* ProbeSource::free_line(std::size_t server) {
    const auto found = std::ranges::find_if(lines_, [&](const Line& line) {
        return line.server == server && line.question == nullptr && line.connection->reusable();
    });
    return found == lines_.end() ? nullptr : &*found;
}

ProbeSource::Line* ProbeSource::open_line(std::size_t server) {
    using Method = ProbeConnection::Method;
    const auto method = settings_.kind != config::SourceKind::kVrfy ? Method::kRcpt
                        : settings_.trust_plain_550                 ? Method::kVrfyPlain
                                                                    : Method::kVrfy;
    auto& line = lines_.emplace_back();
    line.server = server;
    // The others must have their share of the time.
    const auto share = milliseconds(settings_.timeout) / static_cast<int>(servers_.size());
    ProbeConnection::Owner& owner = *this;
    line.connection =
        std::make_unique<ProbeConnection>(home_, settings_.servers[server], method, our_name_,
                                          settings_.commands_per_connection, std::max(share, milliseconds(500)), owner);
    line.idle = std::make_unique<net::Timer>(home_, [this, raw = line.connection.get()] { drop(line_of(*raw)); });
    return &line;
}

void ProbeSource::give(Line& line, Question& question) {
    line.idle->stop();
    line.question = &question;
    question.connection = line.connection.get();
    line.connection->ask(question.address);
}

ProbeSource::Line& ProbeSource::line_of(const ProbeConnection& connection) {
    return *std::ranges::find_if(lines_, [&](const Line& line) { return line.connection.get() == &connection; });
}

void ProbeSource::drop(Line& line) {
    line.connection->close();
    home_.retire(std::move(line.connection));
    home_.retire(std::move(line.idle));
    std::erase_if(lines_, [&](const Line& one) { return &one == &line; });
}

void ProbeSource::on_answer(ProbeConnection& connection, SourceAnswer answer) {
    auto& line = line_of(connection);
    auto* const question = std::exchange(line.question, nullptr);
    servers_[line.server] = {};
    answer.detail = settings_.servers[line.server].to_string() + ": " + answer.detail;
    if (connection.reusable())
        line.idle->start(kIdle);
    else
        drop(line);
    if (question != nullptr)
        settle(*question, std::move(answer));
    dispatch();
}

void ProbeSource::on_dead(ProbeConnection& connection, const std::string& why, bool fault, const smtp::Reply* said) {
    auto& line = line_of(connection);
    auto* const question = std::exchange(line.question, nullptr);
    const auto server = line.server;
    const bool stale = connection.asked() > 1;  // it had answered before: it may just have been closed meanwhile
    drop(line);
    if (fault && !stale)
        blame(server, why);
    if (question != nullptr) {
        question->connection = nullptr;
        question->tried[server] = !stale;
        question->last = said != nullptr ? judge_refusal(*said) : SourceAnswer{Knowledge::kDown, why, {}};
        // A server that refuses us altogether says nothing about the mailbox, and is of no use: it counts as down.
        question->last.knowledge = Knowledge::kDown;
        question->last.detail = settings_.servers[server].to_string() + ": " + question->last.detail;
    }
    dispatch();
}

void ProbeSource::blame(std::size_t server, const std::string& why) {
    auto& state = servers_[server];
    const auto now = base::Monotonic::now();
    if (state.not_before > now)
        return;  // several connections failed at once
    state.backoff = std::clamp(state.backoff * 2, std::chrono::seconds(1), kLongestBackoff);
    state.not_before = now + state.backoff;
    state.why = why;
}

void ProbeSource::out_of_patience(Question& question) {
    if (question.connection != nullptr) {
        auto& line = line_of(*question.connection);
        line.question = nullptr;
        blame(line.server, "no answer in time");
        drop(line);
    }
    settle(question, {Knowledge::kDown, question.last.detail, {}});
    dispatch();
}

void ProbeSource::settle(Question& question, SourceAnswer answer) {
    const auto found =
        std::ranges::find_if(questions_, [&](const std::unique_ptr<Question>& one) { return one.get() == &question; });
    auto owned = std::move(*found);
    questions_.erase(found);
    owned->patience->stop();
    const auto done = std::move(owned->done);
    home_.retire(std::move(owned));
    done(std::move(answer));
}

std::string ProbeSource::describe() const {
    std::string text;
    const auto now = base::Monotonic::now();
    for (std::size_t i = 0; i < servers_.size(); ++i)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", settings_.servers[i].to_string(),
                            servers_[i].not_before > now ? "down: " + servers_[i].why : "up");
    return text + fmt::format(", {} connections, {} questions", lines_.size(), questions_.size());
}

}  // namespace directory
