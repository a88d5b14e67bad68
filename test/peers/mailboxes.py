"""A mail server that only knows which mailboxes exist, and can be asked by RCPT or VRFY. Independent of the code under test.

`known` are addresses; `replies` gives single addresses a reply of their own. `mood` says how it behaves towards everything that comes:

    None       answers
    "silent"   says nothing any more
    "close"    closes at the next command
    "reset"    resets at the next command
    "busy"     421 in the greeting, and to every command
    "later"    451 to RCPT and VRFY
    "garbage"  says what is no reply
    "refuse"   554 in the greeting; who was greeted before is closed at the next command

Domino is one with words of its own. `stop()` and `start()` take it off its port and put it back."""

import socket
import socketserver
import struct
import threading


class _Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True  # replies to pipelined commands are written one by one

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def setup(self):
        super().setup()
        with self.server.owner.lock:
            self.server.owner.connections += 1
            self.server.owner.open.add(self.connection)

    def finish(self):
        self.server.owner.open.discard(self.connection)
        try:
            super().finish()
        except OSError:
            pass

    def handle(self):
        owner = self.server.owner
        try:
            if owner.mood == "silent":
                owner.over.wait(30)
                return
            self.say({"busy": "421 4.3.2 busy", "refuse": "554 5.7.1 not you"}.get(owner.mood, owner.greeting))
            while line := self.rfile.readline(4096):
                if not self.command(owner, line.decode("latin-1").strip()):
                    return
        except OSError:
            pass

    def command(self, owner, line):
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        mood = owner.mood
        if mood == "silent":
            owner.over.wait(30)
            return False
        if mood in ("close", "refuse"):
            return False
        if mood == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return False
        if mood == "busy":
            self.say("421 4.3.2 busy")
            return False
        if mood == "garbage":
            self.say("what is no reply")
            return True
        with owner.lock:
            owner.commands.append(line)
        if verb == "EHLO":
            self.say(owner.hello)
        elif verb == "RCPT":
            self.say(owner.answer(rest[rest.index("<") + 1 : rest.rindex(">")], mood, "550 5.1.1 User unknown"))
        elif verb == "VRFY":
            self.say(owner.verify(rest.strip("<>"), mood))
        elif verb == "QUIT":
            self.say("221 2.0.0 bye")
            return False
        else:
            self.say("250 2.0.0 ok")
        return True


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


class Mailboxes:
    greeting = "220 mailboxes.test ESMTP"
    hello = "250-mailboxes.test\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES"

    def __init__(self, known=(), port=0):
        self.known = set(known)
        self.replies = {}
        self.mood = None
        self.lock = threading.Lock()
        self.commands = []
        self.connections = 0
        self.open = set()
        self.over = threading.Event()
        self.server = None
        self.port = port
        self.start()

    def start(self):
        self.over.clear()
        self.server = _Server(("127.0.0.1", self.port), _Handler)
        self.server.owner = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """Off the port, and every connection closed."""
        if self.server is None:
            return
        self.server.shutdown()
        self.server.server_close()
        self.server = None
        self.over.set()
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def answer(self, address, mood, unknown):
        if mood == "later":
            return "451 4.3.0 later"
        if address in self.replies:
            return self.replies[address]
        return "250 2.1.5 ok" if address in self.known else unknown

    def verify(self, address, mood):
        return self.answer(address, mood, "550 5.1.1 User unknown")

    def asked(self, verb):
        with self.lock:
            return [line for line in self.commands if line.upper().startswith(verb)]

    def forget(self):
        with self.lock:
            self.commands = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Domino(Mailboxes):
    """Lotus Domino asked by VRFY, as its documentation has it: no enhanced codes, and 550 also for groups and for databases that take
    mail. Whoever is called two@ is two persons. `said`: its replies."""

    greeting = "220 domino.test ESMTP Service (Lotus Domino Release 8.5.3) ready"
    hello = "250-domino.test Hello\r\n250-SIZE\r\n250 PIPELINING"

    def __init__(self, known, groups=()):
        self.groups, self.said = set(groups), []
        super().__init__(known)

    def verify(self, address, mood):
        if address in self.known:
            reply = f"250 <{address}>"
        elif address in self.groups:
            reply = f"550 {address} is a Group not a user"
        elif address.startswith("two@"):
            reply = f"553 {address} is not a unique user"
        else:  # nobody, or a database
            reply = f"550 {address} is not a valid user"
        self.said.append(reply)
        return reply
