# SPDX-License-Identifier: GPL-2.0
"""The lists of mutants in tools/testing/gup/mutants. Their README describes the format."""

import re
from dataclasses import dataclass, field

from lib.common import REPO, die

LISTS = REPO / "tools/testing/gup/mutants"
LITMUS = REPO / "tools/testing/gup/litmus"
# The documentation has a table of bugs, and of the mutants that are like them.
TABLE = REPO / "Documentation/mm/gup.rst"
TABLE_HEAD = "     - Mutants\n"
TABLE_ROW = re.compile(r"^   \* - ", re.M)
TABLE_ENTRY = re.compile(r"\| ([\w./-]+\.[ch]/\w+/[\w-]+)$", re.M)
# What the tests in user space do not compile.
NOT_COMPILED = ("mm/gup_compat.c", "mm/gup_fail.c", "mm/gup_owner.c", "mm/gup_populate.c",
                "mm/gup_uaccess.c")
MUTANT = re.compile(r"([\w-]+): (?:@(\d+) )?(\S.*?) =>(?: (.*))?")
# Why no test in user space is expected to notice a mutant.
EXCUSES = ("equivalent", "bench", "litmus", "kernel")
TAGS = (*EXCUSES, "race", "quick")


@dataclass
class Mutant:
    """One change of a source."""
    where: str
    file: str
    function: str
    name: str
    nth: int
    old: str
    new: str
    tags: dict = field(default_factory=dict)

    @property
    def id(self):
        return "/".join(filter(None, (self.file.split("/", 1)[1], self.function, self.name)))

    @property
    def excuse(self):
        """(kind, reason), or None."""
        return next(((kind, self.tags[kind]) for kind in EXCUSES if kind in self.tags), None)

    @property
    def noticed(self):
        """True if a test has to fail with it."""
        return not self.excuse or self.excuse[0] == "kernel"

    @property
    def in_user_space(self):
        return self.file not in NOT_COMPILED

    @property
    def for_kernel(self):
        return "kernel" in self.tags and self.function


def read_list(path):
    """The mutants of one list, and complaints."""
    mutants, wrong = [], []
    file = function = ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{path.relative_to(REPO)}:{number}"
        match = MUTANT.fullmatch(line)
        if not line or line.startswith("#"):
            continue
        if line.startswith("\t"):
            tag, _, value = line.strip().partition(" ")
            if tag in TAGS and mutants:
                mutants[-1].tags[tag] = value
            else:
                wrong.append(f"{where}: no tag {tag}; there are {', '.join(TAGS)}")
        elif line.startswith("file "):
            file, function = line.split()[1], ""
        elif line.startswith("in "):
            function = line.split()[1].strip("*")
        elif match:
            name, nth, old, new = match.groups()
            # An empty statement takes the place of one that may belong to an if.
            new = new or (";" if old.endswith(";") else "")
            mutants.append(Mutant(where, file, function, name, int(nth or 0), old, new))
        else:
            wrong.append(f"{where}: neither NAME: OLD => NEW, nor file, in, a tag or a comment")
    return mutants, wrong


def body(text, function):
    """Where a function begins and ends in a source; the whole of it without a name."""
    if not function:
        return 0, len(text)
    match = re.search(rf"^(?:\w[\w \t*]*\b)?{function}\([^;{{]*?\)\n\{{\n.*?^\}}", text, re.M | re.S)
    if not match:
        return None
    start, end = match.span()
    # The type may be on a line of its own.
    return text.rfind("\n", 0, start - 1) + 1 if text.startswith(function, start) else start, end


def pattern(old):
    """A fragment as a regular expression: white space is any white space, words are whole."""
    expression = r"\s+".join(re.escape(part) for part in old.split())
    before = r"(?<!\w)" if re.match(r"\w", old) else ""
    after = r"(?!\w)" if re.search(r"\w$", old) else ""
    return re.compile(before + expression + after)


def apply(mutant, text):
    """The mutated source. Raises ValueError if the mutant does not fit."""
    span = body(text, mutant.function)
    if not span:
        raise ValueError(f"{mutant.file} has no function {mutant.function}")
    found = list(pattern(mutant.old).finditer(text, *span))
    if not found:
        raise ValueError(f"{mutant.function or mutant.file} does not have: {mutant.old}")
    if len(found) > 1 and not mutant.nth:
        raise ValueError(f"{mutant.function or mutant.file} has {len(found)} times: {mutant.old}; say which, as @N")
    if mutant.nth > len(found):
        raise ValueError(f"{mutant.function or mutant.file} has only {len(found)} times: {mutant.old}")
    start, end = found[max(mutant.nth - 1, 0)].span()
    return text[:start] + mutant.new + text[end:]


# What a copy of a function does not need. It must not be inlined: there are many.
SPECIFIERS = re.compile(r"\b(static|inline|__always_inline|noinline|__must_check|__cold)\b\s*")
CHOICE = "gup_mutant"
ENVIRONMENT_FILE = "mm/gup.c"


def split_function(text):
    """(type, name, parameters, body) of a function definition."""
    head, brace, rest = text.partition("\n{\n")
    # The parameters begin at the first bracket: no type here has one.
    name = re.search(r"(\w+)\(", head)
    parameters = head[name.end():head.rindex(")")]
    return SPECIFIERS.sub("", head[:name.start()]).strip(), name.group(1), parameters, brace + rest


def argument_names(parameters):
    names = []
    for parameter in re.split(r",(?![^(]*\))", parameters):
        pointer = re.search(r"\(\*(\w+)\)", parameter)
        names.append(pointer.group(1) if pointer else re.findall(r"\w+", parameter)[-1])
    return [] if names == ["void"] else names


def with_choice(text, numbered):
    """A function as one of several, by the value of a variable. @numbered: [(number, mutant)] of it."""
    kind, name, parameters, original = split_function(text)
    copies = [(0, original)] + [(number, split_function(apply(mutant, text))[3]) for number, mutant in numbered]
    parts = [f"static noinline {kind} {name}__{number}({parameters}){code}\n" for number, code in copies]
    arguments = ", ".join(argument_names(parameters))
    call, end = ("", " return;") if kind == "void" else ("return ", "")
    cases = [f"\tcase {number}: {call}{name}__{number}({arguments});{end}" for number, _ in numbered]
    return "\n".join([*parts, text.partition("\n{\n")[0], "{", f"\tswitch ({CHOICE}) {{", *cases, "\t}",
                      f"\t{call}{name}__0({arguments});", "}"])


def combine(text, numbered):
    """A source that has all these mutants in it. 0 chooses none of them."""
    functions = {}
    for number, mutant in numbered:
        functions.setdefault(body(text, mutant.function), []).append((number, mutant))
    for (start, end), those in sorted(functions.items(), reverse=True):
        text = text[:start] + with_choice(text[start:end], those) + text[end:]
    return f"extern int {CHOICE};\n{text}"


def combine_files(numbered, environment):
    """{file: its source with all these mutants in it}. @environment defines the variable."""
    sources = {}
    for file in {mutant.file for _, mutant in numbered} | {ENVIRONMENT_FILE}:
        those = [(number, mutant) for number, mutant in numbered if mutant.file == file and mutant.function]
        sources[file] = combine((REPO / file).read_text(), those)
    sources[ENVIRONMENT_FILE] += environment
    return sources


def judge(mutant):
    """What is wrong with a mutant of the list."""
    source = REPO / mutant.file
    if not source.exists():
        yield f"there is no {mutant.file}"
        return
    text = source.read_text()
    try:
        if apply(mutant, text) == text:
            yield "it changes nothing"
    except ValueError as error:
        yield str(error)
    litmus = mutant.tags.get("litmus")
    if litmus and not (LITMUS / f"{litmus}.litmus").exists():
        yield f"there is no {LITMUS.relative_to(REPO)}/{litmus}.litmus"


def missing(mutants):
    """Complaints about rows of the table that have no mutant which a test notices, or an unknown one."""
    known = {mutant.id: mutant for mutant in mutants}
    table = TABLE.read_text().partition(TABLE_HEAD)[2].partition("\n\n")[0]
    rows = TABLE_ROW.split(table)[1:]
    if not rows:
        yield f"{TABLE.relative_to(REPO)}: there is no table of bugs"
    for row in rows:
        where = f"{TABLE.relative_to(REPO)}: {row.splitlines()[0]}"
        names = TABLE_ENTRY.findall(row)
        yield from (f"{where}: there is no mutant {name}" for name in names if name not in known)
        if not any(name in known and known[name].noticed for name in names):
            yield f"{where}: there is no mutant that a test notices"


def read_all():
    """All mutants. Ends with all complaints if there is one."""
    mutants, wrong = [], []
    for path in sorted(LISTS.glob("*.list")):
        more, complaints = read_list(path)
        mutants += more
        wrong += complaints
    seen = set()
    for mutant in mutants:
        wrong += [f"{mutant.where}: {mutant.name}: {text}" for text in judge(mutant)]
        if mutant.id in seen:
            wrong.append(f"{mutant.where}: there are two {mutant.id}")
        seen.add(mutant.id)
    wrong += missing(mutants)
    if wrong:
        die("\n".join([f"{len(wrong)} mutants do not fit the sources or the format:", *wrong]))
    return mutants
