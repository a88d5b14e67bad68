#include "session/message_log.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace session {
namespace {

// Well under syslog's kilobyte, which some collectors still cut at.
constexpr std::size_t kRecipientsPerLine = 600;  // octets

// Recipients in angle brackets, joined with commas, cut into groups.
std::vector<std::string> recipient_groups(const std::vector<std::string>& recipients) {
    std::vector<std::string> groups(1);
    for (const auto& recipient : recipients) {
        const auto text = "<" + recipient + ">";
        if (!groups.back().empty() && groups.back().size() + text.size() > kRecipientsPerLine)
            groups.emplace_back();
        if (!groups.back().empty())
            groups.back() += ',';
        groups.back() += text;
    }
    return groups;
}

std::string of_message(const MessageRecord& r) {
    std::string text = r.inbound_id.empty() ? "" : fmt::format("inbound={}, ", r.inbound_id);
    return text + fmt::format("from=<{}>, size={}, nrcpts={}, msgid={}, proto={}, relay={}, {}{}", r.reverse_path,
                              r.size, r.recipients, r.message_id, r.protocol, r.relay,
                              r.client.empty() ? "" : fmt::format("client=[{}], ", r.client),
                              r.tls.empty() ? "" : fmt::format("tls={}, ", r.tls));
}

std::string of_outcome(const MessageRecord& r, const RecipientRecord& outcome) {
    std::string onward;
    if (!outcome.downstream.empty())
        onward += fmt::format("next={}, ", outcome.downstream);
    if (!outcome.outbound_id.empty())
        onward += fmt::format("outbound={}, ", outcome.outbound_id);
    return fmt::format("delay={}, xdelay={}, mailer={}, {}dsn={}, verdict={}, {}generation={}/{}, stat={}",
                       base::sendmail_delay(r.delay), base::sendmail_delay(outcome.xdelay), outcome.mailer, onward,
                       outcome.dsn, outcome.verdict, outcome.rule.empty() ? "" : fmt::format("rule={}, ", outcome.rule),
                       r.configuration, r.signatures, outcome.stat);
}

}  // namespace

std::vector<std::string> message_log_lines(const MessageRecord& r) {
    std::vector<std::string> lines;
    for (const auto& outcome : r.outcomes) {
        const auto groups = recipient_groups(outcome.recipients);
        lines.push_back(fmt::format("{}: {}to={}, {}", r.id, lines.empty() ? of_message(r) : "", groups.front(),
                                    of_outcome(r, outcome)));
        for (std::size_t i = 1; i < groups.size(); ++i)
            lines.push_back(fmt::format("{}: to={}, dsn={}, stat={}", r.id, groups[i], outcome.dsn, outcome.stat));
    }
    return lines;
}

std::string outbound_id(std::string_view text) {
    const auto word_at = [text](std::size_t begin) {
        begin = std::min(text.find_first_not_of(' ', begin), text.size());
        const auto end =
            std::min(text.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._", begin),
                     text.size());
        return std::string(text.substr(begin, std::min<std::size_t>(end - begin, 64)));
    };
    for (const std::string_view mark : {"queued as ", "id="}) {  // Postfix; Exim
        if (const auto at = text.find(mark); at != std::string_view::npos)
            return word_at(at + mark.size());
    }
    // Sendmail: the id comes first; an id has a digit, which "Ok" and "Message" have not.
    const auto first = word_at(0);
    return first.find_first_of("0123456789") != std::string::npos ? first : std::string();
}

}  // namespace session
