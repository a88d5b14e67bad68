// The client side of SMTP (RFC 5321, RFC 2920), towards a delivery server. Sans-I/O.
//
// The owner queues commands; they go out pipelined where the server offers it, else one by one, and every reply comes
// back with the command that it answers. What a reply means (relay, 451, fail-over) is decided by the owner.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <variant>

#include "smtp/data_codec.hpp"
#include "smtp/extensions.hpp"
#include "smtp/reply.hpp"

namespace smtp {

class ClientProtocol {
  public:
    enum class Expect {
        kGreeting,
        kEhlo,
        kHelo,
        kStarttls,
        kMail,
        kRcpt,
        kData,
        kEndOfData,
        kRset,
        kQuit,
        kXforward,
        kVrfy
    };

    struct Answer {
        Expect to;
        Reply reply;
    };
    struct Garbage {
        std::string why;
    };
    struct Unexpected {  // a reply that nothing waits for: 421 of a server that shuts down, or a server out of step
        Reply reply;
    };
    struct Nothing {};
    using Event = std::variant<Nothing, Answer, Garbage, Unexpected>;

    // Waits for the greeting at first.
    ClientProtocol();

    void ehlo(std::string_view hostname);
    void helo(std::string_view hostname);
    // After a positive answer, which is the last thing in the clear, the owner switches to TLS and says EHLO again:
    // what was learned before is forgotten (RFC 3207 section 4.2). Octets behind that answer are Garbage.
    void starttls();
    // `parameters` in wire form, each with a blank before it.
    void mail(std::string_view reverse_path, std::string_view parameters);
    void rcpt(std::string_view forward_path, std::string_view parameters);
    void data();
    void rset();
    // `attributes`: one of xforward_commands().
    void xforward(std::string_view attributes);
    void quit();
    void vrfy(std::string_view address);

    // After a 354: message text in pieces, then the end, as they are to be sent: the owner sends them itself, as its
    // socket takes them, and nothing else meanwhile. Both as DataEncoder's.
    std::size_t body(std::string_view canonical_text, Runs& out, std::size_t most, bool undotted = false);
    void end_of_data(Runs& out);
    // All of it has been sent: an answer may come.
    void data_sent();

    // Consumes from the front of `bytes` (it is shortened). Call until Nothing. An Answer to EHLO sets extensions().
    Event next(std::string_view& bytes);

    std::string take_output();
    [[nodiscard]] const Extensions& extensions() const { return extensions_; }
    // Commands sent or waiting that have no answer yet.
    [[nodiscard]] std::size_t outstanding() const { return sent_.size() + waiting_.size(); }

  private:
    struct Queued {
        Expect expect;
        std::string line;
    };
    void queue(Expect expect, std::string_view line);
    void release();

    Extensions extensions_;
    std::deque<Expect> sent_;
    std::deque<Queued> waiting_;
    bool in_body_ = false;  // from the 354 to end_of_data(): nothing else may go out
    DataEncoder encoder_;
    ReplyParser parser_;
    std::string output_;
};

}  // namespace smtp
