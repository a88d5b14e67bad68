// LoginConnection: lines to and from a mail server (SMTP, POP3, IMAP) over libcurl, by a thread that may wait.
//
// libcurl looks the name up, connects, reads the greeting, and sees to TLS from the beginning or by STARTTLS; it is
// told no name and no password, and sends none: what is said after that comes from a LoginDialogue. By itself it would
// call a log-in good at a server that offers no way to log in.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/directory_settings.hpp"

namespace directory {

class LoginConnection {
  public:
    using Time = base::Monotonic::time_point;

    // `at`: at which of its addresses; empty: any. Error: why there is no such connection; with TLS, why it is not
    // safe.
    static base::Result<std::unique_ptr<LoginConnection>> open(config::LoginType type, const config::ServerTls& tls,
                                                               const config::HostPort& server, Time deadline,
                                                               const std::string& at = {});
    ~LoginConnection();
    LoginConnection(const LoginConnection&) = delete;
    LoginConnection& operator=(const LoginConnection&) = delete;

    // The server's, with brackets where it is IPv6: that of open().
    [[nodiscard]] std::string address() const;

    base::Status send(std::string_view text, Time deadline);
    // The next line, without its end.
    base::Result<std::string> receive(Time deadline);

  private:
    LoginConnection() = default;
    base::Status wait(short what, Time deadline);

    void* handle_ = nullptr;  // CURL
    std::string received_;
};

}  // namespace directory
