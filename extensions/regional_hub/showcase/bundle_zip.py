"""Zips that strangers send: read once, held to the limits, and laid out under numbers instead of names.

Trust boundary: nothing here believes what a zip says of itself; sizes are counted as bytes come out.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

from regional_hub.core.files import CHUNK
from regional_hub.lab.share_names import BadName, check_name, check_together, shorten
from regional_hub.showcase.bundle_faults import MB, BundleError, Limits

_END = struct.Struct("<4s4H2LH")  # the end of the central directory (APPNOTE 4.3.16)
_LOCATOR = 20  # bytes of zip64's locator, which stands before it
_ENTRY = (
    46 + 4 * 1024
)  # what one entry of the directory takes, with the longest name and the extras that programs write
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def extract(stream: IO[bytes], folder: Path, limits: Limits) -> dict[str, Path]:
    """Lay the files of a zip into `folder` as 0, 1, 2…; returns them by name. Raises BundleError."""
    _check_directory(stream, limits)
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = [_judged(entry) for entry in archive.infolist() if not entry.is_dir()]
            _check_all(entries, limits, _size(stream))
            left = limits.bundle_bytes
            files = {}
            for number, entry in enumerate(entries):
                files[entry.filename] = folder / str(number)
                left -= _copy(archive, entry, files[entry.filename], min(left, limits.file_bytes))
            return files
    except BundleError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise BundleError("bad-zip", f"the zip cannot be read ({error})", "无法读取该 zip 文件") from None


def _size(stream: IO[bytes]) -> int:
    return stream.seek(0, 2)


def _check_directory(stream: IO[bytes], limits: Limits) -> None:
    """Before Python reads the whole directory into memory: plain zip, no comment, not more entries than allowed."""
    size = _size(stream)
    if size > limits.bundle_bytes:
        raise BundleError("too-large", f"over {limits.bundle_bytes:,} bytes", f"超过 {limits.bundle_bytes:,} 字节")
    stream.seek(max(0, size - _END.size - _LOCATOR))
    tail = stream.read()
    if len(tail) < _END.size or tail[-_END.size :][:4] != b"PK\5\6":
        raise BundleError("bad-zip", "not a zip, or one with a comment", "不是 zip 文件，或带有注释")
    _, disk, first, here, entries, directory, _, comment = _END.unpack(tail[-_END.size :])
    if disk or first or comment or here != entries or entries == 0xFFFF or b"PK\6\7" in tail:
        raise BundleError(
            "bad-zip", "not a plain zip (zip64, in parts, or with a comment)", "不是普通 zip（zip64、分卷或带注释）"
        )
    # Folders have entries as well, so twice as many as files; the directory's size is what costs memory.
    if entries > 2 * limits.files or directory > 2 * limits.files * _ENTRY:
        raise BundleError("too-many-files", f"more than {limits.files} files", f"文件超过 {limits.files} 个")


def _judged(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    # Python cuts names at a null byte and turns the host's separators: judge what was really there.
    name = entry.orig_filename
    if kind not in (0, stat.S_IFREG):
        raise BundleError("not-a-file", "a link or a special file", "链接或特殊文件", shorten(name))
    if entry.flag_bits & 0x1 or entry.compress_type not in _METHODS:
        raise BundleError(
            "bad-zip", "encrypted, or packed in an unusual way", "已加密或使用了不常见的压缩方式", shorten(name)
        )
    try:
        check_name(name)
    except BadName as bad:
        raise BundleError("bad-name", str(bad), bad.zh) from None
    return entry


def _check_all(entries: list[zipfile.ZipInfo], limits: Limits, packed: int) -> None:
    if len(entries) > limits.files:
        raise BundleError("too-many-files", f"more than {limits.files} files", f"文件超过 {limits.files} 个")
    try:
        check_together([entry.filename for entry in entries])
    except BadName as bad:
        raise BundleError("bad-name", str(bad), bad.zh) from None
    whole = sum(entry.file_size for entry in entries)
    if whole > limits.bundle_bytes or (whole > MB and whole > packed * limits.ratio):
        most = f"{limits.bundle_bytes:,}"
        raise BundleError(
            "too-large", f"unpacked it is over {most} bytes, or a zip bomb", f"解压后超过 {most} 字节，或为压缩炸弹"
        )


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Path, most: int) -> int:
    size = 0
    with archive.open(entry) as source, place.open("xb") as target:
        while piece := source.read(CHUNK):
            size += len(piece)
            if size > most:
                raise BundleError(
                    "file-too-large", f"over {most:,} bytes", f"超过 {most:,} 字节", shorten(entry.filename)
                )
            target.write(piece)
    return size
