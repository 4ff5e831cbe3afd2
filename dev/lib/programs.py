# SPDX-License-Identifier: GPL-2.0
"""Builds our programs in tools/testing/selftests/mm, and images that run them in a guest."""

import re
from pathlib import Path

from lib.common import DEV, REPO, tool

PROGRAMS = REPO / "tools/testing/selftests/mm"
SCENARIOS = PROGRAMS / "gup_scenarios"
WHY = REPO / "tools/mm/gup-why.sh"
LIMIT = 300
# No node ends at a multiple of 1 GiB. So a huge page of that size, taken from the top,
# leaves some of the movable zone above it. The last 512 MiB are for the devices of
# lib/test_hmm.c.
MEMORY = "11G"
APPEND = ("vsyscall=emulate numa_balancing=enable mem=11776M gup_owner=on "
          "test_hmm.spm_addr_dev0=0x2e0000000 test_hmm.spm_addr_dev1=0x2f0000000")
# The programs create files in the current directory.
PREPARE = "cd /mnt/ext4\n"


def our_programs():
    """Those that need no more than the kernel "test": dev/guest/programs.list has the others."""
    others = re.findall(r"\bmm/(\w+)", (DEV / "guest/programs.list").read_text())
    return sorted(path.stem for path in PROGRAMS.glob("gup_*.c")
                  if re.search(r"^(TEST_HARNESS_MAIN|int main)", path.read_text(), re.M)
                  and path.stem not in others)


def read_list():
    """[(name, seconds, command)] of dev/guest/selftests.list and of all programs not in it."""
    lines = [line.split("|") for line in (DEV / "guest/selftests.list").read_text().splitlines()
             if line and not line.startswith("#")]
    tests = [(name, int(limit), command) for name, limit, command in lines]
    listed = {command.split()[0] for _, _, command in tests}
    return tests + [(name, LIMIT, name) for name in our_programs() if name not in listed]


def make_image(tests, files, scratch, commands=DEV / "guest/run-tests"):
    """Make an image that has @tests with the programs @files, and return its path. It runs
    them, or other commands."""
    chosen = Path(scratch, "tests")
    chosen.write_text("".join(f"{name}|{limit}|{command}\n" for name, limit, command in tests))
    prepare = Path(scratch, "prepare")
    prepare.write_text(PREPARE)
    image = Path(scratch, "initramfs")
    tool("initramfs", "-c", commands, image, chosen, prepare, SCENARIOS, WHY, *files)
    return image


def build(which, names):
    """Build these programs of a tree, and return their paths."""
    if not names:
        return []
    directory = Path(tool("selftests", which, *names))
    return [directory / name for name in names]
