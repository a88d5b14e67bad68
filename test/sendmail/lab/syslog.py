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
        self._file = open(log_path, "ab", buffering=0)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(socket_path)
        os.chmod(socket_path, 0o666)
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        while True:
            self.add(_PRIORITY.sub(b"", self._socket.recv(65536)))

    def add(self, line):
        line = line.rstrip(b"\0\r\n").replace(b"\n", b"\\n")
        self._file.write(time.strftime("%b %e %H:%M:%S ").encode() + line + b"\n")