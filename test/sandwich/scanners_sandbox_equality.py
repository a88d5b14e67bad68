#!/usr/bin/python3
"""Neither the sandbox costs a detection nor what makes libclamav's work cheaper: a real zygote (`sandwichd --role=zygote`) as it is
installed, and one of sandwichd_untuned (test/untuned.cpp: the C library as it is) without a sandbox, say the same of every message,
document and archive; no worker dies; and the walls around the workers stand as /proc shows them.

This program plays supervisor and proxy to the zygote: descriptors and packets are those of proxy/roles.hpp and
scanners/worker/wire.hpp. A generated set always runs; the corpus (SANDWICH_CORPUS) with its databases when it is there."""

import atexit
import base64
import functools
import glob
import gzip
import io
import os
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import corpus  # noqa: E402
from daemon import program  # noqa: E402
from samples import eicar, encrypted_zip, message, with_attachment, zipped  # noqa: E402
from suite import Failure, Skip, Suite, check, equal, wait_for  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUTCOMES = ("clean", "found", "encrypted", "cannot tell")
MAX_PACKET = 131072
ANSWER_SECONDS = 60

suite = Suite()


@functools.cache
def _signatures():
    """A copy of etc/test-signatures that scan_user may read, wherever the checkout lies; gone when this program ends."""
    directory = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, directory)
    os.chmod(directory, 0o755)
    for name in os.listdir(os.path.join(ROOT, "etc", "test-signatures")):
        shutil.copyfile(os.path.join(ROOT, "etc", "test-signatures", name), os.path.join(directory, name))
        os.chmod(os.path.join(directory, name), 0o644)
    return directory


class Zygote:
    """One zygote with one worker, and the worker's channel. `lost`: messages whose worker died."""

    def __init__(self, sandbox, database=None, settings="", path=None, remember=8192):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.lost = 0
        self._serial = 0
        self._path = path or program("sandwichd")
        self._supervisor = ours
        self._log = tempfile.TemporaryFile()
        self._process = self._start(theirs, self._ini(sandbox, database, settings, remember))
        theirs.close()
        ours.settimeout(120)
        words = ours.recv(MAX_PACKET).decode("utf-8", "replace")
        if not words.startswith("R"):
            raise Failure(f"the zygote did not start: {words or self.log()}")
        self.signatures = words[1:]
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(ANSWER_SECONDS)
        socket.send_fds(self._supervisor, [b"S"], [theirs.fileno()])
        theirs.close()
        check(self._control.recv(MAX_PACKET)[:1] == b"G", "the first packet is the greeting")
        self._next_worker()

    @staticmethod
    def _ini(sandbox, database, settings, remember):
        return (f"[general]\nscan_user=nobody\n[worker]\ncount=1\nsandbox={'yes' if sandbox else 'no'}\n{settings}"
                f"[scanner.clamav]\nallow_test_signatures=yes\ntest_signatures={_signatures()}\n"
                f"database={database or '/nonexistent'}\nremember_clean={remember}\n")

    def _start(self, channel, ini):
        config = os.memfd_create("config", 0)
        os.write(config, ini.encode() + b"\0\0")  # no domains and no policy behind it
        os.lseek(config, 0, os.SEEK_SET)

        def descriptors():  # 3: configuration, 4: channel, in this order whatever numbers they have now
            high = os.dup(channel.fileno())
            while high < 10:
                high = os.dup(high)
            os.dup2(config, 3)
            os.dup2(high, 4)

        try:
            return subprocess.Popen([self._path, "--role=zygote", "-f"], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
                                    preexec_fn=descriptors, pass_fds=(3, 4))
        finally:
            os.close(config)

    def _next_worker(self):
        while True:
            packet, descriptors, _, _ = socket.recv_fds(self._control, MAX_PACKET, 1)
            if packet[:1] == b"W":
                break
        _, _, self.worker_pid = struct.unpack("<III", packet[1:])
        self._worker = socket.socket(fileno=descriptors[0])
        self._worker.settimeout(ANSWER_SECONDS)
        equal(self._worker.recv(MAX_PACKET), b"R", "a new worker's first packet")

    def scan(self, data):
        """What clamav says: (outcome, name)."""
        self.send(data)
        return self.answer()

    def send(self, data):
        self._serial += 1
        shared = os.memfd_create("message", os.MFD_ALLOW_SEALING)
        try:
            with os.fdopen(os.dup(shared), "wb") as file:
                file.write(data)
            socket.send_fds(self._worker, [struct.pack("<cIQ", b"J", self._serial, len(data))], [shared])
        finally:
            os.close(shared)

    def answer(self):
        answer = self._worker.recv(MAX_PACKET)
        if not answer:
            self.lost += 1
            self._next_worker()
            return "worker died", "", b""
        kind, serial, count = struct.unpack("<cIB", answer[:6])
        check(kind == b"A" and serial == self._serial and count >= 1, "answer", answer[:20])
        at = 6
        outcome = name = None
        for _ in range(count):  # outcome, cause, scanner (1+n), name (1+n), detail (2+n)
            scanner_end = at + 3 + answer[at + 2]
            name_end = scanner_end + 1 + answer[scanner_end]
            if answer[at + 3:scanner_end] == b"clamav":
                outcome, name = answer[at], answer[scanner_end + 1:name_end].decode()
            at = name_end + 2 + int.from_bytes(answer[name_end:name_end + 2], "little")
        check(outcome is not None, "no word of clamav", answer[:80])
        # All results, and what was seen inside the mail (wire_contents.hpp), are compared octet for octet.
        return OUTCOMES[outcome], name, answer[6:]

    @property
    def pid(self):
        return self._process.pid

    def log(self):
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def close(self):
        self._supervisor.close()
        self._process.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def generated():
    """name -> message: every road to EICAR that the standard library can build, and their harmless twins."""
    found = {}
    for kind, inner in (("eicar", eicar()), ("harmless", b"nothing to see here\r\n" * 4)):
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w:bz2") as archive:
            info = tarfile.TarInfo("inner.com")
            info.size = len(inner)
            archive.addfile(info, io.BytesIO(inner))
        html = "<html><head><meta charset='windows-1252'></head><body>" + inner.decode() + "</body></html>"
        found |= {
            f"{kind} in the body": message(inner + b"\r\n"),
            f"{kind} in base64": with_attachment(inner, "a.com"),
            f"{kind} zipped": with_attachment(zipped(inner), "a.zip"),
            f"{kind} zipped twice": with_attachment(zipped(zipped(inner, "b.zip")), "a.zip"),
            f"{kind} in gzip": with_attachment(gzip.compress(inner), "a.gz"),
            f"{kind} in tar.bz2": with_attachment(tar.getvalue(), "a.tar.bz2"),
            f"{kind} in HTML": message(html, headers=("MIME-Version: 1.0", "Content-Type: text/html; charset=windows-1252")),
            f"{kind} in UTF-16": with_attachment(html.encode("utf-16"), "a.html", "text/html"),
            f"{kind} in a mail in a mail": with_attachment(with_attachment(zipped(inner), "a.zip"), "a.eml", "message/rfc822"),
            f"{kind} beside an encrypted zip": _two(encrypted_zip(), zipped(inner)),
            f"{kind} in a zip with a Japanese name": with_attachment(zipped(inner, "\u65e5\u672c.com"), "a.zip"),
        }
    return found | {"encrypted zip": with_attachment(encrypted_zip(), "x.zip"), "nothing": b"",
                    "a big one": with_attachment(b"0123456789abcdef" * 200000, "big.bin")}


def _two(first, second):
    one = with_attachment(first, "x.zip").replace(b"--b1--\r\n", b"")
    encoded = base64.encodebytes(second).replace(b"\n", b"\r\n")
    return (one + b"--b1\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded + b"--b1--\r\n")


def installed_and_plain():
    """Paths of the program as it is installed, and of the one without our savings."""
    build = os.environ.get("SANDWICH_BUILD")
    if not build:
        raise Skip("SANDWICH_BUILD is not set")
    return os.path.join(build, "proxy", "sandwichd"), os.path.join(build, "test", "sandwichd_untuned")


def compare(items, database=None):
    """items: pairs of a name and a function that gives the octets. Returns how often each outcome was seen.

    All twice as installed: what was clean is remembered then."""
    counts = dict.fromkeys(OUTCOMES, 0)
    differences = []
    expected = {}
    installed, plain = installed_and_plain()
    with Zygote(True, database, path=installed) as jailed, Zygote(False, database, path=plain, remember=0) as free:
        for again in (False, True):
            for name, load in items:
                data = load()
                jailed.send(data)
                if not again:
                    expected[name] = free.scan(data)
                within, without = jailed.answer(), expected[name]
                if within != without:
                    differences.append(f"{name}: {within} as installed{', again' * again}, {without} without sandbox and savings")
                elif within[0] in counts and not again:
                    counts[within[0]] += 1
        equal(differences[:10], [], f"{len(differences)} differences")
        equal((jailed.lost, free.lost), (0, 0), f"workers that died; {jailed.log()[-500:]}")
    return counts


@suite.test
def the_generated_set_gets_the_same_answers_without_sandbox_and_savings():
    items = generated()
    counts = compare([(name, lambda data=data: data) for name, data in items.items()])
    check(counts["found"] >= 10, "found too little:", counts)
    check(counts["encrypted"] >= 2, "encrypted:", counts)
    check(counts["clean"] >= 10, "clean:", counts)


def corpus_database(directory, target):
    """The corpus's databases, unpacked; with our own test signatures they are about 150,000."""
    for path in glob.glob(os.path.join(directory, "malware-safe", "clamav-db", "*")):
        name = os.path.basename(path)
        if name.endswith(".gz"):
            with gzip.open(path) as packed, open(os.path.join(target, name[:-3]), "wb") as file:
                shutil.copyfileobj(packed, file)
        elif name.endswith((".hdb", ".ndb")):
            shutil.copy(path, target)


def files_below(*directories):
    for top in directories:
        for directory, _, names in sorted(os.walk(top)):
            if "clamav-db" not in directory:
                yield from (os.path.join(directory, name) for name in sorted(names))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def as_attachment(path):
    return with_attachment(read(path), "file.bin")


@suite.test
def the_corpus_gets_the_same_answers_without_sandbox_and_savings():
    top = corpus.directory()
    items = []
    for path in files_below(os.path.join(top, "malware-safe"), os.path.join(top, "mime")):
        items.append((path, lambda path=path: read(path)))
        if "malware-safe" in path:  # as it is, and as a mail brings it
            items.append((path + " attached", lambda path=path: as_attachment(path)))
    check(len(items) > 600, "the corpus is too small:", len(items))
    with tempfile.TemporaryDirectory() as database:
        os.chmod(database, 0o755)
        corpus_database(top, database)
        counts = compare(items, database)
    print("   ", counts)
    check(counts["found"] >= 150, "found too little:", counts)
    check(counts["encrypted"] >= 5, "encrypted:", counts)


@suite.test
def only_the_installed_program_has_functions_of_its_own():
    """Else the comparisons above would compare a program with itself."""
    names = [subprocess.run(["nm", "--dynamic", "--defined-only", path], capture_output=True, text=True, check=True).stdout
             for path in installed_and_plain()]
    for function in ("sscanf", "cl_fmap_open_handle", "cli_ac_chklsig", "cli_ac_scanbuff", "cli_bm_scanbuff", "cli_ac_initdata",
                     "lsig_sub_matched", "cli_rmdirs", "text_normalize_map", "decodeLine", "readdb_parse_ldb_subsignature",
                     "pcre2_match_8"):
        equal([f" {function}" in text for text in names], [True, False], function)


def status(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


@suite.test
def the_worker_of_this_very_program_stands_behind_its_walls():
    with Zygote(True) as zygote:
        zygote.scan(message())
        worker = status(zygote.worker_pid)
        equal(worker["Seccomp"], "2", "seccomp mode")
        equal(worker["NoNewPrivs"], "1", "no_new_privs")
        equal(int(worker["CapEff"], 16) | int(worker["CapPrm"], 16), 0, "capabilities")
        check("0" not in worker["Uid"].split() or os.geteuid() != 0, "root in a worker:", worker["Uid"])
        limits = read(f"/proc/{zygote.worker_pid}/limits").decode()
        for limit, value in (("Max core file size", "0"), ("Max processes", "0"), ("Max open files", "256")):
            line = next(text for text in limits.splitlines() if text.startswith(limit))
            equal(line[len(limit):].split()[:2], [value, value], limit)
        if os.geteuid() == 0:
            own_namespaces(zygote)
            descriptors = [os.readlink(path) for path in glob.glob(f"/proc/{zygote.worker_pid}/fd/*")]
            equal(sum(target.startswith("socket:") for target in descriptors), 1, f"sockets among {descriptors}")
            # Its own directory, which it looks into after each mail; and the standard streams.
            equal(sum(target.endswith("/worker-0") for target in descriptors), 1, f"directories among {descriptors}")
            check(len(descriptors) <= 5, "descriptors:", descriptors)


def own_namespaces(zygote):
    for namespace in ("mnt", "net"):
        check(os.readlink(f"/proc/{zygote.worker_pid}/ns/{namespace}") != os.readlink(f"/proc/self/ns/{namespace}"),
              "the worker is in our namespace", namespace)
    mounts = read(f"/proc/{zygote.worker_pid}/mounts").decode()
    own = [line.split() for line in mounts.splitlines() if "/worker-0 " in line]
    equal(len(own), 1, f"tmpfs of the worker in {mounts}")
    for option in ("nosuid", "nodev", "noexec", "mode=700"):
        check(option in own[0][3].split(","), option, "is missing:", own[0])


@suite.test
def nothing_is_left_of_zygote_and_worker():
    with Zygote(True) as zygote:
        zygote.scan(message())
        pids = (zygote.pid, zygote.worker_pid)
    wait_for("the end of zygote and worker", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))


if __name__ == "__main__":
    suite.main()
