#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "base/ids.hpp"
#include "quarantine/metadata.hpp"
#include "simulated_disk.hpp"

using quarantine::Entry;
using quarantine::Limits;
using quarantine::ReleaseState;
using quarantine::Store;
using test::MemoryMessage;
using test::PowerCut;
using test::SimulatedDisk;

namespace {

Entry entry_of(std::string id) {
    Entry entry;
    entry.id = std::move(id);
    entry.time = base::Wall::now();
    entry.verdict = "found Eicar-Signature";
    entry.envelope = {"a@b.test", " SIZE=5", {{"c@d.test", " NOTIFY=NEVER"}}};
    return entry;
}

struct Directory {
    Directory() {
        std::string name = "/tmp/sandwich-unit-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Directory() { [[maybe_unused]] const int status = ::system(("rm -rf '" + path + "'").c_str()); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    std::string path;
};

unsigned mode_of(const std::string& path) {
    struct stat facts {};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    return facts.st_mode & 07777;
}

std::shared_ptr<SimulatedDisk> new_disk() {
    return std::make_shared<SimulatedDisk>();
}

Store reopen(const std::shared_ptr<SimulatedDisk>& disk) {
    auto store = Store::open("/q", {}, disk);
    REQUIRE(store);
    return std::move(*store);
}

// After whatever happened: each listed entry is whole, each file belongs to one, and `promised` are all there.
std::set<std::string> check_whole(const std::shared_ptr<SimulatedDisk>& disk, const std::set<std::string>& promised) {
    const auto store = reopen(disk);
    std::set<std::string> found;
    for (const auto& entry : store.list()) {
        const auto message = store.message(entry.id);
        REQUIRE(message);
        CHECK((*message)->bytes() == "mail of " + entry.id);
        CHECK(entry.envelope.recipients.size() == 1);
        found.insert(entry.id);
    }
    for (const auto& id : promised)
        CHECK(found.contains(id));
    CHECK(disk->paths().size() == found.size() * 2);
    CHECK(store.entries() == found.size());
    return found;
}

}  // namespace

TEST_CASE("on the real file system: put, list, show, message, release, remove") {
    const Directory directory;
    const auto path = directory.path + "/q";
    auto store = Store::open(path, {});
    REQUIRE(store);
    CHECK(mode_of(path) == 0700);
    const auto id = base::new_message_id();
    REQUIRE(store->put(entry_of(id), MemoryMessage("Subject: x\r\n\r\nhello\r\n")));
    CHECK(mode_of(path + "/" + id + ".eml") == 0600);
    CHECK(mode_of(path + "/" + id + ".meta") == 0600);
    CHECK_FALSE(store->put(entry_of(id), MemoryMessage("again")));
    CHECK(store->entries() == 1);

    auto again = Store::open(path, {});
    REQUIRE(again);
    CHECK(again->total_size() == store->total_size());
    REQUIRE(again->list().size() == 1);
    const auto entry = again->show(id);
    REQUIRE(entry);
    CHECK(entry->size == 21);
    CHECK(entry->sha256 == quarantine::sha256("Subject: x\r\n\r\nhello\r\n"));
    CHECK(entry->envelope.recipients[0].parameters == " NOTIFY=NEVER");
    auto message = again->message(id);
    REQUIRE(message);
    CHECK((*message)->bytes() == "Subject: x\r\n\r\nhello\r\n");
    const auto shared = (*message)->share();
    REQUIRE(shared);
    CHECK((::fcntl(shared->get(), F_GETFL) & O_ACCMODE) == O_RDONLY);

    REQUIRE(again->record_release(id, ReleaseState::kReleased, "250 ok"));
    CHECK(again->show(id)->release == ReleaseState::kReleased);
    CHECK(again->show(id)->release_note == "250 ok");
    REQUIRE(again->remove(id));
    CHECK_FALSE(again->show(id));
    CHECK_FALSE(again->remove(id));
    CHECK((*message)->bytes().size() == 21);
    CHECK(again->entries() == 0);
    CHECK(again->total_size() == 0);
    CHECK(::access((path + "/" + id + ".eml").c_str(), F_OK) != 0);
}

TEST_CASE("an empty mail can be held") {
    const Directory directory;
    auto store = Store::open(directory.path, {});
    REQUIRE(store);
    const auto id = base::new_message_id();
    REQUIRE(store->put(entry_of(id), MemoryMessage("")));
    const auto message = store->message(id);
    REQUIRE(message);
    CHECK((*message)->bytes().empty());
}

TEST_CASE("a directory that others may write to, or that is none, is refused") {
    const Directory directory;
    REQUIRE(::chmod(directory.path.c_str(), 0770) == 0);
    CHECK_FALSE(Store::open(directory.path, {}));
    const auto file = directory.path + "/file";
    std::ofstream(file) << "x";
    CHECK_FALSE(Store::open(file, {}));
    CHECK_FALSE(Store::open(directory.path + "/missing/q", {}));
}

TEST_CASE("a path is never made of a foreign id") {
    const auto disk = new_disk();
    auto store = reopen(disk);
    CHECK_FALSE(store.put(entry_of("../../etc/crond"), MemoryMessage("x")));
    CHECK_FALSE(store.show("../../etc/passw"));
    CHECK_FALSE(store.remove("../../etc/passw"));
    CHECK_FALSE(store.message(""));
    CHECK(disk->paths().empty());
}

TEST_CASE("a message or metadata that changed on disk is not given out") {
    const auto disk = new_disk();
    auto store = reopen(disk);
    const auto id = base::new_message_id();
    REQUIRE(store.put(entry_of(id), MemoryMessage("mail of " + id)));
    auto& mail = disk->content("/q/" + id + ".eml");
    mail[0] = 'M';
    CHECK_FALSE(store.message(id));
    mail += "x";
    CHECK_FALSE(store.message(id));
    CHECK(store.show(id));
    disk->content("/q/" + id + ".meta")[30] = '?';
    CHECK_FALSE(store.show(id));
    CHECK(store.list().empty());
    CHECK(store.remove(id));  // a damaged one can still be removed
    CHECK(disk->paths().empty());
}

TEST_CASE("a failure at any step of put leaves nothing, and the next put works") {
    unsigned failures = 0;
    for (unsigned step = 1;; ++step) {
        const auto disk = new_disk();
        auto store = reopen(disk);
        const auto first = base::new_message_id();
        REQUIRE(store.put(entry_of(first), MemoryMessage("mail of " + first)));
        const auto size = store.total_size();
        disk->reset_counters();
        disk->fail_at = step;
        const auto id = base::new_message_id();
        const auto kept = store.put(entry_of(id), MemoryMessage("mail of " + id));
        if (kept) {
            CHECK(disk->operations() < step);
            break;
        }
        ++failures;
        CHECK(kept.error().message.find("No space") != std::string::npos);
        CHECK(store.total_size() == size);
        CHECK(disk->paths().size() == 2);
        disk->fail_at = 0;
        REQUIRE(store.put(entry_of(id), MemoryMessage("mail of " + id)));
        check_whole(disk, {first, id});
    }
    CHECK(failures == 9);  // create, write, fsync, rename for each of the two files, fsync of the directory
}

TEST_CASE("a power cut at any step of put: what was promised is whole, anything else is absent or whole") {
    std::mt19937 random(20261123);
    unsigned cuts = 0;
    for (unsigned step = 1; step <= 9; ++step)
        for (int round = 0; round < 200; ++round) {
            const auto disk = new_disk();
            auto store = reopen(disk);
            const auto first = base::new_message_id();
            REQUIRE(store.put(entry_of(first), MemoryMessage("mail of " + first)));
            disk->reset_counters();
            disk->cut_at = step;
            const auto id = base::new_message_id();
            CHECK_THROWS_AS((void)store.put(entry_of(id), MemoryMessage("mail of " + id)), PowerCut);
            ++cuts;
            if (round == 0)
                disk->process_restart();
            else
                disk->power_on(random);
            check_whole(disk, {first});
        }
    CHECK(cuts == 1800);
}

TEST_CASE("a power cut right after put returned loses nothing") {
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        const auto disk = new_disk();
        auto store = reopen(disk);
        const auto id = base::new_message_id();
        REQUIRE(store.put(entry_of(id), MemoryMessage("mail of " + id)));
        disk->power_on(random);
        check_whole(disk, {id});
    }
}

TEST_CASE("a power cut while a release is recorded leaves the old record or the new one") {
    std::mt19937 random(11);
    std::set<ReleaseState> seen;
    for (unsigned step = 1; step <= 5; ++step)
        for (int round = 0; round < 50; ++round) {
            const auto disk = new_disk();
            auto store = reopen(disk);
            const auto id = base::new_message_id();
            REQUIRE(store.put(entry_of(id), MemoryMessage("mail of " + id)));
            disk->reset_counters();
            disk->cut_at = step;
            CHECK_THROWS_AS((void)store.record_release(id, ReleaseState::kReleasing, ""), PowerCut);
            disk->power_on(random);
            check_whole(disk, {id});
            seen.insert(reopen(disk).show(id)->release);
        }
    CHECK(seen == std::set{ReleaseState::kHeld, ReleaseState::kReleasing});
}

TEST_CASE("a recorded release survives a power cut") {
    std::mt19937 random(13);
    for (int round = 0; round < 50; ++round) {
        const auto disk = new_disk();
        auto store = reopen(disk);
        const auto id = base::new_message_id();
        REQUIRE(store.put(entry_of(id), MemoryMessage("mail of " + id)));
        REQUIRE(store.record_release(id, ReleaseState::kReleasing, "n"));
        disk->power_on(random);
        CHECK(reopen(disk).show(id)->release == ReleaseState::kReleasing);
    }
}

TEST_CASE("a failed record of a release leaves the old record") {
    for (unsigned step = 1; step <= 4; ++step) {
        const auto disk = new_disk();
        auto store = reopen(disk);
        const auto id = base::new_message_id();
        REQUIRE(store.put(entry_of(id), MemoryMessage("mail of " + id)));
        disk->reset_counters();
        disk->fail_at = step;
        CHECK_FALSE(store.record_release(id, ReleaseState::kReleasing, ""));
        CHECK(store.show(id)->release == ReleaseState::kHeld);
        CHECK(disk->paths().size() == 2);
    }
}

TEST_CASE("a power cut at any step of remove: the entry is whole or gone") {
    std::mt19937 random(17);
    for (unsigned step = 1; step <= 3; ++step)
        for (int round = 0; round < 100; ++round) {
            const auto disk = new_disk();
            auto store = reopen(disk);
            const auto first = base::new_message_id();
            const auto id = base::new_message_id();
            REQUIRE(store.put(entry_of(first), MemoryMessage("mail of " + first)));
            REQUIRE(store.put(entry_of(id), MemoryMessage("mail of " + id)));
            disk->reset_counters();
            disk->cut_at = step;
            CHECK_THROWS_AS((void)store.remove(id), PowerCut);
            disk->power_on(random);
            const auto found = check_whole(disk, {first});
            if (step == 3)
                CHECK_FALSE(found.contains(id));
        }
}

TEST_CASE("max_size and the disk floor are kept, and say which it was") {
    const auto disk = new_disk();
    auto opened = Store::open("/q", {.max_size = 3000}, disk);
    REQUIRE(opened);
    const auto id = base::new_message_id();
    REQUIRE(opened->put(entry_of(id), MemoryMessage(std::string(1500, 'x'))));
    const auto second = opened->put(entry_of(base::new_message_id()), MemoryMessage(std::string(1500, 'x')));
    REQUIRE_FALSE(second);
    CHECK(second.error().message.find("max_size") != std::string::npos);
    CHECK(disk->paths().size() == 2);
    CHECK_FALSE(opened->room_for(~std::uint64_t{0}));

    opened->set_limits({.disk_floor = 1000});
    disk->free_octets = 1500;
    CHECK(opened->room_for(500));
    const auto low = opened->room_for(501);
    REQUIRE_FALSE(low);
    CHECK(low.error().message.find("disk_floor") != std::string::npos);
    CHECK_FALSE(opened->room_for(5000));
}

TEST_CASE("old entries expire, young ones stay, and 0 means never") {
    const auto disk = new_disk();
    auto store = reopen(disk);
    std::vector<std::string> ids;
    for (int i = 0; i < 4; ++i) {
        ids.push_back(base::new_message_id());
        auto entry = entry_of(ids.back());
        entry.time = base::Wall::now() - std::chrono::hours(24 * (40 - 10 * i));
        REQUIRE(store.put(entry, MemoryMessage("mail of " + ids.back())));
    }
    CHECK(store.expire(base::Wall::now()).empty());
    disk->content("/q/" + ids[0] + ".meta")[30] = '?';  // damaged: neither removed nor in the way
    store.set_limits({.expire_after = std::chrono::hours(24 * 15)});
    CHECK(store.expire(base::Wall::now()) == std::vector{ids[1], ids[2]});
    CHECK(store.show(ids[3]));
    CHECK(store.entries() == 2);
}

TEST_CASE("files that are not ours are left alone") {
    const Directory directory;
    std::ofstream(directory.path + "/README.eml") << "x";
    std::ofstream(directory.path + "/note.new") << "x";
    const auto store = Store::open(directory.path, {});
    REQUIRE(store);
    CHECK(store->entries() == 0);
    CHECK(::access((directory.path + "/README.eml").c_str(), F_OK) == 0);
    CHECK(::access((directory.path + "/note.new").c_str(), F_OK) == 0);
}

TEST_CASE("opening cleans up, but not while another process is in the middle of a put") {
    const Directory directory;
    const auto left = directory.path + "/" + base::new_message_id() + ".eml";
    std::ofstream(left) << "x";
    {
        const auto files = quarantine::real_file_system();
        const auto lock = files->lock(directory.path, quarantine::FileSystem::Lock::kShared);
        REQUIRE(lock);
        REQUIRE(Store::open(directory.path, {}));
        CHECK(::access(left.c_str(), F_OK) == 0);
    }
    REQUIRE(Store::open(directory.path, {}));
    CHECK(::access(left.c_str(), F_OK) != 0);
}
