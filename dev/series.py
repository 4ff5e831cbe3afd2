# SPDX-License-Identifier: GPL-2.0
"""Our change to Linux as a series of patches, as the files in dev/series.d say.

Each file is one patch: its message, a line "---", and what it brings, one item a line:

    mm/gup_ref.c                      a file of this repository; the base's is removed
    mm/tests/                         those below it that no other patch names
    patches/mm-kconfig.patch          a change to files of the base
    line mm/Makefile always-y += x.o  a line at the end of a file of the base, until
                                      a patch of patches/ comes for this file

A line that we add to a Makefile waits for the file that it names.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from common import HERE, REPO, die
from overlay import our_patches, overlay, patch_targets, patched_files, read_file

MESSAGES = HERE / "series.d"


@dataclass
class Patch:
    """One patch; @state is all that differs from the base once it is applied."""
    slug: str
    message: str
    items: list
    state: dict = field(default_factory=dict)


def read_message(path):
    message, separator, items = path.read_text().partition("\n---\n")
    if not separator:
        die(f"{path.relative_to(REPO)}: no line --- between the message and what the patch brings")
    return Patch(path.name, message.strip() + "\n", [line for line in items.splitlines() if line])


def read_series():
    return [read_message(path) for path in sorted(MESSAGES.glob("[0-9][0-9]-*"))
            if not path.name.startswith("00-")]


def where_files_come(patches, final):
    """{file of ours: index of the patch that brings it}; a name goes before a directory."""
    comes = {}
    for by_name in (True, False):
        for index, patch in enumerate(patches):
            for item in patch.items:
                if item.startswith(("line ", "patches/")) or item.endswith("/") == by_name:
                    continue
                names = [item] if by_name else [name for name in final if name.startswith(item)]
                names = [name for name in names if name in final and (by_name or name not in comes)]
                if not names:
                    die(f"dev/series.d/{patch.slug}: there is no {item} that no other patch brings")
                for name in names:
                    if name in comes:
                        die(f"{name} is in two patches: {patches[comes[name]].slug} and {patch.slug}")
                    comes[name] = index
    return comes


def where_patches_come(patches):
    """{path of a patch of patches/: index of the patch of the series that brings it}"""
    comes = {}
    for index, patch in enumerate(patches):
        for item in patch.items:
            if item.startswith("patches/"):
                if not (REPO / item).exists():
                    die(f"dev/series.d/{patch.slug}: there is no {item}")
                comes[REPO / item] = index
    return comes


def words(line):
    """The files that a line of a Makefile may mean."""
    tokens = [token if token.endswith("/") else token.rpartition("/")[2] for token in line.split()]
    return {re.sub(r"\.o$", "", token) for token in tokens}


def entries(folder, names):
    """What a Makefile in @folder calls the files with these names, or their directory."""
    below = [name[len(folder):].partition("/") for name in names if name.startswith(folder)]
    return {first + slash if slash else re.sub(r"\.c$", "", first) for first, slash, _ in below}


def without_pending(name, content, base_content, here, pending):
    """Drop the lines we add to the Makefile @name that mean files not there yet."""
    folder = str(Path(name).parent) + "/"
    missing = entries(folder, pending) - entries(folder, here)
    old = set(base_content.splitlines(keepends=True))
    lines = [line for line in content.splitlines(keepends=True)
             if line in old or not words(line.decode()) & missing]
    return b"".join(lines)


class Series:
    """The patches, each with the state of the tree after it."""

    def __init__(self, base):
        self.base = base
        self.final = overlay(base)
        self.patches = read_series()
        if not self.patches:
            die("there is no patch in dev/series.d")
        self.file_index = where_files_come(self.patches, self.final)
        self.patch_index = where_patches_come(self.patches)
        self.check_complete()
        for index, patch in enumerate(self.patches):
            patch.state = self.state(index)
        wrong = [name for name, wanted in self.final.items() if self.patches[-1].state.get(name) != wanted]
        if wrong:
            die(f"after the last patch {wrong[0]} is not as in our tree")

    def check_complete(self):
        patched = {name for patch in our_patches() for name in patch_targets(patch)}
        missing = [name for name in self.final if name not in patched and name not in self.file_index]
        missing += [str(path.relative_to(REPO)) for path in our_patches() if path not in self.patch_index]
        if missing:
            die(f"no patch brings {', '.join(missing)}; name it in a file of dev/series.d")

    def temporary_lines(self, index, linked):
        """{file of the base: lines at its end} of the patches up to @index."""
        lines = {}
        for patch in self.patches[:index + 1]:
            for item in patch.items:
                if item.startswith("line "):
                    _, name, line = item.split(" ", 2)
                    if name not in linked:
                        lines.setdefault(name, []).append(line)
        return lines

    def state(self, index):
        names = [name for name, at in self.file_index.items() if at <= index]
        pending = [name for name, at in self.file_index.items()
                   if at > index and not (self.base / name).exists()]
        here = {name: self.final[name] for name in names}
        patched = patched_files(self.base, [path for path in our_patches() if
                                            self.patch_index[path] <= index])
        here.update(patched)
        for name, lines in self.temporary_lines(index, patched).items():
            content, mode = read_file(self.base / name)
            here[name] = content + "".join(line + "\n" for line in lines).encode(), mode
        for name in [name for name in here if Path(name).name == "Makefile"]:
            content, mode = here[name]
            old = read_file(self.base / name) or (b"", mode)
            here[name] = without_pending(name, content, old[0], names, pending), mode
        return here
