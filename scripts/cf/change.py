"""What an edit did and why: collected for --explain."""


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
