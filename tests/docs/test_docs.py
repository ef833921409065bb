"""Documentation that drifts from the code fails here: settings, commands, options, links, and the Chinese twins."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

from regional_hub import settings as hub_settings
from regional_hub.__main__ import COMMANDS, main
from tests.docs import pages

PACKAGE = pages.ROOT / "extensions" / "regional_hub"
COMMON = {"--data", "--json"}
NAMED = ".<name>"
SETTINGS_PAGES = [pages.DOCS / "reference" / name for name in ("settings.md", "settings.zh.md")]
COMMAND_PAGES = [pages.DOCS / "reference" / name for name in ("commands.md", "commands.zh.md")]


# -- settings ---------------------------------------------------------------------------------------------------------


def model_keys() -> dict[str, set[str]]:
    """The keys of each section as a settings file has them, e.g. `profiles.<name>`."""
    found: dict[str, set[str]] = {}
    for section, field in hub_settings.Settings.model_fields.items():
        if section == "data_dir":
            continue
        inner = getattr(field.annotation, "__args__", None)
        if inner:
            found[section + NAMED] = set(inner[1].model_fields)
        else:
            found[section] = set(field.annotation.model_fields)  # type: ignore[union-attr]
    found["gateway"].remove("worker_profiles")
    found["gateway.worker_profiles" + NAMED] = set(hub_settings.Profile.model_fields)
    found["sdg"].remove("pulls")
    found["sdg.pulls" + NAMED] = set(hub_settings.Pull.model_fields)
    return found


def literal(value: Any) -> str:
    """The value as a settings file has it."""
    if isinstance(value, list):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)  # of text, numbers, true, false and {} as in TOML


def default(section: str, key: str) -> str:
    """The cell that a page must show: the default, or the defaults of all tables of this kind."""
    place: Any = tomllib.loads(hub_settings.DEFAULTS.read_text(encoding="utf-8"))
    for part in section.removesuffix(NAMED).split("."):
        place = place[part]
    if not section.endswith(NAMED):
        return f"`{literal(place[key])}`"
    return ", ".join(f"{name} `{literal(table[key])}`" for name, table in place.items() if key in table)


@pytest.mark.parametrize("page", SETTINGS_PAGES, ids=pages.label)
def test_every_setting_is_documented_with_its_default_and_no_other(page: Path) -> None:
    documented = {
        section.title.strip("`[]"): {row[0].strip("`"): row[1:] for row in section.rows()}
        for section in pages.sections(page)
        if section.title.startswith("`[")
    }

    assert {name: set(rows) for name, rows in documented.items()} == model_keys()
    for section, rows in documented.items():
        for key, (shown, _unit, reason) in rows.items():
            assert shown == default(section, key), f"default of {section}.{key}"
            assert len(reason) >= 4, f"{section}.{key} has no reason"


def test_both_settings_pages_give_a_unit_for_the_same_keys() -> None:
    english, chinese = (
        {(section.title, row[0]) for section in pages.sections(page) for row in section.rows() if row[2]}
        for page in SETTINGS_PAGES
    )

    assert english == chinese


@pytest.mark.parametrize("page", pages.all_pages(), ids=pages.label)
def test_settings_that_a_page_names_exist(page: Path) -> None:
    known = model_keys()
    text = page.read_text(encoding="utf-8")

    for name in pages.spans(text):
        match = re.fullmatch(r"([a-z]+)\.([a-z_]+)", name)
        if match and match[1] in known and match[2] not in ("toml", "py", "md", "zh", "yaml"):
            assert match[2] in known[match[1]], f"there is no setting {name}"
    for section, rest in re.findall(r"\bHUB_([A-Z0-9]+)__([A-Z0-9_]+)", text):
        if section != "SECTION":
            keys = known.get(section.lower()) or known[section.lower() + NAMED]
            assert rest.split("__")[-1].lower() in keys, f"there is no setting HUB_{section}__{rest}"


# -- commands ---------------------------------------------------------------------------------------------------------


def leaves() -> dict[str, click.Command]:
    """Every command that does something, by its words after `./hub`."""
    found: dict[str, click.Command] = {}
    context = click.Context(main)
    for name in COMMANDS:
        command = main.get_command(context, name)  # type: ignore[attr-defined]
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}": each for inner, each in command.commands.items()}
        else:
            found[name] = command
    return found


LEAVES = leaves()
GROUPS = {name.split()[0] for name in LEAVES if " " in name}


def options(command: click.Command) -> set[str]:
    return {name for each in command.params if isinstance(each, click.Option) for name in each.opts}


def usage(name: str) -> str:
    pieces = LEAVES[name].collect_usage_pieces(click.Context(LEAVES[name], info_name=name))
    return " ".join([f"./hub {name}", *pieces[1:]])  # without [OPTIONS]


def facts(command: click.Command) -> set[str]:
    """The keys of the JSON object, out of the source: of a dict that is returned, or that is called `facts`."""
    function = inspect.unwrap(command.callback)  # type: ignore[arg-type]
    found: set[str] = set()
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        named = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "facts"
        if (named or isinstance(node, ast.Return)) and isinstance(node.value, ast.Dict):  # type: ignore[attr-defined]
            found |= {key.value for key in node.value.keys if isinstance(key, ast.Constant)}  # type: ignore[attr-defined]
    return found


def described(page: Path) -> dict[str, pages.Section]:
    return {section.title.strip("`"): section for section in pages.sections(page) if section.title.startswith("`./hub")}


@pytest.mark.parametrize("page", COMMAND_PAGES, ids=pages.label)
def test_every_command_is_documented_and_no_other(page: Path) -> None:
    assert set(described(page)) == {usage(name) for name in LEAVES}


@pytest.mark.parametrize("name", LEAVES)
@pytest.mark.parametrize("page", COMMAND_PAGES, ids=pages.label)
def test_every_option_and_json_key_is_documented_and_no_other(page: Path, name: str) -> None:
    section = described(page)[usage(name)]
    shown = {row[0].strip("`").split()[0] for row in section.rows()}
    said = re.search(r"^JSON: (.*?)(?:[.;。；]|$)", section.text, re.MULTILINE)
    keys = set(re.findall(r"`([a-z_]+)`", re.sub(r"[（(].*?[）)]", "", said[1]))) if said else set()

    assert shown == options(LEAVES[name]) - COMMON
    assert keys == facts(LEAVES[name])


@pytest.mark.parametrize("page", COMMAND_PAGES, ids=pages.label)
def test_options_common_to_all_are_documented_with_the_commands_that_lack_them(page: Path) -> None:
    top = next(pages.sections(page))

    assert {row[0].strip("`").split()[0] for row in top.rows()} == COMMON
    for name, command in LEAVES.items():
        if not options(command) >= COMMON:
            assert f"`./hub {name}`" in top.text


def check_call(call: str) -> None:
    """Fails where a call names what does not exist; `a|b` stands for either, `[...]` for what may be left out."""
    command_line = re.split(r" #|[;&)]|\|\|| \| ", call.replace("\\|", "|"))[0]
    words = re.findall(r"[^\s\[\]]+", command_line)
    if not words or not re.match(r"[a-z]", words[0]):
        return
    names = words[0].split("|")
    plain = [word for word in words if re.fullmatch(r"[a-z][a-z|-]*[.,:]?", word)]
    if names[0] in GROUPS and len(plain) > 1:
        names = [f"{names[0]} {inner}" for inner in plain[1].rstrip(".,:").split("|")]
    for name in names:
        assert name in LEAVES or name in GROUPS, f"there is no command ./hub {name}"
    known = {option for name in names if name in LEAVES for option in options(LEAVES[name])} | {"--help"}
    for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", command_line):
        assert option in known, f"./hub {names[0]} has no option {option}"


@pytest.mark.parametrize("page", pages.all_pages(), ids=pages.label)
def test_calls_in_pages_name_commands_and_options_that_exist(page: Path) -> None:
    for call in pages.calls(page.read_text(encoding="utf-8")):
        check_call(call)


def test_calls_in_our_messages_name_commands_and_options_that_exist() -> None:
    for source in PACKAGE.rglob("*.py"):
        for call in re.findall(r"`\./hub ([^`\n{]+)`", source.read_text(encoding="utf-8")):
            if "…" not in call and "..." not in call and "<" not in call:
                check_call(call)


@pytest.mark.parametrize("call", ["upp", "up --detatch", "user adopt li", "image build --upgrade", "token li --days 3"])
def test_a_call_of_what_does_not_exist_is_found(call: str) -> None:
    with pytest.raises(AssertionError, match=r"there is no command|has no option"):
        check_call(call)


# -- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", pages.english_pages(), ids=pages.label)
def test_every_page_has_its_chinese_twin(page: Path) -> None:
    assert pages.twin(page).exists()
    assert len(re.findall(r"[\u4e00-\u9fff]", pages.twin(page).read_text(encoding="utf-8"))) > 50


@pytest.mark.parametrize("page", pages.english_pages(), ids=pages.label)
def test_a_page_and_its_twin_link_to_each_other(page: Path) -> None:
    other = pages.twin(page)

    assert other.name in {to for _, to in pages.links(page.read_text(encoding="utf-8"))}
    assert page.name in {to for _, to in pages.links(other.read_text(encoding="utf-8"))}


def test_no_chinese_page_stands_alone() -> None:
    twins = {pages.twin(page) for page in pages.english_pages()}

    assert {page for page in pages.all_pages() if page.name.endswith(".zh.md")} <= twins


@pytest.mark.parametrize("page", pages.all_pages(), ids=pages.label)
def test_links_lead_somewhere(page: Path) -> None:
    for shown, target in pages.links(page.read_text(encoding="utf-8")):
        path, _, fragment = target.partition("#")
        place = page.parent / path if path else page
        assert place.exists(), f"[{shown}]({target})"
        if fragment:
            assert fragment in pages.anchors(place.read_text(encoding="utf-8")), f"[{shown}]({target})"


@pytest.mark.parametrize("page", pages.all_pages(), ids=pages.label)
def test_files_that_a_page_names_exist(page: Path) -> None:
    folders = "catalogs|courses|docs|extensions|hub_config|images|notebooks|requirements|tests"

    for name in pages.spans(page.read_text(encoding="utf-8")):
        if re.fullmatch(rf"(?:{folders})/[\w./-]*", name):
            assert (pages.ROOT / name).exists(), name


@pytest.mark.parametrize("page", pages.all_pages(), ids=pages.label)
def test_links_stay_in_the_language_of_the_page(page: Path) -> None:
    chinese = page.name.endswith(".zh.md")
    own = page.with_name(page.name.replace(".zh.md", ".md")) if chinese else pages.twin(page)

    for shown, target in pages.links(page.read_text(encoding="utf-8")):
        place = (page.parent / target.partition("#")[0]).resolve()
        if place.suffix == ".md" and place not in (page, own):
            assert place.name.endswith(".zh.md") == chinese, f"[{shown}]({target})"


@pytest.mark.parametrize("page", [page for page in pages.all_pages() if page.parent != pages.ROOT], ids=pages.label)
def test_every_page_is_reached_from_the_readme(page: Path) -> None:
    readme = pages.ROOT / ("README.zh.md" if page.name.endswith(".zh.md") else "README.md")
    targets = {(readme.parent / target).resolve() for _, target in pages.links(readme.read_text(encoding="utf-8"))}

    assert page in targets
