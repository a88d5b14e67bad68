// How a mail server is asked whether name and password go together: the lines that are said and what is made of the
// answers, for SMTP AUTH (RFC 4954), POP3 (RFC 1939, 5034) and IMAP (RFC 3501, 4959), once the connection is there,
// greeted and, where that is wanted, encrypted. No socket: fed lines, asked for output.
//
// Only an answer to the password itself is "right" or "wrong"; whatever else goes wrong, or is refused for another
// reason (RFC 2449, 3206, 4954, 5530), means that nobody can tell.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "config/directory_settings.hpp"
#include "directory/secret.hpp"

namespace directory {

struct LoginVerdict {
    enum class Kind { kRight, kWrong, kCannotTell };
    Kind kind = Kind::kCannotTell;
    std::string reason;  // what the server said, or what it lacks; for the log
};

class LoginDialogue {
  public:
    static constexpr std::size_t kMaxLine = 8192;  // octets of the server's, with its end
    static constexpr unsigned kMaxLines = 200;     // of its, in all

    // For the protocol of `type` (not kLdap). `user` and the password have no NUL, CR or LF. `password` outlives this.
    static std::unique_ptr<LoginDialogue> make(config::LoginType type, std::string user, const Secret& password);
    LoginDialogue(std::string user, const Secret& password) : user_(std::move(user)), password_(password) {}
    virtual ~LoginDialogue();
    LoginDialogue(const LoginDialogue&) = delete;
    LoginDialogue& operator=(const LoginDialogue&) = delete;

    // What to say first.
    void begin() { ask_capabilities(); }
    // One line from the server, without its end.
    void feed(std::string_view line);
    // What to say now, and empties it. It may hold the password: the caller wipes it.
    std::string take_output() { return std::exchange(output_, {}); }
    // The answer is there; what output there is says good-bye.
    [[nodiscard]] bool finished() const { return finished_; }
    [[nodiscard]] const LoginVerdict& verdict() const { return verdict_; }

  protected:
    virtual void ask_capabilities() = 0;
    virtual void receive(std::string_view line) = 0;
    virtual std::string_view farewell() const = 0;

    void say(std::string_view line);
    // Says `prefix` and `secret`, of which no copy stays.
    void say_secret(std::string_view prefix, Secret secret);
    void finish(LoginVerdict::Kind kind, std::string_view reason);

    [[nodiscard]] Secret plain() const;  // RFC 4616 message, in base64
    [[nodiscard]] Secret in_base64(std::string_view text) const;
    [[nodiscard]] const std::string& user() const { return user_; }
    [[nodiscard]] std::string_view password() const { return password_.view(); }

  private:
    std::string user_;
    const Secret& password_;
    std::string output_;
    unsigned lines_ = 0;
    bool finished_ = false;
    LoginVerdict verdict_;
};

}  // namespace directory
