# SPDX-License-Identifier: GPL-2.0
"""Boots a kernel that has mutants in it, and runs the KUnit tests and selftests named for them.

A guest is given mutant after mutant, and runs the tests without one before each. As soon as these
fail, or the kernel complains, another guest is booted for the mutants that are left.
"""

import re
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lib import mutants, tap
from lib.common import CACHE, DEV, TIMESTAMP, complaints_in, die, tool
from lib.mutant_native import JOBS
from lib.overlay import lay_over, overlay
from lib.programs import APPEND, MEMORY, build, make_image, read_list

OUT = CACHE / "mutants"
# The tree and the configuration.
NAME = "mutants"
# Whatever the kernel is built of and tested by.
TESTS = ["mm/tests/*", "patches/*", "tools/testing/selftests/mm/gup_*", "dev/config/*"]
# The messages of the kernel may come later than what the guest says. How long, in seconds.
DELAY = 60
# In seconds, for the boot and for a run without a mutant.
LIMIT = 400
# One with a mutant may take so many times as long as that without, and some seconds more.
FACTOR = 5
GRACE = 20
# Half of the guests may hang at a time, which takes no CPU.
GUESTS = 2 * JOBS
NO_LIMIT = 10 ** 6
MACHINE = ["--mem", MEMORY, "--smp", "2", "--timeout", str(NO_LIMIT), "--append",
           f"{APPEND} printk.devkmsg=on kunit.enable=1 kunit.autorun=0 kunit.filter_glob=gup_*"]
BEGIN = re.compile(r"^mutant (\d+) begins$", re.M)
END = re.compile(r"^mutant \d+ ends$", re.M)
READY = re.compile(r"@ready")
RAN = re.compile(r"@ran \d+")
DONE = re.compile(r"^(not )?ok \d+ (?!.*# SKIP)", re.M)
SELFTEST = "selftest="
ENVIRONMENT = """
#include <linux/moduleparam.h>
int gup_mutant;
core_param(gup_mutant, gup_mutant, int, 0600);
"""


def tests_of(mutant):
    words = mutant.tags["kernel"].split()
    suites = [word for word in words if not word.startswith(SELFTEST)]
    programs = [word for word in words if word.startswith(SELFTEST)]
    return (suites or ([] if programs else ["gup_*"])) + programs


def read_run(log, nth):
    """The mutant of the nth run, and the kernel's messages in it; None if that has not begun."""
    text = log.read_text(errors="replace") if log.exists() else ""
    text = "\n".join(TIMESTAMP.sub("", line) for line in text.splitlines())
    parts = BEGIN.split(text)
    return (int(parts[2 * nth - 1]), parts[2 * nth]) if 2 * nth < len(parts) else (None, "")


def failure(text, tests):
    """Why these tests have failed, by what they and the kernel have printed, or ""."""
    text = "\n".join(tap.OUTPUT.sub(r"\2", line) for line in text.splitlines())
    failed = tap.NOT_OK.search(text)
    if failed:
        return failed.group(1)
    for program, status, _, leaked in tap.END.findall(text):
        if status != "0" or leaked != "0":
            return f"{program}: exit status {status}, {leaked} pins leaked"
    found = len(tap.END.findall(text)) == sum(test.startswith(SELFTEST) for test in tests)
    return "" if found and DONE.search(text) else "not all tests ran"


class Guest:
    """A machine that judges mutants until it is no longer fit for that."""

    def __init__(self, name, command):
        self.log = OUT / f"{name}.log"
        self.log.unlink(missing_ok=True)
        self.runs = 0
        self.guest = subprocess.Popen([DEV / "boot", *MACHINE, "--log", self.log, *command],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True, errors="replace")

    def __enter__(self):
        trouble = self.wait_for(READY, LIMIT)
        if trouble:
            die(f"a kernel with mutants does not boot: {trouble}; see {self.log}")
        return self

    def __exit__(self, *_):
        self.guest.terminate()
        self.guest.wait()

    def wait_for(self, line, limit):
        """Wait until the guest says it. Returns what is wrong with the guest, or ""."""
        expired = threading.Event()

        def expire():
            expired.set()
            self.guest.terminate()

        timer = threading.Timer(limit, expire)
        timer.start()
        said = any(map(line.match, self.guest.stdout))
        timer.cancel()
        if said:
            return ""
        return f"no end within {limit:.0f} seconds" if expired.is_set() else "the guest died"

    def run(self, number, tests, limit=LIMIT):
        """(Why the tests have failed with this mutant or "", the guest is fit for another)"""
        self.runs += 1
        trouble = self.wait_for(RAN, limit)
        end = time.monotonic() + DELAY
        current, text = read_run(self.log, self.runs)
        while not trouble and not END.search(text) and time.monotonic() < end:
            time.sleep(0.1)
            current, text = read_run(self.log, self.runs)
        if current != number:
            die(f"mutant {current} ran in place of {number}{trouble and ': '}{trouble}; see {self.log}")
        complaints = complaints_in(text)
        wrong = next(iter(complaints), "") or trouble or failure(text, tests)
        return wrong, not (complaints or trouble)


class Kernel:
    """A kernel built of sources that have mutants in them; a parameter chooses one."""

    def __init__(self, numbered):
        self.numbered = [(number, mutant) for number, mutant in numbered if mutant.function]
        self.numbered.sort(key=lambda item: item[1].tags["kernel"])

    def build(self):
        base = Path(tool("base"))
        tree = Path(tool("tree", NAME))
        files = overlay(base)
        for name, text in mutants.combine_files(self.numbered, ENVIRONMENT).items():
            files[name] = (text.encode(), 0o644)
        lay_over(files, base, tree)
        self.kernel = tool("kernel", NAME, NAME)
        named = {test[len(SELFTEST):] for _, mutant in self.numbered for test in tests_of(mutant)
                 if test.startswith(SELFTEST)}
        self.selftests = [test for test in read_list() if test[0] in named]
        self.programs = build("ours", sorted({command.split()[0] for _, _, command in self.selftests}))

    def image(self, todo, scratch):
        """An image that runs the tests for these mutants."""
        order = Path(scratch, "mutants")
        order.write_text("".join(f"{number} {' '.join(tests_of(mutant))}\n" for number, mutant in todo))
        files = [order, DEV / "guest/run-tests", *self.programs]
        return make_image(self.selftests, files, scratch, DEV / "guest/run-mutants")

    def judge(self, report):
        """Call report(mutant, verdict) for each."""
        with ThreadPoolExecutor(GUESTS) as pool:
            list(pool.map(lambda worker: self.work(f"kernel-{worker}", self.numbered[worker::GUESTS], report),
                          range(GUESTS)))

    def work(self, name, todo, report):
        while todo:
            with tempfile.TemporaryDirectory() as scratch:
                image = self.image(todo, scratch)
                with Guest(name, [self.kernel, image]) as guest:
                    done = self.work_in(guest, todo, report)
            todo = todo[done:]

    def work_in(self, guest, todo, report):
        """Judge mutants as long as the guest is fit for it. Returns how many these were."""
        for done, (number, mutant) in enumerate(todo):
            tests = tests_of(mutant)
            begin = time.monotonic()
            wrong, _ = guest.run(0, tests)
            limit = GRACE + FACTOR * (time.monotonic() - begin)
            if wrong and done == 0:
                die(f"without a mutant, a kernel fails the tests {' '.join(tests)}: {wrong}; see {guest.log}")
            if wrong:
                return done
            wrong, fit = guest.run(number, tests, limit)
            report(mutant, f"killed in a kernel: {wrong}" if wrong else "survived")
            if not fit:
                return done + 1
        return len(todo)
