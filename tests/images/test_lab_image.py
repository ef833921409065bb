"""What a user's server finds in its container: the real image is built, run and looked into."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest

from regional_hub.hub import image_build, image_verify, images
from regional_hub.settings import ROOT, Settings
from tests.images.conftest import Run, Server

pytestmark = pytest.mark.docker

COLLABORATION = {"@jupyter/collaboration-extension", "@jupyter/docprovider-extension"}


def test_it_is_what_lock_and_settings_say(lab: str, settings: Settings) -> None:
    lock = (ROOT / "requirements" / "lab.txt").read_text(encoding="utf-8")

    findings = image_verify.inspect(settings, lab, lock)

    assert [finding for finding in findings if not finding.ok] == []
    assert {finding.check for finding in findings} == {"packages", "bytecode", "user", "setuid", "authorities"}


def test_python_is_debians_and_runs_as_jovyan(lab: str, run: Run) -> None:
    code = (
        "import os, ssl, sys;"
        "print(os.getuid(), os.getgid(), os.getcwd(), sys.version_info[:2], ssl.OPENSSL_VERSION[:11])"
    )

    assert run(lab, "python", "-c", code).strip() == "1000 1000 /home/jovyan (3, 11) OpenSSL 3.0"


def test_nothing_of_the_build_is_left(lab: str, run: Run, client: docker.DockerClient) -> None:
    code = (
        "import glob, json, shutil;"
        "tools = [t for t in ('uv', 'gcc', 'make', 'curl', 'wget', 'sudo') if shutil.which(t)];"
        "places = ('/build/*', '/tmp/*', '/root/.cache', '/var/lib/apt/lists/*_*', '/var/cache/apt/archives/*.deb');"
        "left = [file for place in places for file in glob.glob(place)];"
        "print(json.dumps([tools, left]))"
    )

    assert json.loads(run(lab, "python", "-c", code)) == [[], []]
    assert "UV_DEFAULT_INDEX" not in json.dumps(client.images.get(lab).history())


def test_the_environment_cannot_be_changed_by_its_user(lab: str, run: Run) -> None:
    code = "import os; print([t for t, _, _ in os.walk('/opt') if os.access(t, os.W_OK)])"

    assert run(lab, "python", "-c", code).strip() == "[]"


def test_collaboration_is_off_in_a_lab(serve: Callable[[str], Server]) -> None:
    server = serve("lab")

    assert set(server.page()["disabledExtensions"]) >= COLLABORATION
    assert server.status("/api/collaboration/session/x.ipynb") == 404
    assert server.status("/dask/clusters") == 200
    assert server.status("/api/terminals") == 200


def test_what_a_server_rarely_needs_is_loaded_on_the_first_request(serve: Callable[[str], Server]) -> None:
    server = serve("lab")
    server.status("/dask/clusters", token="wrong")  # a stranger is sent to the sign-in page, and loads nothing

    assert "dask_labextension" not in server.log()
    with ThreadPoolExecutor() as threads:
        assert list(threads.map(server.status, ["/dask/clusters"] * 4)) == [200] * 4
    assert server.status("/voila/render/none.ipynb") == 404
    assert server.status("/dask/clusters") == 200

    assert server.log().count("dask_labextension | extension was successfully loaded") == 1
    assert server.log().count("voila.server_extension | extension was successfully loaded") == 1
    assert "Traceback" not in server.log()


def test_collaboration_is_on_in_a_project(serve: Callable[[str], Server]) -> None:
    server = serve("project")
    page = server.page()

    assert not COLLABORATION & set(page["disabledExtensions"])
    assert {extension["name"] for extension in page["federated_extensions"]} >= COLLABORATION
    assert server.status("/api/collaboration/session/x.ipynb") == 405  # it is there, and takes only PUT


def test_an_exam_offers_the_notebook_and_no_more(serve: Callable[[str], Server]) -> None:
    server = serve("exam")

    assert set(server.page()["disabledExtensions"]) >= COLLABORATION | {"dask-labextension", "@jupyter/nbgrader"}
    for path in (
        "/dask/clusters",
        "/api/terminals",
        "/api/collaboration/session/x.ipynb",
        "/formgrader",
        "/assignments",
    ):
        assert server.status(path) == 404, path
    assert server.status("/api/contents") == 200


def test_jupyterlab_speaks_chinese(serve: Callable[[str], Server]) -> None:
    assert serve("lab").status("/lab/api/translations/zh_CN") == 200


def test_the_dask_panel_makes_clusters_through_the_gateway(lab: str, run: Run) -> None:
    code = "import dask, dask_labextension; print(dask.config.get('labextension.factory.module'))"

    assert run(lab, "python", "-c", code).strip() == "dask_gateway"


def test_our_catalog_driver_is_registered(lab: str, run: Run) -> None:
    code = (
        "from importlib.metadata import entry_points;"
        "print([p.load().__name__ for p in entry_points(group='intake.drivers') if p.value.startswith('regional_hub')])"
    )

    assert "SdmxFileSource" in run(lab, "python", "-c", code)


CHARTS = """
import warnings; warnings.simplefilter("error")
import altair, matplotlib, pandas
matplotlib.use("agg")
import matplotlib.pyplot as plt
texts = {"chinese": "\u8d2b\u56f0\u7387", "others": "\u5e74\u4eba\u53e3", "unknown": "\U000f0000\U000f0001\U000f0002"}
for name, text in texts.items():
    figure = plt.figure(figsize=(2, 1))
    figure.text(0.1, 0.4, text, fontsize=20)
    if name != "unknown":
        figure.savefig(f"/out/matplotlib-{name}.pdf")
    else:
        warnings.simplefilter("ignore")
    figure.savefig(f"/out/matplotlib-{name}.png", metadata={"Software": None})
    chart = altair.Chart(pandas.DataFrame({"x": [1]}), title=text).mark_point().encode(x=altair.X("x", title=None))
    chart.save(f"/out/altair-{name}.png")
"""


def test_charts_show_chinese(lab: str, run: Run, tmp_path: Path) -> None:
    """Other characters give another picture (boxes for missing glyphs would not), and none is the missing glyph's."""
    tmp_path.chmod(0o777)

    run(lab, "python", "-c", CHARTS, folder=tmp_path)

    for library in ("matplotlib", "altair"):
        pictures = [(tmp_path / f"{library}-{name}.png").read_bytes() for name in ("chinese", "others", "unknown")]
        assert len(set(pictures)) == 3, library
    assert b"NotoSansCJKsc" in (tmp_path / "matplotlib-chinese.pdf").read_bytes()


def test_an_institutions_authority_is_trusted_by_every_client(lab: str, run: Run, settings: Settings) -> None:
    """Python, requests and httpx read the one bundle that `verify` found the authorities in."""
    code = (
        "import os, requests, ssl;"
        "file = os.environ['REQUESTS_CA_BUNDLE'];"
        "assert ssl.get_default_verify_paths().cafile == file == os.environ['SSL_CERT_FILE'];"
        "settings = requests.Session().merge_environment_settings('https://example.org', {}, None, None, None);"
        "assert settings['verify'] == file;"
        "print(ssl.create_default_context().cert_store_stats()['x509_ca'])"
    )

    assert int(run(lab, "python", "-c", code)) > 100


def test_a_build_that_fails_says_which_step_and_why(lab: str, client: docker.DockerClient, settings: Settings) -> None:
    context: image_build.Context = {"Dockerfile": b"ARG PARENT\nFROM ${PARENT}\nRUN echo no space left >&2; exit 3\n"}
    ref = "regional-hub/never:0"

    with pytest.raises(images.ImageError, match=r"step 3/3 `RUN echo.*non-zero code: 3\n    no space left"):
        image_build.build(client, settings, ref, context, lab, {}, lambda line: None)

    assert not images.exists(settings, ref)


def test_what_a_person_installs_is_seen_by_kernels_and_not_by_the_server(lab: str, run: Run) -> None:
    spec = "/opt/env/share/jupyter/kernels/python3/kernel.json"
    code = f"import json, sys; print(json.dumps([json.load(open('{spec}'))['env'], sys.path]))"

    env, path = json.loads(run(lab, "python", "-c", code))

    assert env == {"PIP_TARGET": "${HOME}/.local/python", "PYTHONPATH": "${HOME}/.local/python"}
    assert not [place for place in path if ".local" in place]
