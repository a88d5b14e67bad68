// Domains: what is said about the mail of one domain, and finding the section that a recipient's domain falls under.
//
// [domain NAME] sections and the lines of [routing] domain_file. Pure; the supervisor reads the file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/recipient_sources.hpp"
#include "config/route.hpp"

namespace config {

// [domain example.com], [domain *.example.com], [domain default]
struct Domain {
    std::string name;           // in lower case; "*.example.com": every name below example.com; "default": all others
    std::vector<Route> routes;  // in the order of their numbers; empty: as the default says
    DomainRecipients recipients{};
    std::string login{};  // as it is written: NAMEs of [login NAME]; empty: as [general] says
    bool operator==(const Domain&) const = default;
};

inline constexpr std::string_view kDefaultDomain = "default";
inline constexpr std::size_t kMaxDomainSections = 20000;
inline constexpr std::size_t kMaxDomainFile = 16 << 20;  // octets
inline constexpr std::size_t kMaxListedDomains = 200000;

// What may stand behind "domain" in a section's name.
bool is_domain_pattern(std::string_view text);

// A line of the domain file.
struct ListedDomain {
    std::string name;  // as Domain::name, but never "default"
    std::string as{};  // everything is as in the section of this name; then there are no routes
    std::vector<Route> routes{};
    unsigned line = 0;
    bool operator==(const ListedDomain&) const = default;
};
using DomainList = std::vector<ListedDomain>;
using DomainListPtr = std::shared_ptr<const DomainList>;

struct ParsedDomainList {
    DomainListPtr list;               // null when there is an error
    std::vector<std::string> errors;  // "FILE:LINE: error: ..."
};
// `sections`: what [domain NAME] sections say; no name may stand in both.
ParsedDomainList parse_domain_list(const std::string& file, std::string_view text, const std::vector<Domain>& sections);

// Finds the domain of a recipient. Copying is cheap; what find() returns lives as long as any copy. Thread-safe.
class DomainIndex {
  public:
    DomainIndex() : DomainIndex({}, nullptr) {}
    DomainIndex(const std::vector<Domain>& sections, const DomainListPtr& listed);

    // The domain's own section, else that of the nearest wildcard above it, else the default's, which is always there.
    // One look-up and one for each dot. Case does not matter.
    [[nodiscard]] const Domain& find(std::string_view domain) const;
    // The part behind the last "@" of a forward-path; empty: there is none (postmaster).
    [[nodiscard]] static std::string_view domain_of(std::string_view forward_path);

    [[nodiscard]] const Domain& fallback() const;
    // In the order of the files; the default's last.
    [[nodiscard]] const std::vector<Domain>& all() const;

  private:
    struct Data;
    std::shared_ptr<const Data> data_;
};

}  // namespace config
