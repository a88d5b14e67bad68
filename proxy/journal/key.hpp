// What a retry has in common with the try before it, and with no other mail: the key of the journal.
//
// Reverse-path, recipient, host and queue id from the topmost Received field, the fingerprint of everything below that
// field, before edits (DESIGN section 6). What the upstream writes above and into its own field may differ between
// tries.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "journal/fingerprint.hpp"

namespace journal {

using Key = std::array<unsigned char, 32>;  // SHA-256

struct KeyHash {
    // The key is a digest: any of its octets are as good as a hash.
    std::size_t operator()(const Key& key) const {
        std::size_t hash = 0;
        std::memcpy(&hash, key.data(), sizeof hash);
        return hash;
    }
};

// Where a mail comes from. `host` and `queue_id` are empty when they are not known for certain: then the mail can
// be recognised, but two equal ones may be two mails.
struct Origin {
    std::string reverse_path;
    std::string host;
    std::string queue_id;

    [[nodiscard]] bool identified() const { return !host.empty() && !queue_id.empty(); }
};

// Throws std::runtime_error when the library has no SHA-256.
Key sha256(std::string_view octets);

// `content`: of what lies below the topmost Received field.
Key recipient_key(const Origin& origin, const Fingerprint& content, std::string_view recipient);
// Something else that is done with a mail: a copy, the original kept, a notice. `kind` and `whom` tell it from the
// others.
Key act_key(const Key& mail, std::string_view kind, std::string_view whom);
// The mail as a whole, whoever gets it: what a scanner worker dies of does not depend on the recipient.
Key mail_key(const Origin& origin, const Fingerprint& content);

}  // namespace journal
