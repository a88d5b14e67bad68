"""sandwichctl doctor around real Sendmail."""

from lab.case import expect, need_system
from lab.sandwich import CHECKOUT_INSIDE


def case_doctor_explore(lab):
    need_system(lab)
    lab.root.link("/usr/local/sbin/sandwich-cf", f"{CHECKOUT_INSIDE}/scripts/sandwich-cf")
    done = lab.sandwich.inside("/usr/local/sbin/sandwichctl", "doctor", "--probe", "--to=alice@example.test", timeout=120)
    print(done.returncode, done.stdout)
    print(lab.sandwich.inside("sh", "-c", "cat /run/sendmail/mta/*.pid; ps ax | grep -i [s]endmail; ls -l /proc/1/exe; cat /var/run/sendmail*.pid; cat /proc/*/comm | sort | uniq -c").stdout)
