"""Citations in the forms that people's tools read: plain text, BibTeX, RIS and CSL-JSON. It knows no platform."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

TEX = {"\\": r"\textbackslash{}", **{letter: f"\\{letter}" for letter in "&%$#_{}"}, "~": r"\textasciitilde{}"}


def tex(text: str) -> str:
    """Text in BibTeX: what LaTeX would take for a command is said as a character."""
    return "".join(TEX.get(letter, letter) for letter in text)


@dataclass(frozen=True)
class Work:
    """What is cited. `kind` is its genre in words, `version` names exactly what was read, `link` stays for ever."""

    key: str
    title: str
    authors: Sequence[str]
    on: date
    kind: str
    version: str
    publisher: str
    link: str
    licence: str = ""
    language: str = "en"
    keywords: Sequence[str] = ()

    @property
    def text(self) -> str:
        """One line for a list of references."""
        if self.language.startswith("zh"):
            named = "，".join(self.authors)
            return (
                f"{named}（{self.on.year}）。{self.title}［{self.kind}，{self.version}］。{self.publisher}。{self.link}"
            )
        named = ", ".join(self.authors)
        return f"{named} ({self.on.year}). {self.title} [{self.kind}, {self.version}]. {self.publisher}. {self.link}"

    @property
    def bibtex(self) -> str:
        """An entry for BibTeX; names are kept together, whichever of their parts is the family's."""
        fields = {
            "author": " and ".join(f"{{{tex(_line(name))}}}" for name in self.authors),
            "title": f"{{{tex(_line(self.title))}}}",
            "year": str(self.on.year),
            "month": str(self.on.month),
            "version": tex(self.version),
            "publisher": f"{{{tex(_line(self.publisher))}}}",
            "howpublished": tex(self.kind),
            "note": tex(self.licence),
            "url": self.link,
        }
        lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
        return f"@misc{{{re.sub(r'[^A-Za-z0-9-]+', '', self.key)},\n{lines}\n}}\n"

    @property
    def ris(self) -> str:
        """RIS (Research Information Systems, 2012 specification): one tag a line, CRLF between them."""
        tags = [("TY", "GEN"), ("TI", self.title), *(("AU", name) for name in self.authors)]
        tags += [("PY", str(self.on.year)), ("DA", f"{self.on:%Y/%m/%d}/"), ("ET", self.version), ("M3", self.kind)]
        tags += [("PB", self.publisher), ("UR", self.link), ("LA", self.language), ("C1", self.licence)]
        tags += [("KW", word) for word in self.keywords]
        return "".join(f"{tag}  - {_line(value)}\r\n" for tag, value in tags if value) + "ER  - \r\n"

    @property
    def csl(self) -> str:
        """CSL-JSON, which Zotero, pandoc and word processors read."""
        entry = {
            "id": self.key,
            "type": "document",
            "genre": self.kind,
            "title": self.title,
            "author": [{"literal": name} for name in self.authors],
            "issued": {"date-parts": [[self.on.year, self.on.month, self.on.day]]},
            "version": self.version,
            "publisher": self.publisher,
            "URL": self.link,
            "language": self.language,
            "keyword": ", ".join(self.keywords),
            "note": self.licence,
        }
        return json.dumps([{name: value for name, value in entry.items() if value}], ensure_ascii=False, indent=2)


def _line(text: str) -> str:
    """On one line: a new one would begin a tag of somebody else's choice."""
    return " ".join(text.split())
