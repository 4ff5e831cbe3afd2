# SPDX-License-Identifier: GPL-2.0
"""Runs the programs of a list on the base's kernel and on ours, and compares the results.

Each sub-test that passes on base must pass on ours. A sub-test is a line "ok N" of TAP; a
program without TAP counts as one. The output of base is cached until its kernel, the
programs, the machine or the list change.
"""

import argparse
import collections
import hashlib
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from lib import tap
from lib.common import CACHE, DEV, die, tool


@dataclass
class Test:
    name: str
    limit: int
    command: str
    programs: str
    smaller: str
    note: str

    @property
    def may_retry(self):
        return self.note.startswith("retry:")


@dataclass
class Suite:
    """A list in dev/guest, and the directory beside it that the guest gets, too.

    @build returns the files that the chosen ones of all tests need.
    """
    name: str
    config: str
    machine: list
    build: callable

    @property
    def list(self):
        return DEV / "guest" / f"{self.name}.list"

    @property
    def guest(self):
        return DEV / "guest" / self.name

    @property
    def logs(self):
        return CACHE / self.name

    def read_list(self):
        lines = [line.split("|") for line in self.list.read_text().splitlines()
                 if line and not line.startswith("#")]
        return [Test(name, int(limit), *rest) for name, limit, *rest in lines]

    def make_image(self, tests, files, scratch):
        chosen = Path(scratch, "tests")
        chosen.write_text("".join(f"{test.name}|{test.limit}|{test.command}\n" for test in tests))
        image = Path(scratch, "initramfs")
        tool("initramfs", "-c", DEV / "guest/run-tests", image, chosen, self.guest, *files)
        return image

    def kept_log(self, run, files):
        """The file that caches the output of this run of base."""
        digest = hashlib.sha256(repr((run.tests, self.machine)).encode())
        for path in (run.kernel, DEV / "guest/init", DEV / "guest/run-tests", self.guest, *files):
            inside = sorted(Path(path).rglob("*")) or [Path(path)]
            for file in filter(Path.is_file, inside):
                digest.update(file.read_bytes())
        return self.logs / f"base-{digest.hexdigest()[:16]}.log"


class Run(tap.Run):
    """The tests on one kernel."""

    def __init__(self, tree, tests, suite, kernel):
        super().__init__(tree, {test.name: test.limit for test in tests})
        self.tests, self.suite, self.kernel = tests, suite, kernel

    def boot_image(self, image, log):
        self.boot(self.suite.machine, self.kernel, image, log)

    def recall(self, log):
        print(f"{self.label}: nothing has changed since {log} was written", file=sys.stderr)
        for line in log.read_text().splitlines():
            self.follow(line)
        self.kernel_ok = True

    def worth_keeping(self):
        """True if all tests ran to their end and no flaky test failed."""
        return self.kernel_ok and not any(
            self.results[test.name].trouble == tap.NOT_ENDED
            or test.may_retry and self.results[test.name].count("fail") for test in self.tests)


def selftests(names, copies):
    """Build programs of tools/testing/selftests of base, and return their paths.

    A name is DIRECTORY/PROGRAM. @copies names the copy to use instead of a directory.
    """
    chosen, paths = {}, []
    for name in names:
        directory, program = name.rsplit("/", 1)
        chosen.setdefault(directory, []).append(program)
    for directory, programs in chosen.items():
        built = Path(tool("selftests", "-d", copies.get(directory, directory), "base", *programs))
        paths += [built / program for program in programs]
    return paths


def run_all(suite, runs, image, files):
    """Run the kernels in parallel, base only if its output is not cached."""
    threads = []
    for run in runs:
        kept = suite.kept_log(run, files)
        if run.label == "base" and kept.exists():
            run.recall(kept)
            continue
        threads.append(threading.Thread(target=run.boot_image, args=(image, suite.logs / f"{run.label}.log")))
        threads[-1].start()
    for thread in threads:
        thread.join()
    for run in runs:
        kept = suite.kept_log(run, files)
        if run.label == "base" and run.worth_keeping() and not kept.exists():
            shutil.copy(suite.logs / "base.log", kept)


def expected_failure(sub):
    return "# XFAIL" in sub.text


def passes(sub):
    """True if the sub-test passed. An expected failure (XFAIL) counts as passed."""
    return sub is not None and sub.status == "pass"


def regressions(base, ours):
    """Descriptions of the sub-tests that pass on base and not on ours."""
    if base.trouble == tap.NOT_ENDED:
        yield f"{base.trouble} on base: there is nothing to compare with"
    for number, sub in base.subtests.items():
        other = ours.subtests.get(number)
        if passes(sub) and not passes(other):
            yield f"{sub.text}: {f'{other.status}: {other.text} {other.reason}' if other else 'no result'}"
    if ours.trouble and not base.trouble:
        yield ours.trouble


def compare(base, ours):
    """{test: its regressions} for the tests that have regressions"""
    found = {name: list(regressions(base.results[name], ours.results[name])) for name in ours.results}
    return {name: texts for name, texts in found.items() if texts}


def second_try(base, ours, image_of):
    """{test: its regressions} after a second try of the flaky tests."""
    bad = compare(base, ours)
    again = [test for test in ours.tests if test.name in bad and test.may_retry]
    if not again:
        return bad
    print(f"ours: once more: {' '.join(test.name for test in again)}", file=sys.stderr)
    retry = Run("ours", again, ours.suite, ours.kernel)
    retry.boot_image(image_of(again), ours.suite.logs / "ours-again.log")
    ours.results.update(retry.results)
    ours.kernel_ok &= retry.kernel_ok
    return compare(base, ours)


def numbers(result):
    return result.count("pass"), result.count("fail"), result.count("skip"), result.seconds


def print_table(runs, bad):
    row = "{:26}" + " {:>6} {:>5} {:>5} {:>5} " * len(runs) + " {}"
    print(row.format("", *[cell for run in runs for cell in (run.label, "", "", "")], ""))
    print(row.format("test", *["pass", "fail", "skip", "sec"] * len(runs), ""))
    totals = [0] * 4 * len(runs)
    for name in runs[0].results:
        cells = [cell for run in runs for cell in numbers(run.results[name])]
        totals = [sum(pair) for pair in zip(totals, cells)]
        print(row.format(name, *cells, "REGRESSION" if name in bad else ""))
    print(row.format("total", *totals, ""))


def print_details(run):
    """Print everything that did not pass, and why."""
    for name, result in run.results.items():
        for sub in result.subtests.values():
            if sub.status == "fail":
                print(f"{run.label}: {name}: failed: {sub.text} {sub.reason}")
        if result.trouble:
            print(f"{run.label}: {name}: {result.trouble}")
        expected = sum(map(expected_failure, result.subtests.values()))
        if expected:
            print(f"{run.label}: {name}: {expected} failures that the test expects, counted as passed")
        skips = collections.Counter(sub.reason or sub.text for sub in result.subtests.values()
                                    if sub.status == "skip")
        for reason, times in skips.items():
            print(f"{run.label}: {name}: skipped {times} x: {reason}")


def report(runs, bad):
    """Print the results. True if there are no regressions."""
    print_table(runs, bad)
    for run in runs:
        print_details(run)
    for name, texts in bad.items():
        print(*(f"REGRESSION: {name}: {text}" for text in texts), sep="\n")
    last = runs[-1]
    if not last.kernel_ok:
        print(f"REGRESSION: the kernel of {last.label} died or complained, see {last.suite.logs / last.label}.kernel")
    passed, _, skipped, _ = map(sum, zip(*map(numbers, last.results.values())))
    failed = sum(map(len, bad.values())) + (not last.kernel_ok)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed == 0


def parse_args(suite, tests, description):
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["base", "ours"], help="boot only this kernel, and compare nothing")
    parser.add_argument("name", nargs="*", help="tests of the list (default: all)")
    args = parser.parse_args()
    unknown = set(args.name) - {test.name for test in tests}
    if unknown:
        die(f"not in {suite.list.name}: {' '.join(sorted(unknown))}")
    return args


def main(suite, description):
    tests = suite.read_list()
    args = parse_args(suite, tests, description)
    chosen = [test for test in tests if not args.name or test.name in args.name]
    suite.logs.mkdir(parents=True, exist_ok=True)
    files = suite.build(tests, chosen)
    runs = [Run(tree, chosen, suite, tool("kernel", tree, suite.config)) for tree in ("base", "ours")
            if args.only in (None, tree)]
    with tempfile.TemporaryDirectory() as scratch:
        def image_of(some):
            return suite.make_image(some, files, scratch)

        run_all(suite, runs, image_of(chosen), files)
        bad = second_try(*runs, image_of) if len(runs) == 2 else {}
    sys.exit(0 if report(runs, bad) else 1)
