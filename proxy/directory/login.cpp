#include "directory/login.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "config/spelling.hpp"

namespace directory {
namespace {

using Outcome = LoginAnswer::Kind;

LoginAnswer answer_of(Outcome kind, std::string_view reason) {
    LoginAnswer answer;
    answer.kind = kind;
    answer.reason = reason;
    return answer;
}

// Why these can be nobody's address and password; null: nothing is wrong with them. What would end a line or a text is
// nothing that a server could be told.
const char* fault_of(std::string_view address, std::string_view password) {
    const auto breaks = [](char c) { return c == '\0' || c == '\r' || c == '\n'; };
    if (address.empty() || address.size() > Login::kMaxAddress || std::ranges::any_of(address, breaks))
        return "that is no address";
    if (password.empty())
        return "an empty password is none";
    if (password.size() > Login::kMaxPassword || std::ranges::any_of(password, breaks))
        return "that can be no password";
    return nullptr;
}

}  // namespace

Login::Login(Servers servers, LoginRate& rate) : servers_(std::move(servers)), rate_(rate) {}

Login::~Login() = default;

void Login::check(std::string address, Secret password, std::function<void(LoginAnswer)> done) {
    std::call_once(started_, [this] { threads_ = std::make_unique<WorkerThreads>(kThreads, kMaxWaiting); });
    // std::function wants to copy what it holds.
    const auto secret = std::make_shared<Secret>(std::move(password));
    const auto shared = std::make_shared<std::function<void(LoginAnswer)>>(std::move(done));
    WorkerThreads::Job job;
    job.run = [this, address = std::move(address), secret, shared](std::size_t) { (*shared)(ask(address, *secret)); };
    job.drop = [shared] { (*shared)(answer_of(Outcome::kTryLater, "the daemon stops")); };
    if (!threads_->add(job))
        (*shared)(answer_of(Outcome::kTryLater, "too many log-ins wait"));
}

LoginAnswer Login::ask(std::string_view address, const Secret& password) {
    if (const char* const fault = fault_of(address, password.view()))
        return answer_of(Outcome::kWrong, fault);
    if (servers_.empty())
        return answer_of(Outcome::kTryLater, "login names no server");
    if (!rate_.admit(address))
        return answer_of(Outcome::kTryLater, "too many attempts: login_user_attempts, login_attempts");
    auto answer = ask_servers(address, password);
    // What a server has refused was a guess, even where nobody can tell whether it was wrong: else a control_user that
    // is locked would let everybody be guessed without end.
    const bool guessed = answer.kind == Outcome::kWrong ||
                         (answer.kind == Outcome::kTryLater && std::ranges::any_of(answer.steps, &LoginStep::refused));
    if (!guessed)
        rate_.take_back(address);
    return answer;
}

LoginAnswer Login::ask_servers(std::string_view address, const Secret& password) {
    LoginAnswer answer;
    bool all_answered = true;
    for (const auto& server : servers_) {
        auto step = server->ask(address, password);
        const auto kind = step.kind;
        answer.steps.push_back(std::move(step));
        if (kind == LoginStep::Kind::kRight) {
            answer.kind = Outcome::kRight;
            answer.mailbox = answer.steps.back().mailbox;
            answer.aliases = answer.steps.back().aliases;
            return answer;
        }
        all_answered = all_answered && kind != LoginStep::Kind::kUnavailable;
        if (kind == LoginStep::Kind::kWrong)
            break;
    }
    answer.kind = all_answered ? Outcome::kWrong : Outcome::kTryLater;
    return answer;
}

Login::Servers make_login_servers(const config::Settings& settings, const std::vector<std::string>& names,
                                  const PasswordOf& password_of) {
    Login::Servers servers;
    for (const auto& name : names) {
        const auto found = std::ranges::find_if(settings.login_servers,
                                                [&](const auto& server) { return config::same(server.name, name); });
        if (found == settings.login_servers.end())
            continue;  // no such settings are ever made
        if (found->type != config::LoginType::kLdap) {
            servers.push_back(make_mail_login(*found, password_of("login " + found->name, found->control_password)));
            continue;
        }
        const auto directory = std::ranges::find_if(
            settings.ldap_directories, [&](const auto& one) { return config::same(one.name, found->directory); });
        if (directory == settings.ldap_directories.end())
            continue;
        auto password = password_of("ldap " + directory->name, directory->bind_password);
        servers.push_back(make_ldap_login(*found, password
                                                      ? LdapSource::make(*directory, std::move(*password))
                                                      : base::Result<std::shared_ptr<LdapSource>>(password.error())));
    }
    return servers;
}

}  // namespace directory
