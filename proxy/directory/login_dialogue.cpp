#include "directory/login_dialogue.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "config/spelling.hpp"

namespace directory {
namespace {

using Verdict = LoginVerdict::Kind;

bool begins_with(std::string_view text, std::string_view start) {
    return text.size() >= start.size() && config::same(text.substr(0, start.size()), start);
}

// Whether `word` stands in `line` as a word of its own.
bool has_word(std::string_view line, std::string_view word) {
    const auto words = config::parse_words(line);
    return std::ranges::any_of(words, [&](const std::string& one) { return config::same(one, word); });
}

// The code in "[AUTH] text" (RFC 2449 section 8, RFC 3501 section 7.1), in capitals; empty: there is none.
std::string response_code(std::string_view text) {
    if (!text.starts_with('['))
        return {};
    auto code = config::lower(text.substr(1, text.find_first_of("] ") - 1));
    std::ranges::transform(code, code.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
    return code;
}

// The ways to hand in a password with SASL.
enum class Way { kNone, kPlain, kLogin };

// ---- SMTP (RFC 4954)

class SmtpDialogue final : public LoginDialogue {
  public:
    using LoginDialogue::LoginDialogue;

  private:
    void ask_capabilities() override { say("EHLO localhost"); }
    std::string_view farewell() const override { return "QUIT"; }

    void receive(std::string_view line) override {
        const bool is_reply = line.size() >= 3 &&
                              std::all_of(line.begin(), line.begin() + 3, [](char c) { return c >= '0' && c <= '9'; });
        if (!is_reply || (line.size() > 3 && line[3] != ' ' && line[3] != '-'))
            return finish(Verdict::kCannotTell, line);
        const bool last = line.size() == 3 || line[3] == ' ';
        if (way_ == Way::kNone)
            return capability(line, last);
        if (last)
            answer(line);
    }

    void capability(std::string_view line, bool last) {
        if (line[0] != '2')
            return finish(Verdict::kCannotTell, line);
        const auto text = line.substr(std::min<std::size_t>(line.size(), 4));
        // Old servers write "AUTH=".
        if (begins_with(text, "AUTH ") || begins_with(text, "AUTH=")) {
            has_plain_ = has_plain_ || has_word(text.substr(5), "PLAIN");
            has_login_ = has_login_ || has_word(text.substr(5), "LOGIN");
        }
        if (!last)
            return;
        if (!has_plain_ && !has_login_)
            return finish(Verdict::kCannotTell, "the server offers neither AUTH PLAIN nor AUTH LOGIN");
        way_ = has_plain_ ? Way::kPlain : Way::kLogin;
        if (has_plain_) {
            sent_ = true;
            say_secret("AUTH PLAIN ", plain());
        } else {
            say("AUTH LOGIN");
        }
    }

    void answer(std::string_view line) {
        const auto code = line.substr(0, 3);
        if (code == "334")
            return challenge();
        if (code == "235" && sent_)
            return finish(Verdict::kRight, line);
        // Of all that may be said here only 535 is about the password; 454 is a fault of the server, 534 and 538 say
        // that it wants another way.
        const bool transient = line.substr(3).starts_with(" 4.");
        finish(code == "535" && sent_ && !transient ? Verdict::kWrong : Verdict::kCannotTell, line);
    }

    // With PLAIN an old server may want what it had already; with LOGIN everybody takes it for granted that the name is
    // wanted first, and then the password.
    void challenge() {
        const auto step = challenges_++;
        if (step > (way_ == Way::kPlain ? 0 : 1))
            return finish(Verdict::kCannotTell, "the server wants more than name and password");
        if (way_ == Way::kPlain)
            return say_secret("", plain());
        sent_ = step == 1;
        say_secret("", in_base64(step == 0 ? std::string_view(user()) : password()));
    }

    Way way_ = Way::kNone;
    bool has_plain_ = false;
    bool has_login_ = false;
    bool sent_ = false;  // the password
    unsigned challenges_ = 0;
};

// ---- POP3 (RFC 1939, 2449, 5034)

class Pop3Dialogue final : public LoginDialogue {
  public:
    using LoginDialogue::LoginDialogue;

  private:
    enum class State { kCapabilities, kList, kUser, kLogin, kPassword };

    void ask_capabilities() override { say("CAPA"); }
    std::string_view farewell() const override { return "QUIT"; }

    void receive(std::string_view line) override {
        const bool positive = begins_with(line, "+OK");
        const bool negative = begins_with(line, "-ERR");
        switch (state_) {
            case State::kCapabilities:
                if (positive)
                    state_ = State::kList;
                else  // it knows no CAPA
                    log_in();
                return;
            case State::kList:
                if (line == ".")
                    return log_in();
                if (begins_with(line, "SASL ")) {
                    has_plain_ = has_word(line, "PLAIN");
                    has_login_ = has_word(line, "LOGIN");
                }
                return;
            case State::kUser:
                // Some refuse an unknown name here; others refuse USER as such, without TLS for instance.
                if (!positive)
                    return refused(line, negative && knows_codes(line));
                state_ = State::kPassword;
                return say_secret("PASS ", Secret(std::string(password())));
            case State::kLogin:
                if (!line.starts_with("+ ") && line != "+")
                    return refused(line, false);
                if (challenges_++ == 0)
                    return say_secret("", in_base64(user()));
                state_ = State::kPassword;
                return say_secret("", in_base64(password()));
            case State::kPassword:
                if (positive)
                    return finish(Verdict::kRight, line);
                return refused(line, negative);
        }
    }

    void log_in() {
        if (has_plain_) {
            state_ = State::kPassword;
            say_secret("AUTH PLAIN ", plain());
        } else if (has_login_) {
            state_ = State::kLogin;
            say("AUTH LOGIN");
        } else {
            state_ = State::kUser;
            say("USER " + user());
        }
    }

    static bool knows_codes(std::string_view line) { return !code_of(line).empty(); }
    static std::string code_of(std::string_view line) {
        return response_code(line.substr(std::min<std::size_t>(line.size(), std::string_view("-ERR ").size())));
    }

    // RFC 2449 section 8.1, RFC 3206: AUTH is about name and password; SYS/TEMP, SYS/PERM, IN-USE, LOGIN-DELAY are not.
    // A server without such codes means the password.
    void refused(std::string_view line, bool may_be_wrong) {
        const auto code = code_of(line);
        finish(may_be_wrong && (code.empty() || code == "AUTH") ? Verdict::kWrong : Verdict::kCannotTell, line);
    }

    State state_ = State::kCapabilities;
    bool has_plain_ = false;
    bool has_login_ = false;
    unsigned challenges_ = 0;
};

// ---- IMAP (RFC 3501)

class ImapDialogue final : public LoginDialogue {
  public:
    using LoginDialogue::LoginDialogue;

  private:
    enum class State { kCapabilities, kPlain, kAnswer };

    void ask_capabilities() override { say("a1 CAPABILITY"); }
    std::string_view farewell() const override { return "a3 LOGOUT"; }

    void receive(std::string_view line) override {
        const bool tagged = begins_with(line, state_ == State::kCapabilities ? "a1 " : "a2 ");
        if (line.starts_with('*'))
            return untagged(line);
        if (line.starts_with('+')) {
            if (state_ != State::kPlain)
                return finish(Verdict::kCannotTell, "the server wants more than name and password");
            state_ = State::kAnswer;
            return say_secret("", plain());
        }
        if (!tagged)
            return finish(Verdict::kCannotTell, line);
        const auto text = line.substr(3);
        if (state_ == State::kCapabilities)
            begins_with(text, "OK") ? log_in() : finish(Verdict::kCannotTell, line);
        else
            answer(line, text);
    }

    void untagged(std::string_view line) {
        if (begins_with(line, "* BYE"))
            return finish(Verdict::kCannotTell, line);
        if (state_ != State::kCapabilities || !begins_with(line, "* CAPABILITY "))
            return;
        has_plain_ = has_word(line, "AUTH=PLAIN");
        no_login_ = has_word(line, "LOGINDISABLED");
    }

    void log_in() {
        if (has_plain_) {
            state_ = State::kPlain;
            return say("a2 AUTHENTICATE PLAIN");
        }
        if (no_login_)
            return finish(Verdict::kCannotTell, "the server offers neither AUTH=PLAIN nor LOGIN");
        state_ = State::kAnswer;
        std::string line = quoted(user()) + " ";
        const Secret secret{quoted(password())};
        line.reserve(line.size() + secret.view().size());
        line += secret.view();
        say_secret("a2 LOGIN ", Secret(std::move(line)));
    }

    // RFC 3501 section 4.3.
    static std::string quoted(std::string_view text) {
        std::string all;
        all.reserve(2 * text.size() + 2);  // no copy is left behind by growing
        all += '"';
        for (const char c : text) {
            if (c == '"' || c == '\\')
                all += '\\';
            all += c;
        }
        return all += '"';
    }

    // RFC 5530 section 3: these three are about who logs in; UNAVAILABLE, PRIVACYREQUIRED, CONTACTADMIN, LIMIT and the
    // like are not. A server without such codes means the password.
    void answer(std::string_view line, std::string_view text) {
        if (state_ == State::kPlain)  // the password was not even said
            return finish(Verdict::kCannotTell, line);
        if (begins_with(text, "OK"))
            return finish(Verdict::kRight, line);
        if (!begins_with(text, "NO"))
            return finish(Verdict::kCannotTell, line);
        static constexpr std::array<std::string_view, 6> kOfUser{
            "", "ALERT", "CAPABILITY", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED"};
        const auto code = response_code(text.substr(std::min<std::size_t>(text.size(), 3)));
        finish(std::ranges::find(kOfUser, code) != kOfUser.end() ? Verdict::kWrong : Verdict::kCannotTell, line);
    }

    State state_ = State::kCapabilities;
    bool has_plain_ = false;
    bool no_login_ = false;
};

}  // namespace

LoginDialogue::~LoginDialogue() {
    wipe(output_);
}

std::unique_ptr<LoginDialogue> LoginDialogue::make(config::LoginType type, std::string user, const Secret& password) {
    switch (type) {
        case config::LoginType::kSmtp:
            return std::make_unique<SmtpDialogue>(std::move(user), password);
        case config::LoginType::kPop3:
            return std::make_unique<Pop3Dialogue>(std::move(user), password);
        case config::LoginType::kImap:
            return std::make_unique<ImapDialogue>(std::move(user), password);
        case config::LoginType::kLdap:
            break;
    }
    return nullptr;
}

void LoginDialogue::feed(std::string_view line) {
    if (finished_)
        return;
    if (++lines_ > kMaxLines || line.size() > kMaxLine)
        return finish(LoginVerdict::Kind::kCannotTell, "the server says too much");
    receive(line);
}

void LoginDialogue::say(std::string_view line) {
    output_.append(line).append("\r\n");
}

void LoginDialogue::say_secret(std::string_view prefix, Secret secret) {
    // So that no copy is left behind by growing.
    output_.reserve(output_.size() + prefix.size() + secret.view().size() + 2);
    output_.append(prefix).append(secret.view()).append("\r\n");
}

void LoginDialogue::finish(LoginVerdict::Kind kind, std::string_view reason) {
    constexpr std::size_t kShown = 300;
    finished_ = true;
    verdict_ = {kind, std::string(reason.substr(0, kShown))};
    wipe(output_);
    say(farewell());
}

Secret LoginDialogue::in_base64(std::string_view text) const {
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string encoded;
    encoded.reserve((text.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < text.size(); i += 3) {
        const auto octet = [&](std::size_t at) {
            return at < text.size() ? static_cast<unsigned>(static_cast<unsigned char>(text[at])) : 0U;
        };
        const unsigned group = octet(i) << 16U | octet(i + 1) << 8U | octet(i + 2);
        encoded += kAlphabet[group >> 18U];
        encoded += kAlphabet[group >> 12U & 63U];
        encoded += i + 1 < text.size() ? kAlphabet[group >> 6U & 63U] : '=';
        encoded += i + 2 < text.size() ? kAlphabet[group & 63U] : '=';
    }
    return Secret(std::move(encoded));
}

Secret LoginDialogue::plain() const {
    std::string message;
    message.reserve(user_.size() + password_.view().size() + 2);
    message.append(1, '\0').append(user_).append(1, '\0').append(password_.view());
    const Secret whole(std::move(message));
    return in_base64(whole.view());
}

}  // namespace directory
