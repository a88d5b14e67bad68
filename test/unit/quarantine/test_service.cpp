#include <doctest/doctest.h>

#include <thread>

#include "base/ids.hpp"
#include "quarantine/service.hpp"
#include "simulated_disk.hpp"

using quarantine::Entry;
using quarantine::Service;
using quarantine::Store;

namespace {

Entry entry_of(std::string id) {
    Entry entry;
    entry.id = std::move(id);
    entry.time = base::Wall::now();
    entry.envelope = {"a@b.test", "", {{"c@d.test", ""}}};
    return entry;
}

mail::MessagePtr text_of(std::string text) {
    return std::make_shared<test::MemoryMessage>(std::move(text));
}

}  // namespace

TEST_CASE("answers come on the asking loop, in order, and each exactly once") {
    const auto disk = std::make_shared<test::SimulatedDisk>();
    auto store = Store::open("/q", {.max_size = 100000}, disk);
    REQUIRE(store);
    net::Loop loop;
    Service service(std::move(*store));
    const auto thread = std::this_thread::get_id();
    const auto id = base::new_message_id();
    std::vector<std::string> answers;
    const auto note = [&](std::string what) {
        CHECK(std::this_thread::get_id() == thread);
        answers.push_back(std::move(what));
    };
    service.put(loop, entry_of(id), text_of("hello\r\n"), [&](base::Status kept) { note(kept ? "put" : "failed"); });
    service.put(loop, entry_of(base::new_message_id()), text_of(std::string(100001, 'x')),
                [&](base::Status kept) { note(kept ? "put" : kept.error().message.substr(0, 15)); });
    service.record_release(loop, id, quarantine::ReleaseState::kReleasing, "now",
                           [&](base::Status recorded) { note(recorded ? "recorded" : "failed"); });
    service.show(loop, id, [&](base::Result<Entry> entry) { note(entry ? entry->release_note : "failed"); });
    service.list(loop, [&](std::vector<Entry> entries) { note(std::to_string(entries.size())); });
    service.load(loop, id, [&](base::Result<Service::Loaded> loaded) {
        note(loaded ? std::string(loaded->message->bytes()) : "failed");
        loop.stop();
    });
    loop.run();
    CHECK(answers == std::vector<std::string>{"put", "quarantine full", "recorded", "now", "1", "hello\r\n"});
    CHECK(service.usage().entries == 1);
    CHECK(service.usage().octets > 7);
    service.remove(loop, id, [&](base::Status removed) { note(removed ? "removed" : "failed"); });
    service.show(loop, id, [&](base::Result<Entry> entry) {
        note(entry ? "there" : "gone");
        loop.stop();
    });
    loop.run();
    CHECK(answers.size() == 8);
    CHECK(answers[6] == "removed");
    CHECK(answers[7] == "gone");
    CHECK(service.usage().entries == 0);
}

TEST_CASE("what was asked before the end is finished") {
    const auto disk = std::make_shared<test::SimulatedDisk>();
    net::Loop loop;
    int kept = 0;
    {
        auto store = Store::open("/q", {}, disk);
        REQUIRE(store);
        Service service(std::move(*store));
        for (int i = 0; i < 100; ++i)
            service.put(loop, entry_of(base::new_message_id()), text_of("x"),
                        [&](base::Status status) { kept += status ? 1 : 0; });
    }
    CHECK(disk->paths().size() == 200);
    loop.stop();
    loop.run();
    CHECK(kept == 100);
}

TEST_CASE("old entries expire at start") {
    const auto disk = std::make_shared<test::SimulatedDisk>();
    auto store = Store::open("/q", {.expire_after = std::chrono::hours(1)}, disk);
    REQUIRE(store);
    auto old = entry_of(base::new_message_id());
    old.time = base::Wall::now() - std::chrono::hours(2);
    REQUIRE(store->put(old, test::MemoryMessage("x")));
    REQUIRE(store->put(entry_of(base::new_message_id()), test::MemoryMessage("y")));
    net::Loop loop;
    Service service(std::move(*store));
    std::size_t left = 0;
    service.list(loop, [&](std::vector<Entry> entries) {
        left = entries.size();
        loop.stop();
    });
    loop.run();
    CHECK(left == 1);
}
