// Source: whom one asks whether a recipient exists: a list, Sendmail's maps, a mail server.
//
// Lives on the main loop. A source keeps its own time limit and its own bound of what runs at once, and answers every
// question once, never from within ask().
#pragma once

#include <functional>
#include <string>

#include "policy/recipient.hpp"

namespace directory {

class Source {
  public:
    using Done = std::function<void(policy::SourceAnswer)>;

    virtual ~Source() = default;
    virtual void ask(const policy::RecipientAddress& address, Done done) = 0;
    // Its answers are at hand and follow each change at once: nothing is gained by remembering them.
    [[nodiscard]] virtual bool at_hand() const = 0;
    // For sandwichctl status, without its name: "up, 3 connections".
    [[nodiscard]] virtual std::string describe() const = 0;
};

}  // namespace directory
