#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "config/settings_table.hpp"
#include "expect.hpp"

TEST_CASE("an empty file is a working one") {
    expect::none("");
    expect::none("# nothing\n\n[smtp]\n[log]\n");
    const auto s = expect::settings("");
    CHECK(s.user == "sandwich");
    CHECK(s.scan_user == "sandwich-scan");
    REQUIRE(s.sockets.size() == 1);
    CHECK(s.sockets[0].address.to_string() == "127.0.0.1:18000");
    REQUIRE(s.downstream.size() == 1);
    CHECK(s.downstream[0].to_string() == "127.0.0.1:19000");
    CHECK(s.smtp_greeting_msg.find("ESMTP") != std::string::npos);
    CHECK(s.smtp_allow_client_ip.loopback_only());
    CHECK(s.proxy_hostname == "sandwich.mx.example.test");
    CHECK(s.message_size_limit == 100ULL << 20);
    CHECK(s.max_recipients == 1000);
    CHECK(s.command_timeout == std::chrono::minutes(5));
    CHECK(s.downstream_idle_seconds == 30);
    CHECK(s.scan_total_timeout == std::chrono::minutes(4));
    CHECK(s.sandbox);
    CHECK(s.clamav.enable);
    CHECK_FALSE(s.clamav.allow_test_signatures);
    CHECK(s.clamav.test_signatures == SANDWICH_DATADIR "/test-signatures");
    CHECK(s.clamav.actions.found == policy::Action::kQuarantine);
    CHECK(s.clamav.actions.failure == policy::Action::kDefer);
    CHECK(s.clamav.actions == policy::Actions{});
    CHECK(s.quarantine_max_size == 10ULL << 30);
    CHECK(s.log_level == base::log::Level::kInfo);
}

TEST_CASE("the file of the how-to") {
    const auto s = expect::settings(
        "[socket_1]\nproxy_service=SMTP_SERVICE\nproxy_addr=127.0.0.1\nproxy_port=18000\n"
        "[smtp]\nsmtp_greeting_msg=Sandwich ESMTP proxy\nsmtp_allow_client_ip=addr:127.0.0.1 addr:10.1.0.0/16\n"
        "downstream_smtp_server_addr=192.0.2.30 192.0.2.31:26, 2001:db8::1\ndownstream_smtp_server_port=2525\n"
        "[scanner.clamav]\nenable=yes\ndatabase=/srv/clamav\naction=reject\nfailure_action=quarantine\n"
        "[quarantine]\npath=/srv/held\n");
    REQUIRE(s.downstream.size() == 3);
    CHECK(s.downstream[0].to_string() == "192.0.2.30:2525");
    CHECK(s.downstream[1].to_string() == "192.0.2.31:26");
    CHECK(s.downstream[2].to_string() == "[2001:db8::1]:2525");
    CHECK(s.clamav.database == "/srv/clamav");
    CHECK(s.clamav.actions.found == policy::Action::kReject);
    CHECK(s.clamav.actions.failure == policy::Action::kQuarantine);
    CHECK(s.quarantine_path == "/srv/held");
    CHECK(s.rules().actions.found == policy::Action::kReject);
}

TEST_CASE("names and words are read without regard to case") {
    const auto s =
        expect::settings("[SMTP]\nMax_Connections=7\n[Scanner.ClamAV]\nAction=Discard\n[Socket_2]\nProxy_Port=1\n");
    CHECK(s.max_connections == 7);
    CHECK(s.clamav.actions.found == policy::Action::kDiscard);
    CHECK(s.sockets.at(0).address.port == 1);
}

TEST_CASE("the action of a failure follows failure_action unless it has a word of its own") {
    const auto encrypted = [](std::string_view keys) {
        const auto rules = expect::settings("[scanner.clamav]\n" + std::string(keys)).rules();
        return policy::cell(rules, "clamav", policy::Failure::kEncrypted, nullptr).action;
    };
    CHECK(encrypted("") == policy::Action::kDefer);
    CHECK(encrypted("failure_action=quarantine\n") == policy::Action::kQuarantine);
    CHECK(encrypted("encrypted_action=failure_action\nfailure_action=deliver-with-mark\n") ==
          policy::Action::kDeliverWithMark);
    CHECK(encrypted("encrypted_action=quarantine\n") == policy::Action::kQuarantine);
    CHECK(encrypted("encrypted_action=defer\nfailure_action=quarantine\n") == policy::Action::kDefer);
    CHECK(encrypted("encrypted_action=ignore\n") == policy::Action::kDeliver);
}

TEST_CASE("several sockets, in the order of their numbers") {
    const auto s =
        expect::settings("[socket_10]\nproxy_port=18010\n[socket_2]\nproxy_port=18002\nproxy_addr=::1\n[socket_1]\n");
    REQUIRE(s.sockets.size() == 3);
    CHECK(s.sockets[0].address.to_string() == "127.0.0.1:18000");
    CHECK(s.sockets[1].address.to_string() == "[::1]:18002");
    CHECK(s.sockets[2].address.to_string() == "127.0.0.1:18010");

    std::string many;
    for (unsigned i = 1; i <= config::kMaxSockets; ++i)
        many += fmt::format("[socket_{}]\nproxy_port={}\n", i, 2000 + i);
    CHECK(expect::settings(many).sockets.size() == config::kMaxSockets);
    expect::one(many + "[socket_999]\nproxy_port=1\n", "33: error: ", "more than 16 sockets");
    for (const auto* bad : {"[socket_0]\n", "[socket_01]\n", "[socket_]\n", "[socket_1000]\n", "[socket_1a]\n",
                            "[socket_N]\n", "[socket]\n"})
        expect::one(bad, "1: error: ", "unknown section");
    expect::one("[socket]\n", "1: error: ", "did you mean [socket_1]?");
}

TEST_CASE("what is unknown gets a hint") {
    expect::one("[smtp]\n\ndownstream_smtp_server_prt=1\n", "3: error: ",
                "unknown key downstream_smtp_server_prt in section [smtp]; did you mean downstream_smtp_server_port?");
    expect::one("[general]\nsmtp_greeting_msg=x ESMTP\n", "2: error: ", "this key belongs to section [smtp]");
    expect::one("[smtp]\nPROXY_PORT=1\n", "2: error: ", "this key belongs to section [socket_N]");
    expect::one("[general]\ngreeting_message=x\n", "2: error: ", "unknown key greeting_message in section [general]");
    expect::one("[smtp]\nproxy_prt=1\n", "2: error: ", "did you mean proxy_port of section [socket_N]?");
    expect::one("[smtp]\nfrobnicate=1\n", "2: error: ", "unknown key frobnicate in section [smtp]");
    expect::one("[scanner.clamv]\nx=1\ny=2\n", "1: error: ", "did you mean [scanner.clamav]?");
    expect::one("[xyzzy]\nenable=yes\n", "1: error: ", "unknown section [xyzzy]");
}

TEST_CASE("nothing stands twice") {
    expect::one("[smtp]\nmax_connections=5\nMAX_CONNECTIONS=6\n",
                "3: error: ", "max_connections is given twice, the first time in line 2");
    expect::one("[smtp]\n[log]\n[SMTP]\n", "3: error: ", "section [SMTP] stands twice, the first time in line 1");
    expect::one("[socket_1]\n[socket_1]\n", "2: error: ", "stands twice");
}

TEST_CASE("a bad value says what would be good") {
    expect::one("[smtp]\nmax_connections=lots\n", "2: error: ", "max_connections=lots: must be a number: 1 to 10000");
    expect::one("[smtp]\nmax_connections=\n", "2: error: ", "max_connections=: must be");
    expect::one("[smtp]\nmessage_size_limit=9g\n", "2: error: ", "64k to 2047m");
    expect::one("[smtp]\ncommand_timeout=2h\n", "2: error: ", "1s to 1h");
    expect::one("[scanner.clamav]\naction=defer\n",
                "2: error: ", "must be one of quarantine, reject, discard, tag-and-deliver");
    expect::one("[scanner.clamav]\nencrypted_action=reject\n",
                "2: error: ", "quarantine, deliver-with-mark, ignore, failure_action");
    expect::one("[smtp]\nsmtp_allow_client_ip=addr:127.0.0.1 addr:10.1.2.3/16\n", "2: error: ", "10.1.2.3/16");
    expect::one("[smtp]\ndownstream_smtp_server_addr=localhost\n", "2: error: ", "not an IP address");
    expect::one("[general]\nuser=\n", "2: error: ", "user=: must be a name");
    const auto found = expect::findings("[smtp]\nmax_connections=" + std::string(4000, 'x') + "\n");
    REQUIRE(found.size() == 1);
    CHECK(found[0].size() < 300);
}

TEST_CASE("all faults at once, in the order of the lines, and then no settings") {
    const auto found = expect::findings(
        "x\n[smtp]\nmax_connections=0\nfoo\nsmtp_greeting=x\n[general]\nscan_user=sandwich\n[nowhere]\n");
    CAPTURE(expect::joined(found));
    REQUIRE(found.size() == 6);
    for (std::size_t i = 0; i < found.size(); ++i)
        CHECK(found[i].starts_with(std::vector{"1: ", "3: ", "4: ", "5: ", "7: ", "8: "}[i]));
    CHECK_FALSE(config::parse("x\n", expect::machine()).settings.has_value());

    std::string garbage;
    for (int i = 0; i < 50000; ++i)
        garbage += "[smtp]\nnosuchkey=1\n";
    const auto many = config::parse(garbage, expect::machine());
    CHECK(many.diagnostics.size() == config::kMaxDiagnostics + 1);
    CHECK_FALSE(many.settings.has_value());
}

TEST_CASE("a file that is too large is not read at all") {
    const std::string comment(99, '#');
    std::string text;
    while (text.size() <= config::kMaxFile)
        text += comment + '\n';
    expect::one(text, " error: ", "octets");
}

TEST_CASE("no input of any kind leads to a crash, and errors mean no settings") {
    const std::string alphabet =
        "[]=#; \t\r\n\x01\xff"
        "asmtp_1:/.,";
    unsigned state = 12345;
    const auto next = [&state](std::size_t below) {
        state = state * 1664525U + 1013904223U;
        return (state >> 8) % below;
    };
    for (int round = 0; round < 700; ++round) {
        std::string text = round % 2 == 0 ? "" : config::sample_file();
        for (std::size_t i = 0, n = next(60); i < n; ++i) {
            const char c = alphabet[next(alphabet.size())];
            if (text.empty() || next(3) != 0)
                text.insert(next(text.size() + 1), 1, c);
            else
                text[next(text.size())] = c;
        }
        const auto loaded = config::parse(text, expect::machine());
        bool error = false;
        for (const auto& diagnostic : loaded.diagnostics)
            error = error || diagnostic.severity == config::Diagnostic::Severity::kError;
        REQUIRE(loaded.settings.has_value() == !error);
    }
}

TEST_CASE("the form of a message about a line") {
    using enum config::Diagnostic::Severity;
    CHECK(config::format("/etc/x.ini", {kError, 7, "bad"}) == "/etc/x.ini:7: error: bad");
    CHECK(config::format("/etc/x.ini", {kWarning, 0, "odd"}) == "/etc/x.ini: warning: odd");
}

TEST_CASE("reading the file itself") {
    char directory[] = "/tmp/sandwich-config-XXXXXX";
    REQUIRE(::mkdtemp(directory) != nullptr);
    const std::string path = std::string(directory) + "/sandwich.ini";
    const auto write = [&path](const std::string& text) {
        auto* const file = std::fopen(path.c_str(), "w");
        REQUIRE(file != nullptr);
        CHECK(std::fwrite(text.data(), 1, text.size(), file) == text.size());
        CHECK(std::fclose(file) == 0);
    };

    CHECK_FALSE(config::read_file(path).has_value());
    write("[smtp]\n");
    CHECK(config::read_file(path).value() == "[smtp]\n");
    write("");
    CHECK(config::read_file(path).value().empty());
    write(std::string(config::kMaxFile, '#'));
    CHECK(config::read_file(path).value().size() == config::kMaxFile);
    write(std::string(config::kMaxFile + 1, '#'));
    CHECK_FALSE(config::read_file(path).has_value());
    CHECK_FALSE(config::read_file(directory).has_value());
    ::unlink(path.c_str());
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    CHECK_FALSE(config::read_file(path).has_value());  // and returns at once
    ::unlink(path.c_str());
    ::rmdir(directory);
}

TEST_CASE("what a reload may change") {
    const auto base = expect::settings("");
    const auto changed = [&base](std::string_view text) {
        return config::changed_without_restart(base, expect::settings(text));
    };
    CHECK(changed("").empty());
    CHECK(changed("[smtp]\nmax_connections=7\ndownstream_smtp_server_port=2525\n[log]\nlevel=debug\n").empty());
    CHECK(changed("[general]\nuser=mail\nthreads=2\n") ==
          std::vector<std::string>{"[general] user", "[general] threads"});
    CHECK(changed("[quarantine]\npath=/srv/q\n") == std::vector<std::string>{"[quarantine] path"});
    CHECK(changed("[socket_1]\nproxy_port=1800\n").size() == 1);
    CHECK(changed("[socket_1]\n[socket_2]\nproxy_port=1800\n").size() == 1);
    CHECK(changed("[socket_1]\nproxy_port=18000\n").empty());

    const auto scanner = [&base](std::string_view text) {
        return config::scanner_settings_differ(base, expect::settings(text));
    };
    CHECK_FALSE(scanner(""));
    CHECK_FALSE(scanner("[smtp]\nmax_connections=7\n[scanner.clamav]\naction=reject\n[worker]\nscan_timeout=30\n"));
    CHECK(scanner("[worker]\ncount=3\n"));
    CHECK(scanner("[worker]\ntmp_size=600m\n"));
    CHECK(scanner("[scanner.clamav]\ndatabase=/srv/clamav\n"));
    CHECK(scanner("[scanner.clamav]\nmax_recursion=16\n"));
}
