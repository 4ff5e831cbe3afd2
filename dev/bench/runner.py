# SPDX-License-Identifier: GPL-2.0
"""Runs gup_cost on a kernel, and returns its results."""

import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple, Optional

from lib.common import CACHE, DEV, die, tool

# No debug options, and nothing that costs instructions.
CONFIG = "measure"
# Measures how long interrupts are off and locks are held.
HOLD_CONFIG = "latency"
# Profiles functions of drivers.
USERS_CONFIG = "users"
# Leave out movable memory, so that long-term pins do not migrate pages. While a guest
# whose instructions are counted waits for the disk of a busy host, its clock runs ahead
# of the disk: tasks that wait long are not hung.
APPEND = "movablecore=0 cma=0 sysctl.kernel.hung_task_timeout_secs=0"
# More huge pages than the boot reserves.
COMMANDS = "echo 300 >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages\n./gup_cost {}\n"
RESULT = re.compile(r"(\S+/\S+) (\d+) (\d+\.\d+)")
TIMEOUT = 3600


class Value(NamedTuple):
    """One cell of the table. The spread is relative to the value, and None if that is exact."""
    value: float
    spread: Optional[float] = None


class Setup(NamedTuple):
    """How one group of scenarios is measured."""
    group: str
    machine: list
    rounds: int
    boots: int
    exact: bool
    config: str = CONFIG


COUNTED = {
    "single": Setup("single", ["--icount"], 5, 1, True),
    "threads": Setup("threads", ["--smp", "4", "--tcg"], 15, 1, False),
    "latency": Setup("latency", ["--icount"], 3, 1, False),
    "hold": Setup("hold", ["--icount"], 3, 1, False, HOLD_CONFIG),
    "users": Setup("users", ["--icount"], 3, 1, True, USERS_CONFIG),
    "fio": Setup("fio", ["--icount"], 2, 1, True),
}
TIMED = {
    "single": Setup("single", ["--smp", "1", "--kvm"], 15, 3, False),
    "threads": Setup("threads", ["--smp", "4", "--kvm"], 15, 3, False),
    "latency": Setup("latency", ["--smp", "1", "--kvm"], 5, 3, False),
    "hold": Setup("hold", ["--smp", "1", "--kvm"], 5, 3, False, HOLD_CONFIG),
}
SETUPS = {"icount": COUNTED, "kvm": TIMED}


def programs_of(setup):
    """What the group needs beside gup_cost, or None if that cannot be had."""
    if setup.group != "fio":
        return []
    done = subprocess.run([DEV / "lib/debian-programs", "fio", "fio", "fio"], stdout=subprocess.PIPE, text=True)
    return None if done.returncode else done.stdout.split()


def make_image(setup, patterns, programs, scratch):
    arguments = [setup.group, str(setup.rounds), *(f"'{pattern}'" for pattern in patterns)]
    commands = Path(scratch, "commands")
    commands.write_text(COMMANDS.format(" ".join(arguments)))
    image = Path(scratch, "initramfs")
    tool("initramfs", "-c", commands, image, tool("guest-program", "gup_cost"), *programs)
    return image


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def boot(label, setup, kernel, image):
    """Boot the image. Returns {scenario: [nanoseconds per page]}, with a value for each round."""
    logs = CACHE / "measure"
    logs.mkdir(parents=True, exist_ok=True)
    command = [DEV / "boot", *setup.machine, "--append", APPEND, "--timeout", str(TIMEOUT),
               "--log", logs / f"{label}.kernel", kernel, image]
    values = {}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, errors="replace") as guest:
        for line in guest.stdout:
            match = RESULT.fullmatch(line.strip())
            if match:
                name, pages, usec = match.groups()
                progress(f"{label}: {name}")
                values.setdefault(name, []).append(float(usec) * 1000 / int(pages))
            elif line.startswith("gup_cost:"):
                progress("")
                print(line, end="", file=sys.stderr)
    progress("")
    if guest.returncode:
        sys.exit(guest.returncode)
    return values


def summary(setup, of_rounds):
    """One value for all rounds. A disturbance only adds instructions, so the minimum is exact."""
    if setup.exact:
        return Value(min(of_rounds))
    median = statistics.median(of_rounds)
    quarters = statistics.quantiles(of_rounds)
    return Value(median, (quarters[2] - quarters[0]) / median if median else 0)


def run(which, setup, patterns=()):
    """Measure the kernel of a tree: {scenario: Value}."""
    programs = programs_of(setup)
    if programs is None:
        print(f"{setup.group}/ is left out", file=sys.stderr)
        return {}
    kernel = tool("kernel", which, setup.config)
    values = {}
    with tempfile.TemporaryDirectory() as scratch:
        image = make_image(setup, patterns, programs, scratch)
        for _ in range(setup.boots):
            for name, of_rounds in boot(f"{which}-{setup.group}", setup, kernel, image).items():
                values.setdefault(name, []).extend(of_rounds)
    return {name: summary(setup, of_rounds) for name, of_rounds in values.items()}


def first_line(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.splitlines()[0]


def compiler():
    return first_line("gcc", "--version")


def cpu_of_host():
    match = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.M)
    return match.group(1) if match else "unknown"


def machine(accel):
    """The machine, kernel and compiler that the numbers depend on: {what: text}."""
    qemu = first_line("qemu-system-x86_64", "--version")
    if accel == "icount":
        how = "TCG, -icount shift=0,sleep=off -cpu max,erms=off,fsrm=off"
    else:
        how = f"KVM on {cpu_of_host()}"
    return {
        "machine": f"{qemu}, {how}, 8 GiB on two nodes, one CPU; four for threads/",
        "kernel": f"Linux 7.3, dev/config/{CONFIG} (no debug options, SMP, PREEMPT_LAZY); "
                  f"dev/config/{HOLD_CONFIG} on top of it for hold/, {USERS_CONFIG} for users/",
        "compiler": compiler(),
    }
