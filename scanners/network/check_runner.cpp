#include "scanners/network/check_runner.hpp"

#include <utility>

#include "base/channel.hpp"
#include "scanners/check/wire.hpp"

namespace scanners::network {

void CheckRunner::adopt(base::UniqueFd socket) {
    auto channel = std::make_unique<Channel>();
    auto* raw = channel.get();
    channel->socket = std::move(socket);
    channel->watch = std::make_unique<net::Watch>(loop_, channel->socket.get(), net::Watch::Direction::kRead,
                                                  [this, raw] { on_packet(*raw); });
    channel->watch->enable();
    channels_.push_back(std::move(channel));
    dismissed_ = false;
    let_go();
}

void CheckRunner::dismiss() {
    dismissed_ = true;
    let_go();
}

base::Status CheckRunner::run(const std::string& name, const mail::Message& message, std::chrono::milliseconds time,
                              Done done) {
    if (dismissed_ || channels_.empty() || channels_.back()->over)
        return base::error("the runner of check programs is not there");
    auto& channel = *channels_.back();
    const auto shared = message.share();
    if (!shared)
        return shared.error();
    const check::Job job{++last_serial_, time, name};
    if (auto sent = base::send_packet(channel.socket.get(), check::encode(job), {shared->get()}); !sent)
        return sent;
    channel.waiting.emplace(job.serial, std::move(done));
    return base::ok();
}

void CheckRunner::on_packet(Channel& channel) {
    base::Packet packet;
    const auto received = base::receive_packet(channel.socket.get(), packet, false);
    if (received == base::Received::kNothing)
        return;
    auto answer = received == base::Received::kPacket && packet.descriptors.empty() ? check::decode_answer(packet.bytes)
                                                                                    : std::nullopt;
    const auto found = answer ? channel.waiting.find(answer->serial) : channel.waiting.end();
    if (found == channel.waiting.end())
        return end(channel);
    const auto done = std::move(found->second);
    channel.waiting.erase(found);
    done(std::move(answer->ending));
    let_go();
}

// It has died, or talks nonsense.
void CheckRunner::end(Channel& channel) {
    channel.over = true;
    channel.watch->disable();
    channel.socket.reset();
    const auto waiting = std::exchange(channel.waiting, {});
    for (const auto& [serial, done] : waiting)
        done({check::Ending::Kind::kNotStarted, 0, "the runner of check programs has ended"});
    let_go();
}

// Runners that have nothing left to answer; the one in use stays.
void CheckRunner::let_go() {
    for (auto next = channels_.begin(); next != channels_.end();) {
        const auto one = next++;
        const bool in_use = one->get() == channels_.back().get() && !dismissed_;
        if (in_use || !(*one)->waiting.empty())
            continue;
        (*one)->watch->disable();
        loop_.retire(std::move(*one));
        channels_.erase(one);
    }
}

}  // namespace scanners::network
