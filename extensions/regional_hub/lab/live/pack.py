"""The scripts of every page in one file: a sandboxed page's browser keeps none of them, and asks for each again.

`page/scripts.txt` names what a page asks for below `voila/`, as a browser did; a test holds it to what browsers ask
for now. A file that is not there, of another Voila, is left out: the page then asks for what took its place.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from regional_hub.lab.live.render import TEMPLATE

MAIN = "static/voila.js"  # of the page's scripts the one that starts the others
LOG = logging.getLogger("regional_hub.live")


@dataclass(frozen=True)
class Pack:
    """All in one, gzipped; `name` changes with a byte of it."""

    name: str
    packed: bytes


def named() -> list[str]:
    """The scripts to put together."""
    return (TEMPLATE / "scripts.txt").read_text(encoding="utf-8").split()


def make(find: Callable[[str], Path | None], names: list[str]) -> Pack:
    """Put them together, the main one last. Each of the others stays a world of its own, strict where it is strict.

    They are parts of webpack's, which wait in a list until the main script wants them. Raises FileNotFoundError
    without a main script.
    """
    main = find(MAIN)
    if main is None:
        raise FileNotFoundError(MAIN)
    found = {name: find(name) for name in names}
    if missing := [name for name, file in found.items() if file is None]:
        LOG.warning("Scripts of an app's page that are not there: %s", ", ".join(missing))
    parts = ["(()=>{" + file.read_text(encoding="utf-8") + "\n})();\n" for file in found.values() if file]
    data = "".join([*parts, main.read_text(encoding="utf-8")]).encode()
    return Pack(hashlib.sha256(data).hexdigest()[:16] + ".js", gzip.compress(data, 6))
