"""The choices of one run, as the command line gives them."""

import dataclasses
import re


def _split(text):
    """(host, port or None) of a hop, as text; raises ValueError."""
    match = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::(\d+))?|([A-Za-z0-9._-]+)(?::(\d+))?", text)
    if not match:
        raise ValueError(f"'{text}' is not HOST:PORT ([ADDR]:PORT for IPv6)")
    return match.group(1) or match.group(3), match.group(2) or match.group(4)


@dataclasses.dataclass(frozen=True)
class Hop:
    """A host and a port that a daemon connects to or listens on."""
    host: str
    port: int

    @classmethod
    def parse(cls, text, default_port):
        """'HOST', 'HOST:PORT', '[ADDR]:PORT'; raises ValueError."""
        host, port = _split(text)
        port = int(port or default_port)
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
class Scanners:
    """The scanner's hosts, in the order in which Sendmail tries them; one port for all, as a mailer has only one."""
    hops: tuple

    @classmethod
    def parse(cls, text, default_port):
        """'HOP' or 'HOP,HOP'; raises ValueError. A port that one of them has is everybody's."""
        parts = text.split(",")
        ports = {port for _, port in map(_split, parts) if port} or {default_port}
        if len(ports) > 1:
            raise ValueError(f"'{text}': Sendmail's mailers have one port for all hosts of a list")
        hops = tuple(Hop.parse(part, next(iter(ports))) for part in parts)
        if len(set(hops)) < len(hops):
            raise ValueError(f"'{text}': a host stands there twice")
        return cls(hops)

    @property
    def port(self):
        return self.hops[0].port

    @property
    def hosts(self):
        return [hop.host for hop in self.hops]

    @property
    def bracketed(self):
        """As a host list of Sendmail's, without any MX look-up."""
        return ":".join(hop.bracketed for hop in self.hops)

    def __str__(self):
        return ",".join(str(hop) for hop in self.hops)


@dataclasses.dataclass(frozen=True)
class Settings:
    scanner: Scanners = Scanners((Hop("127.0.0.1", 18000),))
    spread: bool = False
    delivery_listen: Hop = Hop("127.0.0.1", 19000)
    listen: str = "any"
    plain: bool = False
    lmtp: bool = False
    recipient_check: bool = True
    socketmap: str = ""
    isvw: str = ""  # whom sandwichd starts the delivery Sendmail as, for its mail; empty: that Sendmail runs and listens
    queue: str = "/var/spool/mqueuedelivery"
    pid_file: str = ""
    status_file: str = ""
    control_socket: str = ""
    allow_mailers: frozenset = frozenset()
    route_mailers: frozenset = frozenset()
