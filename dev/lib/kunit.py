# SPDX-License-Identifier: GPL-2.0
"""Runs kunit.py of Linux, which prints the results of the tests, and counts them."""

import os
import re
import subprocess

from lib.common import DEV

SUMMARY = re.compile(r"Testing complete\. Ran \d+ tests: (.*)")
COUNT = re.compile(r"(passed|failed|crashed|skipped|errors): (\d+)")
COLOR = re.compile(r"\x1b\[[0-9;]*m")


def run(tree, *args):
    """Run kunit.py and print its output. Returns (passed, failed, skipped), or None without results."""
    counts = None
    environment = dict(os.environ, PATH=f"{DEV}/lib/kunit-bin:{os.environ['PATH']}")
    with subprocess.Popen(["tools/testing/kunit/kunit.py", *args], cwd=tree, text=True,
                          env=environment, errors="replace", stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            match = SUMMARY.search(COLOR.sub("", line))
            if match:
                found = {name: int(number) for name, number in COUNT.findall(match.group(1))}
                failed = sum(found.get(name, 0) for name in ("failed", "crashed", "errors"))
                counts = found.get("passed", 0), failed, found.get("skipped", 0)
    return counts
