"""An SMTP client over a raw socket, for tests: sends what it is told, however wrong, and reads whole replies."""

import dataclasses
import socket
import struct


@dataclasses.dataclass
class Reply:
    code: int
    lines: list  # texts without code and separator

    @property
    def text(self):
        return "\n".join(self.lines)

    def __str__(self):
        return f"{self.code} {' / '.join(self.lines)}"


class Closed(AssertionError):
    """The connection ended where a reply was expected."""


class Client:
    """Connects; `greeting` is the first reply. `timeout`: seconds for each wait."""

    def __init__(self, port, source=None, timeout=10.0, address="127.0.0.1", greet=True):
        self.socket = socket.create_connection((address, port), timeout, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.greeting = self.reply() if greet else None

    # ---- raw

    def send(self, data):
        self.socket.sendall(data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data)

    def line(self):
        while b"\n" not in self._buffer:
            try:
                got = self.socket.recv(65536)
            except ConnectionError as problem:
                raise Closed(f"reset: {problem}") from None
            if not got:
                raise Closed(f"closed by the server; before that: {self._buffer!r}")
            self._buffer += got
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.removesuffix(b"\r").decode("utf-8", "surrogateescape")

    def reply(self):
        lines = []
        while True:
            line = self.line()
            lines.append(line[4:])
            if line[3:4] != "-":
                return Reply(int(line[:3]), lines)

    def replies(self, count):
        return [self.reply() for _ in range(count)]

    def at_end(self):
        """True when the server closes without another word."""
        try:
            line = self.line()
        except Closed:
            return True
        raise AssertionError(f"expected the end, got {line!r}")

    def pending(self, seconds=0.2):
        """Octets that come within that time."""
        self.socket.settimeout(seconds)
        try:
            self._buffer += self.socket.recv(65536)
        except TimeoutError:
            pass
        finally:
            self.socket.settimeout(10)
        return self._buffer

    # ---- SMTP

    def command(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def ehlo(self, name="client.test"):
        return self.command("EHLO " + name)

    def starttls(self, context, name=None):
        """STARTTLS and the handshake; the reply. EHLO is the caller's affair."""
        reply = self.command("STARTTLS")
        if reply.code == 220:
            self.secure(context, name)
        return reply

    def secure(self, context, name=None):
        """The handshake. An ssl.SSLError or OSError when it fails."""
        if self._buffer:
            raise AssertionError(f"octets in the clear before TLS: {self._buffer!r}")
        self.socket = context.wrap_socket(self.socket, server_hostname=name, suppress_ragged_eofs=False)

    def envelope(self, sender="a@from.test", recipients=("b@to.test",), mail_parameters="", rcpt_parameters=""):
        """MAIL and RCPT pipelined; the replies. Parameters come with their blank in front."""
        lines = [f"MAIL FROM:<{sender}>{mail_parameters}\r\n"]
        lines += [f"RCPT TO:<{recipient}>{rcpt_parameters}\r\n" for recipient in recipients]
        self.send("".join(lines))
        return self.replies(len(lines))

    def text(self, data):
        """DATA, the text (canonical lines), the end; the final reply, or DATA's when that is no 354."""
        answer = self.command("DATA")
        if answer.code != 354:
            return answer
        self.send(stuff(data) + b".\r\n")
        return self.reply()

    def deliver(self, data, sender="a@from.test", recipients=("b@to.test",), mail_parameters="", rcpt_parameters=""):
        """A whole transaction; the final reply, or the first that stood in its way."""
        replies = self.envelope(sender, recipients, mail_parameters, rcpt_parameters)
        if replies[0].code != 250:
            return replies[0]
        if all(reply.code != 250 for reply in replies[1:]):
            return replies[1]
        return self.text(data)

    # ---- the end

    def reset_connection(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def stuff(data):
    """A text with CRLF at its end (an empty one stays empty), dots at the start of lines doubled."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    if data and not data.endswith(b"\r\n"):
        data += b"\r\n"
    return (b"." if data.startswith(b".") else b"") + data.replace(b"\r\n.", b"\r\n..")


def send_message(port, data, **options):
    """One message over a connection of its own; the final reply."""
    with Client(port) as client:
        client.ehlo()
        reply = client.deliver(data, **options)
        client.command("QUIT")
        return reply
