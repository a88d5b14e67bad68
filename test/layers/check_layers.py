#!/usr/bin/python3
"""Checks the direction of includes between the rooms of proxy/ and scanners/.

    base <- smtp, mail <- policy, scanners <- session, quarantine, journal, directory <- console, ctl <- main

Each room may include only what RULES gives it. Three rules go beyond rooms:

* smtp/, mail/ and policy/ are pure: what they reach, over any number of their own headers, is only the part of the
  standard library that PURE_HEADERS lists; no clock is read there.
* libevent and what is built on it belongs to the files that EVENT_LOOP names.
* code of the scanner processes reaches no libevent: only the pool and scanners/network, which live in the proxy, do.

Usage: check_layers.py [ROOT]       checks the tree, ends with "N passed, N failed"; exit status 1 when one failed
       check_layers.py --self-test  plants each kind of violation in a tree of its own and sees it found
"""

import re
import sys
import tempfile
from pathlib import Path

# Room -> rooms it may include besides itself. A directory without an entry is an error: whoever adds a room decides
# where it stands. "main" are the files that lie in proxy/ itself; "roles" is proxy/roles.hpp.
RULES = {
    "base": set(),
    "roles": set(),
    "smtp": {"base"},
    "mail": {"base"},
    "policy": {"base", "mail"},
    "net": {"base"},
    "config": {"base", "mail", "net", "policy"},
    "scanners": {"base", "config", "mail", "net", "policy", "roles"},
    "journal": {"base", "mail", "net"},
    "explain": {"base", "mail", "net", "policy"},
    "quarantine": {"base", "config", "mail", "net", "policy"},
    "directory": {"base", "config", "mail", "net", "policy", "smtp"},
    "session": {"base", "config", "directory", "explain", "journal", "mail", "net", "policy", "quarantine", "scanners", "smtp"},
    "supervisor": {"base", "config", "net", "roles"},
}
RULES["inspect"] = {"base", "config", "mail", "net", "policy", "quarantine", "scanners", "session", "supervisor"}
RULES["doctor"] = {"base", "config", "directory", "mail", "net", "policy", "smtp"}
RULES["console"] = set(RULES) - {"doctor", "inspect", "roles", "supervisor"}
RULES["ctl"] = set(RULES) - {"console", "inspect", "roles", "supervisor"}
RULES["main"] = set(RULES)

PURE_ROOMS = {"smtp", "mail", "policy"}
# <chrono> is there for durations as values; reading a clock is caught by CLOCK. <immintrin.h>: instructions that calculate.
PURE_HEADERS = set(
    """algorithm any array bit bitset cassert cctype charconv chrono climits cmath compare concepts cstddef cstdint
    cstring deque exception forward_list functional initializer_list iterator limits list map memory memory_resource new
    numbers numeric optional queue random ranges ratio set span stack stdexcept string string_view system_error tuple
    type_traits unordered_map unordered_set utility variant vector version fmt/format.h fmt/ranges.h immintrin.h""".split()
)
# Headers of base that stand for the outside world, though what they include looks harmless.
IMPURE_BASE = {"base/channel.hpp", "base/clock.hpp", "base/log.hpp", "base/snapshot.hpp"}
CLOCK = re.compile(r"\b\w+_clock\b|\bclock_gettime\b|\bgettimeofday\b|\btime\((?:nullptr|NULL|0)\)")

LIBEVENT = re.compile(r"^(event2/.*|event\.h|ev\w+\.h)$")
EVENT_LOOP = re.compile(r"^proxy/(net|session|ctl|inspect)/|^proxy/quarantine/service\.|^proxy/journal/journal\.|^proxy/explain/explanations\.|^scanners/(worker/pool\.|network/)")
# The headers of net that know nothing of the event loop: everybody may have addresses, and the supervisor judges keys.
FREE_OF_LOOP = {"net/address.hpp", "net/tls.hpp"}
USES_LOOP = re.compile(EVENT_LOOP.pattern + r"|^proxy/[^/]+$|^proxy/(console|directory|doctor)/")
IN_THE_PROXY = re.compile(r"^scanners/(worker/pool\.|network/)")

INCLUDE = re.compile(r"^\s*#\s*include\s*(?:<([^>]+)>|\"([^\"]+)\"|(\S.*))")
COMMENT = re.compile(r"//.*$")


class Source:
    """One file: where it is, its room, and its includes as (line, name, is it ours)."""

    def __init__(self, tree, path):
        self.path = path
        self.room = tree.room_of(path)
        self.includes = []
        self.faults = []
        self.clocks = []
        for number, text in enumerate((tree.root / path).read_text(encoding="utf-8").splitlines(), 1):
            if CLOCK.search(COMMENT.sub("", text)):
                self.clocks.append(number)
            match = INCLUDE.match(text)
            if not match:
                continue
            angled, quoted, other = match.groups()
            name = angled or quoted
            if other:
                self.faults.append((number, f"cannot tell what {other} includes"))
            elif tree.find(name):
                self.includes.append((number, name, True))
            elif quoted:
                self.faults.append((number, f'"{name}" is no file below proxy/ or the top'))
            else:
                self.includes.append((number, name, False))


class Tree:
    def __init__(self, root):
        self.root = Path(root)
        paths = sorted(
            path.relative_to(self.root).as_posix()
            for top in ("proxy", "scanners")
            for path in (self.root / top).rglob("*")
            if path.suffix in (".cpp", ".hpp", ".c", ".h") and path.is_file()
        )
        self.paths = set(paths)
        self.sources = {path: Source(self, path) for path in paths}

    def find(self, name):
        """The path of a header of ours that is included as `name`, or None."""
        for path in ("proxy/" + name, name):
            if path in self.paths:
                return path
        return None

    @staticmethod
    def room_of(path):
        parts = path.split("/")
        if parts[0] == "scanners":
            return "scanners"
        if len(parts) == 2:
            return "roles" if parts[1] == "roles.hpp" else "main"
        return parts[1]

    def reach(self, path):
        """Every (name, chain) that `path` includes, itself or over headers of ours."""
        seen = {path}
        waiting = [(path, [])]
        while waiting:
            at, chain = waiting.pop()
            for _, name, ours in self.sources[at].includes:
                yield name, chain + [name]
                target = self.find(name) if ours else None
                if target and target not in seen:
                    seen.add(target)
                    waiting.append((target, chain + [name]))


def check_rooms(tree, source):
    if source.room not in RULES:
        yield 1, f"room {source.room} has no rule: decide in check_layers.py what it may include"
        return
    yield from source.faults
    may = RULES[source.room]
    for line, name, ours in source.includes:
        room = tree.room_of(tree.find(name)) if ours else None
        if room not in (None, source.room) and room not in may:
            yield line, f"{source.room} may not include {name} (only {', '.join(sorted(may)) or 'itself'})"


def check_event_loop(tree, source):
    for line, name, ours in source.includes:
        if not ours and LIBEVENT.match(name) and not EVENT_LOOP.match(source.path):
            yield line, f"libevent (<{name}>) does not belong here"
        of_net = ours and tree.room_of(tree.find(name)) == "net"
        if of_net and name not in FREE_OF_LOOP and not USES_LOOP.match(source.path):
            yield line, f"{name} brings the event loop, which does not belong here"


def check_pure(tree, source):
    if source.room not in PURE_ROOMS:
        return
    for line in source.clocks:
        yield line, f"{source.room} reads no clock: pass the time in"
    for name, chain in tree.reach(source.path):
        way = f" (over {' -> '.join(chain[:-1])})" if len(chain) > 1 else ""
        if name in IMPURE_BASE:
            yield 1, f"{source.room} is pure: {name} is not for it{way}"
        elif not tree.find(name) and name not in PURE_HEADERS:
            yield 1, f"{source.room} is pure: <{name}> is not for it{way}"


def check_worker(tree, source):
    if source.room != "scanners" or IN_THE_PROXY.match(source.path):
        return
    for name, chain in tree.reach(source.path):
        if LIBEVENT.match(name) or (name.startswith("net/") and name not in FREE_OF_LOOP):
            yield 1, f"code of the scanner processes reaches {' -> '.join(chain)}"


CHECKS = (check_rooms, check_event_loop, check_pure, check_worker)


def failures(root):
    """(number of checks made, list of "file:line: error: text")."""
    tree = Tree(root)
    made = 0
    found = []
    for source in tree.sources.values():
        for check in CHECKS:
            made += 1
            found.append([f"{source.path}:{line}: error: {text}" for line, text in check(tree, source)])
    return made, [lines for lines in found if lines]


def check_tree(root):
    made, failed = failures(root)
    for lines in failed:
        print("\n".join(lines))
    # A tree without files would pass every check.
    if made == 0:
        print(f"{root}: no sources below proxy/ and scanners/")
        print("0 passed, 1 failed")
        return 1
    print(f"{made - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


# ---- the check of the check

SOUND = {
    "proxy/base/result.hpp": "#include <fmt/format.h>\n#include <string>\n",
    "proxy/base/clock.hpp": "#include <chrono>\n",
    "proxy/base/snapshot.hpp": "#include <mutex>\n",
    "proxy/base/unique_fd.hpp": "#include <utility>\n",
    "proxy/base/unique_fd.cpp": '#include "base/unique_fd.hpp"\n#include <unistd.h>\n',
    "proxy/mail/message.hpp": '#include "base/unique_fd.hpp"\n#include <memory>\n// steady_clock is not for us\n',
    "proxy/smtp/reply.hpp": '#include "base/result.hpp"\n#include <string_view>\n',
    "proxy/policy/report.hpp": '#include <chrono>\n#include "mail/message.hpp"\n',
    "proxy/net/loop.hpp": '#include "base/clock.hpp"\n#include <functional>\n',
    "proxy/net/loop.cpp": '#include "net/loop.hpp"\n#include <event2/event.h>\n',
    "proxy/net/address.hpp": "#include <sys/socket.h>\n",
    "proxy/config/settings.hpp": '#include "net/address.hpp"\n#include "policy/report.hpp"\n',
    "proxy/quarantine/service.hpp": '#include "net/loop.hpp"\n',
    "proxy/session/session.hpp": '#include "quarantine/service.hpp"\n#include "smtp/reply.hpp"\n#include "scanners/worker/pool.hpp"\n',
    "proxy/roles.hpp": "#pragma once\n",
    "proxy/main.cpp": '#include "session/session.hpp"\n#include "roles.hpp"\n',
    "scanners/worker/pool.hpp": '#include "net/loop.hpp"\n',
    "scanners/network/all.hpp": '#include "scanners/worker/pool.hpp"\n#include "net/loop.hpp"\n',
    "scanners/worker/worker.cpp": '#include "config/settings.hpp"\n#include <thread>\n',
}

# File, a line to plant in it, and a part of what must be said.
PLANTED = (
    ("proxy/base/result.hpp", '#include "mail/message.hpp"', "base may not include mail/message.hpp (only itself)"),
    ("proxy/mail/message.hpp", '#include "policy/report.hpp"', "mail may not include policy/report.hpp"),
    ("proxy/mail/message.hpp", '#include "smtp/reply.hpp"', "mail may not include smtp/reply.hpp"),
    ("proxy/smtp/reply.hpp", '#include "mail/message.hpp"', "smtp may not include mail/message.hpp"),
    ("proxy/smtp/reply.hpp", '#include "net/address.hpp"', "smtp may not include net/address.hpp"),
    ("proxy/policy/report.hpp", "#include <session/session.hpp>", "policy may not include session/session.hpp"),
    ("proxy/quarantine/service.hpp", '#include "session/session.hpp"', "quarantine may not include session/session.hpp"),
    ("proxy/config/settings.hpp", '#include "scanners/worker/pool.hpp"', "config may not include scanners/"),
    ("proxy/net/loop.hpp", '#  include "roles.hpp"', "net may not include roles.hpp"),
    ("scanners/worker/worker.cpp", '#include "session/session.hpp"', "scanners may not include session/"),
    ("scanners/worker/worker.cpp", '#include "smtp/reply.hpp"', "scanners may not include smtp/"),
    ("scanners/worker/worker.cpp", '#include "net/loop.hpp"', "net/loop.hpp brings the event loop"),
    ("scanners/worker/worker.cpp", '#include "worker/pool.hpp"', "is no file below"),
    ("scanners/worker/worker.cpp", '#include "scanners/worker/pool.hpp"', "reaches scanners/worker/pool.hpp -> net/loop"),
    ("scanners/worker/worker.cpp", '#include "scanners/network/all.hpp"', "reaches scanners/network/all.hpp -> net/loop"),
    ("scanners/worker/worker.cpp", "#include <event2/event.h>", "libevent (<event2/event.h>)"),
    ("proxy/config/settings.hpp", "#include <event2/buffer.h>", "libevent (<event2/buffer.h>)"),
    ("proxy/config/settings.hpp", '#include "net/loop.hpp"', "net/loop.hpp brings the event loop"),
    ("proxy/main.cpp", "#include <event.h>", "libevent (<event.h>)"),
    ("proxy/smtp/reply.hpp", "#include <sys/socket.h>", "smtp is pure: <sys/socket.h>"),
    ("proxy/smtp/reply.hpp", "#include <event2/event.h>", "libevent"),
    ("proxy/mail/message.hpp", "#include <thread>", "mail is pure: <thread>"),
    ("proxy/mail/message.hpp", "#include <fstream>", "mail is pure: <fstream>"),
    ("proxy/mail/message.hpp", "#include <unistd.h>", "mail is pure: <unistd.h>"),
    ("proxy/policy/report.hpp", '#include "base/clock.hpp"', "policy is pure: base/clock.hpp"),
    ("proxy/policy/report.hpp", "auto now = std::chrono::steady_clock::now();", "policy reads no clock"),
    ("proxy/policy/report.hpp", "#include <ctime>", "policy is pure: <ctime>"),
    ("proxy/policy/report.hpp", '#include "base/snapshot.hpp"', "<mutex> is not for it (over base/snapshot.hpp)"),
    ("proxy/base/unique_fd.hpp", "#include <sys/socket.h>", "<sys/socket.h> is not for it (over base/unique_fd.hpp)"),
    ("proxy/attic/new.hpp", "#pragma once", "room attic has no rule"),
    ("proxy/main.cpp", '#include "no/such.hpp"', '"no/such.hpp" is no file'),
    ("proxy/main.cpp", "#include HEADER", "cannot tell what HEADER includes"),
)


def found_in(files):
    with tempfile.TemporaryDirectory(prefix="layers-") as root:
        for path, text in files.items():
            target = Path(root) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        return [line for lines in failures(root)[1] for line in lines]


def self_test():
    passed = failed = 0

    def expect(condition, text):
        nonlocal passed, failed
        passed, failed = (passed + 1, failed) if condition else (passed, failed + 1)
        if not condition:
            print("FAILED:", text)

    sound = found_in(SOUND)
    expect(not sound, f"the sound tree is refused: {sound}")
    for path, line, part in PLANTED:
        said = found_in({**SOUND, path: SOUND.get(path, "") + line + "\n"})
        expect(any(part in text for text in said), f"{line} in {path}: {said}")
    with tempfile.TemporaryDirectory(prefix="layers-") as root:
        expect(failures(root)[0] == 0, "a tree without files has checks")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    return check_tree(arguments[0] if arguments else Path(__file__).resolve().parents[2])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
