"""Names of people and groups."""

import pytest

from regional_hub.core import names


@pytest.mark.parametrize("name", ["li", "a1", "wang-fang", "x" * 30])
def test_good_names_of_people(name):
    assert names.is_person(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "1a",
        "-a",
        "A",
        "li wei",
        "x" * 31,
        "李",
        "a_b",
        "a.b",
        "li\n",
        "showcase",
        "project-x",
        "course-1",
        "admin-x",
    ],
)
def test_names_that_people_cannot_have(name):
    assert not names.is_person(name)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("project-water", True),
        ("project-", False),
        ("project-a-", False),
        ("water", False),
        ("project-" + "x" * 23, False),
    ],
)
def test_names_of_projects(name, good):
    assert names.is_project(name) is good


@pytest.mark.parametrize(
    ("name", "good"), [("big", True), ("default", False), ("-a", False), ("a-", False), ("x" * 31, False)]
)
def test_names_of_servers(name, good):
    assert names.is_server(name) is good
