#!/usr/bin/python3
"""The demonstration behind scripts/run: a private sandwich with real Sendmail, real messages through it, and a table of what
became of each. It shares the machine and the daemons with the tests (test/sendmail/lab)."""

import argparse
import base64
import dataclasses
import io
import os
import pathlib
import re
import signal
import sys
import time
import zipfile

sys.dont_write_bytecode = True
CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "test/sendmail"))

from lab import isolation, mail, packages, sandwich, world  # noqa: E402

_RESULT_FD = "SANDWICH_DEMO_RESULT_FD"
_END = b"\0"  # of what the child in the background prints
_QUARANTINE = "/var/lib/sandwich/quarantine"
_BEGIN = time.monotonic()


def say(text):
    minutes, seconds = divmod(int(time.monotonic() - _BEGIN), 60)
    print(f"[{minutes}:{seconds:02}] {text}", flush=True)


@dataclasses.dataclass
class Shipment:
    """One message of the demonstration, and what is to become of it: mailbox, remote or quarantine."""

    what: str
    sender: str
    recipients: list
    body: bytes
    wanted: str
    headers: tuple = ()
    mark: str = dataclasses.field(default_factory=mail.token)
    happened: str = "nothing yet"
    look: list = dataclasses.field(default_factory=list)
    good: bool = False


def _multipart(text, name, kind, content):
    """Body and header fields of a message with an attachment."""
    encoded = base64.encodebytes(content).replace(b"\n", b"\r\n")
    body = (
        f"--limit\r\nContent-Type: text/plain\r\n\r\n{text}\r\n--limit\r\nContent-Type: {kind}; name={name}\r\n"
        f"Content-Disposition: attachment; filename={name}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    ).encode()
    return body + encoded + b"--limit--\r\n", ("MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=limit")


def _zipped(name, content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def shipments():
    report, report_headers = _multipart("The figures.", "figures.csv", "text/csv", b"month,litres\r\nMay,1200\r\nJune,1350\r\n" * 200)
    virus, virus_headers = _multipart("Your invoice.", "invoice.zip", "application/zip", _zipped("invoice.com", mail.EICAR))
    local = "alice@example.test"
    return [
        Shipment("clean text", "s@outside.test", [local], b"Good day.\r\n.\r\nA line with a dot is above.\r\n", "mailbox"),
        Shipment("clean, with an attachment", "s@outside.test", ["bob@example.test", "carol@example.test"], report, "mailbox", report_headers),
        Shipment("clean text, here and abroad", "dave@example.test", ["erin@example.test", "ann@remote.test"], b"To both of you.\r\n", "mailbox+remote"),
        Shipment("EICAR in a zip", "s@outside.test", [local], virus, "quarantine", virus_headers),
        Shipment("EICAR in a zip, to several", "s@outside.test", ["bob@example.test", "dave@example.test", "erin@example.test"], virus,
                 "quarantine", virus_headers),
        Shipment("EICAR as the text itself", "s@outside.test", ["carol@example.test"], mail.EICAR + b"\r\n", "quarantine"),
    ]  # fmt: skip


class Demonstration:
    def __init__(self, lab):
        self.lab, self.sandwich = lab, lab.sandwich

    def send(self, shipment):
        data = mail.message(shipment.mark, shipment.body, shipment.sender, ", ".join(shipment.recipients), shipment.headers)
        try:
            answer = self.lab.send(shipment.sender, shipment.recipients, data, from_mx=shipment.sender.endswith("@example.test"))
        except (mail.Refused, OSError) as error:
            shipment.happened = f"refused: {error}"
            return
        say(f"sent {shipment.what} to {len(shipment.recipients)}: {answer}")

    def follow(self, shipment, patience=60):
        """Waits for the outcome and writes down what it was, and where to see it."""
        deadline = time.monotonic() + patience
        while not shipment.good and time.monotonic() < deadline and not shipment.happened.startswith("refused"):
            self._look(shipment)
            time.sleep(0.1)
        shipment.look = shipment.look or [str(self.lab.log_path)]

    def _look(self, shipment):
        local = [r.partition("@")[0] for r in shipment.recipients if r.endswith("@example.test")]
        in_boxes = [user for user in local if self.sandwich.mailbox(user, shipment.mark)]
        abroad = self.lab.sink.find(shipment.mark.encode())
        held = self._quarantined(shipment)
        happened = []
        if in_boxes:
            happened.append("delivered to " + ", ".join(in_boxes))
        if abroad:
            happened.append("taken by mail.remote.test")
        if held:
            happened.append(f"held: {held[1]}")
        shipment.happened = "; ".join(happened) or "nothing yet: it waits, or is lost"
        shipment.look = [str(self.lab.root.outside(f"/var/mail/{user}")) for user in in_boxes]
        if held:
            shipment.look += [f"quarantine id {held[0]}", str(self.lab.root.outside(f"{_QUARANTINE}/{held[0]}.eml"))]
        arrived_all = in_boxes == local and ("remote" not in shipment.wanted or len(abroad) == 1)
        if shipment.wanted == "quarantine":
            shipment.good = bool(held) and not in_boxes
        else:
            shipment.good = arrived_all and not held

    def _quarantined(self, shipment):
        """[quarantine id, what was found] of this message, or nothing."""
        for number in self.sandwich.quarantined(shipment.mark):
            verdict = re.search(r"(?im)^\W*verdict\W+(.+)$", self.sandwich.ctl("quarantine", "show", number))
            return [number, verdict.group(1) if verdict else "found"]
        return []

    def run(self):
        everything = shipments()
        for shipment in everything:
            self.send(shipment)
        say("waiting for the outcome")
        for shipment in everything:
            self.follow(shipment)
        # What was held must still not have arrived when all queues are empty.
        self.sandwich.settle()
        for shipment in everything:
            if not shipment.happened.startswith("refused"):
                self._look(shipment)
        return everything


def print_table(rows, heading):
    """Columns as wide as their longest line; a cell may have several lines."""
    cells = [[cell.splitlines() or [""] for cell in row] for row in [heading, *rows]]
    widths = [max(len(line) for row in cells for line in row[column]) for column in range(len(heading))]
    rule = "+".join("-" * (width + 2) for width in widths)
    print(rule)
    for row in cells:
        for index in range(max(map(len, row))):
            line = [(cell[index] if index < len(cell) else "").ljust(width) for cell, width in zip(row, widths)]
            print(" " + " | ".join(line))
        print(rule)


def report(demonstration, everything):
    lab = demonstration.lab
    rows = []
    for number, shipment in enumerate(everything, 1):
        mark = "as expected" if shipment.good else "NOT AS EXPECTED"
        rows.append([
            f"{number} {shipment.what}",
            "\n".join([f"from {shipment.sender}", *(f"to {recipient}" for recipient in shipment.recipients)]),
            shipment.happened.replace("; ", "\n") + f"\n({mark})",
            "\n".join(shipment.look),
        ])  # fmt: skip
    print()
    print_table(rows, ["what was sent", "envelope", "what happened", "where to look"])
    print(f"\nmail log of all three daemons:  {lab.log_path}")
    print(f"mailboxes:                      {lab.root.outside('/var/mail/x').parent}")
    print(f"quarantine:                     {lab.root.outside(_QUARANTINE)}")


def _explain_place(isolated, networks, forced):
    if networks:
        return (
            "Place: network namespaces of its own, with the real ports: inbound Sendmail on 25, sandwichd on 18000, delivery\n"
            "       Sendmail on 19000, an outside sender, a remote mail host and a DNS. The machine's own network is not used."
        )
    reason = "as asked for (--loopback)" if forced else "since this machine allows no network namespaces"
    files = "a copy-on-write view of this machine" if isolated else "a small tree of copied files"
    return f"Place: high ports of loopback, {reason}. The Sendmails see {files} as their root."


def demonstrate(options, on_ready):
    isolated = isolation.enter()
    networks = isolated and not options.loopback and isolation.can_make_networks()
    directory = pathlib.Path(options.directory)
    print(_explain_place(isolated, networks, options.loopback))
    print(f"       Everything it writes is in {directory}. The machine's own mail set-up is not touched: Sendmail is unpacked there.\n")
    say("unpacking Sendmail, making both sendmail.cf variants with scripts/sandwich-cf")
    lab = world.World(directory, options.build, packages.sendmail(), isolated, networks)
    ports = lab.sandwich.ports
    say("WARNING: the scanner is given allow_test_signatures=yes: it knows EICAR and ClamAV's test file, no real virus")
    say(f"starting the delivery Sendmail on 127.0.0.1:{ports.delivery}")
    lab.sandwich.start_delivery()
    say(f"starting sandwichd on 127.0.0.1:{ports.scanner}")
    lab.sandwich.start_proxy()
    say(f"starting the inbound Sendmail on {ports.inbound_address}:{ports.inbound}")
    lab.sandwich.start_inbound()
    demonstration = Demonstration(lab)
    everything = demonstration.run()
    report(demonstration, everything)
    good = all(shipment.good for shipment in everything)
    print(f"\n{sum(s.good for s in everything)} of {len(everything)} messages went as they should." + ("" if good else " SOMETHING IS WRONG."))
    sys.stdout.flush()
    if options.keep:
        on_ready(good)
        signal.pause()
    lab.sandwich.stop()
    say("stopped all three daemons; the mailboxes, the quarantine and the log stay in the folder above")
    return 0 if good else 1


def _keep_in_background(options):
    """Runs the demonstration in a child that stays; returns its result as soon as the table is printed. The child writes into a pipe,
    since whoever waits for the end of our output must not wait for the child's."""
    reading, writing = os.pipe()
    result_reading, result_writing = os.pipe()
    child = os.fork()
    if child == 0:
        for descriptor in (1, 2):
            os.dup2(writing, descriptor)
        os.set_inheritable(result_writing, True)
        os.environ[_RESULT_FD] = str(result_writing)
        os.setsid()
        os.execv(sys.executable, [sys.executable, *sys.argv])
    os.close(writing)
    os.close(result_writing)
    while data := os.read(reading, 65536):
        sys.stdout.buffer.write(data.replace(_END, b""))
        sys.stdout.buffer.flush()
        if _END in data:
            break
    result = os.read(result_reading, 1)
    if not result:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or 1
    # Under unshare, which ignores signals, its child is the one to tell.
    with open(f"/proc/{child}/task/{child}/children", encoding="ascii") as listing:
        children = listing.read().split()
    with open(f"/proc/{child}/comm", encoding="ascii") as name:
        keeper = int(children[0]) if name.read().strip() == "unshare" and children else child
    inbound = _process_below(keeper, "sendmail-mta")
    print(f"\nStill running. To stop it:      kill {keeper}")
    if inbound:
        print(f"To look around inside:          nsenter --all --root --wd=/ --target {inbound} /bin/bash")
        print("                                then e.g.  sandwichctl -s /run/sandwich/control status   or   mailq")
    return int(result)


def _process_below(ancestor, name):
    """PID of some descendant with this name."""
    todo = [ancestor]
    while todo:
        pid = todo.pop()
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
                if comm.read().strip() == name:
                    return pid
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as listing:
                todo += map(int, listing.read().split())
        except OSError:
            continue
    return None


def _detach(good):
    """The table is out: tell the waiting foreground process, and write nothing from now on."""
    os.write(int(os.environ[_RESULT_FD]), b"0" if good else b"1")
    os.write(1, _END)
    with open(os.devnull, "r+b") as nothing:
        for descriptor in (0, 1, 2):
            os.dup2(nothing.fileno(), descriptor)


def main():
    parser = argparse.ArgumentParser(prog="scripts/run", description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--directory", required=True, help="a new folder")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--loopback", action="store_true")
    options = parser.parse_args()
    if options.keep and _RESULT_FD not in os.environ:
        return _keep_in_background(options)
    try:
        return demonstrate(options, _detach)
    except (RuntimeError, AssertionError, OSError) as error:
        print(f"scripts/run: the demonstration failed: {error}", file=sys.stderr)
        log = pathlib.Path(options.directory) / "log/mail.log"
        if log.exists():
            print(f"The last lines of {log}:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:]), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
