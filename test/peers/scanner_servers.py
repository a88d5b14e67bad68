"""Scanner servers that do as they are told, well or badly: clamd's INSTREAM and ICAP, written independently of the proxy.

    with FakeClamd(scan=reply(b"stream: OK\\0")) as server: server.port, server.messages, server.connections

A behaviour is a function of the Conversation; `reply`, `hang`, `close` and the like make some."""

import re
import socket
import struct
import threading


class Gone(Exception):
    """The proxy has closed the connection."""


class Conversation:
    """One connection, with what came in and is not used yet."""

    def __init__(self, connection, server):
        self.connection = connection
        self.server = server
        self.buffer = b""

    def more(self):
        piece = self.connection.recv(65536)
        if not piece:
            raise Gone
        self.buffer += piece

    def take(self, count):
        while len(self.buffer) < count:
            self.more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def until(self, mark):
        while mark not in self.buffer:
            self.more()
        taken, self.buffer = self.buffer.split(mark, 1)
        return taken

    def send(self, data):
        self.connection.sendall(data)


class ScannerServer:
    """A thread for each connection. `connections` counts them."""

    def __init__(self, backlog=50):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open = set()
        self._closing = threading.Event()
        self.connections = 0
        self.messages = []
        self.greetings = 0  # VERSION or OPTIONS
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
                self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self.converse(Conversation(connection, self))
        except (OSError, Gone):
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def wait_for_the_end(self):
        self._closing.wait(60)

    def close(self):
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- behaviours: each is called when the request is there, unless it is in `early`

def reply(data):
    return lambda talk: talk.send(data)


def hang(talk):
    talk.server.wait_for_the_end()


def close(_talk):
    pass


def reset(talk):
    talk.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def early(behaviour):
    """Does it before it has read the message."""
    def first(talk):
        behaviour(talk)

    first.early = True
    return first


class FakeClamd(ScannerServer):
    def __init__(self, scan=reply(b"stream: OK\0"), version=reply(b"ClamAV 1.0/7/today\0")):
        self.scan, self.version = scan, version
        super().__init__()

    def converse(self, talk):
        command = talk.until(b"\0")
        if command == b"zVERSION":
            self.greetings += 1
            return self.version(talk)
        if command != b"zINSTREAM":
            return talk.send(b"UNKNOWN COMMAND\0")
        if getattr(self.scan, "early", False):
            return self.scan(talk)
        message = b""
        while size := struct.unpack(">I", talk.take(4))[0]:
            message += talk.take(size)
        self.messages.append(message)
        return self.scan(talk)


class FakeIcap(ScannerServer):
    """`options`: the header lines of its answer to OPTIONS. `scan` after the whole message, `after_preview` after the preview: None
    goes on with 100 Continue. `requests`: the ICAP headers as they came."""

    def __init__(self, scan=reply(b"ICAP/1.0 204 No Content\r\n\r\n"), options=("Methods: RESPMOD", "Allow: 204", "Preview: 30", "ISTag: \"t-1\""),
                 greet=None, after_preview=None):
        self.scan, self.options, self.greet, self.after_preview = scan, options, greet, after_preview
        self.requests = []
        super().__init__()

    def converse(self, talk):
        head = talk.until(b"\r\n\r\n").decode("ascii")
        self.requests.append(head)
        if head.startswith("OPTIONS "):
            self.greetings += 1
            if self.greet:
                return self.greet(talk)
            return talk.send(("ICAP/1.0 200 OK\r\n" + "".join(line + "\r\n" for line in self.options)
                              + "Encapsulated: null-body=0\r\n\r\n").encode())
        if getattr(self.scan, "early", False):
            return self.scan(talk)
        body_at = int(re.search(r"Encapsulated:.*-body=(\d+)", head).group(1))
        talk.http = talk.take(body_at)
        talk.message, ended = self._chunks(talk)
        if "\r\nPreview: " in head and not ended:
            if self.after_preview:
                return self.after_preview(talk)
            talk.send(b"ICAP/1.0 100 Continue\r\n\r\n")
            talk.message += self._chunks(talk)[0]
        self.messages.append(talk.message)
        return self.scan(talk)

    @staticmethod
    def _chunks(talk):
        """(bytes, whether it was said that there is no more)"""
        body = b""
        while True:
            size, _, extension = talk.until(b"\r\n").partition(b";")
            if int(size, 16) == 0:
                talk.until(b"\r\n")
                return body, extension.strip() == b"ieof"
            body += talk.take(int(size, 16))
            if talk.take(2) != b"\r\n":
                raise Gone
