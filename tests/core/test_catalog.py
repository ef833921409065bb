"""Catalog files read as data: what is wrong is named with file and line, and spoils nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regional_hub.core import catalog

ROOT = Path(__file__).resolve().parents[2]

ENTRY = """\
  {name}:
    description: Some figures
    driver: regional_hub.sdg.catalog.SdmxFileSource
    parameters:
      part: {{description: Which, type: str, default: "*"}}
    args:
      urlpath: "{{{{ env(REGIONAL_HUB_SHARED) }}}}/figures/{{{{ part }}}}.csv"
    metadata: {{title: Figures, title_zh: 数字, description_zh: 一些数字, licence: CC0-1.0, source: Us, tags: [a, b]}}
"""
GOOD = "metadata: {version: 1}\nsources:\n"


@pytest.fixture
def folder(tmp_path):
    def write(**files: str) -> Path:
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_an_entry_speaks_both_languages(folder):
    (entry,) = catalog.read_folder(folder(main=GOOD + ENTRY.format(name="figures")))[0].entries

    assert (entry.text("title"), entry.text("title", "zh-hans")) == ("Figures", "数字")
    assert (entry.text("description"), entry.text("description", "zh-hans")) == ("Some figures", "一些数字")
    assert entry.text("licence", "zh-hans") == "CC0-1.0"
    assert entry.tags == ("a", "b")
    assert (entry.parameters[0].name, entry.parameters[0].default) == ("part", "*")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "  figures:\n    description: [", "main.yaml, line 4: not YAML"),
        ("sources: []", "main.yaml, line 1: a catalog has a mapping `sources`"),
        ("", "main.yaml, line 1: a catalog has a mapping `sources`"),
        ("version: 2\nsources: {}", "only intake's V1 format"),
        (GOOD + ENTRY.format(name="Big-Name"), "main.yaml, line 3: entry Big-Name: a name is"),
        (GOOD + ENTRY.format(name="figures") + "  other: 3\n", "line 11: entry other: is not a mapping"),
        (
            GOOD + ENTRY.format(name="figures").replace("licence: CC0-1.0, ", ""),
            "line 3: entry figures: needs metadata.licence",
        ),
        (GOOD + ENTRY.format(name="figures").replace("[a, b]", "a"), "metadata.tags is a list"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(folder, text, said):
    (found,) = catalog.read_folder(folder(main=text))

    assert said in found.error
    assert found.entries == ()


def test_a_broken_catalog_spoils_no_other(folder):
    bad, good = catalog.read_folder(folder(a="{", b=GOOD + ENTRY.format(name="figures")))

    assert bad.error
    assert [entry.name for entry in good.entries] == ["figures"]


def test_a_name_taken_twice_is_named(folder):
    _, second = catalog.read_folder(folder(a=GOOD + ENTRY.format(name="x"), b=GOOD + ENTRY.format(name="x")))

    assert "x is the name of an entry of a.yaml already" in second.error


def test_yaml_tags_that_make_objects_are_refused(folder, tmp_path):
    made = tmp_path / "made"

    (found,) = catalog.read_folder(folder(main=f'sources: !!python/object/apply:os.mkdir ["{made}"]'))

    assert found.error
    assert not made.exists()


def test_size_and_freshness_come_from_files_or_from_the_manifest(folder, tmp_path):
    (entry,) = catalog.read(folder(main=GOOD + ENTRY.format(name="figures")) / "main.yaml")
    shared = tmp_path / "shared"
    assert catalog.facts(entry, shared) == catalog.Facts()
    (shared / "figures").mkdir(parents=True)
    for name in ("a", "b"):
        (shared / "figures" / f"{name}.csv").write_text("12345")

    found = catalog.facts(entry, shared)

    assert (found.size, found.files) == (10, 2)
    assert found.made is not None and found.made.tzinfo is not None
    entry.metadata["folder"] = "figures"  # type: ignore[index]
    manifest = {"made": "2026-01-02T03:04:05+00:00", "size": 7, "files": {"a.csv": {}}}
    (shared / "figures" / "manifest.json").write_text(json.dumps(manifest))
    assert (catalog.facts(entry, shared).size, catalog.facts(entry, shared).files) == (7, 1)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../secret.csv", "https://127.0.0.1/x", "{{ shell('id') }}", "{% for %}"]
)
def test_nothing_outside_the_shared_folder_is_looked_at(folder, tmp_path, path):
    text = ENTRY.format(name="figures").replace(
        '"{{ env(REGIONAL_HUB_SHARED) }}/figures/{{ part }}.csv"', json.dumps(path)
    )
    (entry,) = catalog.read(folder(main=GOOD + text) / "main.yaml")
    (tmp_path / "secret.csv").write_text("x")

    assert catalog.facts(entry, tmp_path / "shared") == catalog.Facts()


def test_our_own_catalogs_are_sound():
    catalogs = catalog.read_folder(ROOT / "catalogs")

    assert [each.error for each in catalogs] == [""] * len(catalogs)
    names = {entry.name for each in catalogs for entry in each.entries}
    assert {"sdg_sample", "raster_sample", "events_sample", "sdmx_file"} <= names
    for entry in (entry for each in catalogs for entry in each.entries):
        assert entry.metadata["title_zh"] != entry.metadata["title"]
        assert all(parameter.description and parameter.description_zh for parameter in entry.parameters), entry.name


@pytest.mark.parametrize("page", ["catalogs.md", "catalogs.zh.md"])
def test_the_entry_of_the_how_to_page_is_one(folder, page):
    text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")
    example = text.split("```yaml\n")[1].split("```")[0]

    (found,) = catalog.read_folder(folder(main=example))

    assert found.error == ""
    assert [entry.name for entry in found.entries] == ["visits"]


@pytest.mark.parametrize("page", ["catalog-entries.md", "catalog-entries.zh.md"])
def test_the_reference_names_every_key_driver_and_entry(page):
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    entries = catalog.read(ROOT / "catalogs" / "main.yaml")
    keys = {*catalog.REQUIRED, "folder", "remote"}
    drivers = {entry.driver.rpartition(".")[2] for entry in entries}
    parameters = {parameter.name for entry in entries for parameter in entry.parameters}

    for word in keys | drivers | parameters | {entry.name for entry in entries}:
        assert f"`{word}`" in text or f"`metadata.{word}`" in text, word
