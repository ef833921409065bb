"""The catalog of series: thin entries from the current release, in the Lab, over the network, and for plain intake."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

intake = pytest.importorskip("intake", reason="intake is not installed")

from regional_hub.sdg import intake_catalog  # noqa: E402
from regional_hub.sdg.intake_catalog import COMPONENTS  # noqa: E402
from regional_hub.sdg.release_remote import Remote  # noqa: E402
from regional_hub.sdg.structure import Code, Structures  # noqa: E402
from tests.sdg import release_hub, stores  # noqa: E402
from tests.sdg.release_hub import FLOW  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
UNIT = COMPONENTS | {"unit": "OBS_STATUS"}  # the small structure has no unit; nothing fixes which component it is
SAID = {"licence": "CC-BY-4.0", "source": "An office", "source_zh": "某机构"}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with release_hub.running(release_hub.room(tmp_path / "sdg"), tmp_path / "shared") as made:
        made.publish("POV KG F 2019 12.5 PT", "POV TJ F 2019 30 PT", "MOR KG F 2019 4 DEATHS", "MOR KG M 2019 6 RATIO")
        made.environ(monkeypatch)
        yield made


def documents(hub, folder: Path) -> Path:
    """The catalogs that the portal serves, in files; returns the top one. That of the series has its own address."""
    told = intake_catalog.Hub(hub.url, SAID, UNIT)
    view = hub.room.store.view(FLOW)
    entries = intake_catalog.series(hub.room.store, hub.room.registry.structure(view.release.structure), FLOW, UNIT)
    below = folder / "series.yaml"
    text = intake_catalog.dump(intake_catalog.series_document(told, FLOW, entries, view.release.id))
    below.write_text(text, encoding="utf-8")
    sources = intake_catalog.top(told, {FLOW: view})
    sources["sdg_series"]["args"]["path"] = str(below)
    top = folder / "catalog.yaml"
    top.write_text(yaml.safe_dump({"metadata": {"version": 1}, "sources": sources}, allow_unicode=True), "utf-8")
    return top


def test_an_entry_per_series_has_title_unit_licence_and_metadata_url_in_both_languages(hub, monkeypatch):
    monkeypatch.setenv("REGIONAL_HUB_URL", "https://hub.example.org")
    catalog = intake.open_catalog(str(ROOT / "catalogs" / "sdg.yaml"))

    entries = catalog.sdg_series
    facts = entries["POV"].metadata

    assert list(entries) == ["MOR", "POV"]
    assert (facts["title"], facts["title_zh"]) == ("Poverty", "贫困")
    assert facts["licence"] and facts["licence_zh"]
    assert facts["metadata_url"] == "https://hub.example.org/sdmx/v2/metadata/structure/dataflow/TEST/SDG"
    assert facts["observations"] == 2
    assert set(entries["POV"].read()["REF_AREA"]) == {"KG", "TJ"}
    assert len(entries.POV(area="KG").read()) == 1
    assert entries.MOR(where={"SEX": "M"}).read()["OBS_VALUE"].tolist() == [6]


def test_units_are_those_of_the_component_that_the_catalog_names(hub):
    store, structure = hub.room.store, hub.room.registry.structure("TEST:SDG(1.0)")

    found = {one.code: one.units for one in intake_catalog.series(store, structure, FLOW, UNIT)}

    assert found == {"MOR": ("DEATHS", "RATIO"), "POV": ("PT",)}


def test_an_embargoed_series_has_no_entry(hub):
    store, structure = hub.room.store, hub.room.registry.structure("TEST:SDG(1.0)")
    until = datetime.now(UTC) + timedelta(days=1)
    store.embargo(FLOW, {"SERIES": ["MOR"], "SEX": ["M"]}, until, by="bob", reason="")
    partly = {one.code: (one.observations, one.units) for one in intake_catalog.series(store, structure, FLOW, UNIT)}
    store.embargo(FLOW, {"SERIES": ["POV"]}, until, by="bob", reason="")

    assert partly == {"MOR": (1, ("DEATHS",)), "POV": (2, ("PT",))}
    assert [one.code for one in intake_catalog.series(store, structure, FLOW, UNIT)] == ["MOR"]


def test_where_no_folder_is_mounted_the_hubs_own_catalog_is_asked(hub, monkeypatch, tmp_path):
    documents(hub, tmp_path)
    asked = []

    def served(self, flow):
        asked.append((self.root, flow))
        return (tmp_path / "series.yaml").read_bytes()

    monkeypatch.setattr(Remote, "catalog", served)
    hub.environ(monkeypatch, local=False)
    catalog = intake.open_catalog(str(ROOT / "catalogs" / "sdg.yaml"))

    assert list(catalog.sdg_series) == ["MOR", "POV"]
    assert asked[0] == (f"{hub.url}/sdmx", FLOW)
    assert catalog.sdg_series["POV"].metadata["title_zh"] == "贫困"
    assert len(catalog.sdg_series["POV"](area="TJ").read()) == 1


def test_the_served_catalog_opens_releases_by_our_driver(hub, tmp_path):
    catalog = intake.open_catalog(str(documents(hub, tmp_path)))

    assert sorted(catalog) == ["sdg", "sdg_csv", "sdg_series"]
    assert len(catalog.sdg(series="POV", area="KG+TJ", start="2019").read()) == 2
    assert catalog.sdg.metadata["release"] == hub.room.store.current(FLOW).id
    assert catalog.sdg_series["MOR"](where={"SEX": "F"}).read()["OBS_VALUE"].tolist() == [4]


PLAIN = """
import json, sys, intake
assert not any(name.startswith("regional_hub") for name in sys.modules)
catalog = intake.open_catalog(sys.argv[1])
found = {"all": len(catalog.sdg_csv.read())}
found["chosen"] = catalog.sdg_csv(series="POV+MOR", area="KG", start="2019", end="2019").read()["OBS_VALUE"].tolist()
found["open end"] = len(catalog.sdg_csv(start="2019-06").read()) if len(sys.argv) > 2 else 0
found["as of"] = len(catalog.sdg_csv(as_of="2100-01-01T00:00:00Z").read())
series = catalog.sdg_series
found["series"] = sorted(series)
found["one"] = series["POV"].read()["OBS_VALUE"].tolist()
found["title"] = series["POV"].metadata["title"]
try:
    catalog.sdg.read()
except ValueError as error:
    found["sdg"] = "No plugins loaded" in str(error)
print(json.dumps(found))
"""


def test_plain_intake_without_our_package_reads_the_same_as_csv(hub, tmp_path):
    top = documents(hub, tmp_path)
    # -S and a path of our own: the environment's packages, but not ours, which is installed in it
    here = [path for path in sys.path if path and "extensions" not in path and Path(path).name != "main"]
    code = f"import sys; sys.path[:] = {here!r}\n" + HIDE + PLAIN

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(top)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["all"] == found["as of"] == 4
    assert found["chosen"] == [12.5, 4, 6] or sorted(found["chosen"]) == [4, 6, 12.5]
    assert found["series"] == ["MOR", "POV"]
    assert (found["one"], found["title"], found["sdg"]) == ([12.5, 30], "Poverty", True)


# Our package is installed in this environment: to be without it, importing it fails.
HIDE = """
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "regional_hub":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
"""


def test_hundreds_of_series_are_listed_in_less_than_a_second(tmp_path, monkeypatch):
    codes = [f"S{number:04}" for number in range(720)]
    made = release_hub.room(tmp_path / "sdg")
    definition = made.registry.structure("TEST:SDG(1.0)")
    codelist = definition.by_id["SERIES"].codelist
    codelist = replace(
        codelist, codes={code: Code(code, {"en": f"Series {code}, a title of some length"}) for code in codes}
    )
    made.registry.add(Structures(structures=(definition.resolved({codelist.short: codelist}),), codelists=(codelist,)))
    with release_hub.running(made, tmp_path / "shared") as hub:
        hub.publish(*(f"{code} KG F 2019 1" for code in codes))
        hub.environ(monkeypatch)
        catalog = intake.open_catalog(str(ROOT / "catalogs" / "sdg.yaml"))
        served = documents(hub, tmp_path)
        intake_catalog.series(hub.room.store, made.registry.structure("TEST:SDG(1.0)"), FLOW, UNIT)

        times = [listing(lambda: catalog.sdg_series), listing(lambda: intake.open_catalog(str(served)).sdg_series)]

    assert times[0] < 0.5
    assert times[1] < 1.0


def listing(opened) -> float:
    """Seconds of this processor, at best: the machine is shared, and what others take of it does not count."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        assert len(list(opened())) == 720
        times.append(time.process_time() - begun)
    return min(times)


def test_the_flow_is_in_the_name_of_entries_of_further_flows():
    flows = ["B:SDG", "A:SDG"]

    assert [intake_catalog.suffix(flow, flows) for flow in flows] == ["_b_sdg", ""]


def test_the_entries_in_the_file_have_the_parameters_that_are_served():
    entries = yaml.safe_load((ROOT / "catalogs" / "sdg.yaml").read_text(encoding="utf-8"))["sources"]

    assert set(entries["sdg"]["parameters"]) == {*intake_catalog.PARAMETERS, "flow"}
    assert entries["sdg"]["args"]["components"] == COMPONENTS
    assert stores.FLOW == FLOW
