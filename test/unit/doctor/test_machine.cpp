// Clock, signatures, disk, rights: one thing broken at a time.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "doctor/clock_check.hpp"
#include "doctor/disk_space.hpp"
#include "doctor/file_rights.hpp"
#include "doctor/signature_age.hpp"

using namespace doctor;
using std::chrono::hours;

namespace {

const auto kNow = base::Wall::from_time_t(1'790'000'000);

ClockFacts good_clock() {
    return {kNow, true, true, std::chrono::milliseconds(20), {{"it was built", kNow - hours(1)}}};
}

SignatureFacts fresh() {
    SignatureFacts facts;
    facts.directory = "/var/lib/clamav";
    facts.files = 3;
    facts.newest = "daily.cld";
    facts.built = kNow - hours(20);
    facts.freshclam = true;
    facts.now = kNow;
    return facts;
}

DiskFacts roomy() {
    constexpr std::uint64_t kGibi = 1 << 30;
    return {"spool_directory", "/var/spool/sandwich", {}, 50 * kGibi, 100 * kGibi, 1'000'000, 2'000'000, kGibi / 4};
}

const User kUser{"sandwich", 100, {100, 50}};

PathFacts path(mode_t mode, uid_t uid, gid_t gid, mode_t above = 040755, uid_t owner_above = 0) {
    return {"/a/b", {}, {{"/", 040755, 0, 0}, {"/a", above, owner_above, 0}, {"/a/b", mode, uid, gid}}};
}

PathFacts missing() {
    return {"/a/b", "No such file or directory", {}};
}

}  // namespace

TEST_CASE("the clock") {
    CHECK(judge_clock(good_clock()).front().level == Level::kOk);
    auto facts = good_clock();
    facts.synchronised = false;
    CHECK(judge_clock(facts).front().level == Level::kWarning);
    facts = good_clock();
    facts.asked = false;
    CHECK(judge_clock(facts).front().level == Level::kWarning);
    facts = good_clock();
    facts.greatest_error = std::chrono::seconds(16);
    CHECK(judge_clock(facts).front().level == Level::kWarning);
    facts = good_clock();
    facts.traces.push_back({"daily.cld was built", kNow + hours(1)});
    const auto found = judge_clock(facts);
    CHECK(found.front().level == Level::kFailure);
    CHECK(found.front().text.find("daily.cld was built") != std::string::npos);
}

TEST_CASE("signatures") {
    CHECK(judge_signatures(fresh()).level == Level::kOk);
    const auto broken = [](const auto& how) {
        auto facts = fresh();
        how(facts);
        return judge_signatures(facts).level;
    };
    CHECK(broken([](auto& facts) { facts.enabled = false; }) == Level::kWarning);
    CHECK(broken([](auto& facts) { facts.test_only = true; }) == Level::kWarning);
    CHECK(broken([](auto& facts) { facts.unread = "no such directory"; }) == Level::kFailure);
    CHECK(broken([](auto& facts) { facts.files = 0; }) == Level::kFailure);
    CHECK(broken([](auto& facts) { facts.built.reset(); }) == Level::kWarning);
    CHECK(broken([](auto& facts) { facts.built = kNow - hours(4 * 24); }) == Level::kWarning);
    CHECK(broken([](auto& facts) { facts.built = kNow - hours(8 * 24); }) == Level::kFailure);
    CHECK(broken([](auto& facts) { facts.max_age = hours(19); }) == Level::kFailure);
    CHECK(broken([](auto& facts) { facts.freshclam = false; }) == Level::kWarning);
    CHECK(broken([](auto& facts) { facts.built = kNow + hours(1); }) == Level::kOk);  // the clock's matter
}

TEST_CASE("when signatures were built") {
    const std::string head =
        "ClamAV-VDB:16 Sep 2021 08-32 -0400:62:6647427:90:137d8b38e30a7:AbC+/=:sigmgr:1631795562   ";
    CHECK(built_at(head) == base::Wall::from_time_t(1'631'795'562));
    CHECK_FALSE(built_at("ClamAV-VDB:16 Sep 2021 08-32 -0400:62:6647427"));
    CHECK_FALSE(built_at("ClamAV-VDB:a:b:c:d:e:f:g:never"));
    CHECK_FALSE(built_at(""));
    CHECK(is_signature_file("daily.cld"));
    CHECK(is_signature_file("own.ndb"));
    CHECK_FALSE(is_signature_file("freshclam.dat"));
}

TEST_CASE("disk") {
    CHECK(judge_disk(roomy()).level == Level::kOk);
    const auto broken = [](const auto& how) {
        auto facts = roomy();
        how(facts);
        return judge_disk(facts).level;
    };
    CHECK(broken([](auto& facts) { facts.missing = "No such file or directory"; }) == Level::kFailure);
    CHECK(broken([](auto& facts) { facts.free = facts.floor - 1; }) == Level::kFailure);
    CHECK(broken([](auto& facts) { facts.free = facts.floor + 1; }) == Level::kWarning);
    CHECK(broken([](auto& facts) { facts.free_inodes = 0; }) == Level::kFailure);
    CHECK(broken([](auto& facts) { facts.free_inodes = 500; }) == Level::kWarning);
    CHECK(broken([](auto& facts) { facts.inodes = facts.free_inodes = 0; }) == Level::kOk);  // btrfs has no such number
    CHECK(broken([](auto& facts) { facts.floor = 0, facts.free = 32 << 20; }) == Level::kWarning);
    CHECK(broken([](auto& facts) { facts.floor = 0, facts.free = 1 << 20; }) == Level::kFailure);
}

TEST_CASE("who may read and write") {
    CHECK(may(kUser, Right::kRead, path(0100644, 0, 0)));
    CHECK_FALSE(may(kUser, Right::kRead, path(0100640, 0, 0)));
    CHECK(may(kUser, Right::kRead, path(0100640, 0, 50)));
    CHECK_FALSE(may(kUser, Right::kWrite, path(0100640, 0, 50)));
    CHECK(may(kUser, Right::kWrite, path(0100600, 100, 0)));
    CHECK_FALSE(may(kUser, Right::kRead, path(0100044, 100, 0)));        // the owner's own bits count, not the others'
    CHECK_FALSE(may(kUser, Right::kRead, path(0100644, 0, 0, 040700)));  // no way to it
    CHECK(may({"root", 0, {}}, Right::kWrite, path(0100000, 5, 5, 040000)));
    CHECK_FALSE(may(kUser, Right::kRead, missing()));
}

TEST_CASE("secrets") {
    CHECK(judge_secret("key", path(0100600, 0, 0), kUser).level == Level::kOk);
    CHECK(judge_secret("key", path(0100640, 0, 50), kUser).level == Level::kOk);
    CHECK(judge_secret("key", path(0100644, 0, 0), kUser).level == Level::kFailure);
    CHECK(judge_secret("key", path(0100602, 0, 0), kUser).level == Level::kFailure);
    CHECK(judge_secret("key", path(0100640, 0, 77), kUser).level == Level::kWarning);
    CHECK(judge_secret("key", path(0100600, 55, 0), kUser).level == Level::kWarning);
    CHECK(judge_secret("key", missing(), kUser).level == Level::kFailure);
}

TEST_CASE("what the daemons believe") {
    CHECK(judge_trusted("file", path(0100644, 0, 0)).level == Level::kOk);
    CHECK(judge_trusted("file", path(0100666, 0, 0)).level == Level::kFailure);
    CHECK(judge_trusted("file", path(0100644, 0, 0, 040777)).level == Level::kFailure);
    CHECK(judge_trusted("file", path(0100644, 0, 0, 041777)).level == Level::kOk);  // sticky: as /tmp
    CHECK(judge_trusted("file", missing()).level == Level::kFailure);
}

TEST_CASE("the daemon's own directories") {
    CHECK(judge_own_directory("it", path(040700, 100, 100), kUser).level == Level::kOk);
    CHECK(judge_own_directory("it", path(040750, 100, 100), kUser).level == Level::kOk);
    CHECK(judge_own_directory("it", path(040755, 100, 100), kUser).level == Level::kWarning);
    CHECK(judge_own_directory("it", path(040777, 100, 100), kUser).level == Level::kFailure);
    CHECK(judge_own_directory("it", path(040700, 0, 0), kUser).level == Level::kFailure);
    CHECK(judge_own_directory("it", path(040700, 100, 100, 040700), kUser).level == Level::kFailure);
    CHECK(judge_own_directory("it", path(0100700, 100, 100), kUser).level == Level::kFailure);  // a file
    CHECK(judge_own_directory("it", missing(), kUser).level == Level::kFailure);
}

TEST_CASE("what the daemon has to read; both queues") {
    CHECK(judge_readable("list", path(0100644, 0, 0), kUser).level == Level::kOk);
    CHECK(judge_readable("list", path(0100640, 0, 0), kUser).level == Level::kFailure);
    CHECK(judge_readable("list", missing(), kUser).level == Level::kFailure);
    CHECK(judge_queues(path(042750, 5, 6), path(042750, 5, 6)).level == Level::kOk);
    CHECK(judge_queues(path(042750, 5, 6), path(042755, 5, 6)).level == Level::kFailure);
    CHECK(judge_queues(path(042750, 5, 6), path(042750, 0, 6)).level == Level::kFailure);
    CHECK(judge_queues(path(042750, 5, 6), missing()).level == Level::kFailure);
    CHECK(judge_queues(missing(), path(042750, 5, 6)).level == Level::kFailure);
}
