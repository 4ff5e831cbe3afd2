# SPDX-License-Identifier: GPL-2.0
"""Runs gup_bench on a kernel and returns what it measured."""

import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from common import CACHE, HERE, die, tool

# Everything may be pinned for long where it is: what is measured is not migration.
APPEND = "movablecore=0 cma=0"
# Beside those that the boot reserves.
COMMANDS = "echo 300 >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages\n./gup_bench {}\n"
RESULT = re.compile(r"(\S+/\S+) (\d+) (\d+\.\d+)")
TIMEOUT = 3600


def make_image(rounds, patterns, scratch):
    commands = Path(scratch, "commands")
    commands.write_text(COMMANDS.format(" ".join([str(rounds), *(f"'{p}'" for p in patterns)])))
    image = Path(scratch, "initramfs")
    tool("initramfs", "-c", commands, image, tool("guest-program", "gup_bench"))
    return image


def boot(label, kernel, image, machine):
    """Returns {scenario: [nanoseconds per page]}, a value for each round."""
    logs = CACHE / "bench"
    logs.mkdir(parents=True, exist_ok=True)
    command = [HERE / "boot", *machine, "--append", APPEND, "--timeout", str(TIMEOUT),
               "--log", logs / f"{label}.kernel", kernel, image]
    values = {}
    other = []
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, errors="replace") as guest:
        for line in guest.stdout:
            match = RESULT.fullmatch(line.strip())
            if not match:
                other.append(line)
                continue
            name, pages, usec = match.groups()
            if name not in values and sys.stderr.isatty():
                print(f"\r\033[K{label}: {name}", end="", file=sys.stderr, flush=True)
            values.setdefault(name, []).append(float(usec) * 1000 / int(pages))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    if guest.returncode:
        die(f"the guest failed: {''.join(other).strip()}\nSee {logs}/{label}.kernel")
    return values


def run(which, config, machine, patterns, rounds, boots=1):
    """All values measured on the kernel of a tree, {scenario: [value]}."""
    kernel = tool("kernel", which, config)
    values = {}
    with tempfile.TemporaryDirectory() as scratch:
        image = make_image(rounds, patterns, scratch)
        for _ in range(boots):
            for name, more in boot(which, kernel, image, machine).items():
                values.setdefault(name, []).extend(more)
    return values


def fewest(values):
    """Counted in instructions, a round can only be disturbed by more of them."""
    return {name: min(of_rounds) for name, of_rounds in values.items()}


def medians(values):
    return {name: statistics.median(of_rounds) for name, of_rounds in values.items()}
