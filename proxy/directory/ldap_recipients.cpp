#include "directory/ldap_recipients.hpp"

#include <fmt/format.h>

#include <mutex>
#include <thread>
#include <utility>

#include "base/background_thread.hpp"

namespace directory {

using policy::Knowledge;
using policy::SourceAnswer;

struct LdapRecipients::Desk {
    std::mutex mutex;
    net::Loop* home = nullptr;         // null: the source has gone
    LdapRecipients* source = nullptr;  // used on its loop only
};

LdapRecipients::LdapRecipients(net::Loop& home, const config::LdapDirectory& settings, const std::string& password)
    : home_(home), desk_(std::make_shared<Desk>()) {
    desk_->home = &home;
    desk_->source = this;
    auto source = LdapSource::make(settings, Secret(std::string(password)));
    if (!source) {
        failure_ = source.error().message;
        return;
    }
    client_ = std::make_unique<LdapClient>(std::move(*source));
}

LdapRecipients::~LdapRecipients() {
    {
        const std::lock_guard lock(desk_->mutex);
        desk_->home = nullptr;
        desk_->source = nullptr;
    }
    for (auto& [number, done] : std::exchange(waiting_, {}))
        home_.post([done = std::move(done)] { done({Knowledge::kDown, "the source is shut down", {}}); });
    if (!client_)
        return;
    // The client waits for its threads, and these for a server.
    base::background_thread([client = std::move(client_)]() mutable { client.reset(); }).detach();
}

void LdapRecipients::ask(const policy::RecipientAddress& address, Done done) {
    const auto number = ++last_;
    waiting_.emplace(number, std::move(done));
    const auto answer = [desk = desk_, number](LdapAnswer said) {
        const std::lock_guard lock(desk->mutex);
        if (desk->home == nullptr)
            return;
        desk->home->post([desk, number, said = std::move(said)] {
            if (desk->source != nullptr)
                desk->source->answered(number, said);
        });
    };
    if (client_)
        client_->look_up(address.text(), answer);
    else
        answer({LdapAnswer::Kind::kUnavailable, {}, {}, {}, {}, failure_});
}

void LdapRecipients::answered(unsigned long number, const LdapAnswer& answer) {
    const auto found = waiting_.find(number);
    if (found == waiting_.end())
        return;
    const auto done = std::move(found->second);
    waiting_.erase(found);
    switch (answer.kind) {
        case LdapAnswer::Kind::kFound:
            return done(
                {Knowledge::kKnown, answer.names.empty() ? answer.server : answer.names.front(), answer.mailbox});
        case LdapAnswer::Kind::kNotFound:
            return done({Knowledge::kUnknown, answer.server, {}});
        case LdapAnswer::Kind::kUnavailable:
            return done({Knowledge::kDown, answer.reason, {}});
    }
}

std::string LdapRecipients::describe() const {
    if (!client_)
        return "CANNOT BE ASKED: " + failure_;
    return fmt::format("{} questions", waiting_.size());
}

}  // namespace directory
