"""Charts of notebooks as pictures, drawn by a process apart that is none of the other platforms'.

Trust boundary: a specification is a stranger's program for a JavaScript engine. What draws it (`core.pictures`) is a
process without our environment that loads no address and is ended by time and memory. Its picture is shown in an <img>,
where a browser runs nothing of it.
"""

from __future__ import annotations

import atexit
import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from regional_hub.core.pictures import Busy, Painter, Undrawable

MOST_SPEC = 4_000_000
SECONDS = 15.0  # for one chart
MOST_SECONDS = 60.0  # for all charts of a page

_log = logging.getLogger(__name__)
_PAINTER = Painter(seconds=SECONDS, pictures=50)
atexit.register(_PAINTER.stop)


def drawer(painter: Painter = _PAINTER) -> Callable[[Mapping[str, Any]], str | None]:
    """Draws the charts of one page as SVG, None for what cannot be drawn or no longer in time."""
    left = MOST_SECONDS

    def draw(spec: Mapping[str, Any]) -> str | None:
        nonlocal left
        if left <= 0 or len(json.dumps(spec)) > MOST_SPEC:
            return None
        began = time.monotonic()
        try:
            return painter.draw(spec, "svg").decode()
        except (Undrawable, Busy) as error:
            _log.info("a chart of a notebook was not drawn: %s", str(error)[:200])
            return None
        finally:
            left -= time.monotonic() - began

    return draw
