# SPDX-License-Identifier: GPL-2.0
"""Boots a kernel that has mutants in it, and runs the KUnit tests and selftests named for them."""

import re
import subprocess
import tempfile
import threading
from pathlib import Path

from lib import mutants, tap
from lib.common import CACHE, DEV, TIMESTAMP, complaints, die, tool
from lib.overlay import lay_over, overlay
from lib.programs import build, make_image, read_list

OUT = CACHE / "mutants"
# The tree and the configuration.
NAME = "mutants"
# Whatever the kernel is built of and tested by.
TESTS = ["mm/tests/*", "patches/*", "tools/testing/selftests/mm/gup_*", "dev/config/*"]
TIMEOUT = 900
MACHINE = ["--mem", "11G", "--smp", "2", "--timeout", str(TIMEOUT)]
APPEND = "vsyscall=emulate numa_balancing=enable mem=11776M"
DONE = re.compile(r"^(not )?ok \d+ (?!.*# SKIP)")
ENVIRONMENT = """
#include <linux/init.h>
#include <linux/kstrtox.h>
int gup_mutant;
static int __init gup_choose_mutant(char *number)
{
	return kstrtoint(number, 0, &gup_mutant);
}
early_param("gup_mutant", gup_choose_mutant);
"""


def suites_and_programs(mutant):
    words = mutant.tags["kernel"].split()
    programs = [word.partition("=")[2] for word in words if word.startswith("selftest=")]
    return [word for word in words if not word.startswith("selftest=")], programs


class Kernel:
    """A kernel built of sources that have mutants in them; the command line chooses one."""

    def __init__(self, numbered):
        self.numbered = numbered
        self.scratch = tempfile.TemporaryDirectory()
        self.lock = threading.Lock()
        self.images = {}

    def build(self):
        base = Path(tool("base"))
        tree = Path(tool("tree", NAME))
        files = overlay(base)
        for name, text in mutants.combine_files(self.numbered, ENVIRONMENT).items():
            files[name] = (text.encode(), 0o644)
        lay_over(files, base, tree)
        self.kernel = tool("kernel", NAME, NAME)
        for words in sorted({mutant.tags["kernel"] for _, mutant in self.numbered}):
            mutant = next(mutant for _, mutant in self.numbered if mutant.tags["kernel"] == words)
            verdict = self.test(0, mutant)
            if verdict != "survived":
                die(f"without a mutant, a kernel with the tests {words} is {verdict}")

    def image(self, tests):
        """The image that runs these selftests. Each is made once."""
        names = tuple(name for name, _, _ in tests)
        with self.lock:
            if names not in self.images:
                directory = tempfile.mkdtemp(dir=self.scratch.name)
                programs = build("ours", [command.split()[0] for _, _, command in tests])
                self.images[names] = make_image(tests, programs, directory)
            return self.images[names]

    def boot(self, number, append, tests):
        """What goes wrong in a boot that runs these selftests and KUnit suites, or ""."""
        log = OUT / f"kernel-{number}.log"
        done = subprocess.run([DEV / "boot", *MACHINE, "--append", f"{APPEND} gup_mutant={number} {append}",
                               "--log", log, self.kernel, self.image(tests)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        wrong = self.wrong(log, done, "kunit.filter_glob" in append)
        if not wrong:
            log.unlink()
        return wrong

    def wrong(self, log, done, with_kunit):
        text = log.read_text(errors="replace") if log.exists() else ""
        lines = [TIMESTAMP.sub("", line) for line in text.splitlines()]
        lines += [match.group(2) for match in map(tap.OUTPUT.match, done.stdout.splitlines()) if match]
        failed = next(filter(None, map(tap.NOT_OK.match, lines)), None)
        if failed:
            return failed.group(1)
        if complaints(log):
            return complaints(log)[0]
        for _, status, _, leaked in tap.END.findall(done.stdout):
            if status != "0" or leaked != "0":
                return f"exit status {status}, {leaked} pins leaked"
        if done.returncode:
            return f"the guest ended with exit status {done.returncode}"
        if with_kunit and not any(map(DONE.match, lines)):
            return "no KUnit test ran"
        return ""

    def test(self, number, mutant):
        """The verdict."""
        suites, programs = suites_and_programs(mutant)
        for suite in suites or ([] if programs else ["gup_*"]):
            wrong = self.boot(number, f"kunit.enable=1 kunit.autorun=1 kunit.filter_glob={suite}", [])
            if wrong:
                return f"killed by KUnit: {wrong}"
        for program in programs:
            wrong = self.boot(number, "kunit.autorun=0", [test for test in read_list() if test[0] == program])
            if wrong:
                return f"killed by {program}: {wrong}"
        return "survived"
