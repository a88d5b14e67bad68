// The files that [tls] names, and the contexts that are made of them; the passwords that [ldap NAME] and [login NAME]
// name take the same way.
//
// The supervisor, which may read a key that belongs to root, reads the files when it reads the configuration and proves
// that they fit; it hands their texts to the proxy, which opens none of them and makes the same contexts.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "config/load.hpp"
#include "config/settings.hpp"
#include "net/tls.hpp"

namespace config {

// PEM texts; empty where the settings have no use for one.
struct TlsFiles {
    std::string certificate;
    std::string key;
    std::string client_ca;
    std::string downstream_ca;
    std::string server_passwords;  // server_passwords.hpp

    // For the way from one process to another.
    [[nodiscard]] std::string pack() const;
    static base::Result<TlsFiles> unpack(std::string_view packed);
};
inline constexpr std::size_t kMaxPackedTlsFiles = 5 * (kMaxFile + 16);  // octets

// Null where the settings want no TLS; and what came along with the files.
struct TlsContexts {
    std::string server_passwords;  // as TlsFiles has them
    net::tls::ContextPtr upstream;
    net::tls::ContextPtr downstream;           // without proof of who the server is
    net::tls::ContextPtr downstream_verified;  // with

    // For a server of which this is asked; null: in the clear.
    [[nodiscard]] const net::tls::ContextPtr& client(DownstreamTls tls) const {
        static const net::tls::ContextPtr kClear;
        return tls == DownstreamTls::kNone       ? kClear
               : tls == DownstreamTls::kVerified ? downstream_verified
                                                 : downstream;
    }
};

// Error: what is wrong with the files. `key` (out, may be null) is then the key of [tls] that names the culprit.
base::Result<TlsContexts> make_tls_contexts(const Settings& settings, const TlsFiles& files,
                                            std::string* key = nullptr);

// Reads what `loaded` needs and makes the contexts for a trial: what is wrong with the files, or about to be, is put
// into its diagnostics with the line that names the file. Precondition: it has settings.
TlsFiles read_tls_files(Loaded& loaded);

}  // namespace config
