"""Command line of sandwich-cf: reads, makes the variants, validates, writes; or checks a pair."""

import argparse
import difflib
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

from . import delivery, inbound, lint
from .change import Changes
from .logical import MARKER, Cf, CfError, are_loopback
from .settings import Hop, Scanners, Settings

EXIT_OK, EXIT_FAULT, EXIT_USAGE = 0, 1, 2


def _hop(kind, default_port):
    def parse(text):
        try:
            return kind.parse(text, default_port)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
    return parse


def _path(text):
    if not re.fullmatch(r"/[A-Za-z0-9._/+@%-]+", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not an absolute path of plain characters")
    return text


def _socketmap(text):
    """Sendmail's own form, or a path, or ADDRESS:PORT."""
    if re.fullmatch(r"/[A-Za-z0-9._/+@%-]{1,106}", text):
        return f"unix:{text}"
    match = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\]:(\d{1,5})|([0-9.]+):(\d{1,5})", text)
    if match:
        return f"inet6:{match[2]}@{match[1]}" if match[1] else f"inet:{match[4]}@{match[3]}"
    raise argparse.ArgumentTypeError(f"'{text}' is neither an absolute path nor ADDRESS:PORT")


def _user(text):
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no name of a user")
    return text


def _listen(text):
    if not re.fullmatch(r"any|keep|[0-9A-Fa-f:.]+|IPv6:[0-9A-Fa-f:.]+", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not an address, 'any' or 'keep'")
    return "any" if text in ("0.0.0.0", "::", "IPv6:::") else text


def _parser():
    parser = argparse.ArgumentParser(prog="sandwich-cf", description="Make the two Sendmail configurations of a sandwich "
                                     "from a sendmail.cf, or check such a pair. See sandwich-cf(8).")
    parser.add_argument("input", nargs="?", metavar="SENDMAIL.CF")
    parser.add_argument("--check", nargs=2, metavar=("IN.CF", "DELIVERY.CF"), help="check a pair, write nothing")
    parser.add_argument("--inbound", metavar="OUT", help="write the inbound variant")
    parser.add_argument("--delivery", metavar="OUT", help="write the delivery variant")
    parser.add_argument("--scanner", "--scanner-host", type=_hop(Scanners, 18000), default=Settings.scanner, metavar="HOST[,HOST]:PORT",
                        help="where sandwichd listens (127.0.0.1:18000); of several the first that can be reached")
    parser.add_argument("--spread", action="store_true", help="with several scanners: any of them first, not the first in the list")
    parser.add_argument("--delivery-listen", "--delivery-host", type=_hop(Hop, 19000), default=Settings.delivery_listen, metavar="ADDR:PORT",
                        help="where the delivery Sendmail listens (127.0.0.1:19000)")
    parser.add_argument("--listen", type=_listen, default="any", metavar="ADDR|any|keep",
                        help="address of port 25 (any: only a loopback restriction is lifted)")
    parser.add_argument("--plain", action="store_true", help="the how-to's own edits plus what safety demands")
    parser.add_argument("--lmtp", action="store_true", help="speak LMTP to the scanner (flag z)")
    parser.add_argument("--isvw", nargs="?", const="root", type=_user, metavar="USER",
                        help="the scanner starts the delivery Sendmail for its mail, as USER (root), like InterScan VirusWall")
    parser.add_argument("--no-recipient-check", action="store_true", help="accept unknown local users")
    parser.add_argument("--socketmap", type=_socketmap, metavar="PATH|ADDR:PORT",
                        help="ask sandwichd which recipients exist ([directory] socketmap of its sandwich.ini)")
    parser.add_argument("--allow-mailer", action="append", default=[], metavar="NAME",
                        help="with --plain: leave this mailer, its mail is not scanned")
    parser.add_argument("--route-mailer", action="append", default=[], metavar="NAME",
                        help="with --plain: send this mailer's mail to the scanner")
    parser.add_argument("--queue", type=_path, default=Settings.queue, metavar="DIR", help="delivery queue directory")
    parser.add_argument("--pid-file", type=_path, metavar="FILE", help="delivery pid file")
    parser.add_argument("--status-file", type=_path, metavar="FILE", help="delivery statistics file")
    parser.add_argument("--control-socket", type=_path, metavar="FILE", help="delivery control socket")
    parser.add_argument("--explain", action="store_true", help="print each change with its reason")
    parser.add_argument("--diff", action="store_true", default=None, help="print a unified diff (default on a terminal)")
    parser.add_argument("--no-diff", dest="diff", action="store_false", help="print no diff")
    parser.add_argument("--sendmail", metavar="PATH", help="sendmail program that validates the outputs")
    parser.add_argument("--no-validate", action="store_true", help="do not run sendmail on the outputs")
    return parser


# -- validation by Sendmail itself --

def find_sendmail(given):
    """Path of a sendmail program, or None."""
    for path in ([given] if given else [os.environ.get("SENDMAIL") or "", "/usr/sbin/sendmail-mta",
                                        "/usr/lib/sendmail-mta", "/usr/sbin/sendmail", "/usr/lib/sendmail"]):
        if path and os.access(path, os.X_OK):
            return path
    return None


# Sendmail sleeps a minute at start where the host has no qualified name; a name of its own spares that.
QUALIFY = ["unshare", "--uts", "sh", "-c", 'hostname sandwich-cf.invalid && exec "$@"', "sh"]
VALIDATE_SECONDS = 150


def _run_sendmail(command):
    """Sendmail's -bt over nothing; under a qualified host name where one can be had."""
    if "." not in socket.gethostname() and shutil.which("unshare"):
        run = subprocess.run(QUALIFY + command, stdin=subprocess.DEVNULL, capture_output=True, timeout=VALIDATE_SECONDS,
                             check=False)
        if b"Version " in run.stdout:
            return run
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=VALIDATE_SECONDS, check=False)


def validate(sendmail, path):
    """Let Sendmail read the file: (validated, faults, warnings). Not validated: another program under that name."""
    try:
        run = _run_sendmail([sendmail, "-C", path, "-d0.1", "-bt"])
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, [], [f"{sendmail}: {error}"]
    output = (run.stdout + run.stderr).decode("latin-1")
    if not re.search(r"^Version \d+\.\d+", output, re.M):
        return False, [], [f"{sendmail} is not Sendmail"]
    faults, warnings = [], []
    for line in output.splitlines():
        text = line.strip()
        if re.match(r"WARNING: local host name|WARNING: Ruleset .* multiple", text):
            continue
        if re.search(r"warning", text, re.I):
            warnings.append(text)
        elif re.match(re.escape(path) + r": line \d+:|\d{3} \d\.\d\.\d |.*: line \d+: ", text):
            faults.append(text)
    if run.returncode != 0 and not faults:
        faults.append(f"{sendmail} -bt ended with status {run.returncode}: {output.strip().splitlines()[-1]}")
    return True, faults, warnings


# -- output --

def _same_file(first, second):
    if os.path.realpath(first) == os.path.realpath(second):
        return True
    try:
        return os.path.samefile(first, second)
    except OSError:
        return False


def _refuse_in_place(source, outputs):
    for output in outputs:
        if _same_file(source, output):
            raise CfError(f"{output}: is the input; it is never changed in place. Cure: give another name")
        if os.path.basename(output) in ("sendmail.cf", "submit.cf") and os.path.exists(output):
            raise CfError(f"{output}: the distribution's own file would be overwritten. Cure: give another name")
        if os.path.isdir(output):
            raise CfError(f"{output}: is a directory")
    if len(outputs) == 2 and _same_file(*outputs):
        raise CfError(f"{outputs[0]}: both outputs have the same name")


def _write_temporary(path, text):
    """A finished file beside the target; the caller renames it."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        handle, temporary = tempfile.mkstemp(prefix=".sandwich-cf.", dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("latin-1"))
            os.fchmod(file.fileno(), 0o644)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CfError(f"{path}: {error.strerror}") from error
    return temporary


def _marker(variant, source, data, settings):
    digest = hashlib.sha256(data).hexdigest()
    source = re.sub(r"[^!-~]", "?", os.path.abspath(source))
    way = f"by command as {settings.isvw}" if settings.isvw else settings.delivery_listen
    return (f"{MARKER} {variant} variant, {'plain' if settings.plain else 'safe'}, scanner {settings.scanner}, "
            f"delivery {way}\n"
            f"{MARKER} made from {source} sha256 {digest}\n"
            f"{MARKER} do not edit: edit that file and run sandwich-cf again\n")


def _diff(source, original, output, text):
    return "".join(difflib.unified_diff(original.splitlines(True), text.splitlines(True), source, output))


def _print_explain(variant, changes):
    print(f"{variant} variant:")
    for number, what, why in sorted(changes.items, key=lambda item: item[0] or 0):
        where = f"line {number}" if number else "new"
        print(f"  {where}: {what}\n      {why}")


def boxes_lines(settings, variants):
    """What else boxes of their own need: lines for the access map, as Debian delays and limits strangers, and who is let in."""
    parts = []
    if "delivery" in variants and not settings.isvw and not are_loopback([*settings.scanner.hosts, settings.delivery_listen.host]):
        parts.append(_access_lines(settings))
    if "inbound" in variants and not are_loopback(settings.scanner.hosts):
        parts.append(f"The scanner lets in whom it knows (sandwich.ini: smtp_allow_client_ip has the inbound box); a firewall lets the "
                     f"inbound box alone reach {settings.scanner}.")
    return "\n".join(parts)


def _access_lines(settings):
    addresses = [f"IPv6:{hop.host}" if hop.is_ipv6 else hop.host for hop in settings.scanner.hops]
    lines = "".join(f"Connect:{address}\tRELAY\nGreetPause:{address}\t0\nClientRate:{address}\t0\nClientConn:{address}\t0\n"
                    for address in addresses)
    return ("The delivery Sendmail meets the scanner as a stranger. Its access map (/etc/mail/access, then makemap) needs\n"
            f"(the scanner's address as the delivery box sees it):\n{lines}"
            f"and a firewall that lets the scanner alone reach {settings.delivery_listen}.")


def isvw_lines(settings, sendmail, delivery_cf):
    """What else it takes when the scanner starts the delivery Sendmail."""
    owner = "" if settings.isvw == "root" else f"The directory {settings.queue} must belong to {settings.isvw}.\n"
    return ("The scanner starts the delivery Sendmail for its mail (sandwich.ini or intscan.ini):\n"
            "[smtp]\n"
            f"original={sendmail} -bs -C{delivery_cf}\n"
            f"original_user={settings.isvw}\n"
            f"{owner}"
            "What it leaves in its queue, only a queue runner delivers, which must run all the time:\n"
            f"{sendmail} -q1h -C{delivery_cf}\n"
            "(/etc/default/sandwich: DELIVERY_MODE=isvw).")


def _variants(arguments):
    wanted = []
    if arguments.inbound:
        wanted.append(("inbound", inbound.make, arguments.inbound))
    if arguments.delivery:
        wanted.append(("delivery", delivery.make, arguments.delivery))
    return wanted


def _settings(arguments):
    return Settings(scanner=arguments.scanner, spread=arguments.spread, delivery_listen=arguments.delivery_listen, listen=arguments.listen,
                    plain=arguments.plain, lmtp=arguments.lmtp, recipient_check=not arguments.no_recipient_check,
                    socketmap=arguments.socketmap or "",
                    isvw=arguments.isvw or "",
                    queue=arguments.queue.rstrip("/"), pid_file=arguments.pid_file or "", status_file=arguments.status_file or "",
                    control_socket=arguments.control_socket or "",
                    allow_mailers=frozenset(n.lower() for n in arguments.allow_mailer),
                    route_mailers=frozenset(n.lower() for n in arguments.route_mailer))


def _refuse_variant(cf):
    for line in cf.lines:
        if line.raw.startswith(MARKER):
            raise CfError(f"{cf.name}:{line.no}: was made by sandwich-cf already ('{line.text}'). Cure: give the file that "
                          "it was made from")


def _without_place(text):
    """A message without file and line, to compare those of two files."""
    return re.sub(r"^.*?: line \d+: ", "", text)


def _validated(sendmail, temporary, output, source):
    """Run Sendmail over a temporary; its messages name the target instead. What the input has too is not our fault."""
    ran, faults, warnings = validate(sendmail, temporary)
    if faults:
        _, old, _ = validate(sendmail, source)
        known = {_without_place(text) for text in old}
        warnings += [f"{text} (so does the input)" for text in faults if _without_place(text) in known]
        faults = [text for text in faults if _without_place(text) not in known]
    for text in warnings:
        print(f"sandwich-cf: warning: {text.replace(temporary, output)}", file=sys.stderr)
    if faults:
        raise CfError("Sendmail does not accept the result, nothing was written:\n"
                      + "\n".join(text.replace(temporary, output) for text in faults))
    print(f"{output}: " + ("validated by " if ran else "NOT validated: cannot use ") + sendmail)


def _generate(arguments):
    wanted = _variants(arguments)
    settings = _settings(arguments)
    if settings.delivery_listen in settings.scanner.hops:
        raise CfError(f"--scanner and --delivery-listen are both {settings.scanner}: mail would loop")
    _refuse_in_place(arguments.input, [output for _, _, output in wanted])
    original = Cf.read(arguments.input)
    _refuse_variant(original)
    source = original.text()
    data = source.encode("latin-1")
    sendmail = None if arguments.no_validate else find_sendmail(arguments.sendmail)
    show_diff = sys.stdout.isatty() if arguments.diff is None else arguments.diff
    temporaries = []
    try:
        for variant, make, output in wanted:
            cf, changes = Cf(data, arguments.input), Changes()
            make(cf, settings, changes)
            cf.prepend(_marker(variant, arguments.input, data, settings))
            text = cf.text()
            temporaries.append((_write_temporary(output, text), output))
            if arguments.explain:
                _print_explain(variant, changes)
            if show_diff:
                print(_diff(arguments.input, source, output, text), end="")
            for warning in changes.warnings:
                print(f"sandwich-cf: warning: {warning}", file=sys.stderr)
            if sendmail:
                _validated(sendmail, temporaries[-1][0], output, arguments.input)
            else:
                print(f"{output}: NOT validated: " + ("--no-validate" if arguments.no_validate else "no sendmail here"))
        for temporary, output in temporaries:
            os.rename(temporary, output)
        temporaries = []
    finally:
        for temporary, _ in temporaries:
            if os.path.exists(temporary):
                os.unlink(temporary)
    if more := boxes_lines(settings, [variant for variant, _, _ in wanted]):
        print(more)
    if settings.isvw:
        print(isvw_lines(settings, find_sendmail(arguments.sendmail) or "/usr/lib/sendmail", os.path.abspath(arguments.delivery)))
    return EXIT_OK


def main(argv):
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.check:
        if arguments.input or arguments.inbound or arguments.delivery:
            parser.error("--check takes the two files, --isvw, and nothing else")
    elif not arguments.input or not (arguments.inbound or arguments.delivery):
        parser.error("give SENDMAIL.CF and --inbound OUT and/or --delivery OUT, or --check IN.CF DELIVERY.CF")
    elif arguments.isvw and not arguments.delivery:
        parser.error("--isvw is about the delivery variant: give --delivery OUT")
    try:
        if arguments.check:
            return lint.run(*arguments.check, isvw=arguments.isvw or "")
        return _generate(arguments)
    except CfError as error:
        for line in str(error).splitlines():
            print(f"sandwich-cf: {line}", file=sys.stderr)
        return EXIT_FAULT
    except OSError as error:
        print(f"sandwich-cf: {error.filename or ''}: {error.strerror}", file=sys.stderr)
        return EXIT_FAULT
