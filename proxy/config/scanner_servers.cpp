#include "config/scanner_servers.hpp"

#include <algorithm>

namespace config {
namespace {

constexpr std::size_t kMaxSocketPath = 107;  // octets: what the system allows
constexpr std::string_view kScheme = "icap://";
constexpr std::size_t kMaxArguments = 32;

std::vector<std::string> words(std::string_view text, std::string_view separators) {
    std::vector<std::string> found;
    for (std::size_t begin = 0; (begin = text.find_first_not_of(separators, begin)) != std::string_view::npos;) {
        const auto end = std::min(text.find_first_of(separators, begin), text.size());
        found.emplace_back(text.substr(begin, end - begin));
        begin = end;
    }
    return found;
}

base::Result<net::Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port) {
    const auto list = net::ServerList::parse(text);
    if (!list)
        return list.error();
    const auto servers = list->with_default(default_port);
    if (servers.size() != 1)
        return base::error("\"{}\" is no address", text);
    return servers.front();
}

base::Result<ScannerServer> parse_clamd(std::string_view text) {
    if (text.starts_with('/')) {
        if (text.size() > kMaxSocketPath)
            return base::error("\"{}\" is longer than the {} octets that a socket's path may have", text,
                               kMaxSocketPath);
        return ScannerServer{{}, std::string(text), {}};
    }
    auto endpoint = parse_endpoint(text, kClamdPort);
    if (!endpoint)
        return endpoint.error();
    return ScannerServer{*endpoint, {}, {}};
}

base::Result<ScannerServer> parse_icap(std::string_view text) {
    if (!text.starts_with(kScheme))
        return base::error("\"{}\" does not begin with icap://", text);
    const auto rest = text.substr(kScheme.size());
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos || slash + 1 == rest.size())
        return base::error("\"{}\" names no service: icap://ADDRESS:PORT/SERVICE", text);
    auto endpoint = parse_endpoint(rest.substr(0, slash), kIcapPort);
    if (!endpoint)
        return endpoint.error();
    return ScannerServer{*endpoint, {}, std::string(rest.substr(slash))};
}

}  // namespace

std::string_view to_string(ScannerKind kind) {
    switch (kind) {
        case ScannerKind::kClamd:
            return "clamd";
        case ScannerKind::kIcap:
            return "icap";
        case ScannerKind::kCheck:
            break;
    }
    return "check";
}

std::string ScannerServer::to_string() const {
    if (!path.empty())
        return path;
    return service.empty() ? endpoint.to_string() : std::string(kScheme) + endpoint.to_string() + service;
}

base::Result<std::vector<ScannerServer>> parse_scanner_servers(ScannerKind kind, std::string_view text) {
    std::vector<ScannerServer> servers;
    for (const auto& word : words(text, " \t,")) {
        auto server = kind == ScannerKind::kIcap ? parse_icap(word) : parse_clamd(word);
        if (!server)
            return server.error();
        if (std::ranges::find(servers, *server) != servers.end())
            return base::error("{} is named twice", word);
        if (servers.size() == kMaxScannerServers)
            return base::error("more than {} servers", kMaxScannerServers);
        servers.push_back(std::move(*server));
    }
    if (servers.empty())
        return base::error("no server is named");
    return servers;
}

base::Result<std::vector<std::string>> parse_program(std::string_view text) {
    auto found = words(text, " \t");
    if (found.empty())
        return base::error("no program is named");
    if (!found.front().starts_with('/'))
        return base::error("\"{}\" is no absolute path", found.front());
    if (found.size() > kMaxArguments)
        return base::error("more than {} arguments", kMaxArguments - 1);
    return found;
}

}  // namespace config
