"""JupyterLab's extension: its types hold, its rules are tested by node, it builds, and it speaks Chinese."""

import hashlib
import json
import re
import shutil
import subprocess

import pytest

from regional_hub.hub import lab_extension
from regional_hub.settings import ROOT
from regional_hub.showcase.models import Publication, Revision

SOURCE = lab_extension.SOURCE
DOMAIN = "regional_hub_lab"
PACK = ROOT / "extensions" / "regional_hub" / "lab" / "locale" / "zh_CN" / "LC_MESSAGES" / f"{DOMAIN}.json"
# No plural forms (`_n`): JupyterLab takes no translation of them into a language that has but one.
CALL = re.compile(r"trans\.__\(\s*'((?:[^'\\]|\\.)*)'")


def code():
    return "".join(path.read_text() for path in sorted((SOURCE / "src").glob("*.ts")))


def node(*words, cwd=ROOT):
    command = [lab_extension.NODE, *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="session")
def with_types():
    """The sources beside the types of JupyterLab, which are installed once per lock."""
    lock = hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = lab_extension.KEPT / f"types-{lock}"
    if not (folder / "node_modules" / ".package-lock.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(SOURCE / name, folder)
        lab_extension.install(folder, types=True)
    shutil.rmtree(folder / "src", ignore_errors=True)
    shutil.copytree(SOURCE / "src", folder / "src")
    shutil.copy(SOURCE / "tsconfig.json", folder)
    return folder


def test_types_hold(with_types):
    done = node("node_modules/typescript/bin/tsc", "--noEmit", cwd=with_types)

    assert done.returncode == 0, done.stdout


def test_a_wrong_type_is_found(with_types):
    (with_types / "src" / "wrong.ts").write_text("import { sizeText } from './forms';\nsizeText('a');\n")

    done = node("node_modules/typescript/bin/tsc", "--noEmit", cwd=with_types)
    (with_types / "src" / "wrong.ts").unlink()

    assert done.returncode != 0 and "wrong.ts" in done.stdout


def test_the_rules_of_the_form_hold():
    done = node("--test", "tests/labextension/forms.test.ts")

    assert done.returncode == 0, done.stdout
    assert re.search(r"pass [1-9]", done.stdout)


def test_it_is_built_for_jupyterlab():
    made = lab_extension.built(lab_extension.sources())

    about = json.loads((made / "package.json").read_text())
    assert (made / about["jupyterlab"]["_build"]["load"]).is_file()
    assert about["jupyterlab"]["_build"]["extension"] == "./extension"


def test_the_same_sources_are_built_once_and_others_anew(tmp_path, monkeypatch):
    first = lab_extension.built(lab_extension.sources())
    monkeypatch.setattr(lab_extension, "_node", lambda *_: pytest.fail("it was built again"))

    assert lab_extension.built(lab_extension.sources()) == first
    with pytest.raises(pytest.fail.Exception):
        lab_extension.built({**lab_extension.sources(), "src/more.ts": b"export {};\n"})


def test_the_lock_names_no_registry():
    lock = json.loads((SOURCE / "package-lock.json").read_text())

    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name


def test_everything_that_is_said_is_said_in_chinese():
    pack = json.loads(PACK.read_text())
    said = set(CALL.findall(code()))

    assert len(said) > 50 and pack[""]["domain"] == DOMAIN
    assert set(pack) - {""} == said
    for text, (chinese,) in ((text, found) for text, found in pack.items() if text):
        assert re.search(r"[一-鿿]", chinese), text
        assert sorted(re.findall(r"%\d", text)) == sorted(re.findall(r"%\d", chinese)), text


def test_every_call_of_the_translator_is_found_by_this_test():
    assert len(re.findall(r"trans\._", code())) == len(CALL.findall(code()))


def test_jupyterlab_finds_the_chinese():
    from jupyterlab_server.translation_utils import get_language_pack

    pack, _ = get_language_pack("zh_CN")

    assert pack[DOMAIN]["Share…"] == ["共享…"]


def test_every_state_of_a_revision_has_a_word():
    words = (SOURCE / "src" / "panel.ts").read_text()
    inside = words[words.index("private state(") :]

    for state in Revision.State.values:
        assert re.search(rf"^\s+'?{state}'?: trans", inside, re.M), state


def test_every_kind_of_publication_has_a_word():
    words = (SOURCE / "src" / "shareform.ts").read_text()
    inside = words[words.index("private kind(") :]

    for kind in Publication.Kind.values:
        assert re.search(rf"^\s+{kind}: trans", inside, re.M), kind


def test_nothing_is_made_of_markup():
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", code())
