# SPDX-License-Identifier: GPL-2.0
"""What the Python scripts of dev/ share."""

import os
import re
import subprocess
import sys
from pathlib import Path

DEV = Path(__file__).resolve().parent.parent
REPO = DEV.parent
CACHE = Path(os.environ.get("GUP_CACHE")
             or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gup")

COMPLAINT = re.compile(
    r"WARNING:|BUG:|KASAN:|UBSAN:|Kernel panic|Oops:|general protection fault|refcount_t:|"
    r"INFO: (task|possible|suspicious|trying|lockdep)|rcu: INFO:|detected stall")
# A race that KCSAN reports concerns us if a function of ours takes part. Linux has many.
RACE = re.compile(r"BUG: KCSAN:")
OUR_RACE = re.compile(r"\b(gup_|__?gup|(un)?pin_|get_user_pages|memfd_pin|faultin_page|__mm_populate|fault_in_|get_dump_page)")
TIMESTAMP = re.compile(r"^\[[ .0-9]*\]\s*")


def die(message):
    sys.exit(f"{Path(sys.argv[0]).name}: {message}")


def tool(name, *args):
    """Run a command in dev/ and return the last line it prints; ends if the command fails."""
    done = subprocess.run([DEV / name, *args], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout.splitlines()[-1] if done.stdout else ""


def complaints(log):
    """The lines of a kernel log that report a warning, a bug or a panic."""
    return complaints_in(log.read_text(errors="replace")) if log.exists() else []


def complaints_in(text):
    return [TIMESTAMP.sub("", line) for line in text.splitlines()
            if COMPLAINT.search(line) and not (RACE.search(line) and not OUR_RACE.search(line))]
