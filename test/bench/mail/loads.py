"""What is sent: how many sessions at once, how many messages on each connection, which mails, by which sender."""

import dataclasses

from .texts import TITLES


@dataclasses.dataclass(frozen=True)
class Load:
    shape: str  # lat1, s10, s50, reuse20 ...
    texts: str  # 4K, 64K, 1M, corpus
    sessions: int
    reuse: int = 1
    sender: str = "own"  # or smtp-source

    @property
    def name(self):
        return f"{self.shape}/{self.texts}" + ("/smtp-source" if self.sender != "own" else "")

    @property
    def title(self):
        return f"{self.shape} {TITLES[self.texts]}" + (" (smtp-source)" if self.sender != "own" else "")


_SHAPES = {"lat1": (1, 1), "s10": (10, 1), "s50": (50, 1), "reuse20": (10, 20), "s200": (200, 1), "s1000": (1000, 1)}
_QUICK = ("lat1/4K", "s10/4K", "reuse20/4K", "s50/4K", "s10/64K", "s10/1M", "s10/corpus", "s10/4K/smtp-source")
_FULL = (*(f"{shape}/{texts}" for shape in ("lat1", "s10", "reuse20", "s50") for texts in ("4K", "64K", "1M", "corpus")),
         "s200/4K", "s1000/4K", *(f"s10/{texts}/smtp-source" for texts in ("4K", "64K", "1M")))


def load(name):
    """By name; a KeyError or ValueError for what is none."""
    shape, texts, *sender = name.split("/")
    sessions, reuse = _SHAPES[shape]
    if texts not in TITLES or sender not in ([], ["smtp-source"]) or (sender and (texts == "corpus" or reuse > 1)):
        raise ValueError(name)
    return Load(shape, texts, sessions, reuse, sender[0] if sender else "own")


def choose(quick, with_corpus):
    """What needs collected mail is left out where there is none."""
    chosen = [load(name) for name in (_QUICK if quick else _FULL)]
    return [one for one in chosen if with_corpus or one.texts != "corpus"]
