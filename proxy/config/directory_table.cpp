#include "config/directory_table.hpp"

#include "config/table_rows.hpp"

namespace config {
// Of its own, since files of a room are also compiled together.
namespace directory_rows {
namespace {

constexpr Range kNoRange{0, 0};
constexpr Range kShortText{0, 1000};
constexpr Range kPathLength{0, 1000};
constexpr Range kPatience{1, 600};  // seconds
constexpr Word kEncryptions[] = {
    {"off", int(Encryption::kOff)}, {"starttls", int(Encryption::kStartTls)}, {"tls", int(Encryption::kTls)}};
constexpr Word kScopes[] = {{"sub", int(LdapScope::kSub)}, {"one", int(LdapScope::kOne)}};
constexpr Word kTypes[] = {{"ldap", int(LoginType::kLdap)},
                           {"smtp", int(LoginType::kSmtp)},
                           {"pop3", int(LoginType::kPop3)},
                           {"imap", int(LoginType::kImap)}};
constexpr std::string_view kAuthorities = "/etc/ssl/certs/ca-certificates.crt";

// clang-format off
#define OF_LDAP(path) AT(ldap_directories.back().path)
#define OF_LOGIN(path) AT(login_servers.back().path)

constexpr Setting kTable[] = {
    // ---- ldap NAME
    {kLdapSection, "server",
     Kind::kText, Effect::kReload, false, "127.0.0.1", {1, 1000}, kNoWords, OF_LDAP(server),
     "The servers of the directory, names or addresses, each perhaps with a port, as ldap1.example.test "
     "192.0.2.1:3268, at most 16, in order of preference: one that fails is left alone for a second, then two, up to a "
     "minute, and the next is asked. Without a port: 389, with tls=tls 636. 3268 (3269 with tls=tls) is the global "
     "catalogue of Active Directory, which knows all domains of a forest."},
    {kLdapSection, "tls",
     Kind::kChoice, Effect::kReload, false, "off", kNoRange, kEncryptions, OF_LDAP(tls.mode),
     "Whether the connection is encrypted.\n"
     "off: it is not; the password of bind_dn and those of log-ins pass in the clear.\n"
     "starttls: from the first request on. Where that cannot be had, nothing is asked.\n"
     "tls: from the beginning (ldaps)."},
    {kLdapSection, "tls_verify",
     Kind::kYesNo, Effect::kReload, false, "yes", kNoRange, kNoWords, OF_LDAP(tls.verify),
     "Whether the server's certificate must come from tls_ca_file, be in force and be for the name or address in server. "
     "With no, whoever sits in between can read all."},
    {kLdapSection, "tls_ca_file",
     Kind::kPath, Effect::kReload, false, kAuthorities, kPathLength, kNoWords, OF_LDAP(tls.ca_file),
     "The authorities that may have issued the certificate, in PEM form."},
    {kLdapSection, "base_dn",
     Kind::kText, Effect::kReload, false, "", kShortText, kNoWords, OF_LDAP(base_dn),
     "Where in the tree the search begins, as ou=people,dc=example,dc=test. What is no ASCII is written as \\C3\\A4. "
     "Empty: at the root, which only a global catalogue likes."},
    {kLdapSection, "scope",
     Kind::kChoice, Effect::kReload, false, "sub", kNoRange, kScopes, OF_LDAP(scope),
     "How deep it is searched.\n"
     "sub: everything below base_dn.\n"
     "one: only what stands directly below it."},
    {kLdapSection, "bind_dn",
     Kind::kText, Effect::kReload, false, "", kShortText, kNoWords, OF_LDAP(bind_dn),
     "The user that searches: any account that may read the attributes, as cn=sandwich,dc=example,dc=test; with Active "
     "Directory also sandwich@example.test. Empty: nobody in particular, where the directory permits it."},
    {kLdapSection, "bind_password_file",
     Kind::kPath, Effect::kReload, false, "", kPathLength, kNoWords, OF_LDAP(bind_password.file),
     "The file whose first line is the password of bind_dn. It should belong to root and be readable by nobody else."},
    {kLdapSection, "bind_password_variable",
     Kind::kName, Effect::kReload, false, "", {0, 64}, kNoWords, OF_LDAP(bind_password.variable),
     "The environment variable that holds the password of bind_dn, in place of a file."},
    {kLdapSection, "filter",
     Kind::kText, Effect::kReload, false, "(|(mail=%s)(mailAlternateAddress=%s)(proxyAddresses=smtp:%s))", {1, 2000},
     kNoWords, OF_LDAP(filter),
     "Which entry has an address: a filter as in RFC 4515, with %s for the address, %u for what is before its @, %d for "
     "its domain and %% for a per cent sign. What is put in is escaped.\n"
     "For accounts without addresses (&(objectClass=posixAccount)(uid=%u)) will do, for people of Active Directory alone "
     "(&(objectCategory=person)(proxyAddresses=smtp:%s))."},
    {kLdapSection, "mailbox_attributes",
     Kind::kText, Effect::kReload, false, "mail", {1, 1000}, kNoWords, OF_LDAP(mailbox_attributes),
     "The attributes with the address of the mailbox itself, separated by blanks: the first that has a value counts. A "
     "value without a domain, as a uid, gets that of the address that was asked for. Of the "
     "values of proxyAddresses the one with SMTP: in capitals counts."},
    {kLdapSection, "alias_attributes",
     Kind::kText, Effect::kReload, false, "mail mailAlternateAddress proxyAddresses", kShortText, kNoWords,
     OF_LDAP(alias_attributes),
     "The attributes with its other addresses, all values of all of them."},
    {kLdapSection, "referrals",
     Kind::kYesNo, Effect::kReload, false, "no", kNoRange, kNoWords, OF_LDAP(referrals),
     "Whether a referral to another server is followed, with the same user and password, wherever it points to. With "
     "starttls or tls only to ldaps: servers. With no, what stands there does not exist; instead of a whole question, "
     "a referral means that nobody can tell."},
    {kLdapSection, "page_size",
     Kind::kNumber, Effect::kReload, false, "500", {1, 10000}, kNoWords, OF_LDAP(page_size),
     "How many entries are fetched at a time where all of them are wanted (RFC 2696). Active Directory gives at most 1000."},
    {kLdapSection, "max_connections",
     Kind::kNumber, Effect::kReload, false, "4", {1, 64}, kNoWords, OF_LDAP(max_connections),
     "Connections to the directory, and so questions to it, at the same time. They stay open from one to the next."},
    {kLdapSection, "max_waiting",
     Kind::kNumber, Effect::kReload, false, "1000", {1, 100000}, kNoWords, OF_LDAP(max_waiting),
     "How many questions may wait for a connection. To one more the answer is that nobody can tell."},
    {kLdapSection, "connect_timeout",
     Kind::kDuration, Effect::kReload, false, "3s", kPatience, kNoWords, OF_LDAP(connect_timeout),
     "How long it may take to connect to one server, TLS and the bind of bind_dn included, before the next is tried."},
    {kLdapSection, "timeout",
     Kind::kDuration, Effect::kReload, false, "10s", kPatience, kNoWords, OF_LDAP(timeout),
     "How long one question may take, waiting for a connection and all servers together; a server that falls silent in the "
     "middle may take half of what is left when another follows. Then nobody can tell."},

    // ---- login NAME
    {kLoginSection, "type",
     Kind::kChoice, Effect::kReload, false, "ldap", kNoRange, kTypes, OF_LOGIN(type),
     "What is asked.\n"
     "ldap: a directory: the entry with the address is searched, then a bind as that entry is tried with the password.\n"
     "smtp: a mail server's AUTH, PLAIN or LOGIN. Sendmail says \"authentication failed\" (535) also while its SASL cannot "
     "ask (saslauthd is down), and the password then counts as wrong unless there is a control_user.\n"
     "pop3: a mailbox server's AUTH PLAIN or LOGIN, or USER and PASS.\n"
     "imap: a mailbox server's AUTHENTICATE PLAIN, or LOGIN."},
    {kLoginSection, "directory",
     Kind::kText, Effect::kReload, false, "main", {1, 32}, kNoWords, OF_LOGIN(directory),
     "With type=ldap: the NAME of the section [ldap NAME] that says how the directory is reached."},
    {kLoginSection, "filter",
     Kind::kText, Effect::kReload, false, "", {0, 2000}, kNoWords, OF_LOGIN(filter),
     "With type=ldap: which entry may log in with an address, written as filter of [ldap NAME]. Empty: the filter there. "
     "When several entries are found, none is asked."},
    {kLoginSection, "server",
     Kind::kText, Effect::kReload, false, "", kShortText, kNoWords, OF_LOGIN(server),
     "With the other types: the servers, names or addresses, each perhaps with a port, at most 16, in order of "
     "preference; the next is asked when one does not answer. Without a port: 25, 110, 143, with tls=tls 465, 995, 993."},
    {kLoginSection, "tls",
     Kind::kChoice, Effect::kReload, false, "off", kNoRange, kEncryptions, OF_LOGIN(tls.mode),
     "With the other types: whether the connection is encrypted.\n"
     "off: it is not; passwords pass in the clear, which many servers refuse.\n"
     "starttls: before the password is sent. Where that cannot be had, it is not sent.\n"
     "tls: from the beginning (smtps, pop3s, imaps)."},
    {kLoginSection, "tls_verify",
     Kind::kYesNo, Effect::kReload, false, "yes", kNoRange, kNoWords, OF_LOGIN(tls.verify),
     "With the other types: whether the server's certificate must come from tls_ca_file, be in force and be for the name "
     "or address in server. With no, whoever sits in between can read the passwords."},
    {kLoginSection, "tls_ca_file",
     Kind::kPath, Effect::kReload, false, kAuthorities, kPathLength, kNoWords, OF_LOGIN(tls.ca_file),
     "With the other types: the authorities that may have issued the certificate, in PEM form."},
    {kLoginSection, "strip_domain_name",
     Kind::kYesNo, Effect::kReload, false, "no", kNoRange, kNoWords, OF_LOGIN(strip_domain_name),
     "With the other types: whether the server gets only what is before the @, though the whole address was typed: yes "
     "for servers whose users have no domain. Where several domains ask one server, bob of one is then bob of all."},
    {kLoginSection, "control_user",
     Kind::kText, Effect::kReload, false, "", {0, 320}, kNoWords, OF_LOGIN(control_user),
     "With the other types: an account that is known to be good, as its user would type it. A server that refuses a "
     "password is then asked to let in this one: only if it does, the password is wrong. If it does not, the "
     "answer is \"try again later\", and the reason says why. It is asked with the same TLS, at the same address and within "
     "the same timeout; one that has let it in not again for two seconds, one that has not for one second. Best is an "
     "account without other use and rights, which wrong passwords do not lock. Where one address stands for several "
     "servers (a load balancer), name each server. Empty: whatever a server refuses is wrong."},
    {kLoginSection, "control_password_file",
     Kind::kPath, Effect::kReload, false, "", kPathLength, kNoWords, OF_LOGIN(control_password.file),
     "The file whose first line is the password of control_user. It should belong to root and be readable by nobody else."},
    {kLoginSection, "control_password_variable",
     Kind::kName, Effect::kReload, false, "", {0, 64}, kNoWords, OF_LOGIN(control_password.variable),
     "The environment variable that holds the password of control_user, in place of a file."},
    {kLoginSection, "timeout",
     Kind::kDuration, Effect::kReload, false, "10s", kPatience, kNoWords, OF_LOGIN(timeout),
     "How long the answer may take, all servers and control_user together. Then it is \"try again later\"."},
};
// clang-format on
#undef OF_LDAP
#undef OF_LOGIN

}  // namespace
}  // namespace directory_rows

std::vector<Setting> directory_table() {
    return {std::begin(directory_rows::kTable), std::end(directory_rows::kTable)};
}

}  // namespace config
