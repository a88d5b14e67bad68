#include "session/message_log.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace session {
namespace {

// Well under syslog's kilobyte, which some collectors still cut at.
constexpr std::size_t kRecipientsPerLine = 600;  // octets

// Recipients in angle brackets, joined with commas, cut into groups.
std::vector<std::string> recipient_groups(const mail::Envelope& envelope) {
    std::vector<std::string> groups(1);
    for (const auto& recipient : envelope.recipients) {
        const auto text = "<" + recipient.path + ">";
        if (!groups.back().empty() && groups.back().size() + text.size() > kRecipientsPerLine)
            groups.emplace_back();
        if (!groups.back().empty())
            groups.back() += ',';
        groups.back() += text;
    }
    return groups;
}

}  // namespace

std::vector<std::string> message_log_lines(const MessageRecord& r) {
    const auto groups = recipient_groups(*r.envelope);
    std::string line = fmt::format("{}: ", r.id);
    if (!r.inbound_id.empty())
        line += fmt::format("inbound={}, ", r.inbound_id);
    line += fmt::format("from=<{}>, size={}, nrcpts={}, msgid={}, proto={}, relay={}", r.envelope->reverse_path, r.size,
                        r.envelope->recipients.size(), r.message_id, r.protocol, r.relay);
    std::string onward;
    if (!r.downstream.empty())
        onward += fmt::format("next={}, ", r.downstream);
    if (!r.outbound_id.empty())
        onward += fmt::format("outbound={}, ", r.outbound_id);
    const auto outcome =
        fmt::format(", delay={}, xdelay={}, mailer={}, {}dsn={}, verdict={}, stat={}", base::sendmail_delay(r.delay),
                    base::sendmail_delay(r.xdelay), r.mailer, onward, r.dsn, r.verdict, r.stat);
    std::vector<std::string> lines;
    for (const auto& group : groups) {
        if (lines.empty())
            lines.push_back(fmt::format("{}, to={}{}", line, group, outcome));
        else
            lines.push_back(fmt::format("{}: to={}, dsn={}, stat={}", r.id, group, r.dsn, r.stat));
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
