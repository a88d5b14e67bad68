"""What the proxy may do to a text, written down a second time: canonical lines, and nothing of our own names from outside."""

import re

_OWN_FIELD = re.compile(rb"^x-sandwich-[!-~]*[ \t]*:", re.I)


def end_of_data(wire):
    """Offset behind the text in what a client sent after 354 (its last CRLF included), or None."""
    if wire.startswith(b".\r\n"):
        return 0
    at = wire.find(b"\r\n.\r\n")
    return at + 2 if at >= 0 else None


def decode(wire):
    """The text of one message as it stands between 354 and the end of data: dots unstuffed, a bare LF is CRLF, a bare CR is a blank."""
    lines = wire.split(b"\r\n")
    return b"\r\n".join(_bare(line[1:] if line.startswith(b".") else line) for line in lines)


def _bare(line):
    return line.replace(b"\r", b" ").replace(b"\n", b"\r\n")


def from_file(data):
    """A message of a file, with whatever line ends, as canonical text: mbox's `From ` line off, every line ends with CRLF."""
    if data.startswith((b"From ", b">From ")):
        data = data.split(b"\n", 1)[1] if b"\n" in data else b""
    data = re.sub(rb"\r+\n", b"\n", data)
    data = _bare(data)
    return data if data.endswith(b"\r\n") or not data else data + b"\r\n"


def without_own_fields(data):
    """`data` without the X-Sandwich-* fields of its header."""
    lines, kept, position, skipping = data.split(b"\r\n"), [], 0, False
    for position, line in enumerate(lines):
        if line == b"":
            break
        if not line.startswith((b" ", b"\t")):
            skipping = bool(_OWN_FIELD.match(line))
        if not skipping:
            kept.append(line)
    return b"\r\n".join(kept + lines[position:])
