"""The process that turns one SVG into a PNG: reads it from its input, writes the picture to its output, and ends.

Trust boundary: the SVG is a stranger's. It comes here cleaned (`svg_clean`), and the process has neither much memory
nor much time, so that what gets through takes nobody with it.
"""

from __future__ import annotations

import resource
import sys
from importlib import util
from pathlib import Path

MEMORY = 1500 << 20  # bytes of address space
CPU_SECONDS = 10


def main() -> None:
    scale = float(sys.stdin.buffer.readline())
    svg = sys.stdin.buffer.read().decode("utf-8")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    import vl_convert

    fonts = util.find_spec("pylopdf_fonts_zh_cn")
    if fonts and fonts.origin:
        vl_convert.register_font_directory(str(Path(fonts.origin).parent))
    sys.stdout.buffer.write(vl_convert.svg_to_png(svg, scale=scale))


if __name__ == "__main__":
    main()
