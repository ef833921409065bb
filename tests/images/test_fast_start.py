"""The stand-in for the slow parser: gone unless used, and right when used."""

from __future__ import annotations

import subprocess
import sys

INSTALL = "import sys; sys.path.insert(0, 'extensions'); from regional_hub import fast_start; fast_start.install();"


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", INSTALL + code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_importing_jsonschema_builds_no_parser() -> None:
    assert (
        run("import jsonschema; print('lark' in sys.modules, 'rfc3987_syntax.utils' in sys.modules)") == "False False"
    )


def test_the_format_is_still_checked() -> None:
    code = (
        "import jsonschema; check = jsonschema.Draft7Validator.FORMAT_CHECKER.conforms;"
        "print(check('https://\u4f8b.example/', 'iri'), check('a b', 'iri'), check('/a', 'iri-reference'))"
    )

    assert run(code) == "True False True"


def test_others_who_import_the_parser_get_all_of_it() -> None:
    code = (
        "import rfc3987_syntax as first; print(first.is_valid_syntax_iri('https://a.example/'));"
        "import rfc3987_syntax as second; print(second.parse('iri', 'https://a.example/').data);"
        "print(hasattr(first, 'nothing'))"
    )

    assert run(code).split() == ["True", "iri", "False"]


def test_it_is_harmless_twice_and_where_the_module_is_not_there() -> None:
    code = (
        "fast_start.install(); fast_start.NAME = 'not_there_at_all'\n"
        "try:\n    import not_there_at_all\nexcept ModuleNotFoundError as error:\n    print(error.name)"
    )

    assert run(code) == "not_there_at_all"
