# SPDX-License-Identifier: GPL-2.0
"""Writes the table of dev/measure as CSV, Markdown and a chart, and a part to the README."""

import re

from bench import runner, table
from bench.table import cell, number, path, ratio, verdict
from lib.common import REPO

README = REPO / "README.md"
MARKED = re.compile(r"(<!-- bench -->\n).*(<!-- bench end -->)", re.S)

WAYS = (("pin-fast", "pin_user_pages_fast()"), ("get-fast", "get_user_pages_fast()"),
        ("pin-slow", "pin_user_pages()"), ("get-slow", "get_user_pages()"),
        ("pin-longterm", "pin_user_pages(), long-term"), ("unpin", "unpin_user_pages()"))
KINDS = (("4k", "4 KiB"), ("64k", "64 KiB"), ("thp", "2 MiB THP"), ("hugetlb", "2 MiB hugetlb"),
         ("shmem", "shmem"), ("ext4", "ext4"))

EXPLANATION = """\
| name | what is measured |
|---|---|
| `get-`, `pin-` `fast`, `slow`, `longterm` | the functions of that name, called by the ioctls of `gup_test`. The slow ones hold `mmap_lock` |
| `put`, `unpin` | `put_page()` of each page, `unpin_user_pages()` |
| `/4k`, `/64k`, `/thp`, `/hugetlb`, `/shmem`, `/ext4` | private memory in folios of 4 KiB, 64 KiB and 2 MiB, hugetlb of 2 MiB, shared memory, page cache of ext4 (read only). All of it is present |
| `/1`, `/16`, `/512`, `/all` | pages per call |
| `dirty/` | `process_vm_writev()` of 4 MiB from memory that cannot be read. This is the cost of `pin_user_pages_remote()`, `unpin_user_pages_dirty_lock()` and the system call |
| `cold/` | private memory that is not present yet. The page faults are included |
| `direct/` | `pread()` with `O_DIRECT` of 4 KiB to 1 MiB from a disk that does nothing, `null_blk`. The whole system call is included |
| `fio/` | the same by [fio](https://fio.readthedocs.io), with its engines `psync` and `io_uring`, one read at a time: its mean latency, with what fio does from submitting a read to seeing its end. `null_blk` is the disk itself; `ext4` and `xfs` are file systems on a device of which the blocks of one file are on that disk (`dm-linear`). The buffer is in 4 KiB pages or in `hugetlb` of 2 MiB. `io_uring` reads 1 MiB from `null_blk` twice: without waiting, which Linux refuses as the disk needs several requests for it, and again |
| `ring/` | `io_uring_register()` of a fixed buffer of 64 MiB, and giving it back. The whole system call is included |
| `one/` | system calls that need one page, at random addresses. The whole system call is included |
| `scale/` | calls for different numbers of pages, up to 16 GiB, in which the same 64 MiB are mapped repeatedly |
| `threads/` | several CPUs pin and unpin 32 MiB each, disjoint or the same; median and quartiles |
| `threads/churn/` | one CPU maps and unmaps a page all the time, while the other one, or the other three, pin private memory that is not present yet: the time of a page (`pin-fast-cold`) and of a pair of `mmap()` and `munmap()` |
| `latency/wakeup/` | the longest time that a real-time thread waits for the CPU while one call pins 1 GiB, because interrupts or preemption are off. `nothing` is the time without a call |
| `latency/mmap-lock/` | the same for a thread that takes `mmap_lock` for writing, during the page faults for 1 GiB |
| `hold/irqs-off/` | the longest time with interrupts off during such a call, measured by the `irqsoff` tracer in microseconds of 1,000 instructions. Interrupt handlers are included, see `nothing` |
| `hold/page-table-lock/`, `hold/mmap-lock/` | the longest hold of such a lock, measured by `/proc/lock_stat`. Interrupts during that time are included, and taking a lock costs more in that kernel. 0: nobody took it |
| `hold/mmap-lock-taken/` | how many times `mmap_lock` was taken during the call, by anybody. The `anon_vma` of the memory is there, for which the first page fault would take it |
"""


def markdown_rows(rows, targets):
    yield "| scenario | unit | base | ours | base / ours | target |\n|---|---|--:|--:|--:|--:|\n"
    for row in rows:
        yield (f"| `{row.name}` | {row.unit} | {cell(row.base)} | {cell(row.ours)} | {ratio(row)} | "
               f"{verdict(row, targets)} |\n")


def markdown(rows, accel):
    targets = table.read_targets()
    by_name = {row.name: row for row in rows}
    headline = [by_name[name] for name in targets if name in by_name]
    yield "# What a page costs\n\n"
    yield "Written by `make bench" + ("" if accel == "icount" else f" ACCEL={accel}") + "`.\n\n"
    for what, text in runner.machine(accel).items():
        yield f"* {what}: {text}\n"
    yield f"\n![chart]({path(accel, 'svg').name})\n\n## Targets\n\n"
    yield from markdown_rows(headline, targets)
    yield "\n## All\n\n" + EXPLANATION + "\n"
    yield from markdown_rows(rows, targets)


def summary(rows):
    """The table of the README: calls for 512 pages, by function and kind of memory."""
    by_name = {row.name: row for row in rows}
    yield "| base → ours | " + " | ".join(text for _, text in KINDS) + " |\n"
    yield "|---|" + "--:|" * len(KINDS) + "\n"
    for way, way_text in WAYS:
        yield f"| `{way_text}`"
        for kind, _ in KINDS:
            row = by_name[f"{way}/{kind}" + ("" if way == "unpin" else "/512")]
            yield f" | {number(row.base.value)} → {number(row.ours.value)}"
        yield " |\n"
    longest = by_name["hold/irqs-off/pin-fast/4k"]
    yield ("\nWhile `pin_user_pages_fast()` pins 1 GiB in one call, interrupts are off for at most "
           f"{longest.base.value:,.0f} → {longest.ours.value:,.0f} instructions.\n")


def svg(rows):
    """Two bars for each scenario with a target. That of base always has the same length."""
    targets = table.read_targets()
    chosen = [row for row in rows if row.name in targets]
    left, full, step, top = 170, 360, 30, 40
    widest = 1.15 * full
    height = top + step * len(chosen) + 10
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{height}" '
           f'viewBox="0 0 760 {height}" font-family="sans-serif" font-size="13">\n'
           '<style>text{fill:#24292f}.base{fill:#8c959f}.ours{fill:#0969da}'
           '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.base{fill:#6e7681}.ours{fill:#58a6ff}}'
           '</style>\n')
    yield (f'<rect class="base" x="{left}" y="12" width="12" height="12"/><text x="{left + 18}" y="23">'
           f'base</text><rect class="ours" x="{left + 70}" y="12" width="12" height="12"/>'
           f'<text x="{left + 88}" y="23">ours, in proportion ({chosen[0].unit})</text>\n')
    for index, row in enumerate(chosen):
        y = top + index * step
        width = min(full * row.ours.value / row.base.value, widest)
        yield (f'<text x="{left - 10}" y="{y + 17}" text-anchor="end">{row.name}</text>'
               f'<rect class="base" x="{left}" y="{y}" width="{full}" height="11"/>'
               f'<rect class="ours" x="{left}" y="{y + 12}" width="{width:.1f}" height="11"/>'
               f'<text x="{left + widest + 10:.0f}" y="{y + 17}">{number(row.base.value)} → '
               f'{number(row.ours.value)} ({row.ratio:.1f}×)</text>\n')
    yield "</svg>\n"


def update_readme(rows):
    text = "".join(summary(rows))
    README.write_text(MARKED.sub(lambda match: f"{match[1]}\n{text}\n{match[2]}", README.read_text()))


def write(rows, accel):
    table.write_csv(rows, accel)
    path(accel, "md").write_text("".join(markdown(rows, accel)))
    path(accel, "svg").write_text("".join(svg(rows)))
    written = " ".join(str(path(accel, suffix).relative_to(REPO)) for suffix in ("csv", "md", "svg"))
    if accel == "icount":
        (table.DIRECTORY / "compiler").write_text(runner.compiler() + "\n")
        update_readme(rows)
        written += " README.md"
    print(f"\nWritten: {written}")
