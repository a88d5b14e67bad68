// The envelope of a Transaction: each RCPT from the question whether the recipient exists to its answer.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "directory/probe_reply.hpp"
#include "session/shard.hpp"
#include "session/transaction.hpp"

namespace session {

using smtp::make_reply;
using smtp::Reply;

namespace {

constexpr std::string_view kSeenBySmtp = "smtp";  // the delivery server's answer to RCPT, as a source of the user list

// Whole: a user's name alone may be somebody else's in another domain.
bool names_mailbox(std::string_view mailbox) {
    return mailbox.find('@') != std::string_view::npos;
}

// The client has named an unknown recipient: how long the refusal is to wait. Behind a Sendmail that does not tell who
// its client is, only this connection can be slowed.
std::chrono::seconds delay_of_refusal(directory::Recipients& recipients, const IncomingMail& mail) {
    const auto& upstream = mail.upstream;
    return recipients.slow_down(upstream.client.addr.empty()
                                    ? fmt::format("{} (connection {})", upstream.address.to_string(), mail.session)
                                    : upstream.client.addr,
                                mail.runtime->settings);
}

}  // namespace

void Transaction::rcpt(smtp::PathArgument argument) {
    SANDWICH_FAILPOINT("rcpt");
    auto& one = outstanding_.emplace_back();
    one.recipient = {argument.path, smtp::parameters_to_wire(argument.parameters)};
    one.parameters = std::move(argument.parameters);
    one.number = ++last_recipient_;
    if (mail_.envelope.recipients.size() + outstanding_.size() > mail_.runtime->settings.max_recipients)
        refuse_surplus(one, "too many recipients");
    else
        look_up_recipient(one);
    send_recipients();
    answer_recipients();
}

// RFC 5321 section 4.5.3.1.10: the upstream sends the rest in a transaction of their own.
void Transaction::refuse_surplus(Outstanding& one, std::string_view text) {
    shard_.shared().limits.reached(Limit::kRecipients, mail_.upstream.address.address);
    one.reply = make_reply(452, "4.5.3", text);
    one.state = Outstanding::State::kAnswered;
}

// Where the domain's recipients are checked, the delivery server is asked only about those that may exist.
void Transaction::look_up_recipient(Outstanding& one) {
    auto* const recipients = shard_.shared().recipients;
    if (!take_settings(one) || recipients == nullptr)
        return;
    const auto address = policy::parse_recipient(one.recipient.path);
    const auto* const check =
        address ? config::find_recipient_check(mail_.runtime->settings, mail_.runtime->domains, address->domain)
                : nullptr;
    if (check == nullptr)
        return;
    one.choices = check->choices;
    if (const auto answer = recipients->remembered(*check, *address))
        return judge_recipient(one, *answer);
    one.state = Outstanding::State::kChecking;
    recipients->look_up(shard_.loop(), *check, *address,
                        [&shard = shard_, session = mail_.session, serial = mail_.serial,
                         number = one.number](const policy::SourceAnswer& answer) {
                            if (auto* transaction = shard.transaction(session, serial))
                                transaction->recipient_found(number, answer);
                        });
}

// What the user list says of it. False: it is answered.
bool Transaction::take_settings(Outstanding& one) {
    const auto* const users = shard_.shared().users;
    if (users == nullptr)
        return true;
    one.settings = users->settings(one.recipient.path);
    if (one.settings.disabled()) {
        refuse_disabled(one);
        return false;
    }
    // Rules that ask for what is not known cannot be asked (invariant 6).
    const auto& rules = mail_.runtime->rules;
    if (!rules.policy || !rules.policy->asks_settings || users->settings_known())
        return true;
    one.reply = make_reply(450, "4.3.0", "the recipient's settings cannot be read now, try again later");
    one.state = Outstanding::State::kAnswered;
    return false;
}

// An alias that the user list has not seen yet has its mailbox's.
void Transaction::take_settings_of_mailbox(Outstanding& one) {
    const auto* const users = shard_.shared().users;
    if (users == nullptr || one.settings.mailbox || !names_mailbox(one.mailbox))
        return;
    one.settings.mailbox = users->settings(one.mailbox).mailbox;
    if (one.settings.disabled())
        refuse_disabled(one);
}

void Transaction::refuse_disabled(Outstanding& one) {
    one.reply = make_reply(550, "5.2.1", fmt::format("<{}>... Mailbox disabled", one.recipient.path));
    one.state = Outstanding::State::kAnswered;
}

void Transaction::recipient_found(unsigned number, const policy::SourceAnswer& answer) {
    const auto found = std::ranges::find(outstanding_, number, &Outstanding::number);
    if (stage_ != Stage::kEnvelope || found == outstanding_.end())
        return;
    judge_recipient(*found, answer);
    send_recipients();
    answer_recipients();
}

void Transaction::judge_recipient(Outstanding& one, const policy::SourceAnswer& answer) {
    auto& recipients = *shard_.shared().recipients;
    switch (policy::judge(answer.knowledge, one.choices)) {
        case policy::RecipientVerdict::kAccept:
            one.state = Outstanding::State::kPassed;
            one.known_by = answer.source;
            one.mailbox = answer.mailbox;
            return take_settings_of_mailbox(one);
        case policy::RecipientVerdict::kDefer:
            ++recipients.counts().deferred;
            one.reply = make_reply(450, "4.3.0", "the recipient cannot be checked now, try again later");
            break;
        case policy::RecipientVerdict::kRefuse:
            ++recipients.counts().refused;
            one.reply = make_reply(550, "5.1.1", fmt::format("<{}>... User unknown", one.recipient.path));
            one.delay = delay_of_refusal(recipients, mail_);
            break;
    }
    one.state = Outstanding::State::kAnswered;
}

void Transaction::send_recipients() {
    using State = Outstanding::State;
    while (stage_ == Stage::kEnvelope) {
        const auto next = std::ranges::find_if(outstanding_, [](const Outstanding& one) {
            return one.state == State::kPassed || one.state == State::kChecking;
        });
        if (next == outstanding_.end() || next->state == State::kChecking)
            return;
        send_recipient(*next);
    }
}

// It may be answered from within.
void Transaction::send_recipient(Outstanding& one) {
    const auto leg = legs_->leg_for(one.recipient.path);
    if (!leg)
        return refuse_surplus(one, "too many routes for one message, send the rest in another");
    one.state = Outstanding::State::kSent;
    one.leg = *leg;
    auto path = one.recipient.path;
    auto parameters = std::move(one.parameters);
    if (legs_->wants_servers(*leg))
        shard_.pool().find(legs_->route(*leg), [&shard = shard_, session = mail_.session, serial = mail_.serial,
                                                leg = *leg](ServersPtr servers) {
            if (auto* transaction = shard.transaction(session, serial))
                transaction->route_found(leg, std::move(servers));
        });
    legs_->add_recipient(*leg, std::move(path), std::move(parameters));
}

void Transaction::route_found(std::size_t leg, ServersPtr servers) {
    if (stage_ == Stage::kEnvelope)
        legs_->found(leg, std::move(servers));
}

void Transaction::on_leg_recipient(std::size_t leg, const Reply& reply) {
    if (disposal_)
        return disposal_->on_recipient(reply);
    SANDWICH_FAILPOINT("rcpt-answered");
    const auto asked = std::ranges::find_if(outstanding_, [leg](const Outstanding& one) {
        return one.leg == leg && one.state == Outstanding::State::kSent;
    });
    if (asked == outstanding_.end())
        return;
    asked->reply = reply;
    asked->state = Outstanding::State::kAnswered;
    // Who guesses addresses learns as much from the delivery server as from any source.
    if (auto* const recipients = shard_.shared().recipients; recipients != nullptr && directory::says_unknown(reply))
        asked->delay = delay_of_refusal(*recipients, mail_);
    answer_recipients();
}

// An answer goes to the oldest RCPT without one: what is known earlier waits for those before it, or it would reach
// another recipient, and one that was accepted would never be delivered.
void Transaction::answer_recipients() {
    if (std::exchange(answering_, true))
        return;
    while (stage_ == Stage::kEnvelope && !pause_ && !outstanding_.empty() &&
           outstanding_.front().state == Outstanding::State::kAnswered) {
        if (const auto delay = std::exchange(outstanding_.front().delay, {}); delay.count() > 0) {
            pause_ = std::make_unique<net::Timer>(shard_.loop(), [this] {
                shard_.loop().retire(std::move(pause_));
                answer_recipients();
            });
            pause_->start(delay);
            break;
        }
        auto asked = std::move(outstanding_.front());
        outstanding_.pop_front();
        answer_recipient(std::move(asked));
    }
    answering_ = false;
}

void Transaction::answer_recipient(Outstanding asked) {
    if (asked.reply.positive()) {
        note_user(asked);
        mail_.envelope.recipients.push_back(std::move(asked.recipient));
        mail_.settings.push_back(std::move(asked.settings));
        legs_->accepted(asked.leg);
    } else {
        base::log::write(base::log::Level::kInfo, fmt::format("{}: from=<{}>, to=<{}>, relay={}, reply={} {}", mail_.id,
                                                              mail_.envelope.reverse_path, asked.recipient.path,
                                                              mail_.upstream.address.address.to_string(),
                                                              asked.reply.code, fmt::join(asked.reply.lines, " / ")));
    }
    owner_.answer(asked.reply);
}

// Into the user list, with what the source of the recipient says; that the list itself knows it is no news.
void Transaction::note_user(const Outstanding& asked) {
    auto* const users = shard_.shared().users;
    if (users == nullptr)
        return;
    const bool told = !asked.known_by.empty() && asked.known_by != config::kUserListSource;
    const bool folds = told && names_mailbox(asked.mailbox);
    users->seen(asked.recipient.path, told ? asked.known_by : kSeenBySmtp, folds ? asked.mailbox : std::string_view());
}

}  // namespace session
