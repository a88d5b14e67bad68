#include "ctl/control_server.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/log.hpp"
#include "ctl/connection.hpp"
#include "ctl/entry_text.hpp"
#include "ctl/protocol.hpp"
#include "directory/user_list_requests.hpp"

namespace ctl {
namespace {

using quarantine::Entry;
using quarantine::ReleaseState;

constexpr std::chrono::milliseconds kAcceptPause{1000};
constexpr std::string_view kPossiblyDelivered = "possibly delivered";

constexpr std::size_t kMaxName = 1000;  // octets of what a mail is called

struct Request {
    std::string command;
    std::string id;  // of why: any name of a mail; of routes: a domain; of recipient: an address; of users: all of it
    bool again = false;
    Peer peer;
};

std::optional<Request> parse(std::string_view line) {
    const auto whole = line;
    std::vector<std::string_view> words;
    while (!line.empty()) {
        const auto end = std::min(line.find(' '), line.size());
        words.push_back(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    if (words.empty())
        return std::nullopt;
    Request request{std::string(words[0]), {}, false, {}};
    if (request.command == "users" && words.size() > 1) {
        request.id = whole.substr(whole.find(' ') + 1);
        return request;
    }
    if (request.command == "why" || request.command == "recipient") {
        // A Message-ID may hold blanks.
        const auto name = whole.substr(std::min(whole.find(' ') + 1, whole.size()));
        if (words.size() < 2 || name.size() > kMaxName)
            return std::nullopt;
        request.id = name;
        return request;
    }
    if (request.command == "routes" && words.size() <= 2) {
        request.id = words.size() == 2 ? words[1] : std::string_view();
        return request.id.size() > kMaxName ? std::nullopt : std::optional(request);
    }
    const bool plain = request.command == "status" || request.command == "list";
    const bool with_id = request.command == "show" || request.command == "raw" || request.command == "release" ||
                         request.command == "delete";
    if (plain && words.size() == 1)
        return request;
    if (!with_id || words.size() < 2 || !base::is_message_id(words[1]))
        return std::nullopt;
    request.id = words[1];
    request.again = words.size() == 3 && request.command == "release" && words[2] == "again";
    if (words.size() > (request.again ? 3U : 2U))
        return std::nullopt;
    return request;
}

}  // namespace

class ControlServer::State final : public std::enable_shared_from_this<State>, private Connection::Owner {
  public:
    State(net::Loop& loop, base::UniqueFd listener, quarantine::Service& quarantine, Functions functions)
        : loop_(loop),
          listener_(std::move(listener)),
          quarantine_(quarantine),
          functions_(std::move(functions)),
          acceptable_(loop, listener_.get(), net::Watch::Direction::kRead, [this] { accept(); }),
          resume_(loop, [this] { acceptable_.enable(); }) {
        acceptable_.enable();
    }

  private:
    void accept();
    void on_request(Connection& connection, std::string_view line) override;
    void on_over(Connection& connection, const std::string& why) override;
    void answer(unsigned long serial, bool ok, std::string text);

    void list(unsigned long client);
    void show(unsigned long client, const std::string& id);
    void raw(unsigned long client, const std::string& id);
    using Teller = std::function<void(const std::string& name, std::function<void(base::Result<std::string>)> done)>;
    void tell(unsigned long client, const std::string& name, const Teller& teller);
    void users(unsigned long client, const Request& request);
    void remove(unsigned long client, const Request& request);
    void release(unsigned long client, const Request& request);
    void hand_over(unsigned long client, const Request& request, quarantine::Service::Loaded loaded);
    void record_outcome(unsigned long client, const Request& request, ReleaseState before,
                        const base::Result<std::string>& outcome);

    // `done` as a completion that does nothing when the server has ended meanwhile.
    template <typename Result, typename Done>
    std::function<void(Result)> while_alive(Done done) {
        return [weak = weak_from_this(), done = std::move(done)](Result result) mutable {
            if (const auto alive = weak.lock())
                done(std::move(result));
        };
    }

    net::Loop& loop_;
    base::UniqueFd listener_;
    quarantine::Service& quarantine_;
    Functions functions_;
    net::Watch acceptable_;
    net::Timer resume_;
    unsigned long last_serial_ = 0;
    std::map<unsigned long, std::unique_ptr<Connection>> clients_;
    std::size_t lists_ = 0;
    std::set<std::string> releasing_;  // releases that run now
};

void ControlServer::State::accept() {
    for (;;) {
        base::UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket) {
            // Out of descriptors: the listener would stay readable, and the loop would spin.
            if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ECONNABORTED && errno != EINTR) {
                acceptable_.disable();
                resume_.start(kAcceptPause);
            }
            return;
        }
        if (clients_.size() >= kMaxClients) {
            base::log::event(base::log::kControlDenied, "more than {} clients at once", kMaxClients);
            continue;
        }
        const auto serial = ++last_serial_;
        clients_.emplace(serial, std::make_unique<Connection>(loop_, std::move(socket), serial,
                                                              static_cast<Connection::Owner&>(*this)));
    }
}

void ControlServer::State::on_request(Connection& connection, std::string_view line) {
    auto request = parse(line);
    if (!request) {
        base::log::event(base::log::kControlDenied, "uid={} pid={}: malformed: {}", connection.peer().uid,
                         connection.peer().pid, line.substr(0, 200));
        return connection.answer(false, "malformed request");
    }
    request->peer = connection.peer();
    const auto client = connection.serial();
    if (request->command == "status")
        connection.answer(true, functions_.status());
    else if (request->command == "routes")
        connection.answer(true, functions_.routes(request->id));
    else if (request->command == "list")
        list(client);
    else if (request->command == "show")
        show(client, request->id);
    else if (request->command == "raw")
        raw(client, request->id);
    else if (request->command == "why")
        tell(client, request->id, functions_.why);
    else if (request->command == "recipient")
        tell(client, request->id, functions_.recipient);
    else if (request->command == "users")
        users(client, *request);
    else if (request->command == "release")
        release(client, *request);
    else
        remove(client, *request);
}

void ControlServer::State::on_over(Connection& connection, const std::string& why) {
    const auto found = clients_.find(connection.serial());
    if (found == clients_.end())
        return;
    if (why == "too slow" || why == "request too long" || why == "more than one line")
        base::log::event(base::log::kControlDenied, "uid={} pid={}: {}", connection.peer().uid, connection.peer().pid,
                         why);
    loop_.retire(std::move(found->second));
    clients_.erase(found);
}

void ControlServer::State::answer(unsigned long serial, bool ok, std::string text) {
    if (const auto found = clients_.find(serial); found != clients_.end())
        found->second->answer(ok, std::move(text));
}

void ControlServer::State::list(unsigned long client) {
    if (lists_ >= kMaxLists)
        return answer(client, false, "other lists are being made; try again");
    ++lists_;
    quarantine_.list(loop_, while_alive<std::vector<Entry>>([this, client](std::vector<Entry> entries) {
                         --lists_;
                         std::string text;
                         for (const auto& entry : entries)
                             text += list_line(entry, releasing_.contains(entry.id));
                         answer(client, true, std::move(text));
                     }));
}

void ControlServer::State::show(unsigned long client, const std::string& id) {
    quarantine_.show(loop_, id, while_alive<base::Result<Entry>>([this, client](base::Result<Entry> entry) {
                         if (entry)
                             answer(client, true, describe(*entry, releasing_.contains(entry->id)));
                         else
                             answer(client, false, entry.error().message);
                     }));
}

void ControlServer::State::raw(unsigned long client, const std::string& id) {
    using Loaded = base::Result<quarantine::Service::Loaded>;
    quarantine_.load(loop_, id, while_alive<Loaded>([this, client](Loaded loaded) {
                         if (!loaded)
                             return answer(client, false, loaded.error().message);
                         const auto found = clients_.find(client);
                         if (found == clients_.end())
                             return;
                         found->second->answer(true, [message = loaded->message, sent = std::size_t{0}]() mutable {
                             std::string piece(message->bytes().substr(sent, kMaxPiece));
                             sent += piece.size();
                             return piece;
                         });
                     }));
}

void ControlServer::State::tell(unsigned long client, const std::string& name, const Teller& teller) {
    if (lists_ >= kMaxLists)
        return answer(client, false, "others ask at this moment; try again");
    ++lists_;
    using Told = base::Result<std::string>;
    teller(name, while_alive<Told>([this, client](Told told) {
               --lists_;
               if (told)
                   answer(client, true, std::move(*told));
               else
                   answer(client, false, told.error().message);
           }));
}

void ControlServer::State::users(unsigned long client, const Request& request) {
    using Told = base::Result<std::string>;
    functions_.users(request.id, while_alive<Told>([this, client, request](Told told) {
                         if (!told)
                             return answer(client, false, told.error().message);
                         if (const auto change = directory::change_in_request(request.id); !change.empty())
                             base::log::event(base::log::kUsersChanged, "by uid={}: {}", request.peer.uid,
                                              base::log::escape(change));
                         answer(client, true, std::move(*told));
                     }));
}

void ControlServer::State::remove(unsigned long client, const Request& request) {
    if (releasing_.contains(request.id))
        return answer(client, false, fmt::format("{} is being released right now", request.id));
    quarantine_.remove(loop_, request.id, while_alive<base::Status>([this, client, request](base::Status removed) {
                           if (!removed)
                               return answer(client, false, removed.error().message);
                           base::log::event(base::log::kQuarantineDelete, "{}: deleted by uid={}", request.id,
                                            request.peer.uid);
                           answer(client, true, fmt::format("{} deleted\n", request.id));
                       }));
}

void ControlServer::State::release(unsigned long client, const Request& request) {
    if (!releasing_.insert(request.id).second)
        return answer(client, false, fmt::format("{} is being released right now", request.id));
    using Loaded = base::Result<quarantine::Service::Loaded>;
    quarantine_.load(loop_, request.id, while_alive<Loaded>([this, client, request](Loaded loaded) {
                         std::string why;
                         if (!loaded)
                             why = loaded.error().message;
                         else if (!request.again)
                             why = reason_against_release(loaded->entry);
                         if (!why.empty()) {
                             releasing_.erase(request.id);
                             return answer(client, false, why);
                         }
                         hand_over(client, request, std::move(*loaded));
                     }));
}

void ControlServer::State::hand_over(unsigned long client, const Request& request, quarantine::Service::Loaded loaded) {
    const auto before = loaded.entry.release;
    auto delivered =
        while_alive<base::Result<std::string>>([this, client, request, before](base::Result<std::string> outcome) {
            record_outcome(client, request, before, outcome);
        });
    auto recorded = [this, client, request, loaded = std::move(loaded),
                     delivered = std::move(delivered)](base::Status status) mutable {
        if (!status) {
            releasing_.erase(request.id);
            return answer(client, false, "not released: " + status.error().message);
        }
        functions_.release(loaded.entry, std::move(loaded.message), std::move(delivered));
    };
    const auto note = fmt::format("begun {} by uid={}", base::iso8601(base::Wall::now()), request.peer.uid);
    quarantine_.record_release(loop_, request.id, ReleaseState::kReleasing, note,
                               while_alive<base::Status>(std::move(recorded)));
}

void ControlServer::State::record_outcome(unsigned long client, const Request& request, ReleaseState before,
                                          const base::Result<std::string>& outcome) {
    const auto text = outcome ? *outcome : outcome.error().message;
    const bool unknown = !outcome && text.starts_with(kPossiblyDelivered);
    const auto state = outcome ? ReleaseState::kReleased : unknown ? ReleaseState::kReleasing : before;
    base::log::event(base::log::kQuarantineRelease, "{}: {} by uid={}: {}", request.id,
                     outcome   ? "released"
                     : unknown ? "possibly released"
                               : "not released",
                     request.peer.uid, text);
    auto recorded = [this, client, request, text, delivered = outcome.has_value()](base::Status status) {
        releasing_.erase(request.id);
        if (!delivered)
            return answer(client, false, fmt::format("{} not released: {}", request.id, text));
        if (!status)
            return answer(client, false,
                          fmt::format("{} released ({}), but this could not be recorded: {}", request.id, text,
                                      status.error().message));
        answer(client, true, fmt::format("{} released: {}\n", request.id, text));
    };
    quarantine_.record_release(loop_, request.id, state, text, while_alive<base::Status>(std::move(recorded)));
}

ControlServer::ControlServer(net::Loop& loop, base::UniqueFd listener, quarantine::Service& quarantine,
                             Functions functions)
    : state_(std::make_shared<State>(loop, std::move(listener), quarantine, std::move(functions))) {}

ControlServer::~ControlServer() = default;

}  // namespace ctl
