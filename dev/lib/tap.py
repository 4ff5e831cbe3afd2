# SPDX-License-Identifier: GPL-2.0
"""The results of test programs that run in a guest one after the other.

dev/guest/run-tests in the guest prints, for Run.follow():
    @start NAME         @out NAME LINE OF OUTPUT
    @end NAME exit=STATUS seconds=N leaked=PINS
"""

import re
import subprocess
import sys
from dataclasses import dataclass, field

from lib.common import DEV

TAP = re.compile(r"(not )?ok (\d+) ?-? ?(.*)")
PLAN = re.compile(r"1\.\.(\d+)")
# Of any level.
NOT_OK = re.compile(r"^ *not ok \d+ (?:- )?(.*)", re.M)
SKIPPED = re.compile(r"# SKIP ?")
OUTPUT = re.compile(r"@out (\S+) (.*)")
END = re.compile(r"@end (\S+) exit=(\d+) seconds=(\d+) leaked=(-?\d+)")
EXIT_SKIPPED = 4
NOT_ENDED = "did not run to its end"


@dataclass
class Subtest:
    status: str
    text: str
    reason: str = ""


@dataclass
class Result:
    """The result of one program."""
    limit: int
    subtests: dict = field(default_factory=dict)
    planned: int = 0
    seconds: int = 0
    trouble: str = NOT_ENDED
    comment: str = ""
    last_line: str = ""

    def count(self, status):
        return sum(sub.status == status for sub in self.subtests.values())

    def line(self, text):
        plan, tap = PLAN.fullmatch(text), TAP.match(text)
        if plan:
            self.planned = int(plan.group(1))
        elif tap:
            self.add(int(tap.group(2)), tap.group(1), tap.group(3))
        elif text.startswith("#"):
            self.comment = text.strip("# ")
        elif text.strip():
            self.last_line = text.strip()

    def add(self, number, failed, text):
        if failed:
            sub = Subtest("fail", text, self.comment)
        elif SKIPPED.search(text):
            name, reason = SKIPPED.split(text, maxsplit=1)
            # If there is no name before SKIP, it follows it.
            sub = Subtest("skip", name, reason) if name else Subtest("skip", reason, self.comment)
        else:
            sub = Subtest("pass", text)
        self.subtests[number] = sub

    def end(self, status, seconds, leaked):
        self.seconds = seconds
        self.trouble = self.judge(status, leaked)
        if not self.subtests:
            verdict = {0: "pass", EXIT_SKIPPED: "skip"}.get(status, "fail")
            self.subtests[0] = Subtest(verdict, f"exit status {status}", self.comment or self.last_line)

    def judge(self, status, leaked):
        """What is wrong with the program as a whole, or ""."""
        if leaked:
            return f"leaked {leaked} pins"
        if self.seconds >= self.limit:
            return f"did not end within {self.limit} s"
        if status > 128:
            return f"killed by signal {status - 128}"
        if self.subtests and len(self.subtests) < self.planned:
            return f"only {len(self.subtests)} of {self.planned} results"
        if status not in (0, EXIT_SKIPPED) and not self.count("fail"):
            return f"exit status {status}"
        return ""


@dataclass
class Run:
    """The programs on one kernel. Reads what the guest prints."""
    label: str
    limits: dict
    results: dict = field(default_factory=dict)
    kernel_ok: bool = False

    def __post_init__(self):
        self.results = {name: Result(limit) for name, limit in self.limits.items()}

    def follow(self, line):
        output, end = OUTPUT.match(line), END.match(line)
        if output:
            self.results[output.group(1)].line(output.group(2))
        elif end:
            name, *numbers = end.groups()
            self.results[name].end(*map(int, numbers))
            self.progress(name)
        elif not line.startswith("@"):
            print(f"{self.label}: {line}", file=sys.stderr)

    def progress(self, name):
        result = self.results[name]
        done = list(self.results).index(name) + 1
        print(f"{self.label}: {done}/{len(self.results)} {name}: {result.count('pass')} passed, "
              f"{result.count('fail')} failed, {result.count('skip')} skipped, {result.seconds} s"
              f"{', ' + result.trouble if result.trouble else ''}", file=sys.stderr)

    def boot(self, options, kernel, image, log):
        """Run the guest. Its output goes to the log, the kernel's messages to a file beside it."""
        limit = 120 + sum(self.limits.values())
        command = [DEV / "boot", *options, "--timeout", str(limit),
                   "--log", log.with_suffix(".kernel"), kernel, image]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as guest, \
             open(log, "w") as copy:
            for line in guest.stdout:
                copy.write(line)
                copy.flush()
                self.follow(line.rstrip("\r\n"))
        self.kernel_ok = guest.returncode == 0
