"""The picture that stands for a publication: one that a cell of the notebook shows, sent as a file of its own.

It knows notebooks, and nothing of who asks. Bytes of an output are only decoded, never opened as a picture here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from regional_hub.lab import share_find
from regional_hub.lab.share import Item, Limits, Plan, ShareError

NAMES = {"image/png": "showcase-picture.png", "image/jpeg": "showcase-picture.jpg"}
STARTS = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
MOST = 8
MOST_BYTES = 2 << 20  # of one picture


def found(plan: Plan) -> list[dict[str, Any]]:
    """The notebook's pictures, at most eight: `id` names one to `add`, `data` is base64, `item` its file."""
    each = (
        {"id": key, "mime": mime, "data": base64.b64encode(data).decode(), "item": vars(_item(mime, data))}
        for key, mime, data in _pictures(plan)
    )
    return [picture for picture, _ in zip(each, range(MOST), strict=False)]


def _item(mime: str, data: bytes) -> Item:
    return Item(NAMES[mime], len(data), "the picture for lists", "列表中的图片")


def add(plan: Plan, wanted: str, limits: Limits) -> Plan:
    """The plan with one of the pictures as its last file. Raises ShareError."""
    for key, mime, data in _pictures(plan):
        if key == wanted:
            item = _item(mime, data)
            files = [each for each in plan.files if each.name != item.name]
            if len(files) >= limits.files or plan.size + len(data) > limits.bundle_bytes:
                raise ShareError("too-large", "the picture does not fit in any more", "加入图片后超过上限")
            return replace(plan, files=[*files, item], made={item.name: data})
    raise ShareError(
        "no-picture", "the notebook has no such picture any more; choose again", "笔记本中已没有该图片，请重新选择"
    )


def _pictures(plan: Plan) -> Iterator[tuple[str, str, bytes]]:
    for number, cell in enumerate(share_find.read(plan.folder / plan.entry)["cells"]):
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for place, output in enumerate(outputs if isinstance(outputs, list) else []):
            shown = output.get("data") if isinstance(output, dict) else None
            if not isinstance(shown, dict):
                continue
            for mime in NAMES:
                if data := _bytes(shown.get(mime), STARTS[mime]):
                    yield f"{number}.{place}.{mime.partition('/')[2]}", mime, data


def _bytes(text: Any, start: bytes) -> bytes:
    joined = "".join(part for part in text if isinstance(part, str)) if isinstance(text, list) else text
    if not isinstance(joined, str) or len(joined) > MOST_BYTES * 4 // 3:
        return b""
    try:
        data = base64.b64decode(joined)
    except (binascii.Error, ValueError):
        return b""
    return data if data.startswith(start) else b""
