#include "directory/ldap_session.hpp"

#include <algorithm>
#include <utility>

namespace directory {
namespace {

LdapSession::Time earlier(LdapSession::Time deadline, std::chrono::seconds patience) {
    return std::min(deadline, base::Monotonic::now() + patience);
}

}  // namespace

// The connection to this server, bound as bind_dn: the one there is, or a new one.
base::Result<LdapConnection*> LdapSession::connection(std::size_t server, Time deadline) {
    if (connection_ && server_ == server)
        return connection_.get();
    connection_.reset();
    const auto& settings = source_->settings;
    const auto patience = earlier(deadline, settings.connect_timeout);
    auto opened = LdapConnection::open(*source_, settings.servers.at(server), patience);
    if (!opened)
        return opened.error();
    if (!settings.bind_dn.empty()) {
        const auto answer = (*opened)->bind(settings.bind_dn, source_->password.view(), patience);
        if (answer.bound != LdapConnection::Bound::kYes)
            return base::error("{}: bind as {}: {}", settings.servers[server].to_string(), settings.bind_dn,
                               answer.text);
    }
    connection_ = std::move(*opened);
    server_ = server;
    opened_ = base::Monotonic::now();
    return connection_.get();
}

// One server's answer. An error is the server's fault where `server_failed` says so, else that of the question.
base::Status LdapSession::ask_server(std::size_t server, const Question& ask, Time deadline, bool& server_failed) {
    auto opened = connection(server, deadline);
    server_failed = !opened;
    if (!opened)
        return opened.error();
    auto status = ask(**opened, deadline);
    server_failed = !status && connection_->broken();
    if (connection_->broken())
        connection_.reset();
    return status;
}

// Asks one server after the other until one answers. One that falls silent in the middle may take half of the time that
// is left, no more: the next needs some, too.
base::Status LdapSession::with_connection(const Question& ask, Time deadline) {
    if (connection_ && base::Monotonic::now() - opened_ > kLongestConnection)
        connection_.reset();
    auto why = source_->servers.why();
    const auto order = source_->servers.order();
    if (order.empty())
        return base::error("left alone for a while, since it failed: {}", why);
    for (const auto server : order) {
        const auto now = base::Monotonic::now();
        const auto until = server == order.back() ? deadline : now + (deadline - now) / 2;
        const bool old = connection_ && server_ == server;
        bool failed = false;
        auto status = ask_server(server, ask, until, failed);
        if (failed && old && base::Monotonic::now() < until)  // closed for its age, as it seems
            status = ask_server(server, ask, until, failed);
        if (!failed) {
            source_->servers.reached(server);
            return status;
        }
        why = status.error().message;
        source_->servers.failed(server, why);
    }
    return base::error("{}", why);
}

LdapAnswer LdapSession::look_up(std::string_view address, const config::FilterTemplate& filter, Time deadline) {
    LdapAnswer answer;
    if (address.empty() || address.size() > kMaxAddress) {
        answer.reason = "no address that could be asked for";
        return answer;
    }
    LdapConnection::SearchAnswer found;
    const auto question = filter.fill(address);
    const auto status = with_connection(
        [&](LdapConnection& connection, Time until) {
            found = connection.search(question, source_->attributes, until);
            if (found.found == LdapConnection::Found::kCannotTell)
                return base::Status(base::error("{}: {}", source_->settings.servers[server_].to_string(), found.text));
            return base::ok();
        },
        deadline);
    if (!status) {
        answer.reason = status.error().message;
        return answer;
    }
    answer.server = source_->settings.servers[server_].to_string();
    answer.kind = found.entries.empty() ? LdapAnswer::Kind::kNotFound : LdapAnswer::Kind::kFound;
    if (found.entries.empty() && found.found == LdapConnection::Found::kTooMany) {
        answer.kind = LdapAnswer::Kind::kUnavailable;
        answer.reason = "the server's size limit lets it show nothing";
    }
    for (const auto& entry : found.entries)
        answer.names.push_back(entry.dn);
    if (found.entries.size() == 1 && found.found == LdapConnection::Found::kAll) {
        const auto at = address.rfind('@');
        auto mailbox = mailbox_of(found.entries.front(), source_->mailbox_attributes, source_->alias_attributes,
                                  at == std::string_view::npos ? std::string_view() : address.substr(at + 1));
        answer.mailbox = std::move(mailbox.address);
        answer.aliases = std::move(mailbox.aliases);
    }
    return answer;
}

// On the server that has just found the entry, or another copy may not know it yet.
LdapConnection::BindAnswer LdapSession::bind_as(const std::string& dn, std::string_view password, Time deadline) {
    auto opened = LdapConnection::open(*source_, source_->settings.servers.at(server_), deadline);
    if (!opened)
        return {LdapConnection::Bound::kCannotTell, opened.error().message};
    return (*opened)->bind(dn, password, deadline);
}

LdapSession::ProofAnswer LdapSession::authenticate(std::string_view address, const Secret& password,
                                                   const config::FilterTemplate& filter, Time deadline) {
    ProofAnswer answer;
    // RFC 4513 section 5.1.2: a bind with a name and without a password succeeds, and proves nothing.
    if (password.empty()) {
        answer.proof = Proof::kWrong;
        answer.reason = "an empty password is none";
        return answer;
    }
    answer.entry = look_up(address, filter, deadline);
    answer.reason = answer.entry.reason;
    if (answer.entry.kind == LdapAnswer::Kind::kNotFound) {
        answer.proof = Proof::kNotFound;
        answer.reason = "no such entry";
    }
    if (answer.entry.kind != LdapAnswer::Kind::kFound)
        return answer;
    if (answer.entry.names.size() != 1 || answer.entry.names.front().empty()) {
        answer.reason = fmt::format("{} entries have this address: none of them is asked for a password",
                                    answer.entry.names.size());
        return answer;
    }
    const auto bound = bind_as(answer.entry.names.front(), password.view(), deadline);
    answer.reason = bound.text;
    if (bound.bound != LdapConnection::Bound::kCannotTell)
        answer.proof = bound.bound == LdapConnection::Bound::kYes ? Proof::kRight : Proof::kWrong;
    return answer;
}

base::Status LdapSession::walk(const std::string& filter, const std::function<bool(LdapMailbox&&)>& use,
                               Time deadline) {
    bool begun = false;
    base::Status broken_off = base::ok();
    const auto reached = with_connection(
        [&](LdapConnection& connection, Time) {  // as long as it takes: it has begun
            auto status = connection.walk(
                filter, source_->attributes,
                [&](LdapEntry&& entry) {
                    begun = true;
                    return use(mailbox_of(entry, source_->mailbox_attributes, source_->alias_attributes, {}));
                },
                deadline);
            if (status || !begun)
                return status;
            broken_off = std::move(status);  // another server would begin from the start
            return base::ok();
        },
        deadline);
    return reached ? broken_off : reached;
}

base::Status LdapSession::probe(Time deadline) {
    return with_connection([](LdapConnection&, Time) { return base::ok(); }, deadline);
}

}  // namespace directory
