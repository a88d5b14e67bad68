"""Reader and editor for sendmail.cf as logical lines.

A logical line is a physical line plus those after it that begin with a space or a TAB. Everything that no edit
touches is written back byte for byte: the text is held as Latin-1, so that any byte survives.
This file knows the syntax only; which edits are made, and why, stands in inbound.py and delivery.py.
"""

import re

MAX_BYTES = 4 * 1024 * 1024
MAX_LINES = 100_000
MAX_LOGICAL = 32 * 1024

MARKER = "# sandwich-cf:"

# One-letter options of Sendmail 8.6 and earlier, as far as an edit or a check needs them.
SHORT_OPTIONS = {"A": "AliasFile", "G": "MatchGECOS", "O": "DaemonPortOptions", "Q": "QueueDirectory",
                 "S": "StatusFile", "U": "UserDatabaseSpec", "V": "FallbackMXhost"}

# Rule sets that have a number as well as a name since Sendmail 8.10.
NUMBERED = {"parse": "0", "canonify": "3", "final": "4", "localaddr": "5", "parselocal": "98"}


class CfError(Exception):
    """A file that cannot be read or edited; the text begins with file and line."""


class Line:
    """One logical line: its first physical line number and its raw text with the line ends."""

    __slots__ = ("no", "raw")

    def __init__(self, no, raw):
        self.no = no
        self.raw = raw

    @property
    def kind(self):
        """The command letter, or '' for comments and empty lines."""
        first = self.raw[:1]
        return "" if first in "#\r\n \t" else first

    @property
    def text(self):
        return self.raw.rstrip("\r\n")


class Mailer:
    """An M line. Values are edited in place; the layout around them stays."""

    def __init__(self, cf, line):
        self.cf = cf
        self.line = line
        match = re.match(r"M([^,\s]+)", line.raw)
        if not match:
            raise CfError(f"{cf.name}:{line.no}: mailer without a name")
        self.name = match.group(1)
        self._scan()

    def _scan(self):
        """Find the span of every field's value: a value ends at a comma outside quotes, as in Sendmail."""
        raw = self.line.raw
        self.spans = {}
        pos = 1 + len(self.name)
        while True:
            pos = re.compile(r"[,\s]*").match(raw, pos).end()
            if pos >= len(raw):
                return
            equals = raw.find("=", pos)
            comma = raw.find(",", pos)
            if equals < 0 or 0 <= comma < equals:
                raise CfError(f"{self.cf.name}:{self.line.no}: mailer {self.name}: "
                              f"'{raw[pos:pos + 20].strip()}' is not a field (X=value)")
            key = raw[pos]
            start = re.compile(r"\s*").match(raw, equals + 1).end()
            end = start
            quoted = False
            while end < len(raw) and (quoted or raw[end] != ","):
                if raw[end] == "\\":
                    end += 1
                elif raw[end] == '"':
                    quoted = not quoted
                end += 1
            end = min(end, len(raw))
            stop = start + len(raw[start:end].rstrip())
            self.spans[key] = (start, stop)
            pos = end

    def get(self, key):
        span = self.spans.get(key)
        return self.line.raw[span[0]:span[1]] if span else None

    def set(self, key, value):
        """Replace a field's value, or add the field in front of A= (Sendmail wants the argument vector last)."""
        raw = self.line.raw
        if key in self.spans:
            start, stop = self.spans[key]
            self.line.raw = raw[:start] + value + raw[stop:]
        elif "A" in self.spans:
            head = raw.rindex("A", 0, self.spans["A"][0])
            self.line.raw = f"{raw[:head]}{key}={value}, {raw[head:]}"
        else:
            body = raw.rstrip("\r\n")
            self.line.raw = f"{body}, {key}={value}{raw[len(body):]}"
        self._scan()

    @property
    def flags(self):
        return "".join((self.get("F") or "").split())

    def set_flags(self, add="", drop="", keep=None):
        """Edit the set of flags; those that stay keep their order."""
        old = self.flags
        new = [f for f in old if f not in drop and (keep is None or f in keep)]
        new += [f for f in dict.fromkeys(add) if f not in new]
        new = "".join(dict.fromkeys(new))
        if new != old:
            self.set("F", new)

    @property
    def is_ipc(self):
        return (self.get("P") or "").upper() in ("[IPC]", "[TCP]")

    @property
    def argv(self):
        return (self.get("A") or "").split()

    @property
    def speaks_tcp(self):
        """An IPC mailer that connects over TCP (and not to a LMTP socket: A=FILE)."""
        argv = self.argv
        return self.is_ipc and len(argv) >= 2 and argv[0].upper() in ("TCP", "IPC")

    @property
    def envelope_sender_ruleset(self):
        return (self.get("S") or "").split("/")[0].strip()

    @property
    def envelope_recipient_ruleset(self):
        return (self.get("R") or "").split("/")[0].strip()


class Cf:
    """A parsed configuration file."""

    def __init__(self, data, name):
        self.name = name
        self.lines = []
        self.insertions = {}
        self._split(data)

    @classmethod
    def read(cls, path):
        try:
            with open(path, "rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise CfError(f"{path}: {error.strerror}") from error
        return cls(data, path)

    def _split(self, data):
        if len(data) > MAX_BYTES:
            raise CfError(f"{self.name}: longer than {MAX_BYTES} bytes, not a sendmail.cf")
        if b"\0" in data:
            line = data[:data.index(b"\0")].count(b"\n") + 1
            raise CfError(f"{self.name}:{line}: NUL byte, not a text file")
        physical = re.findall(r"[^\n]*\n|[^\n]+", data.decode("latin-1"))
        if len(physical) > MAX_LINES:
            raise CfError(f"{self.name}: more than {MAX_LINES} lines, not a sendmail.cf")
        for number, raw in enumerate(physical, 1):
            if raw[0] in " \t" and self.lines:
                self.lines[-1].raw += raw
            else:
                self.lines.append(Line(number, raw))
        for line in self.lines:
            if len(line.raw) > MAX_LOGICAL:
                raise CfError(f"{self.name}:{line.no}: line longer than {MAX_LOGICAL} bytes")

    def text(self):
        return "".join(line.raw for line in self.lines)

    def of_kind(self, kind):
        return [line for line in self.lines if line.kind == kind]

    # -- mailers --

    def mailers(self):
        return [Mailer(self, line) for line in self.of_kind("M")]

    def mailer(self, name):
        """The mailer Sendmail uses under this name: a later M line replaces an earlier one."""
        found = [m for m in self.mailers() if m.name.lower() == name.lower()]
        return found[-1] if found else None

    # -- options --

    @staticmethod
    def option_of(line):
        """(name, value) of an O line, or None. Long form 'O Name=value', old form 'OQ/var/spool/mqueue'."""
        if line.kind != "O" or len(line.text) < 2:
            return None
        text = line.text
        if text[1] == " ":
            name, _, value = text[2:].partition("=")
            return name.strip(), value.strip()
        return SHORT_OPTIONS.get(text[1], text[1]), text[2:].strip()

    def options(self, name):
        """[(line, value)] of every setting of the option, in order."""
        found = []
        for line in self.of_kind("O"):
            pair = self.option_of(line)
            if pair and self._same_option(pair[0], name):
                found.append((line, pair[1]))
        return found

    @staticmethod
    def _same_option(given, name):
        """Sendmail takes any case, and abbreviations; short ones are ambiguous and not accepted here."""
        given, name = given.lower(), name.lower()
        return given == name or (len(given) >= 8 and name.startswith(given))

    def option(self, name):
        """The value that counts (the last one), or None."""
        found = self.options(name)
        return found[-1][1] if found else None

    def is_true(self, name):
        value = self.option(name)
        return value is not None and (value == "" or value[0] in "tTyY")

    # -- macros --

    def macro(self, letter):
        """Value of a one-letter macro from its last D line; '' when not defined."""
        value = ""
        for line in self.of_kind("D"):
            if line.text[1:2] == letter:
                value = line.text[2:].strip()
            elif line.text.startswith(f"D{{{letter}}}"):
                value = line.text[3 + len(letter):].strip()
        return value

    # -- rule sets --

    @staticmethod
    def ruleset_keys(line):
        """The names under which an S line opens its rule set: lower case name and/or number."""
        name, _, number = line.text[1:].partition("=")
        keys = {key.split()[0].lower() for key in (name, number) if key.strip()}
        keys |= {NUMBERED[key] for key in keys & NUMBERED.keys()}
        return keys

    def ruleset(self, name):
        """Line that first opens the rule set, or None."""
        name = name.lower()
        for line in self.of_kind("S"):
            if name in self.ruleset_keys(line):
                return line
        return None

    def rules(self, name):
        """All rules of a rule set, over all its openings."""
        name = name.lower()
        inside = False
        rules = []
        for line in self.lines:
            if line.kind == "S":
                inside = name in self.ruleset_keys(line)
            elif line.kind == "R" and inside:
                rules.append(line)
        return rules

    # -- edits --

    def insert_after(self, line, text):
        self.lines.insert(self.lines.index(line) + 1, Line(line.no, text))

    def insert_before(self, line, text):
        self.lines.insert(self.lines.index(line), Line(line.no, text))

    def remove(self, line):
        self.lines.remove(line)

    def append(self, text):
        if self.lines and not self.lines[-1].raw.endswith("\n"):
            self.lines[-1].raw += "\n"
        self.lines.append(Line(self.lines[-1].no if self.lines else 1, text))

    def prepend(self, text):
        self.lines.insert(0, Line(1, text))


def split_rule(line):
    """(left, right) of a rule: parts are divided by TABs, the third is a comment."""
    parts = re.split(r"\t+", line.text[1:].replace("\n", ""))
    return parts[0].strip(), parts[1].strip() if len(parts) > 1 else ""


def is_loopback(address):
    address = address.strip("[]").lower()
    address = address.removeprefix("ipv6:")
    return address.startswith("127.") or address in ("::1", "localhost", "0:0:0:0:0:0:0:1")


def are_loopback(addresses):
    return all(is_loopback(address) for address in addresses)


def daemon_keys(value):
    """DaemonPortOptions as a dict of first letters, as Sendmail reads them (a: address, p: port, f: family ...)."""
    keys = {}
    for item in value.split(","):
        name, _, content = item.partition("=")
        if name.strip():
            keys[name.strip()[0].lower()] = content.strip()
    return keys


def port_of(keys):
    port = keys.get("p", "smtp").lower()
    return {"smtp": "25", "submission": "587", "smtps": "465", "submissions": "465"}.get(port, port)
