#include "directory/probe_connection.hpp"

#include <fmt/format.h>

#include <utility>

#include "directory/probe_reply.hpp"

namespace directory {

using smtp::ClientProtocol;

namespace {

// RFC 5321 section 4.1.2: what is no dot-string stands in quotes.
std::string path_of(const policy::RecipientAddress& address) {
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~.";
    const auto& local = address.local;
    const bool dots = local.front() == '.' || local.back() == '.' || local.find("..") != std::string::npos;
    std::string written;
    if (!dots && local.find_first_not_of(kPlain) == std::string::npos) {
        written = local;
    } else {
        written = "\"";
        for (const char c : local) {
            if (c == '"' || c == '\\')
                written += '\\';
            written += c;
        }
        written += '"';
    }
    return address.domain.empty() ? written : written + "@" + address.domain;
}

}  // namespace

ProbeConnection::ProbeConnection(net::Loop& loop, const net::Endpoint& server, Method method, std::string our_name,
                                 unsigned questions, std::chrono::milliseconds patience, Owner& owner)
    : loop_(loop),
      owner_(owner),
      method_(method),
      our_name_(std::move(our_name)),
      questions_(questions),
      patience_(patience),
      clock_(loop, [this] { die(failure_.empty() ? "no answer in time" : failure_, true); }) {
    auto socket = net::start_connect(server);
    if (!socket) {
        failure_ = socket.error().message;
        clock_.start(std::chrono::milliseconds(0));  // the callback comes from the loop
        return;
    }
    stream_ = std::make_unique<net::Stream>(loop, std::move(*socket), static_cast<net::Stream::Handler&>(*this));
    clock_.start(patience_);
}

ProbeConnection::~ProbeConnection() = default;

void ProbeConnection::ask(const policy::RecipientAddress& address) {
    question_ = address;
    if (ready_)
        send_question();
}

void ProbeConnection::send_question() {
    ++asked_;
    refused_.reset();
    const auto path = path_of(*question_);
    if (method_ != Method::kRcpt) {
        protocol_.vrfy(path);
    } else {
        protocol_.mail("", "");
        protocol_.rcpt(path, "");
        protocol_.rset();
    }
    flush();
    clock_.start(patience_);
}

void ProbeConnection::flush() {
    if (const auto output = protocol_.take_output(); !output.empty() && stream_)
        stream_->write(output);
}

void ProbeConnection::on_input() {
    while (!dead_) {
        auto bytes = stream_->input();
        const auto before = bytes.size();
        const auto event = protocol_.next(bytes);
        stream_->consume(before - bytes.size());
        if (std::holds_alternative<ClientProtocol::Nothing>(event))
            break;
        if (const auto* garbage = std::get_if<ClientProtocol::Garbage>(&event))
            return die("it talks nonsense: " + garbage->why, true);
        if (const auto* unexpected = std::get_if<ClientProtocol::Unexpected>(&event))
            return die(fmt::format("it said {} {} unasked", unexpected->reply.code, smtp::text_of(unexpected->reply)),
                       busy());
        const auto& answer = std::get<ClientProtocol::Answer>(event);
        if (answer.reply.code == 421)
            return die(fmt::format("421 {}", smtp::text_of(answer.reply)), true, &answer.reply);
        if (ready_)
            on_reply(answer.to, answer.reply);
        else
            on_hello(answer.to, answer.reply);
    }
    if (!dead_)
        flush();
}

void ProbeConnection::on_hello(ClientProtocol::Expect to, const smtp::Reply& reply) {
    clock_.start(patience_);
    if (to == ClientProtocol::Expect::kEhlo && (reply.code == 500 || reply.code == 502))
        return protocol_.helo(our_name_);
    if (!reply.positive())
        return die(fmt::format("it refused us: {} {}", reply.code, smtp::text_of(reply)), true, &reply);
    if (to == ClientProtocol::Expect::kGreeting)
        return protocol_.ehlo(our_name_);
    ready_ = true;
    clock_.stop();
    if (question_)
        send_question();
}

void ProbeConnection::on_reply(ClientProtocol::Expect to, const smtp::Reply& reply) {
    switch (to) {
        case ClientProtocol::Expect::kMail:
            if (!reply.positive())
                refused_ = judge_refusal(reply);
            return;
        case ClientProtocol::Expect::kRcpt:
            // Without MAIL the reply to RCPT is about the order of commands.
            if (!refused_)
                refused_ = judge_rcpt(reply);
            return;
        case ClientProtocol::Expect::kRset:
            return answer(refused_ ? *refused_ : policy::SourceAnswer{});
        case ClientProtocol::Expect::kVrfy:
            return answer(judge_vrfy(reply, method_ == Method::kVrfyPlain));
        default:
            return;
    }
}

void ProbeConnection::answer(policy::SourceAnswer answer) {
    clock_.stop();
    question_.reset();
    owner_.on_answer(*this, std::move(answer));
}

void ProbeConnection::on_end(const std::string& why) {
    die(why, busy() || !ready_);
}

void ProbeConnection::close() {
    if (std::exchange(dead_, true))
        return;
    clock_.stop();
    if (!stream_)
        return;
    if (ready_ && !busy()) {
        protocol_.quit();
        flush();  // what the socket takes; nobody waits for the answer
    }
    stream_->close();
}

void ProbeConnection::die(const std::string& why, bool fault, const smtp::Reply* said) {
    if (std::exchange(dead_, true))
        return;
    clock_.stop();
    if (stream_)
        stream_->close();
    owner_.on_dead(*this, why, fault, said);
}

}  // namespace directory
