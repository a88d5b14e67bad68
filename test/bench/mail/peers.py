"""Others that stand where we stand: optional, by --peers."""

NAMES = ()


def scans(name):
    return False


def choose(words):
    return []
