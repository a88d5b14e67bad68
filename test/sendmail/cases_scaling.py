"""Several scanner boxes behind one inbound Sendmail, as sandwich-scaling(7) has it: which of them gets a message, and what becomes of
those that a box has in hand when it dies."""

import contextlib
import os
import shutil
import threading

from lab import boxes as lab_boxes
from lab import mail
from lab.case import expect, expect_equal, need_networks, need_system
from lab.sandwich import USERS, wait_for

_FEW = 6
_MANY = 20  # that chance gives none of them to one of two boxes is one in half a million
_POINTS = "/run/sandwich-points"
_WITH_FAULTS = "/usr/local/sbin/sandwichd-with-faults"


def _send(lab, count=_FEW):
    """So many messages over one connection; their marks."""
    marks = [mail.token() for _ in range(count)]
    with lab.session() as client:
        for number, mark in enumerate(marks):
            client.transaction("s@outside.test", [f"{USERS[number % len(USERS)]}@example.test"], mail.message(mark))
    return marks


def _through(boxes, marks):
    """Waits until all were handed on; how many of them by each box."""

    def missing():
        return set(marks) - {*boxes.a.handed_on(), *boxes.b.handed_on()}

    wait_for(lambda: not missing(), 30, lambda: f"all were handed on; {missing()} were not")
    return {box.name: len(set(marks) & set(box.handed_on())) for box in (boxes.a, boxes.b)}


def _times(boxes, mark):
    return boxes.a.handed_on().count(mark), boxes.b.handed_on().count(mark)


def _copies(lab, mark):
    return sum(len(lab.sandwich.mailbox(user, mark)) for user in USERS)


class _Load:
    """Clients that send at the same time, a message a connection, until each has sent its share or was told to stop."""

    def __init__(self, lab, clients=4, share=12):
        self.lab, self.share = lab, share
        self.accepted, self.refused = [], []
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        for _ in range(self.share):
            try:
                self.accepted += _send(self.lab, 1)
            except Exception as error:  # whatever it is, the case has to hear of it
                self.refused.append(f"{type(error).__name__}: {error}")

    def reached(self, count):
        wait_for(lambda: len(self.accepted) >= count or self.refused, 40, f"{count} messages were accepted")

    def end(self):
        for thread in self._threads:
            thread.join(60)
        expect(not any(thread.is_alive() for thread in self._threads), "a client hangs")
        expect_equal(self.refused, [], "messages that port 25 did not take")
        return self.accepted


@contextlib.contextmanager
def _standing_at(lab, box, point):
    """`box` with the program of the tests; gives a function that lets the next message stand still at the failpoint `point`."""
    points = lab.root / _POINTS
    points.mkdir(exist_ok=True)
    points.chmod(0o777)
    shutil.copy(lab.sandwich.build / "test/sandwichd_with_faults", lab.root / _WITH_FAULTS)
    box.stop()
    os.environ["SANDWICH_FAILPOINTS"] = _POINTS
    try:
        box.start(_WITH_FAULTS)
    finally:
        del os.environ["SANDWICH_FAILPOINTS"]

    def stand():
        (points / point).touch()
        wait_for((points / f"{point}.reached").exists, 30, f"a message is at {point}")

    try:
        yield stand
    finally:
        (points / f"{point}.reached").unlink(missing_ok=True)


def case_scaling_a_scanner_dies_under_load(lab):
    """All of its processes at once. Nothing is lost; what it had handed on and not confirmed comes twice, as the other one's journal does
    not know it."""
    need_system(lab)
    need_networks(lab)
    with lab_boxes.boxes(lab, "--spread") as boxes:
        with _standing_at(lab, boxes.a, "before-reply") as stand:
            before = _through(boxes, _send(lab, _MANY))
            expect(min(before.values()) > 0, f"both scanners are used: {before}")
            load = _Load(lab)
            load.reached(12)
            stand()
            load.reached(24)
            boxes.a.kill()
        killed = len(load.accepted)
        accepted = load.end()
        expect(killed < len(accepted), "mail came in after its death, too")
        lab.sandwich.settle()

        copies = {mark: _copies(lab, mark) for mark in accepted}
        expect_equal([mark for mark, count in copies.items() if count == 0], [], "messages that were accepted and are lost")
        # Sendmail takes the next host at once, also when the connection is lost behind the final dot.
        doubled = [mark for mark, count in copies.items() if count > 1]
        for mark in doubled:
            expect_equal(_times(boxes, mark), (1, 1), f"how often A and B handed {mark} on")
        by = _through(boxes, accepted)
        print(f"    {len(accepted)} accepted, handed on by {by}; {len(doubled)} came twice", flush=True)
        expect(doubled, "what A had handed on and not confirmed comes again by B")

        boxes.b.reload(client=lab_boxes.DELIVERY)
        waiting = _send(lab)
        wait_for(lambda: len(lab.sandwich.queue()) >= _FEW, 20, "nobody is left to take it, and mail waits")
        boxes.b.reload()
        expect_equal(_through(boxes, waiting), {"scanner-a": 0, "scanner-b": _FEW}, "the queue runner brings it")
        boxes.a.start()
        again = _through(boxes, _send(lab, _MANY))
        expect(min(again.values()) > 0, f"A has its share again: {again}")
        lab.sandwich.settle()


def case_scaling_the_first_scanner_of_a_list_has_all_the_work(lab):
    need_system(lab)
    need_networks(lab)
    with lab_boxes.boxes(lab) as boxes:
        expect_equal(_through(boxes, _send(lab)), {"scanner-a": _FEW, "scanner-b": 0}, "A first")
        boxes.a.reload(client=lab_boxes.DELIVERY)  # it greets with 421, as when it has enough to do
        expect_equal(_through(boxes, _send(lab)), {"scanner-a": 0, "scanner-b": _FEW}, "what A does not want")
        boxes.a.reload()
        expect_equal(_through(boxes, _send(lab)), {"scanner-a": _FEW, "scanner-b": 0}, "A first again")
        boxes.plug(1, "down")
        expect_equal(_through(boxes, _send(lab)), {"scanner-a": 0, "scanner-b": _FEW}, "A cannot be reached")
        boxes.plug(1, "up")

        # Also a box that is there again at once is not asked again when a connection to it is lost, and its journal not either.
        with _standing_at(lab, boxes.a, "before-reply") as stand:
            standing = threading.Thread(target=stand)
            standing.start()
            mark = _send(lab, 1)[0]
            standing.join()
            boxes.a.kill_proxy()
        wait_for(lambda: _copies(lab, mark) == 2, 30, "A's copy, and B's")
        lab.sandwich.settle()
        expect_equal(_times(boxes, mark), (1, 1), "how often A and B handed it on")
