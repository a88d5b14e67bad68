// The client's side of the control socket (protocol.hpp): one request, its answer.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace ctl {

struct Answer {
    bool ok = false;
    std::string text;  // empty when `sink` took it
};

// Error: nobody answers at `socket_path`, or the answer broke off. With a `sink`, the text of an "ok" goes there piece
// by piece, and its Error ends the matter.
base::Result<Answer> ask(const std::string& socket_path, std::string_view request,
                         const std::function<base::Status(std::string_view)>& sink = {});

// `text` with everything as \xNN that could command a terminal: control characters, C1 controls in UTF-8 and whatever
// is no UTF-8. Line feeds stay.
std::string printable(std::string_view text);

// The lines of "list" as an aligned table with a heading.
std::string table(std::string_view lines);

}  // namespace ctl
