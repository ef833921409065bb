"""What strangers wrote, made harmless for a page of the portal.

Trust boundary: everything here comes from a notebook's author or from code that they ran. What leaves has no script, no
style, no form, no address but of links that a reader follows, and no id or class but those that the caller issued.
The content security policy of the pages holds behind it.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Collection
from html import escape

import nh3
from pygments.token import STANDARD_TYPES

MOST_HTML = 500_000
MOST_TEXT = 50_000
MOST_IMAGE = 5_000_000
MOST_SVG = 2_000_000
MOST_PIXELS = 50_000_000

# Tables and text. No svg and no math: foreign elements change how HTML is parsed, which is how filters are passed by.
TEXT = [
    "a",
    "abbr",
    "b",
    "br",
    "cite",
    "code",
    "del",
    "em",
    "i",
    "img",
    "ins",
    "kbd",
    "q",
    "s",
    "samp",
    "small",
    "span",
]
MORE_TEXT = ["strong", "sub", "sup", "u", "var"]
BLOCKS = ["blockquote", "dd", "details", "div", "dl", "dt", "hr", "li", "ol", "p", "pre", "summary", "ul"]
TABLES = ["caption", "table", "tbody", "td", "tfoot", "th", "thead", "tr"]
TAGS = {*TEXT, *MORE_TEXT, *BLOCKS, *TABLES, "h1", "h2", "h3", "h4", "h5", "h6"}
# Not only the tags go, but what is between them: it is not text for readers.
DROPPED = {"script", "style", "iframe", "object", "noscript", "template", "svg", "math"}
DROPPED |= {"title", "textarea", "xmp", "noembed", "noframes"}
ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt"},
    "ol": {"start"},
    "span": {"class"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
} | {f"h{level}": {"id"} for level in range(1, 7)}
LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)
NUMBER = re.compile(r"[0-9]{1,3}")
HIGHLIGHT = {name for name in STANDARD_TYPES.values() if name}
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
OVERWRITTEN = re.compile(r"^.*\r(?!$)", re.MULTILINE)
MAGIC = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}


class Safe(str):
    """HTML that may stand in a page as it is; templates know it by `__html__`."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def note(english: str, chinese: str) -> Safe:
    """A remark of the portal in place of what is not shown."""
    return Safe(f'<p class="notebook-note">{escape(english)} <span lang="zh-Hans">{escape(chinese)}</span></p>')


def html(
    text: str,
    ids: Collection[str] = (),
    pictures: Collection[str] = (),
    files: Collection[str] = (),
    marks: Collection[str] = (),
) -> Safe:
    """HTML with tables and formatted text only.

    Headings keep `ids`, images a source among `pictures`, links an address among `files`, spans a class among `marks`.
    """

    def kept(tag: str, attribute: str, value: str) -> str | None:
        held = {
            "href": lambda: LINK.match(value) is not None or value in files,
            "src": lambda: value in pictures,
            "id": lambda: value in ids,
            "class": lambda: value in HIGHLIGHT or value in marks,
            "start": lambda: NUMBER.fullmatch(value) is not None,
            "colspan": lambda: NUMBER.fullmatch(value) is not None,
            "rowspan": lambda: NUMBER.fullmatch(value) is not None,
            "scope": lambda: value in {"col", "row"},
            "alt": lambda: tag == "img",
        }
        return value if attribute in held and held[attribute]() else None

    return Safe(
        nh3.clean(
            text,
            tags=TAGS,
            clean_content_tags=DROPPED,
            attributes=ATTRIBUTES,
            attribute_filter=kept,
            generic_attribute_prefixes=set(),
            url_schemes={"http", "https", "mailto", "data"},  # data: of `pictures` only
            link_rel="noopener noreferrer nofollow",
        )
    )


def plain(text: str, most: int = MOST_TEXT) -> tuple[str, bool]:
    """Text of a terminal without its colours and overwritten lines, and whether it was cut at `most` characters."""
    begins = text[: 4 * most].replace("\r\n", "\n")
    shown = CONTROLS.sub("", OVERWRITTEN.sub("", ESCAPES.sub("", begins)))
    return shown[:most], len(shown) > most or len(text) > 4 * most


def picture(mime: str, data: str) -> str | None:
    """A picture as a `data:` address, or None if it is not what it says it is, or too large.

    In an <img> a browser neither runs scripts of SVG nor loads what it refers to.
    """
    if mime == "image/svg+xml":
        is_one = len(data) <= MOST_SVG and "<svg" in data and "<!ENTITY" not in data
        return _address(mime, data.encode("utf-8", "replace")) if is_one else None
    if mime not in MAGIC or len(data) > MOST_IMAGE * 4 // 3 + 100_000:
        return None
    try:
        content = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if not content.startswith(MAGIC[mime]) or len(content) > MOST_IMAGE or _is_bomb(mime, content):
        return None
    return _address(mime, content)


def _address(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def _is_bomb(mime: str, content: bytes) -> bool:
    """PNG (section 11.2.1, IHDR): width and height stand at byte 16; a small file may say 60,000 × 60,000 pixels."""
    if mime != "image/png":
        return False
    if len(content) < 24:
        return True
    width, height = struct.unpack(">II", content[16:24])
    return bool(width * height > MOST_PIXELS)
