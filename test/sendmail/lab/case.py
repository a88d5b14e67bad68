"""What a case says besides passing: that it could not run, or what it found wrong."""


class Skip(Exception):
    """The case cannot be run here; the text says why. Never counted as passed."""


def expect(condition, what):
    """Unlike `assert`, not gone under python3 -O, and with a text that a reader understands."""
    if not condition:
        raise AssertionError(what)


def expect_equal(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r} instead of {wanted!r}")


def need_networks(lab):
    if not lab.networks:
        raise Skip("needs network namespaces: on loopback nobody is a stranger, and all remote hosts are one")


def need_system(lab):
    if not lab.root.copy_on_write:
        raise Skip("needs a whole system to run in: no mount namespace here")
