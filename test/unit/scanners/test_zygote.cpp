// Real zygotes and workers: detections, faults, limits, replacement, the sandbox.
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "bombs.hpp"
#include "rig.hpp"
#include "samples.hpp"

using namespace std::chrono_literals;
using policy::Cause;
using policy::Outcome;
using rig::PoolThread;
using rig::result_of;
using rig::ZygoteProcess;

namespace {

// A zygote that is ready, with a pool that has its workers.
struct Scanning {
    explicit Scanning(const config::Settings& settings = rig::settings(), scanners::PoolLimits limits = {},
                      ZygoteProcess::User user = ZygoteProcess::User::kAsIs)
        : zygote(settings, user), pool(limits) {
        CAPTURE(zygote.first_words());
        CAPTURE(zygote.log());
        REQUIRE(zygote.ready());
        pool.adopt(zygote.serve());
    }
    policy::ScanResult clamav(std::string mail) { return result_of(pool.scan(std::move(mail)), "clamav"); }
    ZygoteProcess zygote;
    PoolThread pool;
};

void check_found(const policy::ScanResult& result) {
    CHECK(result.outcome == Outcome::kFound);
    CHECK(result.name == "Sandwich.Test.EICAR.UNOFFICIAL");
}

void check_limit(const policy::ScanResult& result) {
    CAPTURE(result.name);
    CHECK(result.outcome == Outcome::kCannotTell);
    CHECK(result.cause == Cause::kLimit);
}

// Its workers, as the system has them.
std::vector<pid_t> children(pid_t parent) {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        std::ifstream file(entry.path() / "stat");
        std::string line;
        if (!std::isdigit(static_cast<unsigned char>(name[0])) || !std::getline(file, line))
            continue;
        std::istringstream fields(line.substr(line.rfind(')') + 1));
        std::string state;
        pid_t its_parent = 0;
        if (fields >> state >> its_parent && its_parent == parent && state != "Z")
            found.push_back(std::stoi(name));
    }
    std::sort(found.begin(), found.end());
    return found;
}

bool alive(pid_t pid) {
    return ::kill(pid, 0) == 0;
}

}  // namespace

TEST_CASE("what libclamav finds through a worker") {
    Scanning scanning;
    CHECK(scanning.clamav(samples::mail("nothing here")).outcome == Outcome::kClean);
    CHECK(scanning.clamav("").outcome == Outcome::kClean);
    SUBCASE("EICAR in a message without MIME") {
        check_found(scanning.clamav("From: <a@example.test>\r\n\r\n" + samples::eicar() + "\r\n"));
    }
    SUBCASE("EICAR in a text part") {
        check_found(scanning.clamav(samples::mail(samples::eicar())));
    }
    SUBCASE("EICAR in UTF-7 behind a boundary that another reader takes") {
        std::string wide;
        for (const char octet : samples::eicar())
            wide.append(1, '\0').append(1, octet);
        auto seven = samples::base64(wide);
        std::erase_if(seven, [](char octet) { return octet == '=' || octet == '\r' || octet == '\n'; });
        const auto part = [](std::string_view charset, std::string_view text) {
            return "--b\r\nContent-Type: text/html; charset=" + std::string(charset) +
                   "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + samples::base64(text) + "\r\n";
        };
        // The converters of the other two are not there, or may not be loaded any more: the sandbox must not mind.
        check_found(scanning.clamav("Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n" +
                                    part("ibm1364", "x") + part("no-such", "x") + part("utf-7", "+" + seven + "-") +
                                    "--b--\r\n"));
    }
    SUBCASE("EICAR attached in base64") {
        check_found(scanning.clamav(samples::mail("see", {{"eicar.com", samples::eicar()}})));
    }
    SUBCASE("EICAR stored in a zip") {
        check_found(
            scanning.clamav(samples::mail("see", {{"e.zip", samples::zip({{"eicar.com", samples::eicar()}})}})));
    }
    SUBCASE("EICAR deflated in a zip") {
        check_found(scanning.clamav(samples::mail("see", {{"e.zip", samples::deflated_eicar_zip()}})));
    }
    SUBCASE("an encrypted archive is encrypted, not found and not clean") {
        const auto result = scanning.clamav(samples::mail("see", {{"x.zip", samples::encrypted_zip()}}));
        CHECK(result.outcome == Outcome::kEncrypted);
        CHECK(result.name == "Heuristics.Encrypted.Zip");
    }
    SUBCASE("a virus beside an encrypted archive is found, whichever comes first") {
        const samples::File secret{"x.zip", samples::encrypted_zip()};
        const samples::File virus{"e.zip", samples::deflated_eicar_zip()};
        check_found(scanning.clamav(samples::mail("see", {secret, virus})));
        check_found(scanning.clamav(samples::mail("see", {virus, secret})));
    }
    CHECK(scanning.pool.scan(samples::mail("x")).signatures.starts_with("clamav test signatures only, 3 signatures"));
}

TEST_CASE("large messages one after the other on a worker's desk: each for itself") {
    Scanning scanning;  // the first worker that is idle takes all
    const auto outcome = [&](const std::string& mail) {
        auto answer = scanning.pool.submit(rig::message_in_memory(mail));
        REQUIRE(answer.wait_for(20s) == std::future_status::ready);
        return result_of(answer.get(), "clamav");
    };
    std::string filler;
    while (filler.size() < 100'000)
        filler += "A line of text, as there are many in a mail of some size.\r\n";
    for (int i = 0; i < 3; ++i) {
        const auto infected = samples::mail(filler + filler.substr(0, 60UL * static_cast<unsigned>(i)),
                                            {{"eicar.com", samples::eicar()}});
        check_found(outcome(infected));
        // The same up to where the virus begins, and shorter.
        const auto at = infected.find("--", 90'000);
        REQUIRE(at < infected.size());
        CHECK(outcome(infected.substr(0, at)).outcome == Outcome::kClean);
        CHECK(outcome(samples::mail(filler)).outcome == Outcome::kClean);
        check_found(outcome(infected + "\r\n"));
    }
    CHECK(scanning.pool.status().lost_workers == 0);
}

TEST_CASE("a file that is shorter than the message is an error, and the worker stays") {
    // It says one thing and shares another.
    class ShortFile : public mail::Message {
      public:
        [[nodiscard]] std::string_view bytes() const override { return text_; }
        [[nodiscard]] base::Result<base::UniqueFd> share() const override { return short_->share(); }

      private:
        std::string text_ = std::string(200'000, 'x');
        mail::MessagePtr short_ = rig::message(std::string(100'000, 'x'));
    };
    Scanning scanning;
    auto answer = scanning.pool.submit(std::make_shared<ShortFile>());
    REQUIRE(answer.wait_for(20s) == std::future_status::ready);
    const auto result = result_of(answer.get(), "clamav");
    CHECK(result.outcome == Outcome::kCannotTell);
    CHECK(result.cause == Cause::kError);
    CHECK(scanning.pool.status().lost_workers == 0);
}

TEST_CASE("beside another, workers are made and warm before anybody asks for them") {
    if (::geteuid() != 0)
        return;  // leaving the lowest class takes a right
    ZygoteProcess zygote(rig::settings(), ZygoteProcess::User::kBeside);
    CAPTURE(zygote.log());
    REQUIRE(zygote.ready());
    const auto made = children(zygote.pid());
    REQUIRE(made.size() == 2);
    for (const auto worker : made)
        CHECK(::sched_getscheduler(worker) == SCHED_OTHER);
    SUBCASE("the proxy gets these") {
        PoolThread pool;
        pool.adopt(zygote.serve());
        check_found(result_of(pool.scan(samples::mail(samples::eicar())), "clamav"));
        CHECK(pool.eventually([](const auto& s) { return s.workers == 2; }));
        CHECK(children(zygote.pid()) == made);
    }
    SUBCASE("one that died meanwhile has a successor") {
        ::kill(made[0], SIGKILL);
        PoolThread pool;
        pool.adopt(zygote.serve());
        CHECK(pool.eventually([&](const auto& s) { return s.workers == 2 && !alive(made[0]); }));
        check_found(result_of(pool.scan(samples::mail(samples::eicar())), "clamav"));
    }
    SUBCASE("the next proxy gets new ones") {
        zygote.serve().reset();
        PoolThread pool;
        pool.adopt(zygote.serve());
        check_found(result_of(pool.scan(samples::mail(samples::eicar())), "clamav"));
        CHECK(children(zygote.pid()) != made);
    }
    SUBCASE("without a proxy they end with it") {
        zygote.hang_up();
        CHECK(zygote.wait() == 0);
        CHECK(std::none_of(made.begin(), made.end(), alive));
    }
}

TEST_CASE("a real worker cleans, strips and stamps behind its sandbox") {
    Scanning scanning;
    const auto edit = [&](const std::string& mail, const scanners::EditRequest& request) {
        auto future = scanning.pool.submit_edit(mail, request);
        REQUIRE(future.wait_for(20s) == std::future_status::ready);
        return future.get();
    };
    scanners::EditRequest clean;
    clean.clean = true;
    clean.clean_note = "It was infected.\n";
    const auto infected = samples::mail("see", {{"good.txt", "harmless"}, {"e.zip", samples::deflated_eicar_zip()}});
    SUBCASE("the infected part, and only that") {
        const auto answer = edit(infected, clean);
        REQUIRE(answer);
        CHECK(answer->removed == 1);
        REQUIRE(answer->edits.size() == 1);
        CHECK(answer->edits[0].text.ends_with("It was infected.\r\n"));
        auto edited = infected;
        edited.replace(answer->edits[0].begin, answer->edits[0].end - answer->edits[0].begin, answer->edits[0].text);
        CHECK(scanning.clamav(edited).outcome == Outcome::kClean);
        CHECK(edited.find("good.txt") != std::string::npos);
        CHECK(edited.find("e.zip") == std::string::npos);
    }
    SUBCASE("nothing is found in any part") {
        const auto answer = edit(samples::mail("see"), clean);
        REQUIRE_FALSE(answer);
        CHECK(answer.error().message == "no part of the mail was found infected by itself");
    }
    SUBCASE("what is left is not clean") {
        const auto answer =
            edit(samples::mail("see", {{"e.zip", samples::deflated_eicar_zip()}, {"x.zip", samples::encrypted_zip()}}),
                 clean);
        REQUIRE_FALSE(answer);
        CHECK(answer.error().message.starts_with("still not clean after cleaning"));
    }
    SUBCASE("a stamp in a character set whose converter was loaded before the sandbox closed") {
        scanners::EditRequest request;
        request.stamps = {{true, "\xD0\xB4\xD0\xB0\n", ""}};
        const std::string mail =
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: "
            "8bit\r\n\r\n\xC4\r\n";
        const auto answer = edit(mail, request);
        REQUIRE(answer);
        CHECK(answer->stamped == 1);
        CHECK(answer->edits.at(0).text == "\r\n\xC4\xC1\r\n");
    }
    SUBCASE("entities are counted as scans count them") {
        const auto report = scanning.pool.scan(infected);
        const auto& items = report.contents.items;
        const auto zip = std::find_if(items.begin(), items.end(),
                                      [](const auto& item) { return item.names == std::vector<std::string>{"e.zip"}; });
        REQUIRE(zip != items.end());
        scanners::EditRequest request;
        request.removals = {{zip->entity, "gone"}};
        const auto answer = edit(infected, request);
        REQUIRE(answer);
        REQUIRE(answer->edits.size() == 1);
        const auto removed = infected.substr(answer->edits[0].begin, answer->edits[0].end - answer->edits[0].begin);
        CHECK(removed.find("e.zip") != std::string::npos);
        CHECK(removed.find("good.txt") == std::string::npos);
    }
}

TEST_CASE("a limit that is hit is never clean") {
    auto settings = rig::settings();
    SUBCASE("recursion") {
        settings.clamav.max_recursion = 3;
        Scanning scanning(settings);
        check_limit(scanning.clamav(samples::mail("see", {{"n.zip", samples::nested_zip("innocent", 9)}})));
    }
    SUBCASE("number of files") {
        settings.clamav.max_files = 5;
        Scanning scanning(settings);
        std::vector<samples::File> many;
        for (int i = 0; i < 30; ++i)
            many.push_back({"f" + std::to_string(i), "file " + std::to_string(i)});
        check_limit(scanning.clamav(samples::mail("see", {{"many.zip", samples::zip(many)}})));
    }
    SUBCASE("size of what is scanned in all") {
        settings.clamav.max_scan_size = 20000;
        Scanning scanning(settings);
        check_limit(scanning.clamav(samples::mail("see", {{"big.bin", std::string(200000, 'x')}})));
    }
    SUBCASE("size of the mail itself: libclamav then gives no name at all") {
        settings.clamav.max_file_size = 20000;
        Scanning scanning(settings);
        check_limit(scanning.clamav(samples::mail(std::string(30000, 'x'))));
    }
}

TEST_CASE("a full temporary directory is never clean, though libclamav alone says so") {
    auto settings = rig::settings();
    settings.worker_tmp_size = 128 << 10;
    Scanning scanning(settings);
    // Too big for the directory, with the virus in a part that cannot be unpacked any more.
    std::string noise(300000, '\0');
    std::uint32_t state = 1;
    for (auto& octet : noise)
        octet = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    const auto inner = samples::zip({{"noise.bin", noise}, {"e.zip", samples::deflated_eicar_zip()}});
    check_limit(scanning.clamav(samples::mail("see", {{"outer.zip", inner}})));
    check_limit(
        scanning.clamav(samples::mail("see", {{"page.html", "<html>" + std::string(300000, 'a') + "</html>"}})));
    CHECK(scanning.clamav(samples::mail("small")).outcome == Outcome::kClean);
}

TEST_CASE("bombs end at a limit, within the memory and the directory of one worker") {
    auto settings = rig::settings();
    settings.worker_count = 1;
    settings.worker_memory_limit = 256 << 20;
    settings.worker_tmp_size = 16 << 20;
    Scanning scanning(settings);
    for (const auto& bomb : bombs::all(64)) {
        CAPTURE(bomb.name);
        const auto report = scanning.pool.scan(bomb.mail);
        CHECK_FALSE(report.worker_lost);
        const auto limits = result_of(report, policy::kContentsScanner);
        check_limit(limits);
        CHECK((" " + limits.name + " ").find(" " + bomb.limit + " ") != std::string::npos);
    }
    // The same worker goes on.
    CHECK(scanning.clamav(samples::mail("after all that")).outcome == Outcome::kClean);
    CHECK(scanning.zygote.log().find("worker_lost") == std::string::npos);
}

TEST_CASE("workers scan side by side") {
    Scanning scanning(rig::settings(), {.scan_time = 5s});
    REQUIRE(scanning.pool.eventually([](const auto& s) { return s.workers == 2; }));
    auto hanging = scanning.pool.submit(samples::fault("hang"), "hanging");
    REQUIRE(scanning.pool.eventually([](const auto& s) { return s.busy == 1; }));
    CHECK(scanning.clamav(samples::mail("meanwhile")).outcome == Outcome::kClean);
    CHECK(hanging.wait_for(0s) == std::future_status::timeout);
    hanging.wait();
}

TEST_CASE("a message that kills or stops its worker costs that worker and its own answer") {
    Scanning scanning(rig::settings(), {.scan_time = 1s});
    struct Row {
        const char* what;
        Cause cause;
    };
    std::uint64_t lost = 0;
    for (const auto& row : {Row{"crash", Cause::kCrash}, Row{"hang", Cause::kTimeout}, Row{"exit", Cause::kCrash},
                            Row{"garbage", Cause::kCrash}}) {
        CAPTURE(row.what);
        const auto report = scanning.pool.scan(samples::fault(row.what));
        REQUIRE(report.results.size() == 1);
        CHECK(report.results[0].outcome == Outcome::kCannotTell);
        CHECK(report.results[0].cause == row.cause);
        CHECK(scanning.clamav(samples::mail("next")).outcome == Outcome::kClean);
        ++lost;
        CHECK(scanning.pool.eventually([&](const auto& s) { return s.workers == 2 && s.lost_workers == lost; }));
    }
}

// The sanitizers reserve more address space than any limit allows: there is none in their builds.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kNoMemoryLimit = true;
#else
constexpr bool kNoMemoryLimit = false;
#endif

TEST_CASE("a worker that eats memory is stopped by its limit" * doctest::skip(kNoMemoryLimit)) {
    auto settings = rig::settings();
    settings.worker_memory_limit = 128 << 20;
    Scanning scanning(settings, {.scan_time = 20s});
    const auto report = scanning.pool.scan(samples::fault("oom"));
    REQUIRE_FALSE(report.results.empty());
    const auto& result = report.results.back();
    CHECK(result.outcome == Outcome::kCannotTell);
    CHECK((result.cause == Cause::kCrash || result.cause == Cause::kError));
    CHECK(scanning.clamav(samples::mail("next")).outcome == Outcome::kClean);
}

TEST_CASE("two hundred messages, some of which crash: every other one is scanned") {
    Scanning scanning(rig::settings(), {.scan_time = 5s});
    std::vector<std::future<policy::ScanReport>> answers;
    for (int i = 0; i < 200; ++i)
        answers.push_back(scanning.pool.submit(i % 20 == 7 ? samples::fault("crash") : samples::mail("hello")));
    for (int i = 0; i < 200; ++i) {
        CAPTURE(i);
        REQUIRE(answers[static_cast<std::size_t>(i)].wait_for(20s) == std::future_status::ready);
        const auto report = answers[static_cast<std::size_t>(i)].get();
        if (i % 20 == 7)
            CHECK(report.results.at(0).cause == Cause::kCrash);
        else
            CHECK(result_of(report, "clamav").outcome == Outcome::kClean);
    }
}

TEST_CASE("the sandbox stops what a worker under attack would try") {
    Scanning scanning(rig::settings(), {.scan_time = 5s});
    ::unlink("/tmp/sandwich-escaped");
    SUBCASE("by death") {
        for (const char* what : {"socket", "connect", "execve", "ptrace", "kill", "symlink"}) {
            CAPTURE(what);
            const auto report = scanning.pool.scan(samples::fault(what));
            REQUIRE(report.results.size() == 1);
            CHECK(report.results[0].cause == Cause::kCrash);
        }
        CHECK(scanning.zygote.log().find("SIGSYS") != std::string::npos);
    }
    SUBCASE("by refusal") {
        for (const char* what : {"read", "write", "fork", "memory"}) {
            CAPTURE(what);
            const auto result = result_of(scanning.pool.scan(samples::fault(what)), "fault");
            CAPTURE(result.name);
            CHECK(result.outcome == Outcome::kClean);
            CHECK(result.detail.starts_with(what));
        }
        CHECK_FALSE(std::filesystem::exists("/tmp/sandwich-escaped"));
    }
}

TEST_CASE("without the sandbox the same attempts succeed: the tests above can fail") {
    auto settings = rig::settings();
    settings.sandbox = false;
    Scanning scanning(settings, {.scan_time = 5s});
    CHECK(scanning.zygote.log().find("unsafe: sandbox=no") != std::string::npos);
    for (const char* what : {"socket", "kill", "read", "symlink", "memory"}) {
        CAPTURE(what);
        const auto result = result_of(scanning.pool.scan(samples::fault(what)), "fault");
        CHECK(result.name == std::string("Sandwich.Test.Escaped.") + what);
    }
}

TEST_CASE("temporary directories are capped, and emptied after a message and after a death") {
    auto settings = rig::settings();
    settings.worker_count = 1;
    settings.worker_tmp_size = 4 << 20;
    Scanning scanning(settings, {.scan_time = 5s});
    const auto fill = [&] { return result_of(scanning.pool.scan(samples::fault("fill")), "fault"); };
    CHECK(fill().detail == "fill: No space left on device");
    const auto usable = [&] {
        return scanning.clamav(samples::mail("see", {{"e.zip", samples::deflated_eicar_zip()}})).outcome ==
               Outcome::kFound;
    };
    CHECK(usable());
    CHECK(result_of(scanning.pool.scan(samples::fault("litter")), "fault").detail.starts_with("litter"));
    CHECK(usable());
    CHECK(scanning.pool.scan(samples::fault("fill and crash")).results.at(0).cause == Cause::kCrash);
    CHECK(usable());
}

TEST_CASE("workers die with the zygote, and with the proxy's channel") {
    auto settings = rig::settings();
    settings.worker_count = 3;
    ZygoteProcess zygote(settings);
    REQUIRE(zygote.ready());
    auto control = zygote.serve();
    std::vector<pid_t> pids;
    base::Packet packet;
    std::vector<base::UniqueFd> channels;
    while (pids.size() < 3 && base::receive_packet(control.get(), packet, true) == base::Received::kPacket) {
        if (packet.descriptors.size() != 1)
            continue;
        std::uint32_t pid = 0;
        std::memcpy(&pid, packet.bytes.data() + 9, 4);
        pids.push_back(static_cast<pid_t>(pid));
        channels.push_back(std::move(packet.descriptors[0]));
    }
    REQUIRE(pids.size() == 3);
    const auto all_gone = [&] {
        for (int i = 0; i < 500; ++i) {
            if (std::none_of(pids.begin(), pids.end(), alive))
                return true;
            std::this_thread::sleep_for(10ms);
        }
        return false;
    };
    SUBCASE("the zygote is killed") {
        ::kill(zygote.pid(), SIGKILL);
        CHECK(all_gone());
    }
    SUBCASE("the zygote is terminated") {
        ::kill(zygote.pid(), SIGTERM);
        CHECK(zygote.wait() == 0);
        CHECK(all_gone());
    }
    SUBCASE("the supervisor is gone") {
        zygote.hang_up();
        CHECK(zygote.wait() == 0);
        CHECK(all_gone());
    }
    SUBCASE("the proxy is gone; the zygote serves the next one") {
        control.reset();
        CHECK(all_gone());
        PoolThread pool;
        pool.adopt(zygote.serve());
        CHECK(result_of(pool.scan(samples::mail("again")), "clamav").outcome == Outcome::kClean);
    }
}

TEST_CASE("a zygote that cannot load says what to do and exits") {
    auto settings = rig::settings();
    settings.clamav.allow_test_signatures = false;
    std::string directory = "/tmp/sandwich-unit.XXXXXX";
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    ::chmod(directory.c_str(), 0755);
    settings.clamav.database = directory;
    const auto refuses = [&](const char* reason) {
        ZygoteProcess zygote(settings);
        CAPTURE(zygote.first_words());
        CHECK(zygote.first_words().starts_with("E"));
        CHECK(zygote.first_words().find(reason) != std::string::npos);
        const int status = zygote.wait();
        CHECK(WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 1);
    };
    SUBCASE("empty directory") {
        refuses("freshclam");
    }
    SUBCASE("missing directory") {
        settings.clamav.database = "/nonexistent";
        refuses("does not exist; get signatures with \"apt-get install clamav-freshclam\"");
    }
    SUBCASE("broken database") {
        std::ofstream(directory + "/broken.ndb") << "this is no signature\n";
        refuses("libclamav cannot load the signatures");
    }
    SUBCASE("test signatures missing") {
        settings.clamav.allow_test_signatures = true;
        settings.clamav.test_signatures = directory;
        refuses("allow_test_signatures=yes");
    }
    SUBCASE("a real database loads without test signatures") {
        std::ofstream(directory + "/own.hdb") << "aa15bcf478d165efd2065190eb473bcb:544:ClamAV-Test-File\n";
        ZygoteProcess zygote(settings);
        CHECK(zygote.first_words().starts_with("Rclamav, 1 signatures of "));
    }
    std::filesystem::remove_all(directory);
}

TEST_CASE("new signatures: the new zygote scans, the old one finishes what it has") {
    auto settings = rig::settings();
    settings.worker_count = 1;
    ZygoteProcess old_one(settings);
    ZygoteProcess new_one(settings);
    PoolThread pool({.scan_time = 6s});
    pool.adopt(old_one.serve(), 1);
    REQUIRE(pool.eventually([](const auto& s) { return s.workers == 1; }));
    auto slow = pool.submit(samples::fault("hang"));
    REQUIRE(pool.eventually([](const auto& s) { return s.busy == 1; }));
    pool.adopt(new_one.serve(), 2);
    CHECK(result_of(pool.scan(samples::mail("now")), "clamav").outcome == Outcome::kClean);
    CHECK(pool.status().generation == 2);
    CHECK(slow.wait_for(0s) == std::future_status::timeout);
    CHECK(slow.get().results.at(0).cause == Cause::kTimeout);
    CHECK(pool.eventually([](const auto& s) { return s.workers == 1 && s.busy == 0; }));
}

TEST_CASE("as an ordinary user: own namespaces, and the same detections" * doctest::skip(::geteuid() != 0)) {
    Scanning scanning(rig::settings(), {.scan_time = 5s}, ZygoteProcess::User::kNobody);
    CAPTURE(scanning.zygote.log());
    CHECK(scanning.zygote.log().find("no mount and network namespace") == std::string::npos);
    check_found(scanning.clamav(samples::mail("see", {{"e.zip", samples::deflated_eicar_zip()}})));
    CHECK(scanning.pool.scan(samples::fault("socket")).results.at(0).cause == Cause::kCrash);
    CHECK(result_of(scanning.pool.scan(samples::fault("read")), "fault").detail == "read: Permission denied");
}
