// A server session as a test reads it: lines go in, events come out as text.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smtp/server_protocol.hpp"

namespace dialogue {

using Server = smtp::ServerProtocol;

inline std::string text_of_path(std::string_view name, const smtp::PathArgument& argument) {
    return std::string(name) + " <" + argument.path + ">" + smtp::parameters_to_wire(argument.parameters);
}

inline std::string describe(const Server::Event& event) {
    if (const auto* hello = std::get_if<Server::Hello>(&event))
        return (hello->verb == smtp::Verb::kEhlo   ? "EHLO "
                : hello->verb == smtp::Verb::kLhlo ? "LHLO "
                                                   : "HELO ") +
               hello->name;
    if (std::holds_alternative<Server::Starttls>(event))
        return "STARTTLS";
    if (const auto* mail = std::get_if<Server::Mail>(&event))
        return text_of_path("MAIL", mail->argument);
    if (const auto* rcpt = std::get_if<Server::Rcpt>(&event))
        return text_of_path("RCPT", rcpt->argument);
    if (std::holds_alternative<Server::Data>(event))
        return "DATA";
    if (const auto* body = std::get_if<Server::Body>(&event))
        return "Body " + std::string(body->text);
    if (std::holds_alternative<Server::EndOfData>(event))
        return "EndOfData";
    if (std::holds_alternative<Server::Reset>(event))
        return "Reset";
    if (const auto* xclient = std::get_if<Server::Xclient>(&event))
        return "XCLIENT " + xclient->argument;
    if (const auto* xforward = std::get_if<Server::Xforward>(&event))
        return "XFORWARD " + xforward->argument;
    if (std::holds_alternative<Server::Quit>(event))
        return "Quit";
    if (const auto* broken = std::get_if<Server::Broken>(&event))
        return broken->why == Server::Broken::Why::kErrors     ? "Broken: errors"
               : broken->why == Server::Broken::Why::kCommands ? "Broken: commands"
                                                               : "Broken: in the clear behind STARTTLS";
    return "Nothing";
}

using Events = std::vector<std::string>;

class Dialogue {
  public:
    explicit Dialogue(smtp::ServerLimits limits = {}) : server("sandwich.test", limits) {}

    // Gives `text` after what was left over and returns the events up to Nothing. Body events in a row are joined.
    Events feed(std::string_view text) {
        input += text;
        Events events;
        std::string_view rest = input;
        while (true) {
            auto event = server.next(rest);
            if (std::holds_alternative<Server::Nothing>(event))
                break;
            auto text_of_event = describe(event);
            if (text_of_event.starts_with("Body ") && !events.empty() && events.back().starts_with("Body "))
                events.back() += text_of_event.substr(5);
            else
                events.push_back(std::move(text_of_event));
            if (on_event)
                on_event(event);
        }
        input.erase(0, input.size() - rest.size());
        return events;
    }

    void answer(int code, std::string_view text = "x") { server.answer(smtp::make_reply(code, "", text)); }
    std::string output() { return server.take_output(); }

    // Feeds `text` and gives what the server says of itself; for what makes no event.
    std::string say(std::string_view text) {
        const auto events = feed(text);
        return events.empty() ? output() : "event: " + events.front();
    }

    void hello() {
        feed("EHLO client.test\r\n");
        answer(250);
        output();
    }
    void mail() {
        feed("MAIL FROM:<a@b>\r\n");
        answer(250);
        output();
    }
    void recipient(int code = 250) {
        feed("RCPT TO:<c@d>\r\n");
        answer(code);
        output();
    }
    // Up to the 354.
    void data() {
        hello();
        mail();
        recipient();
        feed("DATA\r\n");
        answer(354);
        output();
    }

    Server server;
    std::string input;  // what was fed and not yet consumed
    std::function<void(const Server::Event&)> on_event;
};

}  // namespace dialogue
