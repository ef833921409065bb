"""The texts of a notebook and its files, each with the place where it stands, for the checks that read texts.

Trust boundary: contents are strangers'. They are read up to a limit, and never parsed into anything that runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from regional_hub.showcase.checks.finding import Finding, Subject

MOST_BYTES = 5 << 20  # of one text
LONGEST_LINE = 2000
_OVERLAP = 200
_ENCODED = re.compile(r"data:[\w/+.-]{1,80};base64,[A-Za-z0-9+/=\s]+|(?:[A-Za-z0-9+/]{76,}={0,2}\s*)+")


@dataclass(frozen=True)
class Text:
    """A text, where it stands, and a file name that says what it is. `is_file`: lines are told by number."""

    where: str
    name: str
    content: str
    is_file: bool = False

    def lines(self) -> Iterator[tuple[str, str]]:
        """Its lines with their places; long ones in pieces that overlap, so that no pattern takes long."""
        for number, line in enumerate(self.content.splitlines(), start=1):
            place = f"{self.where}:{number}" if self.is_file else self.where
            for start in range(0, max(1, len(line)), LONGEST_LINE):
                yield place, line[max(0, start - _OVERLAP) : start + LONGEST_LINE]


def of(subject: Subject) -> Iterator[Text]:
    """All texts: cells, outputs as sent and as executed, metadata, and files that are texts."""
    for version, notebook in enumerate(subject.versions):
        for cell in notebook["cells"]:
            if version == 0:
                kind = "code.py" if cell["cell_type"] == "code" else "text.md"
                yield Text(cell["id"], kind, cell["source"])
                yield from _metadata(cell["id"], cell.get("metadata"))
            for output in cell.get("outputs", []):
                yield from _output(cell["id"], output)
        yield from _metadata("", notebook.get("metadata"))
    for name, content in files(subject):
        if content is not None:
            yield Text(name, name, content, is_file=True)


def _metadata(where: str, metadata: Any) -> Iterator[Text]:
    if metadata:
        yield Text(where, "metadata.json", json.dumps(metadata, ensure_ascii=False, indent=1))


def _output(cell: str, output: Mapping[str, Any]) -> Iterator[Text]:
    where = f"{cell} output"
    if output["output_type"] == "stream":
        yield Text(where, "output.txt", plain(output["text"]))
    elif output["output_type"] == "error":
        yield Text(where, "output.txt", plain("\n".join([output["ename"], output["evalue"], *output["traceback"]])))
    for kind, content in output.get("data", {}).items():
        if kind.startswith("image/") and kind != "image/svg+xml":
            continue
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1)
        yield Text(where, "output.txt", plain(text))


def plain(text: str) -> str:
    """A text without terminal colours and without what is encoded pictures."""
    return _ENCODED.sub(" ", re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text[:MOST_BYTES]))


def files(subject: Subject) -> Iterator[tuple[str, str | None]]:
    """Files beside the notebook with their text, or None for those that are not text."""
    for name, read in subject.files.items():
        yield name, decode(read()[:MOST_BYTES])


def decode(data: bytes) -> str | None:
    """Bytes as text: UTF-8 (16 with its mark), else Chinese GB 18030; None where it is neither."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:8192]:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start >= len(data) - 4:  # cut in the middle of a character
            return data[: error.start].decode("utf-8-sig")
    try:
        return data.decode("gb18030")
    except UnicodeDecodeError:
        return None


def unseen(subject: Subject) -> list[Finding]:
    """What the checks of texts did not see: files that are no texts, and the ends of long ones."""
    found = []
    for name, read in subject.files.items():
        data = read()
        if decode(data[:MOST_BYTES]) is None:
            found.append(Finding(name, "not a text: nobody looked into it", "不是文本文件，未检查其内容", "note"))
        elif len(data) > MOST_BYTES:
            megabytes = MOST_BYTES >> 20
            found.append(
                Finding(name, f"only its first {megabytes} MB were read", f"只检查了前 {megabytes} MB", "note")
            )
    return found
