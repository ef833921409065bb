"""Declarations of methods: what authors write, and every mistake named with its line; values held to them."""

import json

import pytest

from regional_hub.lab.share_parameters import BadDeclaration, outputs, parameters
from regional_hub.lab.share_values import BadValue, checked


def notebook(source: str, tag: str = "parameters") -> dict:
    return {"cells": [{"cell_type": "code", "metadata": {"tags": [tag]}, "source": source}]}


def schema(source: str) -> dict:
    return parameters(notebook(source))[0]["schema"]


def test_a_declaration_has_type_default_texts_limits_and_unit():
    source = (
        "# How many months are compared\n"
        'window: int = 25  # at once | 窗口月数 [minimum=3, maximum=37, unit="months"]\n'
        'splice: str = "mean"  # Join | 拼接 [enum=["movement", "mean"], description="How", description_zh="怎样"]\n'
    )

    window, splice = parameters(notebook(source))

    assert (window["name"], window["title"], window["title_zh"]) == (
        "window",
        "How many months are compared at once",
        "窗口月数",
    )
    assert window["unit"] == "months" and window["schema"]["minimum"] == 3 and window["default"] == 25
    assert splice["title"] == "Join" and splice["description_zh"] == "怎样"
    assert splice["schema"]["enum"] == ["movement", "mean"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = True", {"type": "boolean", "default": True}),
        ("x: float = 2", {"type": "number", "default": 2.0}),
        ('x: str = "2024-02-29"  # [format="date"]', {"type": "string", "format": "date", "default": "2024-02-29"}),
        ('x: list[str] = ["a"]  # [maxItems=2]', {"type": "array", "maxItems": 2, "default": ["a"]}),
        ("x = [1, 2]", {"type": "array", "default": [1, 2]}),
        ('x = "#[no limit]"  # A', {"type": "string", "default": "#[no limit]"}),
    ],
)
def test_types_come_from_the_annotation_or_the_default(source, expected):
    assert expected.items() <= schema(source).items()


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("x = f()", 1, "not a plain value"),
        ("\n\nx: int = 'a'", 3, "a whole number"),
        ("x: int = 1  # [minimum=3]", 1, "at least 3"),
        ("x: int = 1  # [min=3]", 1, "no limit min"),
        ("x: str = 'a'  # [minimum=3]", 1, "no limit minimum"),
        ("x: dict = {}", 1, "type of x"),
        ("x = None", 1, "type of x"),
        ("x: int", 1, "no default"),
        ("x = (", 1, "not Python"),
        ("x: int = 1  # [minimum=open('/etc/passwd')]", 1, "are written like"),
        ("x: int = 1  # [minimum=1, minimum=0]", 1, "are written like"),
        ("x: int = 1  # [minimum=2, maximum=1]", 1, "leave no value"),
        ("x: str = 'a'  # [enum=['b']]", 1, "one of: b"),
        ("x: int = 1  # [enum=[1, 'a']]", 1, "another type"),
        ("x: int = 1  # [minimum=10**400]", 1, "are written like"),
        ("x: float = 1e999", 1, "finite"),
        ("import os\nos.system('ls')", 2, "only `name"),
        ("a, b = 1, 2", 1, "only `name"),
        ("_x = 1", 1, "not a name"),
        ("x = 1\nx = 2", 0, "declared twice"),
        ("x: str = 'a'  # [format='email']", 1, "not possible"),
        ("x = " + "[" * 300 + "]" * 300, 0, ""),
    ],
)
def test_a_mistake_is_named_with_its_line_in_both_languages(source, line, words):
    with pytest.raises(BadDeclaration) as bad:
        parameters(notebook(source))

    assert words in bad.value.en and bad.value.zh and (not line or bad.value.line == line)


def test_two_cells_of_parameters_and_too_many_are_refused():
    two = {"cells": notebook("x = 1")["cells"] + notebook("y = 1")["cells"]}
    many = notebook("\n".join(f"x{n} = 1" for n in range(51)))

    for each in (two, many):
        with pytest.raises(BadDeclaration):
            parameters(each)


def test_outputs_are_declared_by_their_files():
    source = (
        "# outputs/index.csv  The index | 指数\n# something else\n# outputs/summary.json  Summary [unit='%']\nwrite()"
    )

    index, summary = outputs(notebook(source, "outputs"))

    assert index == {"id": "index", "file": "index.csv", "title": "The index", "title_zh": "指数", "unit": ""}
    assert (summary["id"], summary["unit"]) == ("summary", "%")


@pytest.mark.parametrize("name", ["../x.csv", "a/b.csv", ".x", "x", "-x.csv", "x.c-v", "id_rsa.txt", "a\u202eb.csv"])
def test_outputs_under_other_names_are_refused(name):
    with pytest.raises(BadDeclaration):
        outputs(notebook(f"# outputs/{name}", "outputs"))


HOSTILE = '"; import os; os.system("id") #'


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("x: int = 1", True), ("x: int = 1", 1.5), ("x: int = 1", "1"), ("x: int = 1", 10**400), ("x: int = 1", None),
        ("x: int = 1", float("nan")), ("x: float = 1", float("inf")), ("x: float = 1", -1e300), ("x = True", 1),
        ("x: str = ''", "a" * 201), ("x: str = ''", "a\x00b"), ("x: str = ''", "\x1b[2J"), ("x: str = ''", "\ud800"),
        ("x: str = ''", ["a"]), ("x: str = ''", {"a": 1}), ("x: str = 'a'  # [enum=['a']]", HOSTILE),
        ("x: str = '2024-01-01'  # [format='date']", "2024-02-30"),
        ("x: str = '2024-01-01'  # [format='date']", "２０２４-01-01"),
        ("x = [1]", "1"), ("x = [1]", [[1]]), ("x = [1]", [1] * 101), ("x = [1]", [1, "a"]), ("x = [1]", {"0": 1}),
        ("x: int = 1  # [enum=[1, 2]]", 3), ("x = [True]", [1]),
    ],
)  # fmt: skip
def test_values_outside_a_declaration_are_refused_in_both_languages(source, value):
    with pytest.raises(BadValue) as bad:
        checked(schema(source), value)

    assert bad.value.en and bad.value.zh


@pytest.mark.parametrize(
    ("source", "value", "made"),
    [
        ("x: int = 1", 2.0, 2),
        ("x: float = 1", 2, 2.0),
        ("x: str = ''", "数据 🎈 é", "数据 🎈 é"),
        ("x: str = ''", HOSTILE, HOSTILE),
        ("x = [1]", [], []),
    ],
)
def test_values_arrive_as_their_type(source, value, made):
    found = checked(schema(source), value)

    assert found == made and type(found) is type(made)


def test_a_schema_is_json():
    assert json.dumps(schema("x: float = 1  # [minimum=0.5, enum=[0.5, 1]]"), allow_nan=False)
