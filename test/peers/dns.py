"""A DNS server for tests (RFC 1035), on a thread of its own, by UDP. Independent of the code under test.

    with DnsServer() as dns:
        dns.records["mail.test"] = [("A", "127.0.0.1")]
        dns.records["example.test"] = [("MX", 10, "mail.test"), ("MX", 20, "backup.test")]
        dns.records["_smtp._tcp.example.test"] = [("SRV", 0, 5, 2525, "mail.test")]
        dns.ttl = 1

A name that is not there does not exist (NXDOMAIN), one without records of the type asked for has none (NODATA). `mode`: "answer",
"fail" (SERVFAIL), "silent" or "garbage". `questions` has (name, type) of each query."""

import socket
import struct
import threading

TYPES = {"A": 1, "CNAME": 5, "MX": 15, "AAAA": 28, "SRV": 33}
NAMES = {number: name for name, number in TYPES.items()}


def encode_name(name):
    labels = [label for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def encode_data(record):
    kind = record[0]
    if kind == "A":
        return socket.inet_aton(record[1])
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, record[1])
    if kind == "CNAME":
        return encode_name(record[1])
    if kind == "MX":
        return struct.pack(">H", record[1]) + encode_name(record[2])
    return struct.pack(">HHH", *record[1:4]) + encode_name(record[4])


class DnsServer:
    def __init__(self, ttl=300):
        self.records = {}
        self.ttl = ttl
        self.mode = "answer"
        self.questions = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.mode = "end"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wake:
            wake.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def asked(self, name, kind):
        return self.questions.count((name, kind))

    def _run(self):
        while True:
            query, client = self._socket.recvfrom(4096)
            if self.mode == "end":
                return
            reply = self._reply(query)
            if reply:
                self._socket.sendto(reply, client)

    def _reply(self, query):
        name, at = [], 12
        while query[at]:
            name.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind = NAMES.get(struct.unpack(">H", query[at + 1 : at + 3])[0], "?")
        question = query[12 : at + 5]
        name = ".".join(name).lower()
        self.questions.append((name, kind))
        if self.mode == "silent":
            return None
        if self.mode == "garbage":
            return query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question + b"\xc0\x0c\0\x0f\0\1\0\0\0\1\0\x40junk"
        records = self.records.get(name)
        code = 2 if self.mode == "fail" else 3 if records is None else 0
        found = [] if code else [record for record in records if record[0] in (kind, "CNAME")]
        for record in list(found):  # what an alias leads to comes along, as a resolver does it
            if record[0] == "CNAME":
                found += [(*other, record[1]) for other in self.records.get(record[1], []) if other[0] == kind]
        answers = b""
        for record in found:
            owner = b"\xc0\x0c" if len(record) <= {"A": 2, "AAAA": 2, "CNAME": 2, "MX": 3, "SRV": 5}[record[0]] else encode_name(record[-1])
            data = encode_data(record)
            answers += owner + struct.pack(">HHIH", TYPES[record[0]], 1, self.ttl, len(data)) + data
        return query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(found), 0, 0) + question + answers
