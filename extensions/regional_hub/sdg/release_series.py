"""The catalog of series inside a server: `cat.sdg_series["SI_POV_DAY1"]`, an entry per series of the release.

Read from the mounted folder; where the current release is not open there, the hub's own catalog is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from intake.catalog import Catalog
from intake.catalog.local import LocalCatalogEntry, UserParameter

from regional_hub.sdg import intake_catalog, release_choice
from regional_hub.sdg.intake_catalog import COMPONENTS
from regional_hub.sdg.open_folder import NotOpen
from regional_hub.sdg.release_source import ReleaseSource, places


class SeriesCatalog(Catalog):
    """Entries that open a series with `ReleaseSource`; `area`, `start`, `end`, `nature`, `as_of`, `where` narrow it."""

    name = "sdg_series"
    container = "catalog"

    def __init__(
        self,
        flow: str = "",
        components: Mapping[str, str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self._flow = flow
        self._components = COMPONENTS | dict(components or {})
        super().__init__(metadata=metadata, **kwargs)

    def _load(self) -> None:
        common = {key: value for key, value in (self.metadata or {}).items() if key in COMMON}
        self._entries = {
            code: self._entry(code, title, {**facts, **common}, flow) for code, title, facts, flow in self._found()
        }

    def _found(self) -> Iterator[tuple[str, str, dict[str, Any], str]]:
        """Code, title, metadata and flow of each series."""
        reading = places()
        for place in reading.local:
            try:
                flow = self._one_flow(place.flows())
                seen = place.seen(flow, None)
                made = intake_catalog.series(place.open, place.structure(flow, seen), flow, self._components)
                url = intake_catalog.metadata_url(intake_catalog.hub_url(), flow)
                told = [(one.code, one.title, one.metadata({"flow": flow, "metadata_url": url}), flow) for one in made]
            except NotOpen:
                continue
            yield from told
            return
        if reading.remote is None:
            raise release_choice.ChoiceError("no release can be read: no folder is mounted and no service is named")
        flow = self._one_flow(reading.remote.flows()) if not self._flow else self._flow
        document = yaml.load(reading.remote.catalog(flow), Loader=LOADER)  # noqa: S506 - both are safe loaders
        for code, facts in document["sources"].items():
            yield code, facts["description"], facts["metadata"], flow

    def _one_flow(self, flows: list[str]) -> str:
        if self._flow:
            return self._flow
        if len(flows) != 1:
            there = ", ".join(flows)
            raise release_choice.ChoiceError(f"say which flow: {there}" if flows else "no release was published yet")
        return flows[0]

    def _entry(self, code: str, title: str, metadata: dict[str, Any], flow: str) -> LocalCatalogEntry:
        return LocalCatalogEntry(
            name=code,
            description=title,
            driver=ReleaseSource,
            args={"series": code, "flow": flow, "components": self._components, **ARGS},
            parameters=PARAMETERS,
            metadata=metadata,
            catalog=self,
        )


LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
COMMON = ("licence", "licence_zh", "source", "source_zh")
ARGS = {name: f"{{{{ {name} }}}}" for name in intake_catalog.PARAMETERS if name != "series"}
PARAMETERS = [
    UserParameter(name, description=said[0], type="str", default="*" if name in intake_catalog.CODES else "")
    for name, said in intake_catalog.PARAMETERS.items()
    if name != "series"
]
