"""What can be wrong with a bundle, and how large one may be."""

from __future__ import annotations

from dataclasses import dataclass

from regional_hub.settings import Showcase

MB = 1 << 20


class BundleError(ValueError):
    """A bundle that is not taken: a code for programs, and what and where, in both languages."""

    def __init__(self, code: str, en: str, zh: str, where: str = "") -> None:
        super().__init__(f"{where}: {en}" if where else en)
        self.code, self.where = code, where
        self.zh = f"{where}：{zh}" if where else zh


@dataclass(frozen=True)
class Limits:
    """How large a bundle may be; `ratio` is how much smaller than its content a zip over 1 MB may be."""

    bundle_bytes: int = 50 * MB
    file_bytes: int = 20 * MB
    notebook_bytes: int = 20 * MB
    files: int = 200
    ratio: int = 200

    @classmethod
    def of(cls, own: Showcase) -> Limits:
        """What the settings say."""
        return cls(own.bundle_mb * MB, own.file_mb * MB, own.notebook_mb * MB, own.files)
