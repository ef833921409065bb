"""Validates observations before they are published: against their structure and its constraints, one another, the
policy, and what was published before. The report says row by row what is wrong, in which file and line.

It decides nothing: whoever publishes looks at `Report.blocking`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from regional_hub.sdg.cross_rules import Before, CrossRules
from regional_hub.sdg.findings import Finding, Policy, PolicyError, Report
from regional_hub.sdg.formats import FormatError, Header, observations, open_message
from regional_hub.sdg.row_rules import RowRules
from regional_hub.sdg.structure import Constraint, Structure

__all__ = ["Finding", "Policy", "PolicyError", "Report", "load", "validate"]

TOGETHER = 50_000  # rows that go to the engine at once
Progress = Callable[[str, int], None]


def validate(
    batches: Iterable[pa.RecordBatch],
    structure: Structure,
    policy: Policy | None = None,
    *,
    before: Before | None = None,
    constraints: Sequence[Constraint] = (),
    whole: bool = False,
    report: Report | None = None,
) -> Report:
    """Look at observations in the layout of `formats.observations`; findings are added to `report` where one is given.

    `whole` says that they are everything, so that series of `before` which are not among them have vanished.
    """
    report = report or Report(policy or Policy.load())
    with tempfile.TemporaryDirectory(prefix="sdg-validate-") as spill:
        rules = RowRules(structure, constraints, report)
        with CrossRules(structure, report, Path(spill)) as cross:
            for _ in _through(batches, rules, cross):
                pass
            cross.check(before, whole=whole)
    return report


def _through(batches: Iterable[pa.RecordBatch], rules: RowRules, cross: CrossRules) -> Iterator[pa.RecordBatch]:
    """The batches, each looked at as it passes."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        batch = _plain(batch)
        rules.check(batch)
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= TOGETHER:
            cross.add(waiting)
            waiting, rows = [], 0
        yield batch
    cross.add(waiting)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Columns that a store keeps as dictionaries, as text again."""
    if not any(pa.types.is_dictionary(field.type) for field in batch.schema):
        return batch
    columns = [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def load(
    paths: Sequence[Path],
    structure: Structure,
    policy: Policy | None = None,
    *,
    before: Before | None = None,
    constraints: Sequence[Constraint] = (),
    whole: bool = False,
    names: Sequence[str] = (),
    progress: Progress = lambda _name, _rows: None,
) -> Report:
    """Read files and validate them together. A file that cannot be read is a finding, and none of its rows counts."""
    report = Report(policy or Policy.load())
    with tempfile.TemporaryDirectory(prefix="sdg-validate-") as spill:
        rules = RowRules(structure, constraints, report)
        with CrossRules(structure, report, Path(spill)) as cross:
            for path, name in zip(paths, names or map(str, paths), strict=True):
                before_file = report.observations
                _file(path, name, structure, rules, cross, report)
                progress(name, report.observations - before_file)
            cross.check(before, whole=whole)
    return report


def _file(path: Path, name: str, structure: Structure, rules: RowRules, cross: CrossRules, report: Report) -> None:
    report.files += 1
    cross.begin()
    try:
        with open_message(path, structure, name) as message:
            for _ in _through(observations.batches(message.batches, structure, name), rules, cross):
                pass
            note_structures(report, message.header, structure, name)
        cross.commit()
    except FormatError as error:
        cross.rollback()
        report.add("file", file=name, line=error.line, detail=str(error))
    except OSError as error:
        cross.rollback()
        report.add("file", file=name, detail=f"{name}: {error.strerror or error}")


def note_structures(report: Report, header: Header, structure: Structure, name: str) -> None:
    """Report a file that says it follows another structure, or another version of it. Dataflows say nothing of it."""
    for short in header.structures:
        if short in header.usages or short == structure.short:
            continue
        same = short.partition("(")[0] == structure.short.partition("(")[0]
        report.add("structure" if same else "other-structure", file=name, value=short, detail=structure.short)
