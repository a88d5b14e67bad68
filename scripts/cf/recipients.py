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


def _lookup(map_name, key, found="$@ ok"):
    """Rules that ask one map. The state in front, N, becomes T once a map has failed: then nobody is refused for good."""
    return [f"R<$-> <$*> $*\t\t$: <$1> <$2> $3 $| $({map_name} {key} $: NO $)",
            f"R<$-> <$*> $* $| $* <OK>\t{found}",
            "R<$-> <$*> $* $| $* <TEMP>\t$: <T> <$2> $3",
            "R<$-> <$*> $* $| $*\t$: <$1> <$2> $3"]


def _alias_part(cf):
    """(map declarations, rule set that looks one key up in all alias maps, rules that call it)."""
    declare, ask = [], ["SSandwichAlias"]
    for number, (kind, rest) in enumerate(alias_maps(cf), 1):
        declare.append(f"Ksandwichalias{number} {kind} -m -a<OK> -T<TEMP> {rest}")
        ask += _lookup(f"sandwichalias{number}", "$3", "$@ OK")
        if kind == "implicit":
            # Sendmail reads the text of an alias file whose database was never built.
            path = rest.split()[-1]
            declare.append(f"Ksandwichaliastext{number} text -o -m -a<OK> -k0 -v1 -z: {path}")
            ask += [f"R<T> <$*> $*\t\t$: <T> <$1> $2 $| $(sandwichaliastext{number} $2 $: NO $)",
                    "R<T> <$*> $* $| $* <OK>\t$@ OK",
                    "R<T> <$*> $* $| $*\t$: <T> <$1> $2"]
    ask += ["R<$-> $*\t\t$@ $1"]
    answer = ["R<$-> <$*> $* $| OK\t$@ ok",
              "R<$-> <$*> $* $| $-\t$: <$4> <$2> $3"]
    call = ["# aliases: user+detail, user+*, user",
            "R<$-> <$*> $*\t\t$: <$1> <$2> $3 $| $>SandwichAlias <$1> <> $3", *answer,
            "R<$-> <$*> $+ + $*\t$: <$1> <$2> $3 + $4 $| $>SandwichAlias <$1> <> $2 + *", *answer,
            "R<$-> <$*> $+ + $*\t$: <$1> <$2> $3 + $4 $| $>SandwichAlias <$1> <> $2", *answer]
    return declare, ask, call


def _user_part(flags):
    """The password file, with and without +detail; as written too where the local mailer keeps upper case."""
    declare = ["Ksandwichuser user -m -a<OK> -T<TEMP>"]
    if "u" in flags:
        declare.append("Ksandwichusercase user -f -m -a<OK> -T<TEMP>")
    rules = ["# the password file: user+detail, user"]
    for line in declare:
        name = line.split()[0][1:]
        rules += _lookup(name, "$3") + _lookup(name, "$2")
    return declare, rules


def _probe_part(cf):
    twins = _probes(cf)
    rules = ["# nobody knows the name: is every map up?"] if twins else []
    for number in range(1, len(twins) + 1):
        rules += [f"R<N> <$*> $*\t\t$: <N> <$1> $2 $| $(sandwichprobe{number} $1 $: NO $)",
                  "R<N> <$*> $* $| $* <TEMP>\t$: <T> <$1> $2",
                  "R<N> <$*> $* $| $*\t$: <N> <$1> $2"]
    return twins, rules + [f"R<T> $*\t\t\t${TEMPORARY}"]


def _relay_part(cf):
    """Rule set 5. Of its results, the local mailer is no news (it only strips +detail) unless the file sends strays there."""
    rules = ["# rule set 5: LUSER_RELAY, MAIL_HUB, LOCAL_RELAY send unknown names elsewhere",
             "R<$-> <$*> $*\t\t$: <$1> <$2> $3 $| $>5 $2",
             "R<$-> <$*> $* $| $#error $*\t$#error $4"]
    if not (cf.macro("L").startswith("local:") or cf.rules("local_localaddr")):
        rules += ["R<$-> <$*> $* $| $#local $*\t$: <$1> <$2> $3"]
    return rules + ["R<$-> <$*> $* $| $#$*\t$@ ok"]


ROUTE = """\
# Where would the address go without the sandwich? The answer of the file's own rules.
SSandwichRcpt
R$*\t\t\t$: $>Parse0 $>3 $1
R$*\t\t\t$: $1 $| $>98 $1
R$* $| $#error $*\t$#error $2
R$* $| $#$*\t\t$@ ok\t\t\ta local rule routes it
R$* $| $*\t\t$: $2 $| $>Parse1 $2
R$* $| $#error $*\t$#error $2\t\tvirtusertable, mailertable: refused there
R$* $| $#local $*\t$: <L> $1
R$* $| $*\t\t$@ ok\t\t\tnot local
R<L> $* < @ $=w . >\t$: <L> $1
R<L> $* < @ $* > $*\t$@ ok
R<L> postmaster\t\t$@ ok
R<L> postmaster + $*\t$@ ok
R<L> $+ + $*\t\t$: <N> <$1> $1 + $2\t<state> <user> user+detail
R<L> $*\t\t\t$: <N> <$1> $1
"""


def rules_text(cf, local_flags):
    """The block that is appended to the file: maps and rule sets of the check."""
    alias_declare, alias_ask, alias_call = _alias_part(cf) if "A" in local_flags else ([], [], [])
    user_declare, user_rules = _user_part(local_flags)
    probe_declare, probe_rules = _probe_part(cf)
    relay_rules = _relay_part(cf) if "5" in local_flags and cf.ruleset("5") else []
    return "\n".join([*alias_declare, *user_declare, *probe_declare, "", *alias_ask, "",
                      ROUTE + "\n".join([*alias_call, *user_rules, *probe_rules, *relay_rules]),
                      'R$*\t\t\t$#error $@ 5.1.1 $: "550 User unknown"', ""])


def hook(ruleset):
    """Rules that call a check: an error is the answer, anything else changes nothing."""
    return (f"R$*\t\t\t$: $1 $| $>{ruleset} $1\n"
            "R$* $| $#$*\t\t$#$2\n"
            "R$* $| $*\t\t$: $1\n")


def socketmap_text(where):
    """Maps and rules that ask sandwichd (map class socket). Only its clear "unknown" refuses: when it is down, does not know
    or is not asked, the mail is taken. -T turns an outage into a text that no rule looks for."""
    return f"""\
Ksandwichsocket socket -f -T<TEMP> {where}

# Does sandwichd know a recipient? The client's address stands before the slash.
SSandwichAsk
R$*\t\t\t$: $>3 $1
R$* < @ $+ . > $*\t$: $1 < @ $2 > $3
R$+ < @ $+ >\t\t$: <$(sandwichsocket $&{{client_addr}}/$1 @ $2 $: NO $)>
R<unknown>\t\t$#error $@ 5.1.1 $: "550 User unknown"
R$*\t\t\t$@ ok
"""


def hook_line(cf):
    """The S line behind which the check is called: after the administrator's own Local_check_rcpt has had its say."""
    return cf.ruleset("basic_check_rcpt") or cf.ruleset("check_rcpt")
