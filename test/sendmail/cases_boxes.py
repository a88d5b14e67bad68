"""Inbound Sendmail, scanner and delivery Sendmail on boxes of their own, TLS between them, users in a directory on a fourth: the cases
of the one-box sandwich, unchanged, and what only boxes have. Set up as sandwich-boxes(7) says, once for all of them."""

import shutil

import cases_delivery
import cases_dsn
import cases_log
import cases_outage
import cases_quarantine
from lab import mail
from lab.boxes import DELIVERY, SCANNER_A
from lab.case import Skip, expect, expect_equal
from lab.sandwich import wait_for
from lab.separate import NOT_IN_LDAP, ONLY_IN_LDAP, separate

LAYOUT = separate
PREFIX = "boxes_"
# Each list in its order, as its cases change the aliases or empty a mailbox; the lists side by side. The
# cases with .cf files made wrong on purpose (cases_smuggling) are about a file, not about where it is, and so are LMTP and the start
# and stop of daemons: they stay with one box.
LANES = [
    [
        cases_delivery.case_alias,
        cases_delivery.case_alias_that_keeps_a_copy,
        cases_delivery.case_forward_that_keeps_a_copy,
        cases_delivery.case_250_recipients,
    ],
    [
        cases_delivery.case_local_submission,
        cases_quarantine.case_eicar_plain,
        cases_quarantine.case_eicar_base64,
    ],
    [
        cases_delivery.case_twenty_megabytes,
        cases_delivery.case_several_local_and_remote,
        cases_quarantine.case_eicar_zipped,
    ],
    [
        cases_delivery.case_relay_refused_for_strangers,
        cases_delivery.case_unknown_user_refused_in_session,
        cases_delivery.case_local_recipient,
        cases_delivery.case_remote_recipient,
        cases_delivery.case_eight_bit_body,
        cases_delivery.case_long_lines,
        cases_delivery.case_dots,
        cases_delivery.case_lone_dot_smuggles_nothing,
        cases_delivery.case_plus_detail_and_postmaster,
        cases_quarantine.case_eicar_in_a_bounce_is_held_not_refused,
    ],
    [
        cases_dsn.case_notify_success_local,
        cases_dsn.case_notify_success_remote,
        cases_dsn.case_notify_never,
        cases_delivery.case_remote_refusal_bounces_once,
        cases_delivery.case_bounce_from_null_sender,
        cases_log.case_log_lines_carry_all_three_ids,
    ],
]
# One after the other, as in each of them a daemon is down.
ALONE = [cases_outage.case_proxy_stopped, cases_outage.case_delivery_stopped]


def _greeting(box, address):
    with box.network.inside():
        try:
            client = mail.Client(address, "somebody.test", 20)
        except mail.Refused as refusal:
            return refusal.code
        except ConnectionRefusedError:
            return "refused"
        client.close()
        return 220


def case_recipients_are_asked_of_directory_and_delivery(lab):
    """The mx host knows no user; each source knows one whom the other does not."""
    for name, knows in ((ONLY_IN_LDAP, "ldap people"), (NOT_IN_LDAP, "smtp delivery")):
        said = lab.sandwich.ctl("recipient", f"{name}@example.test")
        knowing = [line.split(":")[0] for line in said.splitlines() if ": known" in line and not line.startswith("remembered")]
        expect_equal(knowing, [knows], f"who knows {name}: {said}")
        with lab.session() as client:
            client.mail_from("s@outside.test")
            client.rcpt_to(f"{name}@example.test")


def case_tls_on_every_hop(lab):
    boxes = lab.separate
    mark = mail.token()
    lab.send("s@outside.test", ["alice@example.test"], mail.message(mark))
    stored = lab.sandwich.delivered("alice", mark)[0]
    trace = [" ".join(field.split()) for field in mail.header_of(stored, "Received")]
    expect("by mail.example.test" in trace[0] and "with ESMTPS id" in trace[0], f"delivery: {trace[0]}")
    expect("(Sandwich) with ESMTPS id" in trace[1], f"scanner: {trace[1]}")
    expect(lab.sandwich.log("sm-in", "STARTTLS=client", f"[{SCANNER_A}]", "verify=OK"), "the mx host has verified the scanner")
    wait_for(lambda: lab.sandwich.log("sandwichd[", mark, "proto=ESMTPS", f"next={DELIVERY}:19000"), 10, "the scanner's log has both hops")

    # Another scanner than the one with the certificate gets nothing; the mail waits.
    right = boxes.inbound_authority.read_bytes()
    boxes.inbound_authority.write_bytes(boxes.other_authority)
    lab.sandwich.stop_inbound()
    lab.sandwich.start_inbound()
    try:
        mark = mail.token()
        lab.send("s@outside.test", ["alice@example.test"], mail.message(mark))
        wait_for(lambda: lab.sandwich.log("sm-in", "stat=Deferred: 454 4.7.0 authentication failed"), 20, "the mx host does not trust it")
        expect(lab.sandwich.queue() and not lab.sandwich.log("sandwichd[", mark), "it waits, and the scanner has not seen it")
    finally:
        boxes.inbound_authority.write_bytes(right)
        lab.sandwich.stop_inbound()
        lab.sandwich.start_inbound()
    lab.sandwich.delivered("alice", mark)


def case_nobody_else_gets_in(lab):
    boxes = lab.separate
    scanner, delivery = (SCANNER_A, 18000), (DELIVERY, 19000)
    expect_equal(_greeting(boxes.inbound, scanner), 220, "the mx host at the scanner")
    expect_equal(_greeting(boxes.delivery, scanner), 421, "the delivery box at the scanner")
    with boxes.inbound.network.inside():
        client = mail.Client(delivery, "somebody.test", 20)
    try:
        client.mail_from("s@outside.test")
        client.rcpt_to("ann@remote.test")
        raise AssertionError("the delivery Sendmail relays for others than the scanner")
    except mail.Refused as refusal:
        expect_equal(refusal.code, 550, "relaying by the delivery box")
    finally:
        client.close()


def case_firewalls_of_the_page(lab):
    if not shutil.which("nft"):
        raise Skip("nft is not installed")
    boxes = lab.separate
    with boxes.firewalls():
        expect_equal(_greeting(boxes.delivery, (SCANNER_A, 18000)), "refused", "the delivery box at the scanner")
        expect_equal(_greeting(boxes.inbound, (DELIVERY, 19000)), "refused", "the mx host at the delivery box")
        mark = mail.token()
        with lab.session() as client:
            client.mail_from("s@outside.test")
            expect_equal(client.docmd("RCPT TO:<stranger@example.test>")[0], 550, "the mx host asks the scanner who exists")
            client.rcpt_to("bob@example.test")
            client.send_data(mail.message(mark))
        lab.sandwich.delivered("bob", mark)


def case_files_of_the_page_are_sound(lab):
    done = lab.sandwich.proxy_program("sandwichd", "-c", lab.sandwich.config_path, "--check-config")
    said = [line for line in done.stdout.splitlines() if "warning" in line or "error" in line]
    expect(done.returncode == 0 and len(said) == 1 and "allow_test_signatures" in said[0], f"--check-config: {done.stdout}")
    done = lab.separate.check_pair()
    findings = [line for line in done.stdout.splitlines() if ".cf:" in line]
    expect(done.returncode == 0 and len(findings) == 1 and "delivery-exposed" in findings[0], f"--check: {done.stdout}{done.stderr}")
