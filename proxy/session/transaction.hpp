// Transaction: one mail, from MAIL to the final reply: envelope, spool, delivery, scan, decision, act, log line.
//
// Belongs to its Session's loop. Works under the one Runtime it began with (invariant 10). Receipts follow invariant 1:
// 250 only after the delivery server's 2xx, a durable quarantine put, or a configured and logged discard.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "mail/envelope.hpp"
#include "mail/headers.hpp"
#include "mail/spool.hpp"
#include "policy/decision.hpp"
#include "session/delivery.hpp"
#include "smtp/server_protocol.hpp"

namespace session {

class Shard;

// Who the upstream is, as far as the transaction needs it for its trace field and its log line.
struct Upstream {
    net::Endpoint address;
    std::string name;  // from EHLO or HELO: whatever the client says
    bool esmtp = false;
};

class Transaction final : private Delivery::Handler {
  public:
    class Owner {
      public:
        // The answer to the oldest unanswered event of the protocol.
        virtual void answer(const smtp::Reply& reply) = 0;
        // The transaction is over: `reply` answers its last event, if anybody is left to hear it. The owner retires it.
        virtual void conclude(const smtp::Reply& reply) = 0;

      protected:
        ~Owner() = default;
    };

    Transaction(Shard& shard, Owner& owner, RuntimePtr runtime, Upstream upstream, std::uint64_t session,
                std::uint64_t serial, smtp::PathArgument mail);
    ~Transaction();

    // The protocol's events. Each RCPT, DATA and end of data gets its answer through Owner::answer().
    void rcpt(smtp::PathArgument argument);
    void data();
    void body(std::string_view text);
    void end_of_data();

    // The upstream has gone, or sent RSET. True: the transaction is over now; false: it goes on without an upstream
    // (the final dot is sent, or the quarantine writes).
    bool abandon();

    // Late answers; `session` and `serial` have found this transaction again.
    void scanned(policy::ScanReport report);
    void quarantined(base::Status status);

    [[nodiscard]] std::uint64_t serial() const { return serial_; }
    [[nodiscard]] const std::string& id() const { return id_; }

  private:
    enum class Stage { kEnvelope, kData, kScanning, kDelivering, kQuarantining, kOver };

    void on_recipient(const smtp::Reply& reply) override;
    void refuse_surplus();
    void on_delivery_broken(const smtp::Reply& reply) override;
    void on_delivered(Delivery::Outcome outcome) override;

    void scan();
    void act();
    void deliver();
    void quarantine();
    std::string trace_fields() const;
    // Gives the final reply, writes the log line, ends.
    void conclude(const smtp::Reply& reply, std::string_view stat);

    Shard& shard_;
    Owner& owner_;
    RuntimePtr runtime_;
    Upstream upstream_;
    std::uint64_t session_;
    std::uint64_t serial_;
    std::string id_;
    base::Monotonic::time_point begun_ = base::Monotonic::now();
    base::Monotonic::time_point delivery_begun_ = begun_;
    base::Wall::time_point wall_begun_ = base::Wall::now();

    Stage stage_ = Stage::kEnvelope;
    mail::Envelope envelope_;  // recipients: those accepted
    struct Outstanding {
        mail::Recipient recipient;
        bool surplus;  // beyond max_recipients: refused here, when its turn comes
    };
    std::vector<Outstanding> outstanding_;  // RCPT without an answer yet, in order
    std::vector<smtp::Parameter> mail_parameters_;
    std::unique_ptr<Delivery> delivery_;
    std::optional<smtp::Reply> broken_;  // the delivery broke off before the end of data

    std::unique_ptr<mail::Spool> spool_;
    std::uint64_t size_ = 0;
    bool too_big_ = false;
    std::string storage_failure_;
    mail::MessagePtr message_;
    mail::HeaderFacts facts_;
    policy::Decision decision_;
    std::string signatures_;   // that judged
    std::string server_text_;  // the delivery server's final text
};

}  // namespace session
