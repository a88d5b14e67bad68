#include "directory/login_talk.hpp"

namespace directory {

base::Result<LoginTalk> log_in(const config::LoginServer& settings, const config::HostPort& server,
                               std::string_view address, const Secret& password, LoginConnection::Time deadline,
                               const std::string& at) {
    const auto user = settings.strip_domain_name ? address.substr(0, address.rfind('@')) : address;
    const auto dialogue = LoginDialogue::make(settings.type, std::string(user), password);
    const auto connection = LoginConnection::open(settings.type, settings.tls, server, deadline, at);
    if (!connection)
        return connection.error();
    dialogue->begin();
    for (;;) {
        const Secret output(dialogue->take_output());
        auto status = (*connection)->send(output.view(), deadline);
        if (dialogue->finished())  // whether or not the good-bye could be said
            return LoginTalk{dialogue->verdict(), (*connection)->address()};
        auto line = status ? (*connection)->receive(deadline) : base::Result<std::string>(status.error());
        if (!line)
            return base::error("{}: {}", server.to_string(), line.error().message);
        dialogue->feed(*line);
    }
}

}  // namespace directory
