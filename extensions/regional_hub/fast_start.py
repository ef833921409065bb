"""Spare every Jupyter server, and every notebook that imports Altair, most of a second.

`jsonschema` imports `rfc3987_syntax` wherever that is installed, which builds two Earley parsers to check a format
(`iri`) that no schema here uses. After `install()` the parsers are built when an `iri` is first checked. The image runs
this by a `.pth` file, so it imports nothing but the standard library.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any

NAME = "rfc3987_syntax"


def _real() -> ModuleType:
    """The module itself, put where the stand-in was."""
    spec = PathFinder.find_spec(NAME)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {NAME!r}", name=NAME)
    module = module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
    return module


class _StandIn(ModuleType):
    real: ModuleType | None = None

    def is_valid_syntax(self, term: str, value: str) -> bool:
        return bool(self.__getattr__("is_valid_syntax")(term, value))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self.real is None:
            self.real = _real()
        return getattr(self.real, name)


class _Loader(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run: that is the point."""


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != NAME or PathFinder.find_spec(NAME) is None:
            return None
        return ModuleSpec(NAME, _Loader(), is_package=True)


def install() -> None:
    """From now on, in this process; harmless when repeated or when the module is not there."""
    if NAME not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
