"""Whether a run gave what the author sent, cell by cell: apart from counters, times, addresses and ids."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image, ImageChops, ImageStat

from regional_hub.lab import provenance
from regional_hub.showcase.checks.finding import Finding, Policy, Subject

LONGEST = 2_000_000
MOST_PIXELS = 20_000_000
SIZE_APART = 0.05  # of width or height: fonts differ between machines
PIXELS_APART = 12.0  # mean difference of 255, on small copies
_SMALL = (64, 64)
_CHANGES = [
    (re.compile(r"\x1b\[[0-9;]*[A-Za-z]"), ""),
    (re.compile(r"\b0x[0-9a-fA-F]{4,}"), "0x"),
    (re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"), "UUID"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"), "TIME"),
    (re.compile(r"\b\d+(?:\.\d+)?\s?(?:ns|µs|μs|us|ms|s|sec|seconds|min)\b"), "DURATION"),
    (re.compile(r"\b(?:id|for|href|aria-[a-z]+)=(\"|')#?[\w:-]+\1"), "ID"),
    (re.compile(r"\b(?:T|altair-viz|plot|fig|chart|xr|sk-container-id|mpl|level|row|col)[_-][0-9a-f_-]{4,}\w*"), "ID"),
    (re.compile(r"(?:/[\w.-]+)*/(?:ipykernel_)?\d{2,}/\d{4,}\.py"), "CELL"),
]
_NUMBER = re.compile(r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?")


def check(subject: Subject, policy: Policy) -> list[Finding]:
    """The differences by cell; a notebook that was sent without outputs has none to compare."""
    if subject.executed is None:
        return [Finding("", "it did not run, so there is nothing to compare", "未能运行，无从比较", "look")]
    sent = [cell for cell in subject.notebook["cells"] if cell["cell_type"] == "code"]
    ran = {cell["id"]: cell for cell in subject.executed["cells"]}
    if sent and not any(cell["outputs"] for cell in sent):
        return [
            Finding("", "it was sent without outputs: those of the run are shown", "提交时没有输出：展示运行的输出")
        ]
    found = []
    for cell in sent:
        if (why := _difference(cell, ran.get(cell["id"], {"outputs": []}), policy.tolerance)) is not None:
            en, zh = why
            found.append(Finding(cell["id"], en, zh, "severe"))
    return found


def _difference(sent: Mapping[str, Any], ran: Mapping[str, Any], tolerance: float) -> tuple[str, str] | None:
    before, after = _parts(sent["outputs"]), _parts(ran["outputs"])
    if [kind for kind, _ in before] != [kind for kind, _ in after]:
        shown = [", ".join(kind for kind, _ in parts) or "-" for parts in (before, after)]
        return f"other outputs: {shown[0]} → {shown[1]}", f"输出种类不同：{shown[0]} → {shown[1]}"
    for (kind, one), (_, other) in zip(before, after, strict=True):
        if kind in ("image/png", "image/jpeg"):
            if why := pictures_differ(one, other):
                return why
        elif why := texts_differ(one, other, tolerance):
            return why
    return None


def _parts(outputs: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What of a cell's outputs is compared: pieces of a stream together, the richest form of a result, no warnings."""
    found: list[tuple[str, str]] = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            if output["name"] == "stderr":
                continue
            if found and found[-1][0] == "text":
                found[-1] = ("text", found[-1][1] + output["text"])
            else:
                found.append(("text", output["text"]))
        elif kind == "error":
            found.append(("error", output["ename"]))
        else:
            found += _richest(output["data"])
    return [(kind, content) for kind, content in found if content.strip()]


def _richest(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    if provenance.MIME in data:  # the moment of reading differs; release and flow stand in its line of text
        return [("text/plain", str(data.get("text/plain", "")))]
    order = ("json", "image/png", "image/jpeg", "image/svg", "text/html", "text/latex", "text/markdown", "text/plain")
    for wanted in order:
        for kind, content in data.items():
            if wanted in kind and "widget" not in kind:
                return [(kind, content if isinstance(content, str) else json.dumps(content, sort_keys=True))]
    return []


def normalised(text: str) -> str:
    """A text without what differs from run to run."""
    for form, instead in _CHANGES:
        text = form.sub(instead, text)
    return " ".join(text.split())


def texts_differ(one: str, other: str, tolerance: float) -> tuple[str, str] | None:
    """What differs between two texts, apart from numbers within the tolerance (relative)."""
    one, other = normalised(one[:LONGEST]), normalised(other[:LONGEST])
    if one == other:
        return None
    if _NUMBER.sub("#", one) != _NUMBER.sub("#", other):
        place = next((at for at, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))  # noqa: B905
        shown = [text[max(0, place - 10) : place + 30] for text in (one, other)]
        return f"another text: “{shown[0]}” → “{shown[1]}”", f"文字不同：“{shown[0]}” → “{shown[1]}”"
    pairs = zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True)
    apart = [(a, b) for a, b in pairs if not _close(a, b, tolerance)]
    if not apart:
        return None
    first = f"{apart[0][0]} → {apart[0][1]}"
    return f"other numbers ({len(apart)}): {first}", f"数字不同（{len(apart)} 处）：{first}"


def _close(one: str, other: str, tolerance: float) -> bool:
    a, b = float(one.replace(",", "")), float(other.replace(",", ""))
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-12)


def pictures_differ(one: str, other: str) -> tuple[str, str] | None:
    """Whether two pictures (base64) differ more than fonts and smoothing do."""
    try:
        a, b = _picture(one), _picture(other)
    except (ValueError, OSError, SyntaxError, Image.DecompressionBombError):
        return "a picture that cannot be read", "图片无法读取"
    if any(abs(x - y) > SIZE_APART * max(x, y) for x, y in zip(a.size, b.size, strict=True)):
        sizes = f"{a.size[0]}×{a.size[1]} → {b.size[0]}×{b.size[1]}"
        return f"a picture of another size: {sizes}", f"图片尺寸不同：{sizes}"
    small = [picture.convert("RGB").resize(_SMALL) for picture in (a, b)]
    apart = max(ImageStat.Stat(ImageChops.difference(*small)).rms)
    return None if apart <= PIXELS_APART else ("another picture", "图片不同")


def _picture(encoded: str) -> Image.Image:
    picture = Image.open(io.BytesIO(base64.b64decode(encoded)), formats=("PNG", "JPEG"))
    if picture.size[0] * picture.size[1] > MOST_PIXELS:
        raise ValueError("too many pixels")
    return picture
