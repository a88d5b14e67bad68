#!/usr/bin/python3
"""Conditions on what is in a mail, each through a real session: files by name and content, archives, documents, text, broken MIME."""

import io
import os
import re
import subprocess
import tarfile
import zipfile

from daemon import program
from samples import eicar, encrypted_zip, message, presentation, with_attachment, zipped
from suite import Suite, check, equal

from ruled import Here, mail

suite = Suite()
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = b"MZ" + b"\0" * 58 + b"\x40\0\0\0PE\0\0\x4c\1\1\0" + b"\0" * 400


def identified(text):
    """With a Received field of the inbound server."""
    return mail().split(b"From:")[0] + text


def with_macro():
    """A Word document of the XML kind with a macro project."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>')
        archive.writestr("word/document.xml", "<w:document/>")
        archive.writestr("word/vbaProject.bin", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
    return buffer.getvalue()


def nested(layers):
    data, name = b"the innermost\r\n", "a.txt"
    for number in range(layers):
        data, name = zipped(data, name), f"layer{number}.zip"
    return data


def tar_of(number):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for i in range(number):
            archive.addfile(tarfile.TarInfo(f"f{i}.txt"), io.BytesIO(b""))
    return buffer.getvalue()


class Sent:
    """A mail that is more than its text: recipients (the part before the @), sender, and what XFORWARD says."""

    def __init__(self, text, recipients=("a",), sender="a@from.test", client=""):
        self.text, self.recipients, self.sender, self.client = text, recipients, sender, client


def zip_of(parts):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def document(target):
    """A Word document whose template lies there."""
    return zip_of({
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "word/document.xml": "<w:document/>",
        "word/_rels/settings.xml.rels": f'<Relationship Id="1" Type="http://x.example/relationships/attachedTemplate" {target}/>',
    })


def pdf(catalog):
    return b"%PDF-1.4\n1 0 obj<</Type/Catalog" + catalog + b">>endobj\ntrailer<</Root 1 0 R>>\n"


# condition -> (a mail of which it holds, one of which it does not)
PLAIN = message("nothing special\r\n")
LETTER = message("We have received your letter and shall answer it within the next days, as soon as we know more.\r\n")
CASES = {
    "cannot_tell limit": (with_attachment(nested(8), "a.zip"), with_attachment(nested(2), "a.zip")),
    "scanner clamav found": (message(eicar() + b"\r\n"), PLAIN),
    "scanner_says clamav *eicar*": (message(eicar() + b"\r\n"), PLAIN),
    "embedded": (with_attachment(pdf(b"/Names<</EmbeddedFiles 2 0 R>>"), "a.pdf"), with_attachment(pdf(b""), "a.pdf")),
    "external": (with_attachment(document('Target="http://x.example/t.dotm" TargetMode="External"'), "a.docx"),
                 with_attachment(document('Target="t.dotm"'), "a.docx")),
    "malformed_file": (with_attachment(zipped(os.urandom(5000), "a.txt")[:3000], "a.zip"), with_attachment(zipped(b"x"), "a.zip")),
    "unopened": (with_attachment(nested(8), "a.zip"), with_attachment(nested(2), "a.zip")),
    "signed": (message("--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--b--\r\n",
                       headers=("MIME-Version: 1.0", "Content-Type: multipart/signed; boundary=b")), PLAIN),
    "message_size > 20k": (message("x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 300), PLAIN),
    "recipients > 1": (Sent(PLAIN, ("a", "b")), PLAIN),
    "ratio > 50": (with_attachment(zipped(b"x" * 110000), "a.zip"), with_attachment(zipped(b"x" * 100), "a.zip")),
    "defect header_line": (message("\r\n", headers=("this is no field",)), PLAIN),
    "conditions set": (with_attachment(b"x", "a.lnk"), with_attachment(b"x", "a.txt")),
    "sender boss@*.test": (Sent(PLAIN, sender="boss@from.test"), PLAIN),
    "client 192.0.2.0/24 2001:db8::/32": (Sent(PLAIN, client="ADDR=192.0.2.9"), Sent(PLAIN, client="ADDR=198.51.100.9")),
    "client_name *.partner.test": (Sent(PLAIN, client="NAME=mx.partner.test"), Sent(PLAIN, client="NAME=mx.other.test")),
    "header x-mailer *bulk*": (message("\r\n", headers=("X-Mailer: The =?utf-8?B?QnVsaw==?=\r\n Mailer",)),
                               message("\r\n", headers=("X-Mailer: The Mailer", "X-Note: bulk"))),
    "missing_header": (PLAIN.replace(b"Date:", b"X-Date:"), PLAIN),
    "missing_header message-id": (PLAIN.replace(b"Message-ID:", b"X-ID:"), PLAIN),
    "repeated_header": (message("\r\n", headers=("Subject: another",)), message("\r\n", headers=("X-A: 1", "X-A: 2"))),
    "repeated_header x-a": (message("\r\n", headers=("X-A: 1", "X-A: 2")), message("\r\n", headers=("X-A: 1",))),
    "malformed_header": (PLAIN.replace(b"To: b@to.test", b"To: b@to.test <"), PLAIN),
    "malformed_header date": (PLAIN.replace(b"1 Jan 2024", b"yesterday"), PLAIN.replace(b"To: b@to.test", b"To: b@to.test <")),
    "language de": (message("Wir haben Ihren Brief erhalten und werden ihn in den n\u00e4chsten Tagen beantworten, sobald wir mehr wissen.\r\n",
                            headers=("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")), LETTER),
    "writing cyrillic": (PLAIN.replace(b"a test", "=?koi8-r?B?8NLJ18XU?=".encode()), LETTER),
    "extension exe": (with_attachment(zipped(b"x", "a.EXE"), "a.zip"), with_attachment(zipped(b"x", "a.txt"), "a.zip")),
    "file_name invoice*": (with_attachment(b"x", "Invoice-7.txt"), with_attachment(b"x", "voice.txt")),
    "double_extension": (with_attachment(b"x", "a.pdf.scr"), with_attachment(b"x", "a.tar.gz")),
    "program": (with_attachment(PROGRAM, "a.txt"), with_attachment(b"x\r\n", "a.exe")),
    "true_type *portable-executable": (with_attachment(PROGRAM, "harmless.txt"), with_attachment(b"text\r\n", "a.exe")),
    "declared_type application/pdf": (with_attachment(b"%PDF-1.4\n", "a", "application/pdf"), PLAIN),
    "type_mismatch": (with_attachment(PROGRAM, "a.pdf", "application/pdf"), with_attachment(PROGRAM, "a.exe")),
    "attachment": (with_attachment(b"x", "a.txt"), PLAIN),
    "encrypted": (with_attachment(encrypted_zip(), "a.zip"), with_attachment(zipped(b"x"), "a.zip")),
    "macro": (with_attachment(with_macro(), "a.docm"), with_attachment(zipped(b"x", "word/document.xml"), "a.docx")),
    "script": (message("<p><script>x()</script>\r\n", headers=("Content-Type: text/html",)),
               message("<p>script\r\n", headers=("Content-Type: text/html",))),
    "part_size > 9k": (with_attachment(b"x" * 10000, "a.txt"), with_attachment(b"x" * 9000, "a.txt")),
    "expanded_size > 99k": (with_attachment(zipped(b"x" * 110000), "a.zip"), with_attachment(zipped(b"x" * 100), "a.zip")),
    "parts > 1": (with_attachment(b"x", "a.txt"), PLAIN),
    "files > 3": (with_attachment(tar_of(4), "a.tar"), with_attachment(tar_of(3), "a.tar")),
    "layers > 2": (with_attachment(nested(3), "a.zip"), with_attachment(nested(2), "a.zip")),
    "limit layers": (with_attachment(nested(8), "a.zip"), with_attachment(nested(2), "a.zip")),
    "charset koi8-r": (message("\r\n", headers=("Content-Type: text/plain; charset=KOI8-R",)), PLAIN),
    "subject *invoice*": (PLAIN.replace(b"a test", b"=?utf-8?B?WW91ciBJbnZvaWNl?="), PLAIN),
    "from boss*": (PLAIN.replace(b"From: a@", b"From: Boss <boss@").replace(b"from.test\r\n", b"from.test>\r\n", 1), PLAIN),
    "malformed": (with_attachment(b"x", "a.txt").replace(b"MIME-Version: 1.0", b"MIME-Version: 1.0\r\nContent-Type: text/plain"), PLAIN),
    "expression secret": (message("This is con<b>fid</b>ential.\r\n", headers=("Content-Type: text/html",)),
                          message("This is not.\r\n")),
    "expression cards": (message("Card: 4111-1111-1111-1111, thanks\r\n"), message("Card: 4111-1111-1111-1112, thanks\r\n")),
    "virus": (message(eicar() + b"\r\n"), PLAIN),
}
SETS = """
[conditions set]
match = any
if = extension lnk scr
if = extension url
"""
EXPRESSIONS = SETS + """
[expression secret]
where = body subject
keyword = confidential
[expression cards]
ready = cards
"""


def send(here, sent, domain):
    sent = sent if isinstance(sent, Sent) else Sent(sent)
    return here.send(identified(sent.text), *(f"{name}@{domain}" for name in sent.recipients), sender=sent.sender, xforward=sent.client)


@suite.test
def every_condition_of_the_manual_has_a_mail():
    with open(os.path.join(ROOT, "etc", "man", "sandwich-policy.5"), encoding="ascii") as file:
        conditions = file.read().split(".Sh CONDITIONS")[1].split(".Sh ACTIONS")[0]
    words = set(re.findall(r"^\.It Ic (\w+)", conditions, re.M))
    check(len(words) > 40, words)
    equal(words - {condition.split()[0] for condition in CASES}, set())


@suite.test
def each_condition_holds_of_one_mail_and_not_of_another():
    rules = EXPRESSIONS
    for number, condition in enumerate(CASES):
        rules += f"[rule r{number}]\nto = r{number}.test\nif = {condition}\ndo = reject yes, r{number}\n"
    settings = {"content.limit_layers": "6", "scanner.clamav.encrypted_action": "deliver-with-mark",
                "content.limit_action": "deliver-with-mark", "scanner.clamav.action": "tag-and-deliver",
                "scanner.clamav.failure_action": "deliver-with-mark", "smtp.smtp_xclient_client_ip": "addr:127.0.0.1"}
    with Here(rules, settings) as here:
        wrong = []
        for number, (condition, (holds, does_not)) in enumerate(CASES.items()):
            yes, no = (send(here, one, f"r{number}.test") for one in (holds, does_not))
            if yes.code != 554 or f"yes, r{number}" not in yes.text or no.code != 250:
                wrong.append(f"{condition}: {yes} / {no}")
        equal(wrong, [], f"{len(wrong)} of {len(CASES)}")


def documents():
    """Name -> octets; each says "strictly confidential". LibreOffice made those that are files."""
    folder = os.path.join(ROOT, "test", "sandwich", "documents")
    all_of_them = {"secret.ppt": presentation("Our Plans, strictly confidential: \u0418\u0432\u0430\u043d\u043e\u0432"), "secret.txt": b"Strictly confidential.\r\n",
                   "secret.docx": zip_of({"[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
                                          "word/document.xml": "<w:t>strictly confiden</w:t><w:t>tial</w:t>"})}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            all_of_them[name] = file.read()
    return all_of_them


@suite.test
def words_in_attached_documents_are_seen():
    kinds = documents()
    check({name.split(".")[1] for name in kinds} >= {"rtf", "doc", "xls", "ppt", "pdf"}, kinds.keys())
    policy = ("[expression words]\nwhere = attachment\nkeyword = strictly confidential\n[expression body]\nwhere = body\nkeyword = strictly confidential\n"
              "[rule attached]\nif = expression words\ndo = reject attached\n[rule shown]\nif = expression body\ndo = reject shown\n")
    with Here(policy) as here:
        wrong = []
        for name, octets in kinds.items():
            for sent, file in (("itself", with_attachment(octets, name)), ("zipped", with_attachment(zipped(octets, name), "a.zip"))):
                reply = here.send(identified(file))
                if reply.code != 554 or "attached" not in reply.text:
                    wrong.append(f"{name} {sent}: {reply}")
        equal(wrong, [])
        equal(here.send(identified(with_attachment(presentation("Our plans are strictly public."), "a.ppt"))).code, 250)
        # Somebody looks at attachments no more: nothing is taken out of them.
        here.daemon.write_policy(policy.replace("where = attachment", "where = subject"))
        here.daemon.reload()
        here.daemon.wait_log("reloaded")
        equal({name: here.send(identified(with_attachment(octets, name))).code for name, octets in kinds.items()},
              {name: 250 for name in kinds})


@suite.test
def sandwichctl_scan_tells_the_way_to_a_file():
    with Here("[rule r]\ndo = reject never\n") as here:
        path, policy = here.daemon.path("m.eml"), here.daemon.path("candidate.ini")
        with open(path, "wb") as file:
            file.write(with_attachment(zipped(zipped(PROGRAM, "a.exe"), "inner.zip"), "outer.zip").replace(b"\r\n", b"\n"))
        with open(policy, "w", encoding="ascii") as file:
            file.write("[rule programs]\nto = b.test\nif = extension exe\nif = not message_size > 1m\ndo = tag_subject [P]\ndo = quarantine p\n")
        done = here.daemon.ctl("scan", f"--policy={policy}", "--to=a@b.test", "--to=c@d.test", path)
        equal(done.returncode, 0, done.stderr)
        check("outer.zip!inner.zip!a.exe: application/vnd.microsoft.portable-executable" in done.stdout, done.stdout)
        check("yes extension exe: outer.zip!inner.zip!a.exe: a.exe" in done.stdout, done.stdout)
        check("decision: quarantine (area p), rule programs; tag_subject [P]" in done.stdout, done.stdout)
        check(re.search(r"recipient <c@d\.test>:\n  rule programs: not for them\n  decision: deliver, clean\n", done.stdout), done.stdout)
        with open(policy, "w", encoding="ascii") as file:
            file.write("[rule gold]\nsetting = class gold\ndo = quarantine gold\n")
        done = here.daemon.ctl("scan", f"--policy={policy}", "--setting=class=gold", path)
        check("rule gold: applies\n    yes setting class gold: gold\n" in done.stdout and "see --setting" not in done.stderr, done.stdout, done.stderr)
        # It asked nobody: the daemon saw no mail, and the delivery server no connection.
        equal(here.sink.messages, [])
        check("0 accepted" in here.daemon.ctl("status").stdout)
        equal(here.daemon.ctl("scan", here.daemon.path("none.eml")).returncode, 1)
        equal(here.daemon.ctl("scan").returncode, 2)


@suite.test
def a_bad_pattern_refuses_the_reload():
    with Here("[rule r]\ndo = reject one\n") as here:
        here.daemon.write_policy("[expression e]\nregex = a(b\n[rule r]\nif = expression e\ndo = reject two\n")
        here.daemon.reload()
        line = here.daemon.wait_log("reload_refused")[0]
        check(f"{here.daemon.path('policy.ini')}:2" in line, line)
        check("one" in here.send(identified(PLAIN)).text)
        checked = subprocess.run([program("sandwichd"), "-c", here.daemon.ini, "--check-config"], capture_output=True, text=True,
                                 timeout=20, check=False)
        equal(checked.returncode, 1)
        check("policy.ini:2" in checked.stderr, checked.stderr)


@suite.test
def the_sample_policy_does_what_it_says():
    with open(os.path.join(ROOT, "etc", "policy.ini"), encoding="ascii") as file:
        sample = file.read()
    cards = message("4111 1111 1111 1111, 5500 0000 0000 0004, 3400 0000 0000 009, 6011 0000 0000 0004, 3530 1113 3330 0000\r\n")
    held = {
        "programs": with_attachment(zipped(PROGRAM, "a.exe"), "a.zip"),
        "macros": with_attachment(with_macro(), "a.docm"),
        "encrypted": with_attachment(encrypted_zip(), "a.zip"),
        "malformed": CASES["malformed"][0],
    }
    with Here(sample) as here:
        def passed():
            """What is no notice."""
            return [m for m in here.sink.messages if b"\r\nAuto-Submitted: " not in m.data.split(b"\r\n\r\n")[0]]

        for area, text in held.items():
            reply = here.send(identified(text), "bob@example.com", sender="a@stranger.example")
            equal(reply.code, 250, area)
            check(re.search(rf"^area: +{area}$", here.shown(reply), re.M), area, here.shown(reply))
        reply = here.send(identified(cards), "a@world.example", sender="bob@example.com")
        check(re.search(r"^area: +data-protection$", here.shown(reply), re.M), here.shown(reply))
        equal(passed(), [])
        # A partner may send macros, cards may come in, and ordinary mail from outside is tagged.
        equal(here.send(identified(held["macros"]), "bob@example.com", sender="x@a.partner.example").code, 250)
        equal(here.send(identified(held["macros"]), "bob@example.com", sender="x@partner.example").code, 250)
        equal(here.send(identified(cards), "bob@example.com", sender="x@world.example").code, 250)
        equal(len(passed()), 2)
        check("Subject: [EXTERNAL] a test" in here.header(), here.header())
        equal(here.send(identified(PLAIN), "x@world.example", sender="bob@example.com").code, 250)
        check("Subject: a test" in here.header(), here.header())


if __name__ == "__main__":
    suite.main()
