"""Every text that people read is there in Chinese, with the same placeholders."""

import re
import shutil
import subprocess
from pathlib import Path

import polib
import pytest

import regional_hub
from regional_hub.core.translations import APPS

PACKAGE = Path(regional_hub.__path__[0])
HOLES = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")


def texts(app: str, folder: Path) -> polib.POFile:
    """What `makemessages` finds in an app, made in a copy so that the checkout stays as it is."""
    assert shutil.which("xgettext"), "Debian's package gettext is needed; `./hub test` installs it"
    shutil.copytree(PACKAGE / app, folder / app, ignore=shutil.ignore_patterns("*.mo", "__pycache__", "static"))
    for old in (folder / app / "locale").rglob("django.po"):
        old.unlink()
    (folder / app / "locale").mkdir(exist_ok=True)
    command = ["python", "-m", "django", "makemessages", "-l", "zh_Hans", "--no-wrap", "--no-location"]
    subprocess.run(command, cwd=folder / app, check=True, capture_output=True, env=_environment())
    return polib.pofile(str(folder / app / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"))


def _environment() -> dict[str, str]:
    import os
    import sys

    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/")}


def written(app: str) -> polib.POFile:
    return polib.pofile(str(PACKAGE / app / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"))


@pytest.mark.parametrize("app", APPS)
def test_no_text_is_without_chinese(app, tmp_path):
    known = {entry.msgid: entry for entry in written(app) if not entry.obsolete and "fuzzy" not in entry.flags}

    missing = [
        entry.msgid
        for entry in texts(app, tmp_path)
        if entry.msgid not in known or not (known[entry.msgid].msgstr or any(known[entry.msgid].msgstr_plural.values()))
    ]

    assert missing == []


@pytest.mark.parametrize("app", APPS)
def test_translations_keep_placeholders_and_are_chinese(app):
    for entry in written(app):
        for chinese in [entry.msgstr, *entry.msgstr_plural.values()]:
            if chinese:
                assert set(HOLES.findall(chinese)) == set(HOLES.findall(entry.msgid + entry.msgid_plural)), entry.msgid


def test_every_action_of_the_audit_log_has_a_word():
    from regional_hub.core.templatetags.hub import VERBS

    sources = "".join(file.read_text(encoding="utf-8") for file in (PACKAGE / "core").glob("*.py"))
    recorded = re.findall(r'audit\.record\(\s*[\w."]+,\s*(?:"remove" if forget else )?"([\w -]+)"', sources)

    assert len(recorded) > 15
    assert set(recorded) <= set(VERBS)
