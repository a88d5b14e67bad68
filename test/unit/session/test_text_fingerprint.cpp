#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "session/text_fingerprint.hpp"
#include "test/unit/temporary_directory.hpp"

namespace {

class OwnJournal {
  public:
    OwnJournal() {
        auto opened = journal::Journal::open(directory_.path(), directory_.path() + "/rings", {});
        REQUIRE(opened);
        journal_ = std::move(*opened);
    }
    [[nodiscard]] const journal::Journal& get() const { return *journal_; }
    [[nodiscard]] journal::Fingerprint of(std::string_view text) const {
        auto running = journal_->begin_text();
        running.add(text);
        return running.end();
    }

  private:
    TemporaryDirectory directory_;
    std::unique_ptr<journal::Journal> journal_;
};

const std::string kText = "Received: by mx.test id 1\r\nSubject: x\r\n\r\nbody\r\n";

}  // namespace

TEST_CASE("a text's fingerprint is that of what comes behind an offset, however it is cut") {
    const OwnJournal journal;
    for (std::size_t below = 0; below <= kText.size(); ++below)
        for (const std::size_t size : {1, 5, 27, 1000}) {
            session::TextFingerprint fingerprint;
            fingerprint.begin(journal.get(), below);
            for (std::size_t at = 0; at < kText.size(); at += size)
                fingerprint.add(std::string_view(kText).substr(at, size));
            CHECK(fingerprint.end(below) == journal.of(std::string_view(kText).substr(below)));
        }
}

TEST_CASE("there is none of another offset, of a text that ends before it, or where none was begun") {
    const OwnJournal journal;
    for (const std::size_t other : {0, 26, 28}) {
        session::TextFingerprint fingerprint;
        fingerprint.begin(journal.get(), 27);
        fingerprint.add(kText);
        CHECK_FALSE(fingerprint.end(other));
        CHECK(fingerprint.end(27));
    }
    session::TextFingerprint cut_off;
    cut_off.begin(journal.get(), 27);
    cut_off.add(std::string_view(kText).substr(0, 26));
    CHECK_FALSE(cut_off.end(27));
    session::TextFingerprint never_begun;
    never_begun.add(kText);
    CHECK_FALSE(never_begun.end(0));
}
