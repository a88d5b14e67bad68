"""Boots the private root's systemd as PID 1 of namespaces of its own, with nothing but its basic target, to run units under it."""

import contextlib
import os
import shutil
import subprocess

from .sandwich import wait_for

_SYSTEMD = "/lib/systemd/systemd"
UNITS = "/usr/local/lib/systemd/system"  # where scripts/run --install puts them
# What a boot would otherwise start, or fail to: hardware, other daemons, file systems of the machine.
_MASKED = """systemd-udevd.service systemd-udev-trigger.service systemd-timesyncd.service systemd-resolved.service
systemd-networkd.service systemd-logind.service dbus.service dbus.socket systemd-journald-audit.socket systemd-remount-fs.service
systemd-sysctl.service systemd-modules-load.service systemd-random-seed.service systemd-update-utmp.service
systemd-tmpfiles-setup-dev.service systemd-sysusers.service kmod-static-nodes.service apparmor.service networking.service
ifupdown-pre.service network-online.target sendmail.service dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount
sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount""".split()
_BOOT = """set -e
mount -t proc proc "$1/proc"
mount -t sysfs -o ro sysfs "$1/sys"
mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
mount -t tmpfs -o mode=755 dev "$1/dev"
cd "$1"
mkdir dev/shm dev/pts
ln -s pts/ptmx dev/ptmx
while read -r name major minor; do
    mknod -m 666 "dev/$name" c "$major" "$minor"
done <<END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
END
mkdir -p run/old-root
pivot_root . run/old-root
umount -l run/old-root
exec env container=lab %s --system --log-target=null --show-status=0
""" % _SYSTEMD


def missing(root):
    """Why there can be no systemd here, or nothing."""
    if not os.path.exists(root / _SYSTEMD):
        return "systemd is not installed"
    mounting = ["unshare", "--mount", "--cgroup", "mount", "-t", "cgroup2", "cgroup2", root / "/tmp"]
    if subprocess.run(mounting, capture_output=True).returncode != 0:
        return "no unified cgroup hierarchy to give to systemd"
    return None


def _first(process):
    """PID of the systemd that `process`, which is unshare, has started; None when there is none."""
    try:
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as children:
            return (children.read().split() or [None])[0]
    except OSError:
        return None


@contextlib.contextmanager
def booted(lab, units):
    """Boots with these unit files; yields a function that runs a command beside that systemd and returns its result."""
    root = lab.root
    (root / UNITS).mkdir(parents=True, exist_ok=True)
    for unit in units:
        shutil.copy(unit, root / f"{UNITS}/{unit.name}")
    for unit in _MASKED:
        root.link(f"/etc/systemd/system/{unit}", "/dev/null")
    root.link("/etc/systemd/system/default.target", "/lib/systemd/system/basic.target")
    root.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    root.write("/etc/fstab", "")
    (root / "/sys").mkdir(exist_ok=True)
    # A /dev of its own, as systemd's PrivateDevices cannot take a bind-mounted one apart; journald then takes /dev/log, so the mail
    # log of that time is in the journal. pivot_root and not chroot, since systemd gives services mount namespaces of their own, for which / has to be a mount.
    # A host name of its own: it sets the one it finds in /etc/hostname.
    command = ["unshare", "--pid", "--cgroup", "--mount", "--uts", "--fork", "--kill-child", "sh", "-c", _BOOT, "boot", root.path]
    with lab.mx.inside():
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:

        def run(*arguments):
            first = _first(process)
            if first is None:
                return None
            enter = ["nsenter", "--target", first, "--all", "--root", "--wd=/"]
            return subprocess.run([*enter, *arguments], capture_output=True, text=True, timeout=180)

        def up():
            answer = run("systemctl", "is-system-running")
            return answer and answer.stdout.strip() in ("running", "degraded")

        wait_for(up, 30, "systemd has booted")
        yield run
    finally:
        first = _first(process)
        process.kill()
        process.wait()
        # With PID 1 its whole namespace ends, but not at once, and a daemon that is still dying holds its lock.
        wait_for(lambda: not (first and os.path.exists(f"/proc/{first}")), 20, "that systemd has ended")
        shutil.rmtree(root / "/run/systemd", ignore_errors=True)
