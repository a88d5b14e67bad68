// Texts about a mail: templates with tokens (%SENDER%, %SUBJECT% ...), and the notice as a mail of its own. Pure.
//
// Most values come out of the mail that the notice is about, so whoever wrote that mail wrote them: they bring no line
// break, no control character and no turn of the writing direction into a text, and each is bounded.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/action.hpp"
#include "policy/scan_report.hpp"

namespace policy {

// What the tokens stand for. What is empty is written as "none", but the sender: "<>".
struct NoticeFacts {
    std::string sender{};                   // reverse-path
    std::vector<std::string> recipients{};  // whom the rule was about
    std::string subject{};                  // decoded
    std::string rule{};                     // "rule programs": its name alone is written
    Action action = Action::kDeliver;       // what was done with the mail
    std::vector<std::string> viruses{};
    std::string message_id{};          // the field of the mail
    std::string quarantine{};          // the id under which it is held
    std::string date{};                // RFC 5322; of the notice's own field, too
    std::uint64_t size = 0;            // octets
    std::string client{};              // address of the host that it came from
    std::string verdict{};             // Decision::verdict
    std::string id{};                  // ours
    std::string inbound_id{};          // the inbound server's
    std::string host{};                // our name
    std::vector<std::string> files{};  // what made the rule apply, or was removed
};

// Names without the percent signs, as "SENDER".
std::span<const std::string_view> token_names();

// The first thing in a template that is no token: "%FOO%", or "%" for a percent sign that is not written as "%%".
std::optional<std::string> wrong_token(std::string_view text);

// The template with the values in their places; "%%" is a percent sign, and what is no token stays. Lines end as in
// the template. At most kMaxFilledIn octets, UTF-8 if the template is.
std::string fill_in(std::string_view text, const NoticeFacts& facts);
inline constexpr std::size_t kMaxFilledIn = 256 * 1024;
inline constexpr std::size_t kMaxListed = 100;  // recipients and files; then "and N more"

// A whole mail to one addressee, lines end with CRLF and are encoded so that every server takes them (7 bit).
// `notice_id`: the left half of its Message-ID, one for each notice.
std::string notice_mail(const Notice& notice, const NoticeFacts& facts, std::string_view addressee,
                        std::string_view notice_id);

// NoticeFacts::files of these items, and NoticeFacts::viruses.
std::vector<std::string> file_names(const Contents& contents, std::span<const std::uint16_t> items);
std::vector<std::string> virus_names(const ScanReport& report);

}  // namespace policy
