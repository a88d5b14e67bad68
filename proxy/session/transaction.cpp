#include "session/transaction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "session/explanation.hpp"
#include "session/final_reply.hpp"
#include "session/rule_notices.hpp"
#include "session/shard.hpp"
#include "session/spool_storage.hpp"

namespace session {

using smtp::make_reply;
using smtp::Reply;

namespace {

// From here on a text is worth a fingerprint before it is whole: of a smaller one all is in the cache at the end.
constexpr std::uint64_t kLarge = 16U << 10;  // octets

// A header section beyond the limits is no mail but an attack on whoever walks its fields (invariant 12).
bool header_too_long(std::string_view mail, std::size_t limit) {
    return mail.size() > limit && !mail.starts_with("\r\n") &&
           mail.substr(0, limit).find("\r\n\r\n") == std::string_view::npos;
}

bool too_many_fields(std::string_view mail, std::size_t limit) {
    mail::HeaderReader fields(mail);
    for (std::size_t i = 0; i < limit; ++i) {
        if (!fields.next())
            return false;
    }
    return fields.next().has_value();
}

void log_failures(const std::string& id, const policy::ScanReport& report) {
    for (const auto& result : report.results) {
        if (result.cause == policy::Cause::kStale)  // of every message: said once an hour
            continue;
        if (result.outcome == policy::Outcome::kCannotTell || result.outcome == policy::Outcome::kEncrypted)
            base::log::event(base::log::kScanFailed, "{}: {}: {} {} {}: {}", id, result.scanner,
                             policy::to_string(result.outcome), policy::to_string(result.cause), result.name,
                             result.detail);
    }
}

}  // namespace

Transaction::Transaction(Shard& shard, Owner& owner, RuntimePtr runtime, Upstream upstream, std::uint64_t session,
                         std::uint64_t serial, smtp::PathArgument mail)
    : shard_(shard), owner_(owner), mail_parameters_(std::move(mail.parameters)), memory_(shard.shared().admission) {
    mail_.id = base::new_message_id();
    mail_.session = session;
    mail_.serial = serial;
    mail_.runtime = std::move(runtime);
    mail_.upstream = std::move(upstream);
    mail_.envelope.reverse_path = std::move(mail.path);
    mail_.envelope.parameters = smtp::parameters_to_wire(mail_parameters_);
    Legs::Mail handed_on{mail_.runtime, mail_.id, mail_.envelope.reverse_path, mail_parameters_, {}};
    if (mail_.runtime->settings.downstream_xforward)
        handed_on.client = mail_.forwarded_client();
    Legs::Handler& handler = *this;
    legs_ = std::make_unique<Legs>(shard.pool(), std::move(handed_on), handler);
}

Transaction::~Transaction() = default;

void Transaction::data() {
    if (const auto* broken = legs_->broken())
        return refuse(*broken, "Deferred: delivery server broke off before DATA");
    legs_->drop_empty();
    SANDWICH_FAILPOINT("data");
    spool_ = make_spool(mail_.runtime->settings.spool_directory, smtp::declared_size(mail_parameters_));
    stage_ = Stage::kData;
    owner_.answer(make_reply(354, "", "end data with <CRLF>.<CRLF>"));
}

base::Room Transaction::room() {
    return spool_ ? spool_->room() : base::Room{};
}

void Transaction::body(std::string_view text) {
    SANDWICH_FAILPOINT("body");
    size_ += text.size();
    const auto limit = mail_.runtime->settings.message_size_limit;
    if (!too_big_ && limit > 0 && size_ > limit) {
        too_big_ = true;
        spool_.reset();  // the rest is swallowed: only after the dot may we answer
    }
    // Also when the delivery server has broken off: the mail may be held yet, and then it is held whole.
    const bool dropped = too_big_ || !storage_failure_.empty();
    memory_.set(dropped || size_ > kSpoolInMemory ? 0 : size_);
    if (dropped)
        return;
    if (size_ == text.size() && std::max(size_, smtp::declared_size(mail_parameters_)) >= kLarge)
        fingerprint_.begin(shard_.shared().journal, mail_.keyed_below(mail::read_header_facts(text)));
    fingerprint_.add(text);
    if (auto kept = spool_->append(text); !kept) {
        storage_failure_ = kept.error().message;
        spool_.reset();
    }
}

void Transaction::end_of_data(std::size_t bare_newlines, bool undotted) {
    SANDWICH_FAILPOINT("end-of-data");
    if (too_big_)
        return refuse_beyond(Limit::kMessageSize, "message exceeds the size limit", "too big");
    if (bare_newlines > 0 && refuse_bare_newlines(bare_newlines))
        return refuse(make_reply(550, "5.5.2", "message contains a CR or LF by itself"),
                      "Service unavailable: bare CR or LF");
    if (const auto* broken = legs_->broken(); broken != nullptr && held_.empty())
        return refuse(*broken, "Deferred: delivery server broke off");
    if (!seal(undotted)) {
        base::log::event(base::log::kStorageFailed, "{}: {}", mail_.id, storage_failure_);
        return refuse(make_reply(452, "4.3.1", "insufficient storage, try again later"), "Deferred: no storage");
    }
    const auto& settings = mail_.runtime->settings;
    if (header_too_long(mail_.message->bytes(), settings.max_header_size))
        return refuse_beyond(Limit::kHeaderSize, "header section exceeds the size limit", "header section too long");
    if (too_many_fields(mail_.message->bytes(), settings.max_header_fields))
        return refuse_beyond(Limit::kHeaderFields, "too many header fields", "too many header fields");
    mail_.facts = mail::read_header_facts(mail_.message->bytes());
    look_up();
}

bool Transaction::hold(std::string reason) {
    switch (stage_) {
        case Stage::kData:
        case Stage::kLookingUp:
        case Stage::kScanning:
            held_ = std::move(reason);
            return true;
        case Stage::kDisposing:
            held_ = std::move(reason);
            return disposal_->begin_anew({policy::held(groups_, held_)});
        default:
            return false;
    }
}

// True: by the configuration, and nothing else is to be done with it. A bounce that is refused would be lost: it is
// held.
bool Transaction::refuse_bare_newlines(std::size_t count) {
    const bool reject = mail_.runtime->settings.bare_newline == config::BareNewline::kReject;
    base::log::event(base::log::kBareNewline, "{}: {} from {}: {}", mail_.id, count,
                     mail_.upstream.address.address.to_string(), reject ? "refused" : "mended");
    if (!reject || !held_.empty())
        return false;
    return !mail_.envelope.null_sender() || !hold("bare_newline");
}

// False: storage_failure_ says why there is no message.
bool Transaction::seal(bool undotted) {
    if (storage_failure_.empty()) {
        auto sealed = spool_->seal(undotted);
        if (sealed)
            mail_.message = std::move(*sealed);
        else
            storage_failure_ = sealed.error().message;
    }
    spool_.reset();
    return mail_.message != nullptr;
}

void Transaction::look_up() {
    stage_ = Stage::kLookingUp;
    auto origin = mail_.origin();
    mail_.identified = origin.identified();
    std::vector<std::string> recipients;
    recipients.reserve(mail_.envelope.recipients.size());
    for (const auto& recipient : mail_.envelope.recipients)
        recipients.push_back(recipient.path);
    const auto below = mail_.keyed_below(mail_.facts);
    shard_.shared().journal.look_up(
        shard_.loop(), mail_.message, below, fingerprint_.end(below), std::move(origin), std::move(recipients),
        [&shard = shard_, session = mail_.session, serial = mail_.serial](journal::Answer answer) {
            if (auto* transaction = shard.transaction(session, serial))
                transaction->looked_up(std::move(answer));
        });
}

void Transaction::looked_up(journal::Answer answer) {
    if (stage_ != Stage::kLookingUp)
        return;
    SANDWICH_FAILPOINT("looked-up");
    mail_.journal_key = answer.mail;
    settle_retry(answer);
    mail_.keys = std::move(answer.keys);
    settle_delayed();
    if (waiting_.empty())
        return finish(settled_);
    const auto limit = mail_.runtime->settings.worker_crash_limit;
    if (mail_.runtime->rules.need_a_look() && limit > 0 && answer.crashes >= limit)
        return set_aside(answer.crashes);
    scan();
}

// Those of whom the same is said are one part.
void Transaction::settle(std::size_t recipient, const Reply& reply, std::string stat, std::string_view rule) {
    auto part = std::find_if(settled_.begin(), settled_.end(), [&](const Part& one) { return one.stat == stat; });
    if (part == settled_.end()) {
        part = settled_.emplace(settled_.end());
        part->reply = reply;
        part->stat = std::move(stat);
        part->decision.rule = rule;
    }
    part->recipients.push_back(recipient);
}

// A rule has let them wait for its hours, and these have not come.
void Transaction::settle_delayed() {
    const auto now = base::Wall::now();
    const auto find = [&](std::size_t recipient) {
        return recipient < mail_.keys.size()
                   ? shard_.shared().delays.find(mail_.keys[recipient], mail_.runtime->generation, now)
                   : std::nullopt;
    };
    // Of a mail that cannot be recognised nobody gets a copy while another waits (see Disposal::begin()).
    if (!mail_.identified && !mail_.upstream.lmtp &&
        !std::all_of(waiting_.begin(), waiting_.end(), [&](std::size_t recipient) { return find(recipient); }))
        return;
    std::erase_if(waiting_, [&](std::size_t recipient) {
        const auto delay = find(recipient);
        if (!delay)
            return false;
        settle(
            recipient,
            make_reply(451, "4.7.1",
                       fmt::format("{} {}", mail_.id, delay->text.empty() ? kDelayed : std::string_view(delay->text))),
            delayed_until(delay->until), delay->rule);
        return true;
    });
}

// Recipients of whom the journal knows need nothing more, or have to wait; the others are left in waiting_.
void Transaction::settle_retry(const journal::Answer& answer) {
    using State = journal::Known::State;
    for (std::size_t i = 0; i < mail_.envelope.recipients.size(); ++i) {
        const auto known = i < answer.known.size() ? answer.known[i] : journal::Known{};
        if (known.state == State::kNothing) {
            waiting_.push_back(i);
            continue;
        }
        const auto whom =
            fmt::format("from=<{}>, to=<{}>{}{}", mail_.envelope.reverse_path, mail_.envelope.recipients[i].path,
                        mail_.identified ? ", inbound=" : "", mail_.identified ? mail_.facts.received.id : "");
        const auto done_as = fmt::format("{} earlier as {}", journal::to_string(known.done), known.id);
        switch (known.state) {
            case State::kDone:
                base::log::event(base::log::kRetryRecognised, "{}: {}, {}", mail_.id, done_as, whom);
                settle(i, make_reply(250, "2.0.0", fmt::format("{} accepted ({})", mail_.id, done_as)),
                       fmt::format("Sent ({})", done_as));
                continue;
            case State::kRunning:
                base::log::event(base::log::kRetryEarly, "{}: {} has not ended, {}", mail_.id, known.id, whom);
                settle(
                    i,
                    make_reply(451, "4.4.5", fmt::format("{} an earlier try has not ended, try again later", mail_.id)),
                    fmt::format("Deferred: {} has not ended", known.id));
                continue;
            case State::kPossible:
                if (known.done == journal::Kind::kIntent)
                    base::log::event(base::log::kPossibleDuplicate, "{}: sent earlier as {} with unknown end, {}",
                                     mail_.id, known.id, whom);
                else
                    base::log::event(base::log::kSameMail, "{}: {}, {}", mail_.id, done_as, whom);
                [[fallthrough]];
            case State::kNothing:
                waiting_.push_back(i);
                continue;
        }
    }
}

// It would cost another worker, and the next one.
void Transaction::set_aside(unsigned crashes) {
    base::log::event(base::log::kSetAside, "{}: from=<{}>: {} workers lost", mail_.id, mail_.envelope.reverse_path,
                     crashes);
    keep_explanation(shard_.shared(), mail_, waiting_, fmt::format("{} scanner workers were lost by it", crashes));
    dispose({{{policy::Action::kQuarantine, "scanner crash", "worker crash_limit"}, waiting_}});
}

void Transaction::scan() {
    stage_ = Stage::kScanning;
    if (!mail_.runtime->rules.need_a_look())
        return scanned({});
    SANDWICH_FAILPOINT("before-scan");
    shard_.shared().scanners.submit(
        shard_.loop(), mail_.runtime->settings, mail_.id, mail_.message,
        [&shard = shard_, session = mail_.session, serial = mail_.serial](policy::ScanReport report) {
            if (auto* transaction = shard.transaction(session, serial))
                transaction->scanned(std::move(report));
        });
    SANDWICH_FAILPOINT("scan-submitted");
}

void Transaction::scanned(policy::ScanReport report) {
    if (stage_ != Stage::kScanning)
        return;
    SANDWICH_FAILPOINT("scanned");
    if (report.worker_lost)
        shard_.shared().journal.crashed(mail_.id, mail_.journal_key);
    const auto* const rules = rules_for(report);
    if (rules == nullptr)
        return scan();  // with the scanners that have come meanwhile
    mail_.signatures = report.generation;
    log_failures(mail_.id, report);
    mail_.report = std::move(report);
    auto groups = policy::divide(mail_.policy_facts(), waiting_, *rules, !mail_.upstream.lmtp);
    keep_explanation(shard_.shared(), mail_, waiting_);
    dispose(std::move(groups));
}

// A reload may have come between MAIL and the scan: what was looked for are then the expressions of the new rules, and
// by those the mail is judged. Null: after two reloads neither fits, and there are scanners of the newest.
const policy::Rules* Transaction::rules_for(policy::ScanReport& report) {
    if (policy::fits(report, mail_.runtime->rules))
        return &mail_.runtime->rules;
    const auto current = shard_.shared().runtime.load();
    if (policy::fits(report, current->rules)) {
        mail_.runtime = current;
        return &mail_.runtime->rules;
    }
    constexpr unsigned kScans = 3;
    if (++scans_ < kScans)
        return nullptr;
    report.results.push_back({std::string(policy::kExpressionsScanner),
                              policy::Outcome::kCannotTell,
                              policy::Cause::kUnavailable,
                              {},
                              "the scanners look for other expressions than the rules ask for"});
    report.contents = {};  // what was gathered for other rules says nothing to these
    return &mail_.runtime->rules;
}

void Transaction::dispose(std::vector<policy::Group> groups) {
    owner_.before_acting();
    if (!held_.empty())
        groups = {policy::held(groups, held_)};
    groups_ = groups;
    stage_ = Stage::kDisposing;
    Disposal::Owner& owner = *this;
    disposal_ = std::make_unique<Disposal>(shard_, mail_, *legs_, owner);
    const bool some_have_it =
        std::any_of(settled_.begin(), settled_.end(), [](const Part& part) { return part.reply.positive(); });
    disposal_->begin(std::move(groups), some_have_it);
}

void Transaction::on_leg_broken(std::size_t leg, const Reply& reply) {
    // While the text comes in or nothing has been asked of us, there is nobody to answer yet. A scan need not be
    // awaited.
    if (stage_ == Stage::kScanning && held_.empty() && legs_->recipients(leg) > 0)
        refuse(reply, "Deferred: delivery server broke off");
}

void Transaction::on_leg_delivered(std::size_t /*leg*/, Delivery::Outcome outcome) {
    if (disposal_)
        disposal_->on_delivered(std::move(outcome));
}

void Transaction::on_disposed() {
    for (const auto& part : disposal_->parts())
        send_notices(shard_, mail_, part);
    auto parts = settled_;
    parts.insert(parts.end(), disposal_->parts().begin(), disposal_->parts().end());
    finish(parts);
}

bool Transaction::abandon() {
    if (disposal_ && !disposal_->cancel())
        return false;
    if (stage_ != Stage::kEnvelope && stage_ != Stage::kOver)
        base::log::event(base::log::kSessionError, "{}: from=<{}>: the upstream went away before the end", mail_.id,
                         mail_.envelope.reverse_path);
    stage_ = Stage::kOver;
    legs_->cancel();
    return true;
}

void Transaction::refuse(const Reply& reply, std::string_view stat) {
    Part all;
    for (std::size_t i = 0; i < mail_.envelope.recipients.size(); ++i)
        all.recipients.push_back(i);
    all.reply = reply;
    all.stat = stat;
    all.decision.verdict = "none";
    finish({all});
}

void Transaction::refuse_beyond(Limit limit, std::string_view text, std::string_view stat) {
    shard_.shared().limits.reached(limit, mail_.upstream.address.address);
    refuse(make_reply(552, "5.3.4", text), fmt::format("Service unavailable: {}", stat));
}

void Transaction::finish(const std::vector<Part>& parts) {
    if (stage_ == Stage::kOver)
        return;
    const bool to_each = mail_.upstream.lmtp && stage_ != Stage::kEnvelope;
    stage_ = Stage::kOver;
    legs_->cancel();
    count(shard_.shared().counters, parts);
    auto lines = log_lines(mail_, parts, size_, base::Monotonic::now() - begun_);
    for (const auto& line : lines)
        base::log::write(base::log::Level::kInfo, line);
    if (settled_.empty() || !waiting_.empty())
        keep_end(shard_.shared(), mail_, std::move(lines));
    SANDWICH_FAILPOINT("before-reply");
    if (to_each)
        owner_.conclude(replies_to_each(mail_.envelope.recipients.size(), parts));
    else
        owner_.conclude({single_reply(mail_.id, parts)});
}

}  // namespace session
