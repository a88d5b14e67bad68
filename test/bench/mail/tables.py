"""What a part of scale measured: a table, and what of it a goal is about. No figures are judged."""

import dataclasses

from .table import markdown


@dataclasses.dataclass
class Part:
    title: str
    words: str  # conditions
    head: list
    rows: list
    goals: list = dataclasses.field(default_factory=list)  # (what, goal, figure in words)

    def text(self):
        return f"### {self.title}\n\n{self.words}\n\n{markdown(self.head, self.rows)}"
