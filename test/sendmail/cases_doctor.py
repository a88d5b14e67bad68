"""sandwichctl doctor around real Sendmail: all is well, and one part or another broken."""

import contextlib
import re

from lab.case import expect, expect_equal, need_system
from lab.sandwich import CHECKOUT_INSIDE, DELIVERY_CF, INBOUND_CF

_BROKEN_IN = "/etc/mail/broken-in.cf"
# What is not of the sandwich but of the machine that the lab is on, and of its having no real signatures.
_OF_THE_LAB = ("clock", "signatures", "configuration")


def _doctor(lab, *arguments):
    """[(level, about, text, cure)], exit status."""
    lab.root.link("/usr/local/sbin/sandwich-cf", f"{CHECKOUT_INSIDE}/scripts/sandwich-cf")
    done = lab.sandwich.inside("/usr/local/sbin/sandwichctl", "doctor", *arguments, timeout=120)
    found = re.findall(r"^(ok|warning|FAILURE) +(.*?): (.*)\n(?: +cure: (.*)\n)?", done.stdout, re.M)
    expect(len(found) > 10, f"exit {done.returncode}: {done.stdout}")
    for level, about, text, cure in found:
        expect((cure == "") == (level == "ok"), f"a cure where it is needed: {level} {about}: {text}: {cure}")
    return found, done.returncode


def _failures(found):
    """{about: text and cure} of what is not ok."""
    return {about: f"{text} | {cure}" for level, about, text, cure in found if level != "ok" and about not in _OF_THE_LAB}


def _text(found, about):
    return next(text for _, name, text, _ in found if name == about)


@contextlib.contextmanager
def _configuration(lab, extra):
    """On disk only: the doctor reads it, the daemon goes on with its own."""
    lab.sandwich.write_config(extra)
    try:
        yield
    finally:
        lab.sandwich.write_config()


def case_doctor_finds_all_well_and_follows_both_probes(lab):
    need_system(lab)
    found, status = _doctor(lab, "--probe", "--to=alice@example.test")
    expect_equal(_failures(found), {}, "all is well")
    expect_equal(status, 1, "exit status: the test signatures are a warning")
    for about in ("Sendmail's configurations", "way to sandwichd", "way to the delivery Sendmail", "sandwichd", "port 25", "port 18000", "port 19000",
                  "allow list", "greeting of 127.0.0.1:18000", "route 1 127.0.0.1:19000 (default)", "queue of the inbound Sendmail",
                  "queue of the delivery Sendmail", "disk of spool_directory", "rights of the quarantine", "delivery queue"):
        expect(any(name == about and level == "ok" for level, name, _, _ in found), f"{about} is looked at: {found}")
    clean, infected = _text(found, "clean probe"), _text(found, "probe with a test virus")
    ids = re.match(r"inbound (\w+) -> sandwichd (\w+) \(smtp, verdict clean\) -> delivery (\w+) -> /var/mail/alice", clean)
    expect(ids, f"the clean one is followed into the mailbox: {clean}")
    expect_equal(len(lab.sandwich.mailbox("alice", f"id {ids[3]}")), 1, "messages with this id in the mailbox")
    held = re.match(r"inbound \w+ -> sandwichd (\w+) \(quarantine, verdict found ", infected)
    expect(held and held[1] in lab.sandwich.ctl("quarantine", "list"), f"the other one is held: {infected}")
    lab.sandwich.ctl("quarantine", "delete", held[1])


def case_doctor_tells_what_is_wrong_in_files(lab):
    """A mailer that doubles no dots, an allow list without the inbound Sendmail, a source that is not there, a secret for all."""
    need_system(lab)
    root = lab.root
    text = (root / INBOUND_CF).read_text()
    broken, count = re.subn(r"(?m)^(Mesmtp,.*F=\S*?)X", r"\1", text)
    expect_equal(count, 1, "mailers esmtp")
    root.write(_BROKEN_IN, broken)
    root.write("/etc/sandwich/secret", "word\n", mode=0o644)
    extra = ("[source.vrfy local]\nserver=127.0.0.1:19000\n[source.list lost]\nfile=/etc/sandwich/lost\n"
             "[ldap main]\nserver=127.0.0.1:1\nbase_dn=dc=test\nbind_dn=cn=x\nbind_password_file=/etc/sandwich/secret\n")
    with _configuration(lab, extra):
        config = (root / "/etc/sandwich/sandwich.ini")
        config.write_text(config.read_text().replace("[smtp]\n", "[smtp]\nsmtp_allow_client_ip=addr:192.0.2.1\n"))
        found, status = _doctor(lab, f"--inbound-cf={_BROKEN_IN}")
    wrong = _failures(found)
    line = 1 + text[:text.index("\nMesmtp,") + 1].count("\n")
    expect_equal(status, 2, "exit status")
    expect_equal(sorted(wrong), sorted([f"{_BROKEN_IN}:{line}", "allow list", "list lost", "ldap main",
                                        "rights of [ldap main] bind_password_file"]), "what is wrong")
    expect("smuggling" in wrong[f"{_BROKEN_IN}:{line}"], f"the linter's finding: {wrong}")
    expect("add addr:127.0.0.1" in wrong["allow list"], f"{wrong['allow list']}")
    expect("answers: 250 " in _text(found, "vrfy local"), f"{_text(found, 'vrfy local')}")


def case_doctor_tells_that_delivery_is_down_and_where_a_probe_waits(lab):
    need_system(lab)
    lab.sandwich.stop_delivery()
    try:
        found, status = _doctor(lab, "--probe", "--to=alice@example.test")
    finally:
        lab.sandwich.start_delivery()
    wrong = _failures(found)
    expect_equal(status, 2, "exit status")
    expect_equal(sorted(wrong), sorted(["port 19000", "route 1 127.0.0.1:19000 (default)", "queue of the delivery Sendmail", "clean probe",
                                        "probe with a test virus"]), "what is wrong")
    expect("connection refused" in wrong["route 1 127.0.0.1:19000 (default)"], f"{wrong}")
    expect("service sandwich start delivery" in wrong["port 19000"], f"{wrong}")
    waits = re.match(r"it waits in the inbound queue as (\w+): Deferred: 4", wrong["clean probe"])
    expect(waits, f"where it waits, and why: {wrong['clean probe']}")
    # Nothing is lost: both go on.
    lab.sandwich.settle()
    lab.sandwich.delivered("alice", waits[1])


def case_doctor_on_a_box_with_one_daemon(lab):
    """DAEMONS says what to look for; the others' files may lie there or not."""
    need_system(lab)
    lab.root.write("/etc/default/sandwich", 'DAEMONS="inbound"\n')
    try:
        told = lab.sandwich.inside("/usr/local/sbin/sandwichctl", "doctor", "-c", "/nonexistent", "--delivery-cf=/nonexistent").stdout
    finally:
        (lab.root / "/etc/default/sandwich").unlink()
    found = re.findall(r"^(ok|warning|FAILURE) +(.*?): ", told, re.M)
    expect_equal([about for level, about in found if level == "FAILURE"], [], f"what is wrong: {told}")
    expect_equal([about for _, about in found if about != "clock"], ["Sendmail's configurations", "port 25", "port 587", "queue of the inbound Sendmail"],
                 "what is looked at")


def case_doctor_tells_of_a_missing_queue_runner_and_novrfy(lab):
    need_system(lab)
    sandwich, root = lab.sandwich, lab.root
    text = (root / DELIVERY_CF).read_text()
    sandwich.stop_delivery()
    root.write(DELIVERY_CF, re.sub(r"(?m)^(O PrivacyOptions=.*)$", r"\1,novrfy", text))
    try:
        sandwich.start_delivery(queue_run=False)
        with _configuration(lab, "[source.vrfy local]\nserver=127.0.0.1:19000\n"):
            found, status = _doctor(lab, "--probe")
    finally:
        root.write(DELIVERY_CF, text)
        sandwich.stop_delivery()
        sandwich.start_delivery()
    wrong = _failures(found)
    expect_equal(status, 2, "exit status")
    expect_equal(sorted(wrong), ["queue of the delivery Sendmail", "vrfy local"], "what is wrong")
    expect("without a queue interval (-q)" in wrong["queue of the delivery Sendmail"], f"{wrong}")
    # To the postmaster, who is an alias: the mail log tells where it ended.
    expect(re.search(r"-> delivery \w+: Sent$", _text(found, "clean probe")), _text(found, "clean probe"))
    expect("has novrfy" in wrong["vrfy local"] and "confPRIVACY_FLAGS" in wrong["vrfy local"], f"{wrong}")
