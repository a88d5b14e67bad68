#include "session/notice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/ids.hpp"
#include "base/log.hpp"
#include "session/hand_over.hpp"
#include "session/shard.hpp"

namespace session {
namespace {

constexpr std::size_t kListed = 100;       // recipients in the text
constexpr std::size_t kLongestLine = 900;  // octets; RFC 5321 section 4.5.3.1.6 has 1000

std::string line(std::string_view label, std::string_view value) {
    return fmt::format("  {:<11}{}\r\n", label, base::log::escape(value.substr(0, kLongestLine)));
}

std::string text(const IncomingMail& mail, const std::vector<std::size_t>& recipients, const std::string& why,
                 const std::string& id) {
    const auto& settings = mail.runtime->settings;
    std::string text = fmt::format(
        "From: Sandwich <postmaster@{0}>\r\nTo: {1}\r\nSubject: Held for {2} of {3} recipients\r\nDate: {4}\r\n"
        "Message-ID: <{5}@{0}>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
        "A message had to be delivered in several parts. The delivery server took one and\r\n"
        "refused another. Its sender could not be told of both in one reply, so the part that\r\n"
        "was refused is held in the quarantine.\r\n\r\n",
        settings.proxy_hostname, settings.postmaster, recipients.size(), mail.envelope.recipients.size(),
        base::rfc5322_date(base::Wall::now()), id);
    text += line("Message", mail.id) + line("Sender", "<" + mail.envelope.reverse_path + ">") + line("Refusal", why);
    for (std::size_t i = 0; i < std::min(recipients.size(), kListed); ++i)
        text += line(i == 0 ? "Recipients" : "", "<" + mail.envelope.recipients[recipients[i]].path + ">");
    if (recipients.size() > kListed)
        text += line("", fmt::format("and {} more", recipients.size() - kListed));
    return text + "\r\nsandwichctl quarantine list shows what is held, sandwichctl quarantine release sends it.\r\n";
}

}  // namespace

void send_notice(Shard& shard, const IncomingMail& mail, const std::vector<std::size_t>& recipients,
                 const std::string& why) {
    const auto id = base::new_message_id();
    mail::Rope message(nullptr);
    message.insert(text(mail, recipients, why, id));
    mail::Envelope envelope{"", "", {{mail.runtime->settings.postmaster, ""}}};
    hand_over(shard.loop(), shard.pool(), mail.runtime, nullptr, id, std::move(envelope), std::move(message),
              [id, about = mail.id](const base::Result<std::string>& result) {
                  if (!result)
                      base::log::event(base::log::kNoticeFailed, "{}: about {}: {}", id, about, result.error().message);
              });
}

}  // namespace session
