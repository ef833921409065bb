"""An XML document as a tree, safely: a document type declaration is refused before anything in it is read.

So no entity is expanded and no address opened. For small documents (structures, metadata); data files are streamed.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers import expat

from regional_hub.sdg.structure import StructureError

LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def parse(data: bytes, name: str) -> Element:
    """Raises StructureError for what is not well-formed or declares a document type."""
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True

    def qualified(tag: str) -> str:
        return "{" + tag if "}" in tag else tag

    def doctype(*_declaration: object) -> None:
        raise StructureError(f"{name}: the file declares a document type; SDMX has none: remove <!DOCTYPE>")

    def start(tag: str, attributes: dict[str, str]) -> None:
        builder.start(qualified(tag), {qualified(key): value for key, value in attributes.items()})

    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda tag: builder.end(qualified(tag)) and None
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise StructureError(
            f"{name}, line {error.lineno}, column {error.offset + 1}: not well-formed XML, or cut off "
            f"({expat.ErrorString(error.code)})"
        ) from None
    return builder.close()


def split(tag: str) -> tuple[str, str]:
    """Namespace and local name."""
    namespace, _, local = tag.rpartition("}")
    return namespace.removeprefix("{"), local


def local(element: Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def children(element: Element | None, *names: str) -> Iterator[Element]:
    """Children with these local names, or all; none of nothing."""
    return (found for found in (element if element is not None else ()) if not names or local(found) in names)


def child(element: Element | None, *path: str) -> Element | None:
    """The first child by a path of local names."""
    for step in path:
        element = next(children(element, step), None)
    return element


def texts(element: Element, name: str) -> dict[str, str]:
    """Texts by language of the children with a name."""
    return {found.get(LANGUAGE, "en"): (found.text or "").strip() for found in children(element, name)}
