// Transaction: one mail, from MAIL to the final reply: envelope, spool, journal, scan, decision, disposal, log line.
//
// Belongs to its Session's loop. Works under the one Runtime it began with (invariant 10). Receipts follow invariant 1:
// 250 only after the delivery server's 2xx, a durable quarantine put, a configured and logged discard, or the journal's
// proof of an earlier one of these.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "journal/journal.hpp"
#include "mail/spool.hpp"
#include "session/delivery.hpp"
#include "session/disposal.hpp"
#include "session/incoming_mail.hpp"
#include "session/legs.hpp"
#include "session/text_fingerprint.hpp"
#include "smtp/server_protocol.hpp"

namespace session {

class Shard;

class Transaction final : private Legs::Handler, private Disposal::Owner {
  public:
    class Owner {
      public:
        // The answer to the oldest unanswered event of the protocol.
        virtual void answer(const smtp::Reply& reply) = 0;
        // A decision is about to be acted on: the last moment for hold() that costs nothing.
        virtual void before_acting() = 0;
        // The transaction is over: `replies` answer its last event, if anybody is left to hear them: one, or in LMTP
        // after the end of data one for each accepted recipient. The owner retires it.
        virtual void conclude(const std::vector<smtp::Reply>& replies) = 0;

      protected:
        ~Owner() = default;
    };

    Transaction(Shard& shard, Owner& owner, RuntimePtr runtime, Upstream upstream, std::uint64_t session,
                std::uint64_t serial, smtp::PathArgument mail);
    ~Transaction();

    // The protocol's events. Each RCPT, DATA and end of data gets its answer through Owner.
    void rcpt(smtp::PathArgument argument);
    void data();
    // As mail::Spool's.
    base::Room room();
    void body(std::string_view text);
    // `bare_newlines`: how many a text had before they were mended. `undotted`: as mail::Message's.
    void end_of_data(std::size_t bare_newlines, bool undotted);

    // Whatever the scanners say, the mail goes to the quarantine, for this reason. False: it is too late for that
    // (invariant 8).
    bool hold(std::string reason);

    // The upstream has gone, or sent RSET. True: the transaction is over now; false: it goes on without an upstream
    // (something irrevocable is done or under way).
    bool abandon();

    // Late answers; session and serial have found this transaction again.
    void route_found(std::size_t leg, ServersPtr servers);
    void looked_up(journal::Answer answer);
    void scanned(policy::ScanReport report);
    void recipient_found(unsigned number, const policy::SourceAnswer& answer);
    Disposal* disposal() { return disposal_.get(); }

    [[nodiscard]] std::uint64_t serial() const { return mail_.serial; }
    [[nodiscard]] const std::string& id() const { return mail_.id; }

  private:
    enum class Stage { kEnvelope, kData, kLookingUp, kScanning, kDisposing, kOver };

    struct Outstanding;
    void on_leg_recipient(std::size_t leg, const smtp::Reply& reply) override;
    void on_leg_broken(std::size_t leg, const smtp::Reply& reply) override;
    void on_leg_delivered(std::size_t leg, Delivery::Outcome outcome) override;
    void look_up_recipient(Outstanding& one);
    bool take_settings(Outstanding& one);
    void take_settings_of_mailbox(Outstanding& one);
    static void refuse_disabled(Outstanding& one);
    void judge_recipient(Outstanding& one, const policy::SourceAnswer& answer);
    void send_recipients();
    void send_recipient(Outstanding& one);
    void refuse_surplus(Outstanding& one, std::string_view text);
    void answer_recipients();
    void answer_recipient(Outstanding asked);
    void note_user(const Outstanding& asked);
    void on_disposed() override;

    bool seal(bool undotted);
    bool refuse_bare_newlines(std::size_t count);
    void look_up();
    void settle(std::size_t recipient, const smtp::Reply& reply, std::string stat, std::string_view rule = {});
    void settle_retry(const journal::Answer& answer);
    void set_aside(unsigned crashes);
    void scan();
    const policy::Rules* rules_for(policy::ScanReport& report);
    void settle_delayed();
    void dispose(std::vector<policy::Group> groups);
    // Ends before anything was done for anybody: one reply for all.
    void refuse(const smtp::Reply& reply, std::string_view stat);
    void refuse_beyond(Limit limit, std::string_view text, std::string_view stat);
    void finish(const std::vector<Part>& parts);

    Shard& shard_;
    Owner& owner_;
    IncomingMail mail_;
    base::Monotonic::time_point begun_ = base::Monotonic::now();

    Stage stage_ = Stage::kEnvelope;
    struct Outstanding {
        // The delivery servers are asked in the order of the RCPTs, and the upstream gets their answers in it.
        enum class State { kChecking, kPassed, kSent, kAnswered };
        mail::Recipient recipient;
        std::vector<smtp::Parameter> parameters;
        unsigned number = 0;
        State state = State::kPassed;
        std::size_t leg = 0;                 // of kSent, and of those that were accepted
        smtp::Reply reply{};                 // of kAnswered
        policy::RecipientChoices choices{};  // of its domain
        std::chrono::seconds delay{};        // before the answer, when its turn has come
        std::string known_by{};              // the kind of the source that knows it; empty: none was asked
        std::string mailbox{};               // that it is an alias of, as that source says
        policy::RecipientSettings settings{};
    };
    std::deque<Outstanding> outstanding_;  // RCPT without an answer yet, in order
    unsigned last_recipient_ = 0;          // number of the last RCPT
    std::unique_ptr<net::Timer> pause_;    // before the answer to a client that guesses
    bool answering_ = false;
    std::vector<smtp::Parameter> mail_parameters_;
    std::unique_ptr<Legs> legs_;  // never null

    Admission::Memory memory_;  // that the text takes
    std::unique_ptr<mail::Spool> spool_;
    TextFingerprint fingerprint_;
    std::uint64_t size_ = 0;
    bool too_big_ = false;
    std::string storage_failure_;
    std::string held_;  // why; empty: it is not

    unsigned scans_ = 0;                 // that looked for the wrong expressions
    std::vector<Part> settled_;          // what the journal has answered
    std::vector<std::size_t> waiting_;   // recipients that are still to be acted on
    std::vector<policy::Group> groups_;  // what was decided for them
    std::unique_ptr<Disposal> disposal_;
};

}  // namespace session
