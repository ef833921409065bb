"""The SDG database as intake catalogs (V1): one thin entry per series, and the documents that the portal serves.

Entries are made from the current release as a reader may see it; none is written by hand. A document names our driver
and, for a client without our package, plain CSV of the SDMX service. It knows no Django.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import yaml

from regional_hub.sdg.structure import Structure, series_facts

if TYPE_CHECKING:
    from regional_hub.sdg.timeline import View

DRIVER = "regional_hub.sdg.release_source.ReleaseSource"
# Parameters of an entry: what they mean, in both languages.
PARAMETERS = {
    "series": ("Code of the series; several are joined by +, * is all", "序列代码；多个以+连接，*表示全部"),
    "area": ("Code of the area; several are joined by +, * is all", "地区代码；多个以+连接，*表示全部"),
    "start": ("First period, included: 2015, 2015-Q2, 2015-06", "起始时期（含）：2015、2015-Q2、2015-06"),
    "end": ("Last period, included", "结束时期（含）"),
    "nature": ("Nature of the values (C, E, M …); several are joined by +", "数值性质代码（C、E、M等）；多个以+连接"),
    "as_of": (
        "The state at a moment: 2026-01-31T09:00:00Z; empty is now",
        "某一时刻的状态：2026-01-31T09:00:00Z；留空为当前",
    ),
}
CODES = ("series", "area", "nature")
# Which component each parameter chooses, and which one holds the unit, where a catalog does not say.
COMPONENTS = {"series": "SERIES", "area": "REF_AREA", "nature": "NATURE", "unit": "UNIT_MEASURE"}
NAME = re.compile(r"[A-Za-z_]\w*")


class Releases(Protocol):
    """What is read here: a `store.Store`, or the `open_folder.OpenFolder` of a server."""

    def view(self, flow: str) -> View: ...


@dataclass(frozen=True)
class SeriesEntry:
    """A series of the current release: what it is called, in which units, and how many observations may be seen."""

    code: str
    title: str
    title_zh: str
    units: tuple[str, ...]
    indicator: str
    goal: str
    observations: int

    def metadata(self, common: Mapping[str, Any]) -> dict[str, Any]:
        unit = ", ".join(self.units)
        own = {"title": self.title, "unit": unit, "indicator": self.indicator}
        own |= {"title_zh": self.title_zh} if self.title_zh != self.title else {}
        return {**own, "goal": self.goal, "observations": self.observations, **common}


def series(releases: Releases, structure: Structure, flow: str, components: Mapping[str, str]) -> list[SeriesEntry]:
    """Every series that has observations which may be seen, by code. Kept until the view or the structure changes."""
    view = releases.view(flow)
    if components["series"] not in [part.id for part in structure.dimensions]:
        return []
    return list(_series(_Seen(view), structure.short, _Held(structure), components["series"], components["unit"]))


class _Seen:
    """A view that equals another one which shows the same data."""

    def __init__(self, view: View) -> None:
        self.view = view

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Seen) and self.view.etag == other.view.etag

    def __hash__(self) -> int:
        return hash(self.view.etag)


class _Held:
    """A structure, equal to itself only: the registry and the folder hand out one object as long as it is the same."""

    def __init__(self, structure: Structure) -> None:
        self.structure = structure

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and self.structure is other.structure

    def __hash__(self) -> int:
        return hash(self.structure.short)


@lru_cache(maxsize=8)
def _series(seen: _Seen, _short: str, held: _Held, dimension: str, unit: str) -> tuple[SeriesEntry, ...]:
    structure, view = held.structure, seen.view
    codelist = structure.by_id[dimension].codelist
    counts, units = _counted(view, dimension, unit)
    made = []
    for code in sorted(counts):
        name = codelist.codes[code].name if codelist and code in codelist.codes else {}
        facts = series_facts(structure, code, dimension)
        title = name.get("en") or next(iter(name.values()), code)
        listed = tuple(sorted(units.get(code, ())))
        made.append(
            SeriesEntry(code, title, name.get("zh") or title, listed, facts.indicator, facts.goal, counts[code])
        )
    return tuple(made)


def _counted(view: View, dimension: str, unit: str) -> tuple[dict[str, int], dict[str, set[str]]]:
    """Observations and units by series, of those that may be seen; only the columns that tell units are read."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from regional_hub.sdg import seriesindex

    counts: dict[str, int] = defaultdict(int)
    units: dict[str, set[str]] = defaultdict(set)
    for source in view.sources:
        index, release = seriesindex.of(source.release), source.release
        chosen = np.flatnonzero(index.visible(source))
        sums = np.bincount(index.codes[dimension][chosen], weights=index.count[chosen])
        for number, total in enumerate(sums):
            if total:
                counts[index.labels[dimension][number]] += int(total)
        if unit not in release.layout.columns:
            continue
        table = pq.read_table(release.observations, columns=[dimension, unit], read_dictionary=[dimension, unit])
        if len(chosen) < index.size:
            table = table.take(pa.array(index.rows(chosen)))
        pairs = table.unify_dictionaries().group_by([dimension, unit]).aggregate([])
        for code, told in zip(pairs[dimension].to_pylist(), pairs[unit].to_pylist(), strict=True):
            units[code] |= {told} - {None, ""}
    return dict(counts), units


# -- documents ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hub:
    """Whose catalog it is: its address, the catalog entry's own words (licence, source), and its components."""

    url: str
    common: Mapping[str, Any]
    components: Mapping[str, str]


def suffix(flow: str, flows: Iterable[str]) -> str:
    """What an entry's name ends in: nothing for the first flow, the flow's name for others."""
    return "" if flow == min(flows) else "_" + re.sub(r"\W", "_", flow).lower()


def top(hub: Hub, flows: Mapping[str, View]) -> dict[str, Any]:
    """The entries of the portal's catalog: by our driver, by plain CSV, and the catalog of series, for each flow."""
    sources: dict[str, Any] = {}
    for flow, view in sorted(flows.items()):
        end, structure = suffix(flow, flows), view.release.structure
        known = {"flow": flow, "release": view.release.id, "structure": structure}
        metadata = {**hub.common, **known, "metadata_url": metadata_url(hub.url, flow)}
        named = {name: part for name, part in hub.components.items() if part in view.release.layout.columns}
        sources[f"sdg{end}"] = {
            "description": f"Release {view.release.id} of {flow}, and every release before it. Needs the package "
            f"regional-hub; without it open sdg_csv{end}.",
            "driver": DRIVER,
            "parameters": _parameters(PARAMETERS),
            "args": {**_templates(), "flow": flow, "url": hub.url, "components": dict(hub.components)},
            "metadata": metadata,
        }
        sources[f"sdg_csv{end}"] = {
            "description": f"The same as SDMX-CSV of the SDMX service, for plain intake; all of {flow} by default.",
            "driver": "csv",
            "parameters": _parameters([name for name in PARAMETERS if name in named or name not in CODES]),
            "args": {"urlpath": csv_template(hub.url, flow, named, view.release.layout.time)},
            "metadata": metadata,
        }
        sources[f"sdg_series{end}"] = {
            "description": f"One entry per series of {flow}.",
            "driver": "yaml_file_cat",
            "args": {"path": f"{hub.url}/intake/sdg/{quote(flow, safe='')}/series.yaml"},
            "metadata": metadata,
        }
    return sources


def _parameters(names: Iterable[str]) -> dict[str, Any]:
    return {
        name: {
            "description": PARAMETERS[name][0],
            "description_zh": PARAMETERS[name][1],
            "type": "str",
            "default": "*" if name in CODES else "",
        }
        for name in names
    }


def _templates() -> dict[str, str]:
    return {name: f"{{{{ {name} }}}}" for name in PARAMETERS}


def csv_template(url: str, flow: str, named: Mapping[str, str], time: str | None) -> str:
    """An address of SDMX REST 2.2 in which intake fills in the parameters; what chooses nothing is left out."""
    parts = [f"{data_url(url, flow)}?format=csv"]
    for name in (one for one in CODES if one in named):
        fill = f"{{{{ {name} | replace('+', ',') }}}}"
        parts.append(f"{{% if {name} != '*' %}}&c%5B{named[name]}%5D={fill}{{% endif %}}")
    if time:
        both = "ge:{{ start }}{% if start and end %}%2B{% endif %}"
        parts.append(
            f"{{% if start or end %}}&c%5B{time}%5D={{% if start %}}{both}{{% endif %}}"
            "{% if end %}le:{{ end }}{% endif %}{% endif %}"
        )
    parts.append("{% if as_of %}&asOf={{ as_of }}{% endif %}")
    return "".join(parts)


def series_document(hub: Hub, flow: str, entries: Iterable[SeriesEntry], release: str) -> dict[str, Any]:
    """The nested catalog: an entry per series, by our driver, or (next by name) where it is missing plain CSV."""
    common = {**hub.common, "metadata_url": metadata_url(hub.url, flow)}
    dimension = hub.components["series"]
    # Every line less is read by every client: what is as the driver has it anyway is left out.
    other = {} if dict(hub.components) == COMPONENTS else {"components": dict(hub.components)}
    return {
        "metadata": {"version": 1, "flow": flow, "release": release},
        "sources": {
            entry.code: {
                "description": entry.title,
                "driver": {
                    "hub": {
                        "class": DRIVER,
                        "args": {"series": entry.code, "flow": flow, "url": hub.url, **other},
                    },
                    "plain": {
                        "class": "csv",
                        "args": {
                            "urlpath": f"{data_url(hub.url, flow)}?format=csv&c%5B{dimension}%5D={quote(entry.code)}"
                        },
                    },
                },
                "metadata": entry.metadata(common),
            }
            for entry in entries
            if NAME.fullmatch(entry.code)
        },
    }


def dump(document: Mapping[str, Any]) -> str:
    """A document as YAML, entries in their order. Merge keys would make it shorter, but intake reads none."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(document, Dumper=dumper, allow_unicode=True, sort_keys=False))


def data_url(url: str, flow: str) -> str:
    agency, _, id = flow.partition(":")
    return f"{url.rstrip('/')}/sdmx/v2/data/dataflow/{quote(agency)}/{quote(id)}"


def metadata_url(url: str, flow: str) -> str:
    """Reference metadata of the flow (SDMX REST 2.2, metadata query by structure)."""
    agency, _, id = flow.partition(":")
    return f"{url.rstrip('/')}/sdmx/v2/metadata/structure/dataflow/{quote(agency)}/{quote(id)}"


def tag(*parts: Any) -> str:
    """An entity tag of what a document was made of."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:24]


# -- in the Lab --------------------------------------------------------------------------------------------------------


def hub_url() -> str:
    """The hub's address as people see it."""
    return os.environ.get("REGIONAL_HUB_URL") or os.environ.get("REGIONAL_HUB_DATA_URL", "")
