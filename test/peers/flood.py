"""Many SMTP sessions at once from one thread: for load, and for sending thousands of messages fast."""

import asyncio
import logging
import socket
import time

from client import stuff

logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a session that broke is told in `troubles`


class _Session(asyncio.Protocol):
    def __init__(self, flood):
        self.flood = flood
        self.buffer = bytearray()
        self.waiting_for = ["greeting"]
        self.index = None
        self.item = None
        self.refused = None

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.flood.open += 1
        self.flood.most_open = max(self.flood.most_open, self.flood.open)

    def connection_lost(self, exc):
        self.flood.open -= 1
        self.flood.ended(self)

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n")) >= 0:
            line = bytes(self.buffer[:end])
            del self.buffer[: end + 2]
            if line[3:4] != b"-":
                self._answer(line.decode("utf-8", "replace"))

    def _answer(self, line):
        stage = self.waiting_for.pop(0)
        if stage == "greeting":
            if not line.startswith("220"):
                self.flood.troubles.append(line)
                self.transport.close()
                return
            self._send("EHLO flood.test\r\n", "EHLO")
        elif stage in ("EHLO", "RSET"):
            if not line.startswith("250"):
                self.flood.troubles.append(line)
                self.transport.close()
                return
            self._next()
        elif stage in ("MAIL", "RCPT"):
            if not line.startswith("250"):
                self.refused = self.refused or line
        elif stage == "DATA":
            if line.startswith("354"):
                self.transport.write(stuff(self.item[2]) + b".\r\n")
                self.waiting_for.append("dot")
            else:
                self._done(self.refused or line)
        elif stage == "dot":
            self._done(line)
        else:  # QUIT
            self.transport.close()

    def _send(self, text, *stages):
        self.transport.write(text.encode("ascii"))
        self.waiting_for += stages

    def _next(self):
        self.refused = None
        self.index, self.item = self.flood.take()
        if self.item is None:
            self._send("QUIT\r\n", "QUIT")
            return
        sender, recipient, _ = self.item
        self._send(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n", "MAIL", "RCPT", "DATA")

    def _done(self, line):
        index, self.index = self.index, None
        self.flood.finish(index, line)
        if line.startswith("250"):
            self._next()
        else:
            self._send("RSET\r\n", "RSET")


class Flood:
    """Sends `items` (each: reverse-path, recipient, text as bytes) over `sessions` connections. After run(): `replies` (index -> final
    reply line), `seconds`, `most_open`, `troubles` (sessions that ended otherwise than by QUIT)."""

    def __init__(self, port, items, sessions, on_finish=None):
        self.port = port
        self.sessions = sessions
        self.replies = {}
        self.troubles = []
        self.open = self.most_open = 0
        self._items = enumerate(items)
        self._on_finish = on_finish
        self._left = sessions
        self._over = None

    def take(self):
        return next(self._items, (None, None))

    def finish(self, index, line):
        self.replies[index] = line
        if self._on_finish:
            self._on_finish(len(self.replies))

    def ended(self, session):
        if session.index is not None:
            self.finish(session.index, "")
            self.troubles.append("connection lost within a message")
        self._left -= 1
        if self._left == 0:
            self._over.set()

    def run(self, limit):
        """`limit`: seconds for all of it. Returns itself."""
        begin = time.monotonic()
        asyncio.run(asyncio.wait_for(self._run(), limit))
        self.seconds = time.monotonic() - begin
        return self

    async def _run(self):
        self._over = asyncio.Event()
        loop = asyncio.get_running_loop()
        for _ in range(self.sessions):
            await loop.create_connection(lambda: _Session(self), "127.0.0.1", self.port)
        await self._over.wait()
