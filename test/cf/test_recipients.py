"""The recipient check, asked of a real Sendmail in -bs mode: no real user may be refused, an unknown one must be."""

import os
import pwd

from support import TOOL, PrivateSendmail, TempCase, needs_sendmail, read, run_tool, write

USER = pwd.getpwuid(os.getuid()).pw_name
VIRTUSER = "FEATURE(`virtusertable',`hash -o /etc/mail/virtusertable')dnl\n"


@needs_sendmail
class Recipients(TempCase):
    def lab(self, domains=("example.test",), aliases="postmaster: root\nsales: root\nteam+*: root\ndot.ted: root\n", **mc):
        lab = PrivateSendmail(self.dir, **mc)
        write(lab.local_names, "".join(d + "\n" for d in domains))
        lab.new_aliases(aliases)
        return lab

    def variant(self, lab, *options):
        inbound, _, run = self.make(lab.cf, *options)
        return inbound, run

    def assert_check(self, lab, accepted, refused, *options, code="550 5.1.1"):
        inbound, run = self.variant(lab, *options)
        self.assertNotIn("recipient check left out", run.stderr)
        replies = lab.recipients(inbound, *accepted, *refused)
        for recipient in accepted:
            self.assertTrue(replies[recipient].startswith("250 "), f"{recipient}: {replies[recipient]}")
        for recipient in refused:
            self.assertTrue(replies[recipient].startswith(code), f"{recipient}: {replies[recipient]}")

    def test_alias_and_passwd_and_detail(self):
        self.assert_check(
            self.lab(),
            ["sales", "sales@example.test", "SALES@EXAMPLE.TEST", "sales+x@example.test", "dot.ted@example.test",
             USER, f"{USER}@example.test", f"{USER}+x@example.test", f"{USER}+a+b@example.test", f"{USER}@localhost",
             f"{USER}@mx.example.test", "team+any@example.test", '"sales"@example.test'],
            ["nosuch", "nosuch@example.test", "nosuch+x@example.test", "nosuch@mx.example.test", "nosuch@localhost",
             "team@example.test", "dot@example.test", "sal@example.test", '"/etc/passwd"@example.test',
             '"|/bin/sh"@example.test', "+@example.test"])

    def test_postmaster_is_never_refused(self):
        self.assert_check(self.lab(aliases="sales: root\n"),
                          ["postmaster", "Postmaster@example.test", "POSTMASTER@mx.example.test"],
                          ["postmasters@example.test"])

    def test_remote_recipients_are_not_its_business(self):
        self.assert_check(self.lab(), ["any@remote.test", "any@[192.0.2.7]", "any@sub.example.test"],
                          ["any@example.test"])

    def test_percent_hack_to_an_unknown_local_user(self):
        self.assert_check(self.lab(), [f"{USER}%example.test@mx.example.test"], ["nosuch%example.test@mx.example.test"])

    def test_virtusertable_exact_domain_and_error(self):
        lab = self.lab(features=VIRTUSER + "VIRTUSER_DOMAIN(`virt.test')dnl")
        lab.map("virtusertable", "info@example.test root\nboss+*@example.test root\n@all.test root\n@virt.test %1@remote.test\n"
                                 "no@example.test error:nouser 550 Gone away\nout@example.test someone@remote.test\n")
        write(lab.local_names, "example.test\nall.test\n")
        self.assert_check(lab, ["info@example.test", "info+x@example.test", "boss+y@example.test", "any@all.test",
                                "any@virt.test", "out@example.test", "sales@example.test", f"{USER}@example.test"],
                          ["nosuch@example.test", "boss@example.test"])
        inbound, _ = self.variant(lab)
        self.assertIn("Gone away", lab.recipients(inbound, "no@example.test")["no@example.test"])

    def test_virtual_domain_that_is_not_local(self):
        lab = self.lab(features=VIRTUSER + "VIRTUSER_DOMAIN(`virt.test')dnl")
        lab.map("virtusertable", "known@virt.test root\nspam@virt.test error:5.7.0:550 No spam\n")
        inbound, _ = self.variant(lab)
        replies = lab.recipients(inbound, "known@virt.test", "other@virt.test", "spam@virt.test")
        self.assertTrue(replies["known@virt.test"].startswith("250 "), replies)
        self.assertTrue(replies["other@virt.test"].startswith("250 "), replies)   # Sendmail goes on to its MX: not ours
        self.assertTrue(replies["spam@virt.test"].startswith("550 5.7.0"), replies)

    def test_mailertable_domain_is_routed_not_checked(self):
        lab = self.lab(features="FEATURE(`mailertable',`hash -o /etc/mail/mailertable')dnl")
        lab.map("mailertable", "hub.test esmtp:[192.0.2.9]\nlocalized.test local:\nclosed.test error:5.7.0:550 Closed\n"
                               ".sub.test smtp:[192.0.2.8]\n")
        write(self.path("relay-domains"),
              "hub.test\nclosed.test\nsub.test\nlocalized.test\n")
        inbound, _ = self.variant(lab)
        replies = lab.recipients(inbound, "any@hub.test", "any@a.sub.test", "any@localized.test", "x@closed.test",
                                 "nosuch@example.test")
        for known in ("any@hub.test", "any@a.sub.test", "any@localized.test"):
            self.assertTrue(replies[known].startswith("250 "), replies[known])
        self.assertTrue(replies["x@closed.test"].startswith("550 5.7.0"), replies)
        self.assertTrue(replies["nosuch@example.test"].startswith("550 5.1.1"), replies)

    def test_luser_relay_knows_everybody(self):
        self.assert_check(self.lab(before="define(`LUSER_RELAY',`relay:other.test')dnl"),
                          ["nosuch@example.test", "nosuch", "nosuch+x@example.test", USER], [])

    def test_luser_relay_local(self):
        self.assert_check(self.lab(before="define(`LUSER_RELAY',`local:root')dnl"),
                          ["nosuch@example.test", USER, "sales@example.test"], [])

    def test_luser_relay_error(self):
        self.assert_check(self.lab(before="define(`LUSER_RELAY',`error:5.1.1:\"550 No such user here\"')dnl"),
                          ["sales@example.test", USER, f"{USER}+x@example.test"], ["nosuch@example.test"])

    def test_mail_hub_knows_everybody(self):
        self.assert_check(self.lab(before="define(`MAIL_HUB',`hub.test')dnl"), ["nosuch@example.test", USER], [])

    def test_local_relay(self):
        self.assert_check(self.lab(before="define(`LOCAL_RELAY',`hub.test')dnl"), ["nosuch", USER], [])

    def test_several_alias_files(self):
        second = self.path("more-aliases")

        def edit(text):
            return text.replace(f"O AliasFile={self.dir}/aliases",
                                f"O AliasFile={self.dir}/aliases, hash:{second}\nO AliasFile=text:-k0 -v1 -z: {self.path('flat')}")
        lab = PrivateSendmail(self.dir, edit=edit)
        write(lab.local_names, "example.test\n")
        write(second, "second: root\n")
        write(self.path("flat"), "third:root\n")
        write(lab.aliases, "first: root\n")
        lab.map("aliases", "first root\n")
        lab.map("more-aliases", "second root\n")
        self.assert_check(lab, ["first@example.test", "second@example.test", "third@example.test"], ["fourth@example.test"])

    def test_alias_database_that_was_never_built(self):
        """Sendmail reads the text then, and so does the check; what the text does not have is deferred, not refused."""
        lab = self.lab()
        os.unlink(lab.aliases + ".db")
        inbound, _ = self.variant(lab)
        replies = lab.recipients(inbound, "sales@example.test", "sales+x@example.test", USER, "nosuch@example.test")
        for known in ("sales@example.test", "sales+x@example.test", USER):
            self.assertTrue(replies[known].startswith("250 "), replies)
        self.assertTrue(replies["nosuch@example.test"].startswith("451 4.3.0"), replies)

    def test_aliases_missing_altogether(self):
        lab = self.lab()
        os.unlink(lab.aliases + ".db")
        os.unlink(lab.aliases)
        inbound, _ = self.variant(lab)
        replies = lab.recipients(inbound, "sales@example.test", USER, f"{USER}+x@example.test")
        self.assertTrue(replies["sales@example.test"].startswith("451 4.3.0"), replies)
        self.assertTrue(replies[USER].startswith("250 "), replies)
        self.assertTrue(replies[f"{USER}+x@example.test"].startswith("250 "), replies)

    def test_map_out_of_order_refuses_nobody_for_good(self):
        """Without -T Sendmail's rules take a broken map for an empty one."""
        for spec in ("socket local:/nonexistent/socket", "hash /nonexistent/virtusertable",
                     "ldap -h 127.0.0.1 -p 9 -k (mail=%0) -v uid"):
            with self.subTest(spec):
                lab = self.lab(features=f"FEATURE(`virtusertable',`{spec}')dnl")
                inbound, _ = self.variant(lab)
                replies = lab.recipients(inbound, "nosuch@example.test", "sales@example.test")
                self.assertTrue(replies["nosuch@example.test"].startswith("451 4.3.0"), replies)
                self.assertTrue(replies["sales@example.test"].startswith("250 "), replies)

    def test_map_out_of_order_with_its_own_mark(self):
        for spec in ("socket -T<TMPF> local:/nonexistent/socket", "hash -T<TMPF> /nonexistent/virtusertable"):
            with self.subTest(spec):
                lab = self.lab(features=f"FEATURE(`virtusertable',`{spec}')dnl")
                inbound, _ = self.variant(lab)
                reply = lab.recipients(inbound, "nosuch@example.test")["nosuch@example.test"]
                self.assertFalse(reply.startswith("5"), reply)

    def test_optional_map_that_is_not_there_is_no_fault(self):
        self.assert_check(self.lab(features=VIRTUSER), [USER], ["nosuch@example.test"])

    def test_own_local_check_rcpt_is_kept_and_asked_first(self):
        rules = ("LOCAL_RULESETS\nSLocal_check_rcpt\nR$*\t\t$: $>CanonAddr $1\nRtrap < @ $* > $*\t$#error $@ 5.7.1 $: \"550 Trapped\"\n"
                 "Rghost < @ $* > $*\t$# OK\n")
        lab = self.lab(mailers=rules)
        inbound, _ = self.variant(lab)
        self.assertIn("Trapped", read(inbound))
        replies = lab.recipients(inbound, "trap@example.test", "ghost@example.test", "nosuch@example.test", "sales@example.test")
        self.assertIn("Trapped", replies["trap@example.test"])
        self.assertTrue(replies["ghost@example.test"].startswith("250 "), replies)
        self.assertTrue(replies["nosuch@example.test"].startswith("550 5.1.1"), replies)
        self.assertTrue(replies["sales@example.test"].startswith("250 "), replies)

    def test_local_rule_0_routes_a_name_that_is_no_user(self):
        lab = self.lab(mailers="LOCAL_RULE_0\nRshop < @ $=w . >\t$#local $: root\n")
        self.assert_check(lab, ["shop@example.test"], ["nosuch@example.test"])

    def test_relaying_is_still_denied(self):
        lab = self.lab()
        inbound, _ = self.variant(lab)
        lines = [".D{client_addr}203.0.113.9", ".D{client_name}pc7.example.test", ".D{client_resolve}OK"]
        text = lab.test_mode(inbound, *lines, "Basic_check_rcpt <any@remote.test>", "Basic_check_rcpt <sales@example.test>",
                             "Basic_check_rcpt <nosuch@example.test>", "Basic_check_rcpt <any@sub.example.test>")
        answers = [line.split("returns:")[1].strip() for line in text.splitlines() if line.startswith("Basic_check_rcpt")
                   and "returns:" in line]
        self.assertIn("Relaying denied", answers[0])
        self.assertEqual(answers[1], "RELAY")
        self.assertIn("User unknown", answers[2])
        self.assertIn("Relaying denied", answers[3])

    def test_no_recipient_check(self):
        lab = self.lab()
        inbound, run = self.variant(lab, "--no-recipient-check")
        self.assertIn("no recipient check", run.stderr)
        self.assertTrue(lab.recipients(inbound, "nosuch@example.test")["nosuch@example.test"].startswith("250 "))

    def test_the_stock_file_agrees(self):
        """The same recipients, asked of the file before and after: the sandwich changes no answer."""
        lab = self.lab(features=VIRTUSER + "FEATURE(`mailertable',`hash -o /etc/mail/mailertable')dnl")
        lab.map("virtusertable", "info@example.test root\n@all.test root\nno@example.test error:nouser 550 Gone\n")
        lab.map("mailertable", "hub.test esmtp:[192.0.2.9]\n")
        write(lab.local_names, "example.test\nall.test\n")
        names = ["sales@example.test", "info@example.test", "any@all.test", "no@example.test", "nosuch@example.test", USER,
                 "x@hub.test", "x@remote.test", "nosuch", "team+a@example.test", "team@example.test", "@example.test",
                 f"{USER}+b@example.test", "x@y@example.test", "user@.bad", "nosuch+all@all.test"]
        inbound, _ = self.variant(lab)
        before, after = lab.recipients(lab.cf, *names), lab.recipients(inbound, *names)
        for name in names:
            self.assertEqual(before[name][:3], after[name][:3], f"{name}: {before[name]} / {after[name]}")

    def test_left_out_where_it_cannot_be_expressed(self):
        cases = {"MatchGECOS": {"before": "define(`confMATCH_GECOS',`True')dnl"},
                 "UserDatabaseSpec": {"before": "define(`confUSERDB_SPEC',`/etc/mail/userdb')dnl"},
                 "no flag w": {"edit": lambda t: t.replace("F=lsDFMAw5:/|@qPn9S", "F=lsDFMA5:/|@qPn9S")},
                 "no AliasFile": {"edit": lambda t: t.replace("O AliasFile=", "#O AliasFile=")},
                 "cannot be asked": {"edit": lambda t: t.replace("O AliasFile=", "O AliasFile=ldap:\n#")},
                 "mailer cyrus": {"edit": lambda t: t.replace("R$+ < @ $=w . >\t\t$#local $: $1",
                                                              "R$+ < @ $=w . >\t\t$#cyrus $: $1")}}
        for reason, mc in cases.items():
            with self.subTest(reason):
                lab = PrivateSendmail(self.dir, **mc)
                inbound, run = self.variant(lab)
                self.assertIn("recipient check left out", run.stderr)
                self.assertIn(reason, run.stderr)
                self.assertNotIn("SandwichRcpt", read(inbound))

    def test_with_the_users_flag_for_upper_case(self):
        lab = self.lab(edit=lambda t: t.replace("F=lsDFMAw5:/|@qPn9S", "F=lsDFMAuw5:/|@qPn9S"))
        self.assert_check(lab, [USER, USER.upper() if USER == "root" else USER], ["nosuch@example.test"])

    def test_tool_is_there(self):
        self.assertTrue(os.access(TOOL, os.X_OK))
        self.assertEqual(run_tool("--help").returncode, 0)
