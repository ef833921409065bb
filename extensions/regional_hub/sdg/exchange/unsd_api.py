"""Pulls the global SDG database from the API of the UN Statistics Division, as files that `loading` reads as any other.

Each series becomes a CSV file in the layout of the Division's own portal; what its columns and codes mean stays the
business of `formats/unsd.toml`. Values that the API writes as limits ("<5") become numbers with a bound, and say so.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regional_hub.sdg import durable
from regional_hub.sdg.exchange import transfer
from regional_hub.sdg.exchange.fetch import Client, FetchError
from regional_hub.sdg.exchange.unsd_pages import Record, Series, SeriesFault, series_list

BASE = "https://unstats.un.org/sdgs/UNSDGAPIV5"
# Columns of the portal's files, and the field of an observation that each is.
COLUMNS = {
    "Goal": "goal",
    "Target": "target",
    "Indicator": "indicator",
    "SeriesCode": "series",
    "SeriesDescription": "seriesDescription",
    "GeoAreaCode": "geoAreaCode",
    "TimePeriod": "timePeriodStart",
    "Value": "value",
    "Time_Detail": "time_detail",
    "TimeCoverage": "timeCoverage",
    "UpperBound": "upperBound",
    "LowerBound": "lowerBound",
    "BasePeriod": "basePeriod",
    "Source": "source",
    "GeoInfoUrl": "geoInfoUrl",
    "FootNote": "footnotes",
}
LIMIT = re.compile(r"(?P<sign><=|>=|[<>≤≥])\s*(?P<number>[+-]?\d+(?:[., ]?\d+)*)")
NOTHING = frozenset(("", "nan", "null", "none", "n/a"))
CODE = re.compile(r"[A-Za-z0-9_]{1,60}")
DONE = ".done"  # beside a series' file: of which release it is, and that nothing more of it has to be asked for


@dataclass
class Gathered:
    """Series that are on the disk now, those that could not be had and why, and how often values were limits."""

    files: list[tuple[Path, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    fetched: int = 0
    limits: int = 0
    missing: int = 0


def gather(
    client: Client, base: str, folder: Path, series: Iterable[str], areas: Iterable[str], again: bool
) -> Gathered:
    """Bring the series whose release is another than that of the files that are kept, or with `again` all of them.

    A series that cannot be had whole is a fault and leaves the others alone. Raises FetchError where the service gives
    no list, or does not know a series that was asked for.
    """
    base, wanted, asked = base.rstrip("/"), list(series), tuple(areas)
    folder.mkdir(parents=True, exist_ok=True)
    if again:
        for path in folder.glob(f"*{DONE}"):
            path.unlink()
    listed = series_list(client, base, folder / "series.list")
    unknown = [code for code in wanted if code not in listed]
    if unknown:
        raise FetchError(base, f"there is no series {', '.join(unknown)}")
    found = Gathered()
    for code in wanted or sorted(listed):
        if not CODE.fullmatch(code):
            found.faults.append(f"{code!r} is no code of a series")
            continue
        try:
            _have(Series(client, base, folder / code, code, asked, listed[code]), folder, listed[code], found)
        except (SeriesFault, FetchError) as error:
            found.faults.append(str(error))
    return found


def _have(series: Series, folder: Path, release: str, found: Gathered) -> None:
    """The file of a series: the one that is kept, of the same release and finished, or a new one."""
    file, done = folder / f"{series.code}.csv", folder / f"{series.code}{DONE}"
    kept = durable.read_json(done) if done.exists() else None
    if kept is None or not release or kept["release"] != release:
        series.bring()
        rows = _write(series, file, found)
        durable.write_json(done, {"release": release, "observations": rows})
        transfer.remove(series.folder)
        found.fetched += 1
    else:
        rows = kept["observations"]
    if rows:  # a series without observations is no file to load
        found.files.append((file, file.name))


def _write(series: Series, file: Path, found: Gathered) -> int:
    """Observations as a file of the portal's layout, there whole or not at all; returns how many."""
    extra = sorted({name for record in series.records() for name in _parts(record)})
    temporary = file.with_name(f".{file.name}.tmp")
    count = 0
    with temporary.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, [*COLUMNS, *extra], restval="")
        writer.writeheader()
        for record in series.records():
            writer.writerow(_flat(record, found))
            count += 1
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(file)
    durable.sync(file.parent)
    return count


def _parts(record: Record) -> dict[str, str]:
    """The attributes and dimensions of an observation under their own names."""
    parts = [record.get(part) or {} for part in ("attributes", "dimensions")]
    return {f"[{name}]": text for part in parts for name, value in part.items() if (text := _text(value))}


def _flat(record: Record, found: Gathered) -> dict[str, str]:
    """One observation as a row."""
    row = {column: _text(record.get(name)) for column, name in COLUMNS.items()}
    row["TimePeriod"] = row["TimePeriod"].removesuffix(".0")
    row |= _parts(record)
    value = row["Value"]
    if value.lower() in NOTHING:
        row["Value"] = ""
        found.missing += 1
    elif limit := LIMIT.fullmatch(value):
        _bound(row, limit["sign"], limit["number"])
        found.limits += 1
    return row


def _bound(row: dict[str, str], sign: str, number: str) -> None:
    """A value only known to lie below or above a number: that number, the bound, and the words of the source."""
    said = row["Value"]
    row["Value"] = number
    side = "UpperBound" if sign in ("<", "<=", "≤") else "LowerBound"
    row[side] = row[side] or number
    row["FootNote"] = "; ".join(part for part in (f"Published as {said}.", row["FootNote"]) if part)


def _text(value: Any) -> str:
    """A field as text; lists are joined, absent ones empty."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(text for each in value if (text := _text(each)))
    text = str(value).strip()
    return "" if text.lower() in ("nan", "null") else text
