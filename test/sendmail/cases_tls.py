"""TLS between real Sendmail and the proxy, on both sides; the delivery Sendmail in a network namespace of its own."""

import contextlib
import pathlib
import re
import subprocess
import tempfile

from lab import mail, sandwich
from lab.case import expect, expect_equal, need_networks, need_system
from lab.sandwich import wait_for
from lab.world import REMOTE

_DELIVERY_CF = "/etc/mail/sandwich-deliv-tls.cf"
_NAME = "delivery.example.test"


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdin=subprocess.DEVNULL, capture_output=True)


def make_certificates(root):
    """An authority, and what it issued for the proxy, the delivery Sendmail and localhost, in /etc/mail/tls; another authority."""
    with tempfile.TemporaryDirectory() as made:
        made = pathlib.Path(made)
        for name in ("ca", "other-ca"):
            _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", made / f"{name}.key",
                     "-out", made / f"{name}.pem", "-subj", f"/CN={name}", "-days", "30")
        for name, host in (("proxy", "sandwich.mx.example.test"), ("delivery", _NAME), ("localhost", "localhost")):
            _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", made / f"{name}.key",
                     "-out", made / "request", "-subj", f"/CN={host}")
            (made / "extensions").write_text(f"subjectAltName=DNS:{host}\n")
            _openssl("x509", "-req", "-in", made / "request", "-CA", made / "ca.pem", "-CAkey", made / "ca.key", "-CAcreateserial", "-days",
                     "30", "-extfile", made / "extensions", "-out", made / f"{name}.pem")
        for path in (*made.glob("*.pem"), *made.glob("[pdl]*.key")):
            root.write(f"/etc/mail/tls/{path.name}", path.read_bytes(), mode=0o600 if path.suffix == ".key" else 0o644)


def _make_delivery_cf(root):
    """The delivery variant, listening in the other namespace and with a certificate."""
    text = (root / sandwich.DELIVERY_CF).read_text()
    text, count = re.subn(r"(?m)^(O DaemonPortOptions=.*)Addr=127\.0\.0\.1", rf"\g<1>Addr={REMOTE}", text)
    expect_equal(count, 1, "sockets in the delivery variant")
    text = re.sub(r"(?m)^O (ServerCertFile|ServerKeyFile|CACertFile|CACertPath|ServerSSLOptions)\b.*\n", "", text)
    options = "O CACertPath=/etc/mail/tls\nO CACertFile=/etc/mail/tls/ca.pem\n"
    options += "O ServerCertFile=/etc/mail/tls/delivery.pem\nO ServerKeyFile=/etc/mail/tls/delivery.key\n"
    at = text.index("O DaemonPortOptions=")
    root.write(_DELIVERY_CF, text[:at] + options + text[at:])


def _tls(ca):
    return f"""[tls]
upstream=required
certificate=/etc/mail/tls/proxy.pem
key=/etc/mail/tls/proxy.key
downstream=verified
downstream_ca_file=/etc/mail/tls/{ca}.pem
downstream_name={_NAME}
"""


def _restart_proxy(lab, *configuration):
    lab.sandwich.stop_proxy()
    lab.sandwich.write_config(*configuration)
    lab.sandwich.start_proxy()


@contextlib.contextmanager
def _two_hosts(lab):
    """The delivery Sendmail on a host of its own, TLS on both sides; and back again."""
    make_certificates(lab.root)
    _make_delivery_cf(lab.root)
    lab.serve_names(lab.remote)
    lab.sandwich.stop_delivery()
    try:
        lab.sandwich.start_delivery_elsewhere(lab.remote, REMOTE, _DELIVERY_CF)
        _restart_proxy(lab, _tls("ca"), REMOTE)
        yield
    finally:
        lab.sandwich.stop_delivery()
        _restart_proxy(lab)
        lab.sandwich.start_delivery()


def case_tls_from_sendmail_to_sendmail_over_two_hosts(lab):
    need_system(lab)
    need_networks(lab)
    with _two_hosts(lab):
        mark = mail.token()
        sent = mail.message(mark, body=b"Good day.\r\n" * 100_000)
        lab.send("s@outside.test", ["alice@example.test"], sent)
        # A megabyte: it is seen while it is still being written.
        wait_for(lambda: lab.sandwich.delivered("alice", mark)[0].endswith(sent.replace(b"\r\n", b"\n")), 30,
                 "the message is what was sent, but for the trace fields at its top")
        stored = lab.sandwich.delivered("alice", mark)[0]
        received = [re.sub(r"\s+", " ", field) for field in mail.header_of(stored, "Received")]
        expect(re.search(r"by mx\.example\.test .* with ESMTPS id", received[0]), f"delivery: {received[0]}")
        expect(re.search(r"\(Sandwich\) with ESMTPS id", received[1]), f"proxy: {received[1]}")
        expect(lab.sandwich.log("sm-in", "STARTTLS=client", "version=TLSv1.3"), "the inbound Sendmail logs TLS with the proxy")
        expect(lab.sandwich.log("sm-deliv", "STARTTLS=server", "version=TLSv1.3"), "the delivery Sendmail logs TLS with the proxy")
        wait_for(lambda: lab.sandwich.log("sandwichd[", mark, "proto=ESMTPS", "tls=TLSv1.3/"), 10, "sandwichd logs TLS")

        # Whose certificate proves nothing gets no mail; it waits in the inbound queue, and nothing is lost.
        _restart_proxy(lab, _tls("other-ca"), REMOTE)
        mark = mail.token()
        lab.send("s@outside.test", ["alice@example.test"], mail.message(mark))
        wait_for(lambda: lab.sandwich.log("sandwichd[", "downstream_down", "certificate verify failed"), 20, "the refusal is logged")
        wait_for(lab.sandwich.queue, 20, "the message waits")
        expect(not lab.sandwich.mailbox("alice", mark), "delivered to a server that was not verified")
        _restart_proxy(lab, _tls("ca"), REMOTE)
        lab.sandwich.delivered("alice", mark)
        lab.sandwich.settle()
