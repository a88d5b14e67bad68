"""Mail while a part fails: sessions that send letter after letter, an outage that begins and ends while they are at work, and a book of
what became of every recipient of every letter.

    book = Book(sink, ...)
    under_load(book, daemon, "smtp", begin, end)
    book.settle()         every recipient who was put off is tried again, as a mail server's queue does
    book.row(...)

The columns count recipients: taken (known, at the first try), put off (4xx), delivered (known, in the end), refused (unknown), misrejected (known,
with 550), let through (unknown, with 250), lost and twice (letters to a recipient).

A letter has recipients that exist and recipients that do not; what the sender does with its replies is what a mail server does: 250 to
the final dot means that the letter is off its hands, 4xx that it is tried again, 550 that the recipient is given up."""

import collections
import itertools
import re
import threading
import time

from suite import Failure, check, equal, wait_for

from client import Client, Closed

SESSIONS = 6  # of each source
ROUNDS = 2  # letters of each session during the outage
_PAUSE = 0.1  # seconds between a session's letters
PEOPLE = [f"p{number}" for number in range(10)]
_NUMBERS = itertools.count()
_MARK = re.compile(rb"^Subject: (letter \d+)\r$", re.M)
COLUMNS = ("letters", "recipients", "taken", "put off", "delivered", "refused", "misrejected", "let through", "lost", "twice")


class Letter:
    def __init__(self, kind):
        number = next(_NUMBERS)
        self.mark = f"letter {number}"
        self.known = [f"{PEOPLE[(number + step) % len(PEOPLE)]}@{kind}.test" for step in range(2)]
        self.unknown = [f"n{number}.{step}@{kind}.test" for step in range(2)]
        self.open = [*self.known, *self.unknown]  # for whom it is still to be sent

    def text(self):
        return f"From: <a@from.test>\r\nSubject: {self.mark}\r\n\r\nhello\r\n"


class Book:
    """Of one source in one outage. `delivered()` gives the messages that the delivery servers have taken."""

    def __init__(self, kind, delivered, ask_first=None):
        self.kind, self._delivered = kind, delivered
        self._ask_first = ask_first  # (address) -> False: refused before sandwichd is asked, as by Sendmail's socketmap
        self._lock = threading.Lock()
        self.letters, self.waiting = [], collections.deque()
        self.receipts = collections.Counter()  # (mark, recipient): 250 at the end of data
        self.counts = collections.Counter()  # (known or unknown, code), first tries
        self.retried = collections.Counter()  # the same, later ones

    def write(self):
        letter = Letter(self.kind)
        with self._lock:
            self.letters.append(letter)
        return letter

    def send(self, port, letter, tally=None):
        """One try for whom it is open; the replies as {recipient: code}."""
        tally = self.counts if tally is None else tally
        codes = dict.fromkeys(letter.open, 451)
        try:
            self._talk(port, letter, codes)
        except (OSError, Closed):
            pass  # the connection broke: it is tried again
        with self._lock:
            for recipient, code in codes.items():
                tally["known" if recipient in letter.known else "unknown", code] += 1
                if code == 250:
                    self.receipts[letter.mark, recipient] += 1
            letter.open = [recipient for recipient, code in codes.items() if code not in (250, 550)]
            if letter.open:
                self.waiting.append(letter)
        return codes

    def _talk(self, port, letter, codes):
        asked = []
        for recipient in letter.open:
            if self._ask_first and not self._ask_first(recipient):
                codes[recipient] = 550
            else:
                asked.append(recipient)
        if not asked:
            return
        with Client(port, timeout=60) as client:
            if client.greeting.code != 220 or client.ehlo().code != 250:
                return
            replies = client.envelope(recipients=asked)
            if replies[0].code != 250:
                return
            accepted = []
            for recipient, reply in zip(asked, replies[1:]):
                if reply.code == 250:
                    accepted.append(recipient)
                else:
                    codes[recipient] = reply.code
            if accepted:
                final = client.text(letter.text()).code
                codes.update(dict.fromkeys(accepted, final))
            client.send("QUIT\r\n")

    def settle(self, port, seconds=30):
        """The queue, until nobody waits any more."""
        end = time.monotonic() + seconds
        while self.waiting:
            check(time.monotonic() < end, f"{self.kind}: {len(self.waiting)} letters still wait {seconds} s after the outage")
            for _ in range(len(self.waiting)):
                self.send(port, self.waiting.popleft(), self.retried)
            time.sleep(0.05)

    def close(self, name, twice=0, let_through=False):
        """Adds everything up; a Failure when a letter is lost, twice there (more than `twice`, those that the log tells of), or was refused
        to somebody who exists. `let_through`: strangers may be accepted, by choice. The row of the table."""
        arrived = collections.Counter()
        for message in self._delivered():
            found = _MARK.search(message.data)
            for recipient in message.recipients if found else ():
                arrived[found[1].decode(), recipient.strip("<>")] += 1
        due = {(letter.mark, recipient) for letter in self.letters for recipient in letter.known}
        mine = {letter.mark for letter in self.letters}
        lost = sum(arrived[one] == 0 for one in due | set(self.receipts))
        double = sum(count - 1 for one, count in arrived.items() if one[0] in mine and count > 1)
        both = self.counts + self.retried
        refused = both["unknown", 550]
        through = both["unknown", 250]
        row = {"letters": len(self.letters), "recipients": 2 * len(due), "taken": self.counts["known", 250],
               "put off": sum(count for (_, code), count in self.counts.items() if code not in (250, 550)),
               "delivered": sum(arrived[one] > 0 for one in due), "refused": refused,
               "misrejected": both["known", 550], "let through": through, "lost": lost, "twice": double}
        who = f"{self.kind}, {name}: {dict(both)}"
        equal(row["misrejected"], 0, f"recipients that exist and were refused: {who}")
        check(let_through or through == 0, f"recipients that do not exist and were accepted: {who}")
        equal(lost, 0, f"letters lost: {who}")
        check(double <= twice, f"{double} letters there twice: {who}")
        equal(refused + through, len(due), f"strangers: {who}")
        check(all(code in (250, 550) or 400 <= code < 500 for _, code in both), f"other answers: {who}")
        return (self.kind, name, *(row[column] for column in COLUMNS))


class _Stages:
    """Where each session is; the outage begins and ends when all have come so far."""

    def __init__(self, sessions):
        self._changed = threading.Condition()
        self._sessions, self._there = sessions, collections.Counter()
        self.begun, self.mended = threading.Event(), threading.Event()
        self.faults = []

    def reach(self, stage):
        with self._changed:
            self._there[stage] += 1
            self._changed.notify_all()

    def fail(self, problem):
        with self._changed:
            self.faults.append(problem)
            self._changed.notify_all()

    def wait(self, stage, seconds=60):
        with self._changed:
            there = self._changed.wait_for(lambda: self.faults or self._there[stage] >= self._sessions, seconds)
        if self.faults:
            raise self.faults[0]
        if not there:
            raise Failure(f"waited {seconds} s in vain for {self._sessions} sessions to be {stage}")


def _session(port, book, stages):
    try:
        while not in_order(book.send(port, letter := book.write()), letter):
            time.sleep(_PAUSE)
        stages.reach("at work")
        while not stages.begun.wait(_PAUSE):
            book.send(port, book.write())
        for _ in range(ROUNDS):
            book.send(port, book.write())
        stages.reach("in the outage")
        while not stages.mended.wait(_PAUSE):
            book.send(port, book.write())
        end = time.monotonic() + 30
        while not in_order(book.send(port, letter := book.write()), letter):
            if time.monotonic() > end:
                raise Failure(f"{book.kind}: not in order 30 s after the outage")
            time.sleep(_PAUSE)
        stages.reach("over it")
    except Exception as problem:  # told by the main thread
        stages.fail(problem)


def in_order(codes, letter):
    return all(codes[known] == 250 for known in letter.known) and all(codes[unknown] == 550 for unknown in letter.unknown)


def under_load(books, port, begin, end):
    """`begin` and `end` run while SESSIONS sessions of each book are in the middle of their letters; the letters that came of it are settled
    then."""
    stages = _Stages(SESSIONS * len(books))
    sessions = [threading.Thread(target=_session, args=(port, book, stages)) for book in books for _ in range(SESSIONS)]
    for session in sessions:
        session.start()
    try:
        stages.wait("at work")
        begin()
        stages.begun.set()
        try:
            stages.wait("in the outage")
        finally:
            end()
            stages.mended.set()
        stages.wait("over it")
    finally:
        stages.begun.set()
        stages.mended.set()
        for session in sessions:
            session.join()
    for book in books:
        book.settle(port)


def wait_in_order(books, port):
    """Before the load: every source answers clearly."""
    for book in books:
        wait_for(f"{book.kind} to be in order", lambda book=book: in_order(book.send(port, letter := book.write()), letter), 30)
