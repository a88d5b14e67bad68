#include "session/legs.hpp"

#include <algorithm>
#include <utility>

namespace session {

struct Legs::Leg final : Delivery::Handler {
    Leg(Legs& owner, std::size_t place, RouteSetPtr its_route)
        : legs(owner), number(place), route(std::move(its_route)) {}
    void on_recipient(const smtp::Reply& reply) override;
    void on_delivery_broken(const smtp::Reply& reply) override;
    void on_delivered(Delivery::Outcome outcome) override;

    struct Waiting {
        std::string path;
        std::vector<smtp::Parameter> parameters;
    };

    Legs& legs;
    const std::size_t number;
    const RouteSetPtr route;
    bool asked = false;                  // its names are being looked up
    std::vector<Waiting> waiting;        // for that
    std::unique_ptr<Delivery> delivery;  // null until the servers are known
    std::optional<smtp::Reply> why_broken;
    bool open = true;
};

void Legs::Leg::on_recipient(const smtp::Reply& reply) {
    legs.handler_.on_leg_recipient(number, reply);
}

void Legs::Leg::on_delivery_broken(const smtp::Reply& reply) {
    open = false;
    why_broken = reply;
    legs.handler_.on_leg_broken(number, reply);
}

void Legs::Leg::on_delivered(Delivery::Outcome outcome) {
    legs.handler_.on_leg_delivered(number, std::move(outcome));
}

Legs::Legs(DownstreamPool& pool, Mail mail, Handler& handler, ServersPtr servers)
    : pool_(pool), mail_(std::move(mail)), handler_(handler), servers_(std::move(servers)) {}

Legs::~Legs() = default;

const RouteSetPtr& Legs::route(std::size_t leg) const {
    return legs_[leg]->route;
}

Delivery& Legs::delivery(std::size_t leg) {
    return *legs_[leg]->delivery;
}

bool Legs::envelope_is_open(std::size_t leg) const {
    return legs_[leg]->open;
}

void Legs::close_envelope(std::size_t leg) {
    legs_[leg]->open = false;
}

std::optional<std::size_t> Legs::leg_for(const std::string& forward_path) {
    const auto& routes = mail_.runtime->routes;
    const auto& route = servers_ ? routes.fallback() : routes.find(forward_path);
    for (const auto& leg : legs_)
        if (leg->route == route)
            return leg->number;
    if (legs_.size() >= mail_.runtime->settings.max_routes_per_message)
        return std::nullopt;
    auto& leg = *legs_.emplace_back(std::make_unique<Leg>(*this, legs_.size(), route));
    if (auto servers = servers_ ? servers_ : pool_.servers_now(*route))
        found(leg.number, std::move(servers));
    return leg.number;
}

bool Legs::wants_servers(std::size_t leg) {
    return !legs_[leg]->delivery && !std::exchange(legs_[leg]->asked, true);
}

void Legs::found(std::size_t number, ServersPtr servers) {
    auto& leg = *legs_[number];
    if (leg.delivery)
        return;
    Delivery::Handler& handler = leg;
    leg.delivery = std::make_unique<Delivery>(pool_, mail_.runtime, std::move(servers), mail_.id, mail_.reverse_path,
                                              mail_.parameters, handler);
    if (mail_.client)
        leg.delivery->introduce(*mail_.client);
    for (auto& recipient : std::exchange(leg.waiting, {}))
        leg.delivery->add_recipient(std::move(recipient.path), std::move(recipient.parameters));
}

void Legs::add_recipient(std::size_t number, std::string path, std::vector<smtp::Parameter> parameters) {
    auto& leg = *legs_[number];
    if (leg.delivery)
        leg.delivery->add_recipient(std::move(path), std::move(parameters));
    else
        leg.waiting.push_back({std::move(path), std::move(parameters)});
}

std::size_t Legs::recipients(std::size_t leg) const {
    return static_cast<std::size_t>(std::ranges::count(leg_of_, leg));
}

const smtp::Reply* Legs::broken() const {
    for (const auto& leg : legs_)
        if (leg->why_broken && recipients(leg->number) > 0)
            return &*leg->why_broken;
    return nullptr;
}

void Legs::drop_empty() {
    for (const auto& leg : legs_)
        if (leg->delivery && recipients(leg->number) == 0)
            leg->delivery->cancel();
}

void Legs::cancel() {
    for (const auto& leg : legs_) {
        leg->open = false;
        leg->waiting.clear();
        if (leg->delivery)
            leg->delivery->cancel();
    }
}

}  // namespace session
