// The server side of SMTP (RFC 5321): grammar and order of commands, towards the upstream. Sans-I/O.
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

#include "smtp/command.hpp"
#include "smtp/data_codec.hpp"
#include "smtp/reply.hpp"

namespace smtp {

struct ServerLimits {
    std::size_t command_line = 4096;        // octets with CRLF; longer lines get 500 and count as an error
    unsigned errors = 20;                   // bad commands in one session before 421
    unsigned outstanding_recipients = 100;  // RCPT commands handed out and not yet answered
};

class ServerProtocol {
  public:
    // Events.
    struct Hello {         // answer: 250, or 4xx
        Verb verb;         // kEhlo, kHelo
        std::string name;  // what the client calls itself; may be empty, never trusted
    };
    struct Mail {  // answer
        PathArgument argument;
    };
    struct Rcpt {  // answer
        PathArgument argument;
    };
    struct Data {};  // answer: 354 begins data, anything else ends the transaction
    struct Body {    // no answer: a piece of the decoded message
        std::string text;
    };
    struct EndOfData {};  // answer: the receipt or the refusal; ends the transaction
    struct Reset {};      // no answer: the transaction, if any, is void (RSET, or EHLO in the middle)
    struct Quit {};       // no answer: 221 is in the output; close when it is written
    struct Broken {       // no answer: 421 or 500 is in the output; close when it is written
        std::string why;  // for the log
    };
    struct Nothing {};  // more input is needed, or an answer is outstanding
    using Event = std::variant<Nothing, Hello, Mail, Rcpt, Data, Body, EndOfData, Reset, Quit, Broken>;

    explicit ServerProtocol(std::string hostname, ServerLimits limits = {});

    // Puts "220 hostname text" into the output.
    void greet(std::string_view text);

    // Consumes from the front of `bytes` (it is shortened) and returns the next event. Call until it returns Nothing;
    // then feed again with more bytes, or with the same rest after an answer().
    Event next(std::string_view& bytes);

    // Answers the oldest unanswered event.
    void answer(const Reply& reply);

    // Ends the session from our side: `reply` (421) goes to the output, and next() gives Nothing from now on.
    void close(const Reply& reply);

    // What is to be sent, and empties it. Batched: take it when next() has returned Nothing.
    std::string take_output();

    // True while no answer is outstanding or a further RCPT could be taken; false: stop reading from the network.
    [[nodiscard]] bool wants_input() const;
    [[nodiscard]] bool in_data() const;
    [[nodiscard]] bool in_transaction() const;
    [[nodiscard]] bool esmtp() const { return esmtp_; }  // the last greeting was EHLO
    [[nodiscard]] const std::string& client_name() const { return client_name_; }
    [[nodiscard]] std::size_t accepted_recipients() const { return accepted_; }
    [[nodiscard]] std::size_t mended_newlines() const { return decoder_.mended(); }

  private:
    // What an outstanding answer is for.
    enum class Pending { kNone, kHello, kMail, kRcpt, kData, kEndOfData };
    enum class State { kStart, kReady, kMail, kData, kClosed };

    Event command(std::string_view line);
    Event refuse(const Reply& reply);
    void reset_transaction();

    std::string hostname_;
    ServerLimits limits_;
    State state_ = State::kStart;
    Pending pending_ = Pending::kNone;
    Pending hello_verb_ = Pending::kNone;
    bool esmtp_ = false;
    std::string client_name_;
    std::string pending_client_name_;
    bool pending_esmtp_ = false;
    std::size_t outstanding_ = 0;  // answers owed; above 1 only for RCPT
    std::size_t accepted_ = 0;
    std::size_t offered_ = 0;  // RCPT commands in this transaction
    unsigned errors_ = 0;
    bool skipping_line_ = false;  // inside a command line that is too long
    DataDecoder decoder_;
    std::string output_;
};

}  // namespace smtp
