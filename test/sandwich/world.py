"""One sink and one daemon shared by the tests of a suite that need nothing special; remade when either has died."""

from daemon import Daemon
from suite import Failure

from sink import Sink


class World:
    def __init__(self, settings=None, **sink_options):
        self._settings = settings or {}
        self._sink_options = sink_options
        self.sink = self.daemon = None

    def get(self):
        """(sink, daemon); the sink with an empty record and usual behaviour."""
        if self.daemon is not None and self.daemon.process.poll() is not None:
            log = self.daemon.log()
            self.close()
            raise Failure(f"the daemon died in the test before: {log[-1000:]}")
        if self.daemon is None:
            self.sink = Sink(**self._sink_options)
            self.daemon = Daemon(self.sink.port, self._settings)
        self.sink.forget()
        return self.sink, self.daemon

    def close(self):
        if self.daemon:
            self.daemon.close()
        if self.sink:
            self.sink.close()
        self.sink = self.daemon = None
