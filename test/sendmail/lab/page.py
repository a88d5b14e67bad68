"""The lines of a manual page that an administrator copies: what stands between .Bd -literal -offset and .Ed, by the section it is in."""

import re

from .sandwich import CHECKOUT


class Page:
    def __init__(self, name):
        self._blocks = []
        section = lines = None
        for line in (CHECKOUT / "etc/man" / name).read_text().splitlines():
            if line.startswith((".Sh ", ".Ss ")):
                section = line[4:]
            elif line.startswith(".Bd -literal -offset"):
                lines = []
            elif line == ".Ed" and lines is not None:
                self._blocks.append((section, "\n".join(lines).replace("\\e", "\\") + "\n"))
                lines = None
            elif lines is not None:
                lines.append(line)

    def block(self, section, beginning):
        """The only one in `section` whose text begins with `beginning` (an expression)."""
        found = [text for where, text in self._blocks if where == section and re.match(beginning, text)]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} blocks of {section} begin with {beginning!r}")
        return found[0]
