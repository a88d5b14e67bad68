#include "supervisor/zygotes.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

namespace supervisor {
namespace {

constexpr std::chrono::seconds kAfterScan{10};  // on top of the longest scan, for the proxy to let go
constexpr std::chrono::seconds kToEnd{10};      // from the end of its channel to a zygote's own end
// A zygote that loads beside another, and gets less than a tenth of a processor's time for so long, hurries.
constexpr std::chrono::milliseconds kBackground{3000};
constexpr int kLeastShare = 10;

bool peer_is_gone(int channel) {
    pollfd descriptor{channel, 0, 0};
    return ::poll(&descriptor, 1, 0) == 1 && (descriptor.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace

base::Status Zygotes::load(int configuration) {
    give_up_loading();
    const bool background = background_ && serving_ && Child::may_come_forward();
    auto child = Child::start({.role = "zygote",
                               .configuration = configuration,
                               .generation = 1,
                               .listeners = {},
                               .account = std::nullopt,
                               .log_to_stderr = log_to_stderr_,
                               .keep_stderr = keep_stderr_,
                               .background = background});
    if (!child)
        return child.error();
    loading_ = std::make_unique<Zygote>(std::move(*child));
    loading_->generation = ++last_generation_;
    if (background)
        loading_->forward_at = base::Monotonic::now() + kBackground;
    return base::ok();
}

void Zygotes::give_up_loading() {
    if (loading_)
        dismiss(std::move(loading_), std::chrono::milliseconds(0));
}

std::optional<Zygotes::Outcome> Zygotes::outcome() {
    if (!loading_ || loading_->told || loading_->state == Zygote::State::kLoading)
        return std::nullopt;
    loading_->told = true;
    const Outcome outcome{loading_->state == Zygote::State::kLoaded, loading_->text};
    if (!outcome.loaded)
        give_up_loading();
    return outcome;
}

void Zygotes::promote(std::chrono::milliseconds scan_time) {
    if (serving_) {
        serving_->leave_by = base::Monotonic::now() + scan_time + kAfterScan;
        leaving_.push_back(std::move(serving_));
    }
    serving_ = std::move(loading_);
    serving_since_ = base::Monotonic::now();
}

base::Result<base::UniqueFd> Zygotes::connect_to(Zygote& zygote) {
    auto channel = base::make_channel();
    if (!channel)
        return channel.error();
    if (auto sent = zygote.child.send("S", {channel->first.get()}); !sent)
        return sent.error();
    zygote.served = std::move(channel->first);
    return std::move(channel->second);
}

base::Result<base::UniqueFd> Zygotes::connect() {
    if (!serving_)
        return base::error("no scanner process serves");
    return connect_to(*serving_);
}

base::Result<base::UniqueFd> Zygotes::connect_loaded() {
    if (!loading_ || loading_->state != Zygote::State::kLoaded)
        return base::error("no scanner process has loaded");
    return connect_to(*loading_);
}

bool Zygotes::reaped(pid_t pid, int status, std::optional<std::string>& died) {
    if (loading_ && loading_->child.pid() == pid) {
        loading_->child.forget_pid();
        read(*loading_);
        if (loading_->state != Zygote::State::kFailed)
            loading_->text = "the scanner process ended: " + describe_status(status);
        // One that had loaded, and died before it served, has failed all the same.
        loading_->state = Zygote::State::kFailed;
        loading_->told = false;
        return true;
    }
    if (serving_ && serving_->child.pid() == pid) {
        serving_->child.forget_pid();
        serving_.reset();
        died = describe_status(status);
        if (loading_)
            come_forward(*loading_);  // mail waits for it
        return true;
    }
    const auto found =
        std::find_if(leaving_.begin(), leaving_.end(), [pid](const auto& one) { return one->child.pid() == pid; });
    if (found == leaving_.end())
        return false;
    (*found)->child.forget_pid();
    leaving_.erase(found);
    return true;
}

void Zygotes::dismiss(std::unique_ptr<Zygote> zygote, std::chrono::milliseconds patience) {
    if (zygote->child.pid() < 0)
        return;
    zygote->leave_by.reset();
    zygote->served.reset();
    zygote->child.close_channel();
    zygote->child.kill_after(patience);
    leaving_.push_back(std::move(zygote));
}

void Zygotes::end_all(std::chrono::milliseconds patience) {
    if (loading_)
        dismiss(std::move(loading_), std::chrono::milliseconds(0));
    if (serving_)
        dismiss(std::move(serving_), patience);
    for (auto& zygote : leaving_) {
        zygote->leave_by.reset();
        zygote->child.close_channel();
        zygote->child.kill_after(patience);
    }
}

void Zygotes::kill_all() {
    end_all(std::chrono::milliseconds(0));
    for (auto& zygote : leaving_)
        zygote->child.kill_now();
}

void Zygotes::watch(std::vector<pollfd>& descriptors) const {
    for (const auto* one : {&loading_, &serving_})
        if (*one)
            (*one)->child.watch(descriptors);
    for (const auto& zygote : leaving_) {
        zygote->child.watch(descriptors);
        if (zygote->served)
            descriptors.push_back({zygote->served.get(), 0, 0});
    }
}

void Zygotes::tend(base::Monotonic::time_point now) {
    for (auto* one : {&loading_, &serving_})
        if (*one) {
            read(**one);
            if ((*one)->forward_at && now >= *(*one)->forward_at)
                come_forward_if_starving(**one, now);
            (*one)->child.kill_if_due(now);
        }
    for (auto& zygote : leaving_) {
        read(*zygote);
        const bool done = zygote->served && peer_is_gone(zygote->served.get());
        if (zygote->leave_by && (done || !zygote->served || now >= *zygote->leave_by)) {
            zygote->leave_by.reset();
            zygote->served.reset();
            zygote->child.close_channel();
            zygote->child.kill_after(kToEnd);
        }
        zygote->child.kill_if_due(now);
    }
}

std::optional<base::Monotonic::time_point> Zygotes::due() const {
    std::optional<base::Monotonic::time_point> first;
    const auto consider = [&first](const Zygote& zygote) {
        for (const auto& when : {zygote.leave_by, zygote.forward_at, zygote.child.due()})
            if (when)
                first = first ? std::min(*first, *when) : *when;
    };
    for (const auto* one : {&loading_, &serving_})
        if (*one)
            consider(**one);
    for (const auto& zygote : leaving_)
        consider(*zygote);
    return first;
}

void Zygotes::come_forward(Zygote& zygote) {
    if (!zygote.forward_at)
        return;
    zygote.forward_at.reset();
    const auto came = zygote.child.come_forward();
    if (came)
        return;
    // Its workers would get what time others leave, and mail would wait for them.
    background_ = false;
    zygote.state = Zygote::State::kFailed;
    zygote.text = "the new scanner cannot be taken out of the lowest scheduling class: " + came.error().message;
}

void Zygotes::come_forward_if_starving(Zygote& zygote, base::Monotonic::time_point now) {
    const auto had = zygote.child.cpu_time();
    if (had - zygote.had < kBackground / kLeastShare)
        return come_forward(zygote);
    zygote.had = had;
    zygote.forward_at = now + kBackground;
}

void Zygotes::read(Zygote& zygote) {
    while (const auto packet = zygote.child.receive()) {
        if (zygote.state != Zygote::State::kLoading)
            continue;
        if (packet->bytes.front() == 'L') {
            come_forward(zygote);  // before it forks workers
            // When the answer does not reach it it is gone, which reaped() sees.
            if (zygote.state == Zygote::State::kLoading)
                static_cast<void>(zygote.child.send("F"));
            continue;
        }
        if (packet->bytes.front() == 'R')
            zygote.state = Zygote::State::kLoaded;
        else if (packet->bytes.front() == 'E')
            zygote.state = Zygote::State::kFailed;
        else
            continue;
        zygote.text = packet->bytes.substr(1);
        come_forward(zygote);
    }
}

}  // namespace supervisor
