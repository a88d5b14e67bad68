"""Checks a pair of configuration files, made by sandwich-cf or by hand.

Every finding has a name, a severity (error: unsafe or loses mail; warning), file and line, and the cure. The files are
judged by what is in them; that they were made by sandwich-cf counts for nothing, but that with --isvw tells what they are for.
"""

import hashlib
import os
import pwd
import re
import typing

from .inbound import HARMLESS
from .logical import MARKER, Cf, CfError, are_loopback, daemon_keys, is_loopback, port_of, split_rule

ERROR, WARNING = "error", "warning"


class Finding(typing.NamedTuple):
    severity: str
    file: str
    line: int
    name: str
    fault: str
    cure: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.severity}: {self.name}: {self.fault}. Cure: {self.cure}"


class Report:
    """Collects findings; the same name at the same line is said once."""

    def __init__(self):
        self.findings = []

    def add(self, severity, cf, line, name, fault, cure):
        finding = Finding(severity, cf.name, line.no if line else 1, name, fault, cure)
        if not any((f.file, f.line, f.name) == (finding.file, finding.line, name) for f in self.findings):
            self.findings.append(finding)


def _host_list(argument):
    """The hosts of an A= that Sendmail tries one after the other: [192.0.2.1]:[IPv6:::1]\\,name"""
    return re.findall(r"\[[^\]]*\]|[^][:,\\]+", argument)


class Target(typing.NamedTuple):
    """What a TCP mailer is fixed to."""
    hosts: tuple
    port: str

    @property
    def is_local(self):
        return are_loopback(self.hosts)

    def within(self, other):
        return self.port == other.port and set(self.hosts) <= set(other.hosts)

    def meets(self, other):
        return self.port == other.port and bool(set(self.hosts) & set(other.hosts))


def _target(mailer):
    """A Target, or None where a mailer goes to the message's own host."""
    argv = mailer.argv
    if not mailer.speaks_tcp or argv[1].startswith("$"):
        return None
    hosts = (host.strip("[]").removeprefix("ipv6:") for host in _host_list(argv[1].lower()))
    return Target(tuple("127.0.0.1" if host == "localhost" else host for host in hosts), argv[2] if len(argv) > 2 else "25")


def funnel_of(cf):
    """Name of the mailer that rule set 0 gives every address to before any other rule can act; or None."""
    for rule in cf.rules("0"):
        left, right = split_rule(rule)
        if re.fullmatch(r"\$:\s*\$>\s*Parse0\s+\$1", right) or left.replace(" ", "") == "<@>":
            continue
        match = re.match(r"\$#\s*([\w.-]+)\s", right)
        return match.group(1) if match and left in ("$+", "$*") else None
    return None


def _scanner(cf):
    """The hop most of the mailers are fixed to: that is the scanner. Mailer local counts first."""
    local = cf.mailer("local")
    if local and _target(local):
        return _target(local)
    targets = [_target(m) for m in cf.mailers() if _target(m)]
    return max(set(targets), key=targets.count) if targets else None


def _ruleset_loses_null_sender(cf, name):
    rules = cf.rules(name)
    return any(split_rule(r)[0].replace(" ", "") == "<@>" and split_rule(r)[1].startswith("$n") for r in rules)


# -- the inbound file --

def _inbound_bypass(cf, scanner, funnel, report):
    carrier = cf.mailer(funnel) if funnel else None
    target = _target(carrier) if carrier else None
    if funnel and (not scanner or not target or not target.within(scanner)):
        report.add(ERROR, cf, cf.ruleset("0"), "bypass", f"rule set 0 gives every address to mailer {funnel}, which does not "
                   "lead to the scanner", "name a mailer with A=TCP [127.0.0.1] 18000 there")
    for mailer in cf.mailers():
        name = mailer.name.lower()
        if name in HARMLESS or (funnel and name not in (funnel.lower(), "local") and not mailer.speaks_tcp):
            continue
        target = _target(mailer)
        if not scanner or not target or not target.within(scanner):
            where = f"A={mailer.get('A')}" if mailer.is_ipc else f"P={mailer.get('P')}"
            report.add(ERROR, cf, mailer.line, "bypass", f"mailer {mailer.name} ({where}) carries mail past the scanner",
                       f"M{mailer.name}: P=[IPC], A=TCP [127.0.0.1] 18000")


def _inbound_smtp_mailer(cf, mailer, report):
    flags, line, name = mailer.flags, mailer.line, mailer.name
    argv = mailer.argv
    if "X" not in flags:
        report.add(ERROR, cf, line, "smuggling", f"mailer {name} has no flag X: a body line of one dot ends the message and "
                   "what follows is read as SMTP commands", f"add X to F= of M{name}")
    if "f" in flags:
        report.add(ERROR, cf, line, "sender-flag", f"mailer {name} has flag f: '-f sender' is put where the scanner's host "
                   "should stand", f"take f out of F= of M{name}")
    if "k" not in flags:
        report.add(WARNING, cf, line, "loop-check", f"mailer {name} has no flag k: a scanner that greets with this host's name "
                   "makes mail bounce ('mail loops back to me')", f"add k to F= of M{name}")
    if argv[0].upper() == "IPC":
        report.add(WARNING, cf, line, "ipc-argument", f"mailer {name}: A=IPC: Sendmail warns at every start",
                   "write A=TCP")
    unbracketed = [host for host in _host_list(argv[1]) if not host.startswith("[")]
    if unbracketed:
        report.add(WARNING, cf, line, "unbracketed-host", f"mailer {name}: host {unbracketed[0]} is looked up as a mail domain (MX, "
                   "search domains): a wildcard there takes all mail", "write [127.0.0.1], or the host in brackets")
    if "0" not in flags:
        report.add(WARNING, cf, line, "mx-lookup", f"mailer {name} has no flag 0: the destination's MX list is looked up for "
                   "nothing, and one that points back here is a SYSERR per message", f"add 0 to F= of M{name}")
    if (mailer.get("L") or "0") != "0":
        report.add(WARNING, cf, line, "line-limit", f"mailer {name}: L={mailer.get('L')} breaks long lines before the scan and "
                   "with them DKIM signatures", f"L=0 in M{name}")


def _inbound_local(cf, local, smtp, funnel, report):
    """What only mailer local can have wrong once it is an SMTP mailer."""
    flags, line = set(local.flags), local.line
    sender = local.envelope_sender_ruleset
    if sender and _ruleset_loses_null_sender(cf, sender):
        report.add(ERROR, cf, line, "null-sender", f"Mlocal: S={local.get('S')} turns the null sender <> into MAILER-DAEMON: "
                   "the delivery Sendmail refuses it and every bounce is lost", "S= as in Mesmtp (EnvFromSMTP/HdrFromSMTP)")
    if "l" not in flags:
        report.add(ERROR, cf, line, "no-local-flag", "Mlocal has no flag l: every local address fails with 'buildaddr: no host'",
                   "add l to F= of Mlocal")
    recipient = local.envelope_recipient_ruleset
    keeps_domain = smtp and recipient == smtp.envelope_recipient_ruleset
    if flags & set("wA") and keeps_domain:
        report.add(ERROR, cf, line, "users-unknown", "Mlocal looks users up (flags w, A) under an address that still has its "
                   "domain: every local user is unknown", "take w and A out of F=, or R=EnvToL/HdrToL")
    if not keeps_domain:
        report.add(WARNING, cf, line, "unqualified-recipient", f"Mlocal: R={local.get('R')} strips the domain: the scanner sees "
                   "no domain of local recipients", "R=EnvToSMTP, without the flags A w 5")
    if flags & set("A5"):
        report.add(WARNING, cf, line, "double-expansion", "Mlocal has flag A or 5: aliases and .forward are expanded here and "
                   "again by the delivery Sendmail (copies arrive twice)", "take A, w and 5 out of F=")
    if flags & set("|/:"):
        report.add(WARNING, cf, line, "unscanned-program", "Mlocal has flag |, / or :: programs, files and lists in aliases "
                   "get the message here, unscanned", "take | / and : out of F=")
    if "m" not in flags:
        report.add(WARNING, cf, line, "one-recipient", "Mlocal has no flag m: one scan per local recipient",
                   "add m to F= of Mlocal")
    useless = flags & set("nPSqso")
    if useless:
        report.add(WARNING, cf, line, "program-flags", f"Mlocal has flags {''.join(sorted(useless))}, which are for a local "
                   "program", "take them out of F=")
    if not funnel:
        report.add(WARNING, cf, line, "early-dsn", "local mail goes through a mailer with flag l: NOTIFY=SUCCESS is answered "
                   "'delivered' before the scan", "let rule set 0 send every address to Mesmtp (sandwich-cf's default)")


def _asks_for_users(cf):
    """Does any rule outside of rule set 5 look a name up in the password file, or ask another program (--socketmap)?"""
    maps = {m.group(1).lower() for m in (re.match(r"K(\S+)\s+(?:user|socket)\b", line.text) for line in cf.of_kind("K")) if m}
    own = {line.no for line in cf.rules("5")}
    asked = {name.lower() for line in cf.of_kind("R") if line.no not in own for name in re.findall(r"\$\((\S+)", line.text)}
    return bool(maps & asked)


def _inbound_recipients(cf, local, report):
    if "w" not in local.flags and not _asks_for_users(cf):
        report.add(WARNING, cf, local.line, "no-recipient-check",
                   "unknown local users are refused behind the scanner only: they bounce to forged senders",
                   "sandwich-cf's recipient check, or one of your own in Local_check_rcpt")


def _class_r(cf, report):
    """Domains in class R let every client whose name ends in them relay."""
    files = {line.text[2:].split()[0] for line in cf.of_kind("F") if line.text[1:2] == "w" and len(line.text) > 2}
    for line in cf.of_kind("F"):
        parts = [p for p in line.text[2:].split() if not p.startswith("-")]
        if line.text[1:2] == "R" and parts and (parts[0] in files or "local-host-names" in parts[0]):
            report.add(WARNING, cf, line, "relay-class", "the local domains are in class R: any client whose host name ends in "
                       "one of them may relay to the world", "leave them in class w (sandwich-cf's default)")


def _inbound_options(cf, scanner, report):
    for name in ("ConnectOnlyTo", "FallbackMXhost", "FallbackSmartHost"):
        for line, value in cf.options(name):
            if value:
                report.add(ERROR, cf, line, "detour", f"{name}={value} leads mail past the scanner", "take the line out")
    for name in ("HostStatusDirectory", "SingleThreadDelivery"):
        for line, value in cf.options(name):
            if value and value[:1] not in "fFnN":
                report.add(WARNING, cf, line, "host-status", f"{name}={value}: all mail has one host, the scanner: it is held "
                           "as a whole, or sent one by one", "take the line out")
    for line, value in cf.options("ClientPortOptions"):
        address = daemon_keys(value).get("a", "")
        if address and scanner and scanner.is_local and not is_loopback(address):
            report.add(WARNING, cf, line, "client-address", f"connections to the scanner come from {address}, which its allow list "
                       "does not have", "take the line out, or add the address to smtp_allow_client_ip")
    listeners = [(line, daemon_keys(value)) for line, value in cf.options("DaemonPortOptions")]
    port25 = [(line, keys) for line, keys in listeners if port_of(keys) == "25"]
    if listeners and (not port25 or all(is_loopback(keys.get("a", "")) for _, keys in port25)):
        report.add(WARNING, cf, (port25 or listeners)[0][0], "not-reachable", "port 25 listens on loopback only: no mail comes in "
                   "from outside", "take Addr= out of the DaemonPortOptions line")
    for line, keys in listeners:
        if scanner and port_of(keys) == scanner.port:
            report.add(ERROR, cf, line, "port-clash", f"the inbound Sendmail listens on the scanner's port {scanner.port}",
                       "another port")


def lint_inbound(cf, report):
    local = cf.mailer("local")
    scanner = _scanner(cf)
    funnel = funnel_of(cf)
    _inbound_bypass(cf, scanner, funnel, report)
    for mailer in cf.mailers():
        if mailer.speaks_tcp and _target(mailer):
            _inbound_smtp_mailer(cf, mailer, report)
    smtp = next((m for m in (cf.mailer(n) for n in ("esmtp", "smtp", "smtp8", "relay")) if m and m.speaks_tcp), None)
    if local.is_ipc:
        _inbound_local(cf, local, smtp, funnel, report)
    _inbound_recipients(cf, local, report)
    _class_r(cf, report)
    _inbound_options(cf, scanner, report)
    return scanner


# -- the delivery file --

def _delivery_listeners(cf, scanner, report):
    separate = scanner and not scanner.is_local
    listeners = [(line, daemon_keys(value)) for line, value in cf.options("DaemonPortOptions")]
    if not listeners:
        report.add(ERROR, cf, None, "port-clash", "no DaemonPortOptions: the delivery Sendmail listens on port 25, as the "
                   "inbound one does", "O DaemonPortOptions=Name=MTA-delivery, Family=inet, Addr=127.0.0.1, Port=19000")
    for line, keys in listeners:
        port = port_of(keys)
        if port in ("25", "465", "587"):
            report.add(ERROR, cf, line, "port-clash", f"the delivery Sendmail listens on port {port}, which is the inbound one's",
                       "only one DaemonPortOptions line, with Port=19000")
        elif scanner and port == scanner.port and not separate:
            report.add(ERROR, cf, line, "scanner-loop", f"the delivery Sendmail listens on the scanner's port {port}: mail goes "
                       "round the scanner", "Port=19000")
        elif not is_loopback(keys.get("a", "")):
            report.add(WARNING if separate else ERROR, cf, line, "delivery-exposed", f"port {port} is open beyond loopback: "
                       "whoever reaches it sends unscanned mail", "Addr=127.0.0.1"
                       + (" or a firewall that lets in the scanner alone" if separate else ""))


def _delivery_mailers(cf, scanner, report):
    for mailer in cf.mailers():
        target = _target(mailer)
        if scanner and target and target.meets(scanner):
            report.add(ERROR, cf, mailer.line, "scanner-loop", f"mailer {mailer.name} sends to the scanner: mail goes round in a "
                       "loop", "A= as in the distribution's file")


SHARED = (("QueueDirectory", "same-queue", ERROR, "both daemons run one queue: mail waiting for the scanner is delivered unscanned",
           "/var/spool/mqueue"),
          ("PidFile", "same-pid-file", ERROR, "stopping one daemon stops the other, or none", "/var/run/sendmail.pid"),
          ("ControlSocketName", "same-control-socket", ERROR, "the second daemon takes the first one's control socket", None),
          ("StatusFile", "same-status-file", WARNING, "both count in one statistics file", None),
          ("HostStatusDirectory", "same-host-status", WARNING, "both keep one host status", None),
          ("ProcessTitlePrefix", "same-title", WARNING, "the daemons look alike in ps", None))


def _shared(inbound, delivery, report):
    for option, name, severity, fault, default in SHARED:
        ours = delivery.option(option) or default
        theirs = inbound.option(option) or default
        if ours and theirs and os.path.normpath(ours.rstrip("*")) == os.path.normpath(theirs.rstrip("*")):
            found = delivery.options(option)
            report.add(severity, delivery, found[-1][0] if found else None, name, f"{option}={ours} in both files: {fault}",
                       f"another {option} for the delivery Sendmail")
    key = delivery.option("SharedMemoryKey")
    if (key or "0") != "0" and key == inbound.option("SharedMemoryKey"):
        report.add(ERROR, delivery, delivery.options("SharedMemoryKey")[-1][0], "same-shared-memory",
                   f"SharedMemoryKey={key} in both files", "0 in the delivery file")


def _trusted(cf):
    """Who may say on whose behalf mail comes: T lines and class t, also what a file of this machine adds to it."""
    names = {name for line in cf.of_kind("T") for name in line.text[1:].split()}
    names |= {name for line in cf.of_kind("C") if line.text[1:2] == "t" for name in line.text[2:].split()}
    for line in cf.of_kind("F"):
        path = line.text[2:].replace("-o", "", 1).strip()
        if line.text[1:2] == "t" and os.path.isfile(path):
            with open(path, encoding="latin-1") as file:
                names |= {name for text in file if not text.startswith("#") for name in text.split()[:1]}
    return names


def _started_by_scanner(cf, user, report):
    """What a file is for that `user` runs with -bs -C, message by message; where it would listen plays no part."""
    queue = cf.options("QueueDirectory")
    line = queue[-1][0] if queue else None
    if user != "root" and user not in _trusted(cf):
        report.add(WARNING, cf, (cf.of_kind("T") or [line])[-1], "untrusted-user", f"{user}, who runs this, is no trusted user: each "
                   "message gets an X-Authentication-Warning field", f"T{user}")
    directory = (cf.option("QueueDirectory") or "/var/spool/mqueue").rstrip("/*")
    try:
        owner, wanted = os.stat(directory).st_uid, pwd.getpwnam(user).pw_uid
    except (OSError, KeyError):
        return  # the files may be another machine's
    if wanted not in (0, owner):
        report.add(WARNING, cf, line, "queue-owner", f"{directory} does not belong to {user}: Sendmail drops its set-group-id under -C, "
                   "cannot write there, and mail waits in the inbound queue", f"chown {user} {directory}, or original_user=root")


def _delivery_checks(cf, isvw, report):
    throttle = cf.options("ConnectionRateThrottle")
    if not isvw and throttle and throttle[-1][1] not in ("", "0"):
        report.add(WARNING, cf, throttle[-1][0], "throttled", "all connections come from the scanner, and are limited as one "
                   "client's", "O ConnectionRateThrottle=0")
    for line, value in cf.options("InputMailFilters"):
        if value:
            report.add(WARNING, cf, line, "milter-twice", f"InputMailFilters={value}: all mail seems to come from this host: a "
                       "signing milter signs strangers' mail", "take the line out: the inbound Sendmail has them")
    accepted = False
    for rule in cf.rules("basic_check_mail"):
        left, right = split_rule(rule)
        if left.split() == "<?> $* < @ $+ >".split():
            accepted = accepted or right.startswith("$: <OKR>")
            if "$(resolve" in right and not accepted:
                report.add(WARNING, cf, rule, "second-lookup", "senders' domains are looked up again: what the inbound Sendmail "
                           "accepted can be refused here, and bounces", "FEATURE(`accept_unresolvable_domains')")


def lint_delivery(cf, inbound, scanner, isvw, report):
    if isvw:
        _started_by_scanner(cf, isvw, report)
    else:
        _delivery_listeners(cf, scanner, report)
    _delivery_mailers(cf, scanner, report)
    _shared(inbound, cf, report)
    _delivery_checks(cf, isvw, report)


# -- both --

def _stale(cf, report):
    """A file we made, whose source has changed since."""
    for line in cf.lines[:5]:
        match = re.match(re.escape(MARKER) + r" made from (/\S+) sha256 ([0-9a-f]{64})", line.raw)
        if not match:
            continue
        try:
            with open(match.group(1), "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
        except OSError:
            return
        if digest != match.group(2):
            report.add(WARNING, cf, line, "stale", f"{match.group(1)} has changed since this file was made from it",
                       "run sandwich-cf again")


def _sane(cf, report):
    """False when the file cannot be judged at all."""
    whole = True
    for condition, name, fault in (
            (cf.is_true("UseMSP"), "submission-file", "UseMSP: this is the submission program's file"),
            (not cf.mailer("local"), "no-local-mailer", "no mailer local (Mlocal): truncated, or not a sendmail.cf"),
            (not cf.ruleset("0"), "no-rule-set-0", "no rule set 0 (Sparse=0 or S0): truncated, or not a sendmail.cf")):
        if condition:
            found = cf.options("UseMSP") if name == "submission-file" else []
            report.add(ERROR, cf, found[0][0] if found else None, name, fault, "give the MTA's file")
            whole = False
    return whole


def check(inbound, delivery, isvw=""):
    """All findings of a pair of parsed files, sorted by file and line. `isvw`: whom the scanner starts the delivery Sendmail as; empty:
    that Sendmail listens."""
    report = Report()
    sane = [_sane(cf, report) for cf in (inbound, delivery)]
    if all(sane):
        scanner = lint_inbound(inbound, report)
        lint_delivery(delivery, inbound, scanner, isvw, report)
        for cf in (inbound, delivery):
            _stale(cf, report)
    order = {inbound.name: 0, delivery.name: 1}
    return sorted(report.findings, key=lambda f: (order[f.file], f.line, f.name))


HINT = ("hint: start both daemons with a queue runner (-bd -q1m): without -q, deferred mail is never tried again. "
        "No check of files can see that.")


ISVW_HINT = ("hint: as the scanner starts the delivery Sendmail for its mail, a queue runner must run all the time (-q1h -C{}), and the "
             "inbound one with its own (-bd -q1h). No check of files can see that.")


def _made_for(cf):
    """Whom a file made with --isvw is for; empty: for a Sendmail that listens, or made by hand."""
    match = re.match(re.escape(MARKER) + r" delivery variant, .*, delivery by command as (\S+)\n", cf.lines[0].raw if cf.lines else "")
    return match.group(1) if match else ""


def run(inbound_path, delivery_path, isvw=""):
    """--check: prints the findings; 1 when one is an error."""
    if os.path.realpath(inbound_path) == os.path.realpath(delivery_path):
        raise CfError(f"{inbound_path}: both files are the same")
    inbound, delivery = Cf.read(inbound_path), Cf.read(delivery_path)
    isvw = isvw or _made_for(delivery)
    findings = check(inbound, delivery, isvw)
    for finding in findings:
        print(finding)
    errors = sum(f.severity == ERROR for f in findings)
    print(f"{errors} errors, {len(findings) - errors} warnings")
    print(ISVW_HINT.format(os.path.abspath(delivery_path)) if isvw else HINT)
    return 1 if errors else 0
