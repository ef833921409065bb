"""Bundles: what a revision holds, its name by content, and back onto disk."""

import json
import stat
from dataclasses import replace

import nbformat.v4 as v4
import pytest

from regional_hub.core.files import Damaged, Files
from regional_hub.showcase import bundle as bundles
from regional_hub.showcase.bundle import Bundle, BundleError, Limits, notebook, open_upload, store, unpack
from tests.showcase.bundles import RECORD, bundle, notebook_bytes, that_read_a_release, zipped


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path / "objects")


def test_an_upload_becomes_a_bundle_with_its_manifest(files):
    upload = zipped({"work/a.ipynb": that_read_a_release(), "work/数据.csv": b"1,2\n"})

    with open_upload(upload, Limits(), entry="work/a.ipynb", image="hub/lab:1", lock="0" * 64) as made:
        manifest = store(files, made)

    assert manifest["entry"] == "work/a.ipynb" and set(manifest["files"]) == {"work/a.ipynb", "work/数据.csv"}
    assert manifest["files"]["work/数据.csv"]["size"] == 4
    assert (manifest["image"], manifest["lock"]) == ("hub/lab:1", "0" * 64)
    assert [read["release"] for read in manifest["releases"]] == [RECORD["release"]]


def test_the_same_content_has_the_same_name_and_any_other_has_another():
    one, same = bundle(), bundle()

    assert one.digest == same.digest
    for other in (
        bundle("Wind"),
        bundle(**{"x.csv": b""}),
        replace(one, lock="1" * 64),
        replace(one, image="hub/lab:2"),
    ):
        assert other.digest != one.digest


def test_a_revision_comes_back_as_it_was_and_cannot_be_written(files, tmp_path):
    made = bundle(**{"deep/er/x.txt": b"x"})
    manifest = store(files, made)

    entry = unpack(files, manifest, tmp_path / "out" / "copy")

    folder = tmp_path / "out" / "copy"
    assert entry == folder / "water.ipynb" and entry.read_bytes() == made.read("water.ipynb")
    assert (folder / "deep" / "er" / "x.txt").read_bytes() == b"x"
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o444 for path in folder.rglob("*") if path.is_file())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["copy"]


def test_unpacking_overwrites_nothing(files, tmp_path):
    manifest = store(files, bundle())
    (tmp_path / "copy").mkdir()

    with pytest.raises(FileExistsError):
        unpack(files, manifest, tmp_path / "copy")


def test_what_was_changed_in_the_store_is_never_unpacked(files, tmp_path):
    manifest = store(files, bundle())
    place = files.path(manifest["files"]["data.csv"]["sha256"])
    place.chmod(0o644)
    place.write_bytes(b"forged")

    with pytest.raises(Damaged):
        unpack(files, manifest, tmp_path / "copy")

    assert not (tmp_path / "copy").exists() and list(tmp_path.iterdir()) == [tmp_path / "objects"]


def test_a_manifest_cannot_lead_out_of_its_folder(files, tmp_path):
    manifest = store(files, bundle())
    manifest["files"]["../evil.txt"] = manifest["files"]["data.csv"]

    with pytest.raises(BundleError, match="leads out"):
        unpack(files, manifest, tmp_path / "in" / "copy")

    assert not list(tmp_path.rglob("evil.txt"))


def test_every_cell_has_an_id_also_in_older_notebooks(files):
    old = v4.new_notebook(cells=[v4.new_code_cell("1"), v4.new_code_cell("2")])
    old["nbformat_minor"] = 4
    for cell in old["cells"]:
        del cell["id"]
    made = Bundle("a.ipynb", {"a.ipynb": json.dumps(old).encode()})
    bundles.check(made, Limits())

    cells = notebook(files, store(files, made))["cells"]

    assert [cell["id"] for cell in cells] == ["cell-1", "cell-2"]
    assert cells[0]["source"] == "1"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"image": "$(reboot)"}, "bad-image"),
        ({"image": "-v/:/host"}, "bad-image"),
        ({"lock": "abc"}, "bad-lock"),
        ({"picture": "data.csv"}, "bad-picture"),
        ({"picture": "none.png"}, "bad-picture"),
        ({"entry": "data.csv"}, "no-notebook"),
        ({"entry": "../water.ipynb"}, "no-notebook"),
        ({"entry": ""}, "no-notebook"),
    ],
)
def test_facts_that_do_not_fit_are_refused(more, code):
    with pytest.raises(BundleError) as refused:
        bundles.check(replace(bundle(), **more), Limits())

    assert refused.value.code == code and refused.value.zh


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "not a notebook"),
        (b"[" * 100_000, "not JSON"),
        (b'{"nbformat": 3, "worksheets": []}', "format 4"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "cells"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "x"}]}', "not a valid"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 3}', "not a valid"),
        (b'{"nbformat": 4, "nbformat_minor": "x", "metadata": {}, "cells": []}', "format 4"),
    ],
)
def test_what_is_no_notebook_is_refused(content, says):
    with pytest.raises(BundleError, match=says) as refused:
        bundles.check(Bundle("a.ipynb", {"a.ipynb": content}), Limits())

    assert refused.value.code == "not-a-notebook"


def test_two_cells_of_one_id_are_refused_since_comments_hang_on_them():
    data = notebook_bytes().replace(b'"c2"', b'"c1"')

    with pytest.raises(BundleError) as refused:
        bundles.check(Bundle("a.ipynb", {"a.ipynb": data}), Limits())

    assert refused.value.code == "not-a-notebook"


def test_a_forged_record_of_data_is_refused():
    data = that_read_a_release().replace(b'"flow"', b'"flaw"')

    with pytest.raises(BundleError) as refused:
        bundles.check(Bundle("a.ipynb", {"a.ipynb": data}), Limits())

    assert refused.value.code == "bad-provenance"


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(files=1), "too-many-files"),
        (Limits(file_bytes=10), "file-too-large"),
        (Limits(bundle_bytes=10), "too-large"),
        (Limits(notebook_bytes=10), "notebook-too-large"),
    ],
)
def test_limits_are_held(limits, code):
    with pytest.raises(BundleError) as refused:
        bundles.check(bundle(), limits)

    assert refused.value.code == code
