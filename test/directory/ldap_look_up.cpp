// ldap_look_up CONFIGURATION NAME: looks up each address that a line of standard input holds, in the directory of
// section [ldap NAME], and prints what is known of it as soon as that is known, so not in order:
//
//   ADDRESS<tab>found mailbox=... aliases=... entries=N | not found | unavailable: why
//
// ldap_look_up CONFIGURATION NAME --walk FILTER: prints every mailbox that the filter finds, and its aliases.
#include <fmt/format.h>

#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <string>

#include "config/load.hpp"
#include "config/spelling.hpp"
#include "directory/ldap_client.hpp"
#include "directory/server_password.hpp"

namespace {

using directory::LdapAnswer;

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : ",") + word;
    return text;
}

std::string in_words(const LdapAnswer& answer) {
    switch (answer.kind) {
        case LdapAnswer::Kind::kFound:
            return fmt::format("found mailbox={} aliases={} entries={}", answer.mailbox, joined(answer.aliases),
                               answer.names.size());
        case LdapAnswer::Kind::kNotFound:
            return "not found";
        case LdapAnswer::Kind::kUnavailable:
            break;
    }
    return "unavailable: " + answer.reason;
}

// How many answers are still to come.
class Pending {
  public:
    void add() {
        const std::lock_guard lock(mutex_);
        ++count_;
    }
    void done(const std::string& line) {
        const std::lock_guard lock(mutex_);
        std::cout << line << std::endl;
        --count_;
        none_.notify_all();
    }
    void wait() {
        std::unique_lock lock(mutex_);
        none_.wait(lock, [this] { return count_ == 0; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable none_;
    std::size_t count_ = 0;
};

int look_up(const std::shared_ptr<directory::LdapSource>& source) {
    Pending pending;
    directory::LdapClient client(source);
    for (std::string address; std::getline(std::cin, address);) {
        pending.add();
        client.look_up(address, [address, &pending](const LdapAnswer& answer) {
            pending.done(fmt::format("{}\t{}", address, in_words(answer)));
        });
    }
    pending.wait();
    return 0;
}

int walk(const std::shared_ptr<directory::LdapSource>& source, const std::string& filter) {
    directory::LdapSession session(source);
    const auto status = session.walk(
        filter,
        [](directory::LdapMailbox&& mailbox) {
            std::cout << mailbox.address << '\t' << joined(mailbox.aliases) << '\n';
            return true;
        },
        base::Monotonic::now() + source->settings.timeout);
    if (!status)
        std::cout << "broken off: " << status.error().message << '\n';
    return status ? 0 : 1;
}

int fail(const std::string& why) {
    std::cerr << "ldap_look_up: " << why << '\n';
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() != 2 && !(arguments.size() == 4 && arguments[2] == "--walk"))
        return fail("CONFIGURATION NAME [--walk FILTER]");
    const auto text = config::read_file(arguments[0]);
    if (!text)
        return fail(text.error().message);
    const auto loaded = config::parse(*text);
    for (const auto& diagnostic : loaded.diagnostics)
        std::cerr << config::format(arguments[0], diagnostic) << '\n';
    if (!loaded.settings)
        return fail("no valid configuration");
    for (const auto& settings : loaded.settings->ldap_directories) {
        if (!config::same(settings.name, arguments[1]))
            continue;
        auto password = directory::read_secret(settings.bind_password);
        if (!password)
            return fail(password.error().message);
        const auto source = directory::LdapSource::make(settings, std::move(*password));
        if (!source)
            return fail(source.error().message);
        return arguments.size() == 4 ? walk(*source, arguments[3]) : look_up(*source);
    }
    return fail("no such section");
}
