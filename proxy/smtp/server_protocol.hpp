// The server side of SMTP (RFC 5321) and LMTP (RFC 2033): grammar and order of commands, towards the upstream.
// Sans-I/O.
//
// The owner feeds bytes and gets events; each event marked "answer" must be answered once with answer(), later or at
// once, in order. What needs no decision (NOOP, HELP, VRFY, EXPN, RSET, QUIT, bad commands) is answered here. While an
// answer is outstanding nothing further is taken from the input, with one exception: RCPT after RCPT, so that a
// pipelining upstream (RFC 2920) gets its recipients checked without a round trip each. Not thread-safe; no clock, no
// socket.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "smtp/after_data.hpp"
#include "smtp/client_attributes.hpp"
#include "smtp/command.hpp"
#include "smtp/data_codec.hpp"
#include "smtp/reply.hpp"

namespace smtp {

inline constexpr std::size_t kMaxBodyPiece = 65536;  // octets of one Body event

struct ServerLimits {
    std::size_t command_line = 4096;        // octets with CRLF; longer lines get 500 and count as an error
    unsigned errors = 20;                   // bad commands in one session that get a reply; the next one gets 421
    unsigned commands = 100000;             // lines of one session that get a reply; the next one gets 421
    unsigned outstanding_recipients = 100;  // RCPT commands handed out and not yet answered
    AfterData after_data = AfterData::kQuitOnly;
    bool client_attributes = false;  // XCLIENT and XFORWARD are known; else they get 500
};

class ServerProtocol {
  public:
    // Events.
    struct Hello {         // answer: 250, or 4xx
        Verb verb;         // kEhlo, kHelo, kLhlo
        std::string name;  // what the client calls itself; may be empty, never trusted
    };
    struct Mail {  // answer
        PathArgument argument;
    };
    struct Rcpt {  // answer
        PathArgument argument;
    };
    // answer: 220, then switch the connection to TLS at once and call secured(); or 454. Commands in the clear behind
    // STARTTLS are refused here with the whole session (CVE-2011-0411); the owner looks at its own buffer once more.
    struct Starttls {};
    struct Data {};  // answer: 354 begins data, anything else ends the transaction
    struct Body {    // no answer: a piece of the decoded message; valid until the next call, and as long as the input
        std::string_view text;
    };
    struct EndOfData {};       // answer: the receipt or the refusal; ends the transaction
    struct Reset {};           // no answer: the transaction, if any, is void (RSET, or EHLO in the middle)
    struct Xclient {           // answer: 220 begins the session anew, as it was after the greeting
        std::string argument;  // for parse_xclient()
    };
    struct Xforward {          // answer: 250
        std::string argument;  // for parse_xforward()
    };
    struct Quit {};  // no answer: 221 is in the output; close when it is written
    struct Broken {  // no answer: 421 is in the output; close when it is written
        enum class Why { kErrors, kCommands, kClearBehindStarttls } why;
    };
    struct Nothing {};  // more input is needed, or an answer is outstanding
    using Event = std::variant<Nothing, Hello, Starttls, Mail, Rcpt, Data, Body, EndOfData, Reset, Xclient, Xforward,
                               Quit, Broken>;

    explicit ServerProtocol(std::string hostname, ServerLimits limits = {});

    // Puts "220 hostname text" into the output.
    void greet(std::string_view text);

    // Consumes from the front of `bytes` (it is shortened) and returns the next event. Call until it returns Nothing;
    // then feed again with more bytes, or with the same rest after an answer(). A command line that is not whole yet
    // stays in `bytes`: give it again with what follows (the owner's buffer must hold ServerLimits::command_line).
    Event next(std::string_view& bytes);

    // Answers the oldest unanswered event. In LMTP the answer to the end of data is given for every recipient.
    void answer(const Reply& reply);
    // LMTP: answers the end of data, with a reply for each accepted recipient, in order.
    void answer_each(const std::vector<Reply>& replies);

    // STARTTLS is taken from now on; `required`: without it MAIL gets 530.
    void offer_starttls(bool required);
    // TLS has begun: what was said before is forgotten, the client starts over with EHLO (RFC 3207 section 4.2).
    void secured();
    [[nodiscard]] bool offers_starttls() const { return tls_ == Tls::kOffered; }

    // Ends the session from our side: `reply` (421) goes to the output, and next() gives Nothing from now on.
    void close(const Reply& reply);

    // What is to be sent, and empties it. Batched: take it when next() has returned Nothing.
    std::string take_output();

    // The end of data is not answered yet, and `bytes`, the whole rest of the input, is none of what may stand behind
    // it (after_data.hpp). Nothing of it is taken by next(); ask before the message is acted on, and when more comes.
    [[nodiscard]] bool strays(std::string_view bytes) const;

    // True while no answer is outstanding or a further RCPT could be taken; false: stop reading from the network.
    [[nodiscard]] bool wants_input() const;
    // Answers that the upstream waits for.
    [[nodiscard]] std::size_t owed_answers() const { return outstanding_; }
    [[nodiscard]] bool in_data() const;
    [[nodiscard]] bool in_transaction() const;
    [[nodiscard]] bool esmtp() const { return greeting_ != Verb::kHelo; }  // the last greeting was EHLO or LHLO
    [[nodiscard]] bool lmtp() const { return greeting_ == Verb::kLhlo; }
    [[nodiscard]] const std::string& client_name() const { return client_name_; }
    [[nodiscard]] std::size_t accepted_recipients() const { return accepted_; }
    [[nodiscard]] std::size_t overlong_lines() const { return overlong_lines_; }  // commands, of the whole session
    // Of the message in hand, or the last one.
    [[nodiscard]] std::size_t mended_newlines() const { return decoder_.mended(); }
    [[nodiscard]] bool undotted() const { return decoder_.undotted(); }

  private:
    // What the outstanding answers are for.
    enum class Pending { kNone, kHello, kStarttls, kMail, kRcpt, kData, kEndOfData, kXclient, kXforward };
    enum class State { kStart, kReady, kMail, kData, kSwitching, kClosed };
    enum class Tls { kNone, kOffered, kActive };
    struct Line;

    [[nodiscard]] Line peek_line(std::string_view bytes) const;
    bool skip_line(std::string_view& bytes);
    Event refuse_line(const Line& line);
    static bool is_valid_recipient(const Command& command);
    static bool is_greeting(Verb verb);

    Event command(const Command& command, std::string_view behind);
    Event hello(const Command& command);
    Event starttls(const Command& command, std::string_view behind);
    Event mail(const Command& command);
    Event rcpt(const Command& command);
    Event data(const Command& command);
    Event rset(const Command& command);
    Event quit(const Command& command);
    Event client_attributes(const Command& command);
    Event take_body(std::string_view& bytes);

    Event await(Pending answer, Event event);
    Event send(const Reply& reply);    // no error: Nothing
    Event refuse(const Reply& reply);  // counts: Nothing, or Broken
    Event refuse_without_mail();
    void settle(const Reply& reply);
    Event break_off(Broken::Why why, std::string_view text);
    void greeted();
    void begin_data();
    void reset_transaction();

    std::string hostname_;
    ServerLimits limits_;
    State state_ = State::kStart;
    Tls tls_ = Tls::kNone;
    bool tls_required_ = false;
    Pending pending_ = Pending::kNone;
    std::size_t outstanding_ = 0;  // answers owed; above 1 only for RCPT
    bool blocked_ = false;         // a command stands in the input that waits for the answers owed
    std::string pending_client_name_;
    Verb pending_greeting_ = Verb::kHelo;
    Verb greeting_ = Verb::kHelo;
    std::string client_name_;
    std::size_t accepted_ = 0;
    std::size_t offered_ = 0;    // RCPT commands in this transaction
    bool mail_refused_ = false;  // the last MAIL; what was pipelined behind it is no error of the client
    unsigned errors_ = 0;
    unsigned commands_ = 0;
    std::size_t overlong_lines_ = 0;
    bool skipping_line_ = false;  // inside a command line that was refused before its end
    bool data_ended_ = false;     // the end of data was seen, its event is still to be given
    DataDecoder decoder_;
    std::string text_;  // of a Body that is not its input as it stands
    std::string output_;
};

}  // namespace smtp
