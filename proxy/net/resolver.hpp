// Resolver: DNS on a loop, by c-ares: addresses, MX and SRV records with the time they may be kept.
//
// Belongs to one loop; nothing waits. Also what /etc/hosts says counts for addresses. Answers are not remembered here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/address.hpp"
#include "net/loop.hpp"

struct ares_channeldata;

namespace net {

struct DnsHost {
    std::string name;         // empty: "there is none" (RFC 7505, RFC 2782)
    unsigned preference = 0;  // of an MX, priority of an SRV record
    unsigned weight = 0;      // SRV
    std::uint16_t port = 0;   // SRV
    bool operator==(const DnsHost&) const = default;
};

enum class DnsOutcome : std::uint8_t {
    kFound,
    kNothing,    // there is no such name, or it has no such records
    kCannotTell  // no server has answered, or one could not
};

template <typename T>
struct DnsAnswer {
    DnsOutcome outcome = DnsOutcome::kCannotTell;
    std::vector<T> records{};
    std::chrono::seconds keep{0};
    std::string why{};  // unless kFound
};
using DnsAddresses = DnsAnswer<Address>;
using DnsHosts = DnsAnswer<DnsHost>;

enum class DnsType : std::uint16_t { kMx = 15, kSrv = 33 };

inline constexpr std::size_t kMaxDnsRecords = 64;  // of one answer; more are left out

// The records of this type in a reply (RFC 1035 section 4.1). Error: it is malformed.
base::Result<DnsHosts> parse_dns_reply(std::string_view reply, DnsType type);

class Resolver {
  public:
    struct Options {
        std::vector<Endpoint> servers{};  // empty: those of resolv.conf(5)
        std::chrono::milliseconds timeout{5000};
    };
    Resolver(Loop& loop, const Options& options);
    ~Resolver();  // what is under way cannot be told any more, and its callers hear so
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    // May call back at once. IPv6 addresses are left out where this machine has none of its own.
    void addresses(const std::string& name, std::function<void(DnsAddresses)> done);
    void hosts(const std::string& name, DnsType type, std::function<void(DnsHosts)> done);

  private:
    struct Watches;
    static void on_socket(void* self, int socket, int readable, int writable) noexcept;
    void process(int readable, int writable);
    void restart_clock();

    Loop& loop_;
    ares_channeldata* channel_ = nullptr;
    std::string failure_;  // why there is no channel
    std::map<int, std::unique_ptr<Watches>> watches_;
    Timer clock_;
};

}  // namespace net
