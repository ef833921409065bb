"""Methods for tests: one that adds, shared, public, opened; and a run of it as if the worker had performed it."""

from __future__ import annotations

from typing import Any

import nbformat.v4 as v4
from django.utils import timezone

from regional_hub.showcase import method_run
from regional_hub.showcase.about import About
from regional_hub.showcase.actions import methods, running
from regional_hub.showcase.actions.sharing import To, publish
from regional_hub.showcase.bundle import Bundle
from regional_hub.showcase.method_run import Ended
from regional_hub.showcase.models import Revision, Run
from tests.showcase.bundles import notebook_bytes

PARAMETERS = """\
count: int = 2  # How many | 个数 [minimum=1, maximum=9, unit="pcs"]
word: str = "tea"  # Word | 词语 [maxLength=20]
ways: list[str] = ["a"]  # Ways | 方法 [enum=["a", "b"]]
numbers: list[float] = [1.5]  # Numbers | 数字
day: str = "2024-01-31"  # Day | 日期 [format="date"]
fast: bool = False  # Fast | 快速
"""
CODE = """\
# outputs/total.json  The total | 合计
# outputs/words.csv  The words | 词语表
import json, pathlib
out = pathlib.Path("outputs"); out.mkdir(exist_ok=True)
said = {"total": count * sum(numbers), "word": word, "ways": ways, "day": day, "fast": fast}
(out / "total.json").write_text(json.dumps(said))
(out / "words.csv").write_text("word\\n" + word * count + "\\n")
"""


def method_bytes(parameters: str = PARAMETERS, code: str = CODE) -> bytes:
    declared = v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    return notebook_bytes(
        v4.new_markdown_cell("# Sums"), declared, v4.new_code_cell(code, metadata={"tags": ["outputs"]})
    )


def method(author: Any, to: To | None = None, data: bytes | None = None, title: str = "Sums") -> Revision:
    bundle = Bundle("sums.ipynb", {"sums.ipynb": data or method_bytes()}, image="regional-hub/lab:latest")
    about = About(title, title_zh="求和", licence="CC-BY-4.0", kind="method")
    return publish(author, bundle, about, to or To("hub")).revision


def public_method(author: Any, *, is_open: bool = True, **more: Any) -> Revision:
    """A method as its reviews leave it, and opened to visitors."""
    revision = method(author, To("public"), **more)
    revision.state, revision.published_at = Revision.State.APPROVED, timezone.now()
    revision.save()
    publication = revision.publication
    publication.public_revision = revision
    publication.save()
    if is_open:
        methods.open_to_public(author, publication, True)
    return Revision.objects.select_related("publication").get(pk=revision.pk)


def perform(run: Run, monkeypatch: Any, **files: bytes) -> Run:
    """What the worker does, without a job: these files are what the notebook left."""
    left = {"total.json": b'{"total": 3.0}', "words.csv": b"word\ntea\n", **files}
    kept = {name: method_run._put(methods.kept(), data) for name, data in left.items()}
    kept["notebook.ipynb"] = method_run._put(methods.kept(), method_bytes())
    facts = {"image": "regional-hub/lab:latest", "lock": "a" * 64, "seconds": 1.5, "releases": []}
    ended = Ended("successful", kept={"files": kept, "provenance": facts})
    monkeypatch.setattr(method_run, "perform", lambda *given: ended)
    running.perform(str(run.pk))
    run.refresh_from_db()
    return run
