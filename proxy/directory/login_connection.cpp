#include "directory/login_connection.hpp"

#include <curl/curl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>

#include "directory/login_dialogue.hpp"

namespace directory {
namespace {

using config::Encryption;

void prepare_library() {
    static std::once_flag done;
    std::call_once(done, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

// At least 1: to libcurl 0 is a default of its own.
long left_until(LoginConnection::Time deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - base::Monotonic::now());
    return std::max<long>(1, static_cast<long>(left.count()));
}

void set_tls(CURL* handle, const config::ServerTls& tls) {
    curl_easy_setopt(handle, CURLOPT_USE_SSL,
                     static_cast<long>(tls.mode == Encryption::kStartTls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
    if (tls.verify)
        curl_easy_setopt(handle, CURLOPT_CAINFO, tls.ca_file.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
}

}  // namespace

base::Result<std::unique_ptr<LoginConnection>> LoginConnection::open(config::LoginType type,
                                                                     const config::ServerTls& tls,
                                                                     const config::HostPort& server, Time deadline,
                                                                     const std::string& at) {
    prepare_library();
    std::unique_ptr<LoginConnection> made(new LoginConnection);
    CURL* const handle = curl_easy_init();
    if (handle == nullptr)
        return base::error("libcurl cannot be set up");
    made->handle_ = handle;
    const auto url =
        fmt::format("{}{}://{}", config::to_string(type), tls.mode == Encryption::kTls ? "s" : "", server.to_string());
    std::array<char, CURL_ERROR_SIZE> why{};
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, why.data());
    curl_easy_setopt(handle, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PROXY, "");  // none, whatever the environment says
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, left_until(deadline));
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, left_until(deadline));
    set_tls(handle, tls);
    // The certificate must be for the name all the same.
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> there(
        at.empty() ? nullptr : curl_slist_append(nullptr, fmt::format("::{}:", at).c_str()), &curl_slist_free_all);
    curl_easy_setopt(handle, CURLOPT_CONNECT_TO, there.get());
    const auto code = curl_easy_perform(handle);
    curl_easy_setopt(handle, CURLOPT_CONNECT_TO, nullptr);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, nullptr);
    if (code != CURLE_OK)
        return base::error("{}: {}", url, why[0] == '\0' ? curl_easy_strerror(code) : why.data());
    return made;
}

LoginConnection::~LoginConnection() {
    if (handle_ == nullptr)
        return;
    // The good-bye is said already; libcurl's own would wait for an answer.
    curl_easy_setopt(handle_, CURLOPT_TIMEOUT_MS, 1L);
    curl_easy_cleanup(handle_);
}

std::string LoginConnection::address() const {
    const char* found = nullptr;
    curl_easy_getinfo(handle_, CURLINFO_PRIMARY_IP, &found);
    const std::string address(found == nullptr ? "" : found);
    return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

base::Status LoginConnection::wait(short what, Time deadline) {
    curl_socket_t socket = CURL_SOCKET_BAD;
    curl_easy_getinfo(handle_, CURLINFO_ACTIVESOCKET, &socket);
    if (socket == CURL_SOCKET_BAD)
        return base::error("the connection has ended");
    for (;;) {
        const auto now = base::Monotonic::now();
        if (now >= deadline)
            return base::error("no answer in time");
        pollfd ready{socket, what, 0};
        const int found = ::poll(&ready, 1, static_cast<int>(std::min<long>(left_until(deadline), 60'000)));
        if (found > 0)
            return base::ok();
        if (found < 0 && errno != EINTR)
            return base::errno_error("poll");
    }
}

base::Status LoginConnection::send(std::string_view text, Time deadline) {
    while (!text.empty()) {
        std::size_t sent = 0;
        const auto code = curl_easy_send(handle_, text.data(), text.size(), &sent);
        if (code == CURLE_AGAIN) {
            if (auto status = wait(POLLOUT, deadline); !status)
                return status;
        } else if (code != CURLE_OK) {
            return base::error("sending: {}", curl_easy_strerror(code));
        }
        text.remove_prefix(sent);
    }
    return base::ok();
}

base::Result<std::string> LoginConnection::receive(Time deadline) {
    for (;;) {
        if (const auto end = received_.find('\n'); end != std::string::npos) {
            auto line = received_.substr(0, end);
            received_.erase(0, end + 1);
            if (line.ends_with('\r'))
                line.pop_back();
            return line;
        }
        if (received_.size() > LoginDialogue::kMaxLine)
            return base::error("the server says too much");
        std::array<char, 4096> octets{};
        std::size_t got = 0;
        const auto code = curl_easy_recv(handle_, octets.data(), octets.size(), &got);
        if (code == CURLE_AGAIN) {
            if (auto status = wait(POLLIN, deadline); !status)
                return status.error();
        } else if (code != CURLE_OK) {
            return base::error("receiving: {}", curl_easy_strerror(code));
        } else if (got == 0) {
            return base::error("the server has closed the connection");
        }
        received_.append(octets.data(), got);
    }
}

}  // namespace directory
