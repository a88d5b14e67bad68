// edit(): carries an EditRequest out on one mail, as ranges of octets: all of it or nothing.
//
// Worker only. How a part gives way and where a stamp goes is mail/edit; here are what needs engines and converters.
#pragma once

#include <functional>
#include <string_view>

#include "base/result.hpp"
#include "policy/contents.hpp"
#include "policy/scan_report.hpp"
#include "scanners/edit_request.hpp"

namespace scanners {

// What the worker's scanners say of one mail, or of octets that are none.
struct Judges {
    std::function<std::vector<policy::ScanResult>(std::string_view mail)> mail;
    std::function<std::vector<policy::ScanResult>(std::string_view octets)> octets;
};

// `mail` is the whole message, CRLF line ends. Error: it cannot be done, or what came out is not what was meant; words
// for the log, printable ASCII.
base::Result<EditAnswer> edit(std::string_view mail, const EditRequest& request, const policy::ContentLimits& limits,
                              const Judges& judges);

}  // namespace scanners
