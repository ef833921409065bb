"""Which file names may travel with a notebook: the rules that the sender's side and the Showcase both hold to.

It knows only names, never contents, and is a trust boundary: what passes here is written to disk by the Showcase, given
to jobs, and downloaded by people on any system.
"""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable

LONGEST_NAME = 200  # bytes of one part; file systems take 255, and jobs and downloads add to it
LONGEST_PATH = 400
DEEPEST = 12
_FORBIDDEN = re.compile(r'[\\:*?"<>|]')
_DEVICES = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?")
_SECRETS = (
    "*.pem", "*.key", "*.p12", "*.pfx", "*.kdbx", "*.keytab", "*.jks", "*.ppk", "id_rsa*", "id_dsa*", "id_ecdsa*",
    "id_ed25519*", "*credential*.json", "*credentials*", "*secret*.json", "*secrets*", "client_secret*", "token.json",
    "*.token", "*password*.txt", "*.env", "env.local", "kubeconfig", "*.ovpn",
)  # fmt: skip


class BadName(ValueError):
    """A name that may not travel; `zh` is the same in Chinese."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.zh = zh


def check_name(name: str) -> str:
    """The name of a file, as a relative path with `/`, if it is safe on every system. Raises BadName.

    What looks like another name once compatibility characters are folded (Unicode NFKC) is judged as that one too.
    """
    shown = shorten(name)
    if not name or len(name.encode("utf-8", "replace")) > LONGEST_PATH or name.count("/") >= DEEPEST:
        raise BadName(f"{shown}: the path is empty, too long or too deep", f"{shown}：路径为空、过长或层级过深")
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for character in name):
        raise BadName(f"{shown}: characters that cannot be seen", f"{shown}：含有不可见字符")
    folded = unicodedata.normalize("NFKC", name)
    if folded.count("/") != name.count("/"):
        raise BadName(f"{shown}: a character that looks like “/”", f"{shown}：含有形似“/”的字符")
    for whole in (name, folded):
        for part in whole.split("/"):
            _check_part(part, shown)
    return name


def _check_part(part: str, shown: str) -> None:
    if part in ("", ".", ".."):
        raise BadName(f"{shown}: the path leads out of the folder", f"{shown}：路径超出文件夹")
    if part.startswith("."):
        raise BadName(f"{shown}: hidden files are never sent", f"{shown}：不发送隐藏文件")
    if _FORBIDDEN.search(part) or part != part.strip() or part.endswith(".") or _DEVICES.fullmatch(part):
        raise BadName(f"{shown}: not a file name on every system", f"{shown}：该文件名不能用于所有系统")
    if len(part.encode()) > LONGEST_NAME:
        raise BadName(f"{shown}: the name is too long", f"{shown}：文件名过长")
    if is_secret(part):
        raise BadName(f"{shown}: named like a key or a password", f"{shown}：名称像密钥或密码文件")


def is_secret(name: str) -> bool:
    """Whether a file's name says that keys or passwords are in it."""
    return any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in _SECRETS)


def check_together(names: Iterable[str]) -> None:
    """Refuse names that are one and the same on some system, and files that are folders of others. Raises BadName."""
    seen: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        key = fold(name)
        if key in seen:
            shown = shorten(name)
            raise BadName(f"{shown}: there twice, on some systems", f"{shown}：在某些系统上与另一文件重名")
        seen[key] = name
        parts = key.split("/")
        folders.update(("/".join(parts[:depth]), name) for depth in range(1, len(parts)))
    for key in seen.keys() & folders.keys():
        shown = shorten(seen[key])
        raise BadName(f"{shown}: both a file and a folder", f"{shown}：既是文件又是文件夹")


def fold(name: str) -> str:
    """What two names have in common that some file system takes for the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def shorten(name: str) -> str:
    """A name as it can be shown: no control characters, at most 80 characters."""
    plain = "".join(each if each.isprintable() else "�" for each in name)
    return plain if len(plain) <= 80 else f"{plain[:60]}…{plain[-18:]}"
