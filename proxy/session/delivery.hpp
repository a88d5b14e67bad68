// Delivery: the downstream side of one transaction: MAIL, RCPT in lockstep, DATA, the final reply.
//
// Belongs to one loop. What the delivery server answers is relayed or translated here (DESIGN section 6, step 4); the
// owner gets replies that are fit for the upstream. As long as no recipient was answered, a server that fails is
// followed by the next (fail-over). A stale connection (pooled, or held since before a restart()) is replaced once,
// before anything was answered.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mail/envelope.hpp"
#include "mail/rope.hpp"
#include "session/downstream_pool.hpp"
#include "smtp/client_attributes.hpp"
#include "smtp/command.hpp"

namespace session {

class Delivery final : private DownstreamConnection::Owner {
  public:
    // How a committed message ended.
    struct Outcome {
        smtp::Reply reply;                // fit for the upstream; 2xx: the delivery server took it
        std::string server_text;          // the delivery server's own code and text, or what went wrong; for the log
        bool possible_duplicate = false;  // the final dot was on its way and no answer came
    };

    class Handler {
      public:
        // The answer to the next RCPT, in order.
        virtual void on_recipient(const smtp::Reply& reply) = 0;
        // The transaction cannot succeed any more and commit() has not been called: the server broke off. Answer at
        // once.
        virtual void on_delivery_broken(const smtp::Reply& reply) = 0;
        virtual void on_delivered(Outcome outcome) = 0;

      protected:
        ~Handler() = default;
    };

    // `servers`: of the recipients' route, perhaps none. `id` for the log. Callbacks may come from within
    // add_recipient(), restart() and commit().
    Delivery(DownstreamPool& pool, RuntimePtr runtime, ServersPtr servers, std::string id, std::string reverse_path,
             std::vector<smtp::Parameter> mail_parameters, Handler& handler);
    ~Delivery();
    Delivery(const Delivery&) = delete;
    Delivery& operator=(const Delivery&) = delete;

    // Says by XFORWARD, where the delivery server takes it, who the real client is. Before the first recipient.
    void introduce(smtp::ClientAttributes client) { client_ = std::move(client); }
    void add_recipient(std::string path, std::vector<smtp::Parameter> parameters);
    // Begins anew with these recipients only (RSET, then MAIL and RCPT): some of those accepted need it no more, or the
    // next group of recipients gets another text. Also after a commit() has ended, or the server broke off: then on any
    // connection. Precondition: no RCPT is unanswered, no commit() runs. Each recipient is answered by on_recipient(),
    // in order. If the connection breaks off before all are answered, the rest are answered with 451, and only then
    // comes on_delivery_broken().
    void restart(const std::vector<mail::Recipient>& recipients);
    // Sends the message to the recipients accepted so far; at most once, and once more after each restart().
    // Precondition: every recipient was answered.
    void commit(mail::Rope message);
    // Gives up: the connection goes back to the pool (RSET), or is closed when it stands in the middle of the text.
    void cancel();

    // The final dot has been handed to the network: from here the delivery is followed to its end (invariant 8).
    [[nodiscard]] bool past_point_of_no_return() const { return stage_ == Stage::kFinal; }
    [[nodiscard]] bool broken() const { return stage_ == Stage::kBroken; }
    // The last one that was asked.
    [[nodiscard]] const net::Endpoint& server() const;

  private:
    enum class Stage {
        kEnvelope,  // MAIL, RCPT
        kData,      // DATA sent
        kText,      // sending the message
        kFinal,     // the dot is sent
        kDone,
        kBroken,
    };
    struct Recipient {
        std::string path;
        std::vector<smtp::Parameter> parameters;
    };

    void on_ready() override;
    void on_answer(smtp::ClientProtocol::Expect to, const smtp::Reply& reply) override;
    void on_output_sent() override;
    void on_lost(const std::string& why, const smtp::Reply* last_words) override;

    void begin();
    void open(bool fresh);
    bool fail_over();
    bool fail_over_after(const smtp::Reply& reply);
    void refuse_mail(const smtp::Reply& reply);
    void send_envelope();
    void send_recipient(const Recipient& recipient);
    void answer_recipient(const smtp::Reply& reply);
    void answer_all(const smtp::Reply& reply);
    void forget();
    void pump();
    void gather();
    void finish(Outcome outcome);
    void break_off(const smtp::Reply& reply);
    std::string wire_parameters(const std::vector<smtp::Parameter>& parameters, bool of_mail);
    smtp::Reply relayed(const smtp::Reply& reply);

    DownstreamPool& pool_;
    RuntimePtr runtime_;
    ServersPtr servers_;
    std::string id_;
    std::string reverse_path_;
    std::vector<smtp::Parameter> mail_parameters_;
    Handler& handler_;
    std::optional<smtp::ClientAttributes> client_;

    Stage stage_ = Stage::kEnvelope;
    std::size_t server_index_ = 0;
    DownstreamHealth::Mask tried_ = 0;  // servers that failed this mail
    bool promised_ = false;             // a recipient was answered: no other server now
    std::unique_ptr<DownstreamConnection> connection_;
    bool reused_ = false;         // the connection was there before: it may be stale
    bool answered_ = false;       // something of this transaction was answered on this connection
    bool greeted_ = false;        // the connection is, or was, ready for commands
    bool envelope_sent_ = false;  // MAIL went out on this connection
    bool out_of_step_ = false;    // the two of us misunderstand each other: not a connection for the pool
    std::optional<smtp::Reply> mail_refused_;
    std::vector<Recipient> unanswered_;  // in order
    std::optional<mail::Rope> message_;
    net::Stored stored_;  // its original's text
    std::size_t next_piece_ = 0;
    std::size_t piece_offset_ = 0;
    smtp::Runs runs_;        // of the message, to be sent next
    bool gathered_ = false;  // the rest of it is in runs_, with the end of data
    unsigned round_ = 0;     // counts restart() and cancel(): a callback that led to one ends what called it
};

}  // namespace session
