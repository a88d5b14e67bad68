"""The recipient check of the inbound variant: which rules are added, or why they are left out.

Without it every address of ours would be accepted, and refused only behind the scanner: as a bounce to a forged sender.
The check never re-invents a map. It asks the file's own rules where the address would go without the sandwich
(ParseLocal, Parse1: virtusertable, mailertable, MAIL_HUB, LDAP routing, local rules, whatever is there) and takes
their word; only for an address that they give to the local mailer are the aliases, rule set 5 (LUSER_RELAY, hub) and
the password file asked, in Sendmail's own order. What cannot be asked is never refused, nor is anybody while a map is
out of order.
"""

import re

from .logical import split_rule

ALIAS_CLASSES = {"implicit", "hash", "dbm", "btree", "cdb", "text", "ldap", "nis", "nisplus", "hesiod", "netinfo",
                 "socket"}
# Maps that a file or a server stands behind: they can be out of order.
DATABASE_CLASSES = ALIAS_CLASSES - {"implicit"} | {"ph", "sql"}
TEMPORARY = '#error $@ 4.3.0 $: "451 Temporary system failure. Please try again later."'


def alias_maps(cf):
    """[(class, arguments)] of all AliasFile settings; raises ValueError where one cannot be asked by a rule."""
    maps = []
    for line, value in cf.options("AliasFile"):
        for item in re.findall(r'(?:[^,"]|"[^"]*")+', value):
            item = item.strip()
            if not item:
                continue
            match = re.match(r"([A-Za-z0-9_]+):(.*)", item, re.S)
            kind, rest = (match.group(1).lower(), match.group(2).strip()) if match else ("implicit", item)
            if kind not in ALIAS_CLASSES or not rest:
                raise ValueError(f"line {line.no}: alias source '{item}' cannot be asked from a rule")
            maps.append((kind, rest))
    return maps


def version_of(cf):
    """(major, minor) from the Z macro, or None."""
    match = re.match(r"(?:.*?/)?(\d+)\.(\d+)", cf.macro("Z"))
    return (int(match.group(1)), int(match.group(2))) if match else None


def reason_against(cf, local_flags):
    """Why the check cannot be made for this file: a text, or None."""
    if not cf.ruleset("parse1") or not cf.ruleset("parse0"):
        return "the file has no rule sets Parse0 and Parse1 (Sendmail before 8.9, or not made from its m4 files)"
    if not cf.ruleset("check_rcpt"):
        return "the file has no rule set check_rcpt"
    version = version_of(cf)
    if version and version < (8, 10):
        return "Sendmail before 8.10 cannot tell a map's temporary failure from 'no such user'"
    if "w" not in local_flags:
        return "mailer local has no flag w: its users are not those of the password file"
    if cf.is_true("MatchGECOS"):
        return "MatchGECOS delivers to full names too"
    if cf.option("UserDatabaseSpec"):
        return "UserDatabaseSpec names users that no rule can ask for"
    for line in cf.of_kind("R"):
        left, right = split_rule(line)
        target = re.match(r"\$#\s*([\w.-]+)", right)
        if target and "$=w" in left and target.group(1).lower() not in ("local", "error", "usenet", "discard"):
            return f"line {line.no}: local addresses are delivered by mailer {target.group(1)}, not by mailer local"
    if "A" in local_flags:
        try:
            if not alias_maps(cf):
                return "the file names no AliasFile"
        except ValueError as error:
            return str(error)
    return None


def _probes(cf):
    """A twin of every database map, with -T. A map without -T that is out of order says 'not found' to the file's rules,
    and a user that only this map knows would be refused for good; so before a refusal each map is asked whether it is up."""
    twins = []
    for line in cf.of_kind("K"):
        match = re.match(r"K\s*(\S+)\s+(\S+)\s*(.*)", " ".join(line.text.split()))
        if match and match.group(2).lower() in DATABASE_CLASSES:
            rest = re.sub(r"(?<!\S)(-m|-[aT]\S*)(?!\S)", "", match.group(3)).strip()
            twins.append(f"Ksandwichprobe{len(twins) + 1} {match.group(2)} -m -T<TEMP> {rest}")
    return twins


def _alias_part(cf):
    """Map declarations and the rule set that looks one key up in all of them."""
    maps = alias_maps(cf)
    declare = [f"Ksandwichalias{n} {kind} -m -a<OK> -T<TEMP> {rest}" for n, (kind, rest) in enumerate(maps, 1)]
    rules = ["SSandwichAlias"]
    for number in range(1, len(maps) + 1):
        rules += [f"R$*\t\t\t$: $1 $| $(sandwichalias{number} $1 $: NO $)",
                  "R$* $| $* <OK>\t\t$@ OK",
                  "R$* $| $* <TEMP>\t$@ TEMP",
                  "R$* $| $*\t\t$: $1"]
    return declare, rules + ["R$*\t\t\t$@ NO"]


def _ask_alias(mark, following, key):
    return [f"R<{mark}> $*\t\t$: <{mark}> $1 $| $>SandwichAlias {key}",
            f"R<{mark}> $* $| OK\t$@ ok",
            f"R<{mark}> $* $| TEMP\t${TEMPORARY}",
            f"R<{mark}> $* $| NO\t\t$: <{following}> $1"]


def rules_text(cf, local_flags):
    """The block that is appended to the file: maps and rule sets of the check."""
    declare, rules = [], []
    if "A" in local_flags:
        declare, rules = _alias_part(cf)
    declare.append("Ksandwichuser user -m -a<OK> -T<TEMP>")
    users = ["sandwichuser"]
    if "u" in local_flags:
        declare.append("Ksandwichusercase user -f -m -a<OK> -T<TEMP>")
        users.append("sandwichusercase")

    rules += ["",
              "# Where would the address go without the sandwich? The answer of the file's own rules.",
              "SSandwichRcpt",
              "R$*\t\t\t$: $>Parse0 $>3 $1",
              "R$*\t\t\t$: $1 $| $>98 $1",
              "R$* $| $#error $*\t$#error $2",
              "R$* $| $#$*\t\t$@ ok\t\t\ta local rule routes it",
              "R$* $| $*\t\t$: $2 $| $>Parse1 $2",
              "R$* $| $#error $*\t$#error $2\t\tvirtusertable, mailertable: refused there",
              "R$* $| $#local $*\t$: <L> $1",
              "R$* $| $*\t\t$@ ok\t\t\tnot local",
              "R<L> $* < @ $=w . >\t$: <L> $1",
              "R<L> $* < @ $* > $*\t$@ ok",
              "R<L> postmaster\t\t$@ ok",
              "R<L> postmaster + $*\t$@ ok",
              "R<L> $*\t\t\t$: <A> $1"]
    if "A" in local_flags:
        rules += ["# aliases: user+detail, user+*, user",
                  *_ask_alias("A", "B", "$1"),
                  "R<B> $+ + $*\t\t$: <B> $1 + $2 $| $>SandwichAlias $1 + *",
                  "R<B> $* $| OK\t\t$@ ok",
                  f"R<B> $* $| TEMP\t${TEMPORARY}",
                  "R<B> $* $| NO\t\t$: <B> $1",
                  "R<B> $+ + $*\t\t$: <C> $1 + $2 $| $>SandwichAlias $1",
                  "R<C> $* $| OK\t\t$@ ok",
                  f"R<C> $* $| TEMP\t${TEMPORARY}",
                  "R<C> $* $| NO\t\t$: <C> $1",
                  "R<$-> $*\t\t$: <A> $2"]
    if "5" in local_flags and cf.ruleset("5"):
        forwards_locally = cf.macro("L").startswith("local:") or cf.rules("local_localaddr")
        rules += ["# rule set 5: LUSER_RELAY, MAIL_HUB, LOCAL_RELAY send unknown names elsewhere",
                  "R<A> $+ + $*\t\t$: <A> $1 + $2 $| $>5 $1",
                  "R<A> $*\t\t\t$: <S> $1",
                  "R<S> $* $| $*\t\t$: <5> $1 $| $2",
                  "R<S> $*\t\t\t$: <5> $1 $| $>5 $1",
                  "R<5> $* $| $#error $*\t$#error $2"]
        if forwards_locally:
            rules += ["R<5> $* $| $#local $*\t$@ ok"]
        rules += ["R<5> $* $| $#local $*\t$: <A> $1",
                  "R<5> $* $| $#$*\t\t$@ ok",
                  "R<5> $* $| $*\t\t$: <A> $1"]
    rules += ["# the password file: user, user without +detail"]
    for user in users:
        rules += [f"R<A> $*\t\t\t$: <A> $1 $| $({user} $1 $: NO $)",
                  "R<A> $* $| $* <OK>\t$@ ok",
                  f"R<A> $* $| $* <TEMP>\t${TEMPORARY}",
                  "R<A> $* $| $*\t\t$: <A> $1",
                  f"R<A> $+ + $*\t\t$: <A> $1 + $2 $| $({user} $1 $: NO $)",
                  "R<A> $* $| $* <OK>\t$@ ok",
                  f"R<A> $* $| $* <TEMP>\t${TEMPORARY}",
                  "R<A> $* $| $*\t\t$: <A> $1"]
    twins = _probes(cf)
    declare += twins
    if twins:
        rules += ["# nobody knows the name; is every map up?"]
    for number in range(1, len(twins) + 1):
        rules += [f"R<A> $*\t\t\t$: <A> $1 $| $(sandwichprobe{number} $1 $: NO $)",
                  f"R<A> $* $| $* <TEMP>\t${TEMPORARY}",
                  "R<A> $* $| $*\t\t$: <A> $1"]
    rules += ['R<A> $*\t\t\t$#error $@ 5.1.1 $: "550 User unknown"']
    return "\n".join(declare + [""] + rules) + "\n"


HOOK = ("R$*\t\t\t$: $1 $| $>SandwichRcpt $1\n"
        "R$* $| $#$*\t\t$#$2\n"
        "R$* $| $*\t\t$: $1\n")


def hook_line(cf):
    """The S line behind which the check is called: after the administrator's own Local_check_rcpt has had its say."""
    return cf.ruleset("basic_check_rcpt") or cf.ruleset("check_rcpt")
