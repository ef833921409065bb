"""What goes with a notebook: found without running anything, listed with reasons, and packed as listed."""

import json
import zipfile

import pytest

from regional_hub.lab import share
from regional_hub.lab.share import Limits, ShareError


def write(folder, name, content=b"x"):
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return place


def notebook(folder, *sources, name="work.ipynb", markdown=(), tags=()):
    cells = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "metadata": {"tags": list(tags)},
            "source": text,
            "outputs": [],
            "execution_count": None,
        }
        for n, text in enumerate(sources)
    ]
    cells += [
        {"cell_type": "markdown", "id": f"m{n}", "metadata": {}, "source": text} for n, text in enumerate(markdown)
    ]
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    return write(folder, name, json.dumps(content))


def sent(path, **more):
    return [item.name for item in share.plan(path, **more).files]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("open('data.csv')", ["data.csv"]),
        ("pd.read_csv('sub/b.csv')", ["sub/b.csv"]),
        ("p = './data.csv'", ["data.csv"]),
        ("p = 'sub/../data.csv'", ["data.csv"]),
        ("Path('sub') / 'b.csv'", ["sub/b.csv"]),
        ("[f'sub/{y}.csv' for y in 'ab']", ["sub/a.csv", "sub/b.csv"]),
        ("glob('sub/*.csv')", ["sub/a.csv", "sub/b.csv"]),
        ("read_parquet('sub')", ["sub/a.csv", "sub/b.csv"]),
        ("column = 'sub'", []),
        ("import helpers", ["data.csv", "helpers.py"]),
        ("from pack.mod import f", ["pack/__init__.py", "pack/mod.py"]),
        ("%run helpers", ["data.csv", "helpers.py"]),
        ("%run helpers.py --fast\n1 + 1", ["data.csv", "helpers.py"]),
        ("!cat data.csv", ["data.csv"]),
        ("%%bash\nwc data.csv", ["data.csv"]),
        ("%%writefile data.csv\nsub/a.csv", ["data.csv"]),
        ("%%time\nopen('data.csv')", ["data.csv"]),
        ("broken( 'data.csv'", ["data.csv"]),
        ("x = 'Überraschung\\n' * 3; y = '*'", []),
        ("open('/etc/passwd'); open('../outside.csv'); open('~/x')", []),
        ("open('http://example.org/data.csv')", []),
    ],
)
def test_files_named_in_code_are_found(tmp_path, code, found):
    folder = tmp_path / "work"
    for name in ("data.csv", "sub/a.csv", "sub/b.csv", "pack/__init__.py", "pack/mod.py", "pack/other.py", "never.csv"):
        write(folder, name)
    write(folder, "helpers.py", "DATA = 'data.csv'\nimport helpers")
    write(tmp_path, "outside.csv")

    assert sent(notebook(folder, code)) == ["work.ipynb", *found]


def test_pictures_and_links_in_text_are_found(tmp_path):
    for name in ("a.png", "my map.png", "c.png", "d.pdf", "e.png"):
        write(tmp_path, name)
    text = (
        '![a](a.png "title") ![b](my%20map.png) <img src="c.png"> [paper](d.pdf#page=2)\n\n![e][ref]\n\n[ref]: e.png\n'
    )
    other = "![x](attachment:y.png) ![z](https://example.org/a.png) [up](../up.png) ![](http://[bad)"

    assert sent(notebook(tmp_path, markdown=[text, other])) == [
        "work.ipynb",
        "a.png",
        "c.png",
        "d.pdf",
        "e.png",
        "my map.png",
    ]


def test_each_file_has_its_reason_in_both_languages(tmp_path):
    write(tmp_path, "data.csv")

    item = share.plan(notebook(tmp_path, "1", "open('data.csv')")).files[1]

    assert (item.why, item.why_zh, item.size) == ("named in cell 2", "第 2 个单元格中用到", 1)


@pytest.mark.parametrize("name", [".env", ".ssh/key", "id_rsa", "server.key", "my-credentials.json", "a\u202eb.csv"])
def test_hidden_files_and_keys_never_go_even_when_named(tmp_path, name):
    write(tmp_path, name)

    plan = share.plan(notebook(tmp_path, f"open({name!r})"), include=[name])

    assert [item.name for item in plan.files] == ["work.ipynb"]
    assert [item.name for item in plan.left_out] == [name] and plan.left_out[0].why_zh


def test_links_never_go_wherever_they_lead(tmp_path):
    secret = write(tmp_path, "secret.csv")
    folder = tmp_path / "work"
    write(folder, "real/in.csv")
    (folder / "link.csv").symlink_to(secret)
    (folder / "dir").symlink_to(tmp_path)
    (folder / "inner").symlink_to(folder / "real")

    plan = share.plan(notebook(folder, "open('link.csv'); open('dir/secret.csv'); open('inner/in.csv')"))

    assert [item.name for item in plan.files] == ["work.ipynb"]
    assert {item.why for item in plan.left_out} == {"a link or a special file"}
    assert sent(folder) == ["work.ipynb", "real/in.csv"]


def test_a_whole_folder_goes_without_checkpoints_and_caches(tmp_path):
    for name in ("a.csv", "deep/b.csv", ".ipynb_checkpoints/work-checkpoint.ipynb", "__pycache__/x.pyc", ".git/config"):
        write(tmp_path, name)
    notebook(tmp_path)

    assert sent(tmp_path) == ["work.ipynb", "a.csv", "deep/b.csv"]


def test_of_several_notebooks_one_must_be_named(tmp_path):
    notebook(tmp_path)
    notebook(tmp_path, name="other.ipynb")

    with pytest.raises(ShareError) as error:
        share.plan(tmp_path)

    assert error.value.code == "which-notebook" and "other.ipynb" in error.value.en
    assert sent(tmp_path, entry="other.ipynb") == ["other.ipynb", "work.ipynb"]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(notebook_bytes=1), "notebook"),
        (Limits(files=1), "too-many-files"),
        (Limits(bundle_bytes=1), "too-large"),
    ],
)
def test_limits_are_said_before_anything_is_sent(tmp_path, limits, code):
    write(tmp_path, "data.csv")

    with pytest.raises(ShareError) as error:
        share.plan(notebook(tmp_path, "open('data.csv')"), limits=limits)

    assert error.value.code == code and error.value.zh


def test_one_file_that_is_too_large_stays_behind_and_is_named(tmp_path):
    write(tmp_path, "big.csv", bytes(100))

    plan = share.plan(notebook(tmp_path, "open('big.csv')"), limits=Limits(file_bytes=50))

    assert [(item.name, item.size) for item in plan.left_out] == [("big.csv", 100)]


def test_what_a_person_leaves_out_stays(tmp_path):
    write(tmp_path, "data.csv")

    plan = share.plan(notebook(tmp_path, "open('data.csv')"), exclude=["data.csv"])

    assert [item.name for item in plan.files] == ["work.ipynb"] and plan.left_out[0].why == "you left it out"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"nbformat": 3}', b"\xff"])
def test_what_is_no_notebook_is_said(tmp_path, content):
    with pytest.raises(ShareError) as error:
        share.plan(write(tmp_path, "a.ipynb", content))

    assert error.value.code == "not-a-notebook"


def test_the_zip_has_what_was_listed(tmp_path):
    write(tmp_path, "数据/a.csv", "1,2\n")
    plan = share.plan(notebook(tmp_path, "open('数据/a.csv')"))

    with share.pack(plan) as packed, zipfile.ZipFile(packed) as archive:
        assert {entry.filename: entry.file_size for entry in archive.infolist()} == {i.name: i.size for i in plan.files}


def test_a_file_that_became_a_link_or_grew_since_is_not_sent(tmp_path):
    data = write(tmp_path, "data.csv")
    plan = share.plan(notebook(tmp_path, "open('data.csv')"))

    data.write_bytes(bytes(3 << 20))
    with pytest.raises(ShareError) as grew:
        share.pack(plan)
    data.unlink()
    data.symlink_to("/etc/passwd")
    with pytest.raises(ShareError) as link:
        share.pack(plan)

    assert (grew.value.code, link.value.code) == ("changed", "no-file")


def test_declared_parameters_and_environment_go_along(tmp_path, monkeypatch):
    monkeypatch.setenv("REGIONAL_HUB_IMAGE", "regional-hub/lab:1")
    lock = write(tmp_path, "lock.txt", "a==1\n")
    monkeypatch.setattr(share, "LOCK", lock)
    code = "year = 2024\nname: str = 'KG'\nshares = [0.5]\nfast = True\nrate = -1.5\nx = f()\na, b = 1, 2"

    facts = share.facts(share.plan(notebook(tmp_path, code, tags=["parameters"])))

    assert [(p["name"], p["type"], p["default"]) for p in facts["parameters"]] == [
        ("year", "integer", 2024), ("name", "string", "KG"), ("shares", "array", [0.5]), ("fast", "boolean", True),
        ("rate", "number", -1.5),
    ]  # fmt: skip
    assert facts["image"] == "regional-hub/lab:1" and len(facts["lock"]) == 64


def test_a_place_that_is_no_server_of_a_hub_is_said(monkeypatch):
    monkeypatch.delenv("REGIONAL_HUB_DATA_URL", raising=False)

    with pytest.raises(ShareError) as error:
        share.Showcase()

    assert error.value.code == "no-hub"
