// Setup: what the checks are about: our settings, both Sendmail configurations, where programs are. Read once, before
// the checks; they share it and change nothing.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/settings.hpp"
#include "config/tls_files.hpp"
#include "doctor/cf_facts.hpp"
#include "doctor/contact.hpp"
#include "doctor/file_rights.hpp"

namespace doctor {

// What the caller wants, and what it lends.
struct Request {
    std::string configuration;
    std::optional<std::string> inbound_cf;   // empty: as /etc/default/sandwich says
    std::optional<std::string> delivery_cf;  // the same
    std::chrono::seconds patience{10};       // with each server, program, look-up
    std::string program_directory;           // where sandwichd and sandwich-cf lie
    // --probe
    bool probe = false;
    std::string probe_to;    // empty: [smtp] postmaster
    std::string probe_from;  // empty: the same as probe_to
    [[nodiscard]] std::chrono::seconds probe_patience() const { return 6 * patience; }
    // Asks the daemon over its control socket. Error: it cannot be reached; ok=false: it refused.
    struct Answer {
        bool ok = false;
        std::string text;
    };
    std::function<base::Result<Answer>(const std::string& socket, const std::string& request)> ask;
    std::function<void(const std::string& text)> print;
};

struct Setup {
    Request request;
    std::optional<config::Settings> settings;  // empty: they have errors
    config::TlsContexts tls;                   // as far as their files can be read
    std::string inbound_cf;
    std::string delivery_cf;
    std::optional<CfFacts> inbound;  // empty: the file cannot be read
    std::optional<CfFacts> delivery;
    std::vector<net::Address> local;
    User user;  // that the proxy runs as

    [[nodiscard]] Deadline deadline() const { return base::Monotonic::now() + request.patience; }
    // Programs of our own on this machine, which may be busy.
    [[nodiscard]] Deadline program_deadline() const {
        return base::Monotonic::now() + std::max(request.patience, std::chrono::seconds(30));
    }
    // The delivery Sendmail is started by sandwichd for its mail, and nobody listens.
    [[nodiscard]] bool by_command() const { return settings && !settings->original_command.empty(); }
    // "inbound", "proxy", "delivery": which of the daemons DAEMONS in /etc/default/sandwich names; empty: it is not
    // said.
    std::vector<std::string> daemons;
    [[nodiscard]] bool named(std::string_view daemon) const;
    // Whether sandwichd, the inbound and the delivery Sendmail should be on this machine.
    [[nodiscard]] bool proxy_expected() const { return daemons.empty() || named("proxy"); }
    [[nodiscard]] bool inbound_expected() const;
    [[nodiscard]] bool delivery_expected() const;
};

std::shared_ptr<const Setup> make_setup(Request request);

PathFacts look_at(const std::string& path);

}  // namespace doctor
