"""Network namespaces without names: each lives as long as a file descriptor of this process, so none can be left behind."""

import contextlib
import ctypes
import os
import subprocess
import threading

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


class Network:
    """A network namespace. `with network.inside():` moves the calling thread; sockets and children made there stay there."""

    def __init__(self):
        result = []

        def make():
            try:
                _check(_libc.unshare(_CLONE_NEWNET), "unshare")
                result.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
            except OSError as error:
                result.append(error)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if isinstance(result[0], OSError):
            raise result[0]
        self._descriptor = result[0]
        self.ip("link", "set", "lo", "up")

    @contextlib.contextmanager
    def inside(self):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.setns(self._descriptor, _CLONE_NEWNET), "setns")
            yield
        finally:
            _check(_libc.setns(home, _CLONE_NEWNET), "setns")
            os.close(home)

    def ip(self, *arguments):
        with self.inside():
            subprocess.run(["ip", *arguments], check=True)

    def connect_to(self, other, name, own_address, other_address):
        """A cable between two namespaces; `name` is the interface on both ends, addresses carry their prefix length. An end without
        one gets no address."""
        self.ip("link", "add", name, "type", "veth", "peer", "name", name + "-peer")
        self.ip("link", "set", name + "-peer", "netns", f"/proc/{os.getpid()}/fd/{other._descriptor}")
        other.ip("link", "set", name + "-peer", "name", name)
        for network, address in ((self, own_address), (other, other_address)):
            if address:
                network.ip("address", "add", address, "dev", name)
            network.ip("link", "set", name, "up")


class SharedNetwork:
    """Stands for a Network where none can be made: the machine's own, of which we use loopback only."""

    @contextlib.contextmanager
    def inside(self):
        yield
