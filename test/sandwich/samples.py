"""Messages for tests. EICAR stands in no file: it is put together when asked for."""

import base64
import io
import re
import zipfile


def eicar():
    """The EICAR test file (68 octets): harmless, and a find for every virus scanner."""
    return b"".join((b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$", b"EICAR-STANDARD-", b"ANTIVIRUS-TEST-FILE", b"!$H+H*"))


# What the test signatures call it; libclamav adds the second part to all that is not its maker's.
EICAR_NAME = "Sandwich.Test.EICAR.UNOFFICIAL"


def message(body="Hello.\r\n", headers=(), sender="a@from.test", recipient="b@to.test", message_id="<1@from.test>"):
    """A plain message; `headers`: further fields, each a line without its end."""
    head = [f"From: {sender}", f"To: {recipient}", "Subject: a test", f"Message-ID: {message_id}",
            "Date: Mon, 1 Jan 2024 00:00:00 +0000", *headers]
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogateescape")
    return "\r\n".join(head).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def with_attachment(data, name, content_type="application/octet-stream", headers=()):
    encoded = base64.encodebytes(data).replace(b"\n", b"\r\n")
    return message(
        b"--b1\r\nContent-Type: text/plain\r\n\r\nSee the attachment.\r\n--b1\r\n"
        + f'Content-Type: {content_type}; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n'.encode()
        + f'Content-Disposition: attachment; filename="{name}"\r\n\r\n'.encode()
        + encoded + b"--b1--\r\n",
        headers=("MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="b1"', *headers))


def zipped(data, name="file.com"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def compound_file(stream, data):
    """An OLE compound file with one stream, [MS-CFB]: header, table, directory, the stream."""
    data += b"\0" * (-len(data) % 512)
    data += b"\0" * max(4096 - len(data), 0)  # smaller ones lie elsewhere
    free, end = b"\xff" * 4, b"\xfe\xff\xff\xff"

    def entry(name, kind, child, start, size):
        wide = name.encode("utf-16-le")
        return (wide.ljust(64, b"\0") + (len(wide) + 2).to_bytes(2, "little") + bytes((kind, 1)) + 2 * free + child + bytes(36)
                + start + size.to_bytes(8, "little"))

    sectors = len(data) // 512
    table = b"\xfd\xff\xff\xff" + end + b"".join((i + 3).to_bytes(4, "little") for i in range(sectors - 1)) + end
    header = (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + bytes.fromhex("3e000300feff09000600") + bytes(10) + (1).to_bytes(4, "little")
              + (1).to_bytes(4, "little") + bytes(4) + (4096).to_bytes(4, "little") + end + bytes(4) + end + bytes(4) + bytes(4) + 108 * free)
    directory = entry("Root Entry", 5, (1).to_bytes(4, "little"), end, 0) + entry(stream, 2, free, (2).to_bytes(4, "little"), len(data))
    return header + table.ljust(512, b"\xff") + directory.ljust(512, b"\0") + data


def presentation(text):
    """A PowerPoint document as it was until 2007, with this text on it."""
    wide = text.encode("utf-16-le")
    return compound_file("PowerPoint Document", bytes(2) + b"\xa0\x0f" + len(wide).to_bytes(4, "little") + wide)


def encrypted_zip(data=b"secret text, not to be read\n" * 20, name="secret.txt"):
    """A zip whose member is under the old PKWARE cipher, by hand: the standard library only reads them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(name, data)
    plain = bytearray(buffer.getvalue())
    check = zipfile.ZipFile(io.BytesIO(bytes(plain))).infolist()[0].CRC >> 24
    cipher = _zip_encrypt(bytes(range(11)) + bytes([check]) + data, b"password")
    offset = 30 + len(name)
    local = bytearray(plain[:offset])
    local[6] |= 1  # the flag "encrypted"
    local[18:22] = len(cipher).to_bytes(4, "little")
    central = bytearray(plain[offset + len(data):])
    central[8] |= 1
    central[20:24] = len(cipher).to_bytes(4, "little")
    end = central.rfind(b"PK\5\6")
    central[end + 16:end + 20] = (offset + len(cipher)).to_bytes(4, "little")
    return bytes(local) + cipher + bytes(central)


def _zip_encrypt(data, password):
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ 0xEDB88320 if value & 1 else value >> 1
        table.append(value)
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(octet):
        keys[0] = (keys[0] >> 8) ^ table[(keys[0] ^ octet) & 255]
        keys[1] = ((keys[1] + (keys[0] & 255)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = (keys[2] >> 8) ^ table[(keys[2] ^ (keys[1] >> 24)) & 255]

    for octet in password:
        update(octet)
    out = bytearray()
    for octet in data:
        mask = (keys[2] | 2) & 0xFFFF
        out.append(octet ^ ((mask * (mask ^ 1) >> 8) & 255))
        update(octet)
    return bytes(out)


_TRACE = re.compile(rb"\A(Received: from [^\r\n]*\r\n\tby [^\r\n]*\r\n\t[^\r\n]*)\r\n(?:(X-Sandwich-Verdict: [^\r\n]*)\r\n)?")


def own_fields(data):
    """Our own trace at the top of a delivered message, and the rest: (list of unfolded fields, bytes)."""
    match = _TRACE.match(data)
    if not match:
        raise AssertionError(f"no trace of ours at the top: {data[:200]!r}")
    fields = [" ".join(field.decode("utf-8", "surrogateescape").split()) for field in match.groups() if field]
    return fields, data[match.end():]
