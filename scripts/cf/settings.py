"""The choices of one run, as the command line gives them."""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Hop:
    """A host and a port that a daemon connects to or listens on."""
    host: str
    port: int

    @classmethod
    def parse(cls, text, default_port):
        """'HOST', 'HOST:PORT', '[ADDR]:PORT'; raises ValueError."""
        match = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::(\d+))?|([A-Za-z0-9._-]+)(?::(\d+))?", text)
        if not match:
            raise ValueError(f"'{text}' is not HOST:PORT ([ADDR]:PORT for IPv6)")
        host = match.group(1) or match.group(3)
        port = int(match.group(2) or match.group(4) or default_port)
        if not 0 < port < 65536:
            raise ValueError(f"'{text}': port out of range")
        return cls(host, port)

    @property
    def is_ipv6(self):
        return ":" in self.host

    @property
    def bracketed(self):
        """Host for Sendmail without any MX look-up."""
        return f"[IPv6:{self.host}]" if self.is_ipv6 else f"[{self.host}]"

    def __str__(self):
        return f"[{self.host}]:{self.port}" if self.is_ipv6 else f"{self.host}:{self.port}"


@dataclasses.dataclass(frozen=True)
class Settings:
    scanner: Hop = Hop("127.0.0.1", 18000)
    delivery_listen: Hop = Hop("127.0.0.1", 19000)
    listen: str = "any"
    plain: bool = False
    lmtp: bool = False
    recipient_check: bool = True
    queue: str = "/var/spool/mqueuedelivery"
    pid_file: str = ""
    status_file: str = ""
    control_socket: str = ""
    allow_mailers: frozenset = frozenset()
    route_mailers: frozenset = frozenset()
