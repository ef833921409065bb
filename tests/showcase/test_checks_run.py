"""A revision runs in a job, in the lab's image: what an honest notebook gets, and what an attacker's tries."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import nbformat.v4 as v4
import pytest

from regional_hub.core.files import Files
from regional_hub.hub import images
from regional_hub.hub.jobs import JobError
from regional_hub.settings import Settings, load
from regional_hub.showcase import bundle
from regional_hub.showcase.bundle import Bundle
from regional_hub.showcase.checks import run
from tests.showcase.bundles import IMAGE, notebook_bytes

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("lab_image")]


@pytest.fixture
def hub(tmp_path: Path) -> Settings:
    loaded = load({"HUB_DATA": str(tmp_path / "data"), "HUB_SPAWNER__KIND": "docker"})
    small = {"check_seconds": 60, "check_memory_mb": 512, "check_pids": 64, "notebook_mb": 1}
    return loaded.model_copy(update={"showcase": loaded.showcase.model_copy(update=small)})


def changed(settings: Settings, **values: object) -> Settings:
    return settings.model_copy(update={"showcase": settings.showcase.model_copy(update=values)})


def ran(settings: Settings, *sources: str, entry: str = "water.ipynb", stop=lambda: False, **files: bytes) -> run.Ran:
    cells = [v4.new_code_cell(source) for source in sources]
    made = Bundle(entry, {entry: notebook_bytes(*cells), **files}, image=IMAGE)
    kept = Files(settings.path("showcase", "objects"))
    manifest = bundle.store(kept, made)
    return run.run(settings, kept, manifest, bundle.notebook(kept, manifest), stop)


def printed(outcome: run.Ran) -> str:
    assert outcome.executed is not None, outcome.found
    outputs = [output for cell in outcome.executed["cells"] for output in cell["outputs"]]
    return "".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in outputs)


def why(outcome: run.Ran) -> tuple[str, str]:
    assert outcome.executed is None
    severe = [one for one in outcome.found if one.weight == "severe"]
    assert len(severe) == 1 and severe[0].text_zh
    return severe[0].where, severe[0].text


def test_it_runs_with_its_files_the_catalog_and_shared_data_and_leaves_its_outputs(hub):
    hub.shared_dir.mkdir(parents=True)
    (hub.shared_dir / "census.csv").write_text("KG,7")
    sources = (
        "import pandas; print(pandas.read_csv('data/a.csv').b.sum())",
        "import os; print(sorted(os.listdir(os.environ['INTAKE_PATH']))[-1] > '')",
        "print(open(os.environ['REGIONAL_HUB_SHARED'] + '/census.csv').read())",
        "open('made.csv', 'w').write('x'); 40 + 2",
    )

    outcome = ran(hub, *sources, **{"data/a.csv": b"a,b\n1,2\n3,4\n"})

    assert outcome.found == [] and outcome.image == IMAGE and len(outcome.image_lock) == 64
    assert printed(outcome).split() == ["6", "True", "KG,7", "42"]
    assert list(hub.path("jobs").iterdir()) == []


def test_an_error_is_told_with_its_cell(hub):
    assert why(ran(hub, "x = 1", "x / 0")) == ("c2", "ZeroDivisionError: division by zero")


def test_a_notebook_in_a_folder_runs_where_it_stands(hub):
    outcome = ran(hub, "print(open('../a.txt').read())", entry="sub/my book.ipynb", **{"a.txt": b"beside"})

    assert printed(outcome).strip() == "beside"


def test_names_like_options_and_shells_are_only_names(hub):
    names = {"-rf": b"1", "--help": b"2", "$(touch x)": b"3", "; rm a": b"4", "数据.csv": b"5"}

    outcome = ran(hub, "import os; print(len(os.listdir()), os.path.exists('x'))", entry="-c.ipynb", **names)

    assert printed(outcome).split() == ["6", "False"]


@pytest.fixture
def test_host() -> Iterator[int]:
    """A host that the notebook would reach if anything could be reached: all addresses of this machine."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        server.setblocking(False)
        yield server.getsockname()[1]
        with pytest.raises(BlockingIOError):  # nobody came
            server.accept()


def test_no_network_is_reached(hub, test_host):
    addresses = ["127.0.0.1", "172.17.0.1", "172.30.0.1", socket.gethostbyname(socket.gethostname())]
    code = (
        "import socket\n"
        f"for address in {addresses}:\n"
        "    try:\n"
        f"        socket.create_connection((address, {test_host}), 2); print('reached', address)\n"
        "    except OSError: pass\n"
        "try: socket.getaddrinfo('example.org', 80); print('resolved')\n"
        "except OSError: print('nothing')\n"
        "print([name for _, name in socket.if_nameindex()])"
    )

    assert printed(ran(hub, code)).split() == ["nothing", "['lo']"]


def test_nothing_of_the_hub_is_seen_and_nothing_shared_is_changed(hub):
    hub.secret("key")
    hub.shared_dir.mkdir(parents=True)
    code = (
        "import os, pathlib\n"
        "print([k for k in os.environ if 'TOKEN' in k or 'SECRET' in k or k.startswith('JUPYTERHUB')])\n"
        "print(os.path.exists('/var/run/docker.sock'), os.getuid() != 0)\n"
        f"print(os.path.exists({str(hub.data_dir)!r}))\n"
        "for place in ('/srv/shared/x', '/srv/catalogs/x', '/job/in/x', '/opt/env/x', '/etc/x'):\n"
        "    try: open(place, 'w'); print('wrote', place)\n"
        "    except OSError: pass"
    )

    assert printed(ran(hub, code)).split() == ["[]", "False", "True", "False"]


def test_a_fork_bomb_ends_with_a_reason(hub):
    code = "import os, time\nwhile True:\n    try: os.fork()\n    except OSError: time.sleep(0.1)"

    where, text = why(ran(changed(hub, check_seconds=20), code))

    assert where in ("", "c1") and ("20 seconds" in text or "64 processes" in text or "printed" in text), text


def test_a_memory_bomb_ends_with_a_reason(hub):
    where, text = why(ran(hub, "x = []\nwhile True: x.append(bytearray(50_000_000))"))

    assert "512 MB of memory" in text, (where, text)


def test_writing_ten_gigabytes_ends_with_a_reason(hub):
    code = "with open('{}/large', 'wb') as f:\n    for _ in range(10_000): f.write(bytes(1 << 20)); f.flush()"

    beside, out = (why(ran(hub, code.format(place)))[1] for place in (".", "/job/out"))

    assert "No space left" in beside or "File too large" in beside, beside
    assert "64 MB of files" in out or "File too large" in out, out


def test_printing_a_gigabyte_ends_with_a_reason(hub):
    outcome = ran(hub, "for _ in range(1_000): print('x' * 1_000_000)")

    # The kernel holds what it could not send yet: which limit it meets first is chance.
    assert why(outcome)[1] in ("it printed more than 1 MB", "it took more than 512 MB of memory")
    assert outcome.seconds < 45


def test_printing_without_end_is_ended_at_the_limit(hub):
    outcome = ran(hub, "print('fine')", "import time\nwhile True: print('x' * 1000); time.sleep(0.0001)")

    assert why(outcome) == ("c2", "it printed more than 1 MB") and outcome.seconds < 45


def test_what_never_ends_is_ended(hub):
    assert "8 seconds" in why(ran(changed(hub, check_seconds=8), "while True: pass"))[1]


def test_it_can_be_stopped(hub):
    outcome = ran(hub, "while True: pass", stop=lambda: True)

    assert outcome.stopped and outcome.executed is None and outcome.found == []


def test_code_that_writes_the_result_itself_changes_no_code(hub):
    forged = notebook_bytes(v4.new_code_cell("innocent()"), v4.new_markdown_cell("<script>"))
    code = f"import os\nopen('/job/out/executed.ipynb', 'wb').write({forged!r})\nos.kill(os.getppid(), 9)"

    outcome = ran(hub, code)

    assert outcome.executed is None or [cell["source"] for cell in outcome.executed["cells"]] == [code]


def test_the_image_of_an_author_is_never_one_that_is_not_offered(hub):
    assert run.choose_image(hub, IMAGE) == (IMAGE, [])
    hub.run_dir.mkdir(parents=True)
    images.pin(hub, IMAGE)
    for wanted in ("regional-hub/hub:latest", "regional-hub/debian", "regional-hub/lab:none", "other/image", ""):
        chosen, found = run.choose_image(hub, wanted)
        assert chosen == IMAGE and len(found) == 1, wanted


def test_without_any_image_it_says_so(hub):
    hub.run_dir.mkdir(parents=True)
    images.pin(hub, "regional-hub/lab:none")

    with pytest.raises(JobError, match="image build"):
        run.choose_image(hub, "")


def test_where_no_engine_is_it_runs_as_a_process_and_says_so(hub):
    local = hub.model_copy(update={"spawner": hub.spawner.model_copy(update={"kind": "local"})})
    local = changed(local, check_memory_mb=2048)
    for parent in [local.data_dir.parent, *list(local.data_dir.parents)[1:4]]:
        parent.chmod(parent.stat().st_mode | 0o011)

    outcome = replace(ran(local, "print(6 * 7)"), seconds=0)

    assert printed(outcome).strip() == "42" and outcome.image == ""
    assert [one.weight for one in outcome.found] == ["look"]


def test_whose_worker_was_killed_ends_by_itself(hub, monkeypatch):
    monkeypatch.setattr(run, "GRACE", -56)  # four seconds from inside, while the watch would wait for sixty

    outcome = ran(hub, "while True: pass")

    assert outcome.executed is None and outcome.seconds < 30
