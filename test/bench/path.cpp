// The way of a mail through the proxy's memory, again and again: no socket, no file, no thread. Made to be counted by
// callgrind (instructions.py), which tells what a change costs whatever else the machine does.
//
// The real code of all rooms, put together here as session/ does it: a connection for each mail from the upstream, one
// for all of them to the delivery server. What the event loops and the kernel do is not in it.
//
//   bench_path MAILS SIZE
#include <fmt/format.h>

#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

#include "base/ids.hpp"
#include "config/load.hpp"
#include "config/policy_file.hpp"
#include "explain/record.hpp"
#include "explain/text.hpp"
#include "journal/record.hpp"
#include "made_words.hpp"
#include "scanners/worker/wire.hpp"
#include "session/changes.hpp"
#include "session/final_reply.hpp"
#include "session/spool_storage.hpp"
#include "smtp/client_protocol.hpp"
#include "smtp/server_protocol.hpp"

namespace {

using Server = smtp::ServerProtocol;
using Client = smtp::ClientProtocol;

constexpr std::size_t kChunk = 64 * 1024;    // octets read or written in one go, as net::Stream and Delivery do
constexpr std::size_t kExplainedAtOnce = 4;  // mails, whose texts are written together
constexpr std::size_t kRuns = 60;            // sent in one go, as there
constexpr std::string_view kReverse = "a@remote.test";
constexpr std::string_view kTaken = "6AM4NqNc004002 Message accepted for delivery";

constexpr std::string_view kPolicy =
    "[domains]\nlocal = local.test\n"
    "[group partners]\nmember = *@partner.test\n"
    "[rule malformed]\ndirection = incoming\nif = malformed\ndo = quarantine malformed\n"
    "[rule programs]\nmatch = any\nif = extension exe com scr pif bat cmd js lnk iso\nif = program\ndo = quarantine\n"
    "[rule double-extensions]\nif = double_extension\ndo = quarantine\n"
    "[rule macros]\ndirection = incoming\nfrom = not:group:partners\nmatch = any\nif = macro\nif = external\n"
    "do = quarantine\n"
    "[rule encrypted]\ndirection = incoming\nif = encrypted\nif = not signed\ndo = quarantine\n"
    "[rule big]\nif = message_size > 40m\ndo = reject too big\n"
    "[rule outside]\ndirection = incoming\nfrom = not:local.test\ndo = tag_subject [EXTERNAL]\n";

void require(bool holds, std::string_view what) {
    if (!holds)
        throw std::runtime_error(fmt::format("not as it should be: {}", what));
}

// As the inbound Sendmail hands it on. Some lines begin with a dot.
std::string mail_of(std::size_t size) {
    std::string text =
        "Received: from mail.remote.test (mail.remote.test [203.0.113.9])\r\n\tby mx.local.test (8.17.1/8.17.1) with "
        "ESMTP id 6AM4NqxZ003998\r\n\tfor <b@local.test>; Mon, 1 Jan 2024 00:00:00 GMT\r\n"
        "Received: from desk.remote.test by mail.remote.test with ESMTPSA id 4711;\r\n\tMon, 1 Jan 2024 00:00:00 "
        "GMT\r\n"
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=remote.test; s=mail;\r\n\th=from:to:subject:date;"
        " bh=47DEQpj8HBSa+/"
        "TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\tb=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVo\r\n"
        "From: A Sender <a@remote.test>\r\nTo: b@local.test, c@local.test\r\nSubject: The minutes of Monday\r\n"
        "Message-ID: <4711@remote.test>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nUser-Agent: Mailer 1.0\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n";
    bench::Words words;
    std::string line;
    for (std::size_t lines = 0; text.size() < size; line += ' ') {
        line += words.next();
        if (line.size() < 66)
            continue;
        text.append(lines++ % 20 == 0 ? "." : "").append(line).append("\r\n");
        line.clear();
    }
    return text;
}

// What a worker says of it.
std::string answer_of(const std::string& mail, std::uint32_t expression_set) {
    scanners::wire::Answer answer;
    answer.serial = 1;
    answer.results = {{"clamav", policy::Outcome::kClean, policy::Cause::kNone, "", ""}};
    policy::Item whole;
    whole.kind = policy::Item::Kind::kMessage;
    whole.size = mail.size();
    policy::Item text;
    text.entity = 1;
    text.size = mail.size() - mail.find("\r\n\r\n") - 4;
    text.declared_type = text.true_type = "text/plain";
    text.charset = "us-ascii";
    answer.contents.items = {whole, text};
    answer.contents.subject = "The minutes of Monday";
    answer.contents.from = "A Sender <a@remote.test>";
    answer.contents.expression_set = expression_set;
    return scanners::wire::encode(answer);
}

session::RuntimePtr make_runtime() {
    const auto loaded = config::parse("", {"proxy.local.test", {}});
    const auto policy = config::parse_policy({{{"policy.ini", std::string(kPolicy), false}}});
    require(loaded.settings.has_value() && policy.policy != nullptr, "the configuration");
    auto runtime = std::make_shared<session::Runtime>();
    runtime->settings = *loaded.settings;
    runtime->settings.proxy_hostname = "proxy.local.test";
    runtime->rules = {true, {}, {}, {}, policy.policy};
    return runtime;
}

class Path {
  public:
    explicit Path(std::size_t size)
        : runtime_(make_runtime()),
          mail_text_(mail_of(size)),
          scan_answer_(answer_of(mail_text_, runtime_->rules.policy->expression_set)) {
        smtp::DataEncoder encoder;
        smtp::Runs runs;
        encoder.feed(mail_text_, runs, mail_text_.size());
        encoder.finish(runs);
        for (const auto run : runs)
            upstream_text_ += run;
        says("220 delivery.local.test ESMTP\r\n");
        delivery_.ehlo("proxy.local.test");
        says("250-delivery.local.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250 SIZE\r\n");
    }

    // The parts of it are functions that callgrind tells apart.
    void one_mail() {
        envelope_in();
        text_in();
        digest();
        recognise();
        judge();
        text_out();
        answer();
        explain();
    }

  private:
    [[gnu::noinline]] void envelope_in();
    [[gnu::noinline]] void text_in();
    [[gnu::noinline]] void digest();
    [[gnu::noinline]] void recognise();
    [[gnu::noinline]] void judge();
    [[gnu::noinline]] void text_out();
    [[gnu::noinline]] void answer();
    [[gnu::noinline]] void explain();

    void hear(std::string_view bytes);
    void on_event(Server::Event& event);
    void on_recipient(smtp::PathArgument& argument);
    smtp::Reply says(std::string_view wire);

    const session::RuntimePtr runtime_;
    const std::string mail_text_;
    const std::string scan_answer_;
    std::string upstream_text_;  // the mail as it comes in, with the end of data

    std::optional<Server> upstream_;
    Client delivery_;
    session::IncomingMail mail_;
    std::vector<smtp::Parameter> parameters_;  // of MAIL
    std::unique_ptr<mail::Spool> spool_;
    std::size_t ended_ = 0;  // texts
    journal::Fingerprints fingerprints_ =
        *journal::Fingerprints::with_key(std::string(journal::Fingerprints::kKeySize, 'k'));
    journal::Fingerprint content_{};
    std::vector<session::Part> parts_;
    std::vector<std::string> log_lines_;
    explain::Encoder encoder_;
    std::size_t explained_ = 0;
};

// From the upstream, to the end of what can be done with it.
void Path::hear(std::string_view bytes) {
    for (;;) {
        auto event = upstream_->next(bytes);
        if (std::holds_alternative<Server::Nothing>(event))
            break;
        on_event(event);
    }
    require(bytes.empty(), "all was taken");
}

void Path::on_event(Server::Event& event) {
    if (std::holds_alternative<Server::Hello>(event)) {
        auto offered = smtp::offer(delivery_.extensions(), runtime_->settings.message_size_limit);
        upstream_->answer(smtp::ehlo_reply(runtime_->settings.proxy_hostname, offered));
    } else if (auto* mail = std::get_if<Server::Mail>(&event)) {
        mail_ = {};
        mail_.id = base::new_message_id();
        mail_.runtime = runtime_;
        mail_.upstream = {{*net::Address::parse("127.0.0.1"), 40000}, upstream_->client_name(), true};
        parameters_ = std::move(mail->argument.parameters);
        mail_.envelope.reverse_path = std::move(mail->argument.path);
        mail_.envelope.parameters = smtp::parameters_to_wire(parameters_);
        upstream_->answer(smtp::make_reply(250, "2.1.0", fmt::format("<{}>... Sender ok", kReverse)));
    } else if (auto* rcpt = std::get_if<Server::Rcpt>(&event)) {
        on_recipient(rcpt->argument);
    } else if (std::holds_alternative<Server::Data>(event)) {
        spool_ = session::make_spool("/nonexistent");
        upstream_->answer(smtp::make_reply(354, "", "end data with <CRLF>.<CRLF>"));
    } else if (const auto* body = std::get_if<Server::Body>(&event)) {
        require(static_cast<bool>(spool_->append(body->text)), "the spool takes it");
    } else if (std::holds_alternative<Server::EndOfData>(event)) {
        ++ended_;
    } else {
        require(std::holds_alternative<Server::Quit>(event), "no other event");
    }
}

void Path::on_recipient(smtp::PathArgument& argument) {
    if (mail_.envelope.recipients.empty())
        delivery_.mail(mail_.envelope.reverse_path, smtp::parameters_to_wire(parameters_));
    const auto parameters = smtp::parameters_to_wire(argument.parameters);
    delivery_.rcpt(argument.path, parameters);
    delivery_.take_output();
    if (mail_.envelope.recipients.empty())
        says("250 2.1.0 <a@remote.test>... Sender ok\r\n");
    upstream_->answer(says("250 2.1.5 <b@local.test>... Recipient ok\r\n"));
    mail_.envelope.recipients.push_back({std::move(argument.path), parameters});
}

// The delivery server does; the answer to what was asked first.
smtp::Reply Path::says(std::string_view wire) {
    auto event = delivery_.next(wire);
    require(std::holds_alternative<Client::Answer>(event) && wire.empty(), "an answer");
    return std::move(std::get<Client::Answer>(event).reply);
}

void Path::envelope_in() {
    upstream_.emplace(runtime_->settings.proxy_hostname);
    upstream_->greet(runtime_->settings.smtp_greeting_msg);
    upstream_->take_output();
    hear("EHLO mx.local.test\r\n");
    upstream_->take_output();
    hear(
        "MAIL FROM:<a@remote.test> SIZE=4096 BODY=8BITMIME\r\nRCPT TO:<b@local.test> NOTIFY=FAILURE\r\n"
        "RCPT TO:<c@local.test> NOTIFY=FAILURE\r\nDATA\r\n");
    require(upstream_->in_data() && mail_.envelope.recipients.size() == 2, "the envelope");
    upstream_->take_output();
}

void Path::text_in() {
    const auto before = ended_;
    for (std::string_view rest = upstream_text_; !rest.empty(); rest.remove_prefix(std::min(rest.size(), kChunk))) {
        auto chunk = rest.substr(0, kChunk);
        // As Session does: the protocol sees half a piece at a time.
        for (; !chunk.empty(); chunk.remove_prefix(std::min(chunk.size(), smtp::kMaxBodyPiece / 2)))
            hear(chunk.substr(0, smtp::kMaxBodyPiece / 2));
    }
    auto sealed = spool_->seal();
    spool_.reset();
    require(ended_ == before + 1 && sealed && (*sealed)->size() == mail_text_.size(), "the text");
    mail_.message = std::move(*sealed);
    mail_.facts = mail::read_header_facts(mail_.message->bytes());
}

// Apart, since it is the library's work and grows with the text.
void Path::digest() {
    content_ = fingerprints_.of(mail_.message->bytes().substr(mail_.facts.below_received));
}

// For the journal.
void Path::recognise() {
    const auto origin = mail_.origin();
    mail_.identified = origin.identified();
    require(mail_.identified, "the upstream's own Received field");
    for (const auto& recipient : mail_.envelope.recipients)
        mail_.keys.push_back(journal::recipient_key(origin, content_, recipient.path));
    mail_.journal_key = journal::mail_key(origin, content_);
}

void Path::judge() {
    auto answer = scanners::wire::decode_answer(scan_answer_);
    require(answer.has_value(), "the worker's answer");
    mail_.report.results = std::move(answer->results);
    mail_.report.contents = std::move(answer->contents);
    mail_.report.generation = mail_.signatures = 1;
    require(policy::fits(mail_.report, runtime_->rules), "scanned for these rules");
    parts_.clear();
    for (auto& group : policy::divide(mail_.policy_facts(), {0, 1}, runtime_->rules, true)) {
        auto& part = parts_.emplace_back();
        part.recipients = std::move(group.recipients);
        part.decision = std::move(group.decision);
    }
    require(parts_.size() == 1 && parts_[0].decision.action == policy::Action::kDeliver, "delivered to both");
}

void Path::text_out() {
    const auto rope = session::changed_mail(mail_, parts_[0].decision, {});
    delivery_.data();
    delivery_.take_output();
    says("354 Enter mail\r\n");
    std::size_t sent = 0;
    for (std::size_t i = 0; i < rope.pieces(); ++i) {
        for (auto rest = rope.piece(i); !rest.empty();) {
            smtp::Runs runs;
            rest.remove_prefix(delivery_.body(rest, runs, kRuns));
            if (i + 1 == rope.pieces() && rest.empty())
                delivery_.end_of_data(runs);
            for (const auto run : runs)
                sent += run.size();
        }
    }
    delivery_.data_sent();
    require(sent > upstream_text_.size(), "all of it, and our fields");
    parts_[0].said = smtp::text_of(says(fmt::format("250 2.0.0 {}\r\n", kTaken)));
    parts_[0].asked_downstream = true;
    parts_[0].server = runtime_->settings.downstream.front();
}

// To the upstream, to the log, to the journal.
void Path::answer() {
    auto& part = parts_[0];
    part.reply = smtp::make_reply(250, "2.0.0", fmt::format("{} accepted for delivery ({})", mail_.id, part.said));
    part.stat = fmt::format("Sent ({})", part.said);
    for (const auto kind : {journal::Kind::kIntent, journal::Kind::kDelivered})
        for (const auto& key : mail_.keys)
            require(journal::encode({kind, 1, 1, key, mail_.id})[0] == static_cast<char>(kind), "a record");
    log_lines_ = session::log_lines(mail_, parts_, mail_text_.size(), std::chrono::milliseconds(1));
    upstream_->answer(session::single_reply(mail_.id, parts_));
    hear("QUIT\r\n");
    require(upstream_->take_output().starts_with("250 2.0.0 "), "a receipt");
}

// What sandwichctl why will say.
void Path::explain() {
    explain::Case one;
    const auto facts = mail_.policy_facts();
    one.names = {mail_.id, mail_.facts.received.id, mail_.facts.message_id};
    one.time = mail_.begun;
    one.relay = "mx.local.test [127.0.0.1]";
    one.client = mail_.client_address();
    one.client_address = facts.client;
    one.size = facts.size;
    one.moment = facts.moment;
    one.envelope = mail_.envelope;
    one.recipients = {0, 1};
    one.rules = {mail_.runtime, &mail_.runtime->rules};
    one.report = mail_.report;
    encoder_.add(one.names, 1, explain::to_text(one));
    for (const auto& line : log_lines_)
        encoder_.add(one.names, 1, "log:           " + line + "\n");
    if (++explained_ % kExplainedAtOnce == 0)
        require(encoder_.take().size() > explain::kRecordHead, "a record");
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        fmt::print(stderr, "usage: bench_path MAILS SIZE\n");
        return 2;
    }
    try {
        Path path(std::strtoul(arguments[2], nullptr, 10));
        for (auto mails = std::strtoul(arguments[1], nullptr, 10); mails > 0; --mails)
            path.one_mail();
    } catch (const std::exception& failure) {
        fmt::print(stderr, "bench_path: {}\n", failure.what());
        return 1;
    }
    return 0;
}
