"""The page on sharing is held to the code: every option of the command, every call of the API, in both languages."""

import re
from pathlib import Path

import pytest

from regional_hub.lab import share_command
from regional_hub.showcase import api_shapes
from regional_hub.showcase.api import api

PAGES = [Path(__file__).resolve().parents[2] / "docs" / "how-to" / f"share-notebooks{end}.md" for end in ("", ".zh")]


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request):
    return request.param.read_text(encoding="utf-8")


def test_every_option_is_there_and_no_other(page):
    for name in ("share", "shared", "get"):
        assert f"hub {name}" in page
    there = {
        option for command in share_command.main.commands.values() for each in command.params for option in each.opts
    }

    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)) == {option for option in there if option.startswith("--")}


def test_every_call_is_there_and_no_other(page):
    described = api.get_openapi_schema(path_prefix="")["paths"]
    calls = {f"{method.upper()} {path.lstrip('/')}" for path, methods in described.items() for method in methods}

    named = set(re.findall(r"`((?:GET|POST|PATCH|PUT|DELETE) [^`?]+)", page))

    assert named == calls


def test_every_fact_of_an_upload_is_there(page):
    (row,) = [line for line in page.splitlines() if line.startswith("| `POST publications` ")]

    assert set(api_shapes.Facts.model_fields) <= set(re.findall(r"`(\w+)`", row))
