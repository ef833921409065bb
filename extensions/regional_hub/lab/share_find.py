"""Which files a notebook needs: those beside or below it that it names, in code, in magics and in text.

It reads, and runs nothing. It is a proposal that a person sees before anything is sent; names decide at the Showcase.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

MOST_MATCHES = 500  # of one pattern or folder
LONGEST = 400  # characters of a text that could be a path
_GLOB = re.compile(r"[*?\[]")
_QUOTED = re.compile(r"""(['"])((?:(?!\1)[^\\\n])+)\1""")
_LINKS = re.compile(r"""!?\[[^\]]*\]\(\s*<?([^)<>\s]+)>?(?:\s+["'(][^)]*)?\)|(?:src|href)\s*=\s*["']([^"']+)["']""")
_REFERENCES = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)", re.M)


class NoNotebook(ValueError):
    """A file that is no notebook; the message says why."""


@dataclass
class Needs:
    """What was found: path below the folder -> why, in English and Chinese."""

    folder: Path
    why: dict[Path, tuple[str, str]] = field(default_factory=dict)

    def add(self, path: Path, en: str, zh: str) -> bool:
        """Note a file below the folder; whether it is a new one."""
        path = Path(os.path.normpath(path))
        if path in self.why or not path.is_relative_to(self.folder) or not path.is_file():
            return False
        self.why[path] = (en, zh)
        return True


def read(path: Path) -> dict[str, Any]:
    """A notebook's content. Raises NoNotebook."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise NoNotebook(f"{path.name} is not a notebook: not JSON") from None
    if not isinstance(found, dict) or found.get("nbformat") != 4 or not isinstance(found.get("cells"), list):
        raise NoNotebook(f"{path.name} is not a notebook of format 4")
    return found


def needed(notebook: Path) -> dict[Path, tuple[str, str]]:
    """The files beside a notebook that it names, each with the reason. Raises NoNotebook and OSError."""
    needs = Needs(notebook.parent)
    for number, cell in enumerate(read(notebook)["cells"], start=1):
        where = (f"cell {number}", f"第 {number} 个单元格")
        source = cell.get("source") or ""
        text = source if isinstance(source, str) else "".join(map(str, source))
        if cell.get("cell_type") == "markdown":
            _of_markdown(needs, text, where)
        elif cell.get("cell_type") == "code":
            _of_code(needs, needs.folder, text, where)
    needs.why.pop(notebook, None)
    return needs.why


def _of_markdown(needs: Needs, text: str, where: tuple[str, str]) -> None:
    addresses = [one or other for one, other in _LINKS.findall(text)] + _REFERENCES.findall(text)
    for address in addresses:
        try:
            parts = urlsplit(address)
        except ValueError:
            continue
        if not parts.scheme and not parts.netloc and parts.path:
            _take(needs, needs.folder, unquote(parts.path), where, folders=False)


def _of_code(needs: Needs, base: Path, text: str, where: tuple[str, str]) -> None:
    """Texts, imports and magics of a cell or a module."""
    plain, magics = _without_magics(text)
    for line in magics:
        _of_magic(needs, base, line, where)
    try:
        tree = ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        for _, word in _QUOTED.findall(plain):
            _take(needs, base, word, where, folders=False)
        return
    for word, is_argument in _texts(tree):
        _take(needs, base, word, where, folders=is_argument)
    for module in _imports(tree):
        _of_module(needs, base, module)


def _without_magics(text: str) -> tuple[str, list[str]]:
    """Code that Python can read, and the lines that only IPython can."""
    if text.lstrip().startswith("%%"):
        first, _, rest = text.lstrip().partition("\n")
        python = first.split()[0] in ("%%time", "%%timeit", "%%capture", "%%prun")
        return (rest, []) if python else ("", [first, *([] if first.startswith("%%writefile") else rest.splitlines())])
    kept, magics = [], []
    for line in text.splitlines():
        bare = line.lstrip()
        if bare.startswith(("%", "!", "?")) or bare.endswith("?"):
            magics.append(bare)
            kept.append(line[: len(line) - len(bare)] + "pass")
        else:
            kept.append(line)
    return "\n".join(kept), magics


def _of_magic(needs: Needs, base: Path, line: str, where: tuple[str, str]) -> None:
    try:
        words = shlex.split(line.lstrip("%!?"), comments=True)
    except ValueError:
        words = line.lstrip("%!?").split()
    for word in words:
        _take(needs, base, word, where, folders=False)
        if line.startswith("%run") and not word.endswith((".py", ".ipynb")):
            _take(needs, base, f"{word}.py", where, folders=False)


def _texts(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Texts that could be paths, and whether they are an argument of a call; `a / "b"` and f-strings too."""
    arguments = {
        id(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]
    }
    # `Path("data") / "a.csv"` names the file and not the folder.
    starts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.BinOp) for part in ast.walk(node.left)}
    arguments -= starts
    for node in ast.walk(tree):
        word = _word(node)
        if word:
            yield word, id(node) in arguments or isinstance(node, ast.BinOp)


def _word(node: ast.AST) -> str:
    """The text of a node, with `*` for what only the running code knows."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_word(value) if isinstance(value, ast.Constant) else "*" for value in values)
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            end = _word(right)
            start = _word(left.args[0]) if isinstance(left, ast.Call) and left.args else _word(left)
            return f"{start}/{end}" if start and end else ""
    return ""


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level <= 1:
            yield node.module or ""
            for alias in node.names:
                yield f"{node.module}.{alias.name}" if node.module else alias.name


def _of_module(needs: Needs, base: Path, module: str) -> None:
    """A module beside the notebook, what packages it is in, and what it needs itself."""
    place = base
    for part in module.split("."):
        if not part.isidentifier():
            return
        place = place / part
        for found in (place / "__init__.py", place.with_suffix(".py")):
            if needs.add(found, f"imported as {module}", f"以 {module} 导入"):
                _of_file(needs, found)


def _of_file(needs: Needs, path: Path) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError):
        return
    # A module's own paths are mostly relative to the notebook, whose folder is where the kernel runs.
    for base in dict.fromkeys((needs.folder, path.parent)):
        _of_code(needs, base, text, (path.name, path.name))


def _take(needs: Needs, base: Path, word: str, where: tuple[str, str], *, folders: bool) -> None:
    word = word.removeprefix("file:").strip()
    if not word or len(word) > LONGEST or "\n" in word or "\0" in word or word in (".", "./"):
        return
    try:
        for found in _matches(base, word, folders):
            if needs.add(found, f"named in {where[0]}", f"{where[1]}中用到") and found.suffix == ".py":
                _of_file(needs, found)
    except (OSError, ValueError):  # no path at all
        return


def _matches(base: Path, word: str, folders: bool) -> list[Path]:
    if Path(word).is_absolute() or word.startswith("~"):
        return []
    if _GLOB.search(word):
        if not re.search(r"[A-Za-z0-9_\u0080-\uffff]", word) or ".." in word:
            return []
        return sorted(path for path in base.glob(word) if path.is_file())[:MOST_MATCHES]
    place = base / word
    if place.is_dir():
        deep = folders or word.endswith("/")
        return sorted(path for path in place.rglob("*") if path.is_file())[:MOST_MATCHES] if deep else []
    return [base.joinpath(*Path(word).parts)]
