"""The delivery variant: the second Sendmail, which takes mail from the scanner alone and delivers it.

It keeps all routing of the file. What is changed: where it listens, what it must not share with the inbound Sendmail, and
checks of strangers that the inbound Sendmail has made already, on the real client, and that could only refuse here what was
accepted there.
"""

import os
import re

from .change import set_option
from .inbound import HARMLESS, check_is_mta
from .logical import CfError, is_loopback, split_rule


def _beside(path, suffix):
    """'/run/sendmail.pid' -> '/run/sendmail-delivery.pid'."""
    stem, extension = os.path.splitext(path)
    return f"{stem}-{suffix}{extension}"


def _listen(cf, settings, changes):
    hop = settings.delivery_listen
    value = (f"Name=MTA-delivery, Family={'inet6' if hop.is_ipv6 else 'inet'}, "
             f"Addr={'IPv6:' if hop.is_ipv6 else ''}{hop.host}, Port={hop.port}")
    before = cf.options("DaemonPortOptions")
    for line, old in before[1:]:
        changes.note(line.no, f"DaemonPortOptions={old}: taken out", "the inbound Sendmail listens there")
    set_option(cf, "DaemonPortOptions", value, "takes mail from the scanner only; whoever reaches this port relays",
               changes)
    if not is_loopback(hop.host):
        changes.warn(f"{cf.name}: the delivery Sendmail listens on {hop}, not on loopback: whoever reaches that port sends "
                     "unscanned mail. A firewall must let in the scanner alone")


def _own_files(cf, settings, changes):
    pid = cf.option("PidFile") or "/var/run/sendmail.pid"
    set_option(cf, "PidFile", settings.pid_file or _beside(pid, "delivery"), "each daemon its own pid file", changes)
    set_option(cf, "QueueDirectory", settings.queue,
               "each daemon its own queue (owner and mode as the other: the directory must be made)", changes)
    control = cf.option("ControlSocketName")
    if control or settings.control_socket:
        set_option(cf, "ControlSocketName", settings.control_socket or _beside(control, "delivery"),
                   "each daemon its own control socket", changes)
    status = cf.option("StatusFile")
    if status or settings.status_file:
        set_option(cf, "StatusFile", settings.status_file or _beside(status, "delivery"),
                   "each daemon its own statistics", changes)
    host_status = cf.option("HostStatusDirectory")
    if host_status:
        set_option(cf, "HostStatusDirectory", host_status.rstrip("/") + "-delivery", "each daemon its own", changes)
    if (cf.option("SharedMemoryKey") or "0") != "0":
        set_option(cf, "SharedMemoryKey", "0", "two daemons with different queues cannot share this memory", changes)
    if "ProcessTitlePrefix" in cf.text():   # also as a comment: then this Sendmail knows the option
        set_option(cf, "ProcessTitlePrefix", "MTA-delivery", "to tell the two daemons apart in ps", changes)


def _queue_groups(cf, old_queue, settings, changes):
    """Q lines may name directories of their own below the old queue directory."""
    old = old_queue.rstrip("/*")
    for line in cf.of_kind("Q"):
        if not re.search(r"[,\s]P\w*=", line.raw):
            continue
        new = line.raw.replace(old + "/", settings.queue + "/")
        if old and new != line.raw:
            changes.note(line.no, f"{new.strip()}", "queue group moves below the delivery queue directory")
            line.raw = new
        else:
            raise CfError(f"{cf.name}:{line.no}: queue group outside of {old_queue}: both daemons would share it. Cure: "
                          "give its path below the queue directory")


def _no_second_checks(cf, changes):
    set_option(cf, "ConnectionRateThrottle", "0", "all connections come from the scanner", changes,
               add=False)
    if (cf.option("BadRcptThrottle") or "0") != "0":
        set_option(cf, "BadRcptThrottle", "0", "the scanner's session is not a stranger's", changes)
    for name, answer in (("RateControl", "$@ OK"), ("ConnControl", "$@ OK"), ("greet_pause", "$# 0")):
        opening = cf.ruleset(name)
        if opening:
            cf.insert_after(opening, f"# sandwich-cf: only the scanner connects here\nR$*\t\t\t{answer}\n")
            changes.note(opening.no, f"{name}: always {answer}", "the scanner is not limited or delayed, whatever access says")
    for line, value in cf.options("InputMailFilters"):
        if value:
            cf.remove(line)
            changes.note(line.no, f"InputMailFilters={value}: taken out",
                         "the milters have seen the message at the inbound Sendmail, with the real client; here all mail "
                         "seems to come from this host (a signing milter would sign strangers' mail)")
    for rule in cf.rules("basic_check_mail") + cf.rules("check_mail"):
        left, right = split_rule(rule)
        if "$(resolve" in right and left.split() == "<?> $* < @ $+ >".split():
            cf.insert_before(rule, "# sandwich-cf: the inbound Sendmail has looked the sender's domain up\n"
                                   f"R{left}\t$: <OKR> $1 < @ $2 >\n")
            changes.note(rule.no, "senders' domains are not looked up again",
                         "what the inbound Sendmail accepted must not be refused behind the scanner")
            break


def _mailer_flags(cf, changes):
    for mailer in cf.mailers():
        if (mailer.speaks_tcp or mailer.name.lower() == "local") and mailer.name.lower() not in HARMLESS:
            if "k" not in mailer.flags:
                mailer.set_flags(add="k")
                changes.note(mailer.line.no, f"M{mailer.name}: +k", "as the how-to asks: no false 'mail loops back to me'")


def _trust(cf, settings, changes):
    """Whom Sendmail believes: it would note in each message that somebody else used -bs and -C."""
    user = settings.isvw
    if not user or user == "root" or any(user in line.text[1:].split() for line in cf.of_kind("T")):
        return
    trusted = cf.of_kind("T") or cf.of_kind("O")
    if not trusted:
        raise CfError(f"{cf.name}: neither T nor O lines: not a sendmail.cf")
    cf.insert_after(trusted[-1], f"T{user}\n")
    changes.note(trusted[-1].no, f"T{user} added", "no X-Authentication-Warning in the mail that the scanner hands over")


def make(cf, settings, changes):
    """Turn the parsed file into the delivery variant."""
    check_is_mta(cf)
    old_queue = cf.option("QueueDirectory") or "/var/spool/mqueue"
    if settings.queue.rstrip("/*") == old_queue.rstrip("/*"):
        raise CfError(f"{cf.name}: --queue {settings.queue} is the inbound Sendmail's queue")
    _queue_groups(cf, old_queue, settings, changes)
    _listen(cf, settings, changes)
    _own_files(cf, settings, changes)
    _no_second_checks(cf, changes)
    _mailer_flags(cf, changes)
    _trust(cf, settings, changes)
