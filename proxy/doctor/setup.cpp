#include "doctor/setup.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "config/load.hpp"
#include "config/old_file.hpp"

namespace doctor {
namespace {

constexpr const char* kDefaults = "/etc/default/sandwich";
constexpr const char* kInboundCf = "/etc/mail/sandwich-in.cf";
constexpr const char* kDeliveryCf = "/etc/mail/sandwich-deliv.cf";
constexpr std::size_t kMaxCf = 4 << 20;

std::optional<CfFacts> read_cf(const std::string& file) {
    const auto text = config::read_file(file, kMaxCf);
    return text ? std::optional(parse_cf(*text)) : std::nullopt;
}

User find_user(const std::string& name) {
    User user{name, ::geteuid(), {::getegid()}};
    // Started by somebody else than root, the daemon stays who it is.
    const auto* const entry = ::geteuid() == 0 ? ::getpwnam(name.c_str()) : ::getpwuid(::geteuid());
    if (entry == nullptr)
        return user;
    user.name = entry->pw_name;
    user.uid = entry->pw_uid;
    int count = 1024;
    user.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(entry->pw_name, entry->pw_gid, user.groups.data(), &count) < 0)
        count = 0;
    user.groups.resize(static_cast<std::size_t>(std::max(count, 0)));
    return user;
}

void read_settings(Setup& setup) {
    const auto source = config::read_source(setup.request.configuration);
    if (!source)
        return;
    auto loaded = config::parse_source(*source);
    if (!loaded.settings)
        return;
    if (!loaded.settings->domain_file.empty()) {
        const auto text = config::read_file(loaded.settings->domain_file, config::kMaxDomainFile);
        if (text)
            loaded.settings->domain_list =
                config::parse_domain_list(loaded.settings->domain_file, *text, loaded.settings->domains).list;
    }
    // What is wrong with these files, sandwichd --check-config says.
    const auto files = config::read_tls_files(loaded);
    if (auto contexts = config::make_tls_contexts(*loaded.settings, files))
        setup.tls = std::move(*contexts);
    setup.settings = std::move(loaded.settings);
}

}  // namespace

bool Setup::named(std::string_view daemon) const {
    return std::find(daemons.begin(), daemons.end(), daemon) != daemons.end();
}

bool Setup::inbound_expected() const {
    if (!daemons.empty())
        return named("inbound");
    return !settings || std::any_of(settings->sockets.begin(), settings->sockets.end(),
                                    [](const auto& one) { return one.address.address.loopback(); });
}

bool Setup::delivery_expected() const {
    if (!daemons.empty())
        return named("delivery");
    return !settings || by_command() ||
           std::any_of(settings->downstream.begin(), settings->downstream.end(), [&](const net::Endpoint& one) {
               return one.address.loopback() || std::find(local.begin(), local.end(), one.address) != local.end();
           });
}

std::shared_ptr<const Setup> make_setup(Request request) {
    auto setup = std::make_shared<Setup>();
    setup->request = std::move(request);
    const auto text = config::read_file(kDefaults, 65536);
    const auto defaults = parse_defaults(text ? std::string_view(*text) : std::string_view());
    if (const auto found = defaults.find("DAEMONS"); found != defaults.end())
        setup->daemons = config::list_items(found->second);
    if (setup->proxy_expected())
        read_settings(*setup);
    const auto name_of = [&](const std::optional<std::string>& wanted, std::string_view key, const char* usual) {
        if (wanted)
            return *wanted;
        const auto found = defaults.find(key);
        return found == defaults.end() ? std::string(usual) : found->second;
    };
    setup->inbound_cf = name_of(setup->request.inbound_cf, "INBOUND_CF", kInboundCf);
    setup->delivery_cf = name_of(setup->request.delivery_cf, "DELIVERY_CF", kDeliveryCf);
    // Of a daemon on another box the file may lie here, too; it says nothing about this one.
    if (setup->daemons.empty() || setup->named("inbound"))
        setup->inbound = read_cf(setup->inbound_cf);
    if (setup->daemons.empty() || setup->named("delivery"))
        setup->delivery = read_cf(setup->delivery_cf);
    setup->local = net::local_addresses();
    setup->user = find_user(setup->settings ? setup->settings->user : "sandwich");
    return setup;
}

PathFacts look_at(const std::string& path) {
    PathFacts facts{path, {}, {}};
    std::error_code problem;
    auto real = std::filesystem::canonical(path, problem);
    if (problem) {
        facts.missing = problem.message();
        return facts;
    }
    std::filesystem::path step;
    for (const auto& part : real) {
        step /= part;
        struct stat status {};
        if (::lstat(step.c_str(), &status) != 0) {
            facts.missing = std::strerror(errno);
            return facts;
        }
        facts.steps.push_back({step.string(), status.st_mode, status.st_uid, status.st_gid});
    }
    return facts;
}

}  // namespace doctor
