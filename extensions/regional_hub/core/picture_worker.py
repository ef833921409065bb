"""The process that draws pictures: reads specifications from its input, writes pictures to its output, knows no more.

A request is a length (4 bytes, big-endian) and JSON; an answer is 1 or 0 (drawn or not), a length, and the bytes.
"""

from __future__ import annotations

import json
import resource
import struct
import sys
from importlib import util
from pathlib import Path
from typing import Any, BinaryIO

# Raised when the same specification gives another picture: what is kept of the old look is not shown.
VERSION = 1
LARGEST_REQUEST = 64 * 1024 * 1024
CPU_SECONDS = 3600
# Of anonymous memory, heap and stack: the engine reserves far more addresses than it uses, so those say nothing.
MOST_MEMORY = 2 * 1024**3


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    import vl_convert

    if folder := _fonts():
        vl_convert.register_font_directory(str(folder))
    source, answers = sys.stdin.buffer, sys.stdout.buffer
    while request := _request(source):
        try:
            good, data = 1, _draw(vl_convert, request)
        except Exception as error:  # whatever the engine says, it goes back to who asked
            good, data = 0, str(error)[:2000].encode()
        answers.write(struct.pack(">BI", good, len(data)) + data)
        answers.flush()


def _fonts() -> Path | None:
    """Chinese and Latin letters, from the package that brings Noto Sans SC."""
    found = util.find_spec("pylopdf_fonts_zh_cn")
    return Path(found.origin).parent if found and found.origin else None


def _request(source: BinaryIO) -> dict[str, Any] | None:
    head = source.read(4)
    if len(head) < 4:
        return None
    (size,) = struct.unpack(">I", head)
    if size > LARGEST_REQUEST:
        return None
    found: dict[str, Any] = json.loads(source.read(size))
    return found


def _draw(vl_convert: Any, request: dict[str, Any]) -> bytes:
    """No address may be loaded from, whatever a specification says."""
    spec, format = request["spec"], request["format"]
    limits: dict[str, Any] = {"allowed_base_urls": []}
    if "vega-lite" not in str(spec.get("$schema", "vega-lite")):
        return _draw_vega(vl_convert, request, limits)
    if format == "svg":
        return str(vl_convert.vegalite_to_svg(spec, **limits)).encode()
    if format == "png":
        return bytes(vl_convert.vegalite_to_png(spec, scale=request["scale"], **limits))
    return bytes(vl_convert.vegalite_to_pdf(spec, **limits))


def _draw_vega(vl_convert: Any, request: dict[str, Any], limits: dict[str, Any]) -> bytes:
    """What Vega-Lite is made into, and some libraries write themselves."""
    if request["format"] == "svg":
        return str(vl_convert.vega_to_svg(request["spec"], **limits)).encode()
    if request["format"] == "png":
        return bytes(vl_convert.vega_to_png(request["spec"], scale=request["scale"], **limits))
    return bytes(vl_convert.vega_to_pdf(request["spec"], **limits))


if __name__ == "__main__":
    main()
