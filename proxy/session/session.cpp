#include "session/session.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "session/shard.hpp"

namespace session {

using smtp::make_reply;
using smtp::ServerProtocol;

namespace {

// Output that the peer has not read: above, nothing more of it is taken, so that who sends commands and reads no
// replies fills its own buffers, not our memory.
constexpr std::size_t kOutputLimit = 65536;
// Input for the protocol in one go: the replies to so much come on top of kOutputLimit.
constexpr std::size_t kSlice = smtp::kMaxBodyPiece / 2;
constexpr std::size_t kShownStray = 80;  // octets in the log

// After our last word the peer gets this long to read it: closing at once over unread input would reset the connection
// and could destroy the reply on its way.
constexpr auto kLinger = std::chrono::seconds(2);

smtp::ServerLimits protocol_limits(const config::Settings& settings, const net::Address& client) {
    smtp::ServerLimits limits;
    limits.errors = settings.max_errors;
    limits.commands = settings.max_commands;
    if (settings.smtp_pipelining_client_ip.contains(client))
        limits.after_data = smtp::AfterData::kPipelines;
    limits.client_attributes = settings.smtp_xclient_client_ip.contains(client);
    return limits;
}

}  // namespace

smtp::Reply refusal(const std::string& hostname, std::string_view text) {
    return make_reply(421, "4.3.2", fmt::format("{} {}", hostname, text));
}

Session::Session(Shard& shard, std::uint64_t number, base::UniqueFd socket, const net::Endpoint& client,
                 Admission::Seat seat)
    : shard_(shard),
      number_(number),
      runtime_(shard.shared().runtime.load()),
      client_(client),
      stream_(shard.loop(), std::move(socket), *this),
      protocol_(runtime_->settings.proxy_hostname, protocol_limits(runtime_->settings, client.address)),
      clock_(shard.loop(), [this] { on_silence(); }),
      text_clock_(shard.loop(), [this] { out_of_time(Limit::kDataTotalTimeout); }),
      reading_clock_(shard.loop(),
                     [this] {
                         limit_reached(Limit::kCommandTimeout);
                         end();  // whatever we said, the peer would not read it
                     }),
      lifetime_(shard.loop(),
                [this] {
                    expired_ = true;
                    end_if_expired();
                }),
      seat_(std::move(seat)),
      admitted_(static_cast<bool>(seat_)) {
    if (runtime_->tls.upstream)
        protocol_.offer_starttls(runtime_->settings.tls.upstream == config::UpstreamTls::kRequired);
}

Session::~Session() = default;

void Session::start() {
    SANDWICH_FAILPOINT("accepted");
    protocol_.greet(runtime_->settings.smtp_greeting_msg);
    flush();
    restart_clock();
    lifetime_.start(runtime_->settings.session_timeout);
}

void Session::refuse(const std::string& text) {
    protocol_.close(refusal(runtime_->settings.proxy_hostname, text));
    close_politely();
}

void Session::drain() {
    if (closing_ || transaction_)
        return;
    protocol_.close(make_reply(421, "4.3.2", "shutting down, try again later"));
    close_politely();
}

Transaction* Session::transaction(std::uint64_t serial) {
    return transaction_ && transaction_->serial() == serial ? transaction_.get() : nullptr;
}

base::Room Session::room() {
    return transaction_ && protocol_.in_data() && !closing_ && !strayed_ ? transaction_->room() : base::Room{};
}

void Session::on_input() {
    if (closing_ || strayed_)
        return discard_input();
    pump();
}

// Read, so that the peer comes to the end of what it says and reads our reply; but no more than a message of it.
void Session::discard_input() {
    discarded_ += stream_.input().size();
    stream_.consume(stream_.input().size());
    if (discarded_ > runtime_->settings.message_size_limit)
        end();
}

void Session::on_output_sent() {
    if (stream_.output_size() > 0)
        return;
    unread_ = false;
    reading_clock_.stop();
    if (serial_ > 0 && !transaction_)
        SANDWICH_FAILPOINT("replied");
    if (closing_ || ended_)
        return;
    restart_clock();
    pump();  // it may have stopped because of the output
}

void Session::on_end(const std::string& why) {
    upstream_gone_ = true;
    if (!closing_ && !transaction_ && (protocol_.in_transaction() || stream_.securing()))
        base::log::event(base::log::kSessionError, "{}: {}", client_.address.to_string(), why);
    end();
}

// Runs the protocol until it needs more input or an answer. Answers given from within come back here through answer().
void Session::pump() {
    if (std::exchange(pumping_, true)) {
        pump_again_ = true;
        return;
    }
    do {
        pump_again_ = false;
        while (!closing_ && !ended_ && stream_.output_size() <= kOutputLimit && step()) {
        }
    } while (pump_again_ && !closing_ && !ended_);
    watch_for_strays();
    pumping_ = false;
    if (ended_)
        return;
    flush();
    // A part of a command is no reason to wait for the rest any longer.
    if (std::exchange(progress_, false))
        restart_clock();
    end_if_expired();
}

// False: more input is needed, or an answer.
bool Session::step() {
    auto bytes = stream_.input().substr(0, kSlice);
    const auto before = bytes.size();
    auto event = protocol_.next(bytes);
    if (const auto* body = std::get_if<ServerProtocol::Body>(&event)) {
        const auto used = before - bytes.size();
        // Where the input lies in the mail's memory already, more than what was used up would go over what follows.
        if (body->text.size() > used)
            stream_.keep_input();
        transaction_->body(body->text);  // it may be a part of the input
        stream_.consume(used);
        progress_ = true;
        return true;
    }
    stream_.consume(before - bytes.size());
    if (overlong_lines_ != protocol_.overlong_lines()) {
        overlong_lines_ = protocol_.overlong_lines();
        limit_reached(Limit::kCommandLine);
    }
    if (!std::holds_alternative<ServerProtocol::Nothing>(event)) {
        progress_ = true;
        handle(event);
        return true;
    }
    flush();
    return bytes.size() < before;
}

void Session::handle(ServerProtocol::Event& event) {
    if (const auto* greeted = std::get_if<ServerProtocol::Hello>(&event)) {
        forwarded_ = {};
        hello(*greeted);
    } else if (std::holds_alternative<ServerProtocol::Starttls>(event)) {
        starttls();
    } else if (auto* mail = std::get_if<ServerProtocol::Mail>(&event)) {
        begin_transaction(mail->argument);
    } else if (auto* rcpt = std::get_if<ServerProtocol::Rcpt>(&event)) {
        transaction_->rcpt(std::move(rcpt->argument));
    } else if (std::holds_alternative<ServerProtocol::Data>(event)) {
        transaction_->data();
    } else if (std::holds_alternative<ServerProtocol::EndOfData>(event)) {
        watch_for_strays();
        // What stands behind the text goes from the mail's memory, which is cut to its size later.
        stream_.keep_input();
        transaction_->end_of_data(protocol_.mended_newlines(), protocol_.undotted());
    } else if (const auto* introduced = std::get_if<ServerProtocol::Xclient>(&event)) {
        xclient(introduced->argument);
    } else if (const auto* forwarded = std::get_if<ServerProtocol::Xforward>(&event)) {
        xforward(forwarded->argument);
    } else if (std::holds_alternative<ServerProtocol::Reset>(event)) {
        forwarded_ = {};
        if (transaction_) {
            transaction_->abandon();
            shard_.loop().retire(std::move(transaction_));
        }
    } else {
        if (const auto* broken = std::get_if<ServerProtocol::Broken>(&event))
            tell_why(*broken);
        close_politely();
    }
}

void Session::hello(const ServerProtocol::Hello& hello) {
    SANDWICH_FAILPOINT("hello");
    if (hello.verb == smtp::Verb::kHelo) {
        answer(make_reply(250, "", runtime_->settings.proxy_hostname));
        return;
    }
    shard_.pool().learn_offer([&shard = shard_, number = number_](const std::optional<smtp::Extensions>& downstream) {
        if (auto* session = shard.find(number))
            session->greet_ehlo(downstream);
    });
}

void Session::greet_ehlo(const std::optional<smtp::Extensions>& downstream) {
    if (closing_ || ended_)
        return;
    if (!downstream) {
        // What we may promise is unknown: the upstream keeps its mail and comes back.
        protocol_.close(make_reply(421, "4.3.2", "the delivery server is not available, try again later"));
        close_politely();
        return;
    }
    auto offered = smtp::offer(*downstream, runtime_->settings.message_size_limit);
    offered.starttls = protocol_.offers_starttls();
    auto reply = smtp::ehlo_reply(runtime_->settings.proxy_hostname, offered);
    if (trusted()) {
        reply.lines.emplace_back(smtp::kXclientKeyword);
        reply.lines.emplace_back(smtp::kXforwardKeyword);
    }
    answer(reply);
}

// The 220 is the last thing in the clear. The handshake is under the clock of commands: trickling does not restart it.
void Session::starttls() {
    protocol_.answer(make_reply(220, "2.0.0", "Ready to start TLS"));
    flush();
    if (const auto begun = stream_.start_tls(runtime_->tls.upstream); !begun) {
        base::log::event(base::log::kSessionError, "{}: {}", client_.address.to_string(), begun.error().message);
        return close_politely();
    }
    protocol_.secured();
    // RFC 3207 section 4.2: what was said in the clear counts no more.
    introduced_ = {};
    forwarded_ = {};
}

// RFC 5321 knows neither; the replies are Postfix's. The address must be one, for it goes into logs and rules.
void Session::xclient(const std::string& argument) {
    auto attributes = introduced_;
    if (const auto parsed = smtp::parse_xclient(argument, attributes); !parsed)
        return answer(make_reply(501, "", parsed.error().message));
    if (!attributes.addr.empty() && !net::Address::parse(attributes.addr))
        return answer(make_reply(501, "5.5.4", "Bad value of ADDR"));
    introduced_ = std::move(attributes);
    forwarded_ = {};
    answer(make_reply(220, "", runtime_->settings.proxy_hostname + " " + runtime_->settings.smtp_greeting_msg));
}

void Session::xforward(const std::string& argument) {
    auto attributes = forwarded_;
    if (const auto parsed = smtp::parse_xforward(argument, attributes); !parsed)
        return answer(make_reply(501, "", parsed.error().message));
    if (!attributes.addr.empty() && !net::Address::parse(attributes.addr))
        return answer(make_reply(501, "5.5.4", "Bad value of ADDR"));
    forwarded_ = std::move(attributes);
    answer(make_reply(250, "2.0.0", "OK"));
}

void Session::begin_transaction(const smtp::PathArgument& argument) {
    if (shard_.shared().draining) {
        protocol_.close(make_reply(421, "4.3.2", "shutting down, try again later"));
        close_politely();
        return;
    }
    auto runtime = shard_.shared().runtime.load();
    const auto limit = runtime->settings.message_size_limit;
    if (limit > 0 && smtp::declared_size(argument.parameters) > limit) {
        limit_reached(Limit::kMessageSize);
        answer(make_reply(552, "5.3.4", "message exceeds the size limit"));
        return;
    }
    auto& shared = shard_.shared();
    if (const auto reached = shared.admission.refuse_message(
            runtime->settings, smtp::declared_size(argument.parameters), shared.scanners.waiting())) {
        limit_reached(*reached);
        answer(make_reply(452, "4.3.1", "too much work at the moment, try again later"));
        return;
    }
    Upstream upstream{client_,          protocol_.client_name(),   protocol_.esmtp(),
                      protocol_.lmtp(), stream_.tls_description(), forwarded_.empty() ? introduced_ : forwarded_};
    Transaction::Owner& owner = *this;
    transaction_ = std::make_unique<Transaction>(shard_, owner, std::move(runtime), std::move(upstream), number_,
                                                 ++serial_, argument);
    SANDWICH_FAILPOINT("mail");
    answer(make_reply(250, "2.1.0", fmt::format("<{}>... Sender ok", argument.path)));
}

void Session::answer(const smtp::Reply& reply) {
    protocol_.answer(reply);
    pump();
}

// First out of the way, then the answer: the upstream's next MAIL may stand in the input already.
void Session::conclude(const std::vector<smtp::Reply>& replies) {
    shard_.loop().retire(std::move(transaction_));
    forwarded_ = {};
    if (upstream_gone_)
        return end();
    if (replies.size() > 1)
        protocol_.answer_each(replies);
    else
        protocol_.answer(replies.front());
    if (strayed_)
        return close_politely();
    pump();
    if (shard_.shared().draining)
        drain();
}

// Also for what has arrived and was not read yet: the longer we look, the less slips through behind a mail.
void Session::before_acting() {
    stream_.fetch();
    watch_for_strays();
}

// Invariant 7: what stands behind the end of data before its answer is the rest of a text that its sender took for one.
// The message is a part only, and what follows is not carried out. Too late for the quarantine, there is still that.
void Session::watch_for_strays() {
    if (strayed_ || closing_ || ended_ || !transaction_ || !protocol_.strays(stream_.input()))
        return;
    strayed_ = true;
    const bool held = transaction_->hold("data_after_dot");
    base::log::event(base::log::kDataAfterDot, "{}: {} sent on after the end of data, {}: {}", transaction_->id(),
                     client_.address.to_string(),
                     held ? "the message is held" : "too late to hold the message, the rest is dropped",
                     stream_.input().substr(0, kShownStray));
    stream_.consume(stream_.input().size());
}

void Session::flush() {
    const auto output = protocol_.take_output();
    if (!output.empty())
        progress_ = true;
    stream_.gather(output);
    if (stream_.output_size() > 0 && !closing_ && !std::exchange(unread_, true))
        reading_clock_.start(runtime_->settings.command_timeout);
}

void Session::tell_why(const ServerProtocol::Broken& broken) {
    using Why = ServerProtocol::Broken::Why;
    switch (broken.why) {
        case Why::kErrors:
            return limit_reached(Limit::kErrors);
        case Why::kCommands:
            return limit_reached(Limit::kCommands);
        case Why::kClearBehindStarttls:
            base::log::event(base::log::kSessionError, "{}: commands in the clear behind STARTTLS",
                             client_.address.to_string());
            return;
    }
}

void Session::limit_reached(Limit limit) {
    shard_.shared().limits.reached(limit, client_.address);
}

void Session::out_of_time(Limit limit) {
    limit_reached(limit);
    protocol_.close(make_reply(421, "4.4.2", "timeout, closing connection"));
    close_politely();
}

void Session::on_silence() {
    if (closing_)
        return end();
    base::log::event(base::log::kSessionError, "{}: nothing came in time", client_.address.to_string());
    out_of_time(protocol_.in_data() ? Limit::kDataTimeout : Limit::kCommandTimeout);
}

// Text that comes in and answers that we owe have time limits of their own.
void Session::end_if_expired() {
    if (expired_ && !closing_ && !ended_ && !protocol_.in_data() && protocol_.owed_answers() == 0)
        out_of_time(Limit::kSessionTimeout);
}

// While we owe an answer the upstream may wait for it as long as it likes; otherwise it has to say something.
void Session::restart_clock() {
    if (closing_ || ended_)
        return;
    const auto& settings = runtime_->settings;
    if (taking_text_ != protocol_.in_data()) {
        taking_text_ = protocol_.in_data();
        if (taking_text_)
            text_clock_.start(settings.data_total_timeout);
        else
            text_clock_.stop();
    }
    if (protocol_.in_data())
        clock_.start(settings.data_timeout);
    else if (protocol_.wants_input() && protocol_.owed_answers() == 0)
        clock_.start(settings.command_timeout);
    else
        clock_.stop();
}

void Session::stop_clocks() {
    for (auto* clock : {&clock_, &text_clock_, &reading_clock_, &lifetime_})
        clock->stop();
}

void Session::close_politely() {
    if (closing_ || ended_)
        return;
    if (transaction_ && !transaction_->abandon())
        return;  // it ends by itself, and conclude() comes back here through drain() or end()
    if (transaction_)
        shard_.loop().retire(std::move(transaction_));
    closing_ = true;
    stop_clocks();
    stream_.consume(stream_.input().size());
    flush();
    stream_.shutdown_when_sent();
    clock_.start(kLinger);
}

void Session::end() {
    if (ended_)
        return;
    if (transaction_ && !transaction_->abandon()) {
        // Past the point of no return: the mail is followed to its end, then conclude() ends us.
        upstream_gone_ = true;
        stop_clocks();
        stream_.close();
        return;
    }
    if (transaction_)
        shard_.loop().retire(std::move(transaction_));
    ended_ = true;
    stop_clocks();
    stream_.close();
    seat_ = {};
    shard_.remove(*this);
}

}  // namespace session
