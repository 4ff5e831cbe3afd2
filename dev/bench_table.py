# SPDX-License-Identifier: GPL-2.0
"""The table of dev/bench: read, written and printed."""

import csv
from typing import NamedTuple, Optional

from common import REPO

DIRECTORY = REPO / "bench"


class Row(NamedTuple):
    name: str
    base: Optional[float]
    ours: Optional[float]

    @property
    def ratio(self):
        return self.base / self.ours if self.base and self.ours else None


def read_targets():
    """{scenario: what it may cost at most}"""
    lines = (DIRECTORY / "targets").read_text().splitlines()
    pairs = [line.split("|") for line in lines if line and not line.startswith("#")]
    return {name: float(limit) for name, limit in pairs}


def read_csv():
    """The committed results, {"base"|"ours": {scenario: value}}."""
    results = {"base": {}, "ours": {}}
    path = DIRECTORY / "results.csv"
    if path.exists():
        with path.open() as file:
            for line in csv.DictReader(file):
                for which, column in results.items():
                    if line[which]:
                        column[line["scenario"]] = float(line[which])
    return results


def write_csv(rows):
    with (DIRECTORY / "results.csv").open("w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("scenario", "base", "ours", "ratio"))
        for row in rows:
            writer.writerow((row.name, f"{row.base:.2f}", f"{row.ours:.2f}", f"{row.ratio:.2f}"))


def number(value):
    """Three digits that mean something."""
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def verdict(row, targets):
    limit = targets.get(row.name)
    if limit is None or row.ours is None:
        return ""
    return f"{'ABOVE' if row.ours > limit else 'within'} {limit:g}"


def show(rows):
    targets = read_targets()
    print(f"{'instructions per page':32} {'base':>8} {'ours':>8} {'base/ours':>10}  target")
    for row in rows:
        print(f"{row.name:32} {number(row.base):>8} {number(row.ours):>8} "
              f"{number(row.ratio):>10}  {verdict(row, targets)}".rstrip())
