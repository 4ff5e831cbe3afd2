# SPDX-License-Identifier: GPL-2.0
"""The table of dev/measure: printed, read and written."""

import csv
from typing import NamedTuple, Optional

from bench.runner import Value
from lib.common import REPO

DIRECTORY = REPO / "results"
KERNELS = ("base", "ours")
HEADER = ("scenario", "unit", "base", "base spread", "ours", "ours spread", "ratio")
# What the files of a table are called.
NAMES = {"icount": "instructions", "kvm": "nanoseconds"}
# What a value is of, other than of a page.
PER = {"latency/": "", "hold/": "", "direct/": "/read", "fio/": "/read", "threads/churn/mmap/": "/pair"}
# Ours counts as slower than base if it costs this much more.
SLOWER = 0.02


class Row(NamedTuple):
    name: str
    unit: str
    base: Optional[Value]
    ours: Optional[Value]

    @property
    def ratio(self):
        if self.base and self.ours and self.ours.value:
            return self.base.value / self.ours.value
        return None


def unit(name, accel):
    """The unit of a scenario. With icount, a nanosecond of the guest is one instruction."""
    if name.startswith("hold/mmap-lock-taken/"):
        return "times"
    counted = accel == "icount" and not name.startswith("threads/")
    per = next((per for group, per in PER.items() if name.startswith(group)), "/page")
    return ("instructions" if counted else "ns") + per


def read_targets():
    """{scenario: the most it may cost}"""
    lines = (DIRECTORY / "targets").read_text().splitlines()
    pairs = [line.split("|") for line in lines if line and not line.startswith("#")]
    return {name: float(limit) for name, limit in pairs}


def path(accel, suffix):
    return DIRECTORY / f"{NAMES[accel]}.{suffix}"


def read_cell(value, spread):
    return Value(float(value), float(spread) if spread else None) if value else None


def read_csv(accel):
    """[Row] of the last table, empty if there is none."""
    if not path(accel, "csv").exists():
        return []
    with path(accel, "csv").open() as file:
        return [Row(line["scenario"], line["unit"], read_cell(line["base"], line["base spread"]),
                    read_cell(line["ours"], line["ours spread"]))
                for line in csv.DictReader(file)]


def write_cell(cell):
    if cell is None:
        return ["", ""]
    return [f"{cell.value:.2f}", "" if cell.spread is None else f"{cell.spread:.3f}"]


def write_csv(rows, accel):
    with path(accel, "csv").open("w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for row in rows:
            ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
            writer.writerow((row.name, row.unit, *write_cell(row.base), *write_cell(row.ours), ratio))


def number(value):
    """A number with three significant digits, or more in front of the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cell(cell):
    if cell is None:
        return ""
    return number(cell.value) + ("" if cell.spread is None else f" ±{cell.spread * 50:.0f}%")


def ratio(row):
    return "" if row.ratio is None else f"{row.ratio:.2f}"


def verdict(row, targets):
    """The target of a scenario, with "missed" or "slower" where that is true."""
    notes = []
    if row.unit.startswith("instructions/") and row.ratio:
        if row.name in targets:
            limit = targets[row.name]
            notes.append(f"{limit:g}" + (", missed" if row.ours.value > limit else ""))
        if row.ratio < 1 / (1 + SLOWER):
            notes.append("slower")
    return ", ".join(notes)


def show(rows):
    targets = read_targets()
    print(f"{'scenario':38} {'unit':17} {'base':>12} {'ours':>12} {'base/ours':>9}  target")
    for row in rows:
        print(f"{row.name:38} {row.unit:17} {cell(row.base):>12} {cell(row.ours):>12} "
              f"{ratio(row):>9}  {verdict(row, targets)}".rstrip())
