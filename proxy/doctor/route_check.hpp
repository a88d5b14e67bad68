// Routes: whether the servers of every domain can be reached, greet, and do the TLS that is asked for. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/route.hpp"
#include "doctor/finding.hpp"
#include "doctor/smtp_talk.hpp"

namespace doctor {

struct RouteFacts {
    std::string route;  // as it is written
    config::DownstreamTls tls = config::DownstreamTls::kNone;
    std::string no_server;  // why its name leads to none; empty: there are some
    struct Server {
        std::string place;  // "192.0.2.1:25"
        SmtpFacts smtp;
    };
    std::vector<Server> servers;
};
// Domains whose mail goes the same ways.
struct RouteSetFacts {
    std::string domains;  // "example.com, example.org and 3 more"
    std::vector<RouteFacts> routes;
};
// A server that fails is a warning where another one of the same domains is well, else a failure. What is the same of
// many domains is told of a few, with the number of the others.
Findings judge_routes(const std::vector<RouteSetFacts>& sets);

// The command that takes the mail ([smtp] original).
struct CommandFacts {
    std::string program;
    bool executable = false;
    std::string configuration;  // behind its -C; empty: none
    bool configuration_readable = false;
};
Finding judge_command(const CommandFacts& facts);

}  // namespace doctor
