// Sources of recipients, log-in servers, scanners on the network: each server of each, and what it says. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "doctor/contact.hpp"
#include "doctor/finding.hpp"
#include "doctor/smtp_talk.hpp"

namespace doctor {

// One server of a directory, a log-in, a scanner.
struct ServerFacts {
    std::string about;  // "ldap main", "login people", "scanner clamd big"
    std::string place;  // "192.0.2.1:389", or a path
    Contact contact{};
    std::string
        refusal{};        // why it is of no use although connected: certificate, bind, base_dn ...; empty: it is of use
    bool others = false;  // there are other servers of the same
    std::string variable{};  // of the environment, which has the password and is not set here; empty: none is needed
    std::string instead{};   // what else can be done then than to set it
    std::optional<base::Status> control{};  // of a log-in: whether control_user is let in; none: that was not tried
    bool tls = false;                       // it is asked with TLS
};
Finding judge_server(const ServerFacts& facts);

// [source.list NAME], [source.maps NAME], the user list: files.
struct FileSourceFacts {
    std::string about;
    std::string problem;  // why it cannot be read; empty: it can
    std::string summary;  // "120 recipients in FILE"
};
Finding judge_file_source(const FileSourceFacts& facts);

// [source.smtp NAME], [source.vrfy NAME]: one server.
struct MailSourceFacts {
    std::string about;
    std::string place;
    bool vrfy = false;
    SmtpFacts smtp;
    bool others = false;
    // Where the server is the inbound or the delivery Sendmail of this machine:
    std::string cf{};               // empty: it is neither
    std::string privacy_options{};  // in it
};
Findings judge_mail_source(const MailSourceFacts& facts);

// [directory] socketmap: the inbound Sendmail asks there.
struct SocketmapFacts {
    std::string place;
    Contact contact;
    std::string answer;  // to a question about nobody; empty: there was none
};
Finding judge_socketmap(const SocketmapFacts& facts);

}  // namespace doctor
