#include "doctor/server_check.hpp"

#include <fmt/format.h>

#include "doctor/cf_facts.hpp"

namespace doctor {
namespace {

Finding bad(bool others, const std::string& about, std::string text, std::string cure) {
    return others ? warning(about, std::move(text) + "; there are others", std::move(cure))
                  : failure(about, std::move(text), std::move(cure));
}

std::string said(const smtp::Reply& reply) {
    return fmt::format("{} {}", reply.code, smtp::text_of(reply));
}

// What an answer to VRFY says of the server's will to answer. 252 (RFC 5321 section 3.5.3) and 502 tell nothing.
bool tells_nothing(const smtp::Reply& reply) {
    return reply.code == 252 || reply.code == 502 || reply.code == 500;
}

}  // namespace

Finding judge_server(const ServerFacts& facts) {
    if (!facts.contact.connected())
        return bad(facts.others, facts.about, fmt::format("{}: {}", facts.place, to_text(facts.contact)),
                   cure_of(facts.contact, facts.place));
    if (!facts.variable.empty())
        return warning(
            facts.about,
            fmt::format("{} can be reached; no question is asked, since the environment variable {} is not set here",
                        facts.place, facts.variable),
            fmt::format("run it with {} set{}", facts.variable, facts.instead));
    if (!facts.refusal.empty())
        return bad(
            facts.others, facts.about, fmt::format("{}: {}", facts.place, facts.refusal),
            fmt::format(
                "correct the section in sandwich.ini, or what the server at {} allows{}", facts.place,
                facts.tls ? "; its certificate must come from tls_ca_file, be in force and be for this host" : ""));
    if (facts.control && !*facts.control)
        return bad(facts.others, facts.about,
                   fmt::format("{}: {}; while that is so, no password is wrong, but \"try again later\"", facts.place,
                               facts.control->error().message),
                   "start what the server asks for passwords (with Sendmail: saslauthd), or correct control_user and "
                   "its password");
    return fine(facts.about, facts.place + (facts.control ? " answers and lets control_user in" : " answers"));
}

Finding judge_file_source(const FileSourceFacts& facts) {
    if (!facts.problem.empty())
        return failure(facts.about, facts.problem, "correct the file, or where the section says that it is");
    if (facts.summary.find("NOBODY IS UNKNOWN TO IT") != std::string::npos)
        return warning(facts.about, facts.summary,
                       "put a source in front of it that knows those users, or take it as one that refuses nobody");
    return fine(facts.about, facts.summary);
}

Findings judge_mail_source(const MailSourceFacts& facts) {
    const auto hidden = facts.vrfy && !facts.cf.empty() ? hides_users(facts.privacy_options) : std::string();
    Findings findings;
    if (!hidden.empty())
        findings.push_back(
            failure(facts.about,
                    fmt::format("PrivacyOptions in {} has {}: Sendmail answers VRFY with 252, and nobody is "
                                "ever unknown",
                                facts.cf, hidden),
                    fmt::format("take {} out of confPRIVACY_FLAGS in sendmail.mc, make {} anew, restart Sendmail; "
                                "or use source.smtp",
                                hidden, facts.cf)));
    if (const auto fault = fault_of(facts.smtp, facts.place)) {
        findings.push_back(bad(facts.others, facts.about, facts.place + ": " + fault->text, fault->cure));
        return findings;
    }
    const auto& answer = facts.vrfy ? facts.smtp.verified : facts.smtp.recipient;
    if (facts.vrfy && answer && tells_nothing(*answer) && hidden.empty())
        findings.push_back(
            failure(facts.about, fmt::format("{} answers VRFY with {}: it tells of nobody", facts.place, said(*answer)),
                    "allow VRFY there (Sendmail: neither novrfy nor goaway in PrivacyOptions), or use source.smtp"));
    else if (!facts.vrfy && answer && answer->transient())
        findings.push_back(
            warning(facts.about, fmt::format("{} defers: {}", facts.place, said(*answer)),
                    "let that server answer RCPT of this machine at once (greylisting, rate limits, access lists)"));
    else if (hidden.empty())
        findings.push_back(fine(
            facts.about, answer ? fmt::format("{} answers: {}", facts.place, said(*answer)) : facts.place + " greets"));
    return findings;
}

Finding judge_socketmap(const SocketmapFacts& facts) {
    constexpr const char* kAbout = "socketmap";
    if (!facts.contact.connected())
        return failure(
            kAbout,
            fmt::format("{}: {}; the inbound Sendmail takes mail for everybody", facts.place, to_text(facts.contact)),
            "service sandwich start proxy; sandwichd makes the socket when it starts");
    if (facts.answer.empty())
        return failure(kAbout, facts.place + ": no answer",
                       "sandwichctl status shows what the daemon waits for; restart it");
    return fine(kAbout, fmt::format("{} answers", facts.place));
}

}  // namespace doctor
