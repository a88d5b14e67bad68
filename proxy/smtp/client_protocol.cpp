#include "smtp/client_protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "smtp/text.hpp"

namespace smtp {
namespace {

// What comes from a file or a peer may never become a command of its own: control characters are taken out.
std::string in_one_line(std::string_view text) {
    std::string line(text);
    line.erase(std::remove_if(line.begin(), line.end(), is_control), line.end());
    return line;
}

// RFC 2920 section 3.1: the others are the last of their group.
bool may_be_followed(ClientProtocol::Expect sent) {
    using Expect = ClientProtocol::Expect;
    return sent == Expect::kMail || sent == Expect::kRcpt || sent == Expect::kRset || sent == Expect::kXforward;
}

}  // namespace

ClientProtocol::ClientProtocol() {
    sent_.push_back(Expect::kGreeting);
}

void ClientProtocol::ehlo(std::string_view hostname) {
    queue(Expect::kEhlo, fmt::format("EHLO {}", hostname));
}

void ClientProtocol::helo(std::string_view hostname) {
    queue(Expect::kHelo, fmt::format("HELO {}", hostname));
}

void ClientProtocol::starttls() {
    queue(Expect::kStarttls, "STARTTLS");
}

void ClientProtocol::mail(std::string_view reverse_path, std::string_view parameters) {
    queue(Expect::kMail, fmt::format("MAIL FROM:<{}>{}", reverse_path, parameters));
}

void ClientProtocol::rcpt(std::string_view forward_path, std::string_view parameters) {
    queue(Expect::kRcpt, fmt::format("RCPT TO:<{}>{}", forward_path, parameters));
}

void ClientProtocol::data() {
    queue(Expect::kData, "DATA");
}

void ClientProtocol::rset() {
    queue(Expect::kRset, "RSET");
}

void ClientProtocol::xforward(std::string_view attributes) {
    queue(Expect::kXforward, fmt::format("XFORWARD {}", attributes));
}

void ClientProtocol::quit() {
    queue(Expect::kQuit, "QUIT");
}

void ClientProtocol::vrfy(std::string_view address) {
    queue(Expect::kVrfy, fmt::format("VRFY {}", address));
}

std::size_t ClientProtocol::body(std::string_view canonical_text, Runs& out, std::size_t most, bool undotted) {
    assert(in_body_);
    if (!in_body_)  // else the text would be read as commands
        return canonical_text.size();
    return encoder_.feed(canonical_text, out, most, undotted);
}

void ClientProtocol::end_of_data(Runs& out) {
    assert(in_body_);
    if (in_body_)
        encoder_.finish(out);
}

void ClientProtocol::data_sent() {
    assert(in_body_);
    if (!std::exchange(in_body_, false))
        return;
    sent_.push_back(Expect::kEndOfData);
}

ClientProtocol::Event ClientProtocol::next(std::string_view& bytes) {
    auto outcome = parser_.feed(bytes);
    if (std::holds_alternative<ReplyParser::NeedMore>(outcome))
        return Nothing{};
    if (auto* garbage = std::get_if<ReplyParser::Garbage>(&outcome))
        return Garbage{std::move(garbage->why)};
    auto& reply = std::get<Reply>(outcome);
    if (sent_.empty())
        return Unexpected{std::move(reply)};

    const auto to = sent_.front();
    sent_.pop_front();
    if (to == Expect::kEhlo)
        extensions_ = reply.positive() ? parse_ehlo(reply) : Extensions{};
    else if (to == Expect::kHelo)
        extensions_ = {};
    else if (to == Expect::kStarttls && reply.positive()) {
        // Whoever put them there wants them to count as said under TLS.
        if (!bytes.empty())
            return Garbage{"octets in the clear behind its answer to STARTTLS"};
        extensions_ = {};
    } else if (to == Expect::kData)
        in_body_ = reply.intermediate();
    // Whatever came along with the 354 was said before the text: taken for the answer to its end, it would be a receipt
    // for a message that the server has not seen.
    if (in_body_ && !bytes.empty())
        return Garbage{"more than one answer to DATA"};
    release();
    return Answer{to, std::move(reply)};
}

std::string ClientProtocol::take_output() {
    return std::exchange(output_, {});
}

void ClientProtocol::queue(Expect expect, std::string_view line) {
    waiting_.push_back({expect, in_one_line(line)});
    release();
}

// Moves what may go out now into the output: one command at a time, or a group where the server takes that.
void ClientProtocol::release() {
    while (!waiting_.empty() && !in_body_ &&
           (sent_.empty() || (extensions_.pipelining && may_be_followed(sent_.back())))) {
        output_ += waiting_.front().line + "\r\n";
        sent_.push_back(waiting_.front().expect);
        waiting_.pop_front();
    }
}

}  // namespace smtp
