#!/usr/bin/python3
"""A command that speaks SMTP on its standard streams, as `sendmail -bs` does: command.py FOLDER. Independent of the code under test.

What it gets lies in FOLDER afterwards: a file NNN.PID for each message it said 250 to (envelope, then text), and PID.began for each process:
its environment, user, groups, process group, open descriptors. FOLDER/behave says what to do, one word a line:

    late            the greeting comes when FOLDER/go exists
    die-greeting, die-rcpt, die-data, die-text, die-dot, die-after     end at this stage; die-after: the message is kept, 250 is not said
    hang-rcpt, hang-dot     say nothing more, but go on reading
    stay            ignore SIGTERM and the end of the input
    wait            ignore the end of the input
    fork            a child of it runs beside it, for a minute at most, as PID.child says (its own pid)
    once            forget the rest after the first time (only for the die words: the next process behaves)
"""

import grp
import json
import os
import signal
import sys
import time

FOLDER = sys.argv[1]


def behaviour():
    try:
        with open(f"{FOLDER}/behave", encoding="ascii") as file:
            return file.read().split()
    except FileNotFoundError:
        return []


def say(text):
    os.write(1, text.encode() + b"\r\n")


def stage(name):
    words = behaviour()
    if "die-" + name in words:
        if "once" in words:
            os.rename(f"{FOLDER}/behave", f"{FOLDER}/behaved")
        os._exit(1)
    if "hang-" + name in words:
        while os.read(0, 65536):
            pass
        while {"stay", "wait"} & set(words):
            time.sleep(0.05)
        os._exit(0)


def note_beginning():
    facts = {
        "environment": dict(os.environ), "uid": os.getuid(), "gid": os.getgid(), "groups": [grp.getgrgid(g).gr_name for g in os.getgroups()],
        "group": os.getpgid(0), "descriptors": sorted(int(fd) for fd in os.listdir("/proc/self/fd")), "directory": os.getcwd(),
        "arguments": sys.argv[1:], "blocked": list(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
    }
    with open(f"{FOLDER}/{os.getpid()}.tmp", "w", encoding="utf-8") as file:
        json.dump(facts, file)
    os.rename(f"{FOLDER}/{os.getpid()}.tmp", f"{FOLDER}/{os.getpid()}.began")


def main():
    note_beginning()
    if "stay" in behaviour():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "fork" in behaviour() and os.fork() == 0:
        with open(f"{FOLDER}/{os.getpid()}.child", "w", encoding="ascii"):
            os.closerange(0, 3)
        time.sleep(60)
        os._exit(0)
    while "late" in behaviour() and not os.path.exists(f"{FOLDER}/go"):
        time.sleep(0.01)
    stage("greeting")
    say("220 command.test ESMTP")
    lines = sys.stdin.buffer
    envelope, count = [], 0
    while line := lines.readline():
        word = line.strip().decode("utf-8", "replace")
        verb = word.split(" ")[0].upper()
        if verb == "EHLO":
            say("250-command.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE\r\n250 DSN")
        elif verb in ("MAIL", "RSET"):
            envelope = [word] if verb == "MAIL" else []
            say("250 2.1.0 ok")
        elif verb == "RCPT":
            stage("rcpt")
            if "unknown" in word:
                say("550 5.1.1 no such user")
            else:
                envelope.append(word)
                say("250 2.1.5 ok")
        elif verb == "DATA":
            stage("data")
            say("354 go on")
            text = b""
            while (line := lines.readline()) != b".\r\n":
                if not line:
                    return
                stage("text")
                text += line
            stage("dot")
            count += 1
            with open(f"{FOLDER}/{os.getpid()}.part", "wb") as file:
                file.write("\n".join(envelope).encode() + b"\n\n" + text)
            os.rename(f"{FOLDER}/{os.getpid()}.part", f"{FOLDER}/{count:03d}.{os.getpid()}.mail")
            stage("after")
            say(f"250 2.0.0 Q{os.getpid()}-{count} kept")
        elif verb == "QUIT":
            say("221 2.0.0 bye")
            return
        else:
            say("500 5.5.1 what")
    while "stay" in behaviour():
        time.sleep(0.05)


main()
