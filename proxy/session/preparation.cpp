#include "session/preparation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "mail/rope.hpp"
#include "policy/removal.hpp"
#include "session/changes.hpp"
#include "session/hand_over.hpp"
#include "session/rule_notices.hpp"
#include "session/shard.hpp"
#include "session/spool_storage.hpp"

namespace session {

using Kind = policy::Step::Kind;

namespace {

bool is_edit(const policy::Step& step) {
    return step.kind == Kind::kStrip || step.kind == Kind::kStripAll || step.kind == Kind::kClean ||
           step.kind == Kind::kStamp;
}

bool keeps_original(const policy::Step& step) {
    return step.kind == Kind::kStrip || step.kind == Kind::kStripAll || step.kind == Kind::kClean;
}

// What is deferred comes again; of what is held, refused or thrown away only the original can be kept.
bool applies(const policy::Step& step, policy::Action action) {
    using policy::Action;
    if (step.kind == Kind::kArchive)
        return action != Action::kDefer;
    const bool delivery =
        action == Action::kDeliver || action == Action::kTagAndDeliver || action == Action::kDeliverWithMark;
    return delivery && (is_edit(step) || step.kind == Kind::kCopy);
}

// The file name of an entity, as far as it has one.
std::string name_of(const policy::Contents& contents, std::uint16_t entity) {
    for (const auto& item : contents.items)
        if (item.entity == entity && !item.names.empty())
            return item.names.front();
    return {};
}

}  // namespace

bool Preparation::needed(const policy::Decision& decision) {
    return std::any_of(decision.steps.begin(), decision.steps.end(),
                       [&decision](const policy::Step& step) { return applies(step, decision.action); });
}

Preparation::Preparation(Shard& shard, const IncomingMail& mail, const std::vector<std::size_t>& recipients,
                         const policy::Decision& decision, Acts& acts, base::Monotonic::time_point latest, Reach reach,
                         std::function<void(Outcome)> done)
    : shard_(shard),
      mail_(mail),
      recipients_(recipients),
      decision_(decision),
      acts_done_(acts),
      latest_(latest),
      reach_(std::move(reach)),
      done_(std::move(done)),
      memory_(shard.shared().admission) {}

// Calls back only as long as this preparation is waited for.
template <typename Call>
auto Preparation::when_found(Call call) {
    return [reach = reach_, call = std::move(call)](auto&&... arguments) {
        if (auto* self = reach())
            call(*self, std::forward<decltype(arguments)>(arguments)...);
    };
}

std::string Preparation::describe(const Act& act) {
    return act.kind == Act::Kind::kKeep ? fmt::format("original kept in area {}", act.whom)
                                        : fmt::format("copy to <{}>", act.whom);
}

void Preparation::start() {
    if (plan())
        ask_journal();
}

// What is to be changed and done. False: it cannot be, and the owner has been told.
bool Preparation::plan() {
    for (const auto& step : decision_.steps) {
        if (!applies(step, decision_.action))
            continue;
        if (step.kind == Kind::kArchive)
            add_act(Act::Kind::kKeep, step.name);
        else if (step.kind == Kind::kCopy)
            add_act(Act::Kind::kCopy, step.value);
        else if (step.kind == Kind::kStamp)
            request_.stamps.push_back({step.stamp->at_end, step.stamp->plain, step.stamp->html});
        else if (keeps_original(step) && !plan_removals(step))
            return false;
    }
    return true;
}

bool Preparation::plan_removals(const policy::Step& step) {
    const auto& contents = mail_.report.contents;
    removes_ = true;
    std::vector<std::uint16_t> entities;
    if (step.kind == Kind::kClean) {
        clean_ = &step;
    } else {
        auto found =
            step.kind == Kind::kStrip ? policy::removable(contents, step.items) : policy::attachments(contents);
        if (!found) {
            finish(End::kHold, found.error().message);
            return false;
        }
        entities = std::move(*found);
        if (entities.empty())  // no attachments: nothing to do
            return true;
    }
    add_act(Act::Kind::kKeep, step.name);
    if (outcome_.kept_as.empty())
        outcome_.kept_as = acts_.back().id;
    for (const auto entity : entities) {
        const bool there = std::any_of(removals_.begin(), removals_.end(),
                                       [entity](const Removal& removal) { return removal.entity == entity; });
        if (!there)
            removals_.push_back({entity, &step, name_of(contents, entity)});
    }
    return true;
}

std::string Preparation::note(const policy::Step& step, const std::string& name) const {
    auto facts = notice_facts(mail_, recipients_, decision_);
    facts.rule = step.rule;
    facts.quarantine = outcome_.kept_as;
    facts.files = {name};
    auto text = policy::fill_in(step.value, facts);
    if (text.size() > scanners::kMaxNote) {  // many recipients; no character is cut in two
        text.resize(scanners::kMaxNote);
        while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80)
            text.pop_back();
        if (!text.empty())
            text.pop_back();
    }
    return text;
}

void Preparation::add_act(Act::Kind kind, const std::string& whom) {
    const auto same =
        std::find_if(acts_.begin(), acts_.end(), [&](const Act& act) { return act.kind == kind && act.whom == whom; });
    if (same != acts_.end())
        return;
    Act act{kind, whom, base::new_message_id(), {}};
    std::string key = whom;
    if (kind == Act::Kind::kKeep)  // each group's original can be released to its own recipients
        for (const auto recipient : recipients_)
            key.append(1, '\n').append(mail_.envelope.recipients[recipient].path);
    act.key = journal::act_key(mail_.journal_key, kind == Act::Kind::kKeep ? "keep" : "copy", key);
    acts_.push_back(std::move(act));
}

void Preparation::ask_journal() {
    std::erase_if(acts_, [this](const Act& act) { return acts_done_.contains(act.key); });
    if (acts_.empty() || mail_.keys.empty())
        return edit();
    std::vector<journal::Key> keys;
    for (const auto& act : acts_)
        keys.push_back(act.key);
    shard_.shared().journal.look_up(
        shard_.loop(), std::move(keys), mail_.identified,
        when_found([](Preparation& self, const std::vector<journal::Known>& known) { self.on_known(known); }));
}

// What an earlier try has done is not done again.
void Preparation::on_known(const std::vector<journal::Known>& known) {
    using State = journal::Known::State;
    for (std::size_t i = known.size(); i-- > 0;) {
        if (known[i].state == State::kRunning)
            return finish(End::kLater, "an earlier try has not ended");
        if (known[i].state == State::kPossible)
            base::log::event(
                known[i].done == journal::Kind::kIntent ? base::log::kPossibleDuplicate : base::log::kSameMail,
                "{}: {} may have been done earlier as {}, inbound={}", mail_.id, describe(acts_[i]), known[i].id,
                mail_.facts.received.id);
        if (known[i].state != State::kDone)
            continue;
        if (acts_[i].id == outcome_.kept_as)
            outcome_.kept_as = known[i].id;
        acts_done_.insert(acts_[i].key);
        acts_.erase(acts_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    edit();
}

// Once it is known under which id the original is kept: an earlier try may have done that.
void Preparation::write_notes() {
    for (auto& removal : removals_) {
        request_.removals.push_back({removal.entity, note(*removal.step, removal.name)});
        outcome_.removed.push_back(std::move(removal.name));
    }
    request_.clean = clean_ != nullptr;
    if (clean_ != nullptr)
        request_.clean_note = note(*clean_, "");
}

void Preparation::edit() {
    write_notes();
    // A rule that takes attachments out may deliver what the settings would hold; but not what is then still in it.
    if (removes_ && removals_.empty() && clean_ == nullptr && !passes(mail_.report))
        return finish(End::kHold, "there is nothing to take out");
    if (request_.removals.empty() && request_.stamps.empty() && !request_.clean)
        return next_act();
    SANDWICH_FAILPOINT("edit-asked");
    shard_.shared().scanners.submit_edit(shard_.loop(), mail_.id, mail_.message, request_,
                                         when_found([](Preparation& self, base::Result<scanners::EditAnswer> answer) {
                                             self.on_edited(std::move(answer));
                                         }));
}

void Preparation::on_edited(base::Result<scanners::EditAnswer> answer) {
    const bool only_stamps = request_.removals.empty() && !request_.clean;
    if (!answer) {
        base::log::event(base::log::kEditFailed, "{}: {}", mail_.id, answer.error().message);
        // A mail without its disclaimer is a mail all the same; what had to be taken out of it is another matter.
        if (only_stamps)
            return next_act();
        return finish(scanners::is_for_later(answer.error()) ? End::kLater : End::kHold, answer.error().message);
    }
    if (!only_stamps && answer->removed == 0)
        return finish(End::kHold, "nothing was taken out");
    outcome_.body = std::move(answer->edits);
    if (request_.clean || (removes_ && !passes(mail_.report)))
        return scan_again();
    next_act();
}

// By the settings alone: what a rule said of the mail as it came is not said of what is left.
bool Preparation::passes(const policy::ScanReport& report) const {
    const auto facts = mail_.policy_facts();
    const policy::Facts seen{report, facts.envelope, facts.size, facts.client, facts.client_name, facts.moment};
    return policy::settings_deliver(seen, recipients_, mail_.runtime->rules);
}

// What was found in it must be gone, and by the word of all scanners: some of them only see mails as a whole.
void Preparation::scan_again() {
    auto spool = make_spool(mail_.runtime->settings.spool_directory);
    const auto rope = mail::with_trace(mail_.message, {}, {}, outcome_.body);
    memory_.set(rope.size() > kSpoolInMemory ? 0 : rope.size());
    base::Status kept = base::ok();
    for (std::size_t i = 0; kept && i < rope.pieces(); ++i)
        kept = spool->append(rope.piece(i));
    auto sealed = kept ? spool->seal() : base::Result<mail::MessagePtr>(kept.error());
    if (!sealed)
        return finish(End::kLater, sealed.error().message);
    shard_.shared().scanners.submit(
        shard_.loop(), mail_.runtime->settings, mail_.id, std::move(*sealed),
        when_found([](Preparation& self, const policy::ScanReport& report) { self.on_scanned(report); }));
}

void Preparation::on_scanned(const policy::ScanReport& report) {
    memory_.set(0);
    if (passes(report))
        return next_act();
    const bool away = std::any_of(report.results.begin(), report.results.end(), [](const policy::ScanResult& result) {
        return result.outcome == policy::Outcome::kCannotTell && result.cause == policy::Cause::kUnavailable;
    });
    const bool found = policy::worst_outcome(report) == policy::Outcome::kFound;
    finish(away && !found ? End::kLater : End::kHold, fmt::format("what is left: {}", policy::summary(report)));
}

void Preparation::next_act() {
    if (acts_.empty())
        return finish(End::kReady);
    if (base::Monotonic::now() > latest_)
        return finish(End::kLater, std::string(kNoTimeLeft));
    if (mail_.keys.empty())
        return act();
    // Nobody may be there any more when it is written: then nothing was done, and a retry must not wait for it.
    const auto& next = acts_.front();
    shard_.shared().journal.intend(shard_.loop(), next.id, {next.key},
                                   [&shard = shard_, reach = reach_, id = next.id, key = next.key] {
                                       if (auto* self = reach())
                                           self->act();
                                       else
                                           shard.shared().journal.conclude(id, {key}, journal::Kind::kWithdrawn);
                                   });
}

void Preparation::act() {
    const auto& next = acts_.front();
    next.kind == Act::Kind::kKeep ? keep(next) : copy(next);
}

// The journal hears how an act ended also when nobody waits for it any more.

void Preparation::keep(const Act& act) {
    SANDWICH_FAILPOINT("before-keep");
    auto entry = mail_.quarantine_entry(act.id, recipients_, decision_);
    entry.area = act.whom;
    auto go_on = when_found(
        [](Preparation& self, const base::Status& status) { self.on_act(status, "the original cannot be stored"); });
    auto kept = [&shard = shard_, key = act.key, id = act.id, go_on = std::move(go_on)](const base::Status& status) {
        SANDWICH_FAILPOINT("original-kept");
        shard.shared().journal.conclude(id, {key}, status ? journal::Kind::kQuarantined : journal::Kind::kWithdrawn);
        go_on(status);
    };
    shard_.shared().quarantine.put(shard_.loop(), std::move(entry), mail_.message, std::move(kept));
}

void Preparation::copy(const Act& act) {
    SANDWICH_FAILPOINT("before-copy");
    auto go_on = when_found([whom = act.whom](Preparation& self, const base::Status& status) {
        self.on_act(status, fmt::format("copy to <{}>", whom));
    });
    auto copied = [&shard = shard_, key = act.key, id = act.id,
                   go_on = std::move(go_on)](const base::Result<std::string>& result) {
        SANDWICH_FAILPOINT("copy-answered");
        auto& journal = shard.shared().journal;
        if (!result && possibly_delivered(result.error()))
            journal.give_up({key});
        else
            journal.conclude(id, {key}, result ? journal::Kind::kDelivered : journal::Kind::kWithdrawn);
        go_on(result ? base::ok() : base::Status(result.error()));
    };
    // No report of the copy's way to somebody who does not know of it.
    mail::Envelope envelope{mail_.envelope.reverse_path, mail_.envelope.parameters, {{act.whom, " NOTIFY=NEVER"}}};
    hand_over(shard_.loop(), shard_.pool(), mail_.runtime, nullptr, act.id, std::move(envelope),
              changed_mail(mail_, decision_, outcome_.body), std::move(copied));
}

void Preparation::on_act(const base::Status& status, const std::string& what) {
    if (!status)
        return finish(End::kLater, fmt::format("{}: {}", what, status.error().message));
    const auto& act = acts_.front();
    base::log::write(base::log::Level::kInfo, fmt::format("{}: {} as {}", mail_.id, describe(act), act.id));
    acts_done_.insert(act.key);
    acts_.erase(acts_.begin());
    next_act();
}

void Preparation::finish(End end, std::string why) {
    outcome_.end = end;
    outcome_.why = std::move(why);
    const auto done = std::move(done_);
    done(std::move(outcome_));
}

}  // namespace session
