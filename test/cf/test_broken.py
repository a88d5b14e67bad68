"""Files that are no whole sendmail.cf: each is refused with file and line, and nothing is written."""

import os
import random

from support import OLD_STYLE, TempCase, read, run_tool, write


class Broken(TempCase):
    def refused(self, text, pattern, *options):
        source = write(self.path("bad.cf"), text)
        _, _, run = self.make(source, *options, ok=False)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertRegex(run.stderr, pattern)
        self.assertNotIn("Traceback", run.stderr)
        self.assertEqual(os.listdir(self.dir), ["bad.cf"])

    def test_empty(self):
        self.refused("", r"bad\.cf: no mailer")

    def test_comments_only(self):
        self.refused("# nothing\n\n", r"bad\.cf: no mailer")

    def test_missing(self):
        _, _, run = self.make(self.path("none.cf"), ok=False)
        self.assertEqual(run.returncode, 1)
        self.assertIn("none.cf: No such file", run.stderr)

    def test_directory(self):
        _, _, run = self.make(self.dir, ok=False)
        self.assertEqual(run.returncode, 1)
        self.assertNotIn("Traceback", run.stderr)

    def test_truncated_before_the_mailers(self):
        self.refused(read(OLD_STYLE).split("Mlocal")[0], r"no mailer")

    def test_truncated_before_the_smtp_mailers(self):
        self.refused(read(OLD_STYLE).split("Msmtp")[0], r"no SMTP mailer")

    def test_no_local_mailer(self):
        self.refused("".join(x for x in read(OLD_STYLE).splitlines(True) if not x.startswith("Mlocal")), r"no mailer local")

    def test_no_rule_set_0(self):
        self.refused(read(OLD_STYLE).replace("\nS0\n", "\nS77\n"), r"no rule set 0")

    def test_truncated_anywhere_is_refused_or_whole(self):
        """Cut at 40 places: never a traceback, and never an output without mailer local on the scanner."""
        text = read(OLD_STYLE)
        for place in range(0, len(text), len(text) // 40):
            source = write(self.path("cut.cf"), text[:place])
            inbound, _, run = self.make(source, ok=False)
            self.assertNotIn("Traceback", run.stderr)
            if run.returncode == 0:
                self.assertIn("Mlocal, P=[IPC]", read(inbound))

    def test_nul_byte(self):
        self.refused("# ok\nDj\0\n" + read(OLD_STYLE), r"bad\.cf:2: NUL byte")

    def test_binary_junk(self):
        junk = bytes(random.Random(1).randrange(1, 256) for _ in range(20000)).decode("latin-1")
        self.refused(junk, r"bad\.cf(:\d+)?: ")

    def test_mailer_field_without_value(self):
        self.refused(read(OLD_STYLE).replace("Mprog, P=/bin/sh,", "Mprog, P=/bin/sh, nonsense here,"),
                     r"bad\.cf:123: mailer prog: 'nonsense here.*' is not a field")

    def test_mailer_without_name(self):
        self.refused(read(OLD_STYLE) + "M, P=/bin/x, A=x\n", r"bad\.cf:\d+: mailer without a name")

    def test_huge_line(self):
        self.refused(read(OLD_STYLE) + "# x\nDX" + "y" * 40000 + "\n", r"bad\.cf:\d+: line longer than 32768")

    def test_huge_continued_line(self):
        self.refused(read(OLD_STYLE) + "DX\n" + "\ty\n" * 20000, r"bad\.cf:\d+: line longer than 32768")

    def test_huge_file(self):
        self.refused("# x\n" * 1_200_000, r"longer than \d+ bytes")

    def test_many_lines(self):
        self.refused("\n" * 100_001, r"more than \d+ lines")

    def test_submission_file(self):
        self.refused(read(OLD_STYLE).replace("O DeliveryMode", "O UseMSP=True\nO DeliveryMode"),
                     r"bad\.cf:20: UseMSP.*submit\.cf")

    def test_first_line_is_a_continuation(self):
        inbound, _, run = self.make(write(self.path("odd.cf"), "\tleading\n" + read(OLD_STYLE)))
        self.assertEqual(run.returncode, 0)
        self.assertIn("\tleading\n", read(inbound))

    def test_carriage_returns(self):
        inbound, _, _ = self.make(write(self.path("crlf.cf"), read(OLD_STYLE).replace("\n", "\r\n")))
        self.assertIn("F=lDFM9mkuXa80", read(inbound))
        self.assertIn("A=TCP [127.0.0.1] 18000\r\n", read(inbound))

    def test_check_of_broken_files(self):
        good = write(self.path("good.cf"), read(OLD_STYLE))
        for text in ("", "\0", "Mx, nothing\n"):
            run = run_tool("--check", write(self.path("bad.cf"), text), good)
            self.assertEqual(run.returncode, 1, text)
            self.assertNotIn("Traceback", run.stderr)
