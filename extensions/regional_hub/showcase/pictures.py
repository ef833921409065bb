"""The picture of a publication in lists and previews of links: the author's, else the notebook's first, else a cover.

Trust boundary: pictures are strangers'. Only PNG, JPEG and WebP are decoded, after a look at their size; SVG is cleaned
and drawn by a process of its own with hard limits. What is kept is drawn anew, without anything else of the file (where
it was taken, say). Made once per content, and kept under its key below `var/showcase/pictures`.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import io
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from regional_hub.core.files import Damaged, Files
from regional_hub.showcase import covers
from regional_hub.showcase.svg_clean import NotDrawn, cleaned

VERSION = 1  # raised when the same publication gets another picture
FORMATS = ("PNG", "JPEG", "WEBP")
MOST_BYTES = 20_000_000
MOST_PIXELS = 25_000_000
SECONDS = 20
# Names of sizes: width and height in pixels, and how it is written. `large` is what previews of links ask for.
SIZES = {"card.webp": (640, 336), "large.jpg": (1200, 630)}
PICTURES = ("image/png", "image/jpeg", "image/webp", "image/svg+xml")
Drawer = Callable[[Mapping[str, Any]], str | None]
NAME = re.compile(r"([0-9a-f]{32})-(card\.webp|large\.jpg)")
_CHART = re.compile(r"application/vnd\.vegalite\.v[0-9]+\+json")
_ALT_LINE = re.compile(r"(?m)^#\|\s*(?:fig-)?alt:\s*(.+)$")


@dataclass(frozen=True)
class Candidate:
    """A picture that may stand for the publication: its kind, its bytes, and what its author says it shows."""

    mime: str
    data: bytes
    alt: str = ""


def key(publication: Any) -> str:
    """What the picture of a public publication follows from, as a name; needs `public_revision`."""
    revision = publication.public_revision
    facts = [VERSION, revision.digest, (revision.built or {}).get("notebook", ""), sorted(publication.goals)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def address(publication: Any, size: str = "large.jpg") -> str:
    """Where visitors find the picture of a public publication, on this site; `large.jpg` is 1200 by 630 pixels.

    The address changes with the picture, so that it may be kept for ever.
    """
    return f"/showcase/{publication.slug}/picture/{key(publication)}-{size}"


def place(folder: Path, name: str) -> Path:
    """Where the file of this name is kept. Raises ValueError for what is no name of a picture."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a picture")
    return folder / name[:2] / name


def ensure(
    files: Files, folder: Path, publication: Any, notebook: Mapping[str, Any], draw: Drawer | None = None
) -> str:
    """Make the picture in all sizes; returns what it was made from: its mime type, or `cover`.

    `draw` gives the SVG of a Vega-Lite chart; without it those are passed over.
    """
    name, made = key(publication), "cover"
    picture: Image.Image | None = None
    for candidate in candidates(files, publication.public_revision.manifest, notebook):
        if picture := opened(candidate, draw):
            made = candidate.mime
            break
    if picture is None:
        picture = covers.cover(name, publication.goals, SIZES["large.jpg"])
    for size, (width, height) in SIZES.items():
        _write(place(folder, f"{name}-{size}"), _fitted(picture, width, height))
    return made


def candidates(files: Files, manifest: Mapping[str, Any], notebook: Mapping[str, Any]) -> Iterator[Candidate]:
    """The picture that the author chose, then those of the notebook's outputs, in order."""
    chosen = manifest.get("picture", "")
    if chosen and (facts := manifest["files"].get(chosen)) and facts["size"] <= MOST_BYTES:
        with contextlib.suppress(Damaged):
            yield Candidate("image/*", files.read(facts["sha256"]))
    yield from of_outputs(notebook)


def of_outputs(notebook: Mapping[str, Any]) -> Iterator[Candidate]:
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            for mime in (*PICTURES, *sorted(name for name in data if _CHART.fullmatch(name))):
                if made := _decoded(mime, data.get(mime)):
                    yield Candidate(mime, made, alt(cell, output, mime))
                    break


def alt(cell: Mapping[str, Any], output: Mapping[str, Any], mime: str) -> str:
    """What the author says that a picture shows: by its output, its cell, or a line `#| alt:` of its code."""
    told = output.get("metadata", {})
    chart = output.get("data", {}).get(mime)
    description = {"alt": chart.get("description")} if isinstance(chart, Mapping) else None
    for place in (told.get(mime), told, cell.get("metadata"), description):
        text = place.get("alt") if isinstance(place, Mapping) else None
        if isinstance(text, str) and text.strip():
            return " ".join(text.split())[:300]
    line = _ALT_LINE.search(str(cell.get("source", "")))
    return line[1].strip().strip("\"'")[:300] if line else ""


def _decoded(mime: str, content: Any) -> bytes:
    """The bytes of an output; none for what is no picture."""
    if isinstance(content, Mapping) and _CHART.fullmatch(mime):
        return json.dumps(content).encode()
    if not isinstance(content, str) or len(content) > MOST_BYTES * 4 // 3:
        return b""
    if mime == "image/svg+xml":
        return content.encode("utf-8", "replace")
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def opened(candidate: Candidate, draw: Drawer | None = None) -> Image.Image | None:
    """The picture as plain RGB on white, or None for what is none, too large, or broken."""
    data = candidate.data
    try:
        if _CHART.fullmatch(candidate.mime):
            svg = draw(json.loads(data)) if draw else None
            return _plain(_drawn(svg.encode())) if svg else None
        return _plain(_drawn(data) if candidate.mime == "image/svg+xml" else data)
    except NotDrawn:
        return None


def _plain(data: bytes) -> Image.Image | None:
    largest = SIZES["large.jpg"]
    try:
        # What Pillow only warns of is refused here by its size. Filters of warnings are the whole process's: untouched.
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        if picture.width * picture.height > MOST_PIXELS or min(picture.size) < 8:
            return None
        picture.draft("RGB", largest)
        turned = ImageOps.exif_transpose(picture).convert("RGBA")
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, MemoryError):
        return None
    turned.thumbnail((largest[0] * 2, largest[1] * 2))
    plain = Image.new("RGB", turned.size, "white")
    plain.paste(turned, mask=turned.getchannel("A"))
    return plain


def _drawn(svg: bytes) -> bytes:
    """An SVG as PNG. Raises NotDrawn."""
    drawing = cleaned(svg.decode("utf-8", "replace"))
    width, height = SIZES["large.jpg"]
    scale = min(width / drawing.width, height / drawing.height)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "regional_hub.showcase.svg_drawer"],
            input=f"{scale:.4f}\n{drawing.svg}".encode(),
            capture_output=True,
            timeout=SECONDS,
            check=True,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise NotDrawn(str(error)) from None
    return done.stdout


def _fitted(picture: Image.Image, width: int, height: int) -> Image.Image:
    """The whole picture on white; one of nearly the same shape fills the frame."""
    shape, frame = picture.width / picture.height, width / height
    if abs(shape / frame - 1) < 0.02:
        return ImageOps.fit(picture, (width, height))
    margin = width // 40
    inner = ImageOps.contain(picture, (width - 2 * margin, height - 2 * margin))
    made = Image.new("RGB", (width, height), "white")
    made.paste(inner, ((width - inner.width) // 2, (height - inner.height) // 2))
    return made


def _write(path: Path, picture: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    try:
        picture.save(fresh, quality=84)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
