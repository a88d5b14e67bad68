// The server side of SMTP: events in a legal order, a reply for each line, and all of it the same for any chunking.
#include "smtp/server_protocol.hpp"

#include <algorithm>
#include <deque>

#include "smtp/text.hpp"
#include "target.hpp"

namespace {

using fuzz::require;
using Server = smtp::ServerProtocol;

// How the owner behaves, which must not depend on how the bytes come in.
struct Owner {
    std::uint32_t seed = 0;
    bool late = false;  // answers to recipients wait until nothing else can be done

    // Of the answer with this number: mostly yes.
    [[nodiscard]] int code(unsigned number, int yes) const {
        const auto dice = (seed + number) * 2654435761U >> 24;
        return dice < 200 ? yes : dice < 230 ? 451 : 550;
    }
};

// One run. Keeps the order of events as RFC 5321 has it, beside the protocol.
class Run {
  public:
    explicit Run(Owner owner) : owner_(owner), server_("sandwich.test") {}

    void feed(std::string_view bytes) {
        input_ += bytes;
        for (;;) {
            std::string_view rest = input_;
            const bool in_data = server_.in_data();
            auto event = server_.next(rest);
            const auto taken = std::string_view(input_).substr(0, input_.size() - rest.size());
            if (!in_data && !over_)
                count_lines(taken);
            input_.erase(0, taken.size());
            take_output();
            if (std::holds_alternative<Server::Nothing>(event)) {
                if (waiting_.empty())
                    return;
                answer(waiting_.front());
                waiting_.pop_front();
                continue;
            }
            handle(event);
        }
    }

    // Everything that happened, as text.
    [[nodiscard]] const std::string& events() const { return events_; }
    [[nodiscard]] const std::string& output() const { return output_; }

  private:
    void count_lines(std::string_view taken) {
        for (auto at = taken.find("\r\n"); at != std::string_view::npos; at = taken.find("\r\n", at + 2))
            ++lines_;
    }

    // What goes out are whole replies, one for each line; a line that is refused before its end has one early.
    void take_output() {
        const auto text = server_.take_output();
        output_ += text;
        std::string_view rest = text;
        while (!rest.empty()) {
            const auto outcome = parser_.feed(rest);
            const auto* reply = std::get_if<smtp::Reply>(&outcome);
            require(reply != nullptr, "the output is whole replies");
            ++replies_;
            refused_ += reply->code == 500 || reply->code == 502 ? 1U : 0U;
        }
        require(refused_ <= smtp::ServerLimits{}.errors, "nonsense is borne for a while only");
        const auto answered = replies_ + server_.owed_answers();
        if (!over_)
            require(answered == lines_ + receipts_ || answered == lines_ + receipts_ + 1, "a reply for each line");
    }

    void answer(int code) {
        server_.answer(smtp::make_reply(code, "", "answer"));
        take_output();
    }

    int next_code(int yes) { return owner_.code(answers_++, yes); }

    void handle(const Server::Event& event) {
        require(!over_, "nothing happens after the end");
        if (const auto* hello = std::get_if<Server::Hello>(&event)) {
            events_ += "hello " + hello->name + "\n";
            require(!in_transaction_ && !in_text_, "a greeting begins anew");
            const int code = next_code(250);
            greeted_ = greeted_ || code == 250;
            if (code == 250)
                lmtp_ = hello->verb == smtp::Verb::kLhlo;
            answer(code);
        } else if (const auto* mail = std::get_if<Server::Mail>(&event)) {
            events_ += "mail " + described(mail->argument) + "\n";
            require(greeted_ && !in_transaction_, "MAIL after the greeting, outside a transaction");
            const int code = next_code(250);
            in_transaction_ = code == 250;
            accepted_ = 0;
            answer(code);
        } else if (const auto* rcpt = std::get_if<Server::Rcpt>(&event)) {
            events_ += "rcpt " + described(rcpt->argument) + "\n";
            require(in_transaction_ && !in_text_, "RCPT after MAIL");
            require(!rcpt->argument.path.empty(), "a recipient is not empty");
            const int code = next_code(250);
            accepted_ += code == 250 ? 1U : 0U;
            if (owner_.late)
                waiting_.push_back(code);
            else
                answer(code);
        } else {
            handle_text(event);
        }
    }

    void handle_text(const Server::Event& event) {
        if (std::holds_alternative<Server::Data>(event)) {
            events_ += "data\n";
            require(in_transaction_ && accepted_ > 0 && waiting_.empty(), "DATA after a recipient, all answered");
            const int code = next_code(354);
            in_text_ = code == 354;
            in_transaction_ = in_text_;
            text_.clear();
            answer(code);
        } else if (const auto* body = std::get_if<Server::Body>(&event)) {
            require(in_text_ && !body->text.empty(), "text after the 354");
            require(body->text.size() <= smtp::kMaxBodyPiece, "pieces are bounded");
            text_ += body->text;
        } else if (std::holds_alternative<Server::EndOfData>(event)) {
            require(in_text_, "the end of data after the 354");
            require(!fuzz::has_bare_newline(text_), "no bare CR or LF in a message");
            events_ += "text " + text_ + "\n";
            in_text_ = in_transaction_ = false;
            receipts_ += lmtp_ ? accepted_ : 1;  // RFC 2033: each recipient has an answer of its own
            answer(next_code(250));
        } else if (std::holds_alternative<Server::Reset>(event)) {
            events_ += "reset\n";
            require(!in_text_, "no reset within the text");
            in_transaction_ = false;
        } else {
            events_ += std::holds_alternative<Server::Quit>(event) ? "quit\n" : "broken\n";
            over_ = true;
        }
    }

    static std::string described(const smtp::PathArgument& argument) {
        require(argument.path.size() <= smtp::kMaxPath, "a path is bounded");
        require(argument.parameters.size() <= smtp::kMaxParameters, "parameters are bounded");
        const auto text = argument.path + smtp::parameters_to_wire(argument.parameters);
        require(std::none_of(text.begin(), text.end(), smtp::is_control), "no control character in an address");
        require(argument.path.find_first_of("<>") == std::string::npos ||
                    argument.path.find_first_of("\"\\") != std::string::npos,
                "no bracket in an address, unless quoted");
        return text;
    }

    Owner owner_;
    Server server_;
    smtp::ReplyParser parser_;
    std::string input_;
    std::string events_;
    std::string output_;
    std::deque<int> waiting_;
    unsigned answers_ = 0;
    std::size_t lines_ = 0;
    std::size_t receipts_ = 0;
    std::size_t replies_ = 0;
    std::size_t refused_ = 0;
    bool greeted_ = false;
    bool lmtp_ = false;
    bool in_transaction_ = false;
    bool in_text_ = false;
    bool over_ = false;
    std::size_t accepted_ = 0;
    std::string text_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Source source(fuzz::as_text(data, size));
    const auto choice = static_cast<std::uint32_t>(source.number(2));
    const auto bytes = source.rest();
    const Owner owner{choice >> 1, (choice & 1U) != 0};

    Run whole(owner);
    whole.feed(bytes);

    Run pieces(owner);
    fuzz::Cuts cuts(choice);
    for (auto rest = bytes; !rest.empty();) {
        const auto piece = rest.substr(0, cuts.next());
        pieces.feed(piece);
        rest.remove_prefix(piece.size());
    }
    require(whole.events() == pieces.events(), "the chunking makes no difference to what happens");
    require(whole.output() == pieces.output(), "nor to what is said");
    return 0;
}
