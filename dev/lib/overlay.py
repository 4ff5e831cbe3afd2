# SPDX-License-Identifier: GPL-2.0
"""The changes of this repository to a pristine tree, and how they are applied."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from lib.common import REPO, die

OUR_DIRS = ["arch", "mm", "include", "tools", "Documentation", "samples"]
REPLACED = [
    "mm/gup.c",
    "mm/gup_test.c",
    "mm/gup_test.h",
    "tools/testing/selftests/mm/gup_test.c",
    "tools/testing/selftests/mm/gup_longterm.c",
    "Documentation/core-api/pin_user_pages.rst",
]
LEFTOVER = re.compile(r"~$|^\.#|\.(sw[a-z]|orig|rej|o|cmd)$|\.gup-tmp$|\.pyc$")


def linux_version(base):
    makefile = (base / "Makefile").read_text()
    return ".".join(re.search(rf"^{name} = *(\d*)", makefile, re.M).group(1)
                    for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL"))


def read_file(path):
    """(content, mode), or None if the file does not exist."""
    try:
        return path.read_bytes(), path.stat().st_mode & 0o777
    except FileNotFoundError:
        return None


def our_files():
    for top in OUR_DIRS:
        for folder, _, names in os.walk(REPO / top):
            for name in names:
                if not LEFTOVER.search(name):
                    yield Path(folder, name)


def our_patches():
    return sorted((REPO / "patches").glob("*.patch"))


def patch_targets(patch):
    names = re.findall(r"^(?:---|\+\+\+) [ab]/(\S+)", patch.read_text(), re.M)
    return list(dict.fromkeys(names))


def patched_files(base, patches):
    """Apply patches to copies of the base's files: {name: (content, mode) or None}."""
    with tempfile.TemporaryDirectory() as scratch:
        names = []
        for patch in patches:
            for name in patch_targets(patch):
                if name in names:
                    continue
                names.append(name)
                copy = Path(scratch, name)
                copy.parent.mkdir(parents=True, exist_ok=True)
                if (base / name).exists():
                    shutil.copy2(base / name, copy)
            result = subprocess.run(
                ["patch", "-p1", "-s", "-f", "-F0", "--no-backup-if-mismatch",
                 "-r", "-", "-d", scratch, "-i", patch],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if result.returncode:
                reason = result.stdout.strip().replace("\n", "; ")
                die(f"patches/{patch.name} does not apply to Linux {linux_version(base)}: {reason}")
        return {name: read_file(Path(scratch, name)) for name in names}


def overlay(base):
    """The files that differ from the base: {name: (content, mode), or None if removed}."""
    wanted = dict.fromkeys(REPLACED)
    wanted.update(patched_files(base, our_patches()))
    for path in our_files():
        found = read_file(path)
        if found:
            wanted[str(path.relative_to(REPO))] = found
    return wanted


def digest(state):
    """A digest of what overlay() returns, or of a part of it."""
    total = hashlib.sha256()
    for name, wanted in sorted(state.items()):
        total.update(repr((name, wanted)).encode())
    return total.hexdigest()


def put(path, wanted):
    if read_file(path) == wanted:
        return
    if wanted is None:
        path.unlink()
        return
    content, mode = wanted
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".gup-tmp")
    new.write_bytes(content)
    new.chmod(mode)
    new.replace(path)


def lay_over(wanted, base, tree):
    """Give @tree, a hard-link copy of @base, the files in @wanted. Write only what differs."""
    list_file = tree / ".gup-overlay"
    before = list_file.read_text().splitlines() if list_file.exists() else []
    # Write the list first, so that the next run knows every name after an interruption.
    put(list_file, ("\n".join(sorted({*before, *wanted})).encode(), 0o644))
    for name in before:
        if name not in wanted:
            put(tree / name, read_file(base / name))
    for name, content in wanted.items():
        put(tree / name, content)
    put(list_file, ("\n".join(sorted(wanted)).encode(), 0o644))
