"""Mail servers that know no password: they say what they are told to, or nothing at all, and remember what they heard.

    with Scripted("220 hello", {"EHLO": "250-here\\r\\n250 AUTH PLAIN", "AUTH": "454 later"}) as peer: peer.port, peer.heard

    with Undressed() as peer: peer.port, peer.octets        an LDAP server without TLS that takes any password

The key is the first word of what a client says, for IMAP the second; "{tag}" in an answer is the first. A line that no key fits is
answered with `otherwise`; None: the connection is closed. A greeting of None: nothing is ever said."""

import socket
import threading


# An LDAP server's "go ahead" to StartTLS (RFC 4511 section 4.14): ExtendedResponse, message 1, success.
GO_AHEAD = bytes.fromhex("300c02010178070a010004000400")


class Scripted:
    """`first`: octets with which the first that a client says is answered, before nothing more is said. `once`: after its first
    connection it listens no more."""

    def __init__(self, greeting, answers=None, otherwise="500 what?", tagged=False, first=b"", place=("127.0.0.1", 0), once=False):
        self.first, self.once = first, once
        self.greeting, self.answers, self.otherwise, self.tagged = greeting, answers or {}, otherwise, tagged
        self.heard = []
        self._listener = socket.create_server(place)
        self.port = self._listener.getsockname()[1]
        self._connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            if self.once:
                self._listener.close()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if self.first:
                connection.recv(4096)
                connection.sendall(self.first)
            if self.greeting is None:
                return
            connection.sendall(self.greeting.encode() + b"\r\n")
            with connection.makefile("rb") as lines:
                for line in lines:
                    self.heard.append(line.decode("latin-1").rstrip("\r\n"))
                    words = self.heard[-1].split()
                    key = words[1 if self.tagged and len(words) > 1 else 0].upper() if words else ""
                    answer = self.answers.get(key, self.otherwise)
                    if answer is None:
                        break
                    connection.sendall(answer.replace("{tag}", words[0] if words else "").encode() + b"\r\n")
            connection.close()
        except OSError:
            pass

    def close(self):
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Undressed(Scripted):
    """It refuses StartTLS (RFC 4511 section 4.14.2: protocolError) and says "success" to whatever else it is asked. `octets`: all it heard."""

    START_TLS = b"1.3.6.1.4.1.1466.20037"

    def __init__(self):
        self.octets = b""
        super().__init__(None)

    def _serve(self, connection):
        try:
            while request := connection.recv(4096):
                self.octets += request
                refused = self.START_TLS in request
                number = request[request.index(b"\x02\x01") + 2]
                connection.sendall(bytes([0x30, 0x0C, 2, 1, number, 0x78 if refused else 0x61, 7, 0x0A, 1, 2 if refused else 0, 4, 0, 4, 0]))
        except OSError:
            pass
