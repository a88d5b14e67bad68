// A delivery server on a thread of its own for unit tests: answers by a function of (connection, command) and notes
// every command. One connection at a time, in order.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "net/address.hpp"

namespace test {

class ScriptedServer {
  public:
    // Given the number of the connection, from 1, and a command ("greeting" and "." for the greeting and the end of
    // data), gives the reply without CRLF; empty: closes the connection.
    using Script = std::function<std::string(int, const std::string&)>;

    // What a server says that has no objections.
    static std::string usual(const std::string& command) {
        if (command == "greeting")
            return "220 scripted.test ESMTP";
        if (command.starts_with("EHLO"))
            return "250-scripted.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 DSN";
        return command == "DATA" ? "354 go on" : command == "." ? "250 2.0.0 S1 taken" : "250 2.0.0 ok";
    }

    explicit ScriptedServer(Script script) : script_(std::move(script)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), length);
        ::listen(listener_.get(), 16);
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
        endpoint_ = net::Endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&address));
        thread_ = std::thread([this] { run(); });
    }
    // Every client must have closed by now.
    ~ScriptedServer() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    [[nodiscard]] const net::Endpoint& endpoint() const { return endpoint_; }
    // "1 MAIL FROM:<a@b.test>": number of the connection and command.
    [[nodiscard]] std::vector<std::string> commands() const {
        const std::lock_guard lock(mutex_);
        return commands_;
    }

  private:
    void run() {
        for (int number = 1;; ++number) {
            const base::UniqueFd client(::accept(listener_.get(), nullptr, nullptr));
            if (!client)
                return;
            serve(number, client.get());
        }
    }

    void serve(int number, int client) {
        std::string input;
        bool in_text = false;
        if (!say(client, number, "greeting", in_text))
            return;
        char buffer[65536];
        for (;;) {
            const auto got = ::recv(client, buffer, sizeof buffer, 0);
            if (got <= 0)
                return;
            input.append(buffer, static_cast<std::size_t>(got));
            for (auto end = input.find("\r\n"); end != std::string::npos; end = input.find("\r\n")) {
                const auto line = input.substr(0, end);
                input.erase(0, end + 2);
                if (in_text && line != ".")
                    continue;
                {
                    const std::lock_guard lock(mutex_);
                    commands_.push_back(std::to_string(number) + " " + line);
                }
                in_text = false;
                if (!say(client, number, line, in_text))
                    return;
            }
        }
    }

    bool say(int client, int number, const std::string& command, bool& in_text) {
        auto reply = script_(number, command);
        if (reply.empty())
            return false;
        in_text = command == "DATA" && reply.starts_with("354");
        reply += "\r\n";
        return ::send(client, reply.data(), reply.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(reply.size());
    }

    Script script_;
    base::UniqueFd listener_;
    net::Endpoint endpoint_;
    mutable std::mutex mutex_;
    std::vector<std::string> commands_;
    std::thread thread_;
};

}  // namespace test
