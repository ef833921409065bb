"""Reads SDMX-ML data messages as a stream: 2.1 structure-specific and generic, 3.0 and 3.1 structure-specific.

Standard: SDMX Technical Specifications, section 3A (SDMX-ML schemas). The parser is expat itself: no tree is built,
a document type declaration is refused before anything in it is read, and so no entity is ever expanded and no address
opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

import pyarrow as pa

from regional_hub.sdg.formats import (
    BATCH_BYTES,
    Batch,
    FormatError,
    Header,
    Message,
    Ref,
    Row,
    action_code,
    observations,
)
from regional_hub.sdg.formats.groups import Groups
from regional_hub.sdg.structure import SHORT, Structure

SCHEMAS = "http://www.sdmx.org/resources/sdmxml/schemas/"
V21 = SCHEMAS + "v2_1/"
GENERIC = V21 + "data/generic"
ROOTS = {
    V21 + "message StructureSpecificData": "SDMX-ML 2.1 StructureSpecificData",
    V21 + "message StructureSpecificTimeSeriesData": "SDMX-ML 2.1 StructureSpecificTimeSeriesData",
    V21 + "message GenericData": "SDMX-ML 2.1 GenericData",
    V21 + "message GenericTimeSeriesData": "SDMX-ML 2.1 GenericTimeSeriesData",
    SCHEMAS + "v3_0/message StructureSpecificData": "SDMX-ML 3.0 StructureSpecificData",
    SCHEMAS + "v3_1/message StructureSpecificData": "SDMX-ML 3.1 StructureSpecificData",
}
# Namespaces by which a file says that it follows another version of the standard.
OTHER_VERSIONS = {"v1_0": "1.0", "v2_0": "2.0"}
READ_VERSIONS = {"v2_1": "2.1", "v3_0": "3.0", "v3_1": "3.1"}
# What a data set says of itself; the schemas put it in a namespace, some writers do not.
CONTROL = frozenset(("structureRef", "dataflowRef", "setID", "action", "dataScope", "validFromDate", "validToDate"))
CONTROL |= {"reportingBeginDate", "reportingEndDate", "publicationYear", "publicationPeriod"}
# Text that expat holds back because a tag does not end: no tag of a data file is this long.
LONGEST_TAG = 1 << 24
HEADER_TEXTS = {"ID": "id", "Prepared": "prepared"}

Attributes = dict[str, str]


def read(source: Path | BinaryIO, structure: Structure, *, name: str = "") -> Iterator[pa.RecordBatch]:
    """The observations as Arrow batches in the layout of `observations`; raises FormatError naming file and line."""
    return observations.read(message, source, structure, name)


def message(file: BinaryIO, name: str, structure: Structure | None = None) -> Message:
    """Read the header now and the observations as they are asked for.

    `name` is how errors call the file. Raises FormatError, here or while iterating, for what is not SDMX-ML data.
    """
    reader = _Reader(name)
    batches = reader.batches(file)
    first = next(batches, Batch([], [], "I"))  # the header stands before the first observation

    def all_batches() -> Iterator[Batch]:
        yield first
        yield from batches

    return Message(reader.header, all_batches())


class _Reader:
    """The state of one pass: where in the message we are, and what holds for the next observation."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.header = Header(layout="")
        self._path: list[str] = []
        self._rows: list[Row] = []
        self._lines: list[int] = []
        self._action = "I"
        self._actions: list[str] = []
        self._text: list[str] | None = None
        self._dataset: Attributes = {}
        self._series: Attributes = {}
        self._groups = Groups()
        self._row: Row = {}
        self._target: Attributes | None = None  # where generic Values go
        self._group_key: Attributes = {}
        self._line = 0
        self._component: tuple[Attributes, str] | None = None  # <Comp>: where its values go, under which id
        self._dimension_at_observation: dict[str, str] = {}
        self._dimension = "TIME_PERIOD"
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._element: Callable[[str, Attributes], None] = self._in_specific

    def batches(self, file: BinaryIO) -> Iterator[Batch]:
        size = 0
        try:
            while chunk := file.read(BATCH_BYTES):
                size += len(chunk)
                self._parser.Parse(chunk, False)
                if size - self._parser.CurrentByteIndex > LONGEST_TAG:
                    raise self._fault(f"a tag does not end within {LONGEST_TAG >> 20} MiB; this is no SDMX data file")
                if self._rows:
                    yield self._batch()
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise FormatError(self._explain(error), self.name, error.lineno) from None
        if self._rows:
            yield self._batch()

    def _batch(self) -> Batch:
        same = len(set(self._actions)) == 1
        batch = Batch(self._rows, self._lines, self._actions[0] if same else self._actions)
        self._rows, self._lines, self._actions = [], [], []
        return batch

    def _add(self, row: Row, line: int) -> None:
        self._rows.append(row)
        self._lines.append(line)
        self._actions.append(self._action)

    def _explain(self, error: expat.ExpatError) -> str:
        place = f"{self.name}, line {error.lineno}, column {error.offset + 1}"
        what = expat.ErrorString(error.code)
        cut = (expat.errors.XML_ERROR_NO_ELEMENTS, expat.errors.XML_ERROR_UNCLOSED_TOKEN)
        if what in (*cut, expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION, expat.errors.XML_ERROR_PARTIAL_CHAR):
            return f"{place}: the file ends in the middle; it was cut off while it was written or copied: get it again"
        if what in (expat.errors.XML_ERROR_INVALID_TOKEN, expat.errors.XML_ERROR_INCORRECT_ENCODING):
            what += "; perhaps the file is in another encoding than it declares: save it as UTF-8"
        return f"{place}: not well-formed XML ({what})"

    def _fault(self, what: str) -> FormatError:
        line = self._parser.CurrentLineNumber
        return FormatError(f"{self.name}, line {line}: {what}", self.name, line)

    def _refuse_doctype(self, *_declaration: object) -> None:
        raise self._fault(
            "the file declares a document type; SDMX has none, and entities are not read: remove <!DOCTYPE>"
        )

    # -- events ---------------------------------------------------------------------------------------------------

    def _start(self, tag: str, attributes: Attributes) -> None:
        self._path.append(tag)
        depth = len(self._path)
        if depth == 1:
            self._open_root(tag)
        elif depth == 2:
            if tag.endswith(" DataSet") or tag == "DataSet":
                self._open_dataset(attributes)
        elif self._path[1].endswith(" Header"):
            self._in_header(tag, attributes)
        elif self._path[1].endswith("DataSet"):
            self._element(tag, attributes)

    def _end(self, tag: str) -> None:
        depth = len(self._path)
        self._path.pop()
        local = tag.rpartition(" ")[2]
        if self._text is not None:
            self._close_text(local)
        elif depth >= 3 and self._path[1].endswith("DataSet"):
            self._close(local)

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    # -- root and header ------------------------------------------------------------------------------------------

    def _open_root(self, tag: str) -> None:
        if tag in ROOTS:
            self.header.layout = ROOTS[tag]
            if "Generic" in tag:
                self._element = self._in_generic
            return
        namespace, _, local = tag.rpartition(" ")
        version = next((v for part, v in OTHER_VERSIONS.items() if f"/{part}/" in namespace.lower() + "/"), None)
        if version is not None:
            raise self._fault(
                f"this is SDMX-ML {version} ({local}), which is not read here; "
                "convert it to SDMX-ML 2.1 or SDMX-CSV first"
            )
        known = next((v for part, v in READ_VERSIONS.items() if namespace == f"{SCHEMAS}{part}/message"), None)
        if known:
            raise self._fault(f"this is an SDMX-ML {known} message of kind {local}, which holds no data")
        raise self._fault(f"not SDMX: the outermost element is <{local}>")

    def _in_header(self, tag: str, attributes: Attributes) -> None:
        local = tag.rpartition(" ")[2]
        depth = len(self._path)
        if depth == 3 and (local in HEADER_TEXTS or local in ("Test", "DataSetAction")):
            self._text = []
        elif depth == 3 and local == "Sender":
            self.header.sender = attributes.get("id", "")
        elif depth == 3 and local == "Structure":
            self._dimension_at_observation[attributes.get("structureID", "")] = attributes.get(
                "dimensionAtObservation", "TIME_PERIOD"
            )
        elif local == "Ref" and self._path[2].endswith(" Structure"):
            structure = Ref(*(attributes.get(part, "") for part in ("agencyID", "id", "version")))
            self._note(str(structure), usage=not self._path[3].endswith(" Structure"))
        elif depth >= 4 and self._path[2].endswith(" Structure"):
            self._text = []  # the reference itself in 3.x, or a <URN>

    def _close_text(self, local: str) -> None:
        text = "".join(self._text or []).strip()
        self._text = None
        if self._component is not None and local == "Value":
            target, id = self._component
            target[id] = f"{target[id]};{text}" if id in target else text
            return
        if local in HEADER_TEXTS:
            setattr(self.header, HEADER_TEXTS[local], text)
        elif local == "Test":
            self.header.test = text in ("true", "1")
        elif local == "DataSetAction":
            self._action = self._action_of(text)
        elif match := SHORT.search(text.rpartition("=")[2]):
            self._note(match[0], usage="=" in text and "DataStructure=" not in text)

    def _note(self, structure: str, *, usage: bool) -> None:
        self.header.structures.append(structure)
        self.header.usages |= {structure} if usage else set()

    def _action_of(self, text: str) -> str:
        try:
            return action_code(text)
        except ValueError as error:
            raise self._fault(str(error)) from None

    # -- data -----------------------------------------------------------------------------------------------------

    def _open_dataset(self, attributes: Attributes) -> None:
        reference = next((v for k, v in attributes.items() if k.endswith("structureRef")), "")
        self._dimension = self._dimension_at_observation.get(reference, "TIME_PERIOD")
        action = next((v for k, v in attributes.items() if k.rpartition(" ")[2] == "action"), None)
        self._action = self._action_of(action) if action else self._action
        self._dataset = _own(attributes)
        if self._element == self._in_generic:
            self._dataset = {}
        for control in CONTROL & self._dataset.keys():
            del self._dataset[control]
        self._series = {}
        self._groups.clear()

    def _in_specific(self, tag: str, attributes: Attributes) -> None:
        local = tag.rpartition(" ")[2]
        depth = len(self._path)
        if local == "Obs" and (depth == 3 or (depth == 4 and not self._path[2].endswith(" Annotations"))):
            self._row, self._line = _own(attributes), self._parser.CurrentLineNumber
            self._target = self._row
        elif local == "Series" and depth == 3:
            self._series = self._target = _own(attributes)
        elif any(part.endswith(" Annotations") for part in self._path):
            return
        elif local in ("Group", "Atts") and depth == 3:
            self._group_key = self._target = _own(attributes)
        elif local == "Comp" and self.header.layout.startswith("SDMX-ML 3"):
            target = self._dataset if depth == 3 else self._target
            self._component = (target if target is not None else {}, attributes.get("id", ""))
        elif local == "Value" and self._component is not None:
            self._text = []
        elif local != "DataProvider":
            raise self._fault(f"<{local}> is not known inside {_inside(self._path)} of {self.header.layout}")

    def _close_specific(self, local: str) -> None:
        depth = len(self._path)  # of the parent
        if local == "Obs":
            if depth == 2:
                self._series = {}
            whole = {**self._dataset, **self._series, **self._row}
            said = self._groups.of(whole)
            self._add({**said, **whole} if said else whole, self._line)
            self._target = self._series
        elif local == "Series":
            self._series = {}
        elif local in ("Group", "Atts"):
            self._groups.add(self._group_key, None)
        elif local == "Comp":
            self._component = None

    def _in_generic(self, tag: str, attributes: Attributes) -> None:
        namespace, _, local = tag.rpartition(" ")
        if any(part.endswith(" Annotations") for part in self._path):
            return
        if namespace != GENERIC:
            raise self._fault(f"<{local}> is not known inside {_inside(self._path)} of {self.header.layout}")
        if local == "Value":
            self._generic_value(attributes)
        elif local == "Series":
            self._series = {}
        elif local == "Obs":
            self._row, self._line = {}, self._parser.CurrentLineNumber
        elif local in ("SeriesKey", "ObsKey"):
            self._target = self._series if local == "SeriesKey" else self._row
        elif local == "Attributes":
            parent = self._path[-2].rpartition(" ")[2]
            self._target = {"Series": self._series, "Obs": self._row, "DataSet": self._dataset}.get(parent, {})
            if parent == "Group":
                self._groups.add(self._group_key, self._target)
        elif local == "GroupKey":
            self._group_key = self._target = {}
        elif local == "ObsDimension":
            self._row[attributes.get("id", self._dimension)] = self._value(attributes)
        elif local == "ObsValue":
            self._row[attributes.get("id", "OBS_VALUE")] = self._value(attributes)
        elif local != "Group":
            raise self._fault(f"<{local}> is not known inside {_inside(self._path)} of {self.header.layout}")

    def _generic_value(self, attributes: Attributes) -> None:
        if self._target is None or "id" not in attributes:
            raise self._fault("<Value> stands alone or names no component")
        self._target[attributes["id"]] = self._value(attributes)

    def _value(self, attributes: Attributes) -> str:
        if "value" not in attributes:
            raise self._fault(f"<{self._path[-1].rpartition(' ')[2]}> has no value")
        return attributes["value"]

    def _close(self, local: str) -> None:
        if self._element != self._in_generic:
            self._close_specific(local)
        elif local in ("SeriesKey", "ObsKey", "GroupKey", "Attributes"):
            self._target = None
        elif local == "Series":
            self._series = {}
        elif local == "Obs":
            whole = {**self._dataset, **self._series, **self._row}
            self._add({**self._groups.of(whole), **whole}, self._line)


def _own(attributes: Attributes) -> Attributes:
    """The components among an element's attributes: what is in a namespace steers the reading instead."""
    return {key: value for key, value in attributes.items() if " " not in key}


def _inside(path: list[str]) -> str:
    return "<" + "/".join(part.rpartition(" ")[2] for part in path[1:-1]) + ">"
