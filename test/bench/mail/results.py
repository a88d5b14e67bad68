"""Saves what was measured: all rows as JSON, the tables as Markdown, the charts as SVG, and the conditions with each. Each kind of
benchmark has files of its own (mail, scan, sendmail, scale, directory), and test/bench/RESULTS.md is written from those that there are; the short
form of README.md, too."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess

from .places import ROOT, Trouble

_TITLES = {"mail": "What a message costs", "scan": "What scanning a mail costs", "sendmail": "Into a real Sendmail",
           "scale": "Much of it: sessions, large messages, many messages, signatures, reloads",
           "directory": "Recipients in an LDAP directory"}
_HEAD = """\
# Measured

Written by `scripts/bench NAME --write-results`, from nothing else; `scripts/bench --help` tells what there is. All parts run on one
machine: sender, what is measured, sink. Targets take turns within each repetition; figures are medians, with the least and the most
of the repetitions, and ratios are taken within a repetition. Figures of one section can be compared with each other, those of two
machines cannot.

"""


# What --write-results changes is not what the next benchmark measures.
_NOT_MEASURED = (":(exclude)test/bench/RESULTS.md", ":(exclude)test/bench/*.svg", ":(exclude)README.md")


def add_options(parser):
    """What all programs here have in common."""
    parser.add_argument("--build", type=pathlib.Path, default=os.environ.get("SANDWICH_BUILD", ROOT / "build-bench"), help=argparse.SUPPRESS)
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / "build-bench/results", help="directory for results")
    parser.add_argument("--write-results", action="store_true", help="write test/bench/RESULTS.md and README's table anew from what lies in the results' "
                        "directory")


def _output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _processor():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        found = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.M)
    return found.group(1) if found else platform.machine()


def _memory():
    with open("/proc/meminfo", encoding="ascii") as file:
        return f"{int(file.readline().split()[1]) / (1 << 20):.0f} GiB"


def conditions(more):
    """What the figures depend on: title -> words."""
    commit = _output("git", "rev-parse", "--short=12", "HEAD")
    changed = " with changes" if _output("git", "status", "--porcelain", "--untracked-files=no", "--", ".", *_NOT_MEASURED) else ""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return {"Date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "Machine": f"{os.cpu_count()} cores ({_processor()}), {_memory()}, Linux {platform.release()}; all parts on it",
            "Version": f"commit {commit or 'unknown'}{changed}", **more, "Load average at the end": load}


def document(title, described, text, pictures):
    """Markdown. `pictures`: names of files beside it."""
    lines = [f"## {title}\n", *(f"- {name}: {words}" for name, words in described.items()), "", text]
    lines += [f"![{name.removesuffix('.svg')}]({name})" for name in pictures]
    return "\n".join(lines).rstrip("\n") + "\n"


def save(chosen, name, described, measured, text, pictures=None, brief=""):
    """Keeps it and shows it. `brief`: what README.md tells of it."""
    keep(chosen, name, described, measured, text, pictures)
    if brief:
        words = "; ".join(f"{title.lower()}: {value}" for title, value in described.items() if title != "Load average at the end")
        (chosen.results / "brief.md").write_text(f"{brief}\nConditions: {words}.\n", encoding="utf-8")
    print((chosen.results / f"{name}.md").read_text(encoding="utf-8"))
    tell(chosen)


def keep(chosen, name, described, measured, text, pictures=None):
    """NAME.json, NAME.md and the pictures in the directory chosen."""
    directory = chosen.results
    pictures = {f"{name}-{file}": picture for file, picture in (pictures or {}).items()}
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob(f"{name}-*.svg"):
        old.unlink()
    (directory / f"{name}.json").write_text(json.dumps({"conditions": described, **measured}, indent=1) + "\n", encoding="utf-8")
    for file, picture in pictures.items():
        (directory / file).write_text(picture, encoding="utf-8")
    (directory / f"{name}.md").write_text(document(_TITLES[name], described, text, pictures), encoding="utf-8")


def saved(chosen, name):
    """What was kept before, or nothing."""
    try:
        return json.loads((chosen.results / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def tell(chosen):
    """Where it lies; writes RESULTS.md, and the short form in README.md, when that was asked for."""
    print(f"saved: {chosen.results}")
    if not chosen.write_results:
        return
    print(f"written: {publish(chosen.results, ROOT / 'test/bench')}")
    if (chosen.results / "brief.md").exists():
        path = ROOT / "README.md"
        brief = (chosen.results / "brief.md").read_text(encoding="utf-8")
        path.write_text(with_brief(path.read_text(encoding="utf-8"), brief), encoding="utf-8")
        print(f"written: {path}")


def with_brief(text, brief):
    """`text` with `brief` between its marks."""
    begin, end = "<!-- measured -->\n", "<!-- end of measured -->\n"
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    if not rest or end not in rest:
        raise Trouble("README.md has no place for what was measured")
    return before + begin + brief + end + after


def publish(directory, target):
    """RESULTS.md and its pictures in `target`, from what lies in `directory`."""
    for old in target.glob("*.svg"):
        old.unlink()
    for picture in directory.glob("*.svg"):
        shutil.copy(picture, target)
    sections = [(directory / f"{name}.md").read_text(encoding="utf-8") for name in _TITLES if (directory / f"{name}.md").exists()]
    path = target / "RESULTS.md"
    path.write_text(_HEAD + "\n".join(sections), encoding="utf-8")
    return path
