"""Messages of the tests, a client that sends bytes exactly as given, and a reader of mailboxes."""

import fcntl
import os
import re
import smtplib
import socket
import struct
import uuid

# The EICAR test string, put together here because as it stands in a file it makes anti-virus programs delete the file.
EICAR = b"X5O!P%@AP[4" + rb"\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!" + b"$H+H*"


def token():
    """Text that no other message carries, to find this one by."""
    return "T" + uuid.uuid4().hex


def message(mark, body=b"Good day.\r\n", sender="s@outside.test", to="alice@example.test", headers=()):
    """A message, CRLF line ends, whose Message-ID and subject hold `mark`."""
    lines = [f"From: <{sender}>" if sender else "From: MAILER-DAEMON@outside.test", f"To: {to}", f"Subject: test {mark}"]
    lines += [f"Message-ID: <{mark}@outside.test>", "Date: Thu, 02 Apr 2026 10:00:00 +0000", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Refused(Exception):
    """An SMTP reply that was not the one hoped for."""

    def __init__(self, code, text):
        super().__init__(f"{code} {text}")
        self.code = code


class Client(smtplib.SMTP):
    """One SMTP session. Unlike smtplib's own methods, what is sent is not changed, and nothing is left out after an error."""

    def __init__(self, address, name="client.outside.test", timeout=120):
        super().__init__(local_hostname=name, timeout=timeout)
        self._expect(self.connect(*address), 220)
        self._expect(self.ehlo(), 250)

    @staticmethod
    def _expect(reply, wanted):
        code, text = reply
        if code != wanted:
            raise Refused(code, text.decode("utf-8", "replace"))
        return text.decode("utf-8", "replace")

    def mail_from(self, sender, parameters=""):
        return self._expect(self.docmd(f"MAIL FROM:<{sender}>{' ' * bool(parameters)}{parameters}"), 250)

    def rcpt_to(self, recipient, parameters=""):
        return self._expect(self.docmd(f"RCPT TO:<{recipient}>{' ' * bool(parameters)}{parameters}"), 250)

    def send_data(self, data):
        self._expect(self.docmd("DATA"), 354)
        stuffed = re.sub(rb"(?m)^\.", b"..", data)
        if not stuffed.endswith(b"\r\n"):
            stuffed += b"\r\n"
        self.send(stuffed + b".\r\n")
        return self._expect(self.getreply(), 250)

    def transaction(self, sender, recipients, data, mail_parameters="", rcpt_parameters=""):
        """MAIL, RCPTs, DATA; returns the text of the final reply."""
        self.mail_from(sender, mail_parameters)
        for recipient in recipients:
            self.rcpt_to(recipient, rcpt_parameters)
        return self.send_data(data)


def port_open(address):
    try:
        with socket.create_connection(address, timeout=2):
            return True
    except OSError:
        return False


def read_mailbox(path):
    """The messages of an mbox file, each as bytes with LF line ends, the separator line taken off and `>From ` undone."""
    if not os.path.exists(path):
        return []
    with open(path, "rb") as box:
        # Else the beginning of a message that procmail is writing. Its lock is this one, too; by open file and not by process,
        # as several threads read here.
        fcntl.fcntl(box, fcntl.F_OFD_SETLKW, struct.pack("hhqqi", fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0))
        text = box.read()
    if not text:
        return []
    parts = re.split(rb"(?m)^From [^\n]*\n", text)[1:]
    return [re.sub(rb"(?m)^>(>*From )", rb"\1", part[:-1] if part.endswith(b"\n\n") else part) for part in parts]


def body_of(stored):
    """What follows the header of a stored message."""
    return stored.partition(b"\n\n")[2]


def header_of(stored, name):
    """All values of a header field, unfolded."""
    head = re.sub(rb"\n[ \t]+", b" ", stored.partition(b"\n\n")[0])
    return [v.decode("utf-8", "replace").strip() for v in re.findall(rb"(?im)^" + name.encode() + rb":([^\n]*)", head)]
