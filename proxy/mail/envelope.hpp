// The SMTP envelope (RFC 5321 section 2.3.1) as it came, with every parameter, so that it can be replayed unchanged.
#pragma once

#include <string>
#include <vector>

namespace mail {

struct Recipient {
    std::string path;        // without angle brackets
    std::string parameters;  // wire form, each with a blank before it: " NOTIFY=NEVER"
};

struct Envelope {
    std::string reverse_path;  // without angle brackets; empty for "<>"
    std::string parameters;    // of MAIL, wire form
    std::vector<Recipient> recipients;

    [[nodiscard]] bool null_sender() const { return reverse_path.empty(); }
};

}  // namespace mail
