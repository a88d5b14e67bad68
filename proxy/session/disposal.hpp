// Disposal: does what was decided, group of recipients after group, and gives each recipient its answer.
//
// Belongs to one loop, and to one Transaction. What is held goes first, then what is discarded and delivered: no answer
// promises anything that has not been done (invariant 1). Every step is in the journal before it is taken and after it
// has ended, so that a retry repeats none (invariant 9).
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/decision.hpp"
#include "session/delivery.hpp"
#include "session/incoming_mail.hpp"
#include "session/legs.hpp"
#include "session/preparation.hpp"

namespace session {

class Shard;

// What became of some recipients.
struct Part {
    std::vector<std::size_t> recipients;  // indexes into the mail's
    policy::Decision decision;
    smtp::Reply reply;  // fit for the upstream; its first line begins with our id
    std::string stat;   // for the log
    std::string said;   // the delivery server's final text, when it took the mail
    bool asked_downstream = false;
    std::vector<mail::RangeEdit> body{};   // changes of it
    std::string kept_as{};                 // quarantine id of the mail, or of its original; empty: none
    std::vector<std::string> removed{};    // names of what was taken out of it
    net::Endpoint server;                  // that was asked
    std::chrono::nanoseconds duration{0};  // of the hand-over
};

class Disposal final {
  public:
    class Owner {
      public:
        // Every group has been acted on, or could not be.
        virtual void on_disposed() = 0;

      protected:
        ~Owner() = default;
    };

    // All of them outlive the Disposal.
    Disposal(Shard& shard, const IncomingMail& mail, Legs& legs, Owner& owner);

    // Once. `settled`: somebody's copy was delivered, held or discarded by an earlier try.
    // No group is begun, and no copy, when [smtp] disposal_timeout is over: those who have nothing then are deferred.
    void begin(std::vector<policy::Group> groups, bool settled);

    // Something else is to be done, for the same recipients. False: something irrevocable has been done, and it goes
    // on.
    bool begin_anew(std::vector<policy::Group> groups);

    // Gives up if nothing irrevocable has been done. False: it goes on to its end (invariant 8).
    bool cancel();

    // What has been done so far; all of it when on_disposed() has been called.
    [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }

    // Late answers; the transaction has been found again. `step` tells an answer to an earlier question.
    void intended(unsigned step);
    void quarantined(unsigned step, const std::string& entry, const base::Status& status);

    void handed_on(unsigned step, const base::Result<std::string>& result);
    // Null: it is over.
    Preparation* preparation(unsigned step) { return step == step_ ? preparation_.get() : nullptr; }

    // From the delivery of the leg in hand: no other is asked for anything.
    void on_recipient(const smtp::Reply& reply);
    void on_delivered(Delivery::Outcome outcome);

  private:
    enum class Stage { kIdle, kPreparing, kIntending, kQuarantining, kEnvelope, kDelivering, kHandingOn, kOver };

    void next();
    void take(Part part);
    void later(const std::string& why);
    void prepare();
    void prepared(Preparation::Outcome outcome);
    void hold_unchanged(const std::string& why);
    void act();
    void delay();
    void hand_on();
    void intend();
    void quarantine();
    void deliver();
    void leave_other_legs();
    Delivery& delivery() { return legs_.delivery(leg_); }
    void refuse_recipients();
    void end_part(const smtp::Reply& reply, std::string stat, std::optional<journal::Kind> how);
    void refused(const Delivery::Outcome& outcome);
    void hold_instead(const std::string& why);
    [[nodiscard]] bool others_have_it() const;
    [[nodiscard]] bool will_come_again() const;
    [[nodiscard]] std::string said(std::string_view usual) const;
    template <typename Call>
    auto when_found(Call call);

    Shard& shard_;
    const IncomingMail& mail_;
    Legs& legs_;
    Owner& owner_;
    Stage stage_ = Stage::kIdle;
    std::vector<policy::Group> groups_;  // still to be done, the next one last
    std::vector<Part> other_legs_;  // of the group in hand, prepared like it: to be delivered on other routes, next
    std::vector<Part> parts_;
    Part part_;            // in hand
    std::size_t leg_ = 0;  // on which it is delivered
    std::unique_ptr<Preparation> preparation_;
    Preparation::Acts acts_;
    unsigned step_ = 0;
    bool settled_ = false;
    bool irrevocable_ = false;          // something was delivered, held or discarded
    bool intended_ = false;             // the journal has an intent for the part in hand
    std::vector<smtp::Reply> answers_;  // to the recipients of the part in hand
    base::Monotonic::time_point since_;
    base::Monotonic::time_point latest_;  // nothing is begun after it
};

}  // namespace session
