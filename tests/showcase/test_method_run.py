"""A method runs in a job, in the lab's image: values arrive as values, results are judged, and it can be stopped."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from regional_hub.core.files import Files
from regional_hub.settings import Settings, load
from regional_hub.showcase import bundle, bundle_notebook, method_run
from regional_hub.showcase.bundle import Bundle
from regional_hub.showcase.method_run import Ended
from tests.showcase.bundles import IMAGE
from tests.showcase.methods import CODE, PARAMETERS, method_bytes

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("lab_image")]
HOSTILE = '"; import os; open("/job/out/outputs/owned.txt", "w").write("x") #\\" \\\n\'\'\' """ {x} é 🎈'


@pytest.fixture
def hub(tmp_path: Path) -> Settings:
    loaded = load({"HUB_DATA": str(tmp_path / "data"), "HUB_SPAWNER__KIND": "docker"})
    small = {"method_seconds": 60, "method_memory_mb": 512, "method_output_mb": 8}
    return loaded.model_copy(update={"showcase": loaded.showcase.model_copy(update=small)})


def kept(hub: Settings) -> Files:
    return Files(hub.path("showcase", "runs"))


def ran(hub: Settings, values: dict, parameters: str = PARAMETERS, code: str = CODE, stop=lambda: False) -> Ended:
    made = Bundle("sums.ipynb", {"sums.ipynb": method_bytes(parameters, code)}, image=IMAGE)
    files = Files(hub.path("showcase", "objects"))
    return method_run.perform(hub, files, kept(hub), bundle.store(files, made), values, stop)


def read(hub: Settings, ended: Ended, name: str) -> bytes:
    assert ended.state == "successful", ended
    return kept(hub).read(ended.kept["files"][name]["sha256"])


def test_values_arrive_and_results_with_their_origin_are_kept(hub):
    ended = ran(hub, {"count": 3, "word": "茶 tea", "ways": ["b"], "numbers": [0.1, 2e-7], "fast": True})

    assert json.loads(read(hub, ended, "total.json")) == {
        "total": 3 * sum([0.1, 2e-7]), "word": "茶 tea", "ways": ["b"], "day": "2024-01-31", "fast": True,
    }  # fmt: skip
    assert read(hub, ended, "words.csv").decode().splitlines()[1] == "茶 tea" * 3
    shown = bundle_notebook.read(read(hub, ended, "notebook.ipynb"))
    assert "count = 3\nword = '茶 tea'" in [cell["source"] for cell in shown["cells"]][2]
    facts = ended.kept["provenance"]
    assert facts["image"] == IMAGE and facts["digest"].startswith("sha256:")
    assert len(facts["lock"]) == len(facts["parameters"]) == 64 and facts["seconds"] > 0
    assert list(hub.path("jobs").iterdir()) == []


def test_no_text_of_a_caller_becomes_code(hub):
    parameters = 'word: str = ""  # [maxLength=200]\nwords: list[str] = []'
    code = "# outputs/said.json\nimport json\njson.dump([word, words], open('outputs/said.json', 'w'))"

    ended = ran(hub, {"word": HOSTILE, "words": [HOSTILE, "\\"]}, parameters, code)

    assert json.loads(read(hub, ended, "said.json")) == [HOSTILE, [HOSTILE, "\\"]]
    assert set(ended.kept["files"]) == {"notebook.ipynb", "said.json"}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            "# outputs/total.json\nopen('outputs/total.json', 'w').write('{\"a\": NaN}')",
            "outputs/total.json is not JSON",
        ),
        ("# outputs/total.json\n1", "the method did not write outputs/total.json"),
        ("import os\nos.symlink('/etc/passwd', 'outputs/x.csv')", "something that is not a file"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_what_it_does_wrong_is_said(hub, code, why):
    ended = ran(hub, {}, code=code)

    assert ended.state == "failed" and why in ended.why and ended.why_zh and "files" not in ended.kept


def test_it_is_stopped_while_it_runs(hub):
    began = time.monotonic()

    ended = ran(hub, {}, code="while True: pass", stop=lambda: time.monotonic() - began > 4)

    assert ended.state == "dismissed" and time.monotonic() - began < 20 and "files" not in ended.kept
