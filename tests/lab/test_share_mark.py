"""The mark of a publication in a notebook: read from what anybody may have written, and taken out before sending."""

import json

import nbformat
import nbformat.v4 as v4
import pytest

from regional_hub.lab import share_mark


def written(**metadata):
    return nbformat.writes(v4.new_notebook(cells=[v4.new_markdown_cell("# 水")], metadata=metadata)) + "\n"


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ({"regional_hub": {"publication": "water"}}, "water"),
        ({"regional_hub": {"publication": ["water"]}}, ""),
        ({"regional_hub": "water"}, ""),
        ({"regional_hub": {}}, ""),
        (None, ""),
    ],
)
def test_who_wrote_something_else_has_no_mark(metadata, found):
    assert share_mark.of({"metadata": metadata, "cells": []}) == found


def test_without_the_mark_a_notebook_is_what_it_was_before_to_the_byte():
    before = written(kernelspec={"name": "python3", "display_name": "Python 3"})
    marked = json.loads(before)
    marked["metadata"]["regional_hub"] = {"publication": "water"}

    assert share_mark.without(nbformat.writes(nbformat.from_dict(marked)).encode()) == before.encode()


def test_what_else_is_ours_stays():
    marked = written(regional_hub={"publication": "water", "provenance": [{"flow": "A"}]}).encode()

    assert json.loads(share_mark.without(marked))["metadata"] == {"regional_hub": {"provenance": [{"flow": "A"}]}}


@pytest.mark.parametrize(
    "data", [b"{}", b"[]", b"no notebook", b"\xff", b"[" * 100_000, b'{"metadata": {"regional_hub": 7}}', b'{ "a":1}']
)
def test_what_has_no_mark_is_sent_as_it_is(data):
    assert share_mark.without(data) == data
