"""Sharing a notebook from where it was made: what would be sent, the zip, and the one request that sends it.

For the terminal (`share_command`), JupyterLab's extension and notebooks. It holds no rules of its own: names are judged
by `share_names`, which the Showcase holds to as well, limits come from the Showcase, and what arrives is judged there.
"""

from __future__ import annotations

import ast
import hashlib
import os
import stat
import tempfile
import zipfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from regional_hub.lab import share_find, share_mark, share_parameters
from regional_hub.lab.share_names import BadName, check_name

LOCK = Path("/opt/regional-hub/requirements.txt")  # in the image: what is installed, with hashes
MB = 1 << 20
SECONDS = 120
LEFT_OUT = frozenset({"__pycache__", "node_modules"})


class ShareError(Exception):
    """It cannot be shared: a code for programs, and why in both languages."""

    def __init__(self, code: str, en: str, zh: str) -> None:
        super().__init__(en)
        self.code, self.en, self.zh = code, en, zh


@dataclass(frozen=True)
class Limits:
    """Bytes and counts; the Showcase's own are asked for by `options`."""

    bundle_bytes: int = 50 * MB
    file_bytes: int = 20 * MB
    notebook_bytes: int = 20 * MB
    files: int = 200


@dataclass(frozen=True)
class Item:
    """A file by its name in the bundle, its size in bytes, and why it goes, or does not."""

    name: str
    size: int
    why: str
    why_zh: str


@dataclass(frozen=True)
class Plan:
    """What would be sent from a folder (`files`, the notebook first), and what would not although it is named."""

    folder: Path
    entry: str
    files: list[Item]
    left_out: list[Item] = field(default_factory=list)
    made: Mapping[str, bytes] = field(default_factory=dict)  # files that are not on disk: a picture out of the notebook

    @property
    def size(self) -> int:
        return sum(item.size for item in self.files)


def plan(
    path: Path,
    *,
    entry: str = "",
    include: Collection[str] = (),
    exclude: Collection[str] = (),
    limits: Limits | None = None,
) -> Plan:
    """What goes with a notebook, or with a whole folder whose notebook is `entry` (needed where it has several).

    `include` and `exclude` are names below the folder; what is excluded never goes. Raises ShareError.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100  (resolve() would follow links)
    limits = limits or Limits()
    if path.is_dir():
        folder, notebook = path, _entry(path, entry)
        wanted = {found: ("in the folder", "位于文件夹中") for found in _all(path)}
    else:
        folder, notebook = path.parent, path
        wanted = _needed(path)
    for name in include:
        wanted[folder / name] = ("you asked for it", "您指定的文件")
    wanted.pop(notebook, None)
    files = [_item(folder, notebook, ("the notebook", "笔记本"), limits.notebook_bytes)]
    left_out: list[Item] = []
    if files[0].why != "the notebook":
        raise ShareError("notebook", f"{files[0].name}: {files[0].why}", f"{files[0].name}：{files[0].why_zh}")
    for found in sorted(wanted):
        item = _item(folder, found, wanted[found], limits.file_bytes)
        excluded = item.name in exclude
        if excluded:
            item = Item(item.name, item.size, "you left it out", "您已排除")
        (left_out if excluded or item.why != wanted[found][0] else files).append(item)
    _check_whole(files, limits)
    return Plan(folder, files[0].name, files, left_out)


def _needed(notebook: Path) -> dict[Path, tuple[str, str]]:
    try:
        return share_find.needed(notebook)
    except share_find.NoNotebook as error:
        raise ShareError("not-a-notebook", str(error), f"{notebook.name} 不是第 4 版格式的笔记本") from None
    except OSError as error:
        raise ShareError("no-file", f"{notebook}: {error.strerror}", f"{notebook}：无法读取") from None


def _entry(folder: Path, entry: str) -> Path:
    if entry:
        return folder / entry
    found = [path for path in _all(folder) if path.suffix == ".ipynb"]
    beside = [path for path in found if path.parent == folder] or found
    if len(beside) != 1:
        names = ", ".join(path.name for path in beside[:5])
        raise ShareError(
            "which-notebook",
            f"there are {len(beside)} notebooks ({names}); say which one is to be shown" if beside else "no notebook",
            f"有 {len(beside)} 个笔记本（{names}），请指定要展示的一个" if beside else "没有笔记本",
        )
    return beside[0]


def _all(folder: Path) -> list[Path]:
    """All files below a folder but hidden ones; links are not followed."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in LEFT_OUT)
        found += [Path(place) / name for name in sorted(names) if not name.startswith(".")]
    return found


def _item(folder: Path, path: Path, why: tuple[str, str], most: int) -> Item:
    """A file with its reason; another reason than `why` says why it does not go."""
    name = os.path.relpath(path, folder)
    try:
        check_name(name)
        facts = path.lstat()
    except BadName as bad:
        return Item(name, 0, str(bad).partition(": ")[2], bad.zh.partition("：")[2])
    except (OSError, ValueError):
        return Item(name, 0, "it is not there, or cannot be read", "不存在或无法读取")
    parents = [folder.joinpath(*Path(name).parts[:depth]) for depth in range(1, len(Path(name).parts))]
    if not stat.S_ISREG(facts.st_mode) or any(parent.is_symlink() for parent in parents):
        return Item(name, 0, "a link or a special file", "链接或特殊文件")
    if facts.st_size > most:
        return Item(name, facts.st_size, f"over {most / MB:g} MB", f"超过 {most / MB:g} MB")
    return Item(name, facts.st_size, *why)


def _check_whole(files: list[Item], limits: Limits) -> None:
    size = sum(item.size for item in files)
    if len(files) > limits.files:
        said = f"{len(files)} files, more than {limits.files}", f"文件 {len(files)} 个，超过 {limits.files} 个"
        raise ShareError("too-many-files", *said)
    if size > limits.bundle_bytes:
        most = limits.bundle_bytes / MB
        said = f"{size / MB:.1f} MB, more than {most:g} MB", f"共 {size / MB:.1f} MB，超过 {most:g} MB"
        raise ShareError("too-large", *said)


# -- sending -----------------------------------------------------------------------------------------------------------


def pack(wanted: Plan) -> IO[bytes]:
    """The zip of a plan, at its beginning. Raises ShareError for what changed into something else since."""
    packed: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=8 * MB)  # noqa: SIM115  (the caller closes it)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for item in wanted.files:
            made = wanted.made.get(item.name)
            data = _read(wanted.folder / item.name, item.size) if made is None else made
            archive.writestr(item.name, share_mark.without(data) if item.name == wanted.entry else data)
    packed.seek(0)
    return packed


def _read(path: Path, size: int) -> bytes:
    """A regular file that grew by no more than a little since the plan was made; never through a link."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as file:
            data = file.read(size + MB + 1)
    except OSError as error:
        raise ShareError("no-file", f"{path.name}: {error.strerror}", f"{path.name}：无法读取") from None
    if len(data) > size + MB:
        raise ShareError("changed", f"{path.name} grew since it was listed", f"{path.name} 在列出后变大了")
    return data


def facts(wanted: Plan) -> dict[str, Any]:
    """What is sent of the environment: image, lock and declared parameters."""
    return {
        "entry": wanted.entry,
        "image": os.environ.get("REGIONAL_HUB_IMAGE", ""),
        "lock": hashlib.sha256(LOCK.read_bytes()).hexdigest() if LOCK.is_file() else "",
        "parameters": parameters(share_find.read(wanted.folder / wanted.entry)),
    }


def declared(wanted: Plan) -> list[dict[str, Any]]:
    """What a method declares (see `share_parameters`). Raises ShareError for a declaration that does not stand."""
    notebook = share_find.read(wanted.folder / wanted.entry)
    try:
        share_parameters.outputs(notebook)
        return share_parameters.parameters(notebook)
    except share_parameters.BadDeclaration as bad:
        raise ShareError("bad-parameters", f"{wanted.entry}: {bad.en}", f"{wanted.entry}：{bad.zh}") from None


def parameters(notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the cell with the tag `parameters` (papermill's) assigns: name, type, default; plain values only."""
    found: list[dict[str, Any]] = []
    for cell in notebook["cells"]:
        if "parameters" not in (cell.get("metadata") or {}).get("tags", []):
            continue
        try:
            body = ast.parse("".join(cell.get("source") or "")).body
        except SyntaxError:
            continue
        for line in body:
            match line:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    found += _declared(name, value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    found += _declared(name, value)
    return found


def _declared(name: str, value: ast.expr) -> list[dict[str, Any]]:
    try:
        default = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return []
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    kind = kinds.get(type(default))
    return [{"name": name, "type": kind, "default": default}] if kind else []


class Showcase:
    """The Showcase of the hub that this server belongs to, called as its owner. Raises ShareError."""

    def __init__(self, url: str = "", token: str = "", transport: Any = None) -> None:
        self._url = (url or os.environ.get("REGIONAL_HUB_DATA_URL", "")).rstrip("/")
        self._token = token or os.environ.get("JUPYTERHUB_API_TOKEN", "")
        self._transport = transport
        if not self._url.startswith(("http://", "https://")) or not self._token:
            raise ShareError("no-hub", "this is no server of a hub", "当前不在 Hub 的服务器中")

    def call(self, method: str, path: str, **more: Any) -> Any:
        """One call of the API below /showcase/api/; its answer as Python, or as bytes where it is no JSON."""
        import httpx  # a terminal's `--help` does not wait for it

        headers = {"Authorization": f"token {self._token}"}
        try:
            with httpx.Client(trust_env=False, timeout=SECONDS, transport=self._transport) as client:
                answer = client.request(method, f"{self._url}/showcase/api/{path}", headers=headers, **more)
        except httpx.TransportError as error:
            name = type(error).__name__
            raise ShareError("no-hub", f"the hub does not answer ({name})", f"Hub 没有响应（{name}）") from error
        if answer.is_success:
            return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.content
        raise _fault(answer)

    def limits(self) -> Limits:
        """The Showcase's own limits."""
        options = self.call("GET", "options")
        return Limits(**{name: int(options[name]) for name in Limits.__dataclass_fields__})

    def publish(
        self, wanted: Plan, said: Mapping[str, Any], progress: Callable[[int, int], None] | None = None
    ) -> dict[str, Any]:
        """Send a plan: `said` adds to its facts (`said`, `readers`, `slug`, `note`, `picture`: see the API)."""
        import json

        sent = {**facts(wanted), **said}
        if (sent.get("said") or {}).get("kind") == "method":
            sent["parameters"] = declared(wanted)
        body = json.dumps(sent, ensure_ascii=False)
        with pack(wanted) as packed:
            size = packed.seek(0, 2)
            packed.seek(0)
            stream = _Told(packed, size, progress) if progress else packed
            files = {"bundle": ("bundle.zip", stream, "application/zip")}
            answer: dict[str, Any] = self.call("POST", "publications", data={"facts": body}, files=files)
        return answer


def _fault(answer: Any) -> ShareError:
    try:
        said = answer.json()["error"]
        return ShareError(str(said["code"]), str(said["en"]), str(said["zh"]))
    except (ValueError, KeyError, TypeError):
        code = answer.status_code
        return ShareError("no-hub", f"the hub answered {code}", f"Hub 返回 {code}")


class _Told:
    """A file that says how far it was read."""

    def __init__(self, file: IO[bytes], size: int, progress: Callable[[int, int], None]) -> None:
        self._file, self._size, self._progress = file, size, progress

    def read(self, count: int = -1) -> bytes:
        data = self._file.read(count)
        self._progress(self._file.tell(), self._size)
        return data

    def seek(self, place: int, whence: int = 0) -> int:
        return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.tell()
