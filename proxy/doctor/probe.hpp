// --probe: a clean message and one with the harmless test virus EICAR go in through the inbound Sendmail, and both are
// followed: to sandwichd, by its explanations or its log, and to the delivery Sendmail, by its log, its queue and the
// mailbox. probe.cpp is pure; probe_mail.cpp sends and follows.
#pragma once

#include <string>
#include <string_view>

#include "doctor/finding.hpp"
#include "doctor/setup.hpp"
#include "policy/action.hpp"

namespace doctor {

// How far a message was followed.
struct ProbeFacts {
    bool infected = false;
    policy::Action when_found = policy::Action::kQuarantine;  // [scanner.clamav] action
    std::string refused{};                                    // why the inbound Sendmail did not take it; empty: it did
    std::string inbound_id{};                                 // its queue id
    bool in_inbound_queue = false;
    std::string inbound_status{};  // why, as Sendmail notes it in the queue
    std::string line{};            // sandwichd's line of it in the log; empty: there is none
    bool knows_all = true;         // sandwichd's explanations or its log could be looked into
    bool in_delivery_queue = false;
    std::string delivery_status{};  // why
    std::string delivery_stat{};    // stat= of the delivery Sendmail in the log; empty: no such line was found
    std::string mailbox{};          // the file that it is in; empty: it was not found in any
};
Finding judge_probe(const ProbeFacts& facts);

// What stands behind KEY= in a line of a log, to the next comma, or to the end for stat=, which is the last one.
std::string field_of(std::string_view line, std::string_view key);
// "6AM4NqNc004002" out of "2.0.0 6AM4NqNc004002 Message accepted for delivery"; empty: there is none.
std::string queue_id_in(std::string_view text);

// ---- probe_mail.cpp

Findings check_probe(const Setup& setup);

}  // namespace doctor
