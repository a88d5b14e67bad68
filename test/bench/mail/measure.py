"""CPU time and memory of the processes of a target, from /proc.

CPU seconds of a process count its children that are over, so that a server that forks for each connection keeps nothing to itself;
the clock has ticks of 10 ms. Memory is PSS: pages that processes share are divided among them, so that a sum counts each once."""

import os
import stat

_TICK = os.sysconf("SC_CLK_TCK")


def _seconds(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICK  # utime, stime, cutime, cstime


def _by_name(processes, value):
    """Sums by the name of the process: {"worker": ...}."""
    sums = {}
    for pid, name in processes.items():
        sums[name] = sums.get(name, 0) + value(pid)
    return sums


def cpu(processes):
    """CPU seconds until now. `processes`: pid -> name."""
    return _by_name(processes, _seconds)


def difference(before, after):
    """Of two results of cpu(), names that used nothing left out."""
    used = {name: after.get(name, 0) - before.get(name, 0) for name in before | after}
    return {name: seconds for name, seconds in used.items() if seconds}


def _rollup(pid, fields):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(fields))
    except OSError:
        return 0


def pss(processes):
    """Octets, by name."""
    return _by_name(processes, lambda pid: _rollup(pid, "Pss:"))


def resident(processes):
    """Octets of RSS, by name: what processes share counts in each, so that it does not depend on who else shares it."""
    return _by_name(processes, lambda pid: _rollup(pid, "Rss:"))


def unreclaimable(processes):
    """Octets in all: PSS without pages of files, which the system takes back when it needs them."""
    return sum(_rollup(pid, ("Pss_Anon:", "Pss_Shmem:")) for pid in processes)


def memory_files(processes):
    """Octets in memfds that the processes hold open; each file once. Those that are mapped are in PSS, too."""
    sizes = {}
    for pid in processes:
        try:
            names = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for name in names:
            path = f"/proc/{pid}/fd/{name}"
            try:
                if os.readlink(path).startswith("/memfd:"):
                    status = os.stat(path)
                    if stat.S_ISREG(status.st_mode):
                        sizes[status.st_dev, status.st_ino] = status.st_blocks * 512
            except OSError:
                continue
    return sum(sizes.values())
