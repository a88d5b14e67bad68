// Legs: the delivery side of one mail: one delivery for each route that its recipients are on (DESIGN section 6).
//
// Belongs to one loop, and to the Transaction or HandOver that has made it. Recipients are asked for in lockstep on all
// routes; the answers of each leg come in order, those of different legs as they like. A leg whose route has to be
// looked up first keeps its recipients until then. No connection is waited for while another is held: a leg gets one or
// its recipients get 451.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/delivery.hpp"

namespace session {

class Legs {
  public:
    class Handler {
      public:
        // The answer to the leg's next RCPT, in order.
        virtual void on_leg_recipient(std::size_t leg, const smtp::Reply& reply) = 0;
        // The leg's transaction cannot succeed any more, and no commit() runs on it.
        virtual void on_leg_broken(std::size_t leg, const smtp::Reply& reply) = 0;
        virtual void on_leg_delivered(std::size_t leg, Delivery::Outcome outcome) = 0;

      protected:
        ~Handler() = default;
    };

    struct Mail {
        RuntimePtr runtime;
        std::string id;  // for the log
        std::string reverse_path;
        std::vector<smtp::Parameter> parameters;         // of MAIL
        std::optional<smtp::ClientAttributes> client{};  // to be told by XFORWARD
    };
    // `handler` outlives the legs. With `servers` all recipients are on one leg, whatever their routes.
    Legs(DownstreamPool& pool, Mail mail, Handler& handler, ServersPtr servers = nullptr);
    ~Legs();
    Legs(const Legs&) = delete;
    Legs& operator=(const Legs&) = delete;

    // The leg of this recipient's route, a new one if need be; empty: the mail is on as many routes as it may.
    std::optional<std::size_t> leg_for(const std::string& forward_path);
    // True: the leg's route has to be looked up, and the caller is to do that, once; see found().
    [[nodiscard]] bool wants_servers(std::size_t leg);
    [[nodiscard]] const RouteSetPtr& route(std::size_t leg) const;
    void found(std::size_t leg, ServersPtr servers);
    // Asks for one more recipient; answered by on_leg_recipient(), perhaps from within this call.
    void add_recipient(std::size_t leg, std::string path, std::vector<smtp::Parameter> parameters);

    // The recipient with this number in the mail's envelope was accepted on this leg. In the order of the envelope.
    void accepted(std::size_t leg) { leg_of_.push_back(leg); }
    [[nodiscard]] std::size_t size() const { return legs_.size(); }
    [[nodiscard]] std::size_t leg_of(std::size_t recipient) const { return leg_of_[recipient]; }
    // How many of the mail's recipients are on it.
    [[nodiscard]] std::size_t recipients(std::size_t leg) const;

    // Why what was accepted cannot be delivered; null: it can. Legs on which nobody was accepted count for nothing.
    [[nodiscard]] const smtp::Reply* broken() const;
    // Those on which nobody was accepted are given up.
    void drop_empty();

    Delivery& delivery(std::size_t leg);
    // The transaction there is open for all recipients of the leg, as accepted at RCPT; no restart() and no text yet.
    [[nodiscard]] bool envelope_is_open(std::size_t leg) const;
    void close_envelope(std::size_t leg);
    // Gives all of them up.
    void cancel();

  private:
    struct Leg;

    DownstreamPool& pool_;
    const Mail mail_;
    Handler& handler_;
    const ServersPtr servers_;
    std::vector<std::unique_ptr<Leg>> legs_;
    std::vector<std::size_t> leg_of_;  // by recipient
};

}  // namespace session
