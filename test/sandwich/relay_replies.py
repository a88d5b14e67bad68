#!/usr/bin/python3
"""What is relayed between the two sides: parameters downwards, replies upwards, and which replies become 451."""

import re

from daemon import Daemon
from samples import message, own_fields
from suite import Suite, check, equal
from world import World

from client import Client, send_message
from sink import Sink

suite = Suite()
WORLD = World({"general.threads": 1}, keywords=("ENHANCEDSTATUSCODES", "PIPELINING", "8BITMIME", "SIZE", "DSN", "SMTPUTF8"))


def client(daemon):
    connected = Client(daemon.port)
    connected.ehlo()
    return connected


def in_step(c):
    """The session is usable: a whole mail goes through."""
    c.command("RSET")
    equal(c.deliver(message()).code, 250, "the mail after")


# ---- parameters


MAIL_PARAMETERS = (
    "",
    " SIZE=1234",
    " BODY=8BITMIME",
    " BODY=7BIT",
    " RET=HDRS ENVID=QQ314159",
    " RET=FULL ENVID=a+2Bb+3Dc SIZE=99 BODY=8BITMIME",
    " ret=hdrs Envid=x",
    " SMTPUTF8 BODY=8BITMIME",
    " AUTH=<>",
    " AUTH=e+3Dmc2@example.test",
    " X-UNHEARD-OF=5 FOO",
)
RCPT_PARAMETERS = (
    "",
    " NOTIFY=NEVER",
    " NOTIFY=SUCCESS,FAILURE,DELAY",
    " NOTIFY=FAILURE ORCPT=rfc822;b+2Btag@to.test",
    " ORCPT=utf-8;b\\x{B6}@to.test notify=success",
    " ORCPT=rfc822;" + "x" * 300 + "@to.test",
)


@suite.test
def every_parameter_arrives_unchanged():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        for mail in MAIL_PARAMETERS:
            for rcpt in RCPT_PARAMETERS:
                equal(c.deliver(message(), mail_parameters=mail, rcpt_parameters=rcpt).code, 250, mail + rcpt)
    got = sink.wait(len(MAIL_PARAMETERS) * len(RCPT_PARAMETERS))
    equal([(m.mail, m.recipients) for m in got],
          [("<a@from.test>" + mail, ["<b@to.test>" + rcpt]) for mail in MAIL_PARAMETERS for rcpt in RCPT_PARAMETERS])


@suite.test
def parameters_of_several_recipients_stay_apart():
    sink, daemon = WORLD.get()
    lines = [f"RCPT TO:<r{n}@to.test> NOTIFY={'NEVER' if n % 2 else 'SUCCESS'} ORCPT=rfc822;o{n}@to.test" for n in range(50)]
    with client(daemon) as c:
        c.send("\r\n".join(["MAIL FROM:<> RET=HDRS ENVID=1", *lines]) + "\r\n")
        equal({reply.code for reply in c.replies(51)}, {250})
        equal(c.text(message()).code, 250)
    got = sink.wait(1)[0]
    equal(got.mail, "<> RET=HDRS ENVID=1")
    equal(got.recipients, [line[len("RCPT TO:"):] for line in lines])


@suite.test
def internationalized_addresses_go_through():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        equal(c.deliver(message("gr\u00fc\u00dfe\r\n"), sender="j\u00fcrgen@from.test", recipients=("\u7528\u6237@to.test",),
                        mail_parameters=" SMTPUTF8 BODY=8BITMIME").code, 250)
    got = sink.wait(1)[0]
    equal((got.mail, got.recipients), ("<j\u00fcrgen@from.test> SMTPUTF8 BODY=8BITMIME", ["<\u7528\u6237@to.test>"]))


@suite.test
def promises_that_downstream_no_longer_keeps():
    # The offer was learned from a server that could; the connection of this mail is to one that cannot.
    with Sink(keywords=("8BITMIME", "DSN", "SIZE", "SMTPUTF8")) as sink, \
            Daemon(sink.port, {"smtp.downstream_idle_timeout": 0, "general.threads": 1}) as daemon:
        with client(daemon) as c:
            sink.keywords = ()
            body = message(b"8 bit: \xe4\xf6\r\n")
            equal(c.deliver(body, mail_parameters=" BODY=8BITMIME RET=HDRS ENVID=e SIZE=100",
                            rcpt_parameters=" NOTIFY=NEVER ORCPT=rfc822;b@to.test").code, 250)
            got = sink.wait(1)[0]
            equal((got.mail, got.recipients), ("<a@from.test>", ["<b@to.test>"]))
            equal(own_fields(got.data)[1], body, "the octets")
            daemon.wait_log("extension_lost: .*BODY=8BITMIME")
            daemon.wait_log("extension_lost: .*NOTIFY=NEVER")
            replies = c.envelope(mail_parameters=" SMTPUTF8")
            equal((replies[1].code, replies[1].text[:5]), (550, "5.6.7"))


# ---- replies to RCPT and MAIL


@suite.test
def rcpt_replies_are_relayed_word_for_word():
    sink, daemon = WORLD.get()
    replies = {
        "ok": "250 2.1.5 <ok@to.test>... Recipient ok (will queue)",
        "will": "251 2.1.5 user not local; will forward",
        "busy": "450 4.2.1 mailbox busy, come back",
        "many": "452 4.5.3 too many recipients",
        "grey": "451 4.7.1 greylisted",
        "nobody": "550 5.1.1 <nobody@to.test>... User unknown",
        "full": "552 5.2.2 mailbox full",
        "lines": "550-5.7.1 first line\n550-5.7.1 second, with 8 bit: \u00fc\n550 5.7.1 last",
        "bare": "553 ",
        "long": "550 5.1.1 " + "x" * 400,
    }
    sink.react["RCPT"] = lambda session, argument: replies[re.match(r"TO:<(\w+)@", argument).group(1)]
    with client(daemon) as c:
        got = c.envelope(recipients=[name + "@to.test" for name in replies])[1:]
        for name, reply in zip(replies, got):
            wanted = [line[4:] for line in replies[name].split("\n")]
            equal((reply.code, reply.lines), (int(replies[name][:3]), wanted), name)
        equal(c.text(message()).code, 250)
    equal(sink.wait(1)[0].recipients, ["<ok@to.test>", "<will@to.test>"], "recipients that get it")


@suite.test
def a_refused_sender_is_told_at_rcpt():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        for text in ("451 4.1.8 Domain of sender does not resolve", "553 5.1.8 Domain of sender does not exist",
                     "550-5.7.1 go away\n550 5.7.1 for good"):
            sink.react["MAIL"] = text
            replies = c.envelope(recipients=("b@to.test", "c@to.test"))
            equal(replies[0].code, 250)
            for reply in replies[1:]:
                equal((reply.code, reply.lines), (int(text[:3]), [line[4:] for line in text.split("\n")]))
            check(c.command("DATA").code in (503, 554))
            sink.react.clear()
            in_step(c)
    equal(sink.faults, [])


@suite.test
def rcpt_is_asked_in_lockstep():
    """The reply to a RCPT is there before the next command is sent, not at DATA."""
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        equal(c.command("MAIL FROM:<a@from.test>").code, 250)
        for number in range(3):
            equal(c.command(f"RCPT TO:<r{number}@to.test>").code, 250)
            equal(len(sink.lines("RCPT")), number + 1)


# ---- replies to DATA and the end of data


ENDS = ("452 4.3.1 disk full", "451 4.3.0 later", "550 5.7.1 content refused", "552 5.3.4 too big", "554 5.6.0 bad",
        "554-5.7.1 first\n554-5.7.1 second\n554 5.7.1 third", "441 odd one")


@suite.test
def refusals_of_data_and_of_the_text_are_relayed():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        for stage in ("DATA", "dot"):
            for text in ENDS:
                sink.forget()
                sink.react[stage] = text
                reply = c.deliver(message())
                equal((reply.code, reply.lines), (int(text[:3]), [line[4:] for line in text.split("\n")]), stage)
                equal(sink.messages, [])
                sink.react.clear()
                in_step(c)
                equal(sink.faults, [], f"{stage}: {text}")


@suite.test
def the_final_reply_carries_both_ids():
    sink, daemon = WORLD.get()
    texts = {
        "250 2.0.0 6AM4NqNc004002 Message accepted for delivery": "6AM4NqNc004002 Message accepted for delivery",
        "250 2.0.0 Ok: queued as 4B3F2A": "Ok: queued as 4B3F2A",
        "250 OK id=1abc-000XYZ-AB": "OK id=1abc-000XYZ-AB",
        "250-2.0.0 one\n250 2.0.0 two": "one two",
        "250 2.6.0 fine": "fine",
    }
    with client(daemon) as c:
        for text, shown in texts.items():
            sink.react["dot"] = text
            reply = c.deliver(message())
            match = re.fullmatch(r"2\.0\.0 (\S+) accepted for delivery \((.*)\)", reply.text)
            check(reply.code == 250 and match, reply)
            equal(match.group(2), shown)
            check(daemon.wait_log(re.escape(match.group(1)) + ": from="), "our id is not in the log")
    ids = [line.split("outbound=")[1].split(",")[0] for line in daemon.log_lines("outbound=")[-4:]]
    check({"6AM4NqNc004002", "4B3F2A", "1abc-000XYZ-AB"} <= set(ids), ids)


# ---- what speaks of the two of us, not of the mail


@suite.test
def faults_of_the_conversation_become_451():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        for stage in ("MAIL", "RCPT", "DATA", "dot"):
            for text in ("421 4.3.2 shutting down", "500 5.5.1 unknown command", "502 5.5.1 not implemented", "503 5.5.1 bad sequence"):
                sink.forget()
                sink.react[stage] = text
                reply = c.deliver(message())
                equal(reply.code, 451, f"{text[:3]} at {stage}")
                check("shutting" not in reply.text and "sequence" not in reply.text, "detail told to the peer:", reply)
                equal(sink.messages, [])
                sink.react.clear()
                in_step(c)
    daemon.wait_log("downstream_fault: .*503 5.5.1 bad sequence")


@suite.test
def intermediate_or_odd_replies_become_451():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        for stage, text in (("RCPT", "354 what"), ("DATA", "250 fine"), ("dot", "354 go on"), ("MAIL", "354 what")):
            sink.forget()
            sink.react[stage] = text
            reply = c.deliver(message())
            equal(reply.code, 451, f"{text} at {stage}")
            sink.react.clear()
            sink.end_all()  # the sink itself may be out of step now
            in_step(c)


@suite.test
def nonsense_becomes_451():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        for stage in ("MAIL", "RCPT", "DATA", "dot"):
            for text in ("hello", "", "25 ok", "250-never\n550 the same", "999 what", "\x00\x01\x02"):
                sink.forget()
                sink.react[stage] = text
                reply = c.deliver(message())
                equal(reply.code, 451, f"{text!r} at {stage}")
                sink.react.clear()
                in_step(c)


@suite.test
def an_endless_reply_is_bounded():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        for text in ("250 " + "x" * 100000, "\n".join(["250-x"] * 5000)):
            sink.react["RCPT"] = text
            equal(c.deliver(message()).code, 451)
            sink.react.clear()
            in_step(c)


@suite.test
def control_characters_in_a_reply_do_not_pass():
    sink, daemon = WORLD.get()
    sink.react["RCPT"] = "550 5.1.1 a\rb\x1b[31m\x00c"
    with client(daemon) as c:
        reply = c.envelope()[1]
        equal(reply.code, 550)
        check(not re.search(r"[\x00-\x1f]", reply.text), repr(reply.text))
        sink.react.clear()
        in_step(c)


# ---- old servers


@suite.test
def a_server_that_knows_only_helo():
    for refusal in ("500 5.5.1 what?", "502 5.5.1 no EHLO here"):
        with Sink(react={"EHLO": refusal}) as sink, Daemon(sink.port) as daemon:
            with Client(daemon.port) as c:
                reply = c.ehlo()
                equal(reply.code, 250)
                check(not {"DSN", "8BITMIME", "ENHANCEDSTATUSCODES"} & set(reply.lines), reply)
                equal(c.deliver(message(), recipients=("b@to.test", "c@to.test")).code, 250)
            equal(sink.wait(1)[0].recipients, ["<b@to.test>", "<c@to.test>"])
            check(sink.lines("HELO"))


@suite.test
def ehlo_refused_otherwise_is_421():
    for refusal in ("550 5.7.1 not you", "554 5.7.1 no", "421 4.3.2 busy", "451 4.3.0 later"):
        with Sink(react={"EHLO": refusal}) as sink, Daemon(sink.port) as daemon:
            with Client(daemon.port) as c:
                equal(c.ehlo().code, 421, refusal)
            with Client(daemon.port) as c:
                c.command("HELO x")
                equal(c.envelope()[1].code, 451, refusal)


@suite.test
def a_server_without_pipelining_gets_one_command_at_a_time():
    with Sink(keywords=("8BITMIME",)) as sink, Daemon(sink.port) as daemon:
        overlaps = []

        def watch(session, argument):
            if session.buffer:
                overlaps.append(bytes(session.buffer))

        sink.react.update(MAIL=watch, RCPT=watch, DATA=watch, RSET=watch)
        with client(daemon) as c:
            for _ in range(3):
                c.send("MAIL FROM:<a@from.test>\r\nRCPT TO:<b@to.test>\r\nRCPT TO:<c@to.test>\r\nDATA\r\n")
                equal([reply.code for reply in c.replies(4)], [250, 250, 250, 354])
                c.send(message() + b".\r\n")
                equal(c.reply().code, 250)
        equal(len(sink.wait(3)), 3)
        equal(overlaps, [])


if __name__ == "__main__":
    suite.main(WORLD.close)
