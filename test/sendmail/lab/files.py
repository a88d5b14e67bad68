"""The private root directory that the lab's daemons live in: two ways to make one, and what goes into it.

The machine's own mail set-up is never touched: whatever Sendmail, or another mail server, is installed outside stays outside,
as every daemon here runs chrooted in this directory and everything written stays in it."""

import os
import pathlib
import re
import shutil
import stat
import subprocess

# Beyond these, a private root made by copying needs only what they link to.
_COPIED_PROGRAMS = ["/bin/sh", "/usr/bin/m4", "/bin/cat"]
_DEVICES = ["null", "zero", "full", "random", "urandom", "tty"]
_STATE = {  # inside path: owner, group, mode; in DIR/NAME on the outside, where one can look at them
    "/var/mail": ("root", "mail", 0o3777),
    "/var/spool/mqueue": ("smmta", "smmsp", 0o2750),
    "/var/spool/mqueue-delivery": ("smmta", "smmsp", 0o2750),
    "/var/spool/mqueue-client": ("smmsp", "smmsp", 0o3770),
    "/var/lib/sandwich": ("sandwich", "sandwich", 0o750),
    "/var/log": ("root", "root", 0o755),
}
_DIRECTORIES = {  # as the packages' own maintainer scripts make them
    "/etc/mail": ("smmta", "smmsp", 0o2755),
    "/etc/mail/m4": ("smmta", "smmsp", 0o2755),
    "/etc/mail/smrsh": ("smmta", "smmsp", 0o2755),
    "/var/lib/sendmail": ("smmta", "smmsp", 0o2751),
    "/run/sendmail": ("root", "smmta", 0o2755),
    "/run/sendmail/mta": ("smmta", "smmsp", 0o2755),
    "/run/sendmail/msp": ("smmsp", "smmsp", 0o2775),
    "/run/sendmail/stampdir": ("root", "smmsp", 0o2775),
}
_SYSTEM_ACCOUNTS = ["smmta", "smmsp", "sandwich", "sandwich-scan"]
_FIRST_SYSTEM_ID, _FIRST_USER_ID = 64300, 64400


class PrivateRoot:
    """`directory` holds all of a lab: root/ (what the daemons see as /) and their state. `packages`: Sendmail's .deb files."""

    def __init__(self, directory, packages, users, copy_on_write):
        self.directory = pathlib.Path(directory)
        self.path = self.directory / "root"
        self.path.mkdir(parents=True, exist_ok=True)
        self.copy_on_write = copy_on_write
        if copy_on_write:
            self._mount_overlay()
        else:
            self._make_bare()
        self._replace_mail_files()
        for package in packages:
            self._unpack(package)
        self._add_accounts(users)
        self._make_state()
        self._finish_sendmail()

    def __truediv__(self, inside):
        """The path by which this program reaches `inside` (which begins with a slash)."""
        return self.path / inside.lstrip("/")

    def run(self, *command, **options):
        """Runs a program of the private root to its end; a failure raises."""
        options = {"check": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} | options
        try:
            return subprocess.run(["chroot", self.path, *command], **options)
        except subprocess.CalledProcessError as error:
            output = (error.stdout or b"")[-2000:].decode("utf-8", "replace")
            raise RuntimeError(f"{' '.join(map(str, command))}: exit {error.returncode}: {output}") from None

    def write(self, inside, text, owner="root", group="root", mode=0o644):
        path = self / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            path.unlink()
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.give(inside, owner, group, mode)

    def make_cf(self, name):
        """/etc/mail/NAME.cf from its .mc, as sendmailconfig does it."""
        done = self.run("m4", f"/etc/mail/{name}.mc", stderr=subprocess.PIPE)
        self.write(f"/etc/mail/{name}.cf", done.stdout)

    def give(self, inside, owner, group, mode):
        path = self / inside
        os.chown(path, self.ids[owner], self.groups[group])
        os.chmod(path, mode)

    def link(self, inside, target):
        path = self / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    def bind(self, outside, inside, read_only=False):
        """Shows a directory of the machine inside. Only with copy_on_write."""
        target = self / inside
        if pathlib.Path(outside).is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif not target.exists():
            target.touch()
        _mount("--bind", outside, target)
        if read_only:
            _mount("-o", "remount,bind,ro", target)

    # -- making the directory ------------------------------------------------------------------------------------------

    def _mount_overlay(self):
        """The whole machine, copy on write: what is changed lands in a tmpfs that only our mount namespace knows."""
        layers = self.directory / "layers"
        layers.mkdir()
        _mount("-t", "tmpfs", "-o", "mode=755", "sandwich-lab", layers)
        # A separate /usr or /var is a mount of its own that an overlay of / does not show.
        for number, below in enumerate(p for p in ("/", "/usr", "/var", "/opt") if os.path.ismount(p)):
            upper, work = layers / f"upper{number}", layers / f"work{number}"
            upper.mkdir()
            work.mkdir()
            _mount("-t", "overlay", "-o", f"lowerdir={below},upperdir={upper},workdir={work}", "overlay", self / below)
        for inside in ("/tmp", "/run", "/dev"):
            (self / inside).mkdir(exist_ok=True)
            _mount("-t", "tmpfs", "-o", "mode=1777" if inside == "/tmp" else "mode=755", "sandwich-lab", self / inside)
        for device in _DEVICES:
            self.bind(f"/dev/{device}", f"/dev/{device}")
        (self / "/dev/shm").mkdir(mode=0o1777)
        _mount("-t", "tmpfs", "-o", "mode=1777", "sandwich-lab", self / "/dev/shm")
        for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
            self.link(f"/dev/{name}", target)
        _mount("-t", "proc", "proc", self / "/proc")
        (self / "/run/lock").mkdir(mode=0o1777)

    def _make_bare(self):
        """Where nothing can be mounted: a small tree of copied files, enough for Sendmail."""
        for directory in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "dev", "proc", "var/log", "run/lock"):
            (self.path / directory).mkdir(parents=True, exist_ok=True)
        for directory in ("bin", "sbin", "lib", "lib64"):
            self.link("/" + directory, "usr/" + directory)
        for name, target in (("/var/run", "/run"), ("/var/lock", "/run/lock")):
            self.link(name, target)
        for directory in ("tmp", "var/tmp"):
            (self.path / directory).mkdir(parents=True, exist_ok=True)
            os.chmod(self.path / directory, 0o1777)
        for device in _DEVICES:
            original = os.stat(f"/dev/{device}")
            os.mknod(self / f"/dev/{device}", stat.S_IFCHR | 0o666, original.st_rdev)
            os.chmod(self / f"/dev/{device}", 0o666)
        for name in ("passwd", "group", "nsswitch.conf", "services", "protocols", "localtime"):
            if os.path.exists(f"/etc/{name}"):
                shutil.copy(f"/etc/{name}", self / f"/etc/{name}")
        for program in _COPIED_PROGRAMS:
            self._copy_program(program)

    def _copy_program(self, program):
        target = self / program
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(program, target)
        self._copy_libraries(target)

    def _copy_libraries(self, program):
        listing = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
        if "not found" in listing:
            raise RuntimeError(f"{program} lacks libraries:\n{listing}")
        for library in re.findall(r"(/\S+) \(0x", listing):
            target = self / library
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(library, target)

    def _replace_mail_files(self):
        """Debian's files as shipped, whatever the machine's administrator has made of his."""
        for inside in ("/etc/mail", "/var/lib/sendmail"):
            shutil.rmtree(self / inside, ignore_errors=True)
        for inside in ("/etc/aliases", "/etc/aliases.db", "/etc/procmailrc", "/etc/mailname"):
            (self / inside).unlink(missing_ok=True)

    def _unpack(self, package):
        # dpkg-deb -x would put a directory where /lib is a symbolic link.
        archive = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
        subprocess.run(
            ["tar", "-x", "-p", "-C", self.path, "--keep-directory-symlink", "--exclude=./usr/share/doc", "--exclude=./usr/share/man"],
            stdin=archive.stdout,
            check=True,
        )
        if archive.wait() != 0:
            raise RuntimeError(f"cannot unpack {package}")

    # -- filling it ----------------------------------------------------------------------------------------------------

    def _add_accounts(self, users):
        passwd = (self / "/etc/passwd").read_text().splitlines()
        group = (self / "/etc/group").read_text().splitlines()
        taken_users = {line.split(":")[0] for line in passwd}
        taken_groups = {line.split(":")[0] for line in group}
        wanted = [(name, _FIRST_SYSTEM_ID + i, "/nonexistent") for i, name in enumerate(_SYSTEM_ACCOUNTS)]
        wanted += [(name, _FIRST_USER_ID + i, f"/home/{name}") for i, name in enumerate(users)]
        for name, number, home in wanted:
            if name not in taken_groups:
                group.append(f"{name}:x:{number}:")
            if name not in taken_users:
                own_group = next(line.split(":")[2] for line in group if line.startswith(name + ":"))
                shell = "/bin/sh" if name in users else "/usr/sbin/nologin"
                passwd.append(f"{name}:x:{number}:{own_group}::{home}:{shell}")
        (self / "/etc/passwd").write_text("\n".join(passwd) + "\n")
        (self / "/etc/group").write_text("\n".join(group) + "\n")
        self.ids = {line.split(":")[0]: int(line.split(":")[2]) for line in passwd if ":" in line}
        self.groups = {line.split(":")[0]: int(line.split(":")[2]) for line in group if ":" in line}
        for name in users:
            (self / f"/home/{name}").mkdir(parents=True, exist_ok=True)
            self.give(f"/home/{name}", name, name, 0o755)

    def _make_state(self):
        for inside, (owner, group, mode) in _STATE.items():
            if self.copy_on_write:
                outside = self.directory / inside.strip("/").rpartition("/")[2]
                outside.mkdir(exist_ok=True)
                self.bind(outside, inside)
            else:
                (self / inside).mkdir(parents=True, exist_ok=True)
            self.give(inside, owner, group, mode)
        for inside, (owner, group, mode) in _DIRECTORIES.items():
            (self / inside).mkdir(parents=True, exist_ok=True)
            self.give(inside, owner, group, mode)
        self.link("/var/spool/mail", "../mail")

    def outside(self, inside):
        """The path of a state file as one finds it from outside the lab."""
        for state in _STATE:
            if self.copy_on_write and (inside + "/").startswith(state + "/"):
                return self.directory / state.rpartition("/")[2] / inside[len(state) :].lstrip("/")
        return self / inside

    def _finish_sendmail(self):
        """What the maintainer scripts of the packages do after unpacking, as far as a running Sendmail needs it."""
        sendmail = "/usr/libexec/sendmail/sendmail"
        for name in ("/usr/sbin/sendmail", "/usr/sbin/sendmail-mta", "/usr/sbin/sendmail-msp", "/usr/lib/sendmail"):
            self.link(name, sendmail)
        self.link("/usr/bin/newaliases", sendmail)
        self.link("/usr/bin/mailq", sendmail)
        self.link("/etc/mail/smrsh/procmail", "/usr/bin/procmail")
        self.link("/etc/mail/aliases", "../aliases")
        self.give(sendmail, "root", "smmsp", 0o2755)
        if not self.copy_on_write:
            for program in (sendmail, "/usr/libexec/sendmail/makemap", "/usr/sbin/sensible-mda", "/usr/bin/procmail"):
                self._copy_libraries(self / program)
        # tar keeps owners and set-id bits as the packages name them; chown in a copied tree would drop the latter.
        self.give("/usr/sbin/sensible-mda", "root", "smmsp", 0o4755)
        self.give("/usr/bin/procmail", "root", "mail", 0o6755)
        for name in ("dialup.m4", "provider.m4"):
            self.write(f"/etc/mail/m4/{name}", "")
        for name in ("sendmail.mc", "submit.mc"):
            text = (self / f"/usr/share/sendmail/cf/debian/{name}").read_text()
            # DAEMON_HOSTSTATS=No of Debian's sendmail.conf
            self.write(f"/etc/mail/{name}", text.replace("dnl undefine(`confHOST_STATUS", "undefine(`confHOST_STATUS"))
        shutil.copy(self / "/usr/share/sendmail/examples/db/access", self / "/etc/mail/access")
        self.write("/etc/mail/trusted-users", "")
        # A mailbox that another delivery holds is asked for after a second, not eight.
        self.write("/etc/procmailrc", "LOCKSLEEP=1\n")


def _mount(*arguments):
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"mount {' '.join(map(str, arguments))}: {done.stderr.strip()}")
