#include "session/delivery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"

namespace session {

using smtp::ClientProtocol;
using smtp::Reply;

namespace {

constexpr std::size_t kTextAtOnce = 512 * 1024;                 // octets
constexpr std::size_t kMostRuns = net::Stream::kMostParts - 2;  // one more, and the end of data

Reply try_later() {
    return smtp::make_reply(451, "4.4.1", "the delivery server is not available, try again later");
}

Reply no_server() {
    return smtp::make_reply(451, "4.4.3", "the delivery server's address cannot be found, try again later");
}

bool speaks_of_us(const Reply& reply) {
    return reply.code == 421 || reply.code == 500 || reply.code == 502 || reply.code == 503 || reply.intermediate();
}

std::string quote(const Reply& reply) {
    return fmt::format("{} {}", reply.code, fmt::join(reply.lines, " / "));
}

}  // namespace

Delivery::Delivery(DownstreamPool& pool, RuntimePtr runtime, ServersPtr servers, std::string id,
                   std::string reverse_path, std::vector<smtp::Parameter> mail_parameters, Handler& handler)
    : pool_(pool),
      runtime_(std::move(runtime)),
      servers_(std::move(servers)),
      id_(std::move(id)),
      reverse_path_(std::move(reverse_path)),
      mail_parameters_(std::move(mail_parameters)),
      handler_(handler) {}

Delivery::~Delivery() {
    cancel();
}

const net::Endpoint& Delivery::server() const {
    static const net::Endpoint kNone;
    return servers_->empty() ? kNone : (*servers_)[server_index_].endpoint;
}

// Chooses a server and opens a connection to it, or gives up at once.
void Delivery::begin() {
    if (servers_->empty())
        return break_off(no_server());
    const auto server = pool_.choose(runtime_, *servers_, tried_);
    if (!server)
        return break_off(try_later());
    server_index_ = *server;
    open(false);
}

// Goes on with another server, if there is one and nothing was promised that it would have to keep.
bool Delivery::fail_over() {
    if (promised_ || unanswered_.empty() || stage_ != Stage::kEnvelope)
        return false;
    tried_ |= DownstreamHealth::Mask{1} << server_index_;
    const auto server = pool_.choose(runtime_, *servers_, tried_);
    if (!server)
        return false;
    pool_.discard(std::move(connection_));
    server_index_ = *server;
    mail_refused_.reset();
    out_of_step_ = false;
    open(false);
    return true;
}

void Delivery::open(bool fresh) {
    auto lease = pool_.acquire(runtime_, (*servers_)[server_index_], *this, fresh);
    connection_ = std::move(lease.connection);
    reused_ = lease.reused;
    answered_ = false;
    envelope_sent_ = false;
    greeted_ = connection_->ready();
    if (greeted_)
        send_envelope();
}

void Delivery::on_ready() {
    greeted_ = true;
    pool_.health().reached(connection_->server(), connection_->extensions());
    send_envelope();
}

void Delivery::send_envelope() {
    // RFC 6531 section 3.4: such a mail cannot be downgraded by us.
    const bool needs_utf8 = std::any_of(mail_parameters_.begin(), mail_parameters_.end(),
                                        [](const auto& p) { return smtp::keyword_is(p, "SMTPUTF8"); });
    if (needs_utf8 && !connection_->extensions().smtputf8) {
        mail_refused_ = smtp::make_reply(550, "5.6.7", "the delivery server does not take internationalized addresses");
        return answer_all(*mail_refused_);
    }
    if (client_)
        for (const auto& attributes : smtp::xforward_commands(*client_, connection_->extensions().xforward))
            connection_->protocol().xforward(attributes);
    connection_->protocol().mail(reverse_path_, wire_parameters(mail_parameters_, true));
    envelope_sent_ = true;
    for (const auto& recipient : unanswered_)
        send_recipient(recipient);
    connection_->send();
}

void Delivery::send_recipient(const Recipient& recipient) {
    connection_->protocol().rcpt(recipient.path, wire_parameters(recipient.parameters, false));
}

// The parameters as they came, without those that this server does not understand: they were promised on the strength
// of what the default server offered earlier.
std::string Delivery::wire_parameters(const std::vector<smtp::Parameter>& parameters, bool of_mail) {
    const auto& server_offers = connection_->extensions();
    std::vector<smtp::Parameter> passed;
    for (const auto& parameter : parameters) {
        const bool is_dsn = smtp::keyword_is(parameter, "RET") || smtp::keyword_is(parameter, "ENVID") ||
                            smtp::keyword_is(parameter, "NOTIFY") || smtp::keyword_is(parameter, "ORCPT");
        const bool lost = (is_dsn && !server_offers.dsn) ||
                          (of_mail && smtp::keyword_is(parameter, "BODY") && !server_offers.eight_bit_mime) ||
                          (of_mail && smtp::keyword_is(parameter, "SIZE") && !server_offers.size);
        if (!lost)
            passed.push_back(parameter);
        else if (!smtp::keyword_is(parameter, "SIZE"))
            base::log::event(base::log::kExtensionLost, "{}: {} does not take {}", id_, server().to_string(),
                             parameter.text);
    }
    return smtp::parameters_to_wire(passed);
}

void Delivery::add_recipient(std::string path, std::vector<smtp::Parameter> parameters) {
    if (mail_refused_ || stage_ == Stage::kBroken || stage_ == Stage::kDone) {
        handler_.on_recipient(mail_refused_ ? *mail_refused_ : try_later());
        return;
    }
    unanswered_.push_back({std::move(path), std::move(parameters)});
    if (!connection_)
        return begin();
    if (envelope_sent_) {
        send_recipient(unanswered_.back());
        connection_->send();
    } else if (connection_->ready()) {
        send_envelope();
    }
}

void Delivery::restart(const std::vector<mail::Recipient>& recipients) {
    ++round_;
    forget();
    for (const auto& recipient : recipients)
        unanswered_.push_back({recipient.path, smtp::parameters_from_wire(recipient.parameters)});
    const bool usable = stage_ == Stage::kEnvelope && connection_ && connection_->ready() &&
                        connection_->protocol().outstanding() == 0 && !out_of_step_;
    stage_ = Stage::kEnvelope;
    out_of_step_ = false;
    if (!usable) {
        pool_.discard(std::move(connection_));
        if (!unanswered_.empty())
            begin();
        return;
    }
    if (envelope_sent_)
        connection_->protocol().rset();
    envelope_sent_ = false;
    answered_ = false;
    reused_ = true;  // it has waited for a scan: the server may have given it up
    if (!unanswered_.empty())
        send_envelope();
    connection_->send();
}

// What this mail has got so far; the connection stays.
void Delivery::forget() {
    mail_refused_.reset();
    tried_ = 0;
    promised_ = false;
    unanswered_.clear();
    message_.reset();
    stored_ = {};
    next_piece_ = 0;
    piece_offset_ = 0;
    runs_.clear();
    gathered_ = false;
}

void Delivery::answer_recipient(const Reply& reply) {
    unanswered_.erase(unanswered_.begin());
    promised_ = true;
    handler_.on_recipient(reply);
}

void Delivery::answer_all(const Reply& reply) {
    const auto round = round_;
    while (round_ == round && !unanswered_.empty())
        answer_recipient(reply);
}

// What the upstream may see of a delivery server's refusal: 4xx and 5xx speak of the mail and are relayed; 421, 500,
// 502 and 503 speak of the conversation between the two of us, and a mail must not bounce for that.
Reply Delivery::relayed(const Reply& reply) {
    if (speaks_of_us(reply)) {
        base::log::event(base::log::kDownstreamFault, "{}: {} said {}", id_, server().to_string(), quote(reply));
        out_of_step_ = true;
        return smtp::make_reply(451, "4.3.0", "the delivery server could not go on, try again later");
    }
    return reply;
}

void Delivery::on_answer(ClientProtocol::Expect to, const Reply& reply) {
    if (to == ClientProtocol::Expect::kMail && reply.code == 421 && reused_ && !answered_) {
        // The server ends a connection that stood idle, not this mail: on a fresh one it may be welcome.
        pool_.discard(std::move(connection_));
        return open(true);
    }
    // RSET belongs to the transaction before; XFORWARD is a courtesy, and whether it was taken is no matter to the
    // mail.
    if (to != ClientProtocol::Expect::kRset && to != ClientProtocol::Expect::kXforward)
        answered_ = true;
    switch (to) {
        case ClientProtocol::Expect::kMail:
            if (!reply.positive())
                refuse_mail(reply);
            return;
        case ClientProtocol::Expect::kRcpt:
            if (!mail_refused_ && speaks_of_us(reply) && fail_over_after(reply))
                return;
            // After a refused MAIL every RCPT gets 503; the upstream is told the reason instead.
            answer_recipient(mail_refused_ ? *mail_refused_ : reply.positive() ? reply : relayed(reply));
            return;
        case ClientProtocol::Expect::kData:
            if (!reply.intermediate())
                return finish({reply.positive() ? try_later() : relayed(reply), quote(reply), false});
            stage_ = Stage::kText;
            pump();
            return;
        case ClientProtocol::Expect::kEndOfData:
            // Who takes a mail has read it; who refuses it may have done so before.
            if (reply.positive() && stored_.file >= 0)
                message_->original()->give_back();
            stored_ = {};
            return finish({reply.positive() ? reply : relayed(reply), quote(reply), false});
        default:
            return;
    }
}

void Delivery::refuse_mail(const Reply& reply) {
    if (!speaks_of_us(reply) || !fail_over_after(reply))
        mail_refused_ = relayed(reply);
}

bool Delivery::fail_over_after(const Reply& reply) {
    const auto failed = server().to_string();
    if (!fail_over())
        return false;
    base::log::event(base::log::kDownstreamFault, "{}: {} said {}; trying {}", id_, failed, quote(reply),
                     server().to_string());
    return true;
}

void Delivery::commit(mail::Rope message) {
    message_ = std::move(message);
    if (const auto& original = message_->original())
        stored_ = {original->lend(), original->bytes()};
    if (stage_ == Stage::kBroken || !connection_)
        return finish({try_later(), "no connection", false});
    stage_ = Stage::kData;
    connection_->protocol().data();
    connection_->send();
}

// Small mails leave in one segment, large ones a good piece at a time, so that other sessions have their turn.
void Delivery::pump() {
    if (runs_.empty())
        gather();
    connection_->send_text(runs_, stored_);
    if (!runs_.empty() || !gathered_)
        return;
    connection_->protocol().data_sent();
    connection_->expect_final_reply();
    stage_ = Stage::kFinal;
    SANDWICH_FAILPOINT("dot-sent");
}

void Delivery::gather() {
    auto& protocol = connection_->protocol();
    std::size_t octets = 0;
    while (next_piece_ < message_->pieces() && octets < kTextAtOnce && runs_.size() < kMostRuns) {
        const auto rest = message_->piece(next_piece_).substr(piece_offset_);
        const bool undotted = message_->is_original(next_piece_) && message_->original()->undotted();
        const auto taken = protocol.body(rest.substr(0, kTextAtOnce - octets), runs_, kMostRuns, undotted);
        octets += taken;
        piece_offset_ += taken;
        if (taken < rest.size())
            continue;
        ++next_piece_;
        piece_offset_ = 0;
    }
    SANDWICH_FAILPOINT("text");
    gathered_ = next_piece_ == message_->pieces();
    if (gathered_)
        protocol.end_of_data(runs_);
}

void Delivery::on_output_sent() {
    if (stage_ == Stage::kText)
        pump();
}

void Delivery::on_lost(const std::string& why, const Reply* last_words) {
    const bool dot_left = stage_ == Stage::kFinal && connection_->output_size() == 0;
    const bool was_ready = greeted_;
    const bool silent = connection_->silent();
    const bool idle = was_ready && !envelope_sent_ && unanswered_.empty();
    const bool stale = reused_ && !answered_ && stage_ == Stage::kEnvelope;
    if (!was_ready && !connection_->crowded_out())
        pool_.health().failed((*servers_)[server_index_], why);
    else if (!stale)
        base::log::event(base::log::kDownstreamFault, "{}: {}: {}", id_, server().to_string(), why);
    pool_.discard(std::move(connection_));

    if (idle)
        return;  // nothing of this mail is on it: the next recipient opens another
    if (stale)
        return open(true);
    const auto failed = servers_->empty() ? Server{} : (*servers_)[server_index_];
    if (fail_over()) {
        // It would keep every mail waiting. One that breaks off may mean only this mail.
        if (was_ready && silent)
            pool_.health().failed(failed, why);
        return;
    }
    // A refusal in the middle of the text (a full disk, say) is an answer to this mail, if it is one.
    const bool refusal =
        last_words != nullptr && stage_ == Stage::kText && (last_words->transient() || last_words->permanent());
    const Reply reply = refusal ? relayed(*last_words) : try_later();
    if (stage_ == Stage::kEnvelope)
        break_off(reply);
    else
        finish({reply, refusal ? quote(*last_words) : why, dot_left});
}

void Delivery::break_off(const Reply& reply) {
    stage_ = Stage::kBroken;
    const auto round = round_;
    answer_all(reply);
    if (round_ == round && stage_ == Stage::kBroken)  // an answer may have made the owner cancel, restart or commit
        handler_.on_delivery_broken(reply);
}

void Delivery::finish(Outcome outcome) {
    const bool clean_end = stage_ == Stage::kFinal || stage_ == Stage::kData;
    stage_ = Stage::kDone;
    if (connection_) {
        // After a refused DATA the transaction is still open there.
        const bool at_rest = clean_end && connection_->ready() && connection_->output_size() == 0 && !out_of_step_;
        if (at_rest && !outcome.reply.positive()) {
            connection_->protocol().rset();
            connection_->send();
        }
        if (at_rest)
            pool_.release(std::move(connection_));
        else
            pool_.discard(std::move(connection_));
    }
    if (outcome.possible_duplicate)
        base::log::event(base::log::kPossibleDuplicate, "{}: {}: {}", id_, server().to_string(), outcome.server_text);
    handler_.on_delivered(std::move(outcome));
}

void Delivery::cancel() {
    // With an answer outstanding, the connection's next user would take it for its own.
    const bool at_rest = stage_ == Stage::kEnvelope && connection_ && connection_->ready() &&
                         connection_->protocol().outstanding() == 0 && !out_of_step_;
    ++round_;
    forget();
    stage_ = Stage::kDone;
    if (!at_rest) {
        pool_.discard(std::move(connection_));
        return;
    }
    connection_->protocol().rset();
    connection_->send();
    pool_.release(std::move(connection_));
}

}  // namespace session
