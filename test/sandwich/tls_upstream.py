#!/usr/bin/python3
"""STARTTLS towards the clients: what is offered and taken when, injection, versions, client certificates, cut connections. The peer is
Python's ssl module."""

import os
import random
import re
import signal
import ssl
import subprocess
import warnings

from certificates import Certificates, client_context
from daemon import Daemon, StartFailed, program
from samples import eicar, message, own_fields, with_attachment
from suite import Suite, check, equal, wait_for

from client import Client, Closed
from sink import Sink

suite = Suite()
MADE = Certificates()
CA = MADE.authority("ca")
OTHER_CA = MADE.authority("other-ca")
SERVER = MADE.certificate("server", CA)
RENEWED = MADE.certificate("renewed", CA)
CLIENT = MADE.certificate("client", CA)
STRANGER = MADE.certificate("stranger", OTHER_CA)

OPTIONAL = {"tls.upstream": "optional", "tls.certificate": SERVER.certificate, "tls.key": SERVER.key}


class Shared:
    """One daemon and sink for the tests that need no settings of their own."""

    sink = daemon = None

    @classmethod
    def get(cls):
        if cls.daemon is None:
            cls.sink = Sink()
            cls.daemon = Daemon(cls.sink.port, OPTIONAL)
        cls.sink.forget()
        return cls.sink, cls.daemon

    @classmethod
    def close(cls):
        for one in (cls.daemon, cls.sink):
            if one:
                one.close()
        MADE.__exit__()


def secured(daemon, context=None, name="mx.test"):
    client = Client(daemon.port)
    client.ehlo()
    equal(client.starttls(context or client_context(CA), name).code, 220)
    return client


def peer_certificate(client):
    return ssl.DER_cert_to_PEM_cert(client.socket.getpeercert(binary_form=True))


def pem(pair):
    with open(pair.certificate, encoding="ascii") as file:
        return file.read()


@suite.test
def off_unless_configured():
    with Sink() as sink, Daemon(sink.port) as daemon, Client(daemon.port) as client:
        check("STARTTLS" not in client.ehlo().lines, "offered")
        equal(client.command("STARTTLS").code, 502)


@suite.test
def a_message_over_tls():
    sink, daemon = Shared.get()
    with Client(daemon.port) as client:
        check("STARTTLS" in client.ehlo().lines, "not offered")
        equal(client.starttls(client_context(CA), "mx.test").code, 220)
        check("STARTTLS" not in client.ehlo().lines, "offered again")
        equal(client.deliver(message("over TLS\r\n")).code, 250)
        version, cipher = client.socket.version(), client.socket.cipher()[0]
        equal(client.command("QUIT").code, 221)
        equal(client.socket.recv(100), b"", "close_notify, not a ragged end")
    got = sink.wait(1)[0]
    fields, rest = own_fields(got.data)
    equal(rest, message("over TLS\r\n"))
    check(re.search(rb"\(Sandwich\) with ESMTPS id ", got.data), fields)
    equal(version, "TLSv1.3")
    line = daemon.wait_log(r"stat=Sent")[0]
    check("proto=ESMTPS" in line and f"tls={version}/{cipher}," in line, line)


@suite.test
def the_clear_stays_open_to_those_without():
    sink, daemon = Shared.get()
    with Client(daemon.port) as client:
        client.ehlo()
        equal(client.deliver(message("in the clear\r\n")).code, 250)
    check(b" with ESMTP id " in sink.wait(1)[0].data, "protocol")


@suite.test
def what_was_said_before_is_forgotten():
    """RFC 3207 section 4.2."""
    _, daemon = Shared.get()
    with secured(daemon) as client:
        equal(client.command("MAIL FROM:<a@from.test>").code, 503, "without EHLO")
        equal(client.command("STARTTLS").code, 503, "twice")
        client.ehlo("inside.test")
        equal(client.command("MAIL FROM:<a@from.test>").code, 250)


@suite.test
def the_order_of_commands():
    _, daemon = Shared.get()
    with Client(daemon.port) as client:
        equal(client.command("STARTTLS").code, 503, "before EHLO")
        client.command("HELO client.test")
        equal(client.command("STARTTLS").code, 503, "after HELO")
        client.ehlo()
        equal(client.command("STARTTLS now").code, 501)
        equal(client.command("MAIL FROM:<a@from.test>").code, 250)
        equal(client.command("STARTTLS").code, 503, "within a transaction")
        equal(client.command("RSET").code, 250)
        equal(client.starttls(client_context(CA), "mx.test").code, 220)
        equal(client.ehlo().code, 250)


@suite.test
def commands_behind_starttls_end_the_session():
    """CVE-2011-0411: what somebody on the way puts behind STARTTLS must not be taken for something said under TLS."""
    sink, daemon = Shared.get()
    for injected in ("NOOP\r\n", "EHLO x\r\nMAIL FROM:<evil@from.test>\r\nRCPT TO:<b@to.test>\r\n", "R"):
        with Client(daemon.port) as client:
            client.ehlo()
            client.send("STARTTLS\r\n" + injected)
            equal(client.reply().code, 421, injected)
            check(client.at_end(), "the session goes on")
    equal(sink.lines("MAIL"), [])
    daemon.wait_log(r"session_error.*behind STARTTLS", count=3)


@suite.test
def commands_in_the_clear_instead_of_a_handshake():
    """The same a moment later: the injected octets come alone, before the client's handshake."""
    sink, daemon = Shared.get()
    with Client(daemon.port) as client:
        client.ehlo()
        equal(client.command("STARTTLS").code, 220)
        client.send("EHLO x\r\nMAIL FROM:<evil@from.test>\r\nRCPT TO:<b@to.test>\r\n")
        try:
            said = client.socket.recv(65536)
        except ConnectionError:
            said = b""
        check(b"250" not in said, said)
    equal(sink.lines("MAIL"), [])
    daemon.wait_log(r"session_error.*TLS handshake")


@suite.test
def pipelining_under_tls():
    sink, daemon = Shared.get()
    with secured(daemon) as client:
        client.send("EHLO a.test\r\nMAIL FROM:<a@from.test>\r\nRCPT TO:<b@to.test>\r\nRCPT TO:<c@to.test>\r\nDATA\r\n")
        equal([reply.code for reply in client.replies(5)], [250, 250, 250, 250, 354])
        client.send(message("pipelined\r\n") + b".\r\nQUIT\r\n")
        equal([reply.code for reply in client.replies(2)], [250, 221])
    equal(len(sink.wait(1)[0].recipients), 2)


@suite.test
def a_big_message_is_the_same_octet_for_octet():
    sink, daemon = Shared.get()
    random.seed(3207)
    lines = [bytes(random.choices(range(32, 127), k=random.randrange(0, 200))) for _ in range(80_000)]
    data = message(b"\r\n".join(lines) + b"\r\n")
    check(len(data) > 7_000_000, len(data))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        sink.forget()
        with secured(daemon, client_context(CA, version=version)) as client:
            client.ehlo()
            equal(client.deliver(data).code, 250, version)
        check(own_fields(sink.wait(1)[0].data)[1] == data, f"changed on the way ({version})")


@suite.test
def a_virus_under_tls_is_one():
    sink, daemon = Shared.get()
    with secured(daemon) as client:
        client.ehlo()
        reply = client.deliver(with_attachment(eicar(), "x.com"))
        check(reply.code == 451 or "quarantine" in str(reply), reply)
    equal(sink.messages, [])


@suite.test
def an_end_within_data_is_no_end_of_data():
    """With and without close_notify, and by a reset: the message was not finished."""
    sink, daemon = Shared.get()
    for way in ("close_notify", "fin", "reset"):
        client = secured(daemon)
        client.ehlo()
        equal([reply.code for reply in client.envelope()], [250, 250])
        equal(client.command("DATA").code, 354)
        client.send(message("half a message\r\n") + b".\r")  # the last octet is missing
        if way == "close_notify":
            client.socket.settimeout(5)
            try:
                client.socket.unwrap()
            except (ssl.SSLError, OSError):
                pass
            client.close()
        elif way == "fin":
            os.close(client.socket.detach())
        else:
            client.reset_connection()
    daemon.wait_log(r"session_error.*went away before the end", count=3)
    equal(sink.messages, [])


@suite.test
def old_versions_are_refused():
    _, daemon = Shared.get()
    context = client_context(CA)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # so it is
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with Client(daemon.port) as client:
        client.ehlo()
        try:
            client.starttls(context, "mx.test")
        except (ssl.SSLError, OSError):
            pass
        else:
            raise AssertionError("TLS 1.1 was taken")
    daemon.wait_log("TLS handshake: (unsupported protocol|version too low)")


@suite.test
def the_minimum_version_is_kept():
    with Sink() as sink, Daemon(sink.port, {**OPTIONAL, "tls.minimum_version": "1.3"}) as daemon:
        with Client(daemon.port) as client:
            client.ehlo()
            try:
                client.starttls(client_context(CA, version=ssl.TLSVersion.TLSv1_2), "mx.test")
            except (ssl.SSLError, OSError):
                pass
            else:
                raise AssertionError("TLS 1.2 was taken")
        with secured(daemon, client_context(CA, version=ssl.TLSVersion.TLSv1_3)) as client:
            equal(client.ehlo().code, 250)


@suite.test
def required_means_no_mail_in_the_clear():
    with Sink() as sink, Daemon(sink.port, {**OPTIONAL, "tls.upstream": "required"}) as daemon:
        with Client(daemon.port) as client:
            client.ehlo()
            replies = client.envelope()
            equal([reply.code for reply in replies], [530, 503], "RFC 3207 section 4")
            equal(client.starttls(client_context(CA), "mx.test").code, 220)
            client.ehlo()
            equal(client.deliver(message()).code, 250)
        equal(len(sink.wait(1)), 1)


@suite.test
def client_certificates_that_are_asked_for():
    settings = {**OPTIONAL, "tls.client_certificates": "ask", "tls.client_ca_file": CA.certificate}
    with Sink() as sink, Daemon(sink.port, settings) as daemon:
        for own, judgement in ((CLIENT, "OK"), (None, "NO"), (STRANGER, "FAIL")):
            with secured(daemon, client_context(CA, own)) as client:
                client.ehlo()
                equal(client.deliver(message(message_id=f"<{judgement}@from.test>")).code, 250)
            line = daemon.wait_log(f"msgid=<{judgement}@from.test>")[0]
            check(f", verify={judgement}," in line, line)


@suite.test
def client_certificates_that_are_required():
    settings = {**OPTIONAL, "tls.client_certificates": "require", "tls.client_ca_file": CA.certificate}
    with Sink() as sink, Daemon(sink.port, settings) as daemon:
        with secured(daemon, client_context(CA, CLIENT)) as client:
            client.ehlo()
            equal(client.deliver(message()).code, 250)
        for own in (None, STRANGER):
            with Client(daemon.port) as client:
                client.ehlo()
                try:  # with TLS 1.3 the client hears of it only when it reads
                    client.starttls(client_context(CA, own), "mx.test")
                    client.ehlo()
                except (ssl.SSLError, OSError, Closed):
                    continue
                raise AssertionError(f"taken without a good certificate: {own}")
        daemon.wait_log(r"session_error.*TLS handshake", count=2)
        equal(len(sink.wait(1)), 1)


@suite.test
def a_handshake_that_never_ends_is_ended():
    with Sink() as sink, Daemon(sink.port, {**OPTIONAL, "smtp.command_timeout": "1s"}) as daemon:
        with Client(daemon.port) as client:
            client.ehlo()
            equal(client.command("STARTTLS").code, 220)
            client.send(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a ClientHello
            said = b""
            try:
                said = client.socket.recv(1000)
            except ConnectionError:
                pass
            equal(said, b"", "said in the clear after STARTTLS")
        daemon.wait_log(r"session_error.*nothing came in time")


@suite.test
def damaged_handshakes_harm_nobody_else():
    """A real ClientHello with octets changed, cut short or doubled, and noise."""
    _, daemon = Shared.get()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    handshake = client_context(CA).wrap_bio(incoming, outgoing, server_hostname="mx.test")
    try:
        handshake.do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = outgoing.read()
    random.seed(5246)
    with secured(daemon) as bystander:
        bystander.ehlo()
        for number in range(200):
            damaged = bytearray(hello if number % 4 else random.randbytes(300))
            for _ in range(random.randrange(1, 8)):
                damaged[random.randrange(len(damaged))] = random.randrange(256)
            with Client(daemon.port) as client:
                client.ehlo()
                equal(client.command("STARTTLS").code, 220)
                client.send(bytes(damaged[:random.randrange(1, len(damaged))]) * random.randrange(1, 3))
        equal(bystander.deliver(message()).code, 250)
    equal(len(daemon.pids("proxy")), 1)
    equal(daemon.log_lines("child_died"), [])


@suite.test
def a_renewed_certificate_comes_with_a_reload():
    """The ini is the same; the files are others. Sessions that run go on."""
    with Sink() as sink, Daemon(sink.port, start=False) as daemon:
        files = {"tls.upstream": "optional", "tls.certificate": daemon.path("tls.pem"), "tls.key": daemon.path("tls.key")}

        def put(pair, key=None):
            for source, target in ((pair.certificate, "tls.pem"), ((key or pair).key, "tls.key")):
                with open(source, "rb") as old, open(daemon.path(target), "wb") as new:
                    os.fchmod(new.fileno(), 0o600)
                    new.write(old.read())

        put(SERVER)
        daemon.configure(files)
        daemon.start()
        with secured(daemon) as before:
            equal(peer_certificate(before), pem(SERVER))
            put(RENEWED)
            daemon.reload()
            with secured(daemon) as client:
                equal(peer_certificate(client), pem(RENEWED))
            before.ehlo()
            equal(before.deliver(message()).code, 250)
        put(SERVER, key=RENEWED)  # they do not fit
        daemon.reload()
        check("the key does not belong to the certificate" in daemon.log_lines("reload_refused")[-1], daemon.log_lines("reload_refused"))
        with secured(daemon) as client:
            equal(peer_certificate(client), pem(RENEWED), "the old one stays")
        # A proxy that is started anew starts with what is in force, whatever lies in the files.
        old = daemon.pids("proxy")
        os.kill(old[0], signal.SIGKILL)
        wait_for("another proxy", lambda: daemon.log_lines(r"started.*proxy") and daemon.pids("proxy") not in ([], old))
        with secured(daemon) as client:
            equal(peer_certificate(client), pem(RENEWED), "after a restart of the proxy")


@suite.test
def the_key_is_read_by_root_alone():
    """The proxy could not open it, and the scanner gets nothing of it."""
    _, daemon = Shared.get()
    if os.geteuid() == 0:
        equal(os.stat(SERVER.key).st_uid, 0)
        equal(os.stat(SERVER.key).st_mode & 0o077, 0)
    for role in ("zygote", "worker"):
        for pid in daemon.pids(role):
            for name in os.listdir(f"/proc/{pid}/fd"):
                try:
                    target = os.readlink(f"/proc/{pid}/fd/{name}")
                except OSError:
                    continue
                check("sandwich-tls" not in target, f"{role} holds {target}")
    check("memfd:sandwich-tls" in " ".join(os.readlink(f"/proc/{daemon.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{daemon.pid}/fd")),
          "the check sees nothing")


@suite.test
def broken_files_refuse_the_start():
    with open(MADE.path("garbage"), "w", encoding="ascii") as file:
        file.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    cases = (
        ({"tls.certificate": MADE.path("nowhere")}, "No such file", "certificate"),
        ({"tls.key": RENEWED.key}, "the key does not belong to the certificate", "key"),
        ({"tls.certificate": MADE.path("garbage")}, "cannot be read", "certificate"),
        ({"tls.key": SERVER.certificate}, "holds no private key", "key"),
        ({"tls.client_certificates": "ask", "tls.client_ca_file": SERVER.key}, "holds no certificate", "client_ca_file"),
        ({"tls.downstream": "verified", "tls.downstream_ca_file": MADE.path("nowhere")}, "No such file", "downstream_ca_file"),
    )
    for settings, text, key in cases:
        with Daemon(settings={**OPTIONAL, **settings}, start=False) as daemon:
            try:
                daemon.start()
            except StartFailed as failed:
                with open(daemon.ini, encoding="utf-8") as file:
                    line = [number for number, each in enumerate(file, 1) if each.startswith(key + "=")][0]
                wanted = f"{daemon.ini}:{line}: error: [tls] {key}: "
                check(text in failed.log and wanted in failed.log, failed.log)
                checked = check_config(daemon)
                check(checked.returncode == 1 and text in checked.stderr and wanted in checked.stderr, checked)
                continue
            raise AssertionError(f"started with {settings}")


def check_config(daemon):
    return subprocess.run([program("sandwichd"), "-c", daemon.ini, "--check-config"], capture_output=True, text=True, check=False, timeout=20)


@suite.test
def what_deserves_a_look_is_said():
    old = MADE.certificate("old", CA, start="20200101000000Z", end="20200201000000Z")
    os.chmod(old.key, 0o644)
    with Daemon(settings={**OPTIONAL, "tls.certificate": old.certificate, "tls.key": old.key}, start=False) as daemon:
        checked = check_config(daemon)
        equal(checked.returncode, 0, checked)
        for text in ("warning: [tls] certificate: the certificate has expired", "warning: [tls] key: ", "readable by everybody"):
            check(text in checked.stderr, text, checked.stderr)


@suite.test
def the_settings_are_shown_to_those_who_cannot_read_the_key():
    with Daemon(settings={**OPTIONAL, "tls.key": MADE.path("nowhere")}, start=False) as daemon:
        shown = subprocess.run([program("sandwichd"), "-c", daemon.ini, "--print-config"], capture_output=True, text=True, check=False)
        equal(shown.returncode, 0, shown.stderr)
        check(f"key={MADE.path('nowhere')}" in shown.stdout, shown.stdout)


if __name__ == "__main__":
    suite.main(Shared.close)
