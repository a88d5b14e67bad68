"""One message can be followed through all three daemons by what they log."""

import re

from lab import mail
from lab.case import expect, expect_equal
from lab.sandwich import wait_for


def case_log_lines_carry_all_three_ids(lab):
    mark = mail.token()
    lab.send("s@outside.test", ["alice@example.test"], mail.message(mark))
    lab.sandwich.delivered("alice", mark)
    inbound_id = re.search(r"sm-in\[\d+\]: (\w+): from=", lab.sandwich.log("sm-in", "from=<s@outside.test>", mark)[0]).group(1)
    lines = lambda: lab.sandwich.log("sm-in", inbound_id, "to=<alice@example.test>")  # noqa: E731
    wait_for(lines, 10, "the inbound Sendmail logs the delivery")
    sent = re.search(r"stat=Sent \((\S+) accepted for delivery \((\w+) Message accepted for delivery\)\)", lines()[0])
    expect(sent, f"the three ids are not in: {lines()[0]}")
    our_id, delivery_id = sent.groups()
    expect(lab.sandwich.log("sm-deliv", delivery_id, mark), "the delivery Sendmail's id is the one in the line")
    wait_for(lambda: lab.sandwich.log("sandwichd[", our_id), 10, "sandwichd logs its id")
    ours = "\n".join(lab.sandwich.log("sandwichd[", our_id))
    for what in (inbound_id, delivery_id, mark, "from=<s@outside.test>", "to=<alice@example.test>", "stat="):
        expect(what in ours, f"{what} is missing in: {ours}")
    expect_equal(lab.sandwich.log("sandwichd[", mark, "from=")[1:], [], "further lines with from= for this message")
