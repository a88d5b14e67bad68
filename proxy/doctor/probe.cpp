#include "doctor/probe.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace doctor {
namespace {

using policy::Action;

bool is_clear(const ProbeFacts& facts) {
    const auto verdict = field_of(facts.line, "verdict");
    return verdict.empty() || verdict == "none" || verdict == "clean";
}

// What became of it, from the first Sendmail on.
std::string way_of(const ProbeFacts& facts) {
    const auto our_id = facts.line.substr(0, facts.line.find(':'));
    auto text = fmt::format("inbound {}", facts.inbound_id);
    if (!facts.line.empty())
        text += fmt::format(" -> sandwichd {} ({}, verdict {})", our_id, field_of(facts.line, "mailer"),
                            field_of(facts.line, "verdict"));
    if (const auto next = field_of(facts.line, "outbound"); !next.empty())
        text += " -> delivery " + next;
    return text;
}

// Not at sandwichd: it waits, or went another way.
Finding judge_absent(const std::string& about, const ProbeFacts& facts) {
    if (facts.in_inbound_queue)
        return failure(
            about,
            fmt::format("it waits in the inbound queue as {}{}", facts.inbound_id,
                        facts.inbound_status.empty() ? "" : ": " + facts.inbound_status),
            "see what is said above of ports, allow list and routes; it goes on by itself when that is cured");
    if (!facts.mailbox.empty())
        return failure(
            about, fmt::format("it is in {}, and sandwichd has not seen it: mail goes past the scanner", facts.mailbox),
            "start the inbound Sendmail with the configuration that sandwich-cf made; see sandwich-cf --check");
    if (!facts.knows_all)
        return warning(
            about,
            fmt::format("the inbound Sendmail took it as {}; what sandwichd did cannot be seen", facts.inbound_id),
            "set [explain] enable=yes, or let syslog write /var/log/mail.log");
    return failure(
        about, fmt::format("it left the inbound Sendmail ({}), and sandwichd has not seen it", facts.inbound_id),
        fmt::format("look in the mail log for {}: to where the inbound Sendmail hands mail", facts.inbound_id));
}

// Behind sandwichd.
Finding judge_delivery(const std::string& about, const ProbeFacts& facts) {
    const auto way = way_of(facts);
    if (!facts.mailbox.empty())
        return fine(about, fmt::format("{} -> {}", way, facts.mailbox));
    if (facts.delivery_stat.starts_with("Sent"))
        return fine(about, fmt::format("{}: {}", way, facts.delivery_stat));
    if (facts.in_delivery_queue)
        return failure(about,
                       fmt::format("{}: it waits in the delivery queue{}", way,
                                   facts.delivery_status.empty() ? "" : ": " + facts.delivery_status),
                       "cure what the delivery Sendmail says; it tries again at its next queue run");
    if (!facts.delivery_stat.empty())
        return failure(about, fmt::format("{}: {}", way, facts.delivery_stat),
                       "cure what the delivery Sendmail says, or give --to=ADDRESS that it can deliver");
    return warning(about, way + ": what became of it there cannot be seen from here",
                   "look for that id in the delivery server's log, or give --to=ADDRESS of a user of this machine");
}

Finding judge_clean(const std::string& about, const ProbeFacts& facts) {
    const auto mailer = field_of(facts.line, "mailer");
    const auto cure = fmt::format("sandwichctl why {}", facts.inbound_id);
    if (mailer == "smtp" && field_of(facts.line, "dsn").starts_with('2'))
        return judge_delivery(about, facts);
    if (!is_clear(facts))
        return failure(about, fmt::format("{}: a message with nothing in it is taken for a bad one", way_of(facts)),
                       cure);
    return failure(about, fmt::format("{}: {}", way_of(facts), field_of(facts.line, "stat")),
                   cure + "; then see what is said above of routes, scanners and disk");
}

Finding judge_infected(const std::string& about, const ProbeFacts& facts) {
    const auto mailer = field_of(facts.line, "mailer");
    const auto way = way_of(facts);
    const bool deferred = field_of(facts.line, "dsn").starts_with('4');
    if (mailer == "smtp" && is_clear(facts))
        return failure(
            about, way + ": THE TEST VIRUS WAS NOT FOUND and went on",
            "run freshclam and see [scanner.clamav] in sandwich.ini; sandwichctl matrix shows what lets mail through");
    if (is_clear(facts) || deferred)
        return failure(about, fmt::format("{}: {}", way, field_of(facts.line, "stat")),
                       fmt::format("sandwichctl why {}; the scanner cannot tell, or what is found cannot be held",
                                   facts.inbound_id));
    if (mailer == "smtp" && facts.when_found != Action::kTagAndDeliver)
        return warning(about, way + ": it was found, and a rule let it pass",
                       fmt::format("sandwichctl why {}", facts.inbound_id));
    if (mailer == "smtp")
        return fine(about, way + ": found, tagged and delivered, as action says");
    return fine(about, fmt::format("{}: {}", way, field_of(facts.line, "stat")));
}

}  // namespace

std::string field_of(std::string_view line, std::string_view key) {
    const auto wanted = fmt::format(" {}=", key);
    const auto at = line.find(wanted);
    if (at == std::string_view::npos)
        return {};
    const auto rest = line.substr(at + wanted.size());
    return std::string(key == "stat" ? rest : rest.substr(0, rest.find(", ")));
}

std::string queue_id_in(std::string_view text) {
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(" ()"), text.size());
        const auto word = text.substr(0, end);
        const bool plain = word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") ==
                           std::string_view::npos;
        if (word.size() >= 8 && plain && word.find_first_of("0123456789") != std::string_view::npos)
            return std::string(word);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return {};
}

Finding judge_probe(const ProbeFacts& facts) {
    const std::string about = facts.infected ? "probe with a test virus" : "clean probe";
    if (!facts.refused.empty())
        return failure(about, "the inbound Sendmail does not take it: " + facts.refused,
                       "cure that, or give --to=ADDRESS and --from=ADDRESS that it takes");
    if (facts.line.empty())
        return judge_absent(about, facts);
    return facts.infected ? judge_infected(about, facts) : judge_clean(about, facts);
}

}  // namespace doctor
