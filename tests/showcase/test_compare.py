"""Comparing revisions: cells, their lines and outputs, files and environment; and that it ends in time."""

import time

import nbformat.v4 as v4
import pytest

from regional_hub.showcase import compare
from regional_hub.showcase.compare import FactChange


def notebook(*sources, outputs=()):
    cells = [v4.new_code_cell(text, id=f"c{number}") for number, text in enumerate(sources)]
    for cell, text in zip(cells, outputs, strict=False):
        cell["outputs"] = [v4.new_output("stream", text=text)]
    return {"cells": cells}


def kinds(before, after):
    return [(change.what, change.before, change.after) for change in compare.cells(before, after)]


def test_cells_that_came_went_and_stayed():
    before = notebook("import numpy", "a = 1\nb = 2\nc = 3", "print(a)")
    after = notebook("import numpy", "a = 1\nb = 5\nc = 3", "plot()", "print(a)")
    after["cells"][2]["id"], after["cells"][3]["id"] = "new", "c2"

    assert kinds(before, after) == [("same", 1, 1), ("changed", 2, 2), ("added", 0, 3), ("same", 3, 4)]
    assert kinds(after, before)[2] == ("removed", 3, 0)


def test_the_lines_of_a_changed_cell():
    before, after = notebook("\n".join("abcdefghijk")), notebook("\n".join("abcdeXghijk"))

    (change,) = compare.cells(before, after)

    assert [(line.what, line.text) for line in change.lines] == [
        ("gap", ""), ("same", "c"), ("same", "d"), ("same", "e"), ("removed", "f"), ("added", "X"), ("same", "g"),
        ("same", "h"), ("same", "i"), ("gap", ""),
    ]  # fmt: skip


def test_the_words_that_changed_in_a_line():
    before, after = notebook("total = water.sum() / 1000"), notebook("total = water.mean() / 1000")

    removed, added = compare.cells(before, after)[0].lines

    assert [word for changed, word in removed.pieces if changed] == ["sum"]
    assert [word for changed, word in added.pieces if changed] == ["mean"]
    assert "".join(word for _, word in added.pieces) == added.text


def test_what_was_printed_is_compared_line_by_line_and_other_outputs_are_not():
    before, after = (
        notebook("f()", outputs=["year 2023\nwater 10\n"]),
        notebook("f()", outputs=["year 2023\nwater 12\n"]),
    )

    (change,) = compare.cells(before, after)
    after["cells"][0]["outputs"].append(v4.new_output("display_data", data={"image/png": "aGk="}))
    (with_picture,) = compare.cells(before, after)

    assert [line.text for line in change.printed if line.what != "same"] == ["water 10", "water 12"]
    assert with_picture.outputs_changed and not with_picture.printed


def test_another_output_of_the_same_code_is_a_change():
    before, after = notebook("f()", outputs=["1"]), notebook("f()", outputs=["2"])

    (change,) = compare.cells(before, after)

    assert change.what == "changed" and change.outputs_changed and not change.source_changed


def test_running_a_cell_again_is_no_change():
    before, after = notebook("f()"), notebook("f()")
    after["cells"][0]["execution_count"] = 7

    assert kinds(before, after) == [("same", 1, 1)]


@pytest.mark.parametrize("sizes", [(1500, 1500), (3, 1500), (0, 5), (5, 0), (0, 0)])
def test_every_cell_is_there_once_however_many(sizes):
    before, after = (notebook(*(f"x = {number}" for number in range(size))) for size in sizes)

    found = compare.cells(before, after)

    assert [each.before for each in found if each.before] == list(range(1, sizes[0] + 1))
    assert [each.after for each in found if each.after] == list(range(1, sizes[1] + 1))


def test_what_is_made_to_be_slow_is_not():
    hard = ["a\n" * 1900 + str(number) for number in range(70)]
    before, after = notebook(*hard), notebook(*reversed(hard))
    many = (
        notebook(*(f"x = {number}\n" * 20 for number in range(399))),
        notebook(*(f"y = {n}\n" * 20 for n in range(399))),
    )

    began = time.process_time()
    compare.cells(before, after)
    compare.cells(*many)

    assert time.process_time() - began < 20


def test_files_and_environment():
    before = {
        "entry": "a.ipynb", "image": "lab:1", "lock": "1", "releases": [{"flow": "KG:SDG", "release": "r1"}],
        "files": {"a.ipynb": {"sha256": "1"}, "b": {"sha256": "2"}, "c": {"sha256": "3"}},
    }  # fmt: skip
    after = {
        "entry": "a.ipynb", "image": "lab:2", "lock": "1", "releases": [{"flow": "KG:SDG", "release": "r2"}],
        "files": {"a.ipynb": {"sha256": "9"}, "b": {"sha256": "4"}, "d": {"sha256": "5"}},
    }  # fmt: skip

    assert compare.files(before, after) == [
        FactChange("b", "2", "4"),
        FactChange("c", "3", ""),
        FactChange("d", "", "5"),
    ]
    assert compare.environment(before, after) == [
        FactChange("image", "lab:1", "lab:2"),
        FactChange("release", "KG:SDG r1", ""),
        FactChange("release", "", "KG:SDG r2"),
    ]
