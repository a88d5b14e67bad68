// What an SMTP server says it can do (the EHLO reply, RFC 5321 section 4.1.1.1), and what we may therefore promise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "smtp/reply.hpp"

namespace smtp {

struct Extensions {
    bool pipelining = false;             // RFC 2920
    bool eight_bit_mime = false;         // RFC 6152
    bool dsn = false;                    // RFC 3461
    bool enhanced_status_codes = false;  // RFC 2034
    bool smtputf8 = false;               // RFC 6531
    bool size = false;                   // RFC 1870
    std::uint64_t size_limit = 0;        // octets; 0: none stated
    bool starttls = false;               // RFC 3207
    std::uint8_t xforward = 0;           // attributes taken, see parse_xforward_offer(); a hop's own, never offered on

    bool operator==(const Extensions&) const = default;
};

// `reply` is a positive answer to EHLO; unknown keywords are ignored.
Extensions parse_ehlo(const Reply& reply);

// What two servers both offer.
Extensions both(const Extensions& one, const Extensions& other);

// What we offer upstream when the delivery server offers `downstream` and we take at most `our_limit` octets (0: no
// limit). SIZE is always offered (we count ourselves); PIPELINING is always ours; the rest needs both sides. AUTH
// and CHUNKING are never offered; STARTTLS is between two neighbours, so the delivery server's says nothing about ours.
Extensions offer(const Extensions& downstream, std::uint64_t our_limit);

// The 250 reply to EHLO: `hostname`, then one line a keyword.
Reply ehlo_reply(const std::string& hostname, const Extensions& offered);

}  // namespace smtp
