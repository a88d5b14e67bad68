#include <doctest/doctest.h>

#include "config/old_file.hpp"

using config::OldFile;
using config::OldLine;
using config::translate_old_file;

namespace {

const config::Machine kMachine{"mx.example.test", {}};

// "3 applied [smtp] svcport=18000, here [socket_1] proxy_port", one a line.
std::string report(const config::Translated& translated) {
    std::string text;
    for (const auto& line : translated.report)
        text += fmt::format("{} {} {}\n", line.line,
                            line.what == OldLine::What::kApplied         ? "applied"
                            : line.what == OldLine::What::kWithoutEffect ? "without"
                                                                         : "unknown",
                            line.text);
    return text;
}

}  // namespace

TEST_CASE("a file's name says whose it is") {
    CHECK(config::old_file_kind("/etc/iscan/intscan.ini") == OldFile::kIntscan);
    CHECK(config::old_file_kind("/opt/trend/imss/IMSS.INI.2009") == OldFile::kImss);
    CHECK(config::old_file_kind("/opt/imss.ini/sandwich.ini") == OldFile::kNone);
    CHECK(config::old_file_kind("sandwich.ini") == OldFile::kNone);
}

TEST_CASE("intscan.ini as the how-to leaves it") {
    const auto translated = translate_old_file(OldFile::kIntscan, "intscan.ini",
                                               "# VirusWall\r\n[smtp]\r\n svcport = 18000\r\n"
                                               "original=/usr/lib/sendmail -bs -C/etc/mail/delivery.cf\r\n"
                                               "virusaction=clean\r\n; more\r\n[http]\r\nsvcport=80\r\njunk\r\n");
    CHECK(report(translated) ==
          "3 applied [smtp] svcport=18000, here [socket_1] proxy_port\n"
          "4 applied [smtp] original=/usr/lib/sendmail -bs -C/etc/mail/delivery.cf\n"
          "5 unknown [smtp] virusaction=clean\n"
          "8 without [http] svcport=80: Sandwich scans mail only\n"
          "9 unknown junk: no key=value\n");
    const auto loaded = config::parse(translated.text, kMachine);
    REQUIRE(loaded.settings);
    CHECK(loaded.settings->sockets.front().address.to_string() == "127.0.0.1:18000");
    CHECK(loaded.settings->original_command ==
          std::vector<std::string>{"/usr/lib/sendmail", "-bs", "-C/etc/mail/delivery.cf"});
    CHECK(config::is_command(loaded.settings->downstream.at(0)));
}

TEST_CASE("imss.ini: our names mean the same, others are renamed, and none is dropped in silence") {
    const auto translated = translate_old_file(
        OldFile::kImss, "imss.ini",
        "[general]\ndebug=5\n[socket_1]\nproxy_service=SMTP_SERVICE\nproxy_port=18000\nproxy_smtp_server_ip=127.0.0.1\n"
        "[Socket_2]\nproxy_service=SMTP_REPROCESS\nproxy_port=10024\n[smtp]\nsmtp_greeting_msg=IMSS SMTP proxy ESMTP\n"
        "#smtp_allow_client_ip=addr: addr:\nproc_max_connections=70\ndownstream_smtp_server_addr=127.0.0.1\n"
        "downstream_smtp_server_port=19000\nproc_max_worker_proc=20\n[malformed]\nLimitEntities=64\n[EUQ]\nwhatever=1\n"
        "[x]\nfurther=1\n");
    CHECK(
        report(translated) ==
        "2 without [general] debug=5: the log's detail is [log] level\n"
        "4 applied [socket_1] proxy_service=SMTP_SERVICE\n"
        "5 applied [socket_1] proxy_port=18000\n"
        "6 applied [socket_1] proxy_smtp_server_ip=127.0.0.1, here [socket_1] proxy_addr\n"
        "8 without [Socket_2] proxy_service=SMTP_REPROCESS: there is no service but SMTP_SERVICE\n"
        "9 without [Socket_2] proxy_port=10024: there is no service but SMTP_SERVICE\n"
        "11 applied [smtp] smtp_greeting_msg=IMSS SMTP proxy ESMTP\n"
        "13 applied [smtp] proc_max_connections=70, here [smtp] max_connections\n"
        "14 applied [smtp] downstream_smtp_server_addr=127.0.0.1\n"
        "15 applied [smtp] downstream_smtp_server_port=19000\n"
        "16 without [smtp] proc_max_worker_proc=20: scanner processes are one for each processor core: [worker] count\n"
        "18 applied [malformed] LimitEntities=64, here [content] limit_entities\n"
        "20 without [EUQ] whatever=1: there is no end-user quarantine yet\n"
        "22 unknown [x] further=1\n");
    const auto loaded = config::parse(translated.text, kMachine);
    REQUIRE(loaded.settings);
    CHECK(loaded.settings->max_connections == 70);
    CHECK(loaded.settings->content_limits.entities == 64);
    CHECK(loaded.settings->sockets.size() == 1);
}

TEST_CASE("what is wrong is told with the old file's line") {
    auto translated =
        translate_old_file(OldFile::kIntscan, "intscan.ini", "\n\n[smtp]\n\nsvcport=none\noriginal=sendmail -bs\n");
    const auto loaded =
        config::parse_source({translated.text, translated.lines, {{config::Diagnostic::Severity::kWarning, 9, "x"}}});
    CHECK(!loaded.settings);
    REQUIRE(loaded.diagnostics.size() >= 3);
    CHECK(loaded.diagnostics[0].line == 5);
    CHECK(loaded.diagnostics[0].text.starts_with("proxy_port=none: "));
    CHECK(loaded.diagnostics[1].line == 6);
    CHECK(loaded.diagnostics[1].text.starts_with("original is neither"));
    CHECK(loaded.diagnostics.back().line == 9);
}
