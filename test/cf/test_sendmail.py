"""What a real Sendmail makes of the variants: it reads them, and rule set 0 sends every address to the scanner."""

import os
import subprocess

from support import ANCIENT, OLD_STYLE, TOOL, PrivateSendmail, TempCase, named, needs_sendmail, read, run_tool, write
from test_variants import RICH


def validated(*arguments):
    """The tool with validation on, under a qualified host name."""
    return subprocess.run([*named(), *map(str, arguments)], capture_output=True, encoding="latin-1", check=False, timeout=200)


def null_sender(lab, cf, *mailers):
    """What each mailer's envelope sender rewriting, rule set 4 included, makes of <>."""
    text = lab.test_mode(cf, "/tryflags ES", *(f"/try {name} <>" for name in mailers))
    return [line.split("returns:")[1].strip() for line in text.splitlines() if line.split()[:2] in (["final", "returns:"],
                                                                                                 ["4", "returns:"])]


@needs_sendmail
class Validation(TempCase):
    def run_with_validation(self, source, *options):
        return validated(TOOL, source, "--inbound", self.path("in"), "--delivery", self.path("de"), *options)

    def test_debian(self):
        lab = PrivateSendmail(self.dir)
        for options in ([], ["--lmtp"], ["--scanner", "[::1]:18000"], ["--no-recipient-check"], ["--scanner", "scan.test:26"],
                        ["--scanner", "10.1.2.3,[::1],scan.test:26"], ["--spread", "--scanner", "10.1.2.3,10.1.2.4"],
                        ["--scanner", "10.1.2.3", "--no-recipient-check", "--socketmap", "10.1.2.3:18001"]):
            run = self.run_with_validation(lab.cf, *options)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertEqual(run.stdout.count("validated by"), 2)
            self.assertNotIn("NOT", run.stdout)
            self.assertEqual([x for x in run.stderr.splitlines() if "not on loopback" not in x
                              and "no recipient check" not in x and "the recipient check asks" not in x], [])

    def test_distribution_file_as_installed(self):
        source = "/etc/mail/sendmail.cf"
        if not os.path.exists(source):
            self.skipTest("no /etc/mail/sendmail.cf here")
        run = self.run_with_validation(source)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run_tool("--check", self.path("in"), self.path("de")).returncode, 0)

    def test_plain_prints_sendmails_warning(self):
        lab = PrivateSendmail(self.dir)
        run = self.run_with_validation(lab.cf, "--plain")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("must be TCP or FILE", run.stderr)

    def test_old_styles(self):
        for source in (OLD_STYLE, ANCIENT):
            run = self.run_with_validation(source)
            self.assertEqual(run.returncode, 0, run.stderr)

    def test_an_error_of_ours_writes_nothing(self):
        """An address that Sendmail cannot read: the input is fine, the output is not."""
        lab = PrivateSendmail(self.dir)
        run = self.run_with_validation(lab.cf, "--listen", "1:2:3:4")
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, r'/in: line \d+: host "1:2:3:4" unknown')
        self.assertFalse(os.path.exists(self.path("in")))
        self.assertFalse(os.path.exists(self.path("de")))
        self.assertFalse(any(name.startswith(".sandwich-cf.") for name in os.listdir(self.dir)))

    def test_fault_that_the_input_has_too_is_a_warning(self):
        lab = PrivateSendmail(self.dir, features="VIRTUSER_DOMAIN_FILE(`/nonexistent/domains')dnl")
        run = self.run_with_validation(lab.cf)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("so does the input", run.stderr)


@needs_sendmail
class Routing(TempCase):
    FUNNEL = "$# esmtp $@ [ 127 . 0 . 0 . 1 ] $: "

    def setUp(self):
        super().setUp()
        self.lab = PrivateSendmail(self.dir, before=RICH["before"] + "define(`MAIL_HUB',`hub.test')dnl\n",
                                   features="FEATURE(`virtusertable',`hash -o /etc/mail/virtusertable')dnl\n"
                                            "FEATURE(`mailertable',`hash -o /etc/mail/mailertable')dnl\n"
                                            "FEATURE(`local_procmail')dnl\nVIRTUSER_DOMAIN(`virt.test')dnl\n",
                                   mailers=RICH["mailers"] + "LOCAL_RULE_0\nRtofax < @ $* >\t$#fax $@ f $: tofax\n"
                                           "LOCAL_NET_CONFIG\nR$* < @ $* .weird. > $*\t$#uucp-dom $@ x $: $1\n")
        write(self.lab.local_names, "example.test\n")
        self.lab.map("virtusertable", "info@example.test someone@remote.test\n@virt.test root\n")
        self.lab.map("mailertable", "proc.test procmail:/etc/procmailrc\nfaxes.test fax:x\ndirect.test esmtp:[192.0.2.1]\n")
        self.inbound, self.delivery, _ = self.make(self.lab.cf)

    ADDRESSES = ("root", "nosuch", "root@example.test", "root@localhost", "root@mx.example.test", "info@example.test",
                 "a@virt.test", "a@remote.test", "a@[192.0.2.1]", "a@[127.0.0.1]", "a@proc.test", "a@faxes.test",
                 "a@direct.test", "a@h.UUCP", "h!a", "a@node.DECNET", "a@host.FAX", "group.name.USENET",
                 "group.USENET@example.test", "a@POP", "tofax@example.test", "a@x.weird", "a%b@example.test",
                 "@route.test:a@b.test", "root+detail@example.test", "bb+folder@example.test", '"a b"@example.test',
                 "|/bin/sh", "/etc/passwd", ":include:/etc/passwd")

    def test_every_address_goes_to_the_scanner(self):
        for address, answer in self.lab.resolve_all(self.inbound, self.ADDRESSES).items():
            with self.subTest(address):
                self.assertTrue(answer.startswith(self.FUNNEL), answer)

    def test_that_the_original_does_otherwise(self):
        """The same addresses reach many mailers in the file it was made from: the test above can fail."""
        mailers = {answer.split()[1] for answer in self.lab.resolve_all(self.lab.cf, self.ADDRESSES).values()}
        self.assertGreaterEqual(len(mailers), 8, mailers)

    def test_delivery_routes_as_the_original(self):
        self.assertEqual(self.lab.resolve_all(self.delivery, self.ADDRESSES), self.lab.resolve_all(self.lab.cf, self.ADDRESSES))

    def test_domain_is_kept(self):
        self.assertTrue(self.lab.resolve(self.inbound, "root@example.test").endswith("root < @ example . test . >"))

    def test_syntax_errors_are_still_refused(self):
        for address in ("a@.bad", "a@b..c", "user@"):
            before, after = self.lab.resolve(self.lab.cf, address), self.lab.resolve(self.inbound, address)
            self.assertEqual("$# error" in before, "$# error" in after, address)
        self.assertIn("$# error", self.lab.resolve(self.inbound, "a@.bad"))

    def test_null_sender_survives(self):
        self.assertEqual(null_sender(self.lab, self.inbound, "local", "esmtp"), ["", ""])
        self.assertEqual(null_sender(self.lab, self.lab.cf, "local", "esmtp"), ["MAILER-DAEMON", ""])

    def test_tls_demands_are_not_made_of_the_scanner(self):
        self.lab.map("access", "TLS_Rcpt:remote.test VERIFY\nTLS_Srv: ENCR:112\n")
        for cf, verdict in ((self.lab.cf, "error"), (self.inbound, "OK")):
            text = self.lab.test_mode(cf, ".D{server_name}[127.0.0.1]", ".D{server_addr}127.0.0.1", ".D{verify}NONE",
                                      "tls_rcpt a@remote.test", "tls_server NONE")
            answers = [x for x in text.splitlines() if x.startswith(("tls_rcpt  ", "tls_server  ")) and "returns" in x]
            self.assertEqual(len(answers), 2, text)
            for answer in answers:
                self.assertIn(verdict, answer)


@needs_sendmail
class OldStyleRouting(TempCase):
    def test_by_number(self):
        text = read(OLD_STYLE).replace("V8/Sun", "V8/Berkeley").replace("Fw-o /etc/mail/sendmail.cw", "Cwexample.test")
        inbound, _, _ = self.make(write(self.path("old.cf"), text))
        lab = PrivateSendmail(self.dir)
        for address in ("root", "root@example.test", "a@remote.test"):
            answers = [x for x in lab.test_mode(inbound, f"3,0 {address}").splitlines() if x.startswith("parse ")
                       or x.startswith("0 ")]
            self.assertIn("$# esmtp $@ [ 127 . 0 . 0 . 1 ] $: ", answers[-1])

    def test_null_sender_by_number(self):
        inbound, _, _ = self.make(OLD_STYLE)
        lab = PrivateSendmail(self.dir)
        self.assertEqual(null_sender(lab, inbound, "local"), [""])
        self.assertEqual(null_sender(lab, OLD_STYLE, "local"), ["MAILER-DAEMON"])


@needs_sendmail
class DeliverySide(TempCase):
    def test_sender_that_inbound_took_is_not_refused_again(self):
        lab = PrivateSendmail(self.dir)
        lab.new_aliases("postmaster: root\n")
        os.mkdir(self.path("queue2"))
        _, delivery, _ = self.make(lab.cf, "--queue", self.path("queue2"))
        self.assertIn("553 5.1.8", lab.recipients(lab.cf, "root", sender="<a@nx.invalid>")["root"])
        self.assertTrue(lab.recipients(delivery, "root", sender="<a@nx.invalid>")["root"].startswith("250 "))

    def test_scanner_is_not_limited(self):
        """Also where the access map limits everybody."""
        lab = PrivateSendmail(self.dir)
        lab.map("access", "ClientRate: 1\nClientConn: 1\nGreetPause: 9000\n")
        _, delivery, _ = self.make(lab.cf)
        lines = [".D{client_addr}10.1.2.3", ".D{client_name}s.test", ".D{client_rate}50", ".D{client_connections}50",
                 "RateControl x", "ConnControl x", "greet_pause s.test $| 10.1.2.3"]
        answers = {}
        for cf in (lab.cf, delivery):
            text = lab.test_mode(cf, *lines)
            answers[cf] = [x.split("returns:")[1].strip() for x in text.splitlines()
                           if x.split(" ")[0] in ("RateControl", "ConnControl", "greet_pause") and "returns:" in x]
        self.assertEqual(answers[delivery], ["OK", "OK", "$# 0"])
        self.assertIn("limit exceeded", answers[lab.cf][0])
        self.assertIn("Too many", answers[lab.cf][1])

    def test_unknown_user_is_still_refused(self):
        lab = PrivateSendmail(self.dir)
        lab.new_aliases("postmaster: root\n")
        os.mkdir(self.path("queue2"))
        _, delivery, _ = self.make(lab.cf, "--queue", self.path("queue2"))
        self.assertTrue(lab.recipients(delivery, "nosuch")["nosuch"].startswith("550 5.1.1"))
