#include "config/domains.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "config/load.hpp"
#include "config/spelling.hpp"

namespace config {

namespace {

constexpr std::string_view kListBlanks = " \t\r";
constexpr std::string_view kWildcard = "*.";

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(kListBlanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(kListBlanks) - first + 1);
}

// "as example.com", or routes with semicolons between them; nothing: the default's.
base::Status read_listed(std::string_view rest, ListedDomain& domain) {
    if (same(rest.substr(0, 3), "as ")) {
        domain.as = lower(trimmed(rest.substr(3)));
        return base::ok();
    }
    while (!rest.empty()) {
        const auto end = std::min(rest.find(';'), rest.size());
        auto route = parse_route(trimmed(rest.substr(0, end)));
        if (!route)
            return route.error();
        if (domain.routes.size() == kMaxRoutes)
            return base::error("more than {} routes", kMaxRoutes);
        domain.routes.push_back(std::move(*route));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return base::ok();
}

class ListParser {
  public:
    ListParser(const std::string& file, const std::vector<Domain>& sections) : file_(file) {
        for (const auto& section : sections)
            known_.emplace(section.name, 0);
    }

    ParsedDomainList parse(std::string_view text) {
        while (!text.empty() && parsed_.errors.size() < kMaxDiagnostics) {
            const auto end = std::min(text.find('\n'), text.size());
            ++line_;
            if (const auto line = trimmed(text.substr(0, end));
                !line.empty() && line.front() != '#' && line.front() != ';')
                take(line);
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        check_references();
        if (parsed_.errors.empty())
            parsed_.list = std::make_shared<const DomainList>(std::move(list_));
        return std::move(parsed_);
    }

  private:
    void take(std::string_view line) {
        const auto name = line.substr(0, line.find_first_of(kListBlanks));
        if (line.size() > kMaxLine)
            return error(line_, "the line has more than {} octets", kMaxLine);
        if (std::ranges::any_of(line, [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f'; }))
            return error(line_, "the line has a control character");
        if (!is_domain_pattern(name) || same(name, kDefaultDomain))
            return error(line_, "a line begins with a domain: example.com or *.example.com");
        ListedDomain domain{lower(name), {}, {}, line_};
        if (const auto good = read_listed(trimmed(line.substr(name.size())), domain); !good)
            return error(line_, "{}", good.error().message);
        const auto [first, is_new] = known_.try_emplace(domain.name, line_);
        if (!is_new && first->second == 0)
            return error(line_, "{} has a section [domain {}] already", domain.name, domain.name);
        if (!is_new)
            return error(line_, "{} stands twice, the first time in line {}", domain.name, first->second);
        if (list_.size() == kMaxListedDomains)
            return error(line_, "more than {} domains", kMaxListedDomains);
        list_.push_back(std::move(domain));
    }

    // Only to sections: nothing goes round in a circle.
    void check_references() {
        for (const auto& domain : list_) {
            if (domain.as.empty())
                continue;
            const auto found = known_.find(domain.as);
            if (found == known_.end() || found->second != 0)
                error(domain.line, "there is no section [domain {}]", domain.as.substr(0, 80));
        }
    }

    template <typename... Args>
    void error(unsigned line, fmt::format_string<Args...> format, Args&&... args) {
        if (parsed_.errors.size() <= kMaxDiagnostics)
            parsed_.errors.push_back(
                fmt::format("{}:{}: error: {}", file_, line, fmt::format(format, std::forward<Args>(args)...)));
    }

    const std::string& file_;
    std::unordered_map<std::string, unsigned> known_;  // line; 0: a section
    DomainList list_;
    unsigned line_ = 0;
    ParsedDomainList parsed_;
};

struct DomainHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

}  // namespace

struct DomainIndex::Data {
    std::vector<Domain> domains;
    std::unordered_map<std::string, std::size_t, DomainHash, std::equal_to<>> places;  // names, wildcards with "*."
};

bool is_domain_pattern(std::string_view text) {
    if (text.starts_with(kWildcard))
        text.remove_prefix(kWildcard.size());
    return text.size() <= kMaxHostName && is_host_name(text);
}

ParsedDomainList parse_domain_list(const std::string& file, std::string_view text,
                                   const std::vector<Domain>& sections) {
    return ListParser(file, sections).parse(text);
}

DomainIndex::DomainIndex(const std::vector<Domain>& sections, const DomainListPtr& listed) {
    auto data = std::make_shared<Data>();
    Domain fallback{std::string(kDefaultDomain), {}};
    for (const auto& section : sections) {
        if (section.name == kDefaultDomain) {
            fallback = section;
            continue;
        }
        data->places.emplace(section.name, data->domains.size());
        data->domains.push_back(section);
    }
    const auto own_section = [&](const std::string& name) -> const Domain& {
        const auto found = data->places.find(name);
        return found == data->places.end() ? fallback : data->domains[found->second];
    };
    for (const auto& one : listed ? *listed : DomainList{}) {
        // What the default's section says besides its routes holds for a domain that has no section of its own.
        Domain domain = one.as.empty() ? fallback : own_section(one.as);
        domain.name = one.name;
        if (one.as.empty())
            domain.routes = one.routes;
        data->places.emplace(domain.name, data->domains.size());
        data->domains.push_back(std::move(domain));
    }
    data->domains.push_back(std::move(fallback));
    data_ = std::move(data);
}

const Domain& DomainIndex::find(std::string_view domain) const {
    const auto& [domains, places] = *data_;
    if (domain.ends_with('.'))  // the root's own, which servers behind us leave out
        domain.remove_suffix(1);
    if (places.empty() || domain.size() > kMaxHostName)
        return fallback();
    auto name = std::string(kWildcard) + lower(domain);
    const std::string_view whole = name;
    if (const auto own = places.find(whole.substr(kWildcard.size())); own != places.end())
        return domains[own->second];
    // "*.example.com" is about the names below example.com.
    for (auto dot = whole.find('.', kWildcard.size()); dot != std::string_view::npos; dot = whole.find('.', dot + 1)) {
        name[dot - 1] = '*';
        if (const auto above = places.find(whole.substr(dot - 1)); above != places.end())
            return domains[above->second];
    }
    return fallback();
}

std::string_view DomainIndex::domain_of(std::string_view forward_path) {
    const auto at = forward_path.rfind('@');
    return at == std::string_view::npos ? std::string_view() : forward_path.substr(at + 1);
}

const Domain& DomainIndex::fallback() const {
    return data_->domains.back();
}

const std::vector<Domain>& DomainIndex::all() const {
    return data_->domains;
}

}  // namespace config
