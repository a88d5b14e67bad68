#include "session/disposal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "session/changes.hpp"
#include "session/hand_over.hpp"
#include "session/notice.hpp"
#include "session/shard.hpp"

namespace session {

using policy::Action;
using smtp::make_reply;

namespace {

bool is_delivery(Action action) {
    return action == Action::kDeliver || action == Action::kTagAndDeliver || action == Action::kDeliverWithMark;
}

// The configuration has checked them.
ServersPtr servers_of(const config::Settings& settings, const std::string& text) {
    auto servers = std::make_shared<Servers>();
    if (const auto list = net::ServerList::parse(text))
        for (const auto& endpoint : list->with_default(settings.downstream_port))
            servers->push_back({endpoint,
                                settings.tls.downstream,
                                settings.tls.downstream_name,
                                static_cast<std::uint32_t>(servers->size()),
                                1,
                                {}});
    return servers;
}

}  // namespace

Disposal::Disposal(Shard& shard, const IncomingMail& mail, Legs& legs, Owner& owner)
    : shard_(shard), mail_(mail), legs_(legs), owner_(owner) {}

void Disposal::begin(std::vector<policy::Group> groups, bool settled) {
    settled_ = settled;
    latest_ = base::Monotonic::now() + mail_.runtime->settings.disposal_timeout;
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
    legs_.cancel();
    parts_.clear();
    other_legs_.clear();
    begin(std::move(groups), settled_);
    return true;
}

void Disposal::next() {
    stage_ = Stage::kIdle;
    if (!other_legs_.empty()) {
        auto part = std::move(other_legs_.back());
        other_legs_.pop_back();
        take(std::move(part));
        if (base::Monotonic::now() > latest_)
            return later(std::string(kNoTimeLeft));
        return act();
    }
    if (groups_.empty()) {
        stage_ = Stage::kOver;
        return owner_.on_disposed();
    }
    auto group = std::move(groups_.back());
    groups_.pop_back();
    Part part;
    part.recipients = std::move(group.recipients);
    part.decision = std::move(group.decision);
    take(std::move(part));
    if (!parts_.empty() && base::Monotonic::now() > latest_)
        return later(std::string(kNoTimeLeft));
    if (Preparation::needed(part_.decision))
        return prepare();
    act();
}

void Disposal::take(Part part) {
    part_ = std::move(part);
    intended_ = false;
}

// The upstream waits for one reply: those who have nothing yet get it at its next try.
void Disposal::later(const std::string& why) {
    refused({make_reply(451, "4.3.0", fmt::format("{} cannot be handled now, try again later", mail_.id)), why, false});
}

void Disposal::prepare() {
    stage_ = Stage::kPreparing;
    ++step_;
    auto reach = [&shard = shard_, session = mail_.session, serial = mail_.serial, step = step_]() -> Preparation* {
        auto* disposal = shard.disposal(session, serial);
        return disposal == nullptr ? nullptr : disposal->preparation(step);
    };
    preparation_ =
        std::make_unique<Preparation>(shard_, mail_, part_.recipients, part_.decision, acts_, latest_, std::move(reach),
                                      [this](Preparation::Outcome outcome) { prepared(std::move(outcome)); });
    preparation_->start();
}

void Disposal::prepared(Preparation::Outcome outcome) {
    shard_.loop().retire(std::move(preparation_));
    switch (outcome.end) {
        case Preparation::End::kHold:
            return hold_unchanged(outcome.why);
        case Preparation::End::kLater:
            return later(outcome.why);
        case Preparation::End::kReady:
            break;
    }
    part_.body = std::move(outcome.body);
    part_.kept_as = std::move(outcome.kept_as);
    part_.removed = std::move(outcome.removed);
    act();
}

// What should have been taken out of it is still there: nobody gets it.
void Disposal::hold_unchanged(const std::string& why) {
    base::log::event(base::log::kEditFailed, "{}: held: {}", mail_.id, why);
    auto& decision = part_.decision;
    decision.action = Action::kQuarantine;
    decision.rule += ", but it could not be changed: " + why;
    decision.area.clear();
    decision.text.clear();
    decision.detour = {};
    std::erase_if(decision.steps, [](const policy::Step& step) { return step.kind != policy::Step::Kind::kNotify; });
    act();
}

void Disposal::act() {
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
            return end_part(make_reply(250, "2.0.0", fmt::format("{} accepted", mail_.id)),
                            fmt::format("Sent ({})", part_.decision.text.empty() ? "discarded" : part_.decision.text),
                            journal::Kind::kDiscarded);
        case Action::kDefer:
            if (part_.decision.hours)
                return delay();
            return end_part(make_reply(451, "4.7.1", said("message could not be checked, try again later")),
                            part_.decision.text.empty() ? "Deferred: not checked" : "Deferred: content policy",
                            std::nullopt);
    }
}

// It waits for its hours: what comes before then need not be scanned.
void Disposal::delay() {
    const auto now = base::Wall::now();
    const auto until = next_time(*part_.decision.hours, now);
    for (const auto& key : mail_.keys_of(part_.recipients))
        shard_.shared().delays.remember(
            key, {until, mail_.runtime->generation, part_.decision.rule, part_.decision.text}, now);
    end_part(make_reply(451, "4.7.1", said(kDelayed)), delayed_until(until), std::nullopt);
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
    if (!part_.decision.detour.usual())
        return hand_on();
    stage_ = Stage::kDelivering;
    since_ = base::Monotonic::now();
    part_.asked_downstream = true;
    legs_.close_envelope(leg_);
    SANDWICH_FAILPOINT("before-commit");
    delivery().commit(changed_mail(mail_, part_.decision, part_.body));
}

void Disposal::quarantine() {
    stage_ = Stage::kQuarantining;
    ++step_;
    const bool first = std::none_of(parts_.begin(), parts_.end(),
                                    [](const Part& part) { return part.decision.action == Action::kQuarantine; });
    const auto id = first ? mail_.id : base::new_message_id();
    auto entry = mail_.quarantine_entry(id, part_.recipients, part_.decision);
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
    part_.kept_as = entry;
    end_part(make_reply(250, "2.0.0", fmt::format("{} accepted (held in quarantine)", mail_.id)),
             entry == mail_.id ? "Sent (quarantined)" : fmt::format("Sent (quarantined as {})", entry),
             journal::Kind::kQuarantined);
}

void Disposal::deliver() {
    if (!part_.decision.detour.usual())
        return intend();
    leave_other_legs();
    if (legs_.envelope_is_open(leg_) && part_.recipients.size() == legs_.recipients(leg_))
        return intend();
    // The transaction there was for others, too, or it is over.
    stage_ = Stage::kEnvelope;
    legs_.close_envelope(leg_);
    answers_.clear();
    delivery().restart(mail_.envelope_for(part_.recipients).recipients);
}

// One delivery is for one route. Recipients of the group on other routes come next, each route a part of its own.
void Disposal::leave_other_legs() {
    leg_ = legs_.leg_of(part_.recipients.front());
    Part others = part_;
    std::erase_if(part_.recipients, [this](std::size_t recipient) { return legs_.leg_of(recipient) != leg_; });
    std::erase_if(others.recipients, [this](std::size_t recipient) { return legs_.leg_of(recipient) == leg_; });
    if (!others.recipients.empty())
        other_legs_.push_back(std::move(others));
}

// To others, or to another server: a transaction of its own, for all or none of them.
void Disposal::hand_on() {
    stage_ = Stage::kHandingOn;
    ++step_;
    since_ = base::Monotonic::now();
    part_.asked_downstream = true;
    const auto& detour = part_.decision.detour;
    auto envelope = mail_.envelope_for(part_.recipients);
    if (!detour.recipients.empty()) {
        envelope.recipients.clear();
        for (const auto& recipient : detour.recipients)
            envelope.recipients.push_back({recipient, ""});
    }
    auto servers = detour.server.empty() ? nullptr : servers_of(mail_.runtime->settings, detour.server);
    if (servers && !servers->empty())
        part_.server = servers->front().endpoint;
    SANDWICH_FAILPOINT("before-hand-on");
    hand_over(shard_.loop(), shard_.pool(), mail_.runtime, std::move(servers), mail_.id, std::move(envelope),
              changed_mail(mail_, part_.decision, part_.body),
              when_found([](Disposal& self, unsigned step, const base::Result<std::string>& result) {
                  self.handed_on(step, result);
              }));
}

void Disposal::handed_on(unsigned step, const base::Result<std::string>& result) {
    if (stage_ != Stage::kHandingOn || step != step_)
        return;
    part_.duration = base::Monotonic::now() - since_;
    if (!result)
        return refused({make_reply(451, "4.4.0", fmt::format("{} cannot be handed on now, try again later", mail_.id)),
                        result.error().message, possibly_delivered(result.error())});
    part_.said = *result;
    const auto& others = part_.decision.detour.recipients;
    end_part(make_reply(250, "2.0.0", fmt::format("{} accepted for delivery ({})", mail_.id, part_.said)),
             others.empty() ? fmt::format("Sent ({})", part_.said)
                            : fmt::format("Sent (to {}: {})", fmt::join(others, " "), part_.said),
             journal::Kind::kDelivered);
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
    refused.server = delivery().server();
    parts_.push_back(std::move(refused));
}

void Disposal::on_delivered(Delivery::Outcome outcome) {
    SANDWICH_FAILPOINT("server-answered");
    part_.server = delivery().server();
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
    return settled_ || irrevocable_ || !other_legs_.empty() ||
           std::any_of(groups_.begin(), groups_.end(),
                       [](const policy::Group& group) { return is_delivery(group.decision.action); });
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
    const bool committed = irrevocable_ || stage_ == Stage::kQuarantining || stage_ == Stage::kHandingOn ||
                           (stage_ == Stage::kDelivering && legs_.delivery(leg_).past_point_of_no_return());
    if (committed && stage_ != Stage::kOver)
        return false;
    if (intended_)
        shard_.shared().journal.conclude(mail_.id, mail_.keys_of(part_.recipients), journal::Kind::kWithdrawn);
    intended_ = false;
    stage_ = Stage::kOver;
    if (preparation_)  // what it has begun ends by itself, and the journal knows
        shard_.loop().retire(std::move(preparation_));
    ++step_;
    return true;
}

}  // namespace session
