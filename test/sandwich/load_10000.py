#!/usr/bin/python3
"""10,000 messages over 50 sessions: none lost, none twice, no growth of memory from the first to the last thousand."""

import os
import threading

from daemon import Daemon, memory_is_telling
from samples import own_fields
from suite import Suite, check, equal

from flood import Flood
from sink import Sink

suite = Suite()
MESSAGES, SESSIONS = 10000, 50
GROWTH = 2 << 20  # octets


def resident(pid):
    """Octets in memory that belong to that process alone or in part (Pss), so that shared pages do not blur the picture."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except (PermissionError, StopIteration):
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def texts():
    """2 to 40 kB, one in ten with 8-bit text; each with its number in the body."""
    filler = b"".join(b"Line %05d of a text that is as long as lines of mail are.\r\n" % number for number in range(700))
    for number in range(MESSAGES):
        size = 2000 + (number * 7919) % 10000 + (30000 if number % 20 == 0 else 0)
        yield (f"a{number}@from.test", f"b{number % 100}@to.test",
               b"From: a@from.test\r\nSubject: load\r\nMessage-ID: <%d@from.test>\r\n\r\nnumber=%d\r\n" % (number, number)
               + filler[:size // 60 * 60] + (b"\xe4\xf6\xfc\r\n" if number % 10 == 0 else b""))


@suite.test
def none_lost_none_twice_no_growth():
    counts, wrong, lock = [0] * MESSAGES, [], threading.Lock()
    expected = [text for _, _, text in texts()]

    def take(message):
        number = int(message.mail.strip("<>").split("@")[0][1:])
        intact = own_fields(message.data)[1] == expected[number]
        with lock:
            counts[number] += 1
            if not intact:
                wrong.append(number)

    with Sink(keep=False, on_message=take) as sink, Daemon(sink.port, {"journal.max_size": "1m"}) as daemon:
        watched = {role: daemon.pids(role) for role in ("proxy", "zygote", "worker")}
        equal((len(watched["proxy"]), len(watched["zygote"])), (1, 1))
        samples = {}

        def watch(done):
            if done % 1000 == 0:
                samples[done] = {pid: resident(pid) for pids in (watched["proxy"], watched["zygote"]) for pid in pids}

        flood = Flood(daemon.port, texts(), SESSIONS, watch).run(150)
        print(f"# {MESSAGES} messages in {flood.seconds:.1f} s, {MESSAGES / flood.seconds:.0f} a second, {flood.most_open} sessions, "
              f"{sink.connections} connections downstream", flush=True)
        refused = [reply for reply in flood.replies.values() if not reply.startswith("250")]
        equal((len(flood.replies), refused[:3], flood.troubles[:3]), (MESSAGES, [], []))
        equal([number for number in range(MESSAGES) if counts[number] == 0], [], "lost")
        equal([number for number in range(MESSAGES) if counts[number] > 1], [], "twice")
        equal(wrong, [], "changed")
        equal(flood.most_open, SESSIONS)

        for role in ("proxy", "zygote"):
            pid = watched[role][0]
            first, last = samples[1000][pid], samples[MESSAGES][pid]
            print(f"# {role}: {first >> 10} kB after 1,000, {last >> 10} kB after {MESSAGES}", flush=True)
            check(not memory_is_telling() or last - first <= max(GROWTH, first // 25), f"{role} grew from {first} to {last} octets")
        equal({role: daemon.pids(role) for role in watched}, watched, "processes that were replaced under load")
        equal(len(daemon.wait_log(r"mailer=smtp.*stat=Sent", 10, MESSAGES)), MESSAGES, "lines in the log")
        equal(daemon.log_lines("log_lost|possible_duplicate|worker_lost"), [])
        check(flood.seconds < 90, f"took {flood.seconds:.0f} s")


if __name__ == "__main__":
    suite.main()
