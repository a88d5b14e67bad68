#include "doctor/network_checks.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "directory/file_oracle.hpp"
#include "directory/ldap_session.hpp"
#include "directory/login_connection.hpp"
#include "directory/login_control.hpp"
#include "directory/netstring.hpp"
#include "directory/server_password.hpp"
#include "doctor/allow_list.hpp"
#include "doctor/sendmail_pair.hpp"
#include "doctor/server_check.hpp"
#include "doctor/side_by_side.hpp"

namespace doctor {
namespace {

using config::Encryption;
using config::SourceKind;

// Nobody's address (RFC 2606), for questions whose answer does not matter.
constexpr std::string_view kNobody = "sandwichctl-doctor@invalid";
constexpr std::string_view kPostmaster = "postmaster";

std::uint16_t usual_port(config::LoginType type, Encryption tls) {
    const bool encrypted = tls == Encryption::kTls;
    switch (type) {
        case config::LoginType::kLdap:
            return encrypted ? 636 : 389;
        case config::LoginType::kSmtp:
            return encrypted ? 465 : 25;
        case config::LoginType::kPop3:
            return encrypted ? 995 : 110;
        case config::LoginType::kImap:
            break;
    }
    return encrypted ? 993 : 143;
}

// Whether one of its addresses can be reached.
Contact reach(const config::HostPort& server, std::uint16_t usual, Deadline deadline) {
    const auto addresses = look_up(server.host, server.port == 0 ? usual : server.port);
    Contact contact{Reach::kNoName, addresses.why};
    for (const auto& address : addresses.found)
        if (contact = connect_to(address, deadline).contact; contact.connected())
            break;
    return contact;
}

// A question to a directory, of this one server, about an address that nobody has.
std::string ask_directory(config::LdapDirectory settings, const config::HostPort& server, Deadline deadline) {
    auto password = directory::read_secret(settings.bind_password);
    if (!password)
        return password.error().message;
    settings.servers = {server};
    auto source = directory::LdapSource::make(std::move(settings), std::move(*password));
    if (!source)
        return source.error().message;
    directory::LdapSession session(std::move(*source));
    if (const auto let_in = session.probe(deadline); !let_in)
        return let_in.error().message;
    const auto answer = session.look_up(kNobody, deadline);
    return answer.kind == directory::LdapAnswer::Kind::kUnavailable ? "a search fails: " + answer.reason
                                                                    : std::string();
}

// What the daemon has in its environment, root's shell has not.
bool unset(const config::PasswordPlace& password) {
    return password.file.empty() && !password.variable.empty() && std::getenv(password.variable.c_str()) == nullptr;
}

std::string with_port(config::HostPort server, std::uint16_t usual) {
    if (server.port == 0)
        server.port = usual;
    return server.to_string();
}

Findings check_directory(const Setup& setup, const config::LdapDirectory& directory) {
    Findings findings(directory.servers.size());
    side_by_side(directory.servers.size(), [&](std::size_t i) {
        const auto& server = directory.servers[i];
        const auto usual = usual_port(config::LoginType::kLdap, directory.tls.mode);
        ServerFacts facts{"ldap " + directory.name, with_port(server, usual), {}, {}, directory.servers.size() > 1};
        facts.tls = directory.tls.mode != Encryption::kOff;
        facts.contact = reach(server, usual, setup.deadline());
        facts.instead = ", or ask through the daemon: sandwichctl recipient ADDRESS";
        if (unset(directory.bind_password))
            facts.variable = directory.bind_password.variable;
        else if (facts.contact.connected())
            facts.refusal = ask_directory(directory, server, setup.deadline());
        findings[i] = judge_server(facts);
    });
    return findings;
}

Finding check_file(const std::string& id, directory::FileOracle& oracle) {
    constexpr std::string_view kUnread = "CANNOT BE READ: ";
    (void)oracle.answer(*policy::parse_recipient(kNobody));
    const auto told = oracle.describe();
    if (told.starts_with(kUnread))
        return judge_file_source({id, told.substr(kUnread.size()), {}});
    return judge_file_source({id, {}, told});
}

// The Sendmail of this machine that listens there, if any.
void find_cf(const Setup& setup, const net::Endpoint& server, MailSourceFacts& facts) {
    if (!local_host(server.address.to_string(), setup.local))
        return;
    for (const auto& [cf, file] :
         {std::pair{&setup.delivery, &setup.delivery_cf}, std::pair{&setup.inbound, &setup.inbound_cf}}) {
        if (!*cf || std::none_of((*cf)->daemons.begin(), (*cf)->daemons.end(),
                                 [&](const auto& one) { return one.port == server.port; }))
            continue;
        facts.cf = *file;
        facts.privacy_options = (*cf)->option("PrivacyOptions");
        return;
    }
}

Findings check_mail_source(const Setup& setup, const config::RecipientSource& source) {
    std::vector<Findings> found(source.servers.size());
    side_by_side(source.servers.size(), [&](std::size_t i) {
        const auto& server = source.servers[i];
        MailSourceFacts facts{
            source.id(), server.to_string(), source.kind == SourceKind::kVrfy, {}, source.servers.size() > 1};
        find_cf(setup, server, facts);
        SmtpWish wish{setup.settings->proxy_hostname};
        (facts.vrfy ? wish.verify : wish.recipient) = std::string(kPostmaster);
        facts.smtp = ask_smtp(server, wish, setup.deadline());
        found[i] = judge_mail_source(facts);
    });
    Findings findings;
    for (auto& one : found)
        append(findings, std::move(one));
    return findings;
}

Findings check_source(const Setup& setup, const config::RecipientSource& source) {
    switch (source.kind) {
        case SourceKind::kList: {
            directory::ListOracle oracle(source.id(), source.file);
            return {check_file(source.id(), oracle)};
        }
        case SourceKind::kMaps: {
            directory::MapsOracle oracle(source.id(), source.sendmail_cf, source.passwd_file);
            return {check_file(source.id(), oracle)};
        }
        case SourceKind::kSmtp:
        case SourceKind::kVrfy:
        case SourceKind::kLdap:
            break;
    }
    return check_mail_source(setup, source);
}

Finding check_socketmap(const Setup& setup) {
    const auto& where = setup.settings->directory.socketmap_address;
    const auto deadline = setup.deadline();
    auto connecting = where.address ? connect_to(*where.address, deadline) : connect_to_path(where.path);
    SocketmapFacts facts{where.address ? where.address->to_string() : where.path, connecting.contact, {}};
    const auto question = directory::netstring(fmt::format("recipient {}", kNobody));
    const int socket = connecting.socket.get();
    if (facts.contact.connected() &&
        ::send(socket, question.data(), question.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(question.size()) &&
        wait_for(socket, POLLIN, deadline)) {
        std::array<char, 1024> octets{};
        if (const ssize_t got = ::recv(socket, octets.data(), octets.size(), 0); got > 0)
            facts.answer.assign(octets.data(), static_cast<std::size_t>(got));
    }
    return judge_socketmap(facts);
}

void ask_login(const Setup& setup, const config::LoginServer& login, const config::HostPort& server,
               ServerFacts& facts) {
    const auto opened = directory::LoginConnection::open(login.type, login.tls, server, setup.deadline());
    if (!opened)
        facts.refusal = opened.error().message;
    else if (unset(login.control_password))
        facts.variable = login.control_password.variable;
    else if (const auto password = directory::read_secret(login.control_password); !password)
        facts.refusal = password.error().message;
    else if (!login.control_user.empty())
        facts.control = directory::try_control_user(login, server, password, setup.deadline());
}

Findings check_login(const Setup& setup, const config::LoginServer& login) {
    const auto about = "login " + login.name;
    if (login.type == config::LoginType::kLdap)
        return {};  // its directory is asked with the sources
    Findings findings(login.servers.size());
    side_by_side(login.servers.size(), [&](std::size_t i) {
        const auto& server = login.servers[i];
        const auto usual = usual_port(login.type, login.tls.mode);
        ServerFacts facts{about, with_port(server, usual), {}, {}, login.servers.size() > 1};
        facts.tls = login.tls.mode != Encryption::kOff;
        facts.contact = reach(server, usual, setup.deadline());
        if (facts.contact.connected())
            ask_login(setup, login, server, facts);
        findings[i] = judge_server(facts);
    });
    return findings;
}

// With which address one comes to it from this machine.
net::Endpoint reachable(net::Endpoint socket) {
    if (socket.address.any())
        socket.address = *net::Address::parse(socket.address.v6() ? "::1" : "127.0.0.1");
    return socket;
}

}  // namespace

Findings check_allow_list(const Setup& setup) {
    const auto& settings = *setup.settings;
    AllowFacts facts{settings.smtp_allow_client_ip, {}, {}, {}};
    for (const auto& one : settings.sockets)
        facts.sockets.push_back(one.address);
    if (setup.inbound)
        for (const auto& hop : setup.inbound->hops)
            for (const auto& host : hop.hosts)
                if (const auto address = local_host(host, setup.local);
                    address && std::find(facts.inbound.begin(), facts.inbound.end(), *address) == facts.inbound.end())
                    facts.inbound.push_back(*address);
    facts.visits.resize(facts.sockets.size());
    side_by_side(facts.sockets.size(), [&](std::size_t i) {
        const auto socket = reachable(facts.sockets[i]);
        facts.visits[i] = {socket, socket.address, ask_smtp(socket, {"localhost"}, setup.deadline())};
    });
    return judge_allow_list(facts);
}

Findings check_sources(const Setup& setup) {
    const auto& settings = *setup.settings;
    const auto sources = settings.sources.size();
    std::vector<Findings> found(sources + settings.ldap_directories.size());
    side_by_side(found.size(), [&](std::size_t i) {
        found[i] = i < sources ? check_source(setup, settings.sources[i])
                               : check_directory(setup, settings.ldap_directories[i - sources]);
    });
    Findings findings;
    for (auto& one : found)
        append(findings, std::move(one));
    if (settings.directory.socketmap_address.listens())
        findings.push_back(check_socketmap(setup));
    return findings;
}

Findings check_logins(const Setup& setup) {
    const auto& logins = setup.settings->login_servers;
    std::vector<Findings> found(logins.size());
    side_by_side(logins.size(), [&](std::size_t i) { found[i] = check_login(setup, logins[i]); });
    Findings findings;
    for (auto& one : found)
        append(findings, std::move(one));
    return findings;
}

Findings check_scanners(const Setup& setup) {
    Findings findings;
    for (const auto& scanner : setup.settings->other_scanners) {
        if (!scanner.enable)
            continue;
        for (const auto& server : scanner.servers) {
            auto connecting =
                server.path.empty() ? connect_to(server.endpoint, setup.deadline()) : connect_to_path(server.path);
            findings.push_back(judge_server({"scanner " + scanner.id(),
                                             server.path.empty() ? server.endpoint.to_string() : server.path,
                                             std::move(connecting.contact),
                                             {},
                                             scanner.servers.size() > 1}));
        }
    }
    return findings;
}

}  // namespace doctor
