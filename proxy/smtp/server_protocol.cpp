#include "smtp/server_protocol.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "smtp/text.hpp"

namespace smtp {
namespace {

// Decoding at most doubles the text (a bare LF becomes two octets), so a piece of it stays within kMaxBodyPiece.
constexpr std::size_t kSlice = kMaxBodyPiece / 2;
constexpr std::size_t kLessPlain = 256;

// Commands that other servers know; the rest gets 500.
constexpr std::array<std::string_view, 3> kNotImplemented{"AUTH", "BDAT", "ETRN"};

bool has_control(std::string_view line) {
    return std::any_of(line.begin(), line.end(), [](char octet) { return is_control(octet) && octet != '\t'; });
}

Reply out_of_order(std::string_view text) {
    return make_reply(503, "5.5.1", text);
}

}  // namespace

// A command line that stands at the front of the input. What is no line is settled by the first LF, or by the limit
// being reached without one, so that the chunking of the input makes no difference.
struct ServerProtocol::Line {
    enum class Kind { kPartial, kWhole, kControl, kBareLf, kTooLong } kind;
    std::string_view text;   // without CRLF
    std::size_t octets = 0;  // with CRLF
};

ServerProtocol::ServerProtocol(std::string hostname, ServerLimits limits)
    : hostname_(std::move(hostname)), limits_(limits) {}

void ServerProtocol::greet(std::string_view text) {
    send(make_reply(220, "", hostname_ + " " + std::string(text)));
}

ServerProtocol::Event ServerProtocol::next(std::string_view& bytes) {
    if (state_ == State::kClosed)
        bytes = {};
    if (state_ == State::kData)
        return take_body(bytes);
    while (wants_input()) {
        if (skipping_line_ && !skip_line(bytes))
            break;
        const auto line = peek_line(bytes);
        if (line.kind == Line::Kind::kPartial)
            break;
        const auto parsed = line.kind == Line::Kind::kWhole ? parse_command(line.text) : Command{};
        if (outstanding_ > 0 && !is_valid_recipient(parsed)) {
            blocked_ = true;  // its answer, and all that it does, comes after the answers to the recipients
            break;
        }
        if (is_greeting(parsed.verb) && in_transaction()) {
            reset_transaction();
            return Reset{};  // the line stays: Hello comes next
        }
        if (commands_ == limits_.commands)
            return break_off(Broken::Why::kCommands, "too many commands");
        ++commands_;
        bytes.remove_prefix(line.octets);
        auto event = line.kind == Line::Kind::kWhole ? command(parsed, bytes) : refuse_line(line);
        if (!std::holds_alternative<Nothing>(event))
            return event;
    }
    return Nothing{};
}

ServerProtocol::Line ServerProtocol::peek_line(std::string_view bytes) const {
    const auto window = bytes.substr(0, limits_.command_line);
    const auto lf = window.find('\n');
    if (lf == std::string_view::npos)
        return {window.size() < limits_.command_line ? Line::Kind::kPartial : Line::Kind::kTooLong, {}};
    if (lf == 0 || window[lf - 1] != '\r')
        return {Line::Kind::kBareLf, {}};
    const auto text = window.substr(0, lf - 1);
    return {has_control(text) ? Line::Kind::kControl : Line::Kind::kWhole, text, lf + 1};
}

// Drops input up to the next CRLF; false: that is not there yet. Only a CR at the end is kept.
bool ServerProtocol::skip_line(std::string_view& bytes) {
    const auto end = bytes.find("\r\n");
    if (end != std::string_view::npos) {
        bytes.remove_prefix(end + 2);
        skipping_line_ = false;
        return true;
    }
    bytes.remove_prefix(bytes.size() - (bytes.ends_with('\r') ? 1 : 0));
    return false;
}

// One line, one reply, whatever is in it: whoever sent "NOOP\nMAIL FROM:<a@b>\r\n" meant one line and expects one
// reply.
ServerProtocol::Event ServerProtocol::refuse_line(const Line& line) {
    switch (line.kind) {
        case Line::Kind::kTooLong:
            skipping_line_ = true;
            ++overlong_lines_;
            return refuse(make_reply(500, "5.5.2", "Line too long"));
        case Line::Kind::kBareLf:
            skipping_line_ = true;
            return refuse(make_reply(500, "5.5.2", "Lines must end with CR LF"));
        default:
            return refuse(make_reply(500, "5.5.2", "Control character in the command"));
    }
}

bool ServerProtocol::is_valid_recipient(const Command& command) {
    if (command.verb != Verb::kRcpt)
        return false;
    const auto argument = parse_path_argument("TO", command.argument);
    return argument && !argument->path.empty();
}

bool ServerProtocol::is_greeting(Verb verb) {
    return verb == Verb::kEhlo || verb == Verb::kHelo || verb == Verb::kLhlo;
}

ServerProtocol::Event ServerProtocol::command(const Command& command, std::string_view behind) {
    switch (command.verb) {
        case Verb::kEhlo:
        case Verb::kHelo:
        case Verb::kLhlo:
            return hello(command);
        case Verb::kStarttls:
            return starttls(command, behind);
        case Verb::kMail:
            return mail(command);
        case Verb::kRcpt:
            return rcpt(command);
        case Verb::kData:
            return data(command);
        case Verb::kRset:
            return rset(command);
        case Verb::kNoop:
            return send(make_reply(250, "2.0.0", "OK"));
        case Verb::kVrfy:
            return send(make_reply(252, "2.5.2", "Not verified here; send mail and see"));
        case Verb::kHelp:
            return send(make_reply(214, "2.0.0", "A relay between two mail servers; see RFC 5321"));
        case Verb::kQuit:
            return quit(command);
        case Verb::kExpn:
            return refuse(make_reply(502, "5.5.1", "Command not implemented"));
        case Verb::kXclient:
        case Verb::kXforward:
            if (limits_.client_attributes)
                return client_attributes(command);
            break;
        case Verb::kUnknown:
            break;
    }
    if (std::find(kNotImplemented.begin(), kNotImplemented.end(), command.name) != kNotImplemented.end())
        return refuse(make_reply(502, "5.5.1", "Command not implemented"));
    return refuse(make_reply(500, "5.5.1", "Command not known"));
}

ServerProtocol::Event ServerProtocol::hello(const Command& command) {
    const std::string name(first_word(command.argument));
    pending_client_name_ = name;
    pending_greeting_ = command.verb;
    return await(Pending::kHello, Hello{command.verb, name});
}

// RFC 3207 section 4.
ServerProtocol::Event ServerProtocol::starttls(const Command& command, std::string_view behind) {
    if (tls_ == Tls::kNone)
        return refuse(make_reply(502, "5.5.1", "Command not implemented"));
    if (tls_ == Tls::kActive)
        return refuse(out_of_order("TLS is active already"));
    if (!command.argument.empty())
        return refuse(make_reply(501, "5.5.4", "STARTTLS takes no argument"));
    if (state_ != State::kReady || !esmtp())
        return refuse(out_of_order(in_transaction() ? "Not within a transaction" : "EHLO first"));
    if (!behind.empty()) {
        // Somebody on the way may have put them there, to be taken for something that was said under TLS.
        close(make_reply(421, "4.7.0", "nothing may follow STARTTLS before its answer, closing connection"));
        return Broken{Broken::Why::kClearBehindStarttls};
    }
    return await(Pending::kStarttls, Starttls{});
}

void ServerProtocol::offer_starttls(bool required) {
    tls_ = Tls::kOffered;
    tls_required_ = required;
}

void ServerProtocol::secured() {
    if (state_ != State::kSwitching)
        return;
    state_ = State::kStart;
    tls_ = Tls::kActive;
    greeting_ = Verb::kHelo;
    client_name_.clear();
    reset_transaction();
}

ServerProtocol::Event ServerProtocol::mail(const Command& command) {
    if (tls_required_ && tls_ != Tls::kActive) {
        mail_refused_ = true;
        return refuse(make_reply(530, "5.7.0", "Must issue a STARTTLS command first"));
    }
    if (state_ == State::kStart)
        return refuse(out_of_order("EHLO, HELO or LHLO first"));
    if (state_ == State::kMail)
        return refuse(out_of_order("Sender already given"));
    auto argument = parse_path_argument("FROM", command.argument);
    mail_refused_ = !argument;
    if (!argument)
        return refuse(make_reply(501, "", argument.error().message));
    return await(Pending::kMail, Mail{*std::move(argument)});
}

ServerProtocol::Event ServerProtocol::rcpt(const Command& command) {
    if (state_ != State::kMail)
        return refuse_without_mail();
    ++offered_;
    auto argument = parse_path_argument("TO", command.argument);
    if (!argument)
        return refuse(make_reply(501, "", argument.error().message));
    if (argument->path.empty())
        return refuse(make_reply(501, "5.1.3", "A recipient cannot be empty"));
    return await(Pending::kRcpt, Rcpt{*std::move(argument)});
}

ServerProtocol::Event ServerProtocol::data(const Command& command) {
    if (!command.argument.empty())
        return refuse(make_reply(501, "5.5.4", "DATA takes no argument"));
    if (state_ != State::kMail)
        return refuse_without_mail();
    if (offered_ == 0)
        return refuse(out_of_order("RCPT first"));
    if (accepted_ == 0)  // no fault of the client: its DATA was in the pipe before it saw our replies (RFC 2920)
        return send(make_reply(lmtp() ? 503 : 554, "5.5.1", "No valid recipients"));  // RFC 2033 section 4.2
    return await(Pending::kData, Data{});
}

ServerProtocol::Event ServerProtocol::rset(const Command& command) {
    if (!command.argument.empty())
        return refuse(make_reply(501, "5.5.4", "RSET takes no argument"));
    reset_transaction();
    send(make_reply(250, "2.0.0", "Reset"));
    return Reset{};
}

ServerProtocol::Event ServerProtocol::quit(const Command& command) {
    if (!command.argument.empty())
        return refuse(make_reply(501, "5.5.4", "QUIT takes no argument"));
    close(make_reply(221, "2.0.0", hostname_ + " closing connection"));
    return Quit{};
}

ServerProtocol::Event ServerProtocol::client_attributes(const Command& command) {
    if (in_transaction())
        return refuse(out_of_order("Mail transaction in progress"));
    if (command.verb == Verb::kXclient)
        return await(Pending::kXclient, Xclient{command.argument});
    return await(Pending::kXforward, Xforward{command.argument});
}

ServerProtocol::Event ServerProtocol::take_body(std::string_view& bytes) {
    text_.clear();
    while (!data_ended_ && !bytes.empty()) {
        auto slice = bytes.substr(0, kSlice);
        if (const auto plain = decoder_.take_plain(slice); !plain.empty()) {
            bytes.remove_prefix(plain.size());
            return Body{plain};
        }
        // Up to where it may be plain again.
        slice = bytes.substr(0, kLessPlain);
        const auto given = slice.size();
        data_ended_ = decoder_.feed(slice, text_);
        bytes.remove_prefix(given - slice.size());
        if (!text_.empty())
            return Body{text_};
    }
    if (!data_ended_)
        return Nothing{};
    state_ = State::kMail;
    return await(Pending::kEndOfData, EndOfData{});
}

void ServerProtocol::answer(const Reply& reply) {
    if (state_ == State::kClosed)
        return;  // late: the session was closed while the owner was at it
    assert(pending_ != Pending::kNone);
    if (pending_ == Pending::kNone)
        return;  // a reply that answers nothing would put the client out of step
    const bool to_each = pending_ == Pending::kEndOfData && lmtp();
    for (auto count = to_each ? accepted_ : 1; count > 0; --count)
        send(reply);
    settle(reply);
}

void ServerProtocol::answer_each(const std::vector<Reply>& replies) {
    if (state_ == State::kClosed)
        return;
    assert(pending_ == Pending::kEndOfData && lmtp() && replies.size() == accepted_);
    for (const auto& reply : replies)
        send(reply);
    settle(replies.back());
}

// What an answer that was given means for the rest of the session.
void ServerProtocol::settle(const Reply& reply) {
    const auto answered = pending_;
    if (--outstanding_ == 0) {
        pending_ = Pending::kNone;
        blocked_ = false;
    }
    switch (answered) {
        case Pending::kHello:
            if (reply.positive())
                greeted();
            break;
        case Pending::kStarttls:
            if (reply.positive())
                state_ = State::kSwitching;
            break;
        case Pending::kMail:
            mail_refused_ = !reply.positive();
            if (reply.positive())
                state_ = State::kMail;
            break;
        case Pending::kRcpt:
            accepted_ += reply.positive() ? 1 : 0;
            break;
        case Pending::kData:
            if (reply.intermediate())
                begin_data();
            else
                reset_transaction();
            break;
        case Pending::kEndOfData:
            reset_transaction();
            break;
        case Pending::kXclient:
            if (reply.positive()) {
                state_ = State::kStart;
                greeting_ = Verb::kHelo;
                client_name_.clear();
            }
            break;
        case Pending::kXforward:
        case Pending::kNone:
            break;
    }
}

void ServerProtocol::close(const Reply& reply) {
    if (state_ == State::kClosed)
        return;
    send(reply);
    state_ = State::kClosed;
}

std::string ServerProtocol::take_output() {
    return std::exchange(output_, {});
}

bool ServerProtocol::strays(std::string_view bytes) const {
    return state_ != State::kClosed && pending_ == Pending::kEndOfData && is_stray(bytes, limits_.after_data);
}

bool ServerProtocol::wants_input() const {
    if (state_ == State::kClosed || state_ == State::kSwitching)
        return false;
    if (pending_ == Pending::kRcpt)
        return !blocked_ && outstanding_ < limits_.outstanding_recipients;
    return pending_ == Pending::kNone;
}

bool ServerProtocol::in_data() const {
    return state_ == State::kData;
}

bool ServerProtocol::in_transaction() const {
    return state_ == State::kMail || state_ == State::kData;
}

ServerProtocol::Event ServerProtocol::await(Pending answer, Event event) {
    pending_ = answer;
    ++outstanding_;
    return event;
}

ServerProtocol::Event ServerProtocol::send(const Reply& reply) {
    output_ += to_wire(reply);
    return Nothing{};
}

ServerProtocol::Event ServerProtocol::refuse(const Reply& reply) {
    if (errors_ == limits_.errors)
        return break_off(Broken::Why::kErrors, "too many errors");
    ++errors_;
    return send(reply);
}

// The rest of a pipelined group whose MAIL was refused counts as no error: the client could not know.
ServerProtocol::Event ServerProtocol::refuse_without_mail() {
    const auto reply = out_of_order("MAIL first");
    return mail_refused_ ? send(reply) : refuse(reply);
}

ServerProtocol::Event ServerProtocol::break_off(Broken::Why why, std::string_view text) {
    close(make_reply(421, "4.7.0", hostname_ + " " + std::string(text) + ", closing connection"));
    return Broken{why};
}

void ServerProtocol::greeted() {
    state_ = State::kReady;
    greeting_ = pending_greeting_;
    client_name_ = std::exchange(pending_client_name_, {});
    mail_refused_ = false;
}

void ServerProtocol::begin_data() {
    state_ = State::kData;
    decoder_ = {};
    data_ended_ = false;
}

void ServerProtocol::reset_transaction() {
    if (in_transaction())
        state_ = State::kReady;
    accepted_ = 0;
    offered_ = 0;
    mail_refused_ = false;
}

}  // namespace smtp
