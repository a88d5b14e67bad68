#include "session/downstream_connection.hpp"

#include <fmt/format.h>

#include "base/log.hpp"

namespace session {

using smtp::ClientProtocol;

DownstreamConnection::DownstreamConnection(net::Loop& loop, RuntimePtr runtime, Server server, Owner* owner)
    : loop_(loop), runtime_(std::move(runtime)), server_(std::move(server)), owner_(owner), clock_(loop, [this] {
          silent_ = start_failure_.empty();
          on_end(silent_ ? "no answer in time" : start_failure_);
      }) {
    connect();
}

void DownstreamConnection::connect() {
    silent_ = false;
    if (config::is_command(server_.endpoint))
        return start_command();
    auto socket = net::start_connect(server_.endpoint);
    if (!socket) {
        start_failure_ = socket.error().message;
        clock_.start(std::chrono::milliseconds(0));
        return;
    }
    net::Stream::Handler& handler = *this;
    stream_ = std::make_unique<net::Stream>(loop_, std::move(*socket), handler, net::Sending::Way::kOnward);
    clock_.start(runtime_->settings.downstream_connect_timeout);
}

void DownstreamConnection::start_command() {
    tls_ = Tls::kWithout;
    clock_.start(runtime_->settings.downstream_connect_timeout);
    if (runtime_->original == nullptr)
        return;
    process_ = runtime_->original->ask(loop_, [this](base::Result<base::UniqueFd> socket) {
        if (!socket)
            return lost(socket.error().message);
        net::Stream::Handler& handler = *this;
        stream_ = std::make_unique<net::Stream>(loop_, std::move(*socket), handler, net::Sending::Way::kOnward);
        clock_.start(runtime_->settings.downstream_connect_timeout);
    });
}

void DownstreamConnection::send() {
    if (state_ == State::kDead)
        return;
    stream_->gather(protocol_.take_output());
    restart_clock();
}

void DownstreamConnection::send_text(smtp::Runs& runs, const net::Stored& stored) {
    if (state_ == State::kDead || runs.empty())
        return;
    const auto first = runs.front();
    stream_->offer(runs, stored);
    const bool some = runs.empty() || runs.front().data() != first.data();
    text_waits_ = !runs.empty();
    if (some)  // text is flowing: a slow server is not a dead one
        restart_clock();
}

void DownstreamConnection::restart_clock() {
    const auto& settings = runtime_->settings;
    if (state_ == State::kDead)
        return;
    if (state_ != State::kReady)
        clock_.start(settings.downstream_connect_timeout);
    else if (final_)
        clock_.start(settings.downstream_final_timeout);
    else if (protocol_.outstanding() > 0 || stream_->output_size() > 0 || text_waits_)
        clock_.start(settings.downstream_command_timeout);
    else
        clock_.stop();
}

void DownstreamConnection::on_input() {
    bool answered = false;
    for (;;) {
        auto bytes = stream_->input();
        const auto before = bytes.size();
        const auto event = protocol_.next(bytes);
        stream_->consume(before - bytes.size());
        if (std::holds_alternative<ClientProtocol::Nothing>(event))
            break;
        if (const auto* garbage = std::get_if<ClientProtocol::Garbage>(&event))
            return lost("the delivery server talks nonsense: " + garbage->why);
        if (const auto* unexpected = std::get_if<ClientProtocol::Unexpected>(&event))
            return lost(fmt::format("the delivery server said {} {} unasked", unexpected->reply.code,
                                    smtp::text_of(unexpected->reply)),
                        &unexpected->reply);
        const auto& answer = std::get<ClientProtocol::Answer>(event);
        answered = true;
        if (answer.to == ClientProtocol::Expect::kEndOfData)
            final_ = false;
        if (state_ == State::kReady)
            owner_->on_answer(answer.to, answer.reply);
        else
            on_hello_answer(answer.to, answer.reply);
        // Dead, or connecting anew; in the middle of the handshake nothing is input.
        if (state_ == State::kDead || state_ == State::kConnecting)
            return;
    }
    // Without PIPELINING an answer releases the next command.
    if (auto more = protocol_.take_output(); !more.empty())
        stream_->gather(more);
    if (answered)  // a part of a reply is none: a server could hold a mail for ever with an octet now and then
        restart_clock();
}

void DownstreamConnection::on_hello_answer(ClientProtocol::Expect to, const smtp::Reply& reply) {
    const auto& hostname = runtime_->settings.proxy_hostname;
    switch (to) {
        case ClientProtocol::Expect::kGreeting: {
            if (!reply.positive())
                return lost(fmt::format("greeting {} {}", reply.code, smtp::text_of(reply)));
            // A server that greets with our name is ourselves, reached through some other address.
            const auto text = smtp::text_of(reply);
            if (text.substr(0, text.find(' ')) == hostname) {
                base::log::event(base::log::kDownstreamLoop, "{} greets as {}", server_.to_string(), hostname);
                return lost("it is ourselves");
            }
            state_ = State::kHello;
            protocol_.ehlo(hostname);
            return;
        }
        case ClientProtocol::Expect::kEhlo:
            // RFC 5321 section 3.2: an old server that does not know EHLO gets HELO.
            if (reply.code == 500 || reply.code == 502) {
                protocol_.helo(hostname);
                return;
            }
            [[fallthrough]];
        case ClientProtocol::Expect::kHelo:
            if (!reply.positive())
                return lost(fmt::format("EHLO {} {}", reply.code, smtp::text_of(reply)));
            return on_offer();
        case ClientProtocol::Expect::kStarttls:
            return on_starttls_answer(reply);
        default:
            return lost("an answer out of order");
    }
}

void DownstreamConnection::on_offer() {
    if (tls_ == Tls::kActive)
        base::log::event(base::log::kDownstreamTls, "{}: {}", server_.to_string(), stream_->tls_description());
    if (tls_ != Tls::kNotYet || !runtime_->tls.client(server_.tls))
        return become_ready();
    if (!protocol_.extensions().starttls)
        return without_tls("the delivery server does not offer STARTTLS");
    protocol_.starttls();
}

void DownstreamConnection::on_starttls_answer(const smtp::Reply& reply) {
    if (!reply.positive())
        return without_tls(fmt::format("STARTTLS {} {}", reply.code, smtp::text_of(reply)));
    tls_ = Tls::kBegun;
    const auto begun =
        stream_->start_tls(runtime_->tls.client(server_.tls), {server_.name, server_.endpoint.address.to_string()});
    if (!begun)
        on_end(begun.error().message);
}

void DownstreamConnection::on_secured() {
    tls_ = Tls::kActive;
    protocol_.ehlo(runtime_->settings.proxy_hostname);
    send();
}

void DownstreamConnection::without_tls(const std::string& why) {
    if (!tls_is_optional())
        return lost(why + ", but [tls] downstream demands it");
    base::log::event(base::log::kDownstreamClear, "{}: {}", server_.to_string(), why);
    const bool begun = tls_ != Tls::kNotYet;
    tls_ = Tls::kWithout;
    if (!begun)
        return become_ready();
    // A connection on which a handshake failed is in no known state.
    stream_->close();
    loop_.retire(std::move(stream_));
    protocol_ = ClientProtocol();
    state_ = State::kConnecting;
    connect();
}

void DownstreamConnection::become_ready() {
    state_ = State::kReady;
    owner_->on_ready();
}

void DownstreamConnection::on_output_sent() {
    if (state_ == State::kReady && stream_->output_size() > 0)
        restart_clock();  // text is flowing: a slow server is not a dead one
    owner_->on_output_sent();
}

void DownstreamConnection::on_end(const std::string& why) {
    // Also behind the handshake: with TLS 1.3 the server's last word on it comes after ours.
    if (state_ == State::kHello && (tls_ == Tls::kBegun || tls_ == Tls::kActive))
        return without_tls(why);
    lost(why);
}

void DownstreamConnection::abandon() {
    state_ = State::kDead;
    clock_.stop();
    if (stream_)
        stream_->close();
    process_.reset();
}

void DownstreamConnection::lost(const std::string& why, const smtp::Reply* last_words) {
    if (state_ == State::kDead)
        return;
    abandon();
    owner_->on_lost(why, last_words);
}

}  // namespace session
