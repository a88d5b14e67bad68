"""The two variants as text: what is changed, what is not, and what is refused."""

import collections
import os
import re

from support import ANCIENT, OLD_STYLE, TempCase, m4, needs_m4, read, run_tool, write

RICH = {"before": "define(`LUSER_RELAY',`luser.test')dnl\ndefine(`SMART_HOST',`smart.test')dnl\n",
        "features": "FEATURE(`virtusertable')dnl\nFEATURE(`mailertable')dnl\nFEATURE(`local_procmail')dnl\n",
        "mailers": "".join(f"MAILER(`{m}')dnl\n" for m in ("procmail", "cyrusv2", "cyrus", "uucp", "fax", "usenet", "mail11",
                                                          "phquery", "pop", "qpage"))}


def mailer(text, name):
    """The logical M line of a mailer, on one line."""
    return " ".join(re.search(rf"^M{name},.*\n(?:[ \t].*\n)*", text, re.M).group(0).split())


def changed(before, after):
    """(lines taken out, lines put in), without empty ones."""
    old, new = (collections.Counter(x for x in text.split("\n") if x.strip()) for text in (before, after))
    return list((old - new).elements()), list((new - old).elements())


@needs_m4
class Debian(TempCase):
    def setUp(self):
        super().setUp()
        self.text = m4()
        self.source = write(self.path("sendmail.cf"), self.text)

    def test_inbound_mailers(self):
        inbound, _, _ = self.make(self.source)
        text = read(inbound)
        self.assertEqual(mailer(text, "local"), "Mlocal, P=[IPC], F=lDFM9mkuXa80, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, "
                                                "T=DNS/RFC822/SMTP, E=\\r\\n, L=0, A=TCP [127.0.0.1] 18000")
        for name, flags in (("smtp", "mDFMuXk0"), ("esmtp", "mDFMuXak0"), ("smtp8", "mDFMuX8k0"), ("dsmtp", "mDFMuXa%k0"),
                            ("relay", "mDFMuXa8k0")):
            line = mailer(text, name)
            self.assertIn(f"F={flags},", line)
            self.assertIn("L=0,", line)
            self.assertTrue(line.endswith("A=TCP [127.0.0.1] 18000"), line)
        self.assertEqual(mailer(text, "prog"), mailer(self.text, "prog"))

    def test_class_w_stays(self):
        inbound, _, _ = self.make(self.source)
        for line in ("Cwlocalhost", "Fw/etc/mail/local-host-names %[^\\#]", "FR-o /etc/mail/relay-domains %[^\\#]"):
            self.assertIn(f"\n{line}\n", read(inbound))

    def test_all_else_is_untouched(self):
        inbound, delivery, _ = self.make(self.source)
        gone, _ = changed(self.text, read(inbound))
        for line in gone:
            self.assertRegex(line, r"^M(local|e?smtp8?|dsmtp|relay),|^\t\t(T=|A=)|^O DaemonPortOptions=Family=inet,  Name=MTA-v4")
        gone, _ = changed(self.text, read(delivery))
        for line in gone:
            self.assertRegex(line, r"^M(local|e?smtp8?|dsmtp|relay),|^O (DaemonPortOptions|QueueDirectory|StatusFile|PidFile|"
                                   r"ControlSocketName|ConnectionRateThrottle|ProcessTitlePrefix)=")

    def test_bytes_survive(self):
        odd = "# caf\xe9 \xff\tx \r\n" + self.text + "# no newline at the end \xfe"
        source = write(self.path("odd.cf"), odd)
        inbound, delivery, _ = self.make(source)
        for path in (inbound, delivery):
            self.assertIn("# caf\xe9 \xff\tx \r\n", read(path))
            self.assertIn("# no newline at the end \xfe", read(path))
        self.assertEqual(read(source), odd)

    def test_inbound_listens_outside(self):
        inbound, _, _ = self.make(self.source)
        self.assertIn("\nO DaemonPortOptions=Family=inet,  Name=MTA-v4, Port=smtp\n", read(inbound))
        self.assertIn("Port=submission, M=Ea, Addr=127.0.0.1\n", read(inbound))
        inbound, _, _ = self.make(self.source, "--listen", "keep")
        self.assertIn("Port=smtp, Addr=127.0.0.1\n", read(inbound))
        for everything in ("0.0.0.0", "::"):
            other, _, _ = self.make(self.source, "--listen", everything, name="any")
            self.assertIn("Name=MTA-v4, Port=smtp\n", read(other))

    def test_inbound_listens_on_one_address_and_keeps_loopback_for_local_mail(self):
        inbound, _, _ = self.make(self.source, "--listen", "192.0.2.1")
        self.assertIn("Port=smtp, Addr=127.0.0.1\n", read(inbound))
        self.assertIn("\nO DaemonPortOptions=Name=MTA-outside, Family=inet, Addr=192.0.2.1, Port=smtp\n", read(inbound))
        open_file = write(self.path("open.cf"), self.text.replace("Port=smtp, Addr=127.0.0.1", "Port=smtp"))
        inbound, _, _ = self.make(open_file, "--listen", "192.0.2.1", name="open")
        lines = re.findall(r"(?m)^O DaemonPortOptions=(.*)", read(inbound))
        self.assertEqual(len(lines), 3)
        self.assertEqual({x for x in lines if "smtp" in x}, {"Name=MTA-outside, Family=inet, Addr=192.0.2.1, Port=smtp",
                                                             "Name=MTA-inside, Family=inet, Addr=127.0.0.1, Port=smtp"})
        inbound, _, _ = self.make(OLD_STYLE, "--listen", "192.0.2.1", name="old")
        self.assertEqual(len(re.findall(r"(?m)^O DaemonPortOptions=", read(inbound))), 2)

    def test_delivery(self):
        _, delivery, _ = self.make(self.source)
        text = read(delivery)
        options = [line for line in text.splitlines() if line.startswith("O ")]
        for line in ("O DaemonPortOptions=Name=MTA-delivery, Family=inet, Addr=127.0.0.1, Port=19000",
                     "O QueueDirectory=/var/spool/mqueuedelivery", "O PidFile=/var/run/sendmail/mta/sendmail-delivery.pid",
                     "O ControlSocketName=/var/run/sendmail/mta/smcontrol-delivery",
                     "O StatusFile=/var/lib/sendmail/sendmail-delivery.st", "O ProcessTitlePrefix=MTA-delivery",
                     "O ConnectionRateThrottle=0"):
            self.assertIn(line, options)
        self.assertEqual(sum("DaemonPortOptions" in line for line in options), 1)
        self.assertIn("F=lsDFMAw5:/|@qPn9Sk,", text)

    def test_isvw(self):
        plain = read(self.make(self.source)[1])
        _, delivery, run = self.make(self.source, "--isvw")
        old, new = changed(plain, read(delivery))
        self.assertEqual([line.partition(", delivery ")[2] for line in old + new], ["127.0.0.1:19000", "by command as root"])
        for line in (f"-bs -C{delivery}\n", "original_user=root\n", f"-q1h -C{delivery}\n", "DELIVERY_MODE=isvw"):
            self.assertIn(line, run.stdout)
        self.assertNotIn("must belong", run.stdout)
        _, delivery, run = self.make(self.source, "--isvw", "smmta")
        old, new = changed(plain, read(delivery))
        self.assertEqual(new[1:], ["Tsmmta"])
        self.assertEqual([line.partition(", delivery ")[2] for line in old + new[:1]], ["127.0.0.1:19000", "by command as smmta"])
        self.assertIn("original_user=smmta\nThe directory /var/spool/mqueuedelivery must belong to smmta.\n", run.stdout)
        self.assertEqual(self.make(self.source, "--isvw", "no user", ok=False)[2].returncode, 2)

    def test_delivery_paths(self):
        _, delivery, _ = self.make(self.source, "--queue", "/q/d", "--pid-file", "/p/d.pid", "--status-file", "/s/d.st",
                                   "--control-socket", "/c/d", "--delivery-listen", "127.0.0.5:2600")
        for line in ("QueueDirectory=/q/d", "PidFile=/p/d.pid", "StatusFile=/s/d.st", "ControlSocketName=/c/d",
                     "DaemonPortOptions=Name=MTA-delivery, Family=inet, Addr=127.0.0.5, Port=2600"):
            self.assertIn(f"\nO {line}\n", read(delivery))

    def test_delivery_host_status_milters_and_queue_groups(self):
        text = m4(before="define(`confHOST_STATUS_DIRECTORY',`/var/lib/hs')dnl\ndefine(`confSHARED_MEMORY_KEY',`13521')dnl\n",
                  mailers="INPUT_MAIL_FILTER(`dkim',`S=local:/run/dkim')dnl\nQUEUE_GROUP(`g',`P=/var/spool/mqueue/g, R=2')dnl\n")
        inbound, delivery, _ = self.make(write(self.path("x.cf"), text))
        self.assertIn("\nO HostStatusDirectory=/var/lib/hs-delivery\n", read(delivery))
        self.assertIn("\nO SharedMemoryKey=0\n", read(delivery))
        self.assertNotRegex(read(delivery), r"(?m)^O InputMailFilters=\S")
        self.assertRegex(read(delivery), r"(?m)^Qg,\s*P=/var/spool/mqueuedelivery/g")
        self.assertRegex(read(inbound), r"(?m)^O InputMailFilters=dkim")
        self.assertNotIn("\nO HostStatusDirectory=", read(inbound))

    def test_queue_group_elsewhere_is_refused(self):
        text = m4(mailers="QUEUE_GROUP(`g',`P=/srv/g')dnl\n")
        _, _, run = self.make(write(self.path("x.cf"), text), ok=False)
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, r"x\.cf:\d+: queue group outside")

    def test_detours_are_taken_out(self):
        text = self.text.replace("O PidFile=", "O ConnectOnlyTo=192.0.2.1\nO FallbackMXhost=fall.test\nO FallbackSmartHost=f.test\n"
                                 "O SingleThreadDelivery=True\nO ClientPortOptions=Family=inet, Address=192.0.2.5\nO PidFile=")
        inbound, delivery, _ = self.make(write(self.path("x.cf"), text))
        for name in ("ConnectOnlyTo", "FallbackMXhost", "FallbackSmartHost", "SingleThreadDelivery", "ClientPortOptions"):
            self.assertNotIn(f"\nO {name}", read(inbound))
            self.assertIn(f"\nO {name}", read(delivery))

    def test_plain(self):
        inbound, delivery, run = self.make(self.source, "--plain")
        text = read(inbound)
        self.assertIn("unscanned mail", run.stderr)
        self.assertEqual(mailer(text, "local"), "Mlocal, P=[IPC], F=lsDFMAw5:/|@qPn9SkX, S=EnvFromSMTP/HdrFromSMTP, "
                                                "R=EnvToL/HdrToL, T=DNS/RFC822/X-Unix, A=IPC localhost 18000")
        for name in ("smtp", "esmtp", "smtp8", "dsmtp", "relay"):
            line = mailer(text, name)
            self.assertTrue(line.endswith("A=IPC localhost 18000"), line)
            self.assertRegex(line, r"F=\S*X\S*k")
        self.assertNotIn("SandwichRcpt", text)
        _, put_in = changed(self.text, text)
        self.assertEqual(len([x for x in put_in if not x.startswith("#")]), 1 + 2 * 6)

    def test_lmtp(self):
        inbound, _, _ = self.make(self.source, "--lmtp")
        for name in ("local", "smtp", "esmtp", "smtp8", "dsmtp", "relay"):
            flags = re.search(r"F=([^,]*)", mailer(read(inbound), name)).group(1)
            self.assertIn("z", flags)
            self.assertNotIn("a", flags)

    def test_lmtp_mailers_of_the_input_speak_smtp_to_the_scanner(self):
        """An LMTP delivery agent as local mailer or beside it: flag z must not stay."""
        text = self.text.replace("P=/usr/sbin/sensible-mda, F=lsDFMAw5:/|@qPn9S", "P=[IPC], F=lsDFMAw5:/|@qPn9Sz")
        text = text.replace("A=sensible-mda $g $u $h ${client_addr}", "A=TCP [127.0.0.1] 24")
        text += "Mdovecot, P=[IPC], F=mDFMuXz, S=EnvFromSMTP, R=EnvToSMTP, A=TCP [127.0.0.1] 24\n"
        for options in ([], ["--plain"]):
            inbound, delivery, _ = self.make(write(self.path("l.cf"), text), *options)
            for name in ("local", "dovecot"):
                self.assertNotIn("z", re.search(r"F=([^,]*)", mailer(read(inbound), name)).group(1))
                self.assertTrue(mailer(read(inbound), name).endswith(" 18000"))
                self.assertTrue(mailer(read(delivery), name).endswith("[127.0.0.1] 24"))

    def test_separate_boxes(self):
        inbound, delivery, run = self.make(self.source, "--scanner", "10.1.2.3:2525", "--delivery-listen", "10.1.2.4:2626")
        self.assertTrue(mailer(read(inbound), "esmtp").endswith("A=TCP [10.1.2.3] 2525"))
        self.assertIn("R$+\t\t\t$#esmtp $@ [10.1.2.3] $: $1\n", read(inbound))
        self.assertIn("Addr=10.1.2.4, Port=2626\n", read(delivery))
        for line in ("Connect:10.1.2.3\tRELAY", "GreetPause:10.1.2.3\t0", "ClientRate:10.1.2.3\t0", "ClientConn:10.1.2.3\t0"):
            self.assertIn(line, run.stdout)
        self.assertIn("not on loopback", run.stderr)

    def test_hosts_by_their_other_names(self):
        inbound, delivery, _ = self.make(self.source, "--scanner", "10.1.2.3:2525", "--delivery-listen", "10.1.2.4")
        files = [read(inbound), read(delivery)]
        inbound, delivery, _ = self.make(self.source, "--scanner-host", "10.1.2.3:2525", "--delivery-host", "10.1.2.4")
        self.assertEqual([read(inbound), read(delivery)], files)
        self.assertIn("Addr=10.1.2.4, Port=19000\n", files[1])

    def test_several_scanners_are_tried_in_turn(self):
        for scanners in ("10.1.2.3:2525,10.1.2.4", "10.1.2.3,10.1.2.4:2525", "10.1.2.3:2525,10.1.2.4:2525"):
            inbound, _, run = self.make(self.source, "--scanner", scanners, "--delivery-listen", "10.1.2.5:2626")
            text = read(inbound)
            for name in ("local", "smtp", "esmtp", "smtp8", "dsmtp", "relay"):
                self.assertTrue(mailer(text, name).endswith("A=TCP [10.1.2.3]:[10.1.2.4] 2525"), mailer(text, name))
            self.assertIn("R$+\t\t\t$#esmtp $@ [10.1.2.3]:[10.1.2.4] $: $1\n", text)
            self.assertIn("scanner 10.1.2.3:2525,10.1.2.4:2525, delivery 10.1.2.5:2626\n", text)
            for option in ("connect", "iconnect"):
                self.assertEqual(re.findall(rf"(?m)^O Timeout.{option}=(.*)", text), ["5s"])
            for line in ("Connect:10.1.2.3\tRELAY", "Connect:10.1.2.4\tRELAY", "ClientConn:10.1.2.4\t0"):
                self.assertIn(line, run.stdout)
        inbound, _, _ = self.make(self.source, "--scanner", "[2001:db8::1],[2001:db8::2]", name="six")
        self.assertTrue(mailer(read(inbound), "esmtp").endswith("A=TCP [IPv6:2001:db8::1]:[IPv6:2001:db8::2] 18000"))
        inbound, _, _ = self.make(self.source, "--plain", "--scanner", "127.0.0.1,scan.test", name="plain")
        self.assertTrue(mailer(read(inbound), "esmtp").endswith("A=IPC localhost:scan.test 18000"))

    def test_spread_over_several_scanners(self):
        """The comma is escaped, or it would end the field; the rule in front only needs to know where mail goes."""
        inbound, _, _ = self.make(self.source, "--spread", "--scanner", "10.1.2.3,10.1.2.4")
        for name in ("local", "esmtp"):
            self.assertTrue(mailer(read(inbound), name).endswith(r"A=TCP [10.1.2.3]\,[10.1.2.4] 18000"), mailer(read(inbound), name))
        self.assertIn("R$+\t\t\t$#esmtp $@ [10.1.2.3]:[10.1.2.4] $: $1\n", read(inbound))
        alone, _, _ = self.make(self.source, "--spread", name="alone")
        self.assertTrue(mailer(read(alone), "esmtp").endswith("A=TCP [127.0.0.1] 18000"))
        self.assertNotIn("\nO Timeout.iconnect=5s", read(alone))

    def test_a_list_of_scanners_that_cannot_be(self):
        for scanners, reason in (("10.1.2.3:1,10.1.2.4:2", "one port"), ("10.1.2.3,10.1.2.3", "twice"), ("10.1.2.3,", "not HOST:PORT"),
                                 ("10.1.2.3,10.1.2.4:0", "out of range")):
            run = run_tool(self.source, "--inbound", self.path("o"), "--scanner", scanners)
            self.assertEqual(run.returncode, 2, scanners)
            self.assertIn(reason, run.stderr)

    def test_one_box_prints_no_access_lines(self):
        _, _, run = self.make(self.source)
        self.assertNotIn("RELAY", run.stdout)
        self.assertNotIn("smtp_allow_client_ip", run.stdout)
        self.assertNotIn("--socketmap", run.stderr)

    def test_each_box_is_told_what_it_needs(self):
        """And a box without users is warned of a recipient check that knows nobody."""
        hosts = ("--scanner", "10.1.2.3", "--delivery-listen", "10.1.2.4")
        run = run_tool(self.source, "--delivery", self.path("d"), *hosts, "--no-validate")
        self.assertIn("Connect:10.1.2.3\tRELAY", run.stdout)
        self.assertNotIn("smtp_allow_client_ip", run.stdout)
        run = run_tool(self.source, "--inbound", self.path("i"), *hosts, "--no-validate")
        self.assertNotIn("RELAY", run.stdout)
        self.assertIn("smtp_allow_client_ip", run.stdout)
        self.assertIn("refuses all of them: there, --no-recipient-check --socketmap", run.stderr)
        run = run_tool(self.source, "--inbound", self.path("i"), *hosts, "--no-validate", "--no-recipient-check",
                       "--socketmap", "10.1.2.3:18001")
        self.assertEqual(run.stderr, "")

    def test_ipv6(self):
        inbound, delivery, _ = self.make(self.source, "--scanner", "[::1]:18000", "--delivery-listen", "[::1]:19000")
        self.assertTrue(mailer(read(inbound), "esmtp").endswith("A=TCP [IPv6:::1] 18000"))
        self.assertIn("Family=inet6, Addr=IPv6:::1, Port=19000\n", read(delivery))

    def test_idempotent(self):
        inbound, delivery, _ = self.make(self.source)
        first = read(inbound), read(delivery)
        self.make(self.source)
        self.assertEqual(first, (read(inbound), read(delivery)))

    def test_own_output_is_refused_as_input(self):
        inbound, delivery, _ = self.make(self.source)
        for made in (inbound, delivery):
            run = run_tool(made, "--inbound", self.path("again"), "--no-validate")
            self.assertEqual(run.returncode, 1)
            self.assertRegex(run.stderr, r":1: was made by sandwich-cf already")
            self.assertFalse(os.path.exists(self.path("again")))

    def test_never_in_place(self):
        os.symlink(self.source, self.path("symlink"))
        os.link(self.source, self.path("hardlink"))
        for output in (self.source, self.path("symlink"), self.path("hardlink"), self.dir + "/./sendmail.cf"):
            for option in ("--inbound", "--delivery"):
                run = run_tool(self.source, option, output, "--no-validate")
                self.assertEqual(run.returncode, 1, output)
                self.assertIn("in place", run.stderr)
        self.assertEqual(read(self.source), self.text)

    def test_both_outputs_the_same_is_refused(self):
        run = run_tool(self.source, "--inbound", self.path("o"), "--delivery", self.path("o"), "--no-validate")
        self.assertEqual(run.returncode, 1)

    def test_distribution_file_is_never_an_output(self):
        os.mkdir(self.path("mail"))
        target = write(self.path("mail/sendmail.cf"), "the distribution's\n")
        run = run_tool(self.source, "--inbound", target, "--no-validate")
        self.assertEqual(run.returncode, 1)
        self.assertEqual(read(target), "the distribution's\n")

    def test_one_output_alone(self):
        for option in ("--inbound", "--delivery"):
            run = run_tool(self.source, option, self.path("one" + option), "--no-validate")
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertTrue(os.path.exists(self.path("one" + option)))

    def test_failure_leaves_nothing_behind(self):
        text = m4(**RICH)
        self.make(write(self.path("x.cf"), text), "--plain", ok=False)
        self.assertEqual(sorted(os.listdir(self.dir)), ["sendmail.cf", "x.cf"])

    def test_output_mode_and_missing_directory(self):
        inbound, _, _ = self.make(self.source)
        self.assertEqual(os.stat(inbound).st_mode & 0o777, 0o644)
        run = run_tool(self.source, "--inbound", self.path("nowhere/x"), "--no-validate")
        self.assertEqual(run.returncode, 1)
        self.assertIn("nowhere/x: No such file", run.stderr)

    def test_explain_and_diff(self):
        _, _, run = self.make(self.source, "--explain", "--diff")
        for text in ("X stuffs dots", "every bounce would be lost", "port 25 must be reachable", "each daemon its own queue"):
            self.assertIn(text, run.stdout)
        self.assertRegex(run.stdout, r"(?m)^  line \d+: Mlocal: ")
        self.assertRegex(run.stdout, r"(?m)^\+\+\+ ")
        self.assertRegex(run.stdout, r"(?m)^\+R\$\+\t\t\t\$#esmtp")
        _, _, run = self.make(self.source)
        self.assertNotIn("+++", run.stdout)

    def test_says_that_it_was_not_validated(self):
        run = run_tool(self.source, "--inbound", self.path("o"), "--sendmail", "/bin/true")
        self.assertEqual(run.returncode, 0)
        self.assertIn("NOT validated", run.stdout)
        run = run_tool(self.source, "--inbound", self.path("o"), "--sendmail", "/nonexistent")
        self.assertIn("NOT validated", run.stdout)

    def test_same_hop_twice_is_refused(self):
        for scanners in ("127.0.0.1:19000", "10.1.2.3:19000,127.0.0.1"):
            _, _, run = self.make(self.source, "--scanner", scanners, ok=False)
            self.assertEqual(run.returncode, 1)
            self.assertIn("loop", run.stderr)

    def test_inbound_queue_as_delivery_queue_is_refused(self):
        _, _, run = self.make(self.source, "--queue", "/var/spool/mqueue", ok=False)
        self.assertEqual(run.returncode, 1)

    def test_bad_arguments(self):
        for arguments in (["--scanner", "x:y"], ["--scanner", "h:99999"], ["--queue", "relative"], ["--queue", "/a\nO x"],
                          ["--listen", "a b"], ["--scanner", "h;O:1"]):
            run = run_tool(self.source, "--inbound", self.path("o"), *arguments)
            self.assertEqual(run.returncode, 2, arguments)
        self.assertEqual(run_tool().returncode, 2)
        self.assertEqual(run_tool(self.source).returncode, 2)


@needs_m4
class ManyMailers(TempCase):
    OTHERS = ("procmail", "cyrusv2", "cyrus", "cyrusbb", "uucp", "uucp-dom", "fax", "usenet", "mail11", "ph", "pop", "qpage")

    def setUp(self):
        super().setUp()
        self.source = write(self.path("sendmail.cf"), m4(**RICH))

    def test_default_routes_all_in_front_of_rule_set_0(self):
        inbound, _, run = self.make(self.source, "--explain")
        text = read(inbound)
        self.assertIn("\nSparse=0\n# sandwich-cf: every address goes to the scanner", text)
        for name in self.OTHERS:
            self.assertEqual(mailer(text, name), mailer(read(self.source), name))
            self.assertIn(f"M{name}: left as it is", run.stdout)

    def test_plain_refuses_each_with_its_line(self):
        _, _, run = self.make(self.source, "--plain", ok=False)
        self.assertEqual(run.returncode, 1)
        lines = read(self.source).split("\n")
        for name in self.OTHERS:
            found = re.search(rf"sendmail\.cf:(\d+): mailer {re.escape(name)} \(P=", run.stderr)
            self.assertTrue(found, name)
            self.assertTrue(lines[int(found.group(1)) - 1].startswith(f"M{name},"))
        self.assertNotIn("mailer prog", run.stderr)
        self.assertIn("--allow-mailer fax", run.stderr)
        self.assertFalse(os.path.exists(self.path("out-in.cf")))

    def test_plain_with_consent(self):
        others = set(re.findall(r"(?m)^M([^,]+),", read(self.source))) - {"local", "prog", "smtp", "esmtp", "smtp8", "dsmtp",
                                                                          "relay"}
        options = [x for name in others - {"procmail"} for x in ("--allow-mailer", name)]
        inbound, _, run = self.make(self.source, "--plain", "--route-mailer", "procmail", *options)
        self.assertIn("mailer fax carries mail past the scanner", run.stderr)
        line = mailer(read(inbound), "procmail")
        self.assertIn("P=[IPC]", line)
        self.assertTrue(line.endswith("A=IPC localhost 18000"), line)
        self.assertEqual(mailer(read(inbound), "fax"), mailer(read(self.source), "fax"))


class OldStyle(TempCase):
    def test_by_number(self):
        inbound, delivery, _ = self.make(OLD_STYLE)
        self.assertEqual(mailer(read(inbound), "local"), "Mlocal, P=[IPC], F=lDFM9mkuXa80, S=11/31, R=21, T=DNS/RFC822/SMTP, "
                                                         "E=\\r\\n, L=0, A=TCP [127.0.0.1] 18000")
        self.assertEqual(mailer(read(inbound), "smtp"), "Msmtp, P=[IPC], F=mDFMuXk0, S=11/31, R=21, E=\\r\\n, L=0, "
                                                        "T=DNS/RFC822/SMTP, A=TCP [127.0.0.1] 18000")
        self.assertIn("\nS0\n# sandwich-cf:", read(inbound))
        self.assertIn("F=lsDFMAw5:/|@qfSmn9k,", read(delivery))
        self.assertIn("\nO DaemonPortOptions=Name=MTA-delivery, Family=inet, Addr=127.0.0.1, Port=19000\n", read(delivery))
        self.assertNotIn("ProcessTitlePrefix", read(delivery))

    def test_plain_by_number_is_the_how_to(self):
        inbound, _, _ = self.make(OLD_STYLE, "--plain")
        self.assertEqual(mailer(read(inbound), "local"), "Mlocal, P=[IPC], F=lsDFMAw5:/|@qSmn9kX, S=11/31, R=20/40, "
                                                         "T=DNS/RFC822/X-Unix, A=IPC localhost 18000")
        self.assertEqual(mailer(read(inbound), "relay"), "Mrelay, P=[IPC], F=mDFMuXa8k, S=11/31, R=61, E=\\r\\n, L=2040, "
                                                         "T=DNS/RFC822/SMTP, A=IPC localhost 18000")

    def test_no_check_before_8_10(self):
        _, _, run = self.make(OLD_STYLE)
        self.assertIn("recipient check left out: Sendmail before 8.10", run.stderr)

    def test_one_letter_options(self):
        inbound, delivery, run = self.make(ANCIENT)
        self.assertIn("no rule sets Parse0 and Parse1", run.stderr)
        self.assertIn("\nO QueueDirectory=/var/spool/mqueuedelivery\n", read(delivery))
        self.assertIn("\nO StatusFile=/etc/sendmail-delivery.st\n", read(delivery))
        self.assertNotIn("\nOQ/var", read(delivery))
        self.assertIn("\nOQ/var/spool/mqueue\n", read(inbound))
        self.assertEqual(mailer(read(inbound), "smtp"), "Msmtp, P=[IPC], F=mDFMuXLk0, S=11, R=21, E=\\r\\n, "
                                                        "A=TCP [127.0.0.1] 18000")

    def test_long_option_forms(self):
        text = read(OLD_STYLE).replace("O QueueDirectory=/var/spool/mqueue", "O queuedirectory = /var/spool/old")
        _, delivery, _ = self.make(write(self.path("x.cf"), text))
        self.assertEqual(re.findall(r"(?mi)^O queuedir.*", read(delivery)), ["O QueueDirectory=/var/spool/mqueuedelivery"])

    def test_redefined_mailer(self):
        text = read(OLD_STYLE) + "Mesmtp, P=[IPC], F=mDFMua, S=11/31, R=21, E=\\r\\n,\n\tA=IPC other.test 26\n"
        inbound, _, _ = self.make(write(self.path("x.cf"), text))
        self.assertEqual(len(re.findall(r"A=TCP \[127\.0\.0\.1\] 18000", read(inbound))), 6)
        self.assertNotIn("other.test", read(inbound))
        self.assertIn("Mesmtp, P=[IPC], F=mDFMuakX0, ", read(inbound))

    def test_mailer_without_dot_stuffing_gets_it(self):
        text = read(OLD_STYLE).replace("F=mDFMuXa,", "F=mDFMua,")
        for options in ([], ["--plain"]):
            inbound, _, _ = self.make(write(self.path("x.cf"), text), *options)
            self.assertIn("X", re.search(r"F=([^,]*)", mailer(read(inbound), "esmtp")).group(1))

    def test_comma_in_quotes_does_not_end_a_field(self):
        line = 'Modd, P=/bin/x, F=sDFM, S=11, R=21, D="/a,/b", A=x "one, two" $u\n'
        text = read(OLD_STYLE) + line
        inbound, _, run = self.make(write(self.path("x.cf"), text))
        self.assertIn(line, read(inbound))
        inbound, _, _ = self.make(self.path("x.cf"), "--plain", "--route-mailer", "odd")
        self.assertIn('D="/a,/b", ', read(inbound))
        self.assertTrue(read(inbound).rstrip().endswith("A=IPC localhost 18000"))
