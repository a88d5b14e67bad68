"""Real messages: Sendmail with the inbound variant sends to a listener in the scanner's place, which records every byte."""

import os
import socket
import subprocess
import threading

from support import PrivateSendmail, TempCase, needs_sendmail, read, write


class Scanner:
    """A SMTP (or LMTP) listener that accepts everything and records commands and raw message bytes."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.commands, self.messages = [], []
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)    # wakes the thread that waits in accept
        except OSError:
            pass
        self.listener.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._session, args=(connection,), daemon=True).start()

    def _session(self, connection):
        recipients = 0
        with connection, connection.makefile("rwb", 0) as stream:
            stream.write(b"220 scanner.test ESMTP\r\n")
            lmtp = False
            while line := stream.readline(5000):
                command = line.decode("latin-1").rstrip("\r\n")
                self.commands.append(command)
                verb = command[:4].upper()
                lmtp = lmtp or verb == "LHLO"
                if verb in ("EHLO", "LHLO"):
                    stream.write(b"250-scanner.test\r\n250-8BITMIME\r\n250-DSN\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n")
                elif verb == "DATA":
                    stream.write(b"354 go\r\n")
                    body = b""
                    while (text := stream.readline()) not in (b".\r\n", b""):
                        body += text
                    self.messages.append(body)
                    stream.write(b"250 2.0.0 taken\r\n" * (recipients if lmtp else 1))
                    recipients = 0
                elif verb == "QUIT":
                    stream.write(b"221 bye\r\n")
                    return
                else:
                    recipients += verb == "RCPT"
                    stream.write(b"250 2.0.0 ok\r\n")

    def of(self, verb):
        return [c for c in self.commands if c.upper().startswith(verb)]


@needs_sendmail
class Mail(TempCase):
    def setUp(self):
        super().setUp()
        self.scanner = Scanner()
        self.addCleanup(self.scanner.close)

    def lab(self, *options, aliases="sales: root\n", **mc):
        lab = PrivateSendmail(self.dir, **mc)
        write(lab.local_names, "example.test\n")
        lab.new_aliases(aliases)
        self.inbound, _, _ = self.make(lab.cf, "--scanner", f"127.0.0.1:{self.scanner.port}", *options)
        return lab

    def send(self, lab, recipients, body, sender="<s@outside.test>", parameters=""):
        """One message in through -bs, delivered at once; body is bytes with CRLF, dots already stuffed."""
        command = lab.command(self.inbound, "-ODeliveryMode=i", "-bs")
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            def ask(data):
                process.stdin.write(data)
                process.stdin.flush()
                while True:
                    reply = process.stdout.readline().decode("latin-1")
                    if not reply or (reply[:3].isdigit() and reply[3:4] != "-"):    # --plain: warnings come first
                        return reply
            ask(b"")
            ask(b"EHLO client.example.net\r\n")
            self.assertRegex(ask(f"MAIL FROM:{sender}\r\n".encode()), "^250 ")
            for recipient in recipients:
                self.assertRegex(ask(f"RCPT TO:<{recipient}>{parameters}\r\n".encode()), "^250 ")
            self.assertRegex(ask(b"DATA\r\n"), "^354 ")
            self.assertRegex(ask(body + b".\r\n"), "^250 ")
            ask(b"QUIT\r\n")
            process.stdin.close()
            process.wait(timeout=60)

    ALL = ("root@example.test", "sales@example.test", "root", "root+tag@mx.example.test", "a@remote.test", "b@other.test",
           "c@[192.0.2.1]")

    def test_one_message_to_all_kinds_of_recipients_is_one_transaction(self):
        lab = self.lab("--no-recipient-check")
        self.send(lab, self.ALL, b"Subject: x\r\n\r\nhello\r\n", sender="<>", parameters=" NOTIFY=SUCCESS,DELAY")
        self.assertEqual(self.scanner.connections, 1)
        self.assertEqual(self.scanner.of("MAIL")[0].split()[1], "From:<>")
        self.assertEqual(len(self.scanner.of("MAIL")), 1)
        recipients = {c.split("<")[1].split(">")[0] for c in self.scanner.of("RCPT")}
        self.assertEqual(recipients, {"root@example.test", "sales@example.test", "root@mx.example.test",
                                      "root+tag@mx.example.test", "a@remote.test", "b@other.test", "c@[192.0.2.1]"})
        for command in self.scanner.of("RCPT"):
            self.assertIn("NOTIFY=SUCCESS,DELAY", command)

    def test_same_with_the_check(self):
        lab = self.lab()
        self.send(lab, self.ALL, b"Subject: x\r\n\r\nhello\r\n", sender="<>")
        self.assertEqual(len(self.scanner.of("RCPT")), len(self.ALL))

    def test_dots_are_stuffed_for_local_and_remote(self):
        """The body of a message that would smuggle a second one through the scanner's hop."""
        body = (b"Subject: x\r\n\r\none\r\n..\r\nMAIL FROM:<evil@outside.test>\r\nRCPT TO:<victim@remote.test>\r\nDATA\r\n"
                b"...two dots\r\n..one dot\r\n")
        for options in ([], ["--plain"]):
            for recipient in ("root@example.test", "a@remote.test"):
                with self.subTest(f"{options} {recipient}"):
                    self.scanner.commands, self.scanner.messages = [], []
                    self.send(self.lab(*options), [recipient], body, sender="<>")
                    self.assertEqual(len(self.scanner.messages), 1)
                    self.assertEqual(len(self.scanner.of("MAIL")), 1)
                    self.assertTrue(self.scanner.messages[0].endswith(body[len(b"Subject: x\r\n\r\n"):]),
                                    self.scanner.messages[0])

    def test_without_flag_x_it_is_smuggled(self):
        """The test above can fail: take X out and a second message appears."""
        lab = self.lab("--plain")
        write(self.inbound, read(self.inbound).replace("F=lsDFMAw5:/|@qPn9SkX", "F=lsDFMAw5:/|@qPn9Sk"))
        self.send(lab, ["root@example.test"], b"Subject: x\r\n\r\none\r\n..\r\nMAIL FROM:<evil@outside.test>\r\n", sender="<>")
        self.assertIn("MAIL FROM:<evil@outside.test>", self.scanner.commands)

    def test_null_sender_through_the_plain_variant(self):
        self.send(self.lab("--plain"), ["root@example.test"], b"Subject: x\r\n\r\nx\r\n", sender="<>")
        self.assertEqual(self.scanner.of("MAIL")[0].split()[1], "From:<>")

    def test_long_lines_arrive_whole(self):
        line = b"x" * 3000 + b"\r\n"
        self.send(self.lab(), ["root@example.test", "a@remote.test"], b"Subject: x\r\n\r\n" + line, sender="<>")
        self.assertTrue(self.scanner.messages[0].endswith(b"\r\n" + line))

    def test_alias_to_a_program_does_not_run_here(self):
        lab = self.lab(aliases=f"robot: \"|/usr/bin/touch {self.path('ran')}\"\nfile: {self.path('mbox')}\n")
        self.send(lab, ["robot@example.test", "file@example.test"], b"Subject: x\r\n\r\nx\r\n", sender="<>")
        self.assertFalse(os.path.exists(self.path("ran")))
        self.assertFalse(os.path.exists(self.path("mbox")))
        self.assertEqual({c.split("<")[1].split("@")[0] for c in self.scanner.of("RCPT")}, {"robot", "file"})

    def test_lmtp(self):
        self.send(self.lab("--lmtp"), ["root@example.test", "a@remote.test"], b"Subject: x\r\n\r\nx\r\n", sender="<>")
        self.assertEqual(len(self.scanner.of("LHLO")), 1)
        self.assertEqual(self.scanner.of("EHLO"), [])
        self.assertEqual(len(self.scanner.of("RCPT")), 2)

    def test_virtual_user_and_mailertable_stay_for_the_delivery_side(self):
        lab = self.lab(features="FEATURE(`virtusertable',`hash -o /etc/mail/virtusertable')dnl\n"
                                "FEATURE(`mailertable',`hash -o /etc/mail/mailertable')dnl")
        lab.map("virtusertable", "info@example.test root\n")
        lab.map("mailertable", "hub.test esmtp:[127.0.0.99]\nproc.test prog:/bin/false\n")
        self.send(lab, ["info@example.test", "x@hub.test", "y@proc.test"], b"Subject: x\r\n\r\nx\r\n", sender="<>")
        self.assertEqual({c.split("<")[1].split(">")[0] for c in self.scanner.of("RCPT")},
                         {"info@example.test", "x@hub.test", "y@proc.test"})

    def test_scanner_down_keeps_the_message_in_the_queue(self):
        lab = self.lab()
        self.scanner.close()
        self.send(lab, ["root@example.test"], b"Subject: x\r\n\r\nx\r\n", sender="<>")
        queued = [n for n in os.listdir(os.path.join(self.dir, "queue")) if n.startswith("qf")]
        self.assertEqual(len(queued), 1)
        self.assertEqual(self.scanner.commands, [])
