"""The inbound variant: every message leaves through the scanner, whoever it is for.

Two layers. Each SMTP mailer and mailer local get the scanner as their fixed host (the edits of the how-to, made safe).
In front of rule set 0 stands one rule that gives every address to one of these mailers, with its domain untouched, before
aliases, virtusertable, mailertable or any custom mailer can send it past the scanner; the delivery Sendmail applies
those. Class w stays as it is: moving its domains to class R, the other way to keep them out of the local mailer,
would let every client whose name ends in one of them relay to the world.
"""

from . import recipients
from .change import set_option
from .logical import CfError, are_loopback, daemon_keys, is_loopback, port_of

# Mailers that never carry a message by themselves: error and discard deliver nothing, prog and *file* are only reached
# through an alias or .forward, which the inbound variant does not expand.
HARMLESS = {"prog", "error", "discard", "*file*", "*include*"}

# What mailer local keeps of its own flags once it speaks SMTP; the others look up users, expand aliases or build
# arguments and files for a local program. All of that is the delivery Sendmail's work.
LOCAL_KEEP = "lDFM9xpE"


def check_is_mta(cf):
    """Refuse what cannot be a MTA's configuration."""
    if cf.is_true("UseMSP") and cf.option("UseMSP") is not None:
        line = cf.options("UseMSP")[-1][0]
        raise CfError(f"{cf.name}:{line.no}: UseMSP: this is the submission program's file (submit.cf), "
                      "give the MTA's sendmail.cf")
    if not cf.of_kind("M"):
        raise CfError(f"{cf.name}: no mailer (M line): empty, truncated, or not a sendmail.cf")
    if not cf.ruleset("0"):
        raise CfError(f"{cf.name}: no rule set 0 (Sparse=0 or S0): truncated, or not a sendmail.cf")
    local = cf.mailer("local")
    if not local:
        raise CfError(f"{cf.name}: no mailer local (Mlocal): truncated, or not a sendmail.cf")
    return local


def reference_mailer(cf):
    """The SMTP mailer whose rewriting the others copy, and which carries everything."""
    for name in ("esmtp", "smtp", "smtp8", "relay"):
        mailer = cf.mailer(name)
        if mailer and mailer.speaks_tcp:
            return mailer
    for mailer in cf.mailers():
        if mailer.speaks_tcp and mailer.name.lower() != "local":
            return mailer
    raise CfError(f"{cf.name}: no SMTP mailer (P=[IPC], A=TCP ...): truncated, or not a sendmail.cf")


def _proxy_argv(settings):
    """Behind a colon stands whom Sendmail tries next; a comma, which would end the field as it is, says that none is before the other."""
    hops = settings.scanner.hops
    hosts = map(_plain_host, hops) if settings.plain else (hop.bracketed for hop in hops)
    separator = "\\," if settings.spread else ":"
    return f"{'IPC' if settings.plain else 'TCP'} {separator.join(hosts)} {settings.scanner.port}"


def _plain_host(hop):
    numeric = hop.is_ipv6 or hop.host.replace(".", "").isdigit()
    return "localhost" if hop.host == "127.0.0.1" else hop.bracketed if numeric else hop.host


def _edit_smtp_mailer(mailer, settings, changes):
    number = mailer.line.no
    before = mailer.get("A")
    mailer.set("A", _proxy_argv(settings))
    changes.note(number, f"M{mailer.name}: A={before} -> A={mailer.get('A')}",
                 "mail that this mailer carries goes to the scanner, not to the host it is for")
    _edit_flags(mailer, settings, changes)
    if not settings.plain and (mailer.get("L") or "0") != "0":
        mailer.set("L", "0")
        changes.note(number, f"M{mailer.name}: L=0", "long lines reach the scanner unbroken; DKIM signatures hold")


def _edit_flags(mailer, settings, changes):
    add = "kX" if settings.plain else "kX0"
    drop = "fez"
    if settings.lmtp:
        add, drop = add + "z", "fea"
    before = mailer.flags
    mailer.set_flags(add=add, drop=drop)
    reasons = {"k": "no false 'mail loops back to me'", "X": "dot stuffing: without it a lone dot in a body ends the "
               "message and the rest is read as SMTP commands", "0": "no MX look-up for the scanner's hop",
               "z": "LMTP, only with --lmtp", "f": "it would put '-f sender' where the host stands",
               "e": "with HoldExpensive all mail would wait for a queue run",
               "a": "LMTP instead of ESMTP"}
    changed = [f"{'+' if f in mailer.flags else '-'}{f} ({why})" for f, why in reasons.items()
               if (f in mailer.flags) != (f in before)]
    if changed:
        changes.note(mailer.line.no, f"M{mailer.name}: F={before} -> F={mailer.flags}", "; ".join(changed))


def _edit_local(local, smtp, settings, changes):
    """Mailer local speaks SMTP to the scanner."""
    number = local.line.no
    changes.note(number, f"Mlocal: P={local.get('P')} -> P=[IPC]", "local mail goes to the scanner, not to the mailbox")
    local.set("P", "[IPC]")
    local.set("S", smtp.get("S") or "")
    changes.note(number, f"Mlocal: S={smtp.get('S')}",
                 "the old rewriting turned the null sender <> into MAILER-DAEMON, which the delivery Sendmail refuses: "
                 "every bounce would be lost")
    if not settings.plain:
        before = local.flags
        local.set_flags(keep=LOCAL_KEEP, add="lmkuXa80")
        if settings.lmtp:
            local.set_flags(add="z", drop="a")
        changes.note(number, f"Mlocal: F={before} -> F={local.flags}",
                     "aliases, .forward and users are the delivery Sendmail's work, after the scan (so programs and files "
                     "in aliases never see an unscanned message); X stuffs dots, m groups recipients, l stays or every "
                     "local address fails with 'no host'")
        for key, value in (("R", smtp.get("R") or ""), ("E", "\\r\\n"), ("L", "0"), ("T", "DNS/RFC822/SMTP")):
            if local.get(key) != value:
                local.set(key, value)
        changes.note(number, f"Mlocal: R={local.get('R')}, E=\\r\\n, L=0, T=DNS/RFC822/SMTP",
                     "as for any SMTP mailer; recipients keep a domain")
        local.set("A", _proxy_argv(settings))
    else:
        local.set("A", _proxy_argv(settings))
        _edit_flags(local, settings, changes)
    changes.note(number, f"Mlocal: A={local.get('A')}", "the scanner")


def _other_mailers(cf, settings, smtp, changes):
    """--plain has no rule in front of rule set 0: each mailer that is not SMTP is a way past the scanner."""
    faults = []
    for mailer in cf.mailers():
        name = mailer.name.lower()
        if name in HARMLESS or name == "local" or mailer.speaks_tcp:
            continue
        if name in settings.route_mailers:
            mailer.set("P", "[IPC]")
            mailer.set("S", smtp.get("S") or "")
            mailer.set("R", smtp.get("R") or "")
            mailer.set("E", "\\r\\n")
            mailer.set_flags(keep="DFMm9", add="muXak")
            mailer.set("A", _proxy_argv(settings))
            changes.note(mailer.line.no, f"M{mailer.name}: P=[IPC], A={mailer.get('A')}",
                         "--route-mailer: goes through the scanner (a host that the rules took off the address is lost)")
        elif name in settings.allow_mailers:
            changes.note(mailer.line.no, f"M{mailer.name}: left", "--allow-mailer: its mail is NOT scanned")
            changes.warn(f"{cf.name}:{mailer.line.no}: mailer {mailer.name} carries mail past the scanner (--allow-mailer)")
        else:
            faults.append(f"{cf.name}:{mailer.line.no}: mailer {mailer.name} (P={mailer.get('P')}) would carry mail past "
                          f"the scanner. Cure: leave out --plain (the default variant routes everything), or "
                          f"--route-mailer {mailer.name}, or --allow-mailer {mailer.name} if unscanned mail is wanted")
    if faults:
        raise CfError("\n".join(faults))


def _funnel(cf, smtp, settings, changes):
    """One rule in front of rule set 0 takes every address."""
    opening = cf.ruleset("0")
    parse0 = "R$*\t\t\t$: $>Parse0 $1\n" if cf.ruleset("parse0") else ""
    cf.insert_after(opening, (
        "# sandwich-cf: every address goes to the scanner, whatever the rules below would do with it\n"
        f"{parse0}"
        "R<@>\t\t\t$#local $: <@>\n"
        f"R$+\t\t\t$#{smtp.name} $@ {settings.scanner.bracketed} $: $1\n"))
    changes.note(opening.no, f"rule set 0 begins with R$+ $#{smtp.name} $@ {settings.scanner.bracketed} $: $1",
                 "no rule, map or mailer can send mail past the scanner; virtusertable, mailertable, smart host and "
                 "custom mailers act in the delivery Sendmail; addresses keep their domain, DSN requests are passed on, "
                 "and one message is one transaction")
    for mailer in cf.mailers():
        name = mailer.name.lower()
        if not mailer.speaks_tcp and name not in HARMLESS and name != "local":
            changes.note(mailer.line.no, f"M{mailer.name}: left as it is",
                         "cannot be reached behind that rule; the delivery Sendmail uses it")


def _recipient_check(cf, flags, settings, changes):
    if not settings.recipient_check:
        if not settings.socketmap:
            changes.warn(f"{cf.name}: no recipient check (--no-recipient-check): unknown users bounce after the scan")
        return
    against = recipients.reason_against(cf, flags)
    if against:
        changes.warn(f"{cf.name}: recipient check left out: {against}. Unknown users are refused by the delivery Sendmail "
                     "only, and then bounce")
        return
    if not are_loopback(settings.scanner.hosts):
        changes.warn(f"{cf.name}: the recipient check asks the aliases and users of the inbound box. Where they are on the delivery box "
                     "only, it refuses all of them: there, --no-recipient-check --socketmap (sandwich-boxes(7))")
    hook = recipients.hook_line(cf)
    block = recipients.rules_text(cf, flags)
    cf.insert_after(hook, recipients.hook("SandwichRcpt"))
    cf.append("\n# sandwich-cf: recipient check, called from rule set " + hook.text[1:].strip() + "\n" + block)
    changes.note(hook.no, f"{hook.text}: calls SandwichRcpt first",
                 "an unknown local user is refused in session, as before (550 5.1.1); otherwise it would bounce to a forged "
                 "sender. Local_check_rcpt is asked before and kept; every map the file declares is asked through its own "
                 "rules; a map's temporary failure is a temporary error")


def _socketmap(cf, settings, changes):
    """sandwichd's sources are asked as well, behind the check by the file's own maps."""
    if not settings.socketmap:
        return
    hook = recipients.hook_line(cf)
    if not hook:
        raise CfError(f"{cf.name}: --socketmap: the file has no rule set check_rcpt to ask from")
    cf.insert_after(hook, recipients.hook("SandwichAsk"))
    cf.append("\n# sandwich-cf: asks sandwichd, called from rule set " + hook.text[1:].strip() + "\n"
              + recipients.socketmap_text(settings.socketmap))
    changes.note(hook.no, f"{hook.text}: calls SandwichAsk first",
                 "a recipient whom none of sandwichd's sources knows is refused in session (550 5.1.1); while sandwichd "
                 "does not answer, nobody is refused for that")


def _listen(cf, settings, changes):
    """Port 25. 'any' lifts a loopback restriction; an address is added beside it, since local mail comes in over loopback."""
    if settings.listen == "keep":
        return
    listeners = [(line, value, daemon_keys(value)) for line, value in cf.options("DaemonPortOptions")]
    smtp = [(line, value, keys) for line, value, keys in listeners if port_of(keys) == "25"]
    if settings.listen == "any":
        for line, value, keys in smtp:
            if is_loopback(keys.get("a", "")):
                new = ",".join(p for p in value.split(",") if p.strip()[:1].lower() != "a").strip()
                line.raw = line.raw.replace(value, new)
                changes.note(line.no, f"DaemonPortOptions={new}", f"was Addr={keys['a']}: port 25 must be reachable from "
                             "outside (--listen keep leaves it)")
        return
    family = "inet6" if ":" in settings.listen else "inet"
    wanted = f"Name=MTA-outside, Family={family}, Addr={settings.listen}, Port=smtp"
    for line, value, keys in smtp:
        if not is_loopback(keys.get("a", "")) and keys.get("f", "inet").lower() == family:
            cf.remove(line)
            changes.note(line.no, f"DaemonPortOptions={value}: taken out", f"--listen {settings.listen} instead")
    options = cf.of_kind("O")
    left = [line for line, _ in cf.options("DaemonPortOptions")]
    anchor = left[-1] if left else options[-1] if options else cf.of_kind("V")[-1]
    cf.insert_after(anchor, f"O DaemonPortOptions={wanted}\n")
    changes.note(anchor.no, f"DaemonPortOptions={wanted} added", "--listen")
    if not any(is_loopback(daemon_keys(value).get("a", "")) and port_of(daemon_keys(value)) == "25"
               for _, value in cf.options("DaemonPortOptions")):
        cf.insert_after(anchor, "O DaemonPortOptions=Name=MTA-inside, Family=inet, Addr=127.0.0.1, Port=smtp\n")
        changes.note(anchor.no, "DaemonPortOptions=... Addr=127.0.0.1, Port=smtp added", "local mail comes in there")


def _no_detours(cf, settings, changes):
    """Options that would lead connections away from the scanner."""
    for name, why in (("ConnectOnlyTo", "would send every connection to another host than the scanner"),
                      ("FallbackMXhost", "would be tried when the scanner is down: mail past the scanner"),
                      ("FallbackSmartHost", "would be tried when the scanner is down: mail past the scanner"),
                      ("HostStatusDirectory", "one refused connection to the scanner would hold all mail for half an hour"),
                      ("SingleThreadDelivery", "all mail goes to one host: only one message at a time would be scanned")):
        for line, value in cf.options(name):
            cf.remove(line)
            changes.note(line.no, f"{name}={value}: taken out", why)
    for line, value in cf.options("ClientPortOptions"):
        address = daemon_keys(value).get("a", "")
        if address and are_loopback(settings.scanner.hosts) and not is_loopback(address):
            cf.remove(line)
            changes.note(line.no, f"ClientPortOptions={value}: taken out",
                         "the scanner would see this address as its client and refuse it")


def _quick_fail_over(cf, settings, changes):
    """A box that is gone says nothing, and each message would wait for it until the kernel or Sendmail gives up."""
    if len(settings.scanner.hops) > 1:
        for name in ("Timeout.iconnect", "Timeout.connect"):
            set_option(cf, name, "5s", "all connections lead to a scanner, and behind one that does not answer stands another", changes)


def _no_tls_demands(cf, settings, changes):
    """TLS_Rcpt and TLS_Srv in the access map are about the real destination, and the delivery Sendmail obeys them."""
    names = ["tls_rcpt"] + (["tls_server"] if are_loopback(settings.scanner.hosts) else [])
    for name in names:
        opening = cf.ruleset(name)
        if opening:
            cf.insert_after(opening, "# sandwich-cf: this hop only leads to the scanner\nR$*\t\t\t$@ OK\n")
            changes.note(opening.no, f"{name}: always OK",
                         "demands for TLS are about the destination: the delivery Sendmail checks them")


def make(cf, settings, changes):
    """Turn the parsed file into the inbound variant."""
    local = check_is_mta(cf)
    smtp = reference_mailer(cf)
    flags = local.flags
    for mailer in cf.mailers():
        if mailer.speaks_tcp and mailer.name.lower() != "local":
            _edit_smtp_mailer(mailer, settings, changes)
    smtp = cf.mailer(smtp.name)
    for mailer in [m for m in cf.mailers() if m.name.lower() == "local"]:
        _edit_local(mailer, smtp, settings, changes)
    _listen(cf, settings, changes)
    _no_detours(cf, settings, changes)
    _quick_fail_over(cf, settings, changes)
    if settings.plain:
        _other_mailers(cf, settings, smtp, changes)
        changes.warn(f"{cf.name}: --plain: aliases and .forward are expanded here too; programs and files in them get "
                     "unscanned mail")
        _socketmap(cf, settings, changes)
        return
    _no_tls_demands(cf, settings, changes)
    _recipient_check(cf, flags, settings, changes)
    _socketmap(cf, settings, changes)
    _funnel(cf, smtp, settings, changes)
