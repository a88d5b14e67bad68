#include "session/hand_over.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "session/legs.hpp"
#include "smtp/command.hpp"

namespace session {
namespace {

constexpr std::string_view kPossibly = "possibly delivered: ";

class HandOver final : private Legs::Handler {
  public:
    HandOver(net::Loop& loop, DownstreamPool& pool, RuntimePtr runtime, ServersPtr servers, std::string id,
             mail::Envelope envelope, mail::Rope message, std::function<void(base::Result<std::string>)> done)
        : loop_(loop),
          pool_(pool),
          envelope_(std::move(envelope)),
          message_(std::move(message)),
          done_(std::move(done)),
          alive_(std::make_shared<HandOver*>(this)),
          legs_(pool,
                {std::move(runtime),
                 std::move(id),
                 envelope_.reverse_path,
                 smtp::parameters_from_wire(envelope_.parameters),
                 {}},
                *this, std::move(servers)) {}
    ~HandOver() { *alive_ = nullptr; }
    HandOver(const HandOver&) = delete;
    HandOver& operator=(const HandOver&) = delete;

    // `self` is kept until finish().
    void start(std::unique_ptr<HandOver> self) {
        self_ = std::move(self);
        outstanding_ = envelope_.recipients.size();
        for (const auto& recipient : envelope_.recipients) {
            const auto leg = legs_.leg_for(recipient.path);
            if (!leg)
                return finish(base::error("its recipients are on more routes than one message may be"));
            recipients_.resize(std::max(recipients_.size(), *leg + 1));
            recipients_[*leg].push_back(recipient);
        }
        for (std::size_t leg = 0; leg < recipients_.size(); ++leg)
            ask(leg);
    }

  private:
    void ask(std::size_t leg) {
        if (legs_.wants_servers(leg))
            pool_.find(legs_.route(leg), [alive = alive_, leg](ServersPtr servers) {
                if (*alive != nullptr && (*alive)->self_)
                    (*alive)->legs_.found(leg, std::move(servers));
            });
        for (const auto& recipient : recipients_[leg])
            if (self_)  // an answer may have ended it
                legs_.add_recipient(leg, recipient.path, smtp::parameters_from_wire(recipient.parameters));
    }

    void on_leg_recipient(std::size_t leg, const smtp::Reply& reply) override {
        if (!reply.positive() && refusal_.empty())
            refusal_ = fmt::format("{} {}", reply.code, fmt::join(reply.lines, " / "));
        if (--outstanding_ > 0)
            return;
        // All or none: another try for the rest would send the mail to the others twice.
        if (!refusal_.empty())
            return fail(fmt::format("the delivery server refused a recipient: {}", refusal_));
        commit();
    }

    void on_leg_broken(std::size_t leg, const smtp::Reply& reply) override {
        if (committed_ == 0 && !committing_)
            fail(fmt::format("{} {}", reply.code, smtp::text_of(reply)));
        // Else: of the leg in hand commit() says the same again, and another one begins anew when its turn comes.
    }

    void on_leg_delivered(std::size_t leg, Delivery::Outcome outcome) override {
        if (!outcome.reply.positive())
            return fail(fmt::format("{}{}", outcome.possible_duplicate ? kPossibly : "", outcome.server_text));
        said_ += (said_.empty() ? "" : "; ") + smtp::text_of(outcome.reply);
        if (++committed_ == recipients_.size())
            return finish(std::move(said_));
        commit();
    }

    // Route after route.
    void commit() {
        committing_ = true;
        if (legs_.envelope_is_open(committed_) || again_) {
            again_ = false;
            legs_.close_envelope(committed_);
            return legs_.delivery(committed_).commit(*message_);
        }
        again_ = true;
        outstanding_ = recipients_[committed_].size();
        legs_.delivery(committed_).restart(recipients_[committed_]);
    }

    // Once some have it, the whole has possibly been delivered: to try again would double it for them.
    void fail(std::string why) {
        if (committed_ > 0 && !why.starts_with(kPossibly))
            return finish(base::error("{}to some of its recipients; the others: {}", kPossibly, why));
        finish(base::Error{std::move(why)});
    }

    void finish(base::Result<std::string> result) {
        if (!self_)
            return;
        loop_.retire(std::move(self_));
        legs_.cancel();
        done_(std::move(result));
    }

    net::Loop& loop_;
    DownstreamPool& pool_;
    mail::Envelope envelope_;
    std::optional<mail::Rope> message_;
    std::function<void(base::Result<std::string>)> done_;
    std::vector<std::vector<mail::Recipient>> recipients_;  // by leg
    std::size_t outstanding_ = 0;
    std::size_t committed_ = 0;  // legs that have it
    bool committing_ = false;
    bool again_ = false;  // the leg in hand has begun anew
    std::string refusal_;
    std::string said_;
    std::unique_ptr<HandOver> self_;
    std::shared_ptr<HandOver*> alive_;
    Legs legs_;
};

}  // namespace

bool possibly_delivered(const base::Error& error) {
    return error.message.starts_with(kPossibly);
}

void hand_over(net::Loop& loop, DownstreamPool& pool, RuntimePtr runtime, ServersPtr servers, std::string id,
               mail::Envelope envelope, mail::Rope message, std::function<void(base::Result<std::string>)> done) {
    auto started = std::make_unique<HandOver>(loop, pool, std::move(runtime), std::move(servers), std::move(id),
                                              std::move(envelope), std::move(message), std::move(done));
    auto* running = started.get();
    running->start(std::move(started));
}

}  // namespace session
