"""Bundles: a notebook and the files beside it, as one thing whose content has a name. Plain Python, no Django.

Trust boundary: an upload is an attacker's until `open_upload` returned; `bundle_zip` and `bundle_notebook` judge it,
and nothing is kept before the whole of it has passed. Only `unpack` writes a bundle's files under their names.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from regional_hub.core.files import CHUNK, Files
from regional_hub.lab.share_names import BadName, check_name, check_together
from regional_hub.showcase import bundle_notebook, bundle_zip
from regional_hub.showcase.bundle_faults import BundleError, Limits

__all__ = ["Bundle", "BundleError", "Limits", "canonical", "notebook", "open_upload", "store", "unpack"]

_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}")
_LOCK = re.compile(r"[0-9a-f]{64}")
PICTURES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Bundle:
    """A notebook (`entry`) and its files by relative name: contents, or where they lie until the bundle is stored.

    `image` is the reference of the image it was made in, `lock` the SHA-256 of its environment's lock, `parameters`
    what a method declares, `picture` the file that stands for it in lists; each may be empty.
    """

    entry: str
    files: Mapping[str, bytes | Path]
    image: str = ""
    lock: str = ""
    parameters: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    picture: str = ""

    def read(self, name: str) -> bytes:
        content = self.files[name]
        return content if isinstance(content, bytes) else content.read_bytes()

    @cached_property
    def releases(self) -> list[dict[str, Any]]:
        """The releases of data that the notebook's outputs say it read."""
        return bundle_notebook.releases(self.read(self.entry), self.entry)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What `Revision.manifest` holds."""
        made: dict[str, Any] = {
            "entry": self.entry,
            "files": {name: _facts(self.files[name]) for name in sorted(self.files)},
            "image": self.image,
            "lock": self.lock,
            "releases": self.releases,
            "parameters": [dict(one) for one in self.parameters],
        }
        return made | ({"picture": self.picture} if self.picture else {})

    @property
    def digest(self) -> str:
        """The SHA-256 of the manifest in canonical JSON: equal where everything is equal."""
        return hashlib.sha256(canonical(self.manifest)).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(facts["size"] for facts in self.manifest["files"].values())


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no spaces, in UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _pieces(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def _size(content: bytes | Path) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _facts(content: bytes | Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(content):
        digest.update(piece)
        size += len(piece)
    return {"sha256": digest.hexdigest(), "size": size}


@contextmanager
def open_upload(
    stream: IO[bytes],
    limits: Limits,
    *,
    entry: str,
    image: str = "",
    lock: str = "",
    parameters: Sequence[Mapping[str, Any]] = (),
    picture: str = "",
) -> Iterator[Bundle]:
    """A bundle from a zip that somebody sent; its files are there until the block ends. Raises BundleError.

    `stream` can seek. The zip is read once, piece by piece, into a folder where files have numbers for names.
    """
    with TemporaryDirectory(prefix="bundle-") as folder:
        files = bundle_zip.extract(stream, Path(folder), limits)
        made = Bundle(entry, files, image, lock, tuple(parameters), picture)
        check(made, limits)
        yield made


def check(bundle: Bundle, limits: Limits) -> None:
    """Hold a bundle to the rules, wherever it comes from. Raises BundleError, which names the file."""
    _check_names(bundle)
    if bundle.entry not in bundle.files or not bundle.entry.endswith(".ipynb"):
        raise BundleError(
            "no-notebook", "there is no such notebook among the files", "文件中没有该笔记本", bundle.entry
        )
    if len(bundle.files) > limits.files:
        raise BundleError("too-many-files", f"more than {limits.files} files", f"文件超过 {limits.files} 个")
    sizes = {name: _size(content) for name, content in bundle.files.items()}
    for name, size in sizes.items():
        most = f"{limits.file_bytes:,}"
        if size > limits.file_bytes:
            raise BundleError("file-too-large", f"over {most} bytes", f"超过 {most} 字节", name)
    if sum(sizes.values()) > limits.bundle_bytes:
        most = f"{limits.bundle_bytes:,}"
        raise BundleError("too-large", f"the files hold over {most} bytes", f"文件总量超过 {most} 字节")
    bundle_notebook.check(bundle.read(bundle.entry), bundle.entry, limits)
    _check_facts(bundle)


def _check_names(bundle: Bundle) -> None:
    try:
        for name in bundle.files:
            check_name(name)
        check_together(bundle.files)
    except BadName as bad:
        raise BundleError("bad-name", str(bad), bad.zh) from None


def _check_facts(bundle: Bundle) -> None:
    if bundle.image and not _IMAGE.fullmatch(bundle.image):
        raise BundleError("bad-image", "this is no image reference", "镜像引用无效", bundle.image[:80])
    if bundle.lock and not _LOCK.fullmatch(bundle.lock):
        raise BundleError("bad-lock", "the lock is not a SHA-256", "环境锁不是 SHA-256", bundle.lock[:80])
    if bundle.picture and (bundle.picture not in bundle.files or not bundle.picture.lower().endswith(PICTURES)):
        kinds = ", ".join(PICTURES)
        raise BundleError(
            "bad-picture",
            f"the picture is not a file of the bundle ({kinds})",
            f"图片须为所发文件之一（{kinds}）",
            bundle.picture,
        )
    bundle.releases  # noqa: B018  (raises for records that cannot be read)


def store(files: Files, bundle: Bundle) -> dict[str, Any]:
    """Keep all files of a bundle that was checked; returns its manifest."""
    for name, facts in bundle.manifest["files"].items():
        if facts["sha256"] not in files:
            files.put(_pieces(bundle.files[name]), limit=facts["size"])
    return bundle.manifest


def unpack(files: Files, manifest: Mapping[str, Any], folder: Path) -> Path:
    """Write a revision's files below `folder`, read-only, whole or not at all; returns where the notebook lies.

    Raises FileExistsError where there is something, Damaged where a content is not what it was, BundleError for names
    that no bundle has.
    """
    if folder.exists() or folder.is_symlink():
        raise FileExistsError(f"{folder} is there already")
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}.new")
    try:
        fresh.mkdir(mode=0o755)
        for name, facts in manifest["files"].items():
            place = fresh / _safe(name)
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as file:
                file.write(files.read(facts["sha256"]))
            place.chmod(0o444)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder / _safe(manifest["entry"])


def _safe(name: str) -> str:
    try:
        return check_name(name)
    except BadName as bad:
        raise BundleError("bad-name", str(bad), bad.zh) from None


def notebook(files: Files, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The notebook of a revision as nbformat 4.5: each cell has an id that stays the same for these bytes.

    Texts are strings, not lists of lines. Cells of older notebooks, which have no ids, get `cell-1`, `cell-2`….
    """
    return bundle_notebook.read(files.read(manifest["files"][manifest["entry"]]["sha256"]))
