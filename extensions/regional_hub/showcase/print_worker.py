"""The process that makes documents: `notebook.typ` and `data.json` of a folder become `notebook.pdf`. It knows no more.

A picture that Typst cannot read is left out; its words stay.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

MOST_MEMORY = 1536 * 1024 * 1024
CPU_SECONDS = 60


def main() -> None:
    folder = Path(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    import pylopdf_fonts_zh_cn
    import typst

    chinese = Path(pylopdf_fonts_zh_cn.sans_path()).parent
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[chinese])

    def compiled(source: bytes) -> bytes:
        compiler: Any = typst.Compiler(
            source,
            root=str(folder),
            font_paths=fonts,
            package_path=str(folder / "none"),
            package_cache_path=str(folder / "none"),
        )
        return bytes(compiler.compile(format="pdf"))

    template = (folder / "notebook.typ").read_bytes()
    try:
        made = compiled(template)
    except Exception:  # a picture that is none: find which
        facts = json.loads((folder / "data.json").read_text("utf-8"))
        facts["pictures"] = [name if _is_good(compiled, name) else "" for name in facts["pictures"]]
        (folder / "data.json").write_text(json.dumps(facts, ensure_ascii=False), "utf-8")
        made = compiled(template)
    (folder / "notebook.pdf").write_bytes(made)


def _is_good(compiled: Any, name: str) -> bool:
    try:
        compiled(f'#image("{name}")'.encode())
    except Exception:
        return False
    return True


if __name__ == "__main__":
    main()
