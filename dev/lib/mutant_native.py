# SPDX-License-Identifier: GPL-2.0
"""Runs the tests of tools/testing/gup with mutants in them."""

import os
import re
import resource
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

from lib import mutants, tap
from lib.common import CACHE, REPO, die
from lib.overlay import put

OUT = CACHE / "mutants"
JOBS = int(os.environ.get("JOBS") or os.cpu_count())
NATIVE = "tools/testing/gup"
SOURCES = ["mm/*.[ch]", "arch/x86/mm/*.c", "arch/*/include/asm/gup_fast.h", "include/**/*.h"]
TESTS = [f"{NATIVE}/*.[ch]", f"{NATIVE}/Makefile", "dev/lib/mutant_native.py", "dev/lib/mutants.py"]
# Without sanitizers and optimization they run and compile in a fraction of the time.
FLAGS = ["flags_asan=-O0 -DGUP_CHECKED", "flags_tsan=-O0 -DGUP_CHECKED -fsanitize=thread"]
PROGRAMS = [("unit", []), ("fuzz", ["--runs", "3000"])]
# The lockless walker of all architectures.
GENERIC = [(f"{name}-generic", options) for name, options in PROGRAMS]
# What differs without CONFIG_64BIT: which folios have a pincount.
BITS32 = [("unit-32", [])]
# What there is without an MMU, and the entry points on top of that.
NOMMU = [("unit-nommu", [])]
NOMMU_FILE = "mm/gup_nommu.c"
# What the lockless walk of RISC-V does differently.
RISCV = [("unit-riscv", [])]
RISCV_FILE = "arch/riscv/include/asm/gup_fast.h"
ENTRY_FILE = "mm/gup.c"
ALL = PROGRAMS + GENERIC + BITS32 + NOMMU + RISCV
# In seconds of CPU time, so that a busy machine does not matter. They need a tenth of it.
CPU_LIMIT = 6
LIMIT = 900
ENVIRONMENT = """
#include <stdlib.h>
int gup_mutant;
static __attribute__((constructor)) void gup_choose_mutant(void)
{
	const char *number = getenv("GUP_MUTANT");

	gup_mutant = number ? atoi(number) : 0;
}
"""
BUILD_ENVIRONMENT = {
    "CCACHE_DIR": os.environ.get("CCACHE_DIR") or str(CACHE / "ccache"), "CCACHE_NOHASHDIR": "1",
}


def files_of(patterns):
    return sorted({path for pattern in patterns for path in REPO.glob(pattern) if path.is_file()})


def limit_cpu():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT, CPU_LIMIT + 5))


def first_failure(output, status):
    """Why a test program failed, in a few words."""
    match = tap.NOT_OK.search(output)
    if match:
        return match.group(1)
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return "time limit"
    return signal.strsignal(-status) if status < 0 else f"exit status {status}"


def run_program(number, command):
    """What is wrong with a test program that has this mutant in force, or ""."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=LIMIT,
                              stderr=subprocess.STDOUT, text=True, errors="replace", preexec_fn=limit_cpu,
                              env={**os.environ, "GUP_MUTANT": str(number)})
    except subprocess.TimeoutExpired:
        return "time limit"
    return first_failure(done.stdout, done.returncode) if done.returncode else ""


def programs_of(mutant):
    """The programs that contain the code of a mutant, and run quickly or are asked for."""
    if mutant.file == NOMMU_FILE:
        return NOMMU
    if mutant.file == RISCV_FILE:
        return RISCV
    programs = list(PROGRAMS)
    if "gup_fast" in mutant.file or "gup_pte" in mutant.file:
        programs += GENERIC + RISCV
    if "gup_fast" in mutant.file or "gup_ref" in mutant.file:
        programs += BITS32
    if mutant.file == ENTRY_FILE:
        programs += NOMMU
    if "race" in mutant.tags:
        programs.append(("race", []))
    return programs


class Native:
    """The user-space tests, built of sources that have mutants in them."""

    def __init__(self, numbered):
        self.numbered = numbered
        self.source = OUT / "source"
        self.out = OUT / "native"
        for path in files_of(SOURCES + TESTS):
            self.put(path.relative_to(REPO), path.read_text())

    def put(self, name, text):
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, (text.encode(), 0o644))

    def make(self, names):
        targets = [f"{self.out}/{name}" for name in names]
        done = subprocess.run(["make", "-C", self.source / NATIVE, "-s", f"-j{JOBS}", f"O={self.out}",
                               "CC=ccache gcc", *FLAGS, *targets], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env={**os.environ, **BUILD_ENVIRONMENT})
        (OUT / "native.log").write_text(done.stdout)
        if done.returncode:
            error = re.search(r".*(error:|undefined reference|\*\*\*).*", done.stdout)
            die(f"the tests with mutants in them do not compile: {error.group() if error else ''}; "
                f"see {OUT / 'native.log'}")

    def build(self):
        """One build has them all. A mutant that is not in a function has one of its own, see test()."""
        for file, text in mutants.combine_files(self.numbered, ENVIRONMENT).items():
            self.put(file, text)
        self.make([*dict(ALL), *(["race"] if self.races() else [])])
        for name, options in ALL:
            wrong = run_program(0, [self.out / name, *options])
            if wrong:
                die(f"{name} fails without a mutant: {wrong}; see make test T=native")

    def races(self):
        return any("race" in mutant.tags for _, mutant in self.numbered)

    def judge(self, report):
        """Call report(mutant, verdict) for each."""
        with ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(lambda item: report(item[1], self.test(*item)),
                          [item for item in self.numbered if item[1].function]))
        # Those that need a build of their own.
        for _, mutant in self.numbered:
            if not mutant.function:
                report(mutant, self.test_alone(mutant))

    def test(self, number, mutant):
        """The verdict."""
        for name, options in programs_of(mutant):
            prefix = ["setarch", "-R"] if name == "race" else []
            wrong = run_program(number, [*prefix, self.out / name, *options])
            if wrong:
                return f"killed by {name}: {wrong}"
        return "survived"

    def test_alone(self, mutant):
        pristine = (REPO / mutant.file).read_text()
        self.put(mutant.file, mutants.apply(mutant, pristine))
        self.make(dict(PROGRAMS + GENERIC))
        wrong = next(filter(None, (run_program(0, [self.out / name, *options])
                                   for name, options in PROGRAMS + GENERIC)), "")
        self.put(mutant.file, pristine)
        return f"killed: {wrong}" if wrong else "survived"
