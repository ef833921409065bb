r"""Formulas: LaTeX of a stranger as MathML that may stand in a page.

Trust boundary: the converter builds elements out of the author's text, links and styles among them (`\href`, `\style`).
Nothing of its output is taken as it is: the elements are walked, those of the list below are written anew with the
attributes below, and all text is escaped. What has any other element is not shown as a formula but as its source.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from html import escape, unescape

from latex2mathml.converter import convert_to_element

from regional_hub.showcase.sanitise import Safe

LONGEST = 2000
DEEPEST = 60
MOST_MADE = 100_000
ELEMENTS = {
    "math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder",
    "mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "mmultiscripts", "mprescripts",
}  # fmt: skip
ATTRIBUTES = {
    "display", "displaystyle", "scriptlevel", "mathvariant", "stretchy", "fence", "form", "separator", "largeop",
    "movablelimits", "accent", "accentunder", "lspace", "rspace", "width", "height", "depth", "minsize", "maxsize",
    "linethickness", "columnalign", "rowspacing", "columnspacing",
}  # fmt: skip
VALUE = re.compile(r"[A-Za-z0-9.+% -]{1,60}")


def mathml(source: str, *, block: bool = False) -> Safe | None:
    """A formula as a `math` element with its source as alternative text; None where it cannot be shown as one."""
    source = source.strip()
    if not source or len(source) > LONGEST:
        return None
    try:
        made = _element(convert_to_element(source, display="block" if block else "inline"), 0)
    except Exception:  # whatever the converter does with a text that is no formula, the text is shown instead
        return None
    if made is None or len(made) > MOST_MADE:
        return None
    reached = ' tabindex="0"' if block else ""  # one of its own line may be wider than the page: it scrolls
    return Safe(made.replace("<math", f'<math alttext="{escape(source)}"{reached}', 1))


def _element(element: ElementTree.Element, depth: int) -> str | None:
    name = str(element.tag).rpartition("}")[2]
    if name not in ELEMENTS or depth > DEEPEST or (name == "math") != (depth == 0):
        return None
    attributes = "".join(
        f' {key}="{value}"' for key, value in element.attrib.items() if key in ATTRIBUTES and VALUE.fullmatch(value)
    )
    inside = [_words(element.text)]
    for child in element:
        made = _element(child, depth + 1)
        if made is None:
            return None
        inside += [made, _words(child.tail)]
    return f"<{name}{attributes}>{''.join(inside)}</{name}>"


def _words(text: str | None) -> str:
    """The converter writes characters as entities; whatever the author wrote as one becomes that character as well."""
    return escape(unescape(text or ""))
