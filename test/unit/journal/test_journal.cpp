#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>
#include <optional>
#include <thread>

#include "journal/journal.hpp"
#include "journal/ring.hpp"
#include "samples.hpp"

using journal::Answer;
using journal::Journal;
using journal::Kind;
using State = journal::Known::State;

namespace {

class TextMessage final : public mail::Message {
  public:
    explicit TextMessage(std::string text) : text_(std::move(text)) {}
    std::string_view bytes() const override { return text_; }
    base::Result<base::UniqueFd> share() const override { return base::error("not needed"); }

  private:
    std::string text_;
};

const std::string kAbove = "Received: by mx.test id 6AM4; d\r\n";
const std::string kText = kAbove + "Subject: x\r\n\r\nbody\r\n";

// A journal in a directory of its own, asked and answered in one thread.
class Rig {
  public:
    Rig() { reopen(); }
    void close() { journal_.reset(); }
    void reopen() {
        close();
        auto opened = Journal::open(directory_.path(), rings(), {});
        REQUIRE(opened);
        journal_ = std::move(*opened);
    }

    // As fork(2); if the journal is open, it is again before the new process goes on, for which it has not been there.
    // Meanwhile it is closed: its thread could have a lock just then, which in the new process nobody would give back.
    pid_t fork() {
        int ready[2];
        REQUIRE(::pipe(ready) == 0);
        const bool was_open = journal_ != nullptr;
        close();
        const auto child = ::fork();
        if (child == 0) {
            char octet = 0;
            ::close(ready[1]);
            [[maybe_unused]] const auto ended = ::read(ready[0], &octet, 1);
            ::close(ready[0]);
            return child;
        }
        ::close(ready[0]);
        if (was_open)
            reopen();
        ::close(ready[1]);
        return child;
    }

    Answer look_up(const std::vector<std::string>& recipients = {"b@to.test"}, const std::string& text = kText,
                   journal::Origin origin = {"a@from.test", "mx.test", "6AM4"},
                   std::optional<journal::Fingerprint> content = {}) {
        Answer answer;
        bool within = true;
        journal_->look_up(loop_, std::make_shared<TextMessage>(text), kAbove.size(), content, std::move(origin),
                          recipients, [&](Answer given) {
                              answer = std::move(given);
                              at_once = within;
                              loop_.stop();
                          });
        within = false;
        loop_.run();
        REQUIRE(answer.known.size() == recipients.size());
        return answer;
    }
    bool at_once = false;  // the last look_up() was answered before it returned
    journal::Known known(const journal::Key& key, bool identified) {
        journal::Known found;
        journal_->look_up(loop_, {key}, identified, [&](const std::vector<journal::Known>& known) {
            found = known.at(0);
            loop_.stop();
        });
        loop_.run();
        return found;
    }
    void intend(const std::vector<journal::Key>& keys, const char* id = kId) {
        journal_->intend(loop_, id, keys, [&] { loop_.stop(); });
        loop_.run();
    }

    // What was told is in the file, or could not be written there.
    void settle() { known({}, true); }

    Journal& journal() { return *journal_; }
    const std::string& directory() const { return directory_.path(); }
    std::string rings() const { return directory_.path() + "/rings"; }

  private:
    TemporaryDirectory directory_;
    net::Loop loop_;
    std::unique_ptr<Journal> journal_;
};

std::uint32_t own_number() {
    return static_cast<std::uint32_t>(::getpid());
}

std::uint32_t seconds_now() {
    return static_cast<std::uint32_t>(::time(nullptr));
}

bool append(const std::string& directory, const journal::Record& record) {
    struct Nobody final : journal::Files::Reader {
        void on_record(const journal::Record&) override {}
        void on_new_file() override {}
    } nobody;
    auto files = journal::Files::open(directory, {}, 0, nobody);
    return files && files->append(encoded(record), seconds_now(), nobody);
}

// Another process, which has done `task` and lives until end(); then nothing of it is cleaned up.
class Other {
  public:
    template <typename Task>
    Other(Rig& rig, Task task) {
        REQUIRE(::pipe(go_) == 0);
        int done[2];
        REQUIRE(::pipe(done) == 0);
        child_ = rig.fork();
        if (child_ == 0) {
            char octet = task() ? 'y' : 'n';
            [[maybe_unused]] auto told = ::write(done[1], &octet, 1);
            [[maybe_unused]] auto heard = ::read(go_[0], &octet, 1);
            ::_exit(0);
        }
        char octet = 0;
        CHECK(::read(done[0], &octet, 1) == 1);
        CHECK(octet == 'y');
        for (const int fd : done)
            ::close(fd);
    }
    void end() const {
        REQUIRE(::write(go_[1], "x", 1) == 1);
        REQUIRE(::waitpid(child_, nullptr, 0) == child_);
        for (const int fd : go_)
            ::close(fd);
    }

  private:
    int go_[2] = {-1, -1};
    pid_t child_ = 0;
};

}  // namespace

TEST_CASE("a large mail whose fingerprint is known is the same mail, and answered at once") {
    Rig rig;
    const auto text = kText + std::string(2 * Journal::kSmall, 'a');
    const auto keys = rig.look_up({"b@to.test"}, text).keys;
    CHECK_FALSE(rig.at_once);
    auto running = rig.journal().begin_text();
    running.add(std::string_view(text).substr(kAbove.size(), 10));
    running.add(std::string_view(text).substr(kAbove.size() + 10));
    const auto content = running.end();
    const journal::Origin origin{"a@from.test", "mx.test", "6AM4"};
    CHECK(rig.look_up({"b@to.test"}, text, origin, content).keys == keys);
    CHECK(rig.at_once);
    // While another process is at the journal the thread answers, from the same fingerprint.
    const Other other(rig, [&] { return bool(Journal::open(rig.directory(), rig.rings(), {})); });
    const auto answer = rig.look_up({"b@to.test"}, text, origin, content);
    CHECK_FALSE(rig.at_once);
    CHECK(answer.keys == keys);
    other.end();
}

TEST_CASE("nothing is known of a mail that was not seen") {
    Rig rig;
    const auto answer = rig.look_up();
    CHECK(answer.known[0].state == State::kNothing);
    CHECK(answer.crashes == 0);
}

TEST_CASE("a delivered recipient is known, also to the next process; another one is not") {
    Rig rig;
    const auto first = rig.look_up({"b@to.test", "c@to.test"});
    rig.intend(first.keys);
    rig.journal().conclude(kId, {first.keys[0]}, Kind::kDelivered);
    rig.journal().conclude(kId, {first.keys[1]}, Kind::kWithdrawn);
    for (int i = 0; i < 2; ++i) {
        const auto again = rig.look_up({"b@to.test", "c@to.test", "d@to.test"});
        CHECK(again.known[0].state == State::kDone);
        CHECK(again.known[0].done == Kind::kDelivered);
        CHECK(again.known[0].id == kId);
        CHECK(again.known[1].state == State::kNothing);
        CHECK(again.known[2].state == State::kNothing);
        rig.reopen();
    }
}

TEST_CASE("what the upstream wrote into its own field makes no difference, what lies below does") {
    Rig rig;
    rig.journal().conclude(kId, rig.look_up().keys, Kind::kDelivered);
    auto other_field = kText;
    other_field[10] = 'B';
    CHECK(rig.look_up({"b@to.test"}, other_field).known[0].state == State::kDone);
    CHECK(rig.look_up({"b@to.test"}, kText + "more\r\n").known[0].state == State::kNothing);
}

TEST_CASE("an intent runs until it is given up; the next process cannot know how it ended") {
    Rig rig;
    const auto keys = rig.look_up().keys;
    rig.intend(keys);
    CHECK(rig.look_up().known[0].state == State::kRunning);
    SUBCASE("given up") {
        rig.journal().give_up(keys);
        CHECK(rig.look_up().known[0].state == State::kPossible);
    }
    SUBCASE("a new process, be it with the same number") {
        rig.reopen();
        CHECK(rig.look_up().known[0].state == State::kPossible);
        CHECK(rig.look_up().known[0].id == kId);
    }
}

TEST_CASE("an intent of another process runs as long as that process lives") {
    Rig rig;
    const auto keys = rig.look_up().keys;
    // Writes as another proxy would: the same directory, its own number.
    const Other other(rig, [&] {
        return append(rig.directory(), {Kind::kIntent, own_number(), seconds_now(), keys[0], kOtherId});
    });
    CHECK(rig.look_up().known[0].state == State::kRunning);
    other.end();
    CHECK(rig.look_up().known[0].state == State::kPossible);
    CHECK(rig.look_up().known[0].id == kOtherId);
}

TEST_CASE("without host or queue id nothing is ever known to be done, only possible") {
    Rig rig;
    for (const auto& origin : {journal::Origin{"a@from.test", "", ""}, journal::Origin{"a@from.test", "mx.test", ""}}) {
        const auto keys = rig.look_up({"b@to.test"}, kText, origin).keys;
        rig.intend(keys);
        CHECK(rig.look_up({"b@to.test"}, kText, origin).known[0].state == State::kPossible);
        rig.journal().conclude(kId, keys, Kind::kDelivered);
        CHECK(rig.look_up({"b@to.test"}, kText, origin).known[0].state == State::kPossible);
    }
}

TEST_CASE("crashes are counted by mail, across processes") {
    Rig rig;
    const auto mail = rig.look_up().mail;
    rig.journal().crashed(kId, mail);
    rig.journal().crashed(kId, mail);
    CHECK(rig.look_up({"other@to.test"}).crashes == 2);
    rig.reopen();
    CHECK(rig.look_up().crashes == 2);
    CHECK(rig.look_up({"b@to.test"}, kText + "more\r\n").crashes == 0);
}

TEST_CASE("a journal that cannot be written says so, and mail goes on") {
    Rig rig;
    const auto keys = rig.look_up().keys;
    // A directory in the place of the file that a full one would become.
    rig.journal().set_limits({.size = journal::kRecordSize, .age = std::chrono::hours(1)});
    std::filesystem::create_directory(rig.directory() + "/journal.old");
    std::filesystem::create_directory(rig.directory() + "/journal.old/in-the-way");
    rig.intend(keys);
    rig.settle();
    rig.intend(rig.look_up({"c@to.test"}).keys);
    rig.settle();
    CHECK(rig.journal().status().failing);
    CHECK(rig.look_up().known[0].state == State::kRunning);
    std::filesystem::remove_all(rig.directory() + "/journal.old");
    rig.intend(rig.look_up({"d@to.test"}).keys);
    rig.settle();
    CHECK_FALSE(rig.journal().status().failing);
}

TEST_CASE("a journal without its directory does not open") {
    const TemporaryDirectory directory;
    CHECK_FALSE(Journal::open(directory.path() + "/no/parent", directory.path(), {}));
}

TEST_CASE("a process that is killed leaves what it was told, written or not") {
    Rig rig;
    const auto delivered = rig.look_up({"b@to.test"});
    const auto intended = rig.look_up({"c@to.test"});
    std::string rings = rig.rings();
    bool watched = true;  // by one that was there before
    SUBCASE("with memory that outlives it") {}
    SUBCASE("with memory that outlives it, and nobody else there") {
        watched = false;
    }
    SUBCASE("without: an intent waits for the file") {
        rings = "/dev/null/none";
    }
    if (!watched)
        rig.close();
    const auto child = rig.fork();
    if (child == 0) {
        // Another proxy, beside the rig's or before it.
        auto opened = Journal::open(rig.directory(), rings, {});
        net::Loop loop;
        if (opened) {
            (*opened)->intend(loop, kOtherId, delivered.keys, [&] { loop.stop(); });
            loop.run();
            (*opened)->conclude(kOtherId, delivered.keys, Kind::kDelivered);
            (*opened)->intend(loop, kOtherId, intended.keys, [&] { ::kill(::getpid(), SIGKILL); });
            loop.run();
        }
        ::_exit(1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    if (!watched)
        rig.reopen();
    // One that was there before or begins now, and another one that begins.
    for (int i = 0; i < 2; ++i) {
        CHECK(rig.look_up({"b@to.test"}).known[0].state == State::kDone);
        CHECK(rig.look_up({"b@to.test"}).known[0].id == kOtherId);
        CHECK(rig.look_up({"c@to.test"}).known[0].state == State::kPossible);
        rig.reopen();
    }
}

TEST_CASE("an intent that another living process has only in its memory is seen") {
    Rig rig;
    const auto keys = rig.look_up().keys;
    std::optional<journal::Ring> ring;
    const Other other(rig, [&] {
        auto opened = journal::Rings::open(rig.rings(), rig.directory());
        auto made = opened ? opened->make(1) : base::Result<journal::Ring>(opened.error());
        if (!made)
            return false;
        ring.emplace(std::move(*made));
        return append(rig.directory(), {Kind::kStart, own_number(), seconds_now(), {}, kId}) &&
               ring->put(journal::encode({Kind::kIntent, own_number(), seconds_now(), keys[0], kOtherId}));
    });
    CHECK(rig.look_up().known[0].state == State::kRunning);
    other.end();
    CHECK(rig.look_up().known[0].state == State::kPossible);
    CHECK(rig.look_up().known[0].id == kOtherId);
}

TEST_CASE("more than its memory holds is written all the same") {
    Rig rig;
    std::vector<journal::Key> keys(journal::Ring::kCapacity + 100);
    for (std::size_t i = 0; i < keys.size(); ++i)
        keys[i] = key_of(std::to_string(i));
    rig.intend(keys);
    rig.reopen();
    for (const auto i : {std::size_t{0}, keys.size() / 2, keys.size() - 1})
        CHECK(rig.known(keys[i], true).state == State::kPossible);
}

TEST_CASE("what else is done with a mail has keys of its own") {
    Rig rig;
    const auto mail = rig.look_up().mail;
    const auto copy = journal::act_key(mail, "copy", "audit@a.test");
    CHECK(copy != journal::act_key(mail, "copy", "other@a.test"));
    CHECK(copy != journal::act_key(mail, "keep", "audit@a.test"));
    CHECK(copy != journal::act_key(journal::Key{}, "copy", "audit@a.test"));
    // Nothing can be shifted from one part to the other.
    CHECK(journal::act_key(mail, "ab", "c") != journal::act_key(mail, "a", "bc"));

    CHECK(rig.known(copy, true).state == State::kNothing);
    rig.intend({copy});
    CHECK(rig.known(copy, true).state == State::kRunning);
    CHECK(rig.known(copy, false).state == State::kPossible);
    rig.journal().conclude(kId, {copy}, Kind::kDelivered);
    CHECK(rig.known(copy, true).state == State::kDone);
    CHECK(rig.known(copy, true).id == kId);
    CHECK(rig.known(copy, false).state == State::kPossible);
    rig.reopen();
    CHECK(rig.known(copy, true).state == State::kDone);
    // The recipients' own keys are untouched by that.
    CHECK(rig.look_up().known.front().state == State::kNothing);
}
