"""Attributes that a file gives once for all series that share some dimensions; looked up in constant time."""

from __future__ import annotations

Attributes = dict[str, str]


class Groups:
    """What groups say, kept by the components they name."""

    def __init__(self) -> None:
        self._found: list[tuple[Attributes, Attributes | None]] = []
        # for the components of a series: per set of shared components, their values -> what is said of them
        self._index: dict[frozenset[str], dict[tuple[str, ...], dict[tuple[str, ...], Attributes]]] = {}

    def add(self, key: Attributes, attributes: Attributes | None) -> None:
        """`attributes` is None where the layout does not tell key and attributes apart (structure-specific)."""
        self._found.append((key, attributes))
        self._index.clear()

    def clear(self) -> None:
        self._found.clear()
        self._index.clear()

    def of(self, series: Attributes) -> Attributes:
        """What the groups say of a series.

        A component is attached in one place only, so what group and series both name is the group's key.
        """
        said: Attributes = {}
        if not self._found:
            return said
        named = frozenset(series)
        if named not in self._index:
            self._index[named] = self._indexed(named)
        for shared, values in self._index[named].items():
            said.update(values.get(tuple(series[part] for part in shared), {}))
        return said

    def _indexed(self, named: frozenset[str]) -> dict[tuple[str, ...], dict[tuple[str, ...], Attributes]]:
        index: dict[tuple[str, ...], dict[tuple[str, ...], Attributes]] = {}
        for key, attributes in self._found:
            shared = tuple(sorted(key.keys() & named))
            if not shared:
                continue
            said = attributes if attributes is not None else {k: v for k, v in key.items() if k not in named}
            values = index.setdefault(shared, {})
            values.setdefault(tuple(key[part] for part in shared), {}).update(said)
        return index
