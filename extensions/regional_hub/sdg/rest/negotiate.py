"""In which format, language and encoding a request is answered.

Standard: RFC 9110, section 12; SDMX REST 2.2.2 and 1.5.0, "HTTP content negotiation". What no format of ours meets is a
406 that lists them; `format=` and `formatVersion=` in the URL go before the Accept header.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from regional_hub.sdg.rest.errors import NotAcceptable

VENDOR = "application/vnd.sdmx."
GENERAL = {"json": "application/json", "xml": "application/xml", "csv": "text/csv"}


@dataclass(frozen=True)
class Format:
    """A format that messages are written in: its media type, its version, and its name in `format=`."""

    name: str
    media: str
    version: str
    kind: str
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def syntax(self) -> str:
        return self.media.rpartition("+")[2]

    @property
    def header(self) -> str:
        if self.kind == "spreadsheet":
            return "text/csv; charset=utf-8; header=present"
        charset = "; charset=utf-8" if self.syntax == "csv" else ""
        return f"{self.media};version={self.version}{charset}"


@dataclass(frozen=True)
class Chosen:
    """A format, and what the client said of how it is to be written."""

    format: Format
    parameters: Mapping[str, str]


CSV_1 = {"labels": ("id", "both"), "timeFormat": ("original", "normalized")}
CSV_2 = {
    "labels": ("id", "name", "both"),
    "timeFormat": ("original", "normalized"),
    "keys": ("none", "obs", "series", "both"),
}
JSON_21 = Format("jsondata", VENDOR + "data+json", "2.1.0", "data")
JSON_20 = Format("jsondata", VENDOR + "data+json", "2.0.0", "data")
JSON_10 = Format("jsondata", VENDOR + "data+json", "1.0.0", "data")
CSV_21 = Format("csvdata", VENDOR + "data+csv", "2.1.0", "data", CSV_2)
CSV_20 = Format("csvdata", VENDOR + "data+csv", "2.0.0", "data", CSV_2)
CSV_10 = Format("csvdata", VENDOR + "data+csv", "1.0.0", "data", CSV_1)
SHEET = Format("spreadsheet", VENDOR + "data+csv", "1.0.0", "spreadsheet", {"labels": ("id", "both")})
ML_31 = Format("structurespecificdata", VENDOR + "data+xml", "3.1.0", "data")
ML_30 = Format("structurespecificdata", VENDOR + "data+xml", "3.0.0", "data")
GENERIC = Format("genericdata", VENDOR + "genericdata+xml", "2.1", "generic")
SPECIFIC = Format("structurespecificdata", VENDOR + "structurespecificdata+xml", "2.1", "data")
GENERIC_TIME = Format("generictimeseriesdata", VENDOR + "generictimeseriesdata+xml", "2.1", "generic")
SPECIFIC_TIME = Format("structurespecifictimeseriesdata", VENDOR + "structurespecifictimeseriesdata+xml", "2.1", "data")

DATA_V2 = (
    JSON_21,
    ML_31,
    CSV_21,
    JSON_20,
    ML_30,
    CSV_20,
    JSON_10,
    GENERIC,
    SPECIFIC,
    CSV_10,
    GENERIC_TIME,
    SPECIFIC_TIME,
)
DATA_V1 = (
    GENERIC,
    SPECIFIC,
    JSON_10,
    CSV_10,
    GENERIC_TIME,
    SPECIFIC_TIME,
    ML_30,
    ML_31,
    JSON_20,
    JSON_21,
    CSV_20,
    CSV_21,
)

STRUCTURE_JSON = tuple(
    Format("jsonstructure", VENDOR + "structure+json", f"{v}.0", "structure") for v in ("2.1", "2.0")
)
STRUCTURE_ML = tuple(Format("structure", VENDOR + "structure+xml", f"{v}.0", "structure") for v in ("3.1", "3.0"))
STRUCTURE_ML_21 = Format("structure", VENDOR + "structure+xml", "2.1", "structure")
STRUCTURE_V2 = (STRUCTURE_JSON[0], STRUCTURE_ML[0], STRUCTURE_JSON[1], STRUCTURE_ML[1], STRUCTURE_ML_21)
STRUCTURE_V1 = (STRUCTURE_ML_21, *STRUCTURE_ML, *STRUCTURE_JSON)
SCHEMA_ML = tuple(Format("schema", VENDOR + "schema+xml", version, "schema") for version in ("3.1.0", "3.0.0", "2.1"))
SCHEMA_V2 = (*SCHEMA_ML, *STRUCTURE_V2)
SCHEMA_V1 = (*reversed(SCHEMA_ML), *STRUCTURE_V1)
METADATA_JSON = tuple(Format("jsonmetadata", VENDOR + "metadata+json", f"{v}.0", "metadata") for v in ("2.1", "2.0"))
METADATA_ML = tuple(Format("metadata", VENDOR + "metadata+xml", f"{v}.0", "metadata") for v in ("3.1", "3.0"))
METADATA_ML_21 = Format("genericmetadata", VENDOR + "genericmetadata+xml", "2.1", "metadata")
METADATA_V2 = (METADATA_JSON[0], METADATA_ML[0], METADATA_JSON[1], METADATA_ML[1])
METADATA_V1 = (METADATA_ML_21, *METADATA_ML, *METADATA_JSON)
ALIASES = {"json": "jsondata", "csv": "csvdata", "xml": "structurespecificdata"}

QUALITY = re.compile(r"(0(\.\d{0,3})?|1(\.0{0,3})?)")


@dataclass(frozen=True)
class _Range:
    media: str
    parameters: Mapping[str, str]
    quality: float

    def specificity(self) -> tuple[int, int]:
        return (0 if self.media == "*/*" else 1 if self.media.endswith("/*") else 2), len(self.parameters)


def choose(accept: str, formats: Sequence[Format], wanted: str = "", version: str = "") -> Chosen:
    """The format to answer in; of those that are liked equally, the first. Raises NotAcceptable."""
    if wanted:
        return _named(wanted, version, formats)
    ranges = sorted(_ranges(accept or "*/*"), key=lambda one: one.quality, reverse=True)
    best: tuple[float, int, Chosen] | None = None
    for place, offered in enumerate(formats):
        fitting = [one for one in ranges if _fits(one, offered)]
        if not fitting:
            continue
        closest = max(fitting, key=_Range.specificity)
        if closest.quality > 0 and (best is None or closest.quality > best[0]):
            said = {key: value for key, value in closest.parameters.items() if key in offered.parameters}
            best = (closest.quality, place, Chosen(offered, said))
    if best is None:
        raise _refused(accept, formats)
    return best[2]


def _named(wanted: str, version: str, formats: Sequence[Format]) -> Chosen:
    name = ALIASES.get(wanted.lower(), wanted.lower())
    if wanted.lower() in ("xml", "json") and not any(one.name == name for one in formats):
        near = [one.name for one in formats if one.syntax == wanted.lower()]
        name = near[0] if near else name
    offered = [*formats, SHEET] if any(one.name == "csvdata" for one in formats) else list(formats)
    named = [one for one in offered if one.name == name]
    for one in named:
        if not version or _same(version, one.version):
            return Chosen(one, {"labels": "both"} if one is SHEET else {})
    names = ", ".join(dict.fromkeys(one.name for one in offered))
    if named:
        names = ", ".join(one.version for one in named)
        raise NotAcceptable(
            f"formatVersion {version!r} of {name} is not written here; there are {names}",
            f"没有 {name} 的 {version!r} 版本；有 {names}",
        )
    raise NotAcceptable(f"format {wanted!r} is not known; there are {names}", f"未知的格式 {wanted!r}；有 {names}")


def _refused(accept: str, formats: Sequence[Format]) -> NotAcceptable:
    there = ", ".join(one.header for one in formats)
    return NotAcceptable(
        f"none of {accept[:200]!r} is written here; there are {there}",
        f"不提供 {accept[:200]!r} 中的任何格式；有 {there}",
    )


def _ranges(accept: str) -> list[_Range]:
    """Media ranges of an Accept header; what is malformed in it is left out, as RFC 9110 has it."""
    found = []
    for part in accept.split(","):
        media, *rest = (piece.strip() for piece in part.split(";"))
        pairs = [piece.partition("=") for piece in rest]
        parameters = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
        quality = parameters.pop("q", "1")
        if "/" in media and QUALITY.fullmatch(quality):
            keys = {name: name if name != "timeformat" else "timeFormat" for name in parameters}
            found.append(_Range(media.lower(), {keys[name]: parameters[name] for name in parameters}, float(quality)))
    return found


def _fits(wanted: _Range, offered: Format) -> bool:
    medias = (
        "*/*",
        "application/*" if offered.syntax != "csv" else "text/*",
        GENERAL.get(offered.syntax, ""),
        offered.media,
    )
    if wanted.media not in medias and (wanted.media, offered.syntax) != ("text/xml", "xml"):
        return False
    for name, value in wanted.parameters.items():
        if name == "version" and wanted.media == offered.media and not _same(value, offered.version):
            return False
        if name in offered.parameters and value not in offered.parameters[name]:
            return False
        if wanted.media == offered.media and name not in offered.parameters and name not in ("version", "charset"):
            return False
    return True


def _same(wanted: str, offered: str) -> bool:
    """Whether a version meets what is asked: `2.0`, `2.0.0`, `2+.0` (this or a later 2... of any kind), `2`."""
    places = [re.fullmatch(r"(\d+)(\+?)(?:-\w+)?", part) for part in wanted.split(".")]
    own = [int(part) for part in offered.split(".")]
    own += [0] * (3 - len(own))
    for place, match in enumerate(places[:3]):
        if match is None:
            return False
        if match[2]:
            return own[place:] >= [int(other[1]) for other in places[place:] if other]
        if int(match[1]) != own[place]:
            return False
    return True


def languages(header: str) -> tuple[str, ...]:
    """The languages that a client reads, the dearest first; English where it says nothing."""
    weighed = []
    for part in header.split(","):
        tag, *rest = (piece.strip() for piece in part.split(";"))
        quality = next((piece[2:] for piece in rest if piece.startswith("q=")), "1")
        if (
            re.fullmatch(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", tag)
            and QUALITY.fullmatch(quality)
            and float(quality) > 0
        ):
            weighed.append((float(quality), tag))
    ordered = sorted(weighed, key=lambda one: one[0], reverse=True)
    return tuple(dict.fromkeys(tag for _, tag in ordered)) or ("en",)


def encoding(header: str, offered: Iterable[str] = ("zstd", "gzip")) -> str:
    """The encoding to answer in: `identity` where nothing better is wanted. Raises NotAcceptable."""
    weights = {}
    for part in header.split(","):
        name, *rest = (piece.strip().lower() for piece in part.split(";"))
        quality = next((piece[2:] for piece in rest if piece.startswith("q=")), "1")
        if name and QUALITY.fullmatch(quality):
            weights[name] = float(quality)
    weights.setdefault("x-gzip" if "x-gzip" in weights else "gzip", weights.get("x-gzip", 0.0))
    found = [(weights.get(name, weights.get("*", 0.0)), name) for name in offered]
    best = max(found, key=lambda one: one[0])
    if best[0] > 0:
        return best[1]
    if weights.get("identity", weights.get("*", 1.0)) == 0:
        raise NotAcceptable(f"no encoding of {header!r} is offered", f"不提供 {header!r} 中的任何编码")
    return "identity"
