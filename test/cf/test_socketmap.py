"""sandwich-cf --socketmap: a real Sendmail asks, and refuses only whom the answer calls unknown."""

import os
import socket
import threading

from support import PrivateSendmail, TempCase, m4, needs_m4, needs_sendmail, read, run_tool, write


class Answers:
    """A socketmap server that says what it is told to."""

    def __init__(self, path, answers):
        self.keys = []
        self.answers = answers
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(10)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        stream = connection.makefile("rb")
        while digits := self.until_colon(stream):
            question = stream.read(int(digits)).decode()
            stream.read(1)
            key = question.partition(" ")[2]
            self.keys.append(key)
            answer = next((reply for part, reply in self.answers.items() if part in key), "NOTFOUND ")
            if answer is None:
                connection.close()
                return
            if "last" in key:
                connection.shutdown(socket.SHUT_RD)  # who asks once more finds it closed
            connection.sendall(f"{len(answer)}:{answer},".encode())

    @staticmethod
    def until_colon(stream):
        digits = b""
        while (octet := stream.read(1)) not in (b":", b""):
            digits += octet
        return digits

    def close(self):
        self.listener.close()


@needs_sendmail
class Socketmap(TempCase):
    def replies(self, *recipients, options=()):
        lab = PrivateSendmail(self.dir)
        write(lab.local_names, "example.test\n")
        lab.new_aliases("sales: root\n")
        inbound, _, run = self.make(lab.cf, "--socketmap", self.path("map"), *options)
        self.assertNotIn("recipient check left out", run.stderr)
        return lab.recipients(inbound, *recipients)

    def test_only_unknown_is_refused(self):
        answers = Answers(self.path("map"), {"nosuch": "OK unknown", "known": "OK known", "later": "TEMP down", "perm": "PERM bad",
                                             "odd": "OK something else", "gone": None, "broken": "WHAT"})
        self.addCleanup(answers.close)
        names = ["nosuch", "known", "later", "perm", "odd", "other", "gone", "broken"]
        replies = self.replies(*(f"{name}@example.test" for name in names), options=["--no-recipient-check"])
        for name in names:
            self.assertTrue(replies[f"{name}@example.test"].startswith("550 5.1.1" if name == "nosuch" else "250 "), (name, replies))
        self.assertIn("nosuch@example.test", [key.partition("/")[2] for key in answers.keys])

    def test_a_session_whose_socket_is_gone_is_told_to_come_again_once(self):
        answers = Answers(self.path("map"), {"last": "OK known", "nosuch": "OK unknown"})
        self.addCleanup(answers.close)
        replies = self.replies("last@example.test", "nosuch1@example.test", "nosuch2@example.test", options=["--no-recipient-check"])
        self.assertTrue(replies["last@example.test"].startswith("250 "), replies)
        self.assertTrue(replies["nosuch1@example.test"].startswith("451 4.3.0 socket_map_lookup(sandwichsocket)"), replies)
        self.assertTrue(replies["nosuch2@example.test"].startswith("550 5.1.1"), replies)

    def test_the_address_is_asked_whole(self):
        answers = Answers(self.path("map"), {"nosuch": "OK unknown"})
        self.addCleanup(answers.close)
        recipients = ["Bob+Detail@example.test", '"a b"@example.test', "nosuch@[192.0.2.1]", "x@example.test", "nosuch"]
        replies = self.replies(*recipients, options=["--no-recipient-check"])
        asked = [key.partition("/")[2] for key in answers.keys]
        self.assertEqual(asked[0], "Bob+Detail@example.test")
        self.assertEqual(asked[1].strip('"').replace('"', ""), "a b@example.test")
        self.assertTrue(replies["nosuch@[192.0.2.1]"].startswith("550"), replies)

    def test_without_the_server_nobody_is_refused(self):
        replies = self.replies("nosuch@example.test", "sales@example.test", options=["--no-recipient-check"])
        for reply in replies.values():
            self.assertTrue(reply.startswith("250 "), replies)

    def test_it_comes_on_top_of_the_files_own_maps(self):
        answers = Answers(self.path("map"), {"sales": "OK unknown"})
        self.addCleanup(answers.close)
        replies = self.replies("nosuch@example.test", "sales@example.test", "root@example.test")
        self.assertTrue(replies["nosuch@example.test"].startswith("550 5.1.1"), replies)
        self.assertTrue(replies["sales@example.test"].startswith("550 5.1.1"), replies)
        self.assertTrue(replies["root@example.test"].startswith("250 "), replies)


@needs_m4
class Text(TempCase):
    def test_forms_of_the_address(self):
        source = write(self.path("sendmail.cf"), m4())
        for given, written in (("/run/sandwich/socketmap", "unix:/run/sandwich/socketmap"), ("192.0.2.1:8000", "inet:8000@192.0.2.1"),
                               ("[::1]:8000", "inet6:8000@::1")):
            inbound, delivery, _ = self.make(source, "--socketmap", given)
            self.assertIn(f"Ksandwichsocket socket -f -T<TEMP> {written}\n", read(inbound))
            self.assertNotIn("sandwichsocket", read(delivery))
        for wrong in ("run/x", "host:25", "192.0.2.1", "/a b", "unix:/x"):
            self.assertEqual(run_tool(source, "--inbound", self.path("o"), "--no-validate", "--socketmap", wrong).returncode, 2)
        inbound, _, _ = self.make(source)
        self.assertNotIn("sandwichsocket", read(inbound))
