"""--check: our own pairs, then one fault at a time put into them; each is found under its name, and nothing else is."""

import os
import pwd
import re

from support import ANCIENT, OLD_STYLE, TempCase, m4, needs_m4, read, run_tool, write

LISTEN = "O DaemonPortOptions=Name=MTA-delivery, Family=inet, Addr=127.0.0.1, Port=19000\n"
LOCAL = ("P=[IPC], F=lDFM9mkuXa80, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP,")
FUNNEL = "R$+\t\t\t$#esmtp $@ [127.0.0.1] $: $1\n"


def flags(old, new):
    return f"F={old},", f"F={new},"


# name, severity, replacements in the inbound file
INBOUND = [
    ("bypass", "error", [(r"re:(Mesmtp,(?:.*\n)+?\t\tA=)TCP \[127.0.0.1\] 18000", r"\1TCP $h")]),
    ("bypass", "error", [(r"re:(Mdsmtp,(?:.*\n)+?\t\tA=TCP) \[127.0.0.1\] 18000", r"\1 [127.0.0.1] 19000")]),
    ("bypass", "error", [("P=[IPC], F=mDFMuXak0", "P=/usr/bin/procmail, F=mDFMuXak0")]),
    ("smuggling", "error", [flags("mDFMuXak0", "mDFMuak0")]),
    ("smuggling", "error", [flags("lDFM9mkuXa80", "lDFM9mkua80")]),
    ("sender-flag", "error", [flags("mDFMuXak0", "mDFMuXak0f")]),
    ("loop-check", "warning", [flags("mDFMuXak0", "mDFMuXa0")]),
    ("mx-lookup", "warning", [flags("mDFMuXak0", "mDFMuXak")]),
    ("ipc-argument", "warning", [(r"re:(Mesmtp,(?:.*\n)+?\t\tA=)TCP ", r"\1IPC ")]),
    ("unbracketed-host", "warning", [(r"re:(Mesmtp,(?:.*\n)+?\t\tA=TCP )\[127.0.0.1\]", r"\1localhost")]),
    ("line-limit", "warning", [(r"re:(Mrelay,.*L=)0", r"\g<1>2040")]),
    ("null-sender", "error", [(LOCAL, LOCAL.replace("S=EnvFromSMTP/HdrFromSMTP", "S=EnvFromL/HdrFromL"))]),
    ("no-local-flag", "error", [flags("lDFM9mkuXa80", "DFM9mkuXa80")]),
    ("users-unknown", "error", [flags("lDFM9mkuXa80", "lDFM9mkuXa80w")]),
    ("unqualified-recipient", "warning", [(LOCAL, LOCAL.replace("R=EnvToSMTP", "R=EnvToL/HdrToL"))]),
    ("double-expansion", "warning", [flags("lDFM9mkuXa80", "lDFM9mkuXa805")]),
    ("unscanned-program", "warning", [flags("lDFM9mkuXa80", "lDFM9mkuXa80|")]),
    ("unscanned-program", "warning", [flags("lDFM9mkuXa80", "lDFM9mkuXa80/")]),
    ("one-recipient", "warning", [flags("lDFM9mkuXa80", "lDFM9kuXa80")]),
    ("program-flags", "warning", [flags("lDFM9mkuXa80", "lDFM9mkuXa80P")]),
    ("early-dsn", "warning", [(FUNNEL, "")]),
    ("relay-class", "warning", [("FR-o /etc/mail/relay-domains", "FR-o /etc/mail/local-host-names")]),
    ("detour", "error", [("O PidFile=", "O ConnectOnlyTo=192.0.2.1\nO PidFile=")]),
    ("detour", "error", [("O PidFile=", "O FallbackMXhost=fall.test\nO PidFile=")]),
    ("detour", "error", [("O PidFile=", "O FallbackSmartHost=fall.test\nO PidFile=")]),
    ("host-status", "warning", [("O PidFile=", "O HostStatusDirectory=/var/lib/hs\nO PidFile=")]),
    ("host-status", "warning", [("O PidFile=", "O SingleThreadDelivery=True\nO PidFile=")]),
    ("client-address", "warning", [("O PidFile=", "O ClientPortOptions=Family=inet, Addr=192.0.2.4\nO PidFile=")]),
    ("not-reachable", "warning", [("Name=MTA-v4, Port=smtp", "Name=MTA-v4, Port=smtp, Addr=127.0.0.1")]),
    ("port-clash", "error", [("O PidFile=", "O DaemonPortOptions=Name=x, Addr=127.0.0.1, Port=18000\nO PidFile=")]),
    ("submission-file", "error", [("O PidFile=", "O UseMSP=True\nO PidFile=")]),
    ("no-local-mailer", "error", [("\nMlocal,", "\nMlocale,")]),
    ("no-rule-set-0", "error", [("\nSparse=0\n", "\nSparser\n")]),
    ("no-recipient-check", "warning", [("(sandwichuser ", "(dequote ")]),
]

# the same for the delivery file
DELIVERY = [
    ("port-clash", "error", [(LISTEN, LISTEN.replace("19000", "smtp"))]),
    ("port-clash", "error", [(LISTEN, LISTEN + "O DaemonPortOptions=Name=MSA, Port=587, Addr=127.0.0.1\n")]),
    ("port-clash", "error", [(LISTEN, "")]),
    ("scanner-loop", "error", [(LISTEN, LISTEN.replace("19000", "18000"))]),
    ("scanner-loop", "error", [(r"re:(Mesmtp,(?:.*\n)+?\t\tA=)TCP \$h", r"\1TCP [127.0.0.1] 18000")]),
    ("scanner-loop", "error", [(r"re:(Mrelay,(?:.*\n)+?\t\tA=)TCP \$h", r"\1IPC localhost 18000")]),
    ("delivery-exposed", "error", [(LISTEN, LISTEN.replace(" Addr=127.0.0.1,", ""))]),
    ("delivery-exposed", "error", [(LISTEN, LISTEN.replace("127.0.0.1", "0.0.0.0"))]),
    ("same-queue", "error", [("QueueDirectory=/var/spool/mqueuedelivery", "QueueDirectory=/var/spool/mqueue")]),
    ("same-queue", "error", [("O QueueDirectory=/var/spool/mqueuedelivery\n", "")]),
    ("same-queue", "error", [("QueueDirectory=/var/spool/mqueuedelivery", "QueueDirectory=/var/spool/mqueue/*")]),
    ("same-pid-file", "error", [("sendmail-delivery.pid", "sendmail.pid")]),
    ("same-control-socket", "error", [("smcontrol-delivery", "smcontrol")]),
    ("same-status-file", "warning", [("sendmail-delivery.st", "sendmail.st")]),
    ("same-title", "warning", [("ProcessTitlePrefix=MTA-delivery", "ProcessTitlePrefix=MTA")]),
    ("throttled", "warning", [("ConnectionRateThrottle=0", "ConnectionRateThrottle=15")]),
    ("milter-twice", "warning", [("O PidFile=", "O InputMailFilters=dkim\nO PidFile=")]),
    ("second-lookup", "warning", [("R<?> $* < @ $+ >\t$: <OKR> $1 < @ $2 >\n", "")]),
    ("submission-file", "error", [("O PidFile=", "O UseMSP=True\nO PidFile=")]),
    ("no-local-mailer", "error", [("\nMlocal,", "\nMlocale,")]),
    ("no-rule-set-0", "error", [("\nSparse=0\n", "\nSparser\n")]),
]


def mutate(text, replacements):
    for old, new in replacements:
        if old.startswith("re:"):
            changed, count = re.subn(old[3:], new, text, count=1)
            assert count, old
        else:
            assert old in text, old
            changed = text.replace(old, new)
        text = changed
    return text


class Lint(TempCase):
    def check(self, inbound, delivery):
        """({(severity, name)}, CompletedProcess)."""
        run = run_tool("--check", inbound, delivery)
        found = re.findall(r"(?m)^(\S+):(\d+): (error|warning): ([a-z0-9-]+): .*\. Cure: \S", run.stdout)
        self.found = found
        return {(severity, name) for _, _, severity, name in found}, run


@needs_m4
class DebianPair(Lint):
    def setUp(self):
        super().setUp()
        self.source = write(self.path("sendmail.cf"), m4())
        self.inbound, self.delivery, _ = self.make(self.source)

    def test_default_pair_has_no_finding(self):
        found, run = self.check(self.inbound, self.delivery)
        self.assertEqual(found, set())
        self.assertEqual(run.returncode, 0)
        self.assertIn("0 errors, 0 warnings", run.stdout)
        self.assertIn("-q1m", run.stdout)

    def test_lmtp_pair_has_no_finding(self):
        found, _ = self.check(*self.make(self.source, "--lmtp")[:2])
        self.assertEqual(found, set())

    def test_plain_pair_has_no_error(self):
        found, run = self.check(*self.make(self.source, "--plain")[:2])
        self.assertEqual(run.returncode, 0)
        self.assertEqual({severity for severity, _ in found}, {"warning"})
        self.assertLessEqual({"ipc-argument", "unbracketed-host", "double-expansion", "unscanned-program", "early-dsn"},
                             {name for _, name in found})

    def test_separate_boxes_warn_of_the_open_port(self):
        found, run = self.check(*self.make(self.source, "--scanner", "10.1.2.3", "--delivery-listen", "10.1.2.4:19000")[:2])
        self.assertEqual(found, {("warning", "delivery-exposed")})
        self.assertEqual(run.returncode, 0)

    def test_several_scanners(self):
        """A mailer may know fewer of them, and one outside is a way past them all, as is a name that is no address."""
        exposed = {("warning", "delivery-exposed")}
        for options in (["--spread"], []):
            options += ["--scanner", "10.1.2.3,10.1.2.4", "--delivery-listen", "10.1.2.5:19000"]
            inbound, delivery, _ = self.make(self.source, *options)
            self.assertEqual(self.check(inbound, delivery)[0], exposed)
        esmtp = r"re:(Mesmtp,(?:.*\n)+?\t\tA=TCP )\[10.1.2.3\]:\[10.1.2.4\]"
        for hosts, found in (("[10.1.2.4]", set()), ("[10.1.2.4]:[10.1.2.3]", set()), ("[10.1.2.3]:[10.1.2.9]", {("error", "bypass")}),
                             ("[10.1.2.3]:b.test", {("error", "bypass"), ("warning", "unbracketed-host")})):
            bad = write(self.path("bad-in.cf"), mutate(read(inbound), [(esmtp, rf"\g<1>{hosts}")]))
            self.assertEqual(self.check(bad, delivery)[0], exposed | found, hosts)
        bad = write(self.path("bad-de.cf"), mutate(read(delivery), [(r"re:(Mesmtp,(?:.*\n)+?\t\tA=)TCP \$h", r"\1TCP [10.1.2.4] 18000")]))
        self.assertEqual(self.check(inbound, bad)[0], exposed | {("error", "scanner-loop")})

    def test_a_pair_whose_delivery_sendmail_the_scanner_starts(self):
        """What is about a Sendmail that listens plays no part, and what is about the user who runs it does."""
        queue = self.path("queue")
        os.mkdir(queue)
        inbound, delivery, _ = self.make(self.source, "--isvw", "daemon", "--queue", queue)
        misplaced = set() if os.getuid() != 0 else {("warning", "queue-owner")}
        found, run = self.check(inbound, delivery)
        self.assertEqual(found, misplaced, run.stdout)
        self.assertIn(f"-q1h -C{delivery}", run.stdout)
        if misplaced:
            os.chown(queue, pwd.getpwnam("daemon").pw_uid, -1)
        for replacements, expected in (([(LISTEN, "")], set()), ([(LISTEN, LISTEN.replace("19000", "smtp"))], set()),
                                       ([("ConnectionRateThrottle=0", "ConnectionRateThrottle=15")], set()),
                                       ([("Tdaemon\n", "")], {("warning", "untrusted-user")}),
                                       ([("Tdaemon\n", "Ctdaemon\n")], set()),
                                       ([("O QueueDirectory=" + queue, "O QueueDirectory=/var/spool/mqueue")], {("error", "same-queue")})):
            bad = write(self.path("bad-de.cf"), mutate(read(delivery), replacements))
            found, run = self.check(inbound, bad)
            self.assertEqual(found - {("warning", "queue-owner")}, expected, f"{replacements}: {run.stdout}")
        # A file made by hand does not say what it is for.
        by_hand = write(self.path("hand-de.cf"), re.sub(r"(?m)^# sandwich-cf: .*\n", "", mutate(read(delivery), [(LISTEN, "")])))
        self.assertIn(("error", "port-clash"), self.check(inbound, by_hand)[0])
        run = run_tool("--check", inbound, by_hand, "--isvw", "daemon")
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertIn("0 errors, 0 warnings", run.stdout)

    def test_without_recipient_check(self):
        found, run = self.check(*self.make(self.source, "--no-recipient-check")[:2])
        self.assertEqual(found, {("warning", "no-recipient-check")})
        self.assertEqual(run.returncode, 0)
        found, _ = self.check(*self.make(self.source, "--no-recipient-check", "--socketmap", "/run/sandwich/socketmap")[:2])
        self.assertEqual(found, set())

    def test_each_fault_of_the_inbound_file(self):
        text = read(self.inbound)
        for number, (name, severity, replacements) in enumerate(INBOUND):
            with self.subTest(f"{number} {name}"):
                bad = write(self.path("bad-in.cf"), mutate(text, replacements))
                found, run = self.check(bad, self.delivery)
                self.assertEqual(found, {(severity, name)}, run.stdout)
                self.assertEqual(run.returncode, 1 if severity == "error" else 0)
                self.assertTrue(all(file == bad for file, _, _, _ in self.found))

    def test_each_fault_of_the_delivery_file(self):
        text = read(self.delivery)
        for number, (name, severity, replacements) in enumerate(DELIVERY):
            with self.subTest(f"{number} {name}"):
                bad = write(self.path("bad-de.cf"), mutate(text, replacements))
                found, run = self.check(self.inbound, bad)
                self.assertEqual(found, {(severity, name)}, run.stdout)
                self.assertEqual(run.returncode, 1 if severity == "error" else 0)
                self.assertTrue(all(file == bad for file, _, _, _ in self.found))

    def test_same_host_status_and_shared_memory(self):
        for option, value, name in (("HostStatusDirectory", "/var/lib/hs", "same-host-status"),
                                    ("SharedMemoryKey", "13521", "same-shared-memory")):
            pair = [write(self.path(f"{x}-hs.cf"), read(p).replace("O PidFile=", f"O {option}={value}\nO PidFile="))
                    for x, p in (("in", self.inbound), ("de", self.delivery))]
            found, _ = self.check(*pair)
            self.assertIn(name, {n for _, n in found})

    def test_line_number_is_the_mailers(self):
        bad = write(self.path("bad-in.cf"), mutate(read(self.inbound), [flags("mDFMuXak0", "mDFMuak0")]))
        self.check(bad, self.delivery)
        line = int(self.found[0][1])
        self.assertTrue(read(bad).split("\n")[line - 1].startswith("Mesmtp,"))

    def test_how_to_taken_literally(self):
        """The how-to's edits and no more: what it missed is named."""
        text = m4()
        inbound = re.sub(r"A=TCP \$h", "A=IPC localhost 18000", text)
        inbound = re.sub(r"(F=mDFMuX\S*?),", r"\1k,", inbound).replace("F=mDFMuXa%k", "F=mDFMuXa%")
        inbound = re.sub(r"(Mdsmtp,(?:.*\n)+?\t\tA=)IPC localhost 18000", r"\1TCP $h", inbound)
        inbound = inbound.replace("P=/usr/sbin/sensible-mda, F=lsDFMAw5:/|@qPn9S", "P=[IPC], F=lsDFMAw5:/|@qPn9Sk")
        inbound = inbound.replace("A=sensible-mda $g $u $h ${client_addr}", "A=IPC localhost 18000")
        delivery = text.replace("/var/spool/mqueue", "/var/spool/mqueuedelivery").replace("mta/sendmail.pid", "mta/d.pid")
        delivery = delivery.replace("Port=smtp", "Port=19000")
        found, run = self.check(write(self.path("h-in.cf"), inbound), write(self.path("h-de.cf"), delivery))
        self.assertEqual(run.returncode, 1)
        self.assertEqual({name for severity, name in found if severity == "error"},
                         {"bypass", "smuggling", "null-sender", "port-clash", "same-control-socket"})

    def test_distribution_file_twice(self):
        copy = write(self.path("copy.cf"), read(self.source))
        found, run = self.check(self.source, copy)
        self.assertEqual(run.returncode, 1)
        self.assertLessEqual({("error", "bypass"), ("error", "port-clash"), ("error", "same-queue")}, found)
        self.assertEqual(run_tool("--check", self.source, self.source).returncode, 1)

    def test_stale(self):
        write(self.source, read(self.source) + "# changed\n")
        found, _ = self.check(self.inbound, self.delivery)
        self.assertEqual(found, {("warning", "stale")})
        os.unlink(self.source)
        self.assertEqual(self.check(self.inbound, self.delivery)[0], set())

    def test_custom_mailer_behind_the_rule_in_front(self):
        """Unreachable behind our rule in rule set 0; a way past the scanner without it."""
        source = write(self.path("fax.cf"), m4(mailers="MAILER(`fax')dnl\n"))
        inbound, delivery, _ = self.make(source, name="fax")
        self.assertEqual(self.check(inbound, delivery)[0], set())
        bad = write(self.path("bad-in.cf"), mutate(read(inbound), [(FUNNEL, "")]))
        self.assertEqual(self.check(bad, delivery)[0], {("error", "bypass"), ("warning", "early-dsn")})

    def test_prog_is_no_bypass_but_a_rule_in_front_to_another_mailer_is(self):
        bad = write(self.path("bad-in.cf"), mutate(read(self.inbound), [(FUNNEL, "R$+\t\t\t$#prog $@ x $: $1\n")]))
        found, _ = self.check(bad, self.delivery)
        self.assertIn(("error", "bypass"), found)


class OldPair(Lint):
    def test_old_pairs_have_no_error(self):
        for source in (OLD_STYLE, ANCIENT):
            for options in ([], ["--plain"]):
                found, run = self.check(*self.make(source, *options)[:2])
                self.assertEqual(run.returncode, 0, run.stdout)
                self.assertNotIn("error", {severity for severity, _ in found})

    def test_old_safe_pair_lacks_the_check_only(self):
        found, _ = self.check(*self.make(OLD_STYLE)[:2])
        self.assertEqual(found, {("warning", "no-recipient-check")})

    def test_null_sender_by_number(self):
        inbound, delivery, _ = self.make(OLD_STYLE)
        bad = write(self.path("bad"), read(inbound).replace("F=lDFM9mkuXa80, S=11/31", "F=lDFM9mkuXa80, S=10/30"))
        self.assertIn(("error", "null-sender"), self.check(bad, delivery)[0])
