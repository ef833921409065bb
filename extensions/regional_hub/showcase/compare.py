"""What changed between two revisions: cells aligned by nbdime, lines by difflib, files by their content. Plain Python.

Everything in a result is text of strangers; whoever shows it escapes it. Work is bounded, since both sides are theirs.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Literal

MOST_CELLS = 400  # nbdime tries pairs of cells; beyond these two numbers cells are aligned by equal texts alone
MOST_TEXT = 300_000  # characters of all cells
MOST_LINES = 2_000  # of one cell; beyond them its text is shown as taken out and put in
CONTEXT = 3
MOST_PRINTED = 100_000  # characters of a cell's outputs that are compared by lines
MOST_PAIRS = 200  # lines of one change whose words are compared
LONGEST_LINE = 1_000
ALIKE = 0.4  # of the words of two lines, from 0 to 1, before it helps to show single ones
_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

What = Literal["same", "added", "removed", "changed"]
LineWhat = Literal["same", "added", "removed", "gap"]


@dataclass(frozen=True)
class Line:
    """A line of a cell; `gap` stands for equal lines that are not shown.

    `pieces` are the line's words, each with whether it is what changed; empty where the line as a whole did.
    """

    what: LineWhat
    text: str
    pieces: Sequence[tuple[bool, str]] = field(default=(), compare=False)


@dataclass(frozen=True)
class CellChange:
    """A cell before and after. `before` and `after` are its numbers from 1, 0 where it is not there."""

    what: What
    kind: str
    before: int
    after: int
    lines: Sequence[Line] = ()
    outputs_changed: bool = False
    source_changed: bool = False
    printed: Sequence[Line] = ()  # what changed of outputs that are nothing but text on both sides


@dataclass(frozen=True)
class FactChange:
    """Something besides cells: a file, the image, the lock, a release. Empty where it is not there."""

    name: str
    before: str
    after: str


def cells(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[CellChange]:
    """The cells of two notebooks (as `bundle.notebook` gives them) side by side, in order."""
    old, new = before["cells"], after["cells"]
    found = []
    for one, other in _aligned(old, new):
        if one is None and other is not None:
            text = new[other]["source"]
            found.append(CellChange("added", new[other]["cell_type"], 0, other + 1, _all("added", text)))
        elif other is None and one is not None:
            text = old[one]["source"]
            found.append(CellChange("removed", old[one]["cell_type"], one + 1, 0, _all("removed", text)))
        elif one is not None and other is not None:
            found.append(_pair(one, other, old[one], new[other]))
    return found


def _pair(one: int, other: int, old: Mapping[str, Any], new: Mapping[str, Any]) -> CellChange:
    source = old["source"] != new["source"] or old["cell_type"] != new["cell_type"]
    outputs = _outputs(old) != _outputs(new)
    what: What = "changed" if source or outputs else "same"
    lines = _lines(old["source"], new["source"]) if source else ()
    texts = (_printed(old), _printed(new)) if outputs else ("", "")
    printed = _lines(*texts) if outputs and None not in texts else ()
    return CellChange(what, new["cell_type"], one + 1, other + 1, lines, outputs, source, printed)


def _printed(cell: Mapping[str, Any]) -> Any:
    """What a cell gave, if that is text alone and not too long; else None."""
    texts: list[str] = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if output["output_type"] == "stream":
            texts.append(output["text"])
        elif set(data) == {"text/plain"}:
            texts.append(str(data["text/plain"]))
        else:
            return None
    whole = _COLOURS.sub("", "".join(texts)).rstrip("\n")
    return whole if len(whole) <= MOST_PRINTED else None


def _outputs(cell: Mapping[str, Any]) -> str:
    """What is equal where outputs look the same; how often a cell ran does not count."""
    plain = [
        {key: part for key, part in output.items() if key != "execution_count"} for output in cell.get("outputs", [])
    ]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _aligned(old: Sequence[Any], new: Sequence[Any]) -> Iterator[tuple[int | None, int | None]]:
    """Pairs of positions, in the order in which both are read."""
    text = sum(len(cell["source"]) for cell in [*old, *new])
    if max(len(old), len(new)) > MOST_CELLS or text > MOST_TEXT:
        yield from _by_text(old, new)
        return
    from nbdime.diffing.notebooks import diff_notebooks  # takes a second to load

    one = other = 0
    for entry in next((part["diff"] for part in diff_notebooks(_bare(old), _bare(new)) if part["key"] == "cells"), []):
        while one < entry["key"]:
            yield one, other
            one, other = one + 1, other + 1
        if entry["op"] == "addrange":
            for _cell in entry["valuelist"]:
                yield None, other
                other += 1
        elif entry["op"] == "removerange":
            for _number in range(entry["length"]):
                yield one, None
                one += 1
        else:
            yield one, other
            one, other = one + 1, other + 1
    while one < len(old):
        yield one, other
        one, other = one + 1, other + 1


def _bare(found: Sequence[Any]) -> Any:
    """A notebook of sources alone: outputs may be huge, and are compared by their hashes."""
    import nbformat.v4 as v4

    make = {"code": v4.new_code_cell, "markdown": v4.new_markdown_cell, "raw": v4.new_raw_cell}
    return v4.new_notebook(cells=[make[cell["cell_type"]](cell["source"], id=cell["id"]) for cell in found])


def _by_text(old: Sequence[Any], new: Sequence[Any]) -> Iterator[tuple[int | None, int | None]]:
    before, after = ([hashlib.sha256(cell["source"].encode()).digest() for cell in side] for side in (old, new))
    for _tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        paired = min(b - a, d - c)
        yield from ((a + step, c + step) for step in range(paired))
        yield from ((step, None) for step in range(a + paired, b))
        yield from ((None, step) for step in range(c + paired, d))


def _all(what: LineWhat, text: str) -> list[Line]:
    return [Line(what, line) for line in text.split("\n")]


def _lines(before: str, after: str) -> list[Line]:
    old, new = before.split("\n"), after.split("\n")
    if max(len(old), len(new)) > MOST_LINES:
        return [*_all("removed", before), *_all("added", after)]
    found: list[Line] = []
    end = 0
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes(CONTEXT):
        if group[0][1] > end:
            found.append(Line("gap", ""))
        for tag, a, b, c, d in group:
            if tag == "equal":
                found += [Line("same", line) for line in old[a:b]]
            else:
                found += _words(old[a:b], new[c:d])
        end = group[-1][2]
    if end < len(old):
        found.append(Line("gap", ""))
    return found


def _words(old: Sequence[str], new: Sequence[str]) -> list[Line]:
    """Lines that took one another's place; where they are alike, which words changed."""
    removed, added = [Line("removed", line) for line in old], [Line("added", line) for line in new]
    if len(old) == len(new) <= MOST_PAIRS:
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            if max(len(one), len(other)) > LONGEST_LINE:
                continue
            a, b = _WORD.findall(one), _WORD.findall(other)
            matcher = SequenceMatcher(None, a, b, autojunk=False)
            if matcher.ratio() >= ALIKE:
                codes = matcher.get_opcodes()
                before = [(tag != "equal", "".join(a[i:j])) for tag, i, j, _, _ in codes if j > i]
                after = [(tag != "equal", "".join(b[i:j])) for tag, _, _, i, j in codes if j > i]
                removed[place], added[place] = Line("removed", one, before), Line("added", other, after)
    return [*removed, *added]


def files(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FactChange]:
    """Files of two manifests that were added, removed or changed: their SHA-256 on both sides; not the notebooks."""
    old, new = before["files"], after["files"]
    names = sorted((set(old) | set(new)) - {before["entry"], after["entry"]})
    sides = [(name, old.get(name, {}).get("sha256", ""), new.get(name, {}).get("sha256", "")) for name in names]
    return [FactChange(name, one, other) for name, one, other in sides if one != other]


def environment(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FactChange]:
    """Notebook's name, image, lock and releases of data that differ."""
    found = [
        FactChange(name, str(before.get(name, "")), str(after.get(name, "")))
        for name in ("entry", "image", "lock")
        if before.get(name, "") != after.get(name, "")
    ]
    old, new = _releases(before), _releases(after)
    found += [FactChange("release", name, "") for name in sorted(old - new)]
    return found + [FactChange("release", "", name) for name in sorted(new - old)]


def _releases(manifest: Mapping[str, Any]) -> set[str]:
    return {f"{read['flow']} {read['release']}" for read in manifest.get("releases", [])}
