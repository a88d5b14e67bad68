#include "session/release.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "session/delivery.hpp"
#include "smtp/command.hpp"

namespace session {
namespace {

class Release final : private Delivery::Handler {
  public:
    Release(net::Loop& loop, DownstreamPool& pool, RuntimePtr runtime, const quarantine::Entry& entry,
            mail::MessagePtr message, std::function<void(base::Result<std::string>)> done)
        : loop_(loop),
          runtime_(runtime),
          entry_(entry),
          message_(std::move(message)),
          done_(std::move(done)),
          delivery_(pool, std::move(runtime), entry.id, entry.envelope.reverse_path,
                    smtp::parameters_from_wire(entry.envelope.parameters), *this) {}

    // `self` is kept until finish().
    void start(std::unique_ptr<Release> self) {
        self_ = std::move(self);
        outstanding_ = entry_.envelope.recipients.size();
        for (const auto& recipient : entry_.envelope.recipients)
            delivery_.add_recipient(recipient.path, smtp::parameters_from_wire(recipient.parameters));
    }

  private:
    void on_recipient(const smtp::Reply& reply) override {
        if (!reply.positive() && refusal_.empty())
            refusal_ = fmt::format("{} {}", reply.code, fmt::join(reply.lines, " / "));
        if (--outstanding_ > 0)
            return;
        // All or none: a second release for the rest would send the mail to the others twice.
        if (!refusal_.empty())
            return finish(base::error("the delivery server refused a recipient: {}", refusal_));
        delivery_.commit(mail::with_trace(message_, trace()));
    }

    void on_delivery_broken(const smtp::Reply& reply) override {
        finish(base::error("{} {}", reply.code, smtp::text_of(reply)));
    }

    void on_delivered(Delivery::Outcome outcome) override {
        if (outcome.reply.positive())
            return finish(smtp::text_of(outcome.reply));
        finish(base::error("{}{}", outcome.possible_duplicate ? "possibly delivered: " : "", outcome.server_text));
    }

    std::string trace() const {
        return fmt::format(
            "Received: from {0}\r\n\tby {0} (Sandwich quarantine) id {1};\r\n\t{2}\r\n"
            "X-Sandwich-Verdict: released from quarantine ({3})\r\n",
            runtime_->settings.proxy_hostname, entry_.id, base::rfc5322_date(base::Wall::now()),
            base::log::escape(entry_.verdict));
    }

    void finish(base::Result<std::string> result) {
        if (!self_)
            return;
        loop_.retire(std::move(self_));
        delivery_.cancel();
        done_(std::move(result));
    }

    net::Loop& loop_;
    RuntimePtr runtime_;
    quarantine::Entry entry_;
    mail::MessagePtr message_;
    std::function<void(base::Result<std::string>)> done_;
    std::size_t outstanding_ = 0;
    std::string refusal_;
    std::unique_ptr<Release> self_;
    Delivery delivery_;
};

}  // namespace

void release(net::Loop& loop, DownstreamPool& pool, RuntimePtr runtime, const quarantine::Entry& entry,
             mail::MessagePtr message, std::function<void(base::Result<std::string>)> done) {
    auto release =
        std::make_unique<Release>(loop, pool, std::move(runtime), entry, std::move(message), std::move(done));
    auto* running = release.get();
    running->start(std::move(release));
}

}  // namespace session
