"""A daemon under a policy, and what becomes of the mails that it gets."""

import os
import re

from daemon import Daemon
from samples import message
from suite import equal

from client import Client
from sink import Sink

HOST = "mx.upstream.test"
numbers = iter(range(1000000))


def mail(body=b"harmless\r\n", headers=()):
    """Identified, so that recipients of one mail can be treated differently."""
    field = f"Received: from x\r\n\tby {HOST} with ESMTP id 6AP{next(numbers):06d};\r\n\tdate\r\n".encode()
    return field + message(body, headers)


class Here:
    """A daemon with this policy, and what stands behind it."""

    def __init__(self, policy, settings=None):
        self.policy = policy
        self.settings = settings or {}

    def __enter__(self):
        self.sink = Sink()
        self.daemon = Daemon(self.sink.port, {"general.threads": 1} | self.settings, start=False)
        self.daemon.write_policy(self.policy)
        self.daemon.start()
        return self

    def __exit__(self, *_):
        self.daemon.close()
        self.sink.close()

    def send(self, text, *recipients, sender="a@from.test", xforward=""):
        with Client(self.daemon.port) as client:
            equal(client.command(f"EHLO {HOST}").code, 250)
            if xforward:
                equal(client.command(f"XFORWARD {xforward}").code, 250)
            for reply in client.envelope(sender, recipients or ("b@to.test",)):
                equal(reply.code, 250, str(reply))
            equal(client.command("DATA").code, 354)
            client.send(text + b".\r\n")
            return client.replies(1)[0]

    def delivered(self):
        return [" ".join(r.strip("<>") for r in m.recipients) for m in self.sink.messages]

    def header(self, index=-1):
        return self.sink.messages[index].data.split(b"\r\n\r\n")[0].decode("latin-1").replace("\r\n", "\n") + "\n"

    def shown(self, reply):
        """What the quarantine says of the mail with this reply."""
        found = self.daemon.ctl("quarantine", "show", reply.text.split()[1])
        equal(found.returncode, 0, found.stderr)
        return found.stdout

    def held(self, area=None):
        """Texts of sandwichctl for what is in the quarantine (in this area), oldest first."""
        shown = [self.daemon.ctl("quarantine", "show", name.removesuffix(".meta")).stdout
                 for name in sorted(os.listdir(self.daemon.quarantine)) if name.endswith(".meta")]
        return [text for text in shown if area is None or re.search(rf"^area: +{area}$", text, re.M)]

    def original(self, shown):
        """The octets of what the quarantine has shown."""
        with open(os.path.join(self.daemon.quarantine, re.search(r"^id: +(\w+)", shown, re.M).group(1) + ".eml"), "rb") as file:
            return file.read()
