"""Certificates for the tests of TLS, made by the openssl command in a directory of their own, and ssl contexts of Python's for the peers.

    with Certificates() as made:
        ca = made.authority("ca")
        server = made.certificate("server", ca, names=["DNS:mx.test"])
        server.certificate, server.key, server.fingerprint()      files, and SHA-256"""

import dataclasses
import os
import shutil
import ssl
import subprocess
import tempfile

from suite import Failure


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"openssl {' '.join(arguments)}: {done.stderr}")
    return done.stdout


@dataclasses.dataclass
class Pair:
    certificate: str
    key: str

    def fingerprint(self):
        """As openssl prints it: upper case, with colons."""
        return openssl("x509", "-in", self.certificate, "-noout", "-fingerprint", "-sha256").strip().split("=", 1)[1]


class Certificates:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="sandwich-certificates-")
        os.chmod(self.directory, 0o755)

    def path(self, name):
        return os.path.join(self.directory, name)

    def authority(self, name):
        pair = self._pair(name)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", pair.key, "-out",
                pair.certificate, "-subj", f"/CN={name}", "-days", "30")
        return pair

    def certificate(self, name, authority, names=("DNS:mx.test",), start=None, end=None):
        """`start` and `end`: times as YYYYMMDDHHMMSSZ, for a certificate that is not in force."""
        pair = self._pair(name)
        request, extensions = self.path(name + ".request"), self.path(name + ".extensions")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", pair.key, "-out", request,
                "-subj", f"/CN={name}")
        with open(extensions, "w", encoding="ascii") as file:
            file.write(f"subjectAltName={','.join(names)}\n")
        if end:
            self._sign_with_dates(request, extensions, authority, pair, start, end)
        else:
            openssl("x509", "-req", "-in", request, "-CA", authority.certificate, "-CAkey", authority.key, "-CAcreateserial", "-days", "30",
                    "-extfile", extensions, "-out", pair.certificate)
        os.chmod(pair.key, 0o600)
        return pair

    def _sign_with_dates(self, request, extensions, authority, pair, start, end):
        """`openssl x509` of OpenSSL 3.0 knows no dates; `openssl ca` does, and wants a database."""
        folder = tempfile.mkdtemp(dir=self.directory)
        open(os.path.join(folder, "index"), "w", encoding="ascii").close()
        configuration = os.path.join(folder, "cnf")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(f"[ca]\ndefault_ca=it\n[it]\ndatabase={folder}/index\nnew_certs_dir={folder}\nrand_serial=yes\n"
                       "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n")
        openssl("ca", "-batch", "-notext", "-config", configuration, "-in", request, "-cert", authority.certificate, "-keyfile",
                authority.key, "-startdate", start, "-enddate", end, "-extfile", extensions, "-out", pair.certificate)

    def _pair(self, name):
        return Pair(self.path(name + ".pem"), self.path(name + ".key"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory, ignore_errors=True)


def server_context(pair, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def client_context(authority=None, own=None, version=None):
    """Verifies against `authority`; without one, anything goes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority:
        context.load_verify_locations(authority.certificate)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if own:
        context.load_cert_chain(own.certificate, own.key)
    if version:
        context.minimum_version = context.maximum_version = version
    return context
