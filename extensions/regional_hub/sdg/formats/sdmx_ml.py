"""Reads SDMX-ML 2.1 data messages, structure-specific and generic, as a stream.

Standard: SDMX 2.1 Technical Specifications, section 3A (SDMX-ML schemas). The parser is expat itself: no tree is built,
a document type declaration is refused before anything in it is read, and so no entity is ever expanded and no address
opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO
from xml.parsers import expat

from regional_hub.sdg.formats import BATCH_BYTES, FormatError, Header, Message, Row, Structure

V21 = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1/"
GENERIC = V21 + "data/generic"
ROOTS = {
    V21 + "message StructureSpecificData": "SDMX-ML 2.1 StructureSpecificData",
    V21 + "message StructureSpecificTimeSeriesData": "SDMX-ML 2.1 StructureSpecificTimeSeriesData",
    V21 + "message GenericData": "SDMX-ML 2.1 GenericData",
    V21 + "message GenericTimeSeriesData": "SDMX-ML 2.1 GenericTimeSeriesData",
}
# Namespaces by which a file says that it follows another version of the standard.
OTHER_VERSIONS = {"v1_0": "1.0", "v2_0": "2.0", "v3_0": "3.0", "v3_1": "3.1"}
HEADER_TEXTS = {"ID": "id", "Prepared": "prepared"}

Attributes = dict[str, str]


def read(file: BinaryIO, name: str) -> Message:
    """Read the header now and the observations as they are asked for.

    `name` is how errors call the file. Raises FormatError, here or while iterating, for what is not SDMX-ML 2.1 data.
    """
    reader = _Reader(name)
    batches = reader.batches(file)
    first = next(batches, [])  # the header stands before the first observation

    def all_batches() -> Iterator[list[Row]]:
        yield first
        yield from batches

    return Message(reader.header, all_batches())


class _Groups:
    """Attributes that a file gives once for all series that share some dimensions."""

    def __init__(self) -> None:
        self._found: list[tuple[Attributes, Attributes | None]] = []

    def add(self, key: Attributes, attributes: Attributes | None) -> None:
        """`attributes` is None where the layout does not tell key and attributes apart (structure-specific)."""
        self._found.append((key, attributes))

    def clear(self) -> None:
        self._found.clear()

    def of(self, series: Attributes) -> Attributes:
        """What the groups say of a series.

        A component is attached in one place only, so what group and series both name is the group's key.
        """
        said: Attributes = {}
        for key, attributes in self._found:
            shared = key.keys() & series.keys()
            if shared and all(key[part] == series[part] for part in shared):
                said.update(attributes if attributes is not None else {k: key[k] for k in key.keys() - shared})
        return said


class _Reader:
    """The state of one pass: where in the message we are, and what holds for the next observation."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.header = Header(layout="")
        self._path: list[str] = []
        self._rows: list[Row] = []
        self._text: list[str] | None = None
        self._dataset: Attributes = {}
        self._series: Attributes = {}
        self._groups = _Groups()
        self._row: Row = {}
        self._target: Attributes | None = None  # where generic Values go
        self._group_key: Attributes = {}
        self._dimension_at_observation: dict[str, str] = {}
        self._dimension = "TIME_PERIOD"
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._element: Callable[[str, Attributes], None] = self._in_specific

    def batches(self, file: BinaryIO) -> Iterator[list[Row]]:
        size = 0
        try:
            while chunk := file.read(BATCH_BYTES):
                size += len(chunk)
                self._parser.Parse(chunk, False)
                if self._rows:
                    rows, self._rows = self._rows, []
                    yield rows
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise FormatError(self._explain(error)) from None
        if self._rows:
            yield self._rows

    def _explain(self, error: expat.ExpatError) -> str:
        place = f"{self.name}, line {error.lineno}, column {error.offset + 1}"
        what = expat.ErrorString(error.code)
        cut = (expat.errors.XML_ERROR_NO_ELEMENTS, expat.errors.XML_ERROR_UNCLOSED_TOKEN)
        if what in (*cut, expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION, expat.errors.XML_ERROR_PARTIAL_CHAR):
            return f"{place}: the file ends in the middle; it was cut off while it was written or copied: get it again"
        return f"{place}: not well-formed XML ({what})"

    def _fault(self, what: str) -> FormatError:
        return FormatError(f"{self.name}, line {self._parser.CurrentLineNumber}: {what}")

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
            self._close_header_text(local)
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
        if namespace.startswith(V21):
            raise self._fault(f"this is an SDMX-ML 2.1 message of kind {local}, which holds no data")
        raise self._fault(f"not SDMX: the outermost element is <{local}>")

    def _in_header(self, tag: str, attributes: Attributes) -> None:
        local = tag.rpartition(" ")[2]
        depth = len(self._path)
        if depth == 3 and (local in HEADER_TEXTS or local == "Test"):
            self._text = []
        elif depth == 3 and local == "Sender":
            self.header.sender = attributes.get("id", "")
        elif depth == 3 and local == "Structure":
            self._dimension_at_observation[attributes.get("structureID", "")] = attributes.get(
                "dimensionAtObservation", "TIME_PERIOD"
            )
        elif local == "Ref" and self._path[2].endswith(" Structure"):
            structure = Structure(*(attributes.get(part, "") for part in ("agencyID", "id", "version")))
            self.header.structures.append(str(structure))
        elif local == "URN" and self._path[2].endswith(" Structure"):
            self._text = []

    def _close_header_text(self, local: str) -> None:
        text = "".join(self._text or []).strip()
        self._text = None
        if local in HEADER_TEXTS:
            setattr(self.header, HEADER_TEXTS[local], text)
        elif local == "Test":
            self.header.test = text in ("true", "1")
        elif local == "URN":
            self.header.structures.append(text.rpartition("=")[2])

    # -- data -----------------------------------------------------------------------------------------------------

    def _open_dataset(self, attributes: Attributes) -> None:
        reference = next((v for k, v in attributes.items() if k.endswith("structureRef")), "")
        self._dimension = self._dimension_at_observation.get(reference, "TIME_PERIOD")
        self._dataset = {key: value for key, value in attributes.items() if " " not in key}
        if self._element == self._in_generic:
            self._dataset = {}
        self._series = {}
        self._groups.clear()

    def _in_specific(self, tag: str, attributes: Attributes) -> None:
        local = tag.rpartition(" ")[2]
        depth = len(self._path)
        if any(part.endswith(" Annotations") for part in self._path):
            return
        if local == "Obs" and depth in (3, 4):
            own = {key: value for key, value in attributes.items() if " " not in key}
            if depth == 3:
                own = {**self._groups.of(own), **own}
            self._rows.append({**self._dataset, **self._series, **own})
        elif local == "Series" and depth == 3:
            key = {key: value for key, value in attributes.items() if " " not in key}
            self._series = {**self._groups.of(key), **key}
        elif local == "Group" and depth == 3:
            self._groups.add({key: value for key, value in attributes.items() if " " not in key}, None)
        else:
            raise self._fault(f"<{local}> is not known inside {_inside(self._path)} of {self.header.layout}")

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
            self._row = {}
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
        if local in ("SeriesKey", "ObsKey", "GroupKey", "Attributes"):
            self._target = None
        elif local == "Series":
            self._series = {}
        elif local == "Obs" and self._element == self._in_generic:
            whole = {**self._dataset, **self._series, **self._row}
            self._rows.append({**self._groups.of(whole), **whole})


def _inside(path: list[str]) -> str:
    return "<" + "/".join(part.rpartition(" ")[2] for part in path[1:-1]) + ">"
