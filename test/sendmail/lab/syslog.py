"""Collects what the daemons write to /dev/log, into one file in the form of a usual mail.log."""

import os
import re
import socket
import threading
import time

_PRIORITY = re.compile(rb"^<\d+>(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )?")


class SyslogCollector:
    """Binds the datagram socket `socket_path` and appends to `log_path`."""

    def __init__(self, socket_path, log_path):
        self._path = socket_path
        self._waiting = {}  # the text that catch_up() has sent -> what tells it that this text has arrived
        self._file = open(log_path, "ab", buffering=0)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(socket_path)
        os.chmod(socket_path, 0o666)
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        while True:
            datagram = self._socket.recv(65536)
            if datagram in self._waiting:
                self._waiting[datagram].set()
            else:
                self.add(_PRIORITY.sub(b"", datagram))

    def catch_up(self):
        """Returns when everything that was written to the socket before is in the file: datagrams arrive in their order, so a
        text of our own comes after them all. On a busy machine the thread that collects can be far behind."""
        own, arrived = os.urandom(16), threading.Event()
        self._waiting[own] = arrived
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(60)  # the socket takes only a few datagrams that nobody has received yet
                sender.sendto(own, self._path)
            if not arrived.wait(60):
                raise AssertionError("the collected log is a minute behind")
        finally:
            del self._waiting[own]

    def add(self, line):
        line = line.rstrip(b"\0\r\n").replace(b"\n", b"\\n")
        self._file.write(time.strftime("%b %e %H:%M:%S ").encode() + line + b"\n")