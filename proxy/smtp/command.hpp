// SMTP commands (RFC 5321 section 4.1): the grammar of one command line. Sans-I/O.
//
// Addresses and parameters are kept as they came: the delivery server judges them, and a proxy that rewrites what it
// does not understand loses mail. What is checked is what would break framing or the log: control characters, brackets,
// lengths.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace smtp {

enum class Verb {
    kEhlo,
    kHelo,
    kLhlo,
    kMail,
    kRcpt,
    kData,
    kRset,
    kNoop,
    kVrfy,
    kExpn,
    kHelp,
    kQuit,
    kStarttls,
    kXclient,
    kXforward,
    kUnknown
};

struct Command {
    Verb verb = Verb::kUnknown;
    std::string name;      // as sent, upper-cased; for the log
    std::string argument;  // what follows the verb, without blanks around it
};

// `line` without CRLF. Never fails: what is no command is Verb::kUnknown.
Command parse_command(std::string_view line);

// One ESMTP parameter of MAIL or RCPT: "SIZE=100", "NOTIFY=SUCCESS,FAILURE", "SMTPUTF8".
struct Parameter {
    std::string keyword;  // as sent; compare with keyword_is()
    std::string value;    // empty when there is no "="
    std::string text;     // the whole as sent
};

bool keyword_is(const Parameter& parameter, std::string_view upper_case_keyword);

// The argument of MAIL ("FROM:<path> parameters") or RCPT ("TO:<path> parameters").
struct PathArgument {
    std::string path;  // without the angle brackets; empty for "<>"
    std::vector<Parameter> parameters;
};

inline constexpr size_t kMaxPath = 1024;      // octets; RFC 5321 asks for 256, Sendmail takes more
inline constexpr size_t kMaxParameters = 32;  // of one command

// `prefix` is "FROM" or "TO" (any case in the line, blanks around the colon taken). An Error's text is fit for a 501,
// its enhanced code at the front.
base::Result<PathArgument> parse_path_argument(std::string_view prefix, std::string_view argument);

// RFC 1870 section 6.1: the size that MAIL declares, when it is a number; one that no integer holds is the largest; 0:
// none.
std::uint64_t declared_size(const std::vector<Parameter>& parameters);

// The parameters joined as on the wire, each with a blank before it: "" or " SIZE=100 BODY=8BITMIME".
std::string parameters_to_wire(const std::vector<Parameter>& parameters);
// The way back, for what was stored in wire form; empty when it is no such text.
std::vector<Parameter> parameters_from_wire(std::string_view wire);

}  // namespace smtp
