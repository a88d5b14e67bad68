#include "session/rule_notices.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/ids.hpp"
#include "base/log.hpp"
#include "session/hand_over.hpp"
#include "session/shard.hpp"

namespace session {
namespace {

using Kind = policy::Step::Kind;

constexpr std::size_t kMaxAddressees = 100;  // of one notice about one mail

// One notice to one address.
struct Letter {
    std::string id;
    std::string address;
    bool known;  // the configuration names it
    std::string text;
    journal::Key key;
};

// What the letters about one mail have in common, for as long as they are under way.
struct Post {
    Shard& shard;
    RuntimePtr runtime;
    std::string about;  // id of the mail
    bool in_journal;
    bool deferred;  // the mail will come again, and each time the rule would ask for a notice
    std::shared_ptr<const policy::Notice> notice;
    std::vector<Letter> letters{};
};

struct Addressee {
    std::string address;
    bool known;
};

std::vector<Addressee> addressees(const policy::Notice& notice, const IncomingMail& mail, const Part& part) {
    std::vector<Addressee> all;
    const auto add = [&all](const std::string& address, bool known) {
        const bool there =
            std::any_of(all.begin(), all.end(), [&address](const Addressee& one) { return one.address == address; });
        if (all.size() < kMaxAddressees && !there)
            all.push_back({address, known});
    };
    if (notice.to_postmaster)
        add(mail.runtime->settings.postmaster, true);
    for (const auto& address : notice.addresses)
        add(address, true);
    if (notice.to_sender && !mail.envelope.null_sender())
        add(mail.envelope.reverse_path, false);
    if (notice.to_recipients)
        for (const auto recipient : part.recipients)
            add(mail.envelope.recipients[recipient].path, false);
    return all;
}

void conclude(const Post& post, const Letter& letter, const base::Result<std::string>& result) {
    if (!result)
        base::log::event(base::log::kNoticeFailed, "{}: {} to <{}> about {}: {}", letter.id, post.notice->name,
                         letter.address, post.about, result.error().message);
    if (post.in_journal)
        post.shard.shared().journal.conclude(letter.id, {letter.key},
                                             result ? journal::Kind::kDelivered : journal::Kind::kWithdrawn);
}

void send(const std::shared_ptr<const Post>& post, const Letter& letter) {
    auto& shared = post->shard.shared();
    auto& rate = letter.known ? shared.notices_to_known : shared.notices_to_strangers;
    if (!rate.allow(post->notice->name, letter.address, post->notice->per_hour, base::Monotonic::now())) {
        base::log::event(base::log::kNoticeFailed, "{} to <{}> about {}: more than {} in an hour", post->notice->name,
                         letter.address, post->about, post->notice->per_hour);
        return;
    }
    if (post->in_journal)
        shared.journal.intend(post->shard.loop(), letter.id, {letter.key}, [] {});
    mail::Rope text(nullptr);
    text.insert(letter.text);
    hand_over(post->shard.loop(), post->shard.pool(), post->runtime, nullptr, letter.id,
              {"", "", {{letter.address, ""}}}, std::move(text),
              [post, &letter](const base::Result<std::string>& result) { conclude(*post, letter, result); });
}

bool was_sent(const Post& post, const journal::Known& known) {
    using State = journal::Known::State;
    if (known.state == State::kPossible)  // another mail like it, or this one again: one that waits comes often
        return post.deferred && known.done == journal::Kind::kDelivered;
    return known.state != State::kNothing;
}

void send_unless_sent(std::shared_ptr<const Post> post, bool identified) {
    if (!post->in_journal) {
        for (const auto& letter : post->letters)
            send(post, letter);
        return;
    }
    std::vector<journal::Key> keys;
    for (const auto& letter : post->letters)
        keys.push_back(letter.key);
    auto& shard = post->shard;
    shard.shared().journal.look_up(shard.loop(), std::move(keys), identified,
                                   [post = std::move(post)](const std::vector<journal::Known>& known) {
                                       for (std::size_t i = 0; i < post->letters.size(); ++i)
                                           if (!was_sent(*post, known[i]))
                                               send(post, post->letters[i]);
                                   });
}

void send_notice(Shard& shard, const IncomingMail& mail, const Part& part, const policy::Step& step) {
    auto facts = notice_facts(mail, part.recipients, part.decision);
    facts.rule = step.rule;
    facts.quarantine = part.kept_as;
    facts.files = part.removed.empty() ? policy::file_names(mail.report.contents, step.items) : part.removed;
    auto post = std::make_shared<Post>(
        Post{shard, mail.runtime, mail.id, !mail.keys.empty(), part.reply.transient(), step.notice});
    for (auto& [address, known] : addressees(*step.notice, mail, part)) {
        const auto id = base::new_message_id();
        auto text = policy::notice_mail(*step.notice, facts, address, id);
        std::string whom = address;  // what is told is about these recipients
        for (const auto recipient : part.recipients)
            whom.append(1, '\n').append(mail.envelope.recipients[recipient].path);
        const auto key = journal::act_key(mail.journal_key, "notice " + step.notice->name, whom);
        post->letters.push_back({id, std::move(address), known, std::move(text), key});
    }
    if (!post->letters.empty())
        send_unless_sent(std::move(post), mail.identified);
}

}  // namespace

policy::NoticeFacts notice_facts(const IncomingMail& mail, const std::vector<std::size_t>& recipients,
                                 const policy::Decision& decision) {
    policy::NoticeFacts facts;
    facts.sender = mail.envelope.reverse_path;
    for (const auto recipient : recipients)
        facts.recipients.push_back(mail.envelope.recipients[recipient].path);
    facts.subject = mail.report.contents.subject;
    facts.rule = decision.rule;
    facts.action = decision.action;
    facts.viruses = policy::virus_names(mail.report);
    facts.message_id = mail.facts.message_id;
    facts.date = base::rfc5322_date(base::Wall::now());
    facts.size = mail.message->size();
    facts.client = mail.client_address();
    facts.verdict = decision.verdict;
    facts.id = mail.id;
    facts.inbound_id = mail.facts.received.id;
    facts.host = mail.runtime->settings.proxy_hostname;
    return facts;
}

void send_notices(Shard& shard, const IncomingMail& mail, const Part& part) {
    if (part.reply.transient() && part.decision.action != policy::Action::kDefer)
        return;
    for (const auto& step : part.decision.steps)
        if (step.kind == Kind::kNotify)
            send_notice(shard, mail, part, step);
}

}  // namespace session
