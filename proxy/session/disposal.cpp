#include "session/disposal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "mail/rope.hpp"
#include "session/notice.hpp"
#include "session/shard.hpp"
#include "session/trace.hpp"

namespace session {

using policy::Action;
using smtp::make_reply;

namespace {

bool is_delivery(Action action) {
    return action == Action::kDeliver || action == Action::kTagAndDeliver || action == Action::kDeliverWithMark;
}

std::vector<mail::HeaderEdit> header_edits(const policy::Decision& decision) {
    using Edit = mail::HeaderEdit::Kind;
    std::vector<mail::HeaderEdit> edits;
    for (const auto& step : decision.steps) {
        switch (step.kind) {
            case policy::Step::Kind::kTagSubject:
                edits.push_back({Edit::kTag, "Subject", step.value});
                break;
            case policy::Step::Kind::kAddHeader:
                edits.push_back({Edit::kAdd, step.name, step.value});
                break;
            case policy::Step::Kind::kReplaceHeader:
                edits.push_back({Edit::kReplace, step.name, step.value});
                break;
            case policy::Step::Kind::kRemoveHeader:
                edits.push_back({Edit::kRemove, step.name, {}});
                break;
            default:
                break;  // no change of the header
        }
    }
    return edits;
}

}  // namespace

Disposal::Disposal(Shard& shard, const IncomingMail& mail, Delivery& delivery, Owner& owner)
    : shard_(shard), mail_(mail), delivery_(delivery), owner_(owner) {}

void Disposal::begin(std::vector<policy::Group> groups, bool settled) {
    settled_ = settled;
    // Of a mail that cannot be recognised when it comes again nobody may get a copy while another recipient waits: each
    // try would deliver it once more.
    const bool defers = std::any_of(groups.begin(), groups.end(),
                                    [](const policy::Group& group) { return group.decision.action == Action::kDefer; });
    if (defers && !mail_.identified && !mail_.upstream.lmtp)
        for (auto& group : groups) {
            if (std::exchange(group.decision.action, Action::kDefer) != Action::kDefer)
                group.decision.text.clear();  // it was meant for another reply
        }
    groups_.assign(std::make_move_iterator(groups.rbegin()), std::make_move_iterator(groups.rend()));
    next();
}

bool Disposal::begin_anew(std::vector<policy::Group> groups) {
    if (stage_ == Stage::kOver || !cancel())
        return false;
    delivery_.cancel();
    envelope_is_open_ = false;
    parts_.clear();
    begin(std::move(groups), settled_);
    return true;
}

void Disposal::next() {
    stage_ = Stage::kIdle;
    if (groups_.empty()) {
        stage_ = Stage::kOver;
        return owner_.on_disposed();
    }
    auto group = std::move(groups_.back());
    groups_.pop_back();
    part_ = {};
    part_.recipients = std::move(group.recipients);
    part_.decision = std::move(group.decision);
    intended_ = false;
    switch (part_.decision.action) {
        case Action::kDeliver:
        case Action::kTagAndDeliver:
        case Action::kDeliverWithMark:
            return deliver();
        case Action::kQuarantine:
            return intend();
        case Action::kReject:
            return end_part(make_reply(554, "5.7.1", said("message refused by content policy")),
                            "Service unavailable: rejected", std::nullopt);
        case Action::kDiscard:
            return end_part(make_reply(250, "2.0.0", fmt::format("{} accepted", mail_.id)), "Sent (discarded)",
                            journal::Kind::kDiscarded);
        case Action::kDefer:
            return end_part(make_reply(451, "4.7.1", said("message could not be checked, try again later")),
                            part_.decision.text.empty() ? "Deferred: not checked" : "Deferred: content policy",
                            std::nullopt);
    }
}

// What the reply says after our id: the rule's own words, if it has any.
std::string Disposal::said(std::string_view usual) const {
    return fmt::format("{} {}", mail_.id, part_.decision.text.empty() ? usual : std::string_view(part_.decision.text));
}

// Calls back only as long as this very step is waited for: the transaction may be over by then.
template <typename Call>
auto Disposal::when_found(Call call) {
    return [&shard = shard_, session = mail_.session, serial = mail_.serial, step = step_,
            call = std::move(call)](auto&&... arguments) {
        if (auto* disposal = shard.disposal(session, serial))
            call(*disposal, step, std::forward<decltype(arguments)>(arguments)...);
    };
}

void Disposal::intend() {
    stage_ = Stage::kIntending;
    ++step_;
    SANDWICH_FAILPOINT("before-intent");
    intended_ = true;
    shard_.shared().journal.intend(shard_.loop(), mail_.id, mail_.keys_of(part_.recipients),
                                   when_found([](Disposal& self, unsigned step) { self.intended(step); }));
}

void Disposal::intended(unsigned step) {
    if (stage_ != Stage::kIntending || step != step_)
        return;
    if (part_.decision.action == Action::kQuarantine)
        return quarantine();
    stage_ = Stage::kDelivering;
    since_ = base::Monotonic::now();
    part_.asked_downstream = true;
    envelope_is_open_ = false;
    SANDWICH_FAILPOINT("before-commit");
    delivery_.commit(
        mail::with_trace(mail_.message, trace_fields(mail_, part_.decision), header_edits(part_.decision)));
}

void Disposal::quarantine() {
    stage_ = Stage::kQuarantining;
    ++step_;
    const bool first = std::none_of(parts_.begin(), parts_.end(),
                                    [](const Part& part) { return part.decision.action == Action::kQuarantine; });
    quarantine::Entry entry;
    entry.id = first ? mail_.id : base::new_message_id();
    entry.inbound_id = mail_.facts.received.id;
    entry.message_id = mail_.facts.message_id;
    entry.client = mail_.client_address();
    if (entry.client.empty())
        entry.client = mail_.upstream.address.address.to_string();
    entry.verdict = part_.decision.verdict;
    entry.rule = part_.decision.rule;
    entry.area = part_.decision.area;
    entry.time = mail_.begun;
    entry.envelope = mail_.envelope_for(part_.recipients);
    const auto id = entry.id;
    shard_.shared().quarantine.put(shard_.loop(), std::move(entry), mail_.message,
                                   when_found([id](Disposal& self, unsigned step, const base::Status& status) {
                                       self.quarantined(step, id, status);
                                   }));
}

void Disposal::quarantined(unsigned step, const std::string& entry, const base::Status& status) {
    if (stage_ != Stage::kQuarantining || step != step_)
        return;
    if (!status)
        return end_part(
            make_reply(451, "4.3.1", fmt::format("{} message cannot be stored now, try again later", mail_.id)),
            fmt::format("Deferred: quarantine: {}", status.error().message), journal::Kind::kWithdrawn);
    end_part(make_reply(250, "2.0.0", fmt::format("{} accepted (held in quarantine)", mail_.id)),
             entry == mail_.id ? "Sent (quarantined)" : fmt::format("Sent (quarantined as {})", entry),
             journal::Kind::kQuarantined);
}

void Disposal::deliver() {
    if (envelope_is_open_ && part_.recipients.size() == mail_.envelope.recipients.size())
        return intend();
    // The transaction there was for others, too, or it is over.
    stage_ = Stage::kEnvelope;
    envelope_is_open_ = false;
    answers_.clear();
    delivery_.restart(mail_.envelope_for(part_.recipients).recipients);
}

void Disposal::on_recipient(const smtp::Reply& reply) {
    if (stage_ != Stage::kEnvelope)
        return;
    answers_.push_back(reply);
    if (answers_.size() < part_.recipients.size())
        return;
    refuse_recipients();
    if (part_.recipients.empty())
        return next();
    intend();
}

// The delivery server had accepted them before: whatever it says now, the upstream is told to try again, and then hears
// it at RCPT.
void Disposal::refuse_recipients() {
    Part refused = part_;
    refused.recipients.clear();
    std::vector<std::size_t> accepted;
    const smtp::Reply* why = nullptr;
    for (std::size_t i = 0; i < answers_.size(); ++i) {
        if (answers_[i].positive()) {
            accepted.push_back(part_.recipients[i]);
            continue;
        }
        refused.recipients.push_back(part_.recipients[i]);
        why = &answers_[i];
    }
    part_.recipients = std::move(accepted);
    if (why == nullptr)
        return;
    refused.reply = make_reply(451, "4.3.0", fmt::format("{} recipient refused for now, try again later", mail_.id));
    refused.stat = fmt::format("Deferred: {} {}", why->code, smtp::text_of(*why));
    refused.server = delivery_.server();
    parts_.push_back(std::move(refused));
}

void Disposal::on_delivery_broken(const smtp::Reply&) {
    // Between restart() and commit(): commit() says the same again.
    envelope_is_open_ = false;
}

void Disposal::on_delivered(Delivery::Outcome outcome) {
    SANDWICH_FAILPOINT("server-answered");
    part_.server = delivery_.server();
    part_.duration = base::Monotonic::now() - since_;
    if (!outcome.reply.positive())
        return refused(outcome);
    part_.said = smtp::text_of(outcome.reply);
    end_part(make_reply(250, "2.0.0", fmt::format("{} accepted for delivery ({})", mail_.id, part_.said)),
             fmt::format("Sent ({})", part_.said), journal::Kind::kDelivered);
}

void Disposal::refused(const Delivery::Outcome& outcome) {
    // One reply speaks for all. After a permanent refusal the upstream would send a bounce for those who have the mail;
    // after a temporary one it would send it to them again, if we cannot tell a retry from another mail.
    const bool permanent = outcome.reply.permanent();
    const bool hold = !mail_.upstream.lmtp && !will_come_again() && others_have_it() &&
                      (permanent || !mail_.identified) && !outcome.possible_duplicate;
    if (hold)
        return hold_instead(outcome.server_text);
    end_part(outcome.reply, fmt::format("{}: {}", permanent ? "Service unavailable" : "Deferred", outcome.server_text),
             outcome.possible_duplicate ? std::nullopt : std::optional(journal::Kind::kWithdrawn));
}

// Somebody else's copy was delivered, held or discarded, or is about to be.
bool Disposal::others_have_it() const {
    return settled_ || irrevocable_ || std::any_of(groups_.begin(), groups_.end(), [](const policy::Group& group) {
               return is_delivery(group.decision.action);
           });
}

// The reply will be temporary in any case: what is permanent is said at the next try.
bool Disposal::will_come_again() const {
    return std::any_of(groups_.begin(), groups_.end(),
                       [](const policy::Group& group) { return group.decision.action == Action::kDefer; }) ||
           std::any_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.reply.transient(); });
}

void Disposal::hold_instead(const std::string& why) {
    base::log::event(base::log::kHeldInstead, "{}: {}: {} recipients: {}", mail_.id, part_.server.to_string(),
                     part_.recipients.size(), why);
    send_notice(shard_, mail_, part_.recipients, why);
    part_.decision = {Action::kQuarantine, "refused by the delivery server", why};
    part_.asked_downstream = false;
    quarantine();
}

void Disposal::end_part(const smtp::Reply& reply, std::string stat, std::optional<journal::Kind> how) {
    const auto keys = mail_.keys_of(part_.recipients);
    auto& journal = shard_.shared().journal;
    if (how && !keys.empty() && (intended_ || *how != journal::Kind::kWithdrawn))
        journal.conclude(mail_.id, keys, *how);
    else if (!how && intended_)
        journal.give_up(keys);
    intended_ = false;
    irrevocable_ = irrevocable_ || reply.positive();
    part_.reply = reply;
    part_.stat = std::move(stat);
    parts_.push_back(std::move(part_));
    next();
}

bool Disposal::cancel() {
    const bool committed = irrevocable_ || stage_ == Stage::kQuarantining ||
                           (stage_ == Stage::kDelivering && delivery_.past_point_of_no_return());
    if (committed && stage_ != Stage::kOver)
        return false;
    if (intended_)
        shard_.shared().journal.conclude(mail_.id, mail_.keys_of(part_.recipients), journal::Kind::kWithdrawn);
    intended_ = false;
    stage_ = Stage::kOver;
    ++step_;
    return true;
}

}  // namespace session
