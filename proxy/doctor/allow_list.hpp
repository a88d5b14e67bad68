// The allow list and our own sockets: who is let in, whether the inbound Sendmail is, and how we greet. Pure.
#pragma once

#include <string>
#include <vector>

#include "doctor/finding.hpp"
#include "doctor/smtp_talk.hpp"

namespace doctor {

struct AllowFacts {
    net::AddressList allowed;
    std::vector<net::Endpoint> sockets;
    // From where the inbound Sendmail on this machine comes to us; empty: it is on another one.
    std::vector<net::Address> inbound;
    struct Visit {
        net::Endpoint socket;
        net::Address from;  // we came with this address
        SmtpFacts smtp;
    };
    std::vector<Visit> visits;
};
Findings judge_allow_list(const AllowFacts& facts);

}  // namespace doctor
