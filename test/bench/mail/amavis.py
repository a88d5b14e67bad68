"""amavisd-new with clamd, four children: a Perl daemon, unpacked with the modules that it wants, and with nothing on that it can do
besides asking a scanner."""

import os
import pathlib
import pwd

from . import packages
from .places import Trouble
from .running import Running, answers

from daemon import free_port  # of test/sandwich  # noqa: E402

_CONFIGURATION = """\
use strict;
$MYHOME = '{home}'; $TEMPBASE = '{memory}'; $QUARANTINEDIR = undef;
$max_servers = 4; $max_requests = 0;
$inet_socket_bind = '127.0.0.1'; $inet_socket_port = {port};
$unix_socketname = undef; $pid_file = undef; $lock_file = undef;
$mydomain = 'to.test'; $myhostname = 'amavis.to.test';
@local_domains_maps = (1);
$enable_db = 0; $nanny_details_level = 0; $enable_dkim_verification = 0; $enable_dkim_signing = 0;
@bypass_spam_checks_maps = (1); @bypass_banned_checks_maps = (1);
$final_virus_destiny = D_PASS; $final_bad_header_destiny = D_PASS; $final_banned_destiny = D_PASS;
$virus_admin = undef; $bad_header_quarantine_method = undef; $virus_quarantine_method = undef;
$forward_method = 'smtp:[127.0.0.1]:{sink}'; $notify_method = $forward_method;
$log_level = 0; $do_syslog = 0;
@decoders = ();
@av_scanners = (['clamd', \\&ask_daemon, ["CONTSCAN {{}}\\n", '{clamd}'], qr/\\bOK$/m, qr/\\bFOUND$/m,
                 qr/^.*?: (?!Infected Archive)(.*) FOUND$/m]);
1;
"""


class Amavis:
    name, title, scans = "amavis", "amavisd-new + clamd, 4 children", True

    def __init__(self, directory, memory, sink, clamd):
        unpacked = directory / "amavis"
        packages.unpack("amavis", unpacked)
        self.port, self._clamd = free_port(), clamd
        home, files = directory / "amavis-home", memory / "amavis"
        for path in (home, files):
            path.mkdir()
        account = {}
        if os.geteuid() == 0:  # it refuses to be root; the accounts are those that every Debian has
            owner = pwd.getpwnam("nobody")
            account = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            for path in (home, files):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        configuration = directory / "amavisd.conf"
        configuration.write_text(_CONFIGURATION.format(home=home, memory=files, port=self.port, sink=sink.port, clamd=clamd.socket),
                                 encoding="ascii")
        command = [self._program(unpacked, directory), "-c", configuration, "foreground"]
        self._running = Running("amavis", command, directory, lambda: answers(self.port), packages.environment(unpacked), seconds=60, **account)

    @staticmethod
    def _program(unpacked, directory):
        """Under Perl's taint mode neither PERL5LIB nor the working directory counts: the program itself has to say where modules are."""
        modules = [unpacked / "usr/share/perl5", *sorted((unpacked / "usr/lib").glob("*/perl5/*"))]
        first, _, rest = (unpacked / "usr/sbin/amavisd").read_text(encoding="utf-8").partition("\n")
        if "perl" not in first or not pathlib.Path("/usr/bin/perl").exists():
            raise Trouble("amavisd-new needs perl")
        program = directory / "amavisd"
        program.write_text(f"{first}\nuse lib {', '.join(repr(str(path)) for path in modules)};\n{rest}", encoding="utf-8")
        program.chmod(0o755)
        return program

    def processes(self):
        own = {pid: "amavisd" for pid in self._running.processes()}  # their own names for themselves change all the time
        return own | self._clamd.processes()

    def close(self):
        self._running.close()
