#include "session/transaction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/ids.hpp"
#include "base/log.hpp"
#include "session/message_log.hpp"
#include "session/shard.hpp"
#include "session/spool_storage.hpp"

namespace session {

using smtp::make_reply;
using smtp::Reply;

namespace {

// A header section beyond this is no mail but an attack on whoever walks its fields (invariant 12).
constexpr std::size_t kMaxHeaderSection = 1 << 20;  // octets

bool header_too_long(std::string_view mail) {
    return mail.size() > kMaxHeaderSection && !mail.starts_with("\r\n") &&
           mail.substr(0, kMaxHeaderSection).find("\r\n\r\n") == std::string_view::npos;
}

// What the client calls itself goes into a header field: only what a host name or an address literal may hold.
std::string safe_name(const std::string& name) {
    constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
    if (name.empty() || name.size() > 255 || name.find_first_not_of(kAllowed) != std::string::npos)
        return "unknown";
    return name;
}

std::string_view mailer_name(policy::Action action) {
    switch (action) {
        case policy::Action::kDeliver:
        case policy::Action::kTagAndDeliver:
        case policy::Action::kDeliverWithMark:
            return "smtp";
        default:
            return policy::to_string(action);
    }
}

}  // namespace

Transaction::Transaction(Shard& shard, Owner& owner, RuntimePtr runtime, Upstream upstream, std::uint64_t session,
                         std::uint64_t serial, smtp::PathArgument mail)
    : shard_(shard),
      owner_(owner),
      runtime_(std::move(runtime)),
      upstream_(std::move(upstream)),
      session_(session),
      serial_(serial),
      id_(base::new_message_id()),
      mail_parameters_(std::move(mail.parameters)) {
    envelope_.reverse_path = std::move(mail.path);
    envelope_.parameters = smtp::parameters_to_wire(mail_parameters_);
}

Transaction::~Transaction() = default;

void Transaction::rcpt(smtp::PathArgument argument) {
    const bool surplus = envelope_.recipients.size() + outstanding_.size() >= runtime_->settings.max_recipients;
    outstanding_.push_back({{argument.path, smtp::parameters_to_wire(argument.parameters)}, surplus});
    if (surplus) {
        refuse_surplus();
        return;
    }
    if (!delivery_) {
        Delivery::Handler& handler = *this;
        delivery_ =
            std::make_unique<Delivery>(shard_.pool(), runtime_, id_, envelope_.reverse_path, mail_parameters_, handler);
    }
    delivery_->add_recipient(std::move(argument.path), std::move(argument.parameters));
}

// RFC 5321 section 4.5.3.1.10: the upstream sends the rest in a transaction of their own. An answer goes to the oldest
// RCPT without one, so this one waits until those before it have theirs: a 452 that reached another recipient would
// leave this one accepted and never delivered.
void Transaction::refuse_surplus() {
    while (stage_ == Stage::kEnvelope && !outstanding_.empty() && outstanding_.front().surplus) {
        outstanding_.erase(outstanding_.begin());
        owner_.answer(make_reply(452, "4.5.3", "too many recipients"));
    }
}

void Transaction::on_recipient(const Reply& reply) {
    auto recipient = std::move(outstanding_.front().recipient);
    outstanding_.erase(outstanding_.begin());
    if (reply.positive()) {
        envelope_.recipients.push_back(std::move(recipient));
    } else {
        base::log::write(
            base::log::Level::kInfo,
            fmt::format("{}: from=<{}>, to=<{}>, relay={}, reply={} {}", id_, envelope_.reverse_path, recipient.path,
                        upstream_.address.address.to_string(), reply.code, fmt::join(reply.lines, " / ")));
    }
    owner_.answer(reply);
    refuse_surplus();
}

void Transaction::data() {
    if (broken_ || delivery_->broken()) {
        conclude(broken_ ? *broken_ : make_reply(451, "4.4.1", "the delivery server broke off, try again later"),
                 "Deferred: delivery server broke off before DATA");
        return;
    }
    spool_ = make_spool(runtime_->settings.spool_directory);
    stage_ = Stage::kData;
    owner_.answer(make_reply(354, "", "end data with <CRLF>.<CRLF>"));
}

void Transaction::body(std::string_view text) {
    size_ += text.size();
    const auto limit = runtime_->settings.message_size_limit;
    if (!too_big_ && limit > 0 && size_ > limit) {
        too_big_ = true;
        spool_.reset();  // the rest is swallowed: only after the dot may we answer
    }
    if (too_big_ || !storage_failure_.empty() || broken_)
        return;
    if (auto kept = spool_->append(text); !kept) {
        storage_failure_ = kept.error().message;
        spool_.reset();
        base::log::event(base::log::kStorageFailed, "{}: {}", id_, storage_failure_);
    }
}

void Transaction::end_of_data() {
    if (too_big_)
        return conclude(make_reply(552, "5.3.4", "message exceeds the size limit"), "Service unavailable: too big");
    if (broken_)
        return conclude(*broken_, "Deferred: delivery server broke off");
    if (storage_failure_.empty()) {
        auto sealed = spool_->seal();
        if (sealed)
            message_ = std::move(*sealed);
        else
            storage_failure_ = sealed.error().message;
    }
    spool_.reset();
    if (!message_) {
        base::log::event(base::log::kStorageFailed, "{}: {}", id_, storage_failure_);
        return conclude(make_reply(452, "4.3.1", "insufficient storage, try again later"), "Deferred: no storage");
    }
    if (header_too_long(message_->bytes()))
        return conclude(make_reply(552, "5.3.4", "header section exceeds the size limit"),
                        "Service unavailable: header section too long");
    facts_ = mail::read_header_facts(message_->bytes());
    scan();
}

void Transaction::scan() {
    stage_ = Stage::kScanning;
    if (!runtime_->rules.scanning) {
        decision_ = policy::decide({}, envelope_, runtime_->rules);
        return act();
    }
    shard_.shared().scanners.submit(shard_.loop(), id_, message_,
                                    [&shard = shard_, session = session_, serial = serial_](policy::ScanReport report) {
                                        if (auto* transaction = shard.transaction(session, serial))
                                            transaction->scanned(std::move(report));
                                    });
}

void Transaction::scanned(policy::ScanReport report) {
    if (stage_ != Stage::kScanning)
        return;
    decision_ = policy::decide(report, envelope_, runtime_->rules);
    signatures_ = report.signatures;
    for (const auto& result : report.results) {
        if (result.outcome == policy::Outcome::kCannotTell || result.outcome == policy::Outcome::kEncrypted)
            base::log::event(base::log::kScanFailed, "{}: {}: {} {} {}: {}", id_, result.scanner,
                             policy::to_string(result.outcome), policy::to_string(result.cause), result.name,
                             result.detail);
    }
    act();
}

void Transaction::act() {
    switch (decision_.action) {
        case policy::Action::kDeliver:
        case policy::Action::kTagAndDeliver:
        case policy::Action::kDeliverWithMark:
            return deliver();
        case policy::Action::kQuarantine:
            return quarantine();
        case policy::Action::kReject:
            return conclude(make_reply(554, "5.7.1", fmt::format("{} message refused by content policy", id_)),
                            "Service unavailable: rejected");
        case policy::Action::kDiscard:
            return conclude(make_reply(250, "2.0.0", fmt::format("{} accepted", id_)), "Sent (discarded)");
        case policy::Action::kDefer:
            return conclude(
                make_reply(451, "4.7.1", fmt::format("{} message could not be checked, try again later", id_)),
                "Deferred: not checked");
    }
}

std::string Transaction::trace_fields() const {
    std::string verdict = decision_.verdict;
    if (decision_.action == policy::Action::kTagAndDeliver)
        verdict = "INFECTED: " + verdict;
    else if (decision_.action == policy::Action::kDeliverWithMark)
        verdict = "NOT CHECKED: " + verdict;
    // RFC 5321 section 4.4. No "for": with several recipients it would tell one of the other.
    std::string fields = fmt::format("Received: from {} ([{}{}])\r\n\tby {} (Sandwich) with {} id {};\r\n\t{}\r\n",
                                     safe_name(upstream_.name), upstream_.address.address.v6() ? "IPv6:" : "",
                                     upstream_.address.address.to_string(), runtime_->settings.proxy_hostname,
                                     upstream_.esmtp ? "ESMTP" : "SMTP", id_, base::rfc5322_date(wall_begun_));
    if (runtime_->rules.scanning)
        fields += fmt::format("X-Sandwich-Verdict: {}\r\n", base::log::escape(verdict));
    return fields;
}

void Transaction::deliver() {
    stage_ = Stage::kDelivering;
    delivery_begun_ = base::Monotonic::now();
    delivery_->commit(mail::with_trace(message_, trace_fields()));
}

void Transaction::on_delivery_broken(const Reply& reply) {
    broken_ = reply;
    // While the text comes in or nothing has been asked of us, there is nobody to answer yet. A scan need not be
    // awaited.
    if (stage_ == Stage::kScanning)
        conclude(reply, "Deferred: delivery server broke off");
}

void Transaction::on_delivered(Delivery::Outcome outcome) {
    const auto text = smtp::text_of(outcome.reply);
    server_text_ = text;
    if (!outcome.reply.positive()) {
        conclude(outcome.reply, fmt::format("{}: {}", outcome.reply.permanent() ? "Service unavailable" : "Deferred",
                                            outcome.server_text));
        return;
    }
    conclude(make_reply(250, "2.0.0", fmt::format("{} accepted for delivery ({})", id_, text)),
             fmt::format("Sent ({})", text));
}

void Transaction::quarantine() {
    stage_ = Stage::kQuarantining;
    delivery_->cancel();
    quarantine::Entry entry;
    entry.id = id_;
    entry.inbound_id = facts_.received.id;
    entry.message_id = facts_.message_id;
    entry.client = upstream_.address.address.to_string();
    entry.verdict = decision_.verdict;
    entry.rule = decision_.rule;
    entry.time = wall_begun_;
    entry.envelope = envelope_;
    shard_.shared().quarantine.put(shard_.loop(), std::move(entry), message_,
                                   [&shard = shard_, session = session_, serial = serial_](base::Status status) {
                                       if (auto* transaction = shard.transaction(session, serial))
                                           transaction->quarantined(std::move(status));
                                   });
}

void Transaction::quarantined(base::Status status) {
    if (status)
        conclude(make_reply(250, "2.0.0", fmt::format("{} accepted (held in quarantine)", id_)), "Sent (quarantined)");
    else
        conclude(make_reply(451, "4.3.1", fmt::format("{} message cannot be stored now, try again later", id_)),
                 fmt::format("Deferred: quarantine: {}", status.error().message));
}

bool Transaction::abandon() {
    const bool committed =
        stage_ == Stage::kQuarantining || (stage_ == Stage::kDelivering && delivery_->past_point_of_no_return());
    if (committed)
        return false;
    if (stage_ != Stage::kEnvelope && stage_ != Stage::kOver)
        base::log::event(base::log::kSessionError, "{}: from=<{}>: the upstream went away before the end", id_,
                         envelope_.reverse_path);
    stage_ = Stage::kOver;
    if (delivery_)
        delivery_->cancel();
    return true;
}

void Transaction::conclude(const Reply& reply, std::string_view stat) {
    if (stage_ == Stage::kOver)
        return;
    stage_ = Stage::kOver;
    if (delivery_)
        delivery_->cancel();

    auto& counters = shard_.shared().counters;
    if (reply.transient())
        ++counters.deferred;
    else if (reply.permanent())
        ++counters.rejected;
    else if (decision_.action == policy::Action::kQuarantine)
        ++counters.quarantined;
    else if (decision_.action == policy::Action::kDiscard)
        ++counters.discarded;
    else
        ++counters.delivered;

    const auto now = base::Monotonic::now();
    MessageRecord record;
    record.id = id_;
    record.inbound_id = facts_.received.id;
    record.message_id = facts_.message_id;
    record.relay = fmt::format("{} [{}]", safe_name(upstream_.name), upstream_.address.address.to_string());
    record.protocol = upstream_.esmtp ? "ESMTP" : "SMTP";
    record.size = size_;
    record.envelope = &envelope_;
    record.delay = now - begun_;
    const bool asked_downstream = mailer_name(decision_.action) == "smtp" && message_;
    record.xdelay = asked_downstream ? now - delivery_begun_ : std::chrono::nanoseconds(0);
    record.mailer = message_ ? std::string(mailer_name(decision_.action)) : "none";
    if (asked_downstream && delivery_) {
        record.downstream = delivery_->server().to_string();
        record.outbound_id = reply.positive() ? outbound_id(server_text_) : "";
    }
    record.dsn = smtp::enhanced_code(reply);
    record.verdict = decision_.verdict.empty() ? "none" : decision_.verdict;
    record.stat = stat;
    for (const auto& line : message_log_lines(record))
        base::log::write(base::log::Level::kInfo, line);

    owner_.conclude(reply);
}

}  // namespace session
