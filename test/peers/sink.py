"""A delivery server that records what it gets and misbehaves on demand. Independent of the code under test; knows SMTP from RFC 5321.

It runs on a thread of its own. `react` says what to do at a stage instead of the usual: "greeting", "EHLO", "HELO", "MAIL", "RCPT",
"STARTTLS", "DATA", "dot" (the end of data), "RSET", "QUIT", "XFORWARD". A reaction is

    None                   the usual
    "550 5.1.1 no"         this reply; lines apart by line feeds, each with its code ("550-one\\n550 two")
    CLOSE, RESET, SILENCE  end the connection in order, by RST, or say nothing
    Delay(seconds, r)      the reaction r, later
    Dribble(text, pause)   the reply octet by octet
    Sequence(r, r, ...)    one after the other, then the usual
    a function             called with (session, argument), gives one of the above

`tls`, an ssl.SSLContext: STARTTLS is offered until it is active. What stands in `tls_faults` went wrong with it.

`early` = (octets, reply, then) speaks up in the middle of the text, after that many octets of it, then is "close", "reset", "stop" (read no
more) or "drain" (go on reading; when the dot comes, nothing more is said)."""

import asyncio
import dataclasses
import logging
import re
import socket
import struct
import threading
import time

logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # connections that broke are the point here
CLOSE, RESET, SILENCE = "*close*", "*reset*", "*silence*"
USUAL_KEYWORDS = ("ENHANCEDSTATUSCODES", "PIPELINING", "8BITMIME", "SIZE", "DSN")


@dataclasses.dataclass
class Delay:
    seconds: float
    reaction: object = None


@dataclasses.dataclass
class Dribble:
    text: str
    pause: float = 0.01


class Sequence:
    def __init__(self, *reactions):
        self.left = list(reactions)

    def __call__(self, session, argument):
        return self.left.pop(0) if self.left else None


@dataclasses.dataclass
class Message:
    """One message that got a 2xx, as it came."""

    mail: str  # what followed "MAIL FROM:"
    recipients: list  # what followed "RCPT TO:", the accepted ones
    data: bytes  # after dot-unstuffing
    wire: bytes  # before it, without the end of data
    connection: int  # number of the connection, from 1
    when: float
    queue_id: str


_LENIENT_END = re.compile(rb"(?:\r\n|\n|\r)\.(?:\r\n|\n|\r)")
_STUFFED = re.compile(rb"^\.", re.M)


class Session(asyncio.Protocol):
    def __init__(self, sink):
        self.sink = sink
        self.number = 0
        self.buffer = bytearray()
        self.searched = 0
        self.busy = False  # a delayed reaction is under way
        self.dead = False
        self.in_text = False
        self.quiet = False  # spoke up early: the end of this text gets no answer
        self.mail = None
        self.recipients = []
        self.helo = None
        self.secured = False

    # ---- connection

    def connection_made(self, transport):
        if self.number:  # under TLS now; the protocol goes on
            return
        self.transport = transport
        sink = self.sink
        sink.connections += 1
        sink.open_connections += 1
        self.number = sink.connections
        sink.sessions.append(self)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._react("greeting", "", f"220 {sink.name} ESMTP sink")

    def connection_lost(self, exc):
        if self.number in self.sink.closed:
            return
        self.dead = True
        self.sink.open_connections -= 1
        self.sink.closed.append(self.number)
        self.sink.sessions.remove(self)

    def end(self, with_reset):
        """Ends the connection; loop thread only (see Sink.end_all)."""
        self.dead = True
        if with_reset:
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        else:
            self.transport.close()

    # ---- reactions

    def _react(self, stage, argument, usual, then=None):
        """Finds the reaction to a stage and does it; `then` is called with the reply that was given."""
        reaction = self.sink.react.get(stage)
        if callable(reaction):
            reaction = reaction(self, argument)
        self._do(reaction if reaction is not None else usual, usual, then)

    def _do(self, reaction, usual, then):
        if self.dead:
            return
        if isinstance(reaction, Delay):
            self._later(reaction.seconds, lambda: self._do(reaction.reaction or usual, usual, then))
        elif isinstance(reaction, Dribble):
            self._dribble(_wire(reaction.text), reaction, then)
        elif reaction in (CLOSE, RESET):
            self.end(reaction == RESET)
        elif reaction == SILENCE:
            self.busy = True
        else:
            if then:
                then(reaction)
            self.transport.write(_wire(reaction))

    def _later(self, seconds, action):
        self.busy = True

        def run():
            self.busy = False
            action()
            self._parse()

        self.sink.loop.call_later(seconds, run)

    def _dribble(self, octets, reaction, then):
        if self.dead:
            return
        if len(octets) == 1 and then:
            then(reaction.text)
        self.transport.write(octets[:1])
        if len(octets) > 1:
            self._later(reaction.pause, lambda: self._dribble(octets[1:], reaction, then))

    # ---- input

    def data_received(self, data):
        self.buffer += data
        self.sink.octets += len(data)
        self._parse()

    def _starttls(self, reply):
        """Behind the reply, which must leave first, the connection is TLS."""
        if not reply.startswith("220"):
            return
        self.busy = True  # the rest of the input is no command
        plain = self.transport
        plain.pause_reading()  # the client's first octets are for the new layer

        async def switch():
            try:
                self.transport = await self.sink.loop.start_tls(plain, self, self.sink.tls, server_side=True, ssl_handshake_timeout=5)
            except (OSError, ConnectionError) as problem:
                self.sink.tls_faults.append(repr(problem))
                if not self.dead:
                    self.connection_lost(problem)
                return
            if self.transport is None:  # ended on the way
                return
            self.secured, self.busy, self.mail, self.helo = True, False, None, None
            self.sink.tls_sessions.append((self.number, self.transport.get_extra_info("ssl_object").version()))
            self._parse()

        self.sink.loop.call_soon(lambda: self.sink.loop.create_task(switch()))

    def _parse(self):
        while not self.busy and not self.dead:
            if self.in_text:
                if not self._take_text():
                    return
                continue
            end = self.buffer.find(b"\r\n")
            if end < 0:
                return
            line = bytes(self.buffer[:end])
            del self.buffer[: end + 2]
            self._command(line.decode("utf-8", "surrogateescape"))

    def _command(self, line):
        sink = self.sink
        sink.commands.append((self.number, line))
        verb = line.split(" ", 1)[0].upper()
        argument = line[len(verb):].strip()
        if verb == "EHLO":
            self.helo = argument
            self._react("EHLO", argument, "\n".join([f"250-{sink.name}"] + [f"250-{k}" for k in self._keywords()] + ["250 HELP"]))
        elif verb == "HELO":
            self.helo = argument
            self._react("HELO", argument, f"250 {sink.name}")
        elif verb == "STARTTLS" and sink.tls:
            self._react("STARTTLS", argument, "220 2.0.0 go ahead", self._starttls)
        elif verb == "MAIL":
            self._react("MAIL", argument, "250 2.1.0 sender ok", lambda reply: self._mail(argument, reply))
        elif verb == "RCPT":
            usual = "250 2.1.5 recipient ok" if self.mail is not None else "503 5.5.1 MAIL first"
            self._react("RCPT", argument, usual, lambda reply: self._rcpt(argument, reply))
        elif verb == "DATA":
            self._react("DATA", "", "354 go on" if self.recipients else "503 5.5.1 no recipients", self._data)
        elif verb == "RSET":
            self._react("RSET", "", "250 2.0.0 reset", lambda reply: self._reset())
        elif verb == "QUIT":
            self._react("QUIT", "", "221 2.0.0 bye")
            self.transport.close()
            self.dead = True
        elif verb == "XFORWARD" and any(keyword.startswith("XFORWARD") for keyword in sink.keywords):
            if self.mail is not None:
                sink.faults.append("XFORWARD within a transaction")
            self._react("XFORWARD", argument, "250 2.0.0 ok")
        elif verb == "NOOP":
            self._do("250 2.0.0 ok", None, None)
        else:
            sink.faults.append(f"unknown command: {line[:100]!r}")
            self._do("500 5.5.2 what?", None, None)

    def _keywords(self):
        return [*self.sink.keywords, "STARTTLS"] if self.sink.tls and not self.secured else self.sink.keywords

    def _reset(self):
        self.mail, self.recipients = None, []

    def _mail(self, argument, reply):
        if self.mail is not None:
            self.sink.faults.append("MAIL within a transaction")
        if reply.startswith("2"):
            self.mail, self.recipients = argument[len("FROM:"):], []

    def _rcpt(self, argument, reply):
        if reply.startswith("2"):
            self.recipients.append(argument[len("TO:"):])

    def _data(self, reply):
        if reply.startswith("354"):
            self.in_text, self.quiet, self.searched = True, False, 0

    # ---- text

    def _take_text(self):
        """True when the end of data was there."""
        early = self.sink.early
        if early and not self.quiet and len(self.buffer) >= early[0]:
            self.quiet = True
            self._do(early[1], early[1], None)
            if early[2] in ("close", "reset"):
                self.end(early[2] == "reset")
                return False
            if early[2] == "stop":
                self.transport.pause_reading()
                return False
        end, after = self._find_end()
        if end is None:
            self.searched = max(0, len(self.buffer) - 4)
            return False
        wire = bytes(self.buffer[:end])
        del self.buffer[:after]
        self.in_text = False
        if self.quiet:
            self._reset()
            return True
        sink = self.sink
        sink.texts += 1
        queue_id = f"SK{sink.texts:06d}"
        self._react("dot", "", f"250 2.0.0 {queue_id} Message accepted for delivery", lambda reply: self._keep(wire, reply, queue_id))
        return True

    def _find_end(self):
        """Offsets of the end of the text, and of what follows the end of data."""
        buffer = self.buffer
        if self.sink.lenient:
            found = _LENIENT_END.search(buffer)
            return (found.start() + (2 if found.group().startswith(b"\r\n") else 1), found.end()) if found else (None, None)
        if buffer.startswith(b".\r\n"):
            return 0, 3
        at = buffer.find(b"\r\n.\r\n", self.searched)
        return (at + 2, at + 5) if at >= 0 else (None, None)

    def _keep(self, wire, reply, queue_id):
        if reply.startswith("2"):
            sink = self.sink
            data = _STUFFED.sub(b"", wire) if wire.startswith(b".") or b"\n." in wire else wire
            message = Message(self.mail, self.recipients, data, wire, self.number, time.monotonic(), queue_id)
            if sink.keep:
                sink.messages.append(message)
            if sink.on_message:
                sink.on_message(message)
        self._reset()


def _wire(text):
    return text.replace("\n", "\r\n").encode("utf-8", "surrogateescape") + b"\r\n"


class Sink:
    """`keep=False`: messages are only given to `on_message` (on the sink's thread)."""

    def __init__(self, name="sink.test", keywords=USUAL_KEYWORDS, react=None, early=None, lenient=False, port=0, keep=True,
                 on_message=None, tls=None):
        self.name = name
        self.keywords = keywords
        self.react = dict(react or {})
        self.early = early
        self.lenient = lenient
        self.keep = keep
        self.on_message = on_message
        self.tls = tls
        self.tls_sessions = []  # (number of the connection, version)
        self.tls_faults = []
        self.messages = []
        self.commands = []  # (number of the connection, line)
        self.faults = []  # what no client should do
        self.sessions = []
        self.closed = []
        self.connections = self.open_connections = self.texts = self.octets = 0
        self.loop = asyncio.new_event_loop()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(1024)
        self.port = self._listener.getsockname()[1]
        self._server = self.loop.run_until_complete(self.loop.create_server(lambda: Session(self), sock=self._listener))
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def lines(self, verb):
        """The commands with this verb, of all connections, in order."""
        return [line for _, line in list(self.commands) if line.upper().startswith(verb)]

    def forget(self):
        """An empty record and usual behaviour; connections stay."""
        self.messages, self.commands, self.faults, self.react, self.early = [], [], [], {}, None

    def wait(self, count, seconds=10.0):
        """The messages, as soon as there are `count`; an AssertionError when they do not come."""
        end = time.monotonic() + seconds
        while len(self.messages) < count:
            if time.monotonic() > end:
                raise AssertionError(f"{len(self.messages)} messages at the sink after {seconds} s, wanted {count}")
            time.sleep(0.005)
        return self.messages

    def wait_until(self, what, condition, seconds=10.0):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"the sink waited {seconds} s in vain for {what}")
            time.sleep(0.005)

    def end_all(self, with_reset=False):
        """Ends every open connection, as a server does that is restarted."""
        done = threading.Event()

        def run():
            for session in list(self.sessions):
                session.end(with_reset)
            self.loop.call_soon(self.loop.call_soon, done.set)

        self.loop.call_soon_threadsafe(run)
        done.wait(5)

    def say_all(self, text):
        """Says something unasked on every open connection."""
        self.loop.call_soon_threadsafe(lambda: [session.transport.write(_wire(text)) for session in list(self.sessions)])

    def close(self):
        if not self._thread.is_alive():
            return

        def run():
            self._server.close()
            for session in list(self.sessions):
                session.transport.abort()
            self.loop.call_soon(self.loop.call_soon, self.loop.stop)

        self.loop.call_soon_threadsafe(run)
        self._thread.join(5)
        if not self._thread.is_alive():
            self.loop.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
