"""A DNS server for the lab: A, MX and PTR from a table, over UDP. What is not in the table does not exist."""

import ipaddress
import socket
import struct
import threading

_TYPES = {1: "A", 12: "PTR", 15: "MX"}
_TTL = 60


def _encode_name(name):
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _decode_question(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode("ascii"))
        at += packet[at] + 1
    kind, _ = struct.unpack_from("!HH", packet, at + 1)
    return ".".join(labels).lower(), kind, packet[12 : at + 5]


class DnsServer:
    """Serves `zone`, {name: {type: [value]}}, on the address given; in the network namespace of the thread that makes it."""

    def __init__(self, address, zone):
        self._zone = zone
        self.questions = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(address)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            packet, peer = self._socket.recvfrom(4096)
            try:
                self._socket.sendto(self._answer(packet), peer)
            except (IndexError, struct.error, UnicodeDecodeError):
                continue  # not a question we can read: a resolver asks again

    def _answer(self, packet):
        name, kind, question = _decode_question(packet)
        self.questions.append((name, _TYPES.get(kind, kind)))
        records = self._zone.get(name)
        values = (records or {}).get(_TYPES.get(kind), [])
        code = 0 if records is not None else 3
        header = packet[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(values), 0, 0)
        return header + question + b"".join(self._record(kind, value) for value in values)

    @staticmethod
    def _record(kind, value):
        if kind == 1:
            data = ipaddress.IPv4Address(value).packed
        elif kind == 15:
            data = struct.pack("!H", value[0]) + _encode_name(value[1])
        else:
            data = _encode_name(value)
        return b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, _TTL, len(data)) + data
