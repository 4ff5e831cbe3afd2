# SPDX-License-Identifier: GPL-2.0
"""Our change to Linux as a series of patches.

Each file in dev/series.d is one patch. The number in its name gives its place. The numbers
go up by ten, so that a new patch fits between two others. A file has the message, a line
"---", and the content of the patch, one item a line:

    mm/gup_ref.c                      a file of this repository; it replaces one of the base
    mm/tests/                         the files below it that no other patch names
    patches/mm-kconfig.patch          a change to files of the base
    line mm/Makefile always-y += x.o  a line at the end of a file of the base; it goes when
                                      a patch of patches/ changes this file

A line "LIST += ..." of ours in a Makefile is left out until a patch adds the file that
it names.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from lib.common import DEV, REPO, die
from lib.overlay import our_patches, overlay, patch_targets, patched_files, read_file

MESSAGES = DEV / "series.d"
COVER = "000-cover"
LIST_LINE = re.compile(r"\S+\s*\+=")


@dataclass
class Patch:
    """One patch. @state has all files that differ from the base once it is applied."""
    slug: str
    message: str
    files: list = field(default_factory=list)
    folders: list = field(default_factory=list)
    patches: list = field(default_factory=list)
    lines: list = field(default_factory=list)
    state: dict = field(default_factory=dict)

    def add(self, item):
        if item.startswith("line "):
            self.lines.append(item.split(" ", 2)[1:])
        elif item.startswith("patches/"):
            self.patches.append(item)
        elif item.endswith("/"):
            self.folders.append(item)
        else:
            self.files.append(item)


def read_patch(path):
    message, separator, items = path.read_text().partition("\n---\n")
    if not separator:
        die(f"{path.relative_to(REPO)}: no line --- after the message")
    patch = Patch(path.name, message.strip() + "\n")
    for item in items.splitlines():
        patch.add(item)
    return patch


def read_series():
    return [read_patch(path) for path in sorted(MESSAGES.glob("[0-9]*"))
            if path.name != COVER]


class Arrivals(dict):
    """{name: index of the patch that adds it}"""

    def __init__(self, patches):
        super().__init__()
        self.patches = patches

    def bring(self, index, item, names):
        if not names:
            die(f"dev/series.d/{self.patches[index].slug}: there is no {item}, or other patches add it")
        for name in names:
            if name in self:
                die(f"{name} is in two patches: {self.patches[self[name]].slug} and {self.patches[index].slug}")
            self[name] = index


def file_arrivals(patches, final):
    """The patch of each file. One that names the file wins over one that names its directory."""
    comes = Arrivals(patches)
    for index, patch in enumerate(patches):
        for name in patch.files:
            comes.bring(index, name, [name] if name in final else [])
    for index, patch in enumerate(patches):
        for folder in patch.folders:
            comes.bring(index, folder, [name for name in final
                                        if name.startswith(folder) and name not in comes])
    return comes


def patch_arrivals(patches):
    comes = Arrivals(patches)
    for index, patch in enumerate(patches):
        for name in patch.patches:
            comes.bring(index, name, [name] if (REPO / name).exists() else [])
    return comes


def words(line):
    """The names in a line of a Makefile, as entries() gives them."""
    tokens = [token if token.endswith("/") else token.rpartition("/")[2] for token in line.split()]
    names = {re.sub(r"\.o$", "", token) for token in tokens}
    # A list of files names a directory without the slash.
    return names | {f"{name}/" for name in names}


def entries(folder, names):
    """How a Makefile in @folder names these files, or their directories."""
    below = [name[len(folder):].partition("/") for name in names if name.startswith(folder)]
    return {first + slash if slash else re.sub(r"\.c$", "", first) for first, slash, _ in below}


def without_pending(name, content, base_content, here, pending):
    """Drop our lines in the Makefile @name that name files which later patches add."""
    folder = str(Path(name).parent) + "/"
    missing = entries(folder, pending) - entries(folder, here)
    old = base_content.decode().splitlines(keepends=True)
    lines = [line for line in content.decode().splitlines(keepends=True)
             if line in old or not LIST_LINE.match(line) or
             not (words(line) & missing or any(path in line for path in pending))]
    return "".join(lines).encode()


class Series:
    """All patches, each with the state of the tree after it."""

    def __init__(self, base):
        self.base = base
        self.final = overlay(base)
        self.patches = read_series()
        if not self.patches:
            die("there is no patch in dev/series.d")
        self.files = file_arrivals(self.patches, self.final)
        self.changes = patch_arrivals(self.patches)
        self.check_complete()
        for index, patch in enumerate(self.patches):
            patch.state = self.state(index)

    def check_complete(self):
        changes = {str(path.relative_to(REPO)) for path in our_patches()}
        patched = {name for path in our_patches() for name in patch_targets(path)}
        missing = (set(self.final) - patched - set(self.files)) | (changes - set(self.changes))
        if missing:
            die(f"no patch adds {', '.join(sorted(missing))}; name it in a file of dev/series.d")

    def add_lines(self, state, index):
        """Add the lines at the end of files that no patch of patches/ has changed yet."""
        linked = set(state)
        for patch in self.patches[:index + 1]:
            for name, line in patch.lines:
                if name not in linked:
                    content, mode = state.get(name) or read_file(self.base / name)
                    state[name] = content + f"{line}\n".encode(), mode

    def hold_back_lines(self, state, index):
        here = [name for name, at in self.files.items() if at <= index]
        pending = [name for name, at in self.files.items()
                   if at > index and not (self.base / name).exists()]
        for name, (content, mode) in list(state.items()):
            if Path(name).name == "Makefile":
                old, _ = read_file(self.base / name) or (b"", mode)
                state[name] = without_pending(name, content, old, here, pending), mode

    def state(self, index):
        state = {name: self.final[name] for name, at in self.files.items() if at <= index}
        state.update(patched_files(self.base, [path for path in our_patches() if
                                               self.changes[str(path.relative_to(REPO))] <= index]))
        self.add_lines(state, index)
        self.hold_back_lines(state, index)
        return state
