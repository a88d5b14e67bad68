#include "session/hand_over.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "session/delivery.hpp"
#include "smtp/command.hpp"

namespace session {
namespace {

constexpr std::string_view kPossibly = "possibly delivered: ";

class HandOver final : private Delivery::Handler {
  public:
    HandOver(net::Loop& loop, DownstreamPool& pool, RuntimePtr runtime, std::string id, mail::Envelope envelope,
             mail::Rope message, std::function<void(base::Result<std::string>)> done)
        : loop_(loop),
          envelope_(std::move(envelope)),
          message_(std::move(message)),
          done_(std::move(done)),
          delivery_(pool, std::move(runtime), std::move(id), envelope_.reverse_path,
                    smtp::parameters_from_wire(envelope_.parameters), *this) {}

    // `self` is kept until finish().
    void start(std::unique_ptr<HandOver> self) {
        self_ = std::move(self);
        outstanding_ = envelope_.recipients.size();
        for (const auto& recipient : envelope_.recipients)
            delivery_.add_recipient(recipient.path, smtp::parameters_from_wire(recipient.parameters));
    }

  private:
    void on_recipient(const smtp::Reply& reply) override {
        if (!reply.positive() && refusal_.empty())
            refusal_ = fmt::format("{} {}", reply.code, fmt::join(reply.lines, " / "));
        if (--outstanding_ > 0)
            return;
        // All or none: another try for the rest would send the mail to the others twice.
        if (!refusal_.empty())
            return finish(base::error("the delivery server refused a recipient: {}", refusal_));
        delivery_.commit(std::move(*message_));
    }

    void on_delivery_broken(const smtp::Reply& reply) override {
        finish(base::error("{} {}", reply.code, smtp::text_of(reply)));
    }

    void on_delivered(Delivery::Outcome outcome) override {
        if (outcome.reply.positive())
            return finish(smtp::text_of(outcome.reply));
        finish(base::error("{}{}", outcome.possible_duplicate ? kPossibly : "", outcome.server_text));
    }

    void finish(base::Result<std::string> result) {
        if (!self_)
            return;
        loop_.retire(std::move(self_));
        delivery_.cancel();
        done_(std::move(result));
    }

    net::Loop& loop_;
    mail::Envelope envelope_;
    std::optional<mail::Rope> message_;
    std::function<void(base::Result<std::string>)> done_;
    std::size_t outstanding_ = 0;
    std::string refusal_;
    std::unique_ptr<HandOver> self_;
    Delivery delivery_;
};

}  // namespace

bool possibly_delivered(const base::Error& error) {
    return error.message.starts_with(kPossibly);
}

void hand_over(net::Loop& loop, DownstreamPool& pool, RuntimePtr runtime, std::string id, mail::Envelope envelope,
               mail::Rope message, std::function<void(base::Result<std::string>)> done) {
    auto started = std::make_unique<HandOver>(loop, pool, std::move(runtime), std::move(id), std::move(envelope),
                                              std::move(message), std::move(done));
    auto* running = started.get();
    running->start(std::move(started));
}

}  // namespace session
