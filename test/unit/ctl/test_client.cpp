#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "base/unique_fd.hpp"
#include "ctl/client.hpp"

namespace {

// Answers one client with `answer`, whatever it asks.
class OneAnswer {
  public:
    explicit OneAnswer(std::string answer)
        : path_("/tmp/sandwich-unit-ctl-" + std::to_string(::getpid())),
          listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_.get(), 1) == 0);
        thread_ = std::thread([this, answer = std::move(answer)] {
            const base::UniqueFd client(::accept(listener_.get(), nullptr, nullptr));
            char request[100];
            [[maybe_unused]] const auto got = ::read(client.get(), request, sizeof request);
            [[maybe_unused]] const auto sent = ::write(client.get(), answer.data(), answer.size());
        });
    }
    ~OneAnswer() {
        thread_.join();
        ::unlink(path_.c_str());
    }
    OneAnswer(const OneAnswer&) = delete;
    OneAnswer& operator=(const OneAnswer&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
    base::UniqueFd listener_;
    std::thread thread_;
};

base::Result<ctl::Answer> answered(std::string answer) {
    const OneAnswer server(std::move(answer));
    return ctl::ask(server.path(), "status");
}

}  // namespace

TEST_CASE("an answer is put together from its pieces") {
    const auto answer = answered("ok\n3\nabc2\nd\n0\n");
    REQUIRE(answer);
    CHECK(answer->ok);
    CHECK(answer->text == "abcd\n");
    const auto refusal = answered("error\n2\nno0\n");
    REQUIRE(refusal);
    CHECK_FALSE(refusal->ok);
    CHECK(refusal->text == "no");
}

TEST_CASE("an answer that breaks off or is malformed is never taken for a whole one") {
    for (const char* broken : {"", "ok", "ok\n", "ok\n3\nab", "ok\n3\nabc", "ok\n3\nabc0", "perhaps\n0\n", "ok\nx\n",
                               "ok\n-1\n", "ok\n99999999\n", "ok\n0x0\n", "ok\n\n"})
        CHECK_FALSE(answered(broken));
    CHECK_FALSE(answered(std::string(100000, 'x')));
}

TEST_CASE("nothing that strangers wrote commands the terminal") {
    CHECK(ctl::printable("plain <a@b>\tx\n") == "plain <a@b>\\x09x\n");
    CHECK(ctl::printable("\x1b[31m\r\x07\x7f") == "\\x1b[31m\\x0d\\x07\\x7f");
    CHECK(ctl::printable("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa7") == "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa7");
    CHECK(ctl::printable("\xc2\x9b"
                         "31m") == "\\xc2\\x9b31m");  // CSI as one character
    CHECK(ctl::printable("\x9b"
                         "31m") == "\\x9b31m");                                // CSI as one octet
    CHECK(ctl::printable("\xe2\x80\xaegpj.exe") == "\\xe2\\x80\\xaegpj.exe");  // right-to-left override
    CHECK(ctl::printable("\xc0\x9b \xe0\x80\x9b \xed\xa0\x80 \xf4\x90\x80\x80 \xff") ==
          "\\xc0\\x9b \\xe0\\x80\\x9b \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xff");
    CHECK(ctl::printable("\xe2\x82") == "\\xe2\\x82");
}

TEST_CASE("the table is aligned, whatever stands in it") {
    CHECK(ctl::table("") == "ID  STATE  TIME  SIZE  FROM  TO  VERDICT\n");
    const auto table = ctl::table(
        "1\theld\tT\t5\t<>\t<b>\tfound X\n"
        "2\treleasing?\tT\t12345\t<caf\xc3\xa9@b>\t<b> +3\tcannot \x1b tell\n");
    CHECK(table ==
          "ID  STATE       TIME   SIZE  FROM      TO      VERDICT\n"
          "1   held        T         5  <>        <b>     found X\n"
          "2   releasing?  T     12345  <caf\xc3\xa9@b>  <b> +3  cannot \\x1b tell\n");
    CHECK(ctl::table("only one cell").find("\nonly one cell ") != std::string::npos);
}
