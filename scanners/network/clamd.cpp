#include "scanners/network/clamd.hpp"

#include <array>
#include <ctime>
#include <utility>

#include "scanners/clamav/alert.hpp"

namespace scanners::network {
namespace {

constexpr std::string_view kVersion{"zVERSION", 9};  // with its NUL
constexpr std::string_view kInstream{"zINSTREAM", 10};

// A reply ends in the NUL that 'z' asks for; some servers end lines whatever they were asked.
class OneReply : public Conversation {
  public:
    void input(std::string_view bytes) override {
        const auto end = bytes.find_first_of(std::string_view("\0\n", 2));
        reply_.append(bytes.substr(0, std::min(end, kMaxClamdReply + 1)));
        if (reply_.size() > kMaxClamdReply)
            settle(broken("the reply is too long"));
        else if (end != std::string_view::npos)
            on_reply(reply_);
    }

    void end(std::string_view why) override {
        settle(broken(reply_.empty() ? "no reply: " + std::string(why) : "half a reply: " + std::string(why)));
    }

  protected:
    virtual void on_reply(std::string_view reply) = 0;

  private:
    std::string reply_;
};

class Version final : public OneReply {
  public:
    std::string_view output() override { return std::exchange(unsent_, {}); }

  private:
    void on_reply(std::string_view reply) override {
        auto answer = clean();
        answer.facts.signatures = reply.substr(0, kMaxDetail);
        answer.facts.made = clamd_signature_date(reply);
        settle(std::move(answer));
    }

    std::string_view unsent_ = kVersion;
};

class ClamdScan final : public OneReply {
  public:
    explicit ClamdScan(mail::MessagePtr message) : message_(std::move(message)) {}

    std::string_view output() override {
        if (ended_)
            return {};
        piece_ = begun_ ? std::string_view() : kInstream;
        begun_ = true;
        const auto text = message_->bytes().substr(sent_, kPiece);
        sent_ += text.size();
        ended_ = text.empty();  // a chunk of no octets is the end
        for (const int shift : {24, 16, 8, 0})
            piece_ += static_cast<char>(text.size() >> shift & 0xff);
        piece_ += text;
        return piece_;
    }

  private:
    // It may come at any time: a message that is too long is not read to its end.
    void on_reply(std::string_view reply) override {
        auto answer = interpret_clamd(reply);
        if (!ended_ && answer.result.outcome == policy::Outcome::kClean)
            answer = broken("it said OK before it had the whole message");
        settle(std::move(answer));
    }

    mail::MessagePtr message_;
    std::string piece_;
    std::size_t sent_ = 0;
    bool begun_ = false;
    bool ended_ = false;
};

bool take_suffix(std::string_view& text, std::string_view suffix) {
    if (!text.ends_with(suffix))
        return false;
    text.remove_suffix(suffix.size());
    return true;
}

}  // namespace

Answer interpret_clamd(std::string_view reply) {
    if (!reply.empty() && reply.back() == '\r')
        reply.remove_suffix(1);
    const auto whole = reply;
    if (take_suffix(reply, " ERROR") || whole == "ERROR") {
        // The limit is in clamd.conf, the same on every server that is set up alike.
        if (whole.find("size limit exceeded") != std::string_view::npos)
            return {unknown(policy::Cause::kLimit, reply)};
        if (whole.find("Bad format or broken data") != std::string_view::npos)
            return {unknown(policy::Cause::kMalformed, reply)};
        return refused(whole);
    }
    constexpr std::string_view kStream = "stream: ";
    if (!reply.starts_with(kStream))
        return broken("a reply that is none: " + std::string(whole));
    reply.remove_prefix(kStream.size());
    if (reply == "OK")
        return clean();
    // A name without FOUND, or FOUND without a name, is nothing that clamd says.
    if (!take_suffix(reply, " FOUND") || reply.empty() || reply.size() > kMaxName)
        return broken("a reply that is none: " + std::string(whole));
    return {clamav::interpret_alert({}, reply)};
}

std::optional<base::Wall::time_point> clamd_signature_date(std::string_view version) {
    const auto first = version.find('/');
    const auto second = first == std::string_view::npos ? first : version.find('/', first + 1);
    if (second == std::string_view::npos)
        return std::nullopt;
    const std::string date(version.substr(second + 1));
    std::tm local{};
    const char* const end = ::strptime(date.c_str(), "%a %b %d %H:%M:%S %Y", &local);
    if (end == nullptr || (*end != '\0' && *end != '\r'))
        return std::nullopt;
    local.tm_isdst = -1;
    const auto made = std::mktime(&local);
    return made == -1 ? std::nullopt : std::optional(base::Wall::from_time_t(made));
}

std::unique_ptr<Conversation> clamd_version() {
    return std::make_unique<Version>();
}

std::unique_ptr<Conversation> clamd_scan(mail::MessagePtr message) {
    return std::make_unique<ClamdScan>(std::move(message));
}

}  // namespace scanners::network
