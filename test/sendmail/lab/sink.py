"""A recording SMTP server: the other end of the world. Independent of the code under test, by intent written apart from it."""

import dataclasses
import socket
import socketserver
import threading
import time


@dataclasses.dataclass
class Received:
    """One message as it came: the arguments of MAIL and RCPT with their parameters, and the bytes after dot-unstuffing."""

    mail: str
    recipients: list
    data: bytes
    when: float


class _Session(socketserver.StreamRequestHandler):
    timeout = 120

    def _reply(self, text):
        self.wfile.write(text.encode("ascii") + b"\r\n")
        self.wfile.flush()

    def handle(self):
        self._reply("220 " + self.server.name + " ESMTP")
        mail, recipients = None, []
        while line := self.rfile.readline(65536):
            command = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
            verb = command[:4].upper()
            if verb == "EHLO":
                self._reply("250-" + self.server.name)
                for keyword in self.server.keywords:
                    self._reply("250-" + keyword)
                self._reply("250 HELP")
            elif verb == "MAIL":
                mail, recipients = command[10:], []
                self._reply("250 2.1.0 ok")
            elif verb == "RCPT":
                reply = self.server.rcpt_reply(command[8:])
                if reply.startswith("2"):
                    recipients.append(command[8:])
                self._reply(reply)
            elif verb == "DATA":
                if not recipients:
                    self._reply("503 5.5.1 no valid recipients")
                    continue
                self._reply("354 go on")
                self._take(mail, recipients)
                mail, recipients = None, []
            elif verb == "QUIT":
                self._reply("221 2.0.0 bye")
                return
            elif verb in ("HELO", "RSET", "NOOP"):
                self._reply("250 2.0.0 ok")
            else:
                self._reply("500 5.5.2 not here")

    def _take(self, mail, recipients):
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return  # the peer went away: nothing was received
            lines.append(line[1:] if line.startswith(b".") else line)
        data = b"".join(lines)
        reply = self.server.data_reply(mail, recipients, data)
        if reply.startswith("2"):
            with self.server.lock:
                self.server.received.append(Received(mail, recipients, data, time.time()))
        self._reply(reply)


class Sink(socketserver.ThreadingTCPServer):
    """Listens on `address` in the network namespace of the thread that makes it. Replies can be replaced by a test."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, name="mail.remote.test", keywords=("PIPELINING", "8BITMIME", "SIZE", "DSN", "ENHANCEDSTATUSCODES")):
        super().__init__(address, _Session)
        self.name = name
        self.keywords = keywords
        self.received = []
        self.lock = threading.Lock()
        self.rcpt_reply = lambda recipient: "250 2.1.5 ok"
        self.data_reply = lambda mail, recipients, data: "250 2.0.0 taken"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def get_request(self):
        connection, peer = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, peer

    def handle_error(self, request, client_address):
        pass  # a client that breaks off is part of the trade

    def find(self, token):
        """Messages whose bytes hold `token`."""
        with self.lock:
            return [message for message in self.received if token in message.data]
