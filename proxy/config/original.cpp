#include "config/original.hpp"

#include "config/scanner_servers.hpp"
#include "config/spelling.hpp"

namespace config {

std::vector<std::string> list_items(std::string_view text) {
    constexpr std::string_view kSeparators = " \t,";
    std::vector<std::string> items;
    for (std::size_t begin = 0; (begin = text.find_first_not_of(kSeparators, begin)) != std::string_view::npos;) {
        const auto end = std::min(text.find_first_of(kSeparators, begin), text.size());
        items.emplace_back(text.substr(begin, end - begin));
        begin = end;
    }
    return items;
}

base::Result<Original> parse_original(std::string_view text, std::uint16_t default_port) {
    if (text.starts_with('/')) {
        auto command = parse_program(text);
        if (!command)
            return command.error();
        return Original{std::move(*command), {}};
    }
    const auto words = list_items(text);
    if (words.empty() || words.size() > 2)
        return base::error("is neither the absolute path of a command nor a server as ADDRESS PORT");
    // Host and port are separated by blanks there; a colon does as well.
    std::string host = words[0];
    std::string port = words.size() == 2 ? ":" + words[1] : std::string();
    if (const auto colon = host.find(':'); port.empty() && colon != std::string::npos && colon == host.rfind(':')) {
        port = host.substr(colon);
        host.resize(colon);
    }
    if (same(host, "localhost"))
        host = "127.0.0.1";
    if (host.find(':') != std::string::npos && !host.starts_with('['))
        host = "[" + host + "]";
    const auto servers = net::ServerList::parse(host + port);
    if (!servers)
        return base::error("is neither the absolute path of a command nor a server as ADDRESS PORT: {}",
                           servers.error().message);
    return Original{{}, servers->with_default(default_port).front()};
}

}  // namespace config
