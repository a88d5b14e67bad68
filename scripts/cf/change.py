"""What an edit did and why: collected for --explain; and the edit of an option, which both variants make."""

from .logical import CfError


class Changes:
    """The changes and warnings of one output file."""

    def __init__(self):
        self.items = []
        self.warnings = []

    def note(self, line, what, why):
        """line: number in the input, or None for something that the input does not have."""
        self.items.append((line, what, why))

    def warn(self, text):
        self.warnings.append(text)


def set_option(cf, name, value, why, changes, add=True):
    """Set an option to one value: the first setting is replaced, further ones go."""
    found = cf.options(name)
    if not found and not add:
        return
    text = f"O {name}={value}\n"
    if found:
        first = found[0][0]
        before = found[0][1]
        if first.text != text.rstrip("\n"):
            changes.note(first.no, f"{name}={before} -> {value}", why)
        first.raw = text
        for line, _ in found[1:]:
            cf.remove(line)
    else:
        options = cf.of_kind("O")
        anchor = options[-1] if options else next((x for x in cf.lines if x.kind == "V"), None)
        if anchor is None:
            raise CfError(f"{cf.name}: no option (O line) and no version (V line): not a sendmail.cf")
        cf.insert_after(anchor, text)
        changes.note(anchor.no, f"{name}={value} added", why)
