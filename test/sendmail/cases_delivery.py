"""Mail of every usual kind arrives once and whole."""

import os
import random

from lab import mail
from lab.case import expect, expect_equal


def case_local_recipient(lab):
    mark = mail.token()
    lab.send("s@outside.test", ["alice@example.test"], mail.message(mark))
    stored = lab.sandwich.delivered("alice", mark)[0]
    expect_equal(mail.body_of(stored), b"Good day.\n", "body")
    expect_equal(mail.header_of(stored, "Return-Path"), ["<s@outside.test>"], "Return-Path")
