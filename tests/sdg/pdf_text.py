"""The text of a PDF that we made: enough of ISO 32000-1 (7.3.4 strings, 9.10.3 ToUnicode) to read it back in tests."""

from __future__ import annotations

import re
import zlib

_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_SHOWN = re.compile(rb"<([0-9A-Fa-f\s]*)>|\(((?:\\.|[^\\()])*)\)", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def text(data: bytes) -> str:
    """All text in the order in which it is drawn, without spaces between its pieces."""
    streams = [_inflated(match[1]) for match in _STREAM.finditer(data)]
    glyphs: dict[int, str] = {}
    for stream in streams:
        if b"beginbfchar" in stream or b"beginbfrange" in stream:
            glyphs |= _glyphs(stream.decode("latin-1"))
    found = []
    for stream in streams:
        if b" Tf" in stream and b"BT" in stream:
            for hexed, literal in _SHOWN.findall(b"".join(re.findall(rb"BT (.*?)\nET\n", stream, re.DOTALL))):
                raw = bytes.fromhex(hexed.decode()) if hexed else _unescaped(literal)
                codes = (int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw) - 1, 2))
                found.append("".join(glyphs.get(code, "") for code in codes))
    return "".join(found)


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(stream)  # its last byte may look like the end of a line
    except zlib.error:
        return stream


def _glyphs(cmap: str) -> dict[int, str]:
    found = {}
    for block in re.findall(r"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for code, said in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            found[int(code, 16)] = bytes.fromhex(said).decode("utf-16-be")
    for block in re.findall(r"beginbfrange(.*?)endbfrange", cmap, re.DOTALL):
        for first, last, said in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            start = int.from_bytes(bytes.fromhex(said), "big")
            found |= {code: chr(start + code - int(first, 16)) for code in range(int(first, 16), int(last, 16) + 1)}
    return found


def _unescaped(literal: bytes) -> bytes:
    def one(match: re.Match[bytes]) -> bytes:
        said = match[1]
        return bytes([int(said, 8) & 255]) if said.isdigit() else _ESCAPES.get(said, said)

    return re.sub(rb"\\([0-7]{1,3}|.)", one, literal, flags=re.DOTALL)
