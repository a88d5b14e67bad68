#include <algorithm>

#include "config/check.hpp"
#include "expect.hpp"

namespace {

std::string downstream(std::string_view addr, unsigned port) {
    return fmt::format("[smtp]\ndownstream_smtp_server_addr={}\ndownstream_smtp_server_port={}\n", addr, port);
}

std::string socket(std::string_view addr, unsigned port) {
    return fmt::format("[socket_1]\nproxy_addr={}\nproxy_port={}\n", addr, port);
}

// Lets other machines in, so that a listener they can reach is in order.
std::string open_to(std::string_view allow, const std::string& more) {
    auto text = more;
    const auto smtp = text.find("[smtp]\n");
    const auto line = fmt::format("smtp_allow_client_ip={}\n", allow);
    if (smtp == std::string::npos)
        return text + "[smtp]\n" + line;
    return text.insert(smtp + 7, line);
}

}  // namespace

TEST_CASE("a delivery server that is the proxy itself") {
    constexpr auto kCircle = "round in a circle";
    expect::one(downstream("127.0.0.1", 18000), "3: error: ", kCircle);
    expect::one(socket("127.0.0.1", 19000), "3: error: ", kCircle);
    expect::one(downstream("::ffff:127.0.0.1", 18000), "3: error: ", kCircle);
    expect::one(downstream("0.0.0.0", 18000), "3: error: ", kCircle);
    expect::one(downstream("::", 18000), "3: error: ", kCircle);
    expect::none(downstream("127.0.0.2", 18000));
    expect::none(downstream("192.0.2.20", 18000));
    expect::none(downstream("127.0.0.1", 18001));

    // A listener on all addresses is on every one of the machine's own.
    const auto all = [](std::string_view listener, std::string_view server) {
        return open_to("addr:192.0.2.0/24", socket(listener, 18000) + downstream(server, 18000));
    };
    expect::one(all("0.0.0.0", "192.0.2.20"), "7: error: ", kCircle);
    expect::one(all("0.0.0.0", "127.0.0.9"), "7: error: ", kCircle);
    expect::one(all("::", "2001:db8::20"), "7: error: ", kCircle);
    expect::one(all("::", "192.0.2.20"), "7: error: ", kCircle);
    expect::none(all("0.0.0.0", "192.0.2.30"));
    expect::none(all("0.0.0.0", "2001:db8::20"));
    expect::none(all("::", "2001:db8::30"));

    // Not only the first socket counts.
    // Each server of the list.
    expect::one(downstream("192.0.2.30, 127.0.0.1", 18000), "3: error: ", kCircle);
    expect::one(downstream("192.0.2.30:25 127.0.0.1:18000", 2525), "3: error: ", kCircle);
    expect::one(downstream("192.0.2.30 192.0.2.31:25 192.0.2.30:2525", 2525), "2: error: ", "twice");
    expect::none(downstream("192.0.2.30 192.0.2.31:25 192.0.2.30:2526", 2525));
    expect::one(downstream("127.0.0.1", 18005) + "[socket_1]\n[socket_2]\nproxy_port=18005\n", "3: error: ", kCircle);

    expect::one(downstream("0.0.0.0", 2525), "2: error: ", "no address");
    expect::one(downstream("127.0.0.1", 25), "3: warning: ", "circle");
    expect::one(downstream("192.0.2.20", 25), "3: warning: ", "circle");
    expect::none(downstream("192.0.2.30", 25));
}

TEST_CASE("sockets that take each other's place") {
    expect::one("[socket_1]\n[socket_2]\nproxy_port=18000\n", "3: error: ", "listened on already");
    expect::one(open_to("addr:10.0.0.0/8", "[socket_1]\n[socket_2]\nproxy_addr=0.0.0.0\n"),
                "3: error: ", "listened on already");
    expect::none("[socket_1]\n[socket_2]\nproxy_addr=::1\n");
    expect::none("[socket_1]\n[socket_2]\nproxy_addr=127.0.0.2\n");
}

TEST_CASE("a socket for others, and a list that admits none of them") {
    expect::one(socket("192.0.2.20", 18000), "2: warning: ", "smtp_allow_client_ip");
    expect::one(socket("0.0.0.0", 18000), "2: warning: ", "smtp_allow_client_ip");
    expect::none(open_to("addr:192.0.2.10", socket("192.0.2.20", 18000)));
    expect::none(socket("127.0.0.2", 18000));
}

TEST_CASE("who may connect") {
    expect::one("[smtp]\nsmtp_allow_client_ip=\n", "2: error: ", "nobody");
    expect::one("[smtp]\nsmtp_allow_client_ip=addr:127.0.0.1 addr:0.0.0.0/0\n", "2: warning: ", "everyone");
    expect::one("[smtp]\nsmtp_allow_client_ip=addr:::/0\n", "2: warning: ", "everyone");
    expect::none("[smtp]\nsmtp_allow_client_ip=addr:127.0.0.1\n");
}

TEST_CASE("users") {
    expect::one("[general]\nscan_user=sandwich\n", "2: error: ", "same as user");
    expect::one("[general]\nuser=sandwich-scan\n", "2: error: ", "same as user");
    expect::one("[general]\nuser=root\n", "2: error: ", "root");
    expect::one("[general]\nscan_user=root\n", "2: error: ", "root");
    expect::one("[general]\nuser=\n", "2: error: ", "must be");
}

TEST_CASE("paths that would get in each other's way") {
    expect::one("[general]\nspool_directory=/var/lib/sandwich/quarantine\n", "2: error: ", "same as");
    expect::one("[general]\npid_file=/run/x\ncontrol_socket=/run/x\n", "3: error: ", "same as [general] pid_file");
    expect::none("[general]\nspool_directory=/srv/spool\n[quarantine]\npath=/srv/quarantine\n");
}

TEST_CASE("the proxy's names") {
    const auto named = [](std::string_view name) { return fmt::format("[smtp]\nproxy_hostname={}\n", name); };
    expect::one(named("mx.example.test"), "2: warning: ", "own name");
    expect::one(named("MX.Example.TEST"), "2: warning: ", "own name");
    expect::none(named("mx"));
    expect::none(named("proxy.example.test"));
    expect::one(named("no_such"), "2: error: ", "host name");

    // Where the host name is short, its long form is likely to be Sendmail's.
    auto short_named = expect::machine();
    short_named.host_name = "mx";
    CHECK(config::parse(named("mx.example.test"), short_named).diagnostics.size() == 1);
    CHECK(config::parse(named("sandwich.mx"), short_named).diagnostics.empty());
    CHECK(config::parse("", short_named).settings->proxy_hostname == "sandwich.mx");

    // A host name that no greeting could carry.
    auto odd = expect::machine();
    odd.host_name = "my_host";
    CHECK_FALSE(config::parse("", odd).settings.has_value());
    CHECK(config::parse(named("proxy.example.test"), odd).settings.has_value());

    expect::one("[smtp]\nsmtp_greeting_msg=IMSS SMTP proxy\n", "2: warning: ", "ESMTP");
    expect::one("[smtp]\nsmtp_greeting_msg=esmtp\n", "2: warning: ", "ESMTP");
    expect::none("[smtp]\nsmtp_greeting_msg=ESMTP\n");
}

TEST_CASE("times that fit together") {
    expect::one("[worker]\nscan_timeout=5m\n", "2: error: ", "less than scan_timeout");
    expect::one("[worker]\ntotal_timeout=59\n", "2: error: ", "less than scan_timeout");
    expect::none("[worker]\ntotal_timeout=60\n");
    expect::one("[smtp]\ndownstream_final_timeout=299\n", "2: warning: ", "again");
    expect::none("[smtp]\ndownstream_final_timeout=300\n");
    expect::one("[smtp]\ndownstream_final_timeout=56m\n", "2: warning: ", "one hour");
    expect::none("[smtp]\ndownstream_final_timeout=55m\n");
}

TEST_CASE("sizes that fit together") {
    expect::one("[smtp]\nmessage_size_limit=101m\n", "2: warning: ", "cannot be scanned");
    expect::one("[scanner.clamav]\nmax_scan_size=99m\n", "2: warning: ", "below max_file_size");
    expect::one("[worker]\ntmp_size=99m\n", "2: warning: ", "cannot be unpacked");
    expect::one("[quarantine]\nmax_size=99m\n", "2: warning: ", "never be held");
    expect::none("[quarantine]\nmax_size=0\n");
}

TEST_CASE("protection that is switched off is said aloud") {
    expect::one("[scanner.clamav]\nenable=no\n", "2: warning: ", "NOTHING IS SCANNED");
    expect::one("[scanner.clamav]\nallow_test_signatures=yes\n", "2: warning: ", "NO REAL VIRUS");
    expect::one("[worker]\nsandbox=no\n", "2: warning: ", "sandbox is off");
}

TEST_CASE("nothing is said about a default that stands in for a broken value") {
    // 19000 would be a circle, were the broken port taken for its default.
    expect::one(socket("127.0.0.1", 19000) + "[smtp]\ndownstream_smtp_server_port=x\n", "5: error: ", "must be");
    // ... and findings about other settings are still there.
    const auto found = expect::findings("[smtp]\ndownstream_smtp_server_port=x\n[worker]\nsandbox=no\n");
    CHECK(found.size() == 2);
}

TEST_CASE("TLS towards clients needs a certificate and a key") {
    const std::string files = "certificate=/c.pem\nkey=/k.pem\n";
    expect::one("[tls]\nupstream=optional\nkey=/k.pem\n", "2: error: ", "no [tls] certificate");
    expect::one("[tls]\nupstream=required\ncertificate=/c.pem\n", "2: error: ", "no [tls] key");
    expect::none("[tls]\nupstream=optional\n" + files);
    expect::one("[tls]\n" + files, "2: warning: ", "of no use");
    expect::one("[tls]\nupstream=required\nclient_certificates=ask\n" + files, "3: error: ", "no client_ca_file");
    expect::one("[tls]\nupstream=required\nclient_ca_file=/ca.pem\n" + files, "3: warning: ", "of no use");
    expect::none("[tls]\nupstream=required\nclient_certificates=require\nclient_ca_file=/ca.pem\n" + files);
    expect::one("[tls]\nupstream=optional\nclient_certificates=require\nclient_ca_file=/ca.pem\n" + files,
                "3: warning: ", "do without TLS");
}

TEST_CASE("a delivery server is verified by something") {
    const std::string digits(64, 'A');
    expect::none("[tls]\ndownstream=opportunistic\n");
    expect::none("[tls]\ndownstream=required\ndownstream_name=mx.test\n");
    expect::one("[tls]\ndownstream=verified\n", "2: error: ", "neither downstream_ca_file nor");
    expect::none("[tls]\ndownstream=verified\ndownstream_ca_file=/ca.pem\n");
    expect::none("[tls]\ndownstream=verified\ndownstream_fingerprint=" + digits + "\n");
    expect::one("[tls]\ndownstream=verified\ndownstream_fingerprint=" + digits + "\ndownstream_name=mx.test\n",
                "4: error: ", "without downstream_ca_file");
    expect::one("[tls]\ndownstream=verified\ndownstream_fingerprint=" + digits.substr(1) + "\n",
                "3: error: ", "64 hex digits");
    expect::one("[tls]\ndownstream=required\ndownstream_ca_file=/ca.pem\n", "3: warning: ", "not looked at");
}

TEST_CASE("a fingerprint is written with colons or without") {
    const std::string plain = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    std::string with_colons;
    for (std::size_t i = 0; i < plain.size(); i += 2)
        with_colons += (i == 0 ? "" : ":") + plain.substr(i, 2);
    CHECK(config::fingerprint_digits(plain) == plain);
    CHECK(config::fingerprint_digits(with_colons) == plain);
    CHECK(config::fingerprint_digits("0123456789ABCDEF" + plain.substr(16)) == plain);
    CHECK(config::fingerprint_digits("").empty());
    CHECK(config::fingerprint_digits("g" + plain.substr(1)).empty());
    CHECK(config::fingerprint_digits(plain.substr(2) + "0").empty());
    auto shifted = with_colons;
    std::swap(shifted[2], shifted[3]);
    CHECK(config::fingerprint_digits(shifted).empty());
}

TEST_CASE("every cell that lets unscanned mail through is warned about, with the line that opens it") {
    const std::string_view failures[] = {"down", "timeout", "error", "limit", "encrypted", "malformed", "stale"};
    struct Row {
        std::string_view section;
        std::string_view more;  // so that it can happen
        std::string_view scanner;
    };
    unsigned cells = 0;
    for (const auto& row :
         {Row{"scanner.clamav", "max_signature_age=1d\n", "clamav"},
          Row{"scanner.clamd a", "max_signature_age=1d\n", "clamd a"}, Row{"scanner.icap a", "", "icap a"},
          Row{"scanner.check a", "", "check a"}, Row{"content", "", "contents"}})
        for (const auto failure : failures) {
            const bool none = failure == "stale" && (row.scanner == "icap a" || row.scanner == "contents");
            const bool fact = row.section == "content" && (failure == "encrypted" || failure == "malformed");
            const auto with = [&](std::string_view action) {
                return fmt::format("[{}]\n{}_action={}\n{}", row.section, failure, action, row.more);
            };
            if (none) {
                expect::one(with("defer"), "2: error: ", "unknown key");
                continue;
            }
            ++cells;
            expect::none(with("defer"));
            expect::none(with("quarantine"));
            if (fact) {  // the default is less
                expect::none(with("ignore"));
                expect::none(with("deliver-with-mark"));
                continue;
            }
            for (const auto* const action : {"ignore", "deliver-with-mark"})
                expect::one(with(action), "2: warning: ",
                            fmt::format("[{}] {}_action={} is fail-open: mail passes that was not scanned ({} {})",
                                        row.section, failure, action, row.scanner, failure));
        }
    CHECK(cells == 33);
    expect::one("[scanner.clamav]\nfailure_action=deliver-with-mark\n", "2: warning: ",
                "(clamav down, timeout, error, limit, encrypted, malformed; contents down, timeout, error)");
    expect::one("[scanner.clamav]\nfailure_action=ignore\n", "2: error: ", "must be one of");
    expect::one("[content]\nlimit_layers_action=ignore\n", "2: warning: ", "(contents limit layers)");
    expect::one("[recipients *@a.test]\nstale_action=defer\ndown_action=ignore\n", "3: warning: ",
                "[recipients *@a.test] down_action=ignore is fail-open: mail passes that was not scanned (clamav down; "
                "contents down)");
    // Nobody looks inside, nor is ClamAV asked.
    expect::none("[scanner.clamav]\nenable=no\ndown_action=ignore\n[content]\ndown_action=ignore\n[scanner.clamd a]\n");
    expect::none("[scanner.clamd a]\nenable=no\ndown_action=ignore\n");
    // Signatures are of any age.
    expect::none("[scanner.clamav]\nstale_action=ignore\n");
}

TEST_CASE("many warnings refuse no file") {
    std::string text;
    for (int i = 0; i < 300; ++i)
        text += fmt::format("[recipients {}@a.test]\ndown_action=ignore\n", i);
    const auto loaded = config::parse(text, expect::machine());
    CHECK(loaded.settings.has_value());
    CHECK(loaded.diagnostics.size() == config::kMaxDiagnostics + 1);
    CHECK(loaded.diagnostics.back().severity == config::Diagnostic::Severity::kWarning);
}
