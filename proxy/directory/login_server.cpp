#include "directory/login_server.hpp"

#include <mutex>
#include <optional>
#include <utility>

#include "directory/ldap_session.hpp"
#include "directory/login_control.hpp"
#include "directory/login_talk.hpp"
#include "directory/server_choice.hpp"

namespace directory {
namespace {

using Said = LoginStep::Kind;

class MailLogin final : public LoginServer {
  public:
    MailLogin(const config::LoginServer& settings, base::Result<Secret> control_password)
        : settings_(settings), control_password_(std::move(control_password)), choice_(settings.servers.size()) {}

    LoginStep ask(std::string_view address, const Secret& password) override {
        LoginStep step;
        step.name = settings_.name;
        const auto deadline = base::Monotonic::now() + settings_.timeout;
        const auto order = choice_.order();
        if (order.empty())
            step.reason = fmt::format("left alone for a while, since it failed: {}", choice_.why());
        for (std::size_t i = 0; i < order.size() && step.kind == Said::kUnavailable; ++i) {
            const auto now = base::Monotonic::now();
            // An equal share of what is left: one that is silent leaves time for the others.
            ask_one(order[i], address, password, now + (deadline - now) / (order.size() - i), step);
        }
        return step;
    }

  private:
    void ask_one(std::size_t server, std::string_view address, const Secret& password, Time deadline, LoginStep& step) {
        const auto& place = settings_.servers.at(server);
        step.server = place.to_string();
        const auto talk = log_in(settings_, place, address, password, deadline);
        if (!talk) {
            step.reason = talk.error().message;
            choice_.failed(server, step.reason);
            return;
        }
        choice_.reached(server);
        step.reason = talk->verdict.reason;
        if (talk->verdict.kind == LoginVerdict::Kind::kRight)
            step.kind = Said::kRight;
        else if (talk->verdict.kind == LoginVerdict::Kind::kWrong)
            refused(place, talk->at, deadline, step);
    }

    // With a control_user this is believed only if the server lets that one in: also of control_user itself, with
    // another password.
    void refused(const config::HostPort& place, const std::string& at, Time deadline, LoginStep& step) {
        step.refused = true;
        const auto believed =
            settings_.control_user.empty() ? base::ok() : control_.ask(fmt::format("{} {}", step.server, at), [&] {
                return try_control_user(settings_, place, control_password_, deadline, at);
            });
        if (believed)
            step.kind = Said::kRefused;
        else
            step.reason += fmt::format("; but {}", believed.error().message);
    }

    const config::LoginServer settings_;
    const base::Result<Secret> control_password_;
    ServerChoice choice_;
    LoginControl control_;
};

class LdapLogin final : public LoginServer {
  public:
    LdapLogin(const config::LoginServer& settings, base::Result<std::shared_ptr<LdapSource>> source)
        : settings_(settings), source_(std::move(source)) {}

    LoginStep ask(std::string_view address, const Secret& password) override {
        LoginStep step;
        step.name = settings_.name;
        if (!source_) {
            step.reason = source_.error().message;
            return step;
        }
        const auto own = settings_.filter.empty() ? std::nullopt : parsed_filter();
        auto session = take_session();
        auto answer = session->authenticate(address, password, own ? *own : (*source_)->filter,
                                            base::Monotonic::now() + settings_.timeout);
        give_back(std::move(session));
        step.server = answer.entry.server;
        step.reason = answer.reason;
        step.mailbox = std::move(answer.entry.mailbox);
        step.aliases = std::move(answer.entry.aliases);
        switch (answer.proof) {
            case LdapSession::Proof::kRight:
                step.kind = Said::kRight;
                break;
            case LdapSession::Proof::kWrong:
                step.kind = Said::kWrong;
                step.refused = true;
                break;
            case LdapSession::Proof::kNotFound:
                step.kind = Said::kRefused;
                break;
            case LdapSession::Proof::kUnavailable:
                break;
        }
        return step;
    }

  private:
    std::optional<config::FilterTemplate> parsed_filter() const {
        auto parsed = config::FilterTemplate::parse(settings_.filter);
        return parsed ? std::optional(std::move(*parsed)) : std::nullopt;
    }

    std::unique_ptr<LdapSession> take_session() {
        const std::lock_guard lock(mutex_);
        if (idle_.empty())
            return std::make_unique<LdapSession>(*source_);
        auto session = std::move(idle_.back());
        idle_.pop_back();
        return session;
    }

    void give_back(std::unique_ptr<LdapSession> session) {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(session));
    }

    const config::LoginServer settings_;
    base::Result<std::shared_ptr<LdapSource>> source_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<LdapSession>> idle_;  // as many as have ever been asked at once
};

}  // namespace

std::unique_ptr<LoginServer> make_mail_login(const config::LoginServer& settings,
                                             base::Result<Secret> control_password) {
    return std::make_unique<MailLogin>(settings, std::move(control_password));
}

std::unique_ptr<LoginServer> make_ldap_login(const config::LoginServer& settings,
                                             base::Result<std::shared_ptr<LdapSource>> source) {
    return std::make_unique<LdapLogin>(settings, std::move(source));
}

}  // namespace directory
