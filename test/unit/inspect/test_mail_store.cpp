#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "inspect/mail_store.hpp"

namespace {

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "sandwich-inspect-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    std::string put(const std::string& name, std::string_view text) const {
        const auto file = path / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
        return file;
    }

    std::filesystem::path path;
};

std::unique_ptr<inspect::MailStore> open(const std::string& source, std::size_t limit = 1000) {
    auto store = inspect::open_files({source}, {{}, limit, "sandwich.test"});
    REQUIRE(store);
    return std::move(*store);
}

// Of all mails that can be read.
std::vector<std::string> texts_of(const inspect::MailStore& store) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < store.size(); ++i)
        if (const auto mail = store.load(i))
            texts.emplace_back((*mail).message->bytes());
    return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("an mbox is taken apart where a dated line follows an empty one") {
    const TemporaryDirectory directory;
    const auto path =
        directory.put("box",
                      "From a@b.test Fri Nov 20 22:30:00 2026\nSubject: 1\n\nFrom afar\n\nFrom here on\n\n"
                      "From  odd\nx\n\nFrom c@d.test  Sat Nov 21 01:02:03 2026 +0000\r\nSubject: 2\r\n\r\nx");
    const auto store = open(path);
    CHECK(texts_of(*store) == Texts{"Subject: 1\r\n\r\nFrom afar\r\n\r\nFrom here on\r\n\r\nFrom  odd\r\nx\r\n\r\n",
                                    "Subject: 2\r\n\r\nx"});
    CHECK(store->name(1) == path + ":2");
    const auto mail = store->load(1);
    REQUIRE(mail);
    CHECK((*mail).envelope.reverse_path == "c@d.test");
    CHECK((*mail).moment.weekday == 6);
    CHECK((*mail).moment.minute == 62);
}

TEST_CASE("the pieces in which a file is read do not matter") {
    const TemporaryDirectory directory;
    std::string box;
    for (int i = 0; i < 3000; ++i)
        box += "From a@b.test Fri Nov 20 22:30:00 2026\nSubject: " + std::to_string(i) + "\n\n" +
               std::string(i % 97, 'x') + "\n\n";
    const auto texts = texts_of(*open(directory.put("box", box)));
    REQUIRE(texts.size() == 3000);
    for (int i = 0; i < 3000; ++i)
        REQUIRE(texts[static_cast<std::size_t>(i)].starts_with("Subject: " + std::to_string(i) + "\r\n\r\n"));
}

TEST_CASE("directories: Maildirs, mails, mboxes; no links, nothing else") {
    const TemporaryDirectory directory;
    directory.put("m/cur/1:2,S", "a");
    directory.put("m/new/2", "b");
    directory.put("m/new/.hidden", "no");
    directory.put("m/tmp/3.eml", "no");
    directory.put("m/dovecot.index", "no");
    directory.put("z/new/4", "no");  // no Maildir without "cur"
    directory.put("z/5.eml", "c");
    directory.put("z/box", "From a@b.test\nd");
    std::filesystem::create_symlink(directory.path / "z/5.eml", directory.path / "z/6.eml");
    std::filesystem::create_symlink(directory.path, directory.path / "z/circle");
    CHECK(texts_of(*open(directory.path)) == Texts{"a", "b", "c", "d"});
}

TEST_CASE("what is too large, gone or changed is an error of its own") {
    const TemporaryDirectory directory;
    directory.put("a.eml", std::string(1001, 'x'));
    const auto gone = directory.put("b.eml", "x");
    directory.put("c.eml", std::string(1000, 'x'));
    const auto box = directory.put("d", "From a@b.test\n1\n\nFrom a@b.test Fri Nov 20 22:30:00 2026\n2");
    const auto store = open(directory.path);
    REQUIRE(store->size() == 5);
    std::filesystem::remove(gone);
    directory.put("d",
                  "From a@b.test\nanother one altogether, and longer than it was, so that the places are not theirs\n");
    for (const std::size_t i : {0U, 1U, 4U}) {
        CAPTURE(i);
        const auto mail = store->load(i);
        REQUIRE_FALSE(mail);
        CHECK(mail.error().message.find(i == 4 ? box : store->name(i)) != std::string::npos);
    }
    CHECK(store->load(2));
    CHECK_FALSE(inspect::open_files({directory.path / "none"}, {{}, 1000, "x"}));
}

TEST_CASE("directories within each other are bounded") {
    const TemporaryDirectory directory;
    std::string deep;
    for (int i = 0; i <= inspect::kMaxDepth; ++i)
        deep += "d/";
    directory.put(deep + "a.eml", "x");
    CHECK_FALSE(inspect::open_files({directory.path}, {{}, 1000, "x"}));
}

TEST_CASE("a quarantine that is not there is an error, and is not made") {
    const TemporaryDirectory directory;
    CHECK_FALSE(inspect::open_quarantine(directory.path / "none", std::nullopt, {{}, 1000, "x"}));
    CHECK_FALSE(std::filesystem::exists(directory.path / "none"));
}
