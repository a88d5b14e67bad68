// The passwords with which we log in at other servers: where they come from, and their way to another process.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "config/server_passwords.hpp"
#include "config/tls_files.hpp"
#include "expect.hpp"

namespace {

struct File {
    explicit File(const std::string& text) {
        std::ofstream(path, std::ios::binary) << text;
        ::chmod(path.c_str(), 0600);
    }
    ~File() { ::unlink(path.c_str()); }
    std::string path = "/tmp/sandwich-bind-password-" + std::to_string(::getpid());
};

std::string read(const std::string& text) {
    const File file(text);
    const auto password = config::read_password({file.path, {}});
    return password ? *password : "error: " + password.error().message.substr(file.path.size());
}

}  // namespace

TEST_CASE("the first line of a file is the password, blanks and all") {
    CHECK(read("secret\n") == "secret");
    CHECK(read(" a b \r\nanother\n") == " a b ");
    CHECK(read("no end") == "no end");
    CHECK(read("\nsecret\n") == "error: : there is no password in it");
    CHECK(read(std::string("a\0b", 3)) == "error: : there is no password in it");
    CHECK(read(std::string(5000, 'a')).starts_with("error: : larger than"));
}

TEST_CASE("a variable serves as well, and nothing where nothing is named") {
    CHECK(config::read_password({})->empty());
    const config::PasswordPlace variable{{}, "SANDWICH_TEST_PASSWORD"};
    ::unsetenv("SANDWICH_TEST_PASSWORD");
    CHECK_FALSE(config::read_password(variable));
    ::setenv("SANDWICH_TEST_PASSWORD", "secret", 1);
    CHECK(*config::read_password(variable) == "secret");
    ::setenv("SANDWICH_TEST_PASSWORD", "two\nlines", 1);
    CHECK_FALSE(config::read_password(variable));
}

TEST_CASE("they reach another process beside the files of [tls]") {
    const File file("first\n");
    ::setenv("SANDWICH_TEST_PASSWORD", "second", 1);
    auto loaded = config::parse("[ldap a]\nbind_dn=cn=x\nbind_password_file=" + file.path +
                                "\n[ldap b]\n[ldap C]\nbind_dn=cn=y\nbind_password_variable=SANDWICH_TEST_PASSWORD\n"
                                "[login A]\ntype=imap\nserver=localhost\ncontrol_user=x\n"
                                "control_password_variable=SANDWICH_TEST_PASSWORD\n");
    const auto before = loaded.diagnostics.size();
    const auto files = config::TlsFiles::unpack(config::read_tls_files(loaded).pack());
    REQUIRE(files);
    CHECK(loaded.diagnostics.size() == before);
    CHECK(config::server_password_in(files->server_passwords, "ldap A") == "first");
    CHECK(config::server_password_in(files->server_passwords, "ldap b").empty());
    CHECK(config::server_password_in(files->server_passwords, "ldap c") == "second");
    CHECK(config::server_password_in(files->server_passwords, "login a") == "second");
    CHECK(config::server_password_in(files->server_passwords, "first").empty());
    CHECK(config::server_password_in(files->server_passwords, "A").empty());
    CHECK(config::print(*loaded.settings).find("first\n") == std::string::npos);
}

TEST_CASE("a password that cannot be had refuses the configuration, a file that all can read is warned about") {
    auto loaded = config::parse("[ldap a]\nbind_dn=cn=x\nbind_password_file=/nonexistent/x\n");
    config::read_tls_files(loaded);
    REQUIRE(loaded.diagnostics.size() == 1);
    CHECK(loaded.diagnostics[0].severity == config::Diagnostic::Severity::kError);
    CHECK(loaded.diagnostics[0].text.starts_with("[ldap a]: /nonexistent/x: "));
    const File file("secret");
    ::chmod(file.path.c_str(), 0644);
    loaded = config::parse("[ldap a]\nbind_dn=cn=x\nbind_password_file=" + file.path + "\n");
    config::read_tls_files(loaded);
    REQUIRE(loaded.diagnostics.size() == 1);
    CHECK(loaded.diagnostics[0].severity == config::Diagnostic::Severity::kWarning);
    CHECK(loaded.diagnostics[0].text.find("chmod 600") != std::string::npos);
}
