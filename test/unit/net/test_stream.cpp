#include <doctest/doctest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/loop.hpp"
#include "net/stream.hpp"

namespace {

using net::Stream;

struct Pair {
    base::UniqueFd ours;
    base::UniqueFd peer;
};

Pair connected() {
    std::array<int, 2> sockets{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets.data()) == 0);
    return {base::UniqueFd(sockets[0]), base::UniqueFd(sockets[1])};
}

// Handler that notes what it hears.
struct Owner final : Stream::Handler {
    std::function<base::Room()> place = [] { return base::Room{}; };
    std::function<void()> input = [] {};
    std::function<void()> sent = [] {};
    std::string ended;
    base::Room room() override { return place(); }
    void on_input() override { input(); }
    void on_output_sent() override { sent(); }
    void on_end(const std::string& why) override { ended = why; }
};

std::string made(std::size_t size, unsigned seed) {
    std::mt19937 random(seed);
    std::string text(size, ' ');
    std::generate(text.begin(), text.end(), [&random] { return static_cast<char>(random()); });
    return text;
}

base::UniqueFd file_with(std::string_view text) {
    base::UniqueFd file(::memfd_create("test", MFD_CLOEXEC));
    REQUIRE(file);
    REQUIRE(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    return file;
}

std::string read_all(int socket) {
    std::string text;
    std::array<char, 65536> buffer{};
    for (ssize_t got = 0; (got = ::recv(socket, buffer.data(), buffer.size(), 0)) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    return text;
}

// Offers again and again what is left until all has gone; what has arrived.
std::string offered(std::vector<std::string_view> parts, const net::Stored& stored) {
    net::Loop loop;
    Owner owner;
    auto [ours, peer] = connected();
    Stream stream(loop, std::move(ours), owner);
    bool told = false;
    owner.sent = [&] {
        told = true;
        if (!parts.empty())
            stream.offer(parts, stored);
    };
    stream.offer(parts, stored);
    std::string arrived;
    for (int turn = 0; turn < 10'000 && owner.ended.empty() && !(parts.empty() && told); ++turn) {
        arrived += read_all(peer.get());
        loop.turn(false);
    }
    CHECK(parts.empty());
    CHECK(told);
    CHECK(owner.ended.empty());
    return arrived + read_all(peer.get());
}

}  // namespace

TEST_CASE("parts arrive in order, whether copied or taken from the file") {
    const auto text = made(1'200'000, 1);
    const auto other = made(40'000, 2);
    const auto file = file_with(text);
    const net::Stored stored{file.get(), text};
    const std::string_view all = text;
    const std::vector<std::vector<std::string_view>> cases = {
        {all},
        {"head", all, "end"},
        {all.substr(0, 100), all.substr(100, 16'384), other, all.substr(50'000, 16'383), "x", all.substr(1)},
        {all.substr(0, 20'480), all.substr(0, 20'480), all.substr(7, 20'480), ""},
        {other, "", all.substr(1'199'999), all.substr(1'100'000)},
    };
    for (const auto& parts : cases) {
        std::string expected;
        for (const auto part : parts)
            expected += part;
        CHECK(offered(parts, stored) == expected);
        CHECK(offered(parts, {}) == expected);
    }
}

TEST_CASE("many parts, more than go at once") {
    const auto text = made(300'000, 3);
    const auto file = file_with(text);
    std::vector<std::string_view> parts;
    std::string expected;
    for (std::size_t i = 0; i < 200; ++i) {
        parts.push_back(i % 50 == 49 ? std::string_view(text).substr(i, 100'000) : std::string_view(text).substr(i, i));
        expected += parts.back();
    }
    CHECK(offered(parts, {file.get(), text}) == expected);
}

TEST_CASE("a file that is shorter than its text ends the connection") {
    const auto text = made(100'000, 4);
    const auto file = file_with(std::string_view(text).substr(0, 30'000));
    net::Loop loop;
    Owner owner;
    auto [ours, peer] = connected();
    Stream stream(loop, std::move(ours), owner);
    std::vector<std::string_view> parts{text};
    stream.offer(parts, {file.get(), text});
    CHECK(read_all(peer.get()).size() <= 30'000);
    stream.offer(parts, {file.get(), text});
    peer.reset();
    for (int turn = 0; turn < 10 && owner.ended.empty(); ++turn)
        loop.turn(false);
    CHECK(owner.ended == "Input/output error");
    CHECK_FALSE(parts.empty());
}

TEST_CASE("a peer that has gone is an end, and no signal") {
    ::signal(SIGPIPE, SIG_IGN);  // as in the proxy: sendfile(2) has no flag for it
    const auto text = made(100'000, 5);
    const auto file = file_with(text);
    net::Loop loop;
    Owner owner;
    auto [ours, peer] = connected();
    Stream stream(loop, std::move(ours), owner);
    peer.reset();
    std::vector<std::string_view> parts{text};
    stream.offer(parts, {file.get(), text});
    for (int turn = 0; turn < 10 && owner.ended.empty(); ++turn)
        loop.turn(false);
    CHECK(owner.ended == "Broken pipe");
}

TEST_CASE("what is gathered goes when the loop has seen to what was ready") {
    net::Loop loop;
    Owner owner;
    auto [ours, peer] = connected();
    Stream stream(loop, std::move(ours), owner);
    int told = 0;
    owner.sent = [&told] { ++told; };
    stream.gather("one ");
    stream.gather("two");
    CHECK(stream.output_size() == 7);
    CHECK(read_all(peer.get()).empty());
    loop.turn(false);
    CHECK(read_all(peer.get()) == "one two");
    CHECK(stream.output_size() == 0);
    CHECK(told == 1);
    loop.turn(false);
    CHECK(read_all(peer.get()).empty());
    CHECK(told == 1);
}

TEST_CASE("what is gathered by what was posted goes before the loop waits") {
    net::Loop loop;
    Owner owner;
    auto [ours, peer] = connected();
    Stream stream(loop, std::move(ours), owner);
    loop.post([&stream] { stream.gather("words"); });
    loop.turn(false);
    CHECK(read_all(peer.get()) == "words");
}

TEST_CASE("what is gathered goes before what is sent at once, and is not lost when the stream ends") {
    net::Loop loop;
    Owner owner;
    auto [ours, peer] = connected();
    auto stream = std::make_unique<Stream>(loop, std::move(ours), owner);
    stream->gather("gathered, ");
    SUBCASE("written") {
        stream->write("rest");
    }
    SUBCASE("offered") {
        std::vector<std::string_view> parts{"re", "st"};
        stream->offer(parts);
        CHECK(parts.empty());
    }
    SUBCASE("closed") {
        stream->gather("rest");
        stream->close();
    }
    SUBCASE("destroyed") {
        stream->gather("rest");
        stream.reset();
    }
    CHECK(read_all(peer.get()) == "gathered, rest");
    loop.turn(false);
    CHECK(read_all(peer.get()).empty());
}

TEST_CASE("what is gathered comes before the end that is told to the peer") {
    net::Loop loop;
    Owner owner;
    auto [ours, peer] = connected();
    Stream stream(loop, std::move(ours), owner);
    stream.gather("last words");
    stream.shutdown_when_sent();
    loop.turn(false);
    CHECK(read_all(peer.get()) == "last words");
    char octet = 0;
    CHECK(::recv(peer.get(), &octet, 1, 0) == 0);
}

TEST_CASE("a peer that does not read gets all that is gathered, in order, once it does") {
    net::Loop loop;
    Owner owner;
    auto [ours, peer] = connected();
    Stream stream(loop, std::move(ours), owner);
    const auto text = made(2'000'000, 6);
    for (std::size_t at = 0; at < text.size(); at += 100'000) {
        stream.gather(std::string_view(text).substr(at, 100'000));
        loop.turn(false);
    }
    CHECK(stream.output_size() > 0);
    std::string arrived;
    for (int turn = 0; turn < 1'000 && arrived.size() < text.size(); ++turn) {
        arrived += read_all(peer.get());
        loop.turn(false);
    }
    CHECK(arrived == text);
}

TEST_CASE("what goes onward goes before what goes back") {
    net::Loop loop;
    Owner first;
    Owner second;
    auto [to_client, client] = connected();
    auto [to_server, server] = connected();
    Stream back(loop, std::move(to_client), first);
    Stream onward(loop, std::move(to_server), second, net::Sending::Way::kOnward);
    std::string order;
    first.sent = [&order] { order += "back "; };
    second.sent = [&order] { order += "onward "; };
    back.gather("250 ok");
    onward.gather("DATA");
    loop.turn(false);
    CHECK(order == "onward back ");
    CHECK(read_all(client.get()) == "250 ok");
    CHECK(read_all(server.get()) == "DATA");
}

TEST_CASE("nobody waits for more than some others: when so many have something to send, all of it goes") {
    net::Loop loop;
    Owner owner;
    std::vector<base::UniqueFd> peers;
    std::vector<std::unique_ptr<Stream>> streams;
    for (std::size_t i = 0; i < net::Sending::kAtOnce; ++i) {
        auto [ours, peer] = connected();
        streams.push_back(std::make_unique<Stream>(loop, std::move(ours), owner));
        peers.push_back(std::move(peer));
    }
    for (std::size_t i = 0; i + 1 < streams.size(); ++i)
        streams[i]->gather("words");
    CHECK(read_all(peers.front().get()).empty());
    streams.back()->gather("words");
    for (const auto& peer : peers)
        CHECK(read_all(peer.get()) == "words");
}

TEST_CASE("nobody waits for more than some callbacks of others, though these send nothing") {
    constexpr std::size_t kMany = 4 * net::Sending::kAtOnce;
    net::Loop loop;
    std::vector<Owner> owners(kMany);
    std::vector<base::UniqueFd> peers;
    std::vector<std::unique_ptr<Stream>> streams;
    std::size_t callbacks = 0;
    std::size_t waited = 0;  // callbacks until the first one's words had come; 0: they had not
    int first_peer = -1;
    for (std::size_t i = 0; i < kMany; ++i) {
        auto [ours, peer] = connected();
        streams.push_back(std::make_unique<Stream>(loop, std::move(ours), owners[i]));
        peers.push_back(std::move(peer));
        owners[i].input = [&, i] {
            streams[i]->consume(streams[i]->input().size());
            if (first_peer < 0) {
                first_peer = peers[i].get();
                streams[i]->gather("words");
            } else if (++callbacks; waited == 0 && read_all(first_peer) == "words") {
                waited = callbacks;
            }
        };
    }
    // libevent takes few descriptors at a time until there were many.
    for (int round = 0; round < 3; ++round) {
        callbacks = waited = 0;
        first_peer = -1;
        for (const auto& peer : peers)
            REQUIRE(::send(peer.get(), "x", 1, 0) == 1);
        loop.turn(false);
        const auto in_one_turn = callbacks;
        for (int turn = 0; turn < 10; ++turn)
            loop.turn(false);
        if (round == 2)
            CHECK(in_one_turn == kMany - 1);
    }
    CHECK(waited == net::Sending::kAtOnce);
}

TEST_CASE("who has no more to send gets what was gathered for it before that was known") {
    net::Loop loop;
    Owner owner;
    Owner answering;
    auto [ours, peer] = connected();
    auto [our_other, other] = connected();
    Stream stream(loop, std::move(ours), owner);
    Stream answers(loop, std::move(our_other), answering);
    owner.sent = [&owner] { CHECK(owner.ended.empty()); };
    answering.input = [&] {
        answers.consume(answers.input().size());
        stream.gather("words");
        CHECK(owner.ended.empty());
    };
    REQUIRE(::send(other.get(), "x", 1, 0) == 1);
    REQUIRE(::shutdown(peer.get(), SHUT_WR) == 0);
    for (int turn = 0; turn < 3; ++turn)
        loop.turn(false);
    CHECK(owner.ended == "closed by the peer");
    CHECK(read_all(peer.get()) == "words");
}

TEST_CASE("who broke off while something was gathered for it is an end, and the others get theirs") {
    net::Loop loop;
    Owner gone;
    Owner there;
    auto [ours, peer] = connected();
    auto [our_other, other] = connected();
    Stream broken(loop, std::move(ours), gone);
    Stream whole(loop, std::move(our_other), there);
    broken.gather("words");
    whole.gather("words");
    peer.reset();
    for (int turn = 0; turn < 100 && gone.ended.empty(); ++turn)
        loop.turn(false);
    CHECK(gone.ended == "Broken pipe");
    CHECK(read_all(other.get()) == "words");
    CHECK(there.ended.empty());
}

TEST_CASE("input comes into the room that its owner has, and stays until it is used") {
    net::Loop loop;
    Owner owner;
    auto [ours, peer] = connected();
    Stream stream(loop, std::move(ours), owner);
    auto memory = std::make_shared<std::string>(1000, '-');
    const std::weak_ptr<std::string> watched = memory;
    owner.place = [&memory] { return memory ? base::Room{memory->data(), memory->size(), memory} : base::Room{}; };
    std::vector<std::string> seen;
    std::size_t used = 0;
    owner.input = [&] {
        seen.emplace_back(stream.input());
        CHECK((stream.input().data() == (memory ? memory->data() : nullptr)) ==
              (memory != nullptr && seen.size() == 1));
        memory.reset();
        stream.consume(used);
    };
    REQUIRE(::send(peer.get(), "first", 5, 0) == 5);
    used = 2;
    loop.turn(true);
    CHECK(seen == std::vector<std::string>{"first"});
    CHECK(watched.expired());  // moved, as it was not used up
    CHECK(stream.input() == "rst");
    REQUIRE(::send(peer.get(), "second", 6, 0) == 6);
    used = 9;
    loop.turn(true);
    CHECK(seen.back() == "rstsecond");
    CHECK(stream.input().empty());
    memory = std::make_shared<std::string>(4, '-');
    seen.clear();
    used = 3;
    REQUIRE(::send(peer.get(), "third", 5, 0) == 5);
    loop.turn(true);
    CHECK(seen == std::vector<std::string>{"thir"});
    CHECK(stream.input() == "r");
}

TEST_CASE("input that is kept leaves the room at once") {
    net::Loop loop;
    Owner owner;
    auto [ours, peer] = connected();
    Stream stream(loop, std::move(ours), owner);
    std::string memory(1000, '-');
    owner.place = [&memory] { return base::Room{memory.data(), memory.size()}; };
    std::string seen;
    owner.input = [&] {
        stream.consume(1);
        stream.keep_input();
        memory.assign(1000, 'X');
        seen = stream.input();
        stream.consume(seen.size());
    };
    REQUIRE(::send(peer.get(), "text", 4, 0) == 4);
    loop.turn(true);
    CHECK(seen == "ext");
}
