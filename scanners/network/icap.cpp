#include "scanners/network/icap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "config/spelling.hpp"
#include "scanners/clamav/alert.hpp"

namespace scanners::network {
namespace {

using Step = IcapReplyParser::Step;

constexpr std::string_view kBlocked = "ICAP.Blocked";
constexpr std::string_view kAltered = "ICAP.Altered";
constexpr std::string_view kLastChunk = "0\r\n\r\n";
constexpr std::size_t kMaxPreview = 1024 * 1024;
constexpr unsigned kUsualTtl = 300;  // seconds that OPTIONS holds, where the server does not say
constexpr unsigned kLongestTtl = 3600;

// A name for log, header and quarantine.
std::string as_name(std::string_view text) {
    std::string name(text.substr(0, kMaxName));
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c <= ' ' || c > '~'; }, '_');
    return name;
}

std::string_view without_quotes(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\n\"";
    const auto begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Some servers send the field in every reply.
bool says_nothing(std::string_view value) {
    constexpr std::array<std::string_view, 7> kNothing{"", "0", "-", "no", "none", "false", "clean"};
    return std::find(kNothing.begin(), kNothing.end(), config::lower(without_quotes(value))) != kNothing.end();
}

// "Type=0; Resolution=2; Threat=Eicar-Test-Signature;"
std::string infection(std::string_view value) {
    if (says_nothing(value))
        return {};
    const auto at = config::lower(value).find("threat=");
    if (at == std::string::npos)
        return std::string(kBlocked);
    const auto threat = value.substr(at + 7);
    const auto name = without_quotes(threat.substr(0, threat.find(';')));
    return name.empty() ? std::string(kBlocked) : as_name(name);
}

// A count, then four lines for each: file, name, number, what was done.
std::string violation(std::string_view value) {
    if (says_nothing(value.substr(0, value.find('\n'))))
        return {};
    for (int line = 0; line < 2; ++line) {
        const auto end = value.find('\n');
        if (end == std::string_view::npos)
            return std::string(kBlocked);
        value.remove_prefix(end + 1);
    }
    const auto name = without_quotes(value.substr(0, value.find('\n')));
    return name.empty() ? std::string(kBlocked) : as_name(name);
}

Answer found(const std::string& name) {
    return {clamav::interpret_alert({}, name)};
}

std::string address_of(const config::ScannerServer& server) {
    return fmt::format("icap://{}{}", server.endpoint.to_string(), server.service);
}

std::string_view word_of(config::IcapMethod method) {
    return method == config::IcapMethod::kRespmod ? "RESPMOD" : "REQMOD";
}

std::string request_line(std::string_view word, const config::ScannerServer& server) {
    return fmt::format("{} {} ICAP/1.0\r\nHost: {}\r\nUser-Agent: Sandwich\r\nConnection: close\r\n", word,
                       address_of(server), server.endpoint.to_string());
}

Answer refusal(const IcapHead& head) {
    return refused(fmt::format("ICAP {} {}", head.code, head.reason));
}

unsigned number_or(const std::string* text, unsigned otherwise) {
    unsigned value = 0;
    if (text == nullptr)
        return otherwise;
    const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), value);
    return failure == std::errc() && end == text->data() + text->size() ? value : otherwise;
}

class Options final : public Conversation {
  public:
    Options(const config::ScannerServer& server, config::IcapMethod method)
        : method_(method), request_(request_line("OPTIONS", server) + "Encapsulated: null-body=0\r\n\r\n") {}

    std::string_view output() override {
        return std::exchange(sent_, true) ? std::string_view() : std::string_view(request_);
    }

    void input(std::string_view bytes) override {
        switch (parser_.next(bytes)) {
            case Step::kMore:
                return;
            case Step::kHead:
                return settle(judge(parser_.head()));
            default:
                return settle(broken(parser_.why()));
        }
    }

  private:
    [[nodiscard]] Answer judge(const IcapHead& head) const {
        if (head.code >= 400)
            return refusal(head);
        if (head.code != 200)
            return broken(fmt::format("OPTIONS was answered by {}", head.code));
        const auto* const methods = head.find("methods");
        if (methods != nullptr && config::lower(*methods).find(config::lower(word_of(method_))) == std::string::npos)
            return refused(fmt::format("the service does {}, not {}", *methods, word_of(method_)));
        auto answer = clean();
        auto& facts = answer.facts;
        const auto* const service = head.find("service");
        const auto* const tag = head.find("istag");
        facts.signatures = as_text(service, "ICAP") + " " + as_text(tag, "");
        facts.good_for =
            std::chrono::seconds(std::clamp(number_or(head.find("options-ttl"), kUsualTtl), 1U, kLongestTtl));
        if (const auto* const preview = head.find("preview"); preview != nullptr)
            facts.preview = std::min<std::size_t>(number_or(preview, 0), kMaxPreview);
        const auto* const allow = head.find("allow");
        facts.allow_204 = allow != nullptr && allow->find("204") != std::string::npos;
        return answer;
    }

    static std::string as_text(const std::string* value, std::string_view otherwise) {
        auto text = std::string(value == nullptr ? otherwise : without_quotes(*value)).substr(0, kMaxDetail / 2);
        std::replace_if(
            text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
        return text;
    }

    config::IcapMethod method_;
    std::string request_;
    bool sent_ = false;
    IcapReplyParser parser_;
};

class IcapScan final : public Conversation {
  public:
    IcapScan(const config::ScannerServer& server, config::IcapMethod method, const ServerFacts& facts,
             mail::MessagePtr message)
        : message_(std::move(message)), method_(method) {
        const auto size = message_->size();
        const auto type = fmt::format("Content-Type: message/rfc822\r\nContent-Length: {}\r\n\r\n", size);
        std::string http;
        std::string parts;
        if (method == config::IcapMethod::kRespmod) {
            http = "GET http://mail.invalid/message.eml HTTP/1.1\r\nHost: mail.invalid\r\n\r\n";
            parts = fmt::format("req-hdr=0, res-hdr={}", http.size());
            http += "HTTP/1.1 200 OK\r\n" + type;
            parts += fmt::format(", res-body={}", http.size());
        } else {
            http = "POST http://mail.invalid/message.eml HTTP/1.1\r\nHost: mail.invalid\r\n" + type;
            parts = fmt::format("req-hdr=0, req-body={}", http.size());
        }
        piece_ = request_line(word_of(method), server) + "Encapsulated: " + parts + "\r\n";
        if (facts.allow_204)
            piece_ += "Allow: 204\r\n";
        stop_ = facts.preview ? std::min(*facts.preview, size) : size;
        previewed_ = facts.preview.has_value();
        if (previewed_)
            piece_ += fmt::format("Preview: {}\r\n", *facts.preview);
        piece_ += "\r\n" + http;
    }

    std::string_view output() override {
        if (!std::exchange(begun_, true))
            return piece_;
        if (over_ || waiting_)
            return {};
        const auto text = message_->bytes().substr(sent_, std::min(kPiece, stop_ - sent_));
        if (!text.empty()) {
            sent_ += text.size();
            piece_ = fmt::format("{:x}\r\n", text.size());
            piece_.append(text).append("\r\n");
            return piece_;
        }
        over_ = sent_ == message_->size();
        waiting_ = !over_;
        piece_ = over_ && previewed_ ? "0; ieof\r\n\r\n" : kLastChunk;
        return piece_;
    }

    void input(std::string_view bytes) override {
        while (!answer()) {
            switch (parser_.next(bytes)) {
                case Step::kMore:
                    return;
                case Step::kHead:
                    on_head();
                    break;
                case Step::kHttp:
                    on_http();
                    break;
                case Step::kBody:
                    compare(parser_.piece());
                    break;
                case Step::kEnd:
                    if (!continued_)
                        return settle(same_ == message_->size() ? clean_if_over() : found(std::string(kAltered)));
                    continued_ = false;
                    parser_ = {};
                    break;
                case Step::kGarbage:
                    return settle(broken(parser_.why()));
            }
        }
    }

  private:
    void on_head() {
        const auto& head = parser_.head();
        if (const auto threat = threat_in(head); !threat.empty())
            return settle(found(threat));
        if (head.code == 100 && waiting_) {
            waiting_ = false;
            previewed_ = false;
            stop_ = message_->size();
            continued_ = true;
            return;
        }
        // After the preview it may know enough.
        if (head.code == 204)
            return settle(waiting_ ? clean() : clean_if_over());
        if (head.code >= 400)
            return settle(refusal(head));
        if (head.code != 200 || head.find("encapsulated") == nullptr)
            return settle(broken(fmt::format("a reply out of place: {} {}", head.code, head.reason)));
    }

    // The server's own page in place of the message, or the message itself.
    void on_http() {
        auto http = parser_.http();
        const bool response = http.starts_with("HTTP/");
        const bool respmod = method_ == config::IcapMethod::kRespmod;
        const auto blank = http.find(' ');
        const auto code = blank == std::string_view::npos ? std::string_view() : http.substr(blank + 1, 3);
        if (response != respmod || (response && code != "200"))
            settle(found(std::string(kAltered)));
    }

    void compare(std::string_view piece) {
        if (message_->bytes().substr(same_, piece.size()) != piece)
            return settle(found(std::string(kAltered)));
        same_ += piece.size();
    }

    [[nodiscard]] Answer clean_if_over() const {
        return over_ ? clean() : broken("it called the message clean before it had all of it");
    }

    mail::MessagePtr message_;
    config::IcapMethod method_;
    std::string piece_;
    std::size_t sent_ = 0;    // octets of the message
    std::size_t stop_ = 0;    // where the preview ends, or the message
    bool previewed_ = false;  // what is sent is a preview
    bool begun_ = false;
    bool over_ = false;       // all of it is sent
    bool waiting_ = false;    // for 100 Continue, or the verdict
    bool continued_ = false;  // the reply that is read is 100 Continue
    std::size_t same_ = 0;    // octets that came back as they were
    IcapReplyParser parser_;
};

}  // namespace

std::string threat_in(const IcapHead& head) {
    std::string threat;
    for (const auto& [name, value] : head.fields) {
        if (name == "x-infection-found")
            threat = infection(value);
        else if (name == "x-virus-id")
            threat = says_nothing(value) ? std::string() : as_name(without_quotes(value));
        else if (name == "x-violations-found")
            threat = violation(value);
        else if (name.starts_with("x-blocked"))
            threat = says_nothing(value) ? std::string() : std::string(kBlocked);
        if (!threat.empty())
            break;
    }
    return threat;
}

std::unique_ptr<Conversation> icap_options(const config::ScannerServer& server, config::IcapMethod method) {
    return std::make_unique<Options>(server, method);
}

std::unique_ptr<Conversation> icap_scan(const config::ScannerServer& server, config::IcapMethod method,
                                        const ServerFacts& facts, mail::MessagePtr message) {
    return std::make_unique<IcapScan>(server, method, facts, std::move(message));
}

}  // namespace scanners::network
