"""Names, contexts and failures of images, without a container engine."""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import ssl
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from docker.errors import ImageNotFound, NotFound

from regional_hub import settings as configuration
from regional_hub.hub import commands, engine, image_build, image_verify, images
from regional_hub.settings import ROOT, Settings

FOLDERS = (
    "catalogs",
    "extensions/labextension",
    "extensions/regional_hub",
    "hub_config",
    "images",
    "notebooks",
    "requirements",
)
FILES = ("package-lock.json", "package.json", "pyproject.toml")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project that a test may change, with certificate authorities of its own."""
    top = tmp_path / "checkout"
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, top / folder, ignore=shutil.ignore_patterns("__pycache__", "static"))
    for file in FILES:
        shutil.copy(ROOT / file, top / file)
    (tmp_path / "authorities").mkdir()
    monkeypatch.setattr(images, "ROOT", top)
    monkeypatch.setattr(image_build, "ROOT", top)
    monkeypatch.setattr(image_build, "BASE", top / "images" / "base")
    monkeypatch.setattr(images, "LOCAL_AUTHORITIES", (tmp_path / "authorities",))
    return top


def load(tmp_path: Path, **images_settings: Any) -> Settings:
    values = {f"HUB_IMAGES__{key.upper()}": value for key, value in images_settings.items()}
    return configuration.load({"HUB_DATA": str(tmp_path / "data"), **values})


def roots(count: int) -> list[bytes]:
    """Some real certificates in PEM."""
    found = [
        ssl.DER_cert_to_PEM_cert(der).encode() for der in ssl.create_default_context().get_ca_certs(binary_form=True)
    ]
    assert len(found) >= count
    return found[:count]


class Engine:
    """An engine that holds some images, records what it is asked, and builds nothing."""

    def __init__(self, *held: str, registry: dict[str, str] | None = None) -> None:
        self.held = set(held)
        self.registry = registry or {}
        self.images = self
        self.pulled: list[str] = []

    def get(self, ref: str) -> Engine:
        if ref not in self.held:
            raise ImageNotFound(ref)
        return self

    def pull(self, ref: str) -> Engine:
        self.pulled.append(ref)
        if ref not in self.registry:
            raise NotFound(f"{ref} not found")
        return self

    def tag(self, repository: str, tag: str) -> None:
        self.held.add(f"{repository}:{tag}")


def use(monkeypatch: pytest.MonkeyPatch, fake: Engine | None) -> None:
    monkeypatch.setattr(engine, "client", lambda timeout=60: fake)


def test_the_same_inputs_name_the_same_image(checkout: Path, tmp_path: Path) -> None:
    first = images.current(load(tmp_path))

    for file in checkout.rglob("*.py"):
        os.utime(file, (1, 1))

    assert first == images.current(load(tmp_path))
    assert first.startswith("regional-hub/lab:")
    assert len(first.rpartition(":")[2]) == 12


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("requirements/lab.txt", {"lab-env", "lab"}),
        ("requirements/hub.txt", {"hub-env", "hub"}),
        ("images/base/packages.txt", {"base", "lab-env", "lab", "hub-env", "hub"}),
        ("images/env/Dockerfile", {"lab-env", "lab", "hub-env", "hub"}),
        ("images/lab/kinds/exam/labconfig/page_config.json", {"lab"}),
        ("extensions/regional_hub/fast_start.py", {"lab", "hub"}),
        ("extensions/regional_hub/hub/images.py", {"hub"}),
        ("package-lock.json", {"hub"}),
    ],
)
def test_a_change_renames_what_it_goes_into_and_nothing_else(
    checkout: Path, tmp_path: Path, file: str, changed: set[str]
) -> None:
    settings = load(tmp_path)
    before = {name: images.current(settings, name) for name in images.RECIPES}

    with (checkout / file).open("a") as handle:
        handle.write("\n")

    after = {name: images.current(settings, name) for name in images.RECIPES}
    assert {name for name in before if before[name] != after[name]} == changed


def test_certificate_authorities_and_a_pinned_base_rename_every_image(checkout: Path, tmp_path: Path) -> None:
    plain = images.current(load(tmp_path))

    (tmp_path / "authorities" / "own.crt").write_bytes(roots(1)[0])
    trusted = images.current(load(tmp_path))
    pinned = images.current(load(tmp_path, base_digest="registry.example.org/debian@sha256:" + "0" * 64))

    assert len({plain, trusted, pinned}) == 3


def test_mirrors_and_proxies_do_not_rename_an_image(checkout: Path, tmp_path: Path) -> None:
    mirrored = load(
        tmp_path, pypi_mirror="https://mirror.example.org/simple", https_proxy="http://proxy.example.org:3128"
    )

    assert images.current(mirrored) == images.current(load(tmp_path))


def test_the_tag_and_the_context_come_from_the_same_bytes(checkout: Path, tmp_path: Path) -> None:
    plan = images.plan(load(tmp_path), "lab-env")
    lock = (checkout / "requirements" / "lab.txt").read_bytes()

    (checkout / "requirements" / "lab.txt").write_text("changed while building\n")

    assert plan.inputs["requirements.txt"] == lock
    assert plan.ref != images.current(load(tmp_path), "lab-env")


def test_a_bundle_is_split_and_each_authority_trusted_once(checkout: Path, tmp_path: Path) -> None:
    first, second = roots(2)
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"# a comment\n" + first + second)
    (tmp_path / "authorities" / "first.crt").write_bytes(first)

    found = images.authorities(load(tmp_path, ca_certificates=json.dumps([str(bundle)])))

    assert sorted(image_verify.fingerprint(pem) for pem in found.values()) == sorted(
        image_verify.fingerprint(pem) for pem in (first, second)
    )


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_certificate_file_that_cannot_be_used_is_named(checkout: Path, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "own-ca.pem"
    if content is not None:
        file.write_text(content)

    with pytest.raises(images.ImageError, match=r"images\.ca_certificates.*own-ca\.pem"):
        images.current(load(tmp_path, ca_certificates=json.dumps([str(file)])))


def test_a_context_is_the_same_bytes_in_any_order() -> None:
    one, other = io.BytesIO(), io.BytesIO()

    image_build.pack({"b": b"2", "a": b"1"}, one)
    image_build.pack({"a": b"1", "b": b"2"}, other)

    assert one.getvalue() == other.getvalue()
    with tarfile.open(fileobj=io.BytesIO(one.getvalue())) as tar:
        assert [(entry.name, entry.uid, entry.mtime) for entry in tar] == [
            ("a", 0, image_build.EPOCH),
            ("b", 0, image_build.EPOCH),
        ]


def test_only_what_is_needed_goes_into_a_context(tmp_path: Path) -> None:
    for name in (
        "a.py",
        "a.pyc",
        "__pycache__/a.pyc",
        ".git/config",
        ".env",
        "portal/b.py",
        "sdg/c.py",
        "sdg/views/d.py",
    ):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("")

    assert set(images.tree(tmp_path, "p/", leave_out=("portal", "sdg/views"))) == {"p/a.py", "p/sdg/c.py"}


def test_our_wheel_goes_in_as_installed_without_the_server(checkout: Path, tmp_path: Path) -> None:
    context = images.plan(load(tmp_path), "lab").context()

    assert "site-packages/regional_hub/fast_start.py" in context
    assert "site-packages/regional_hub/sdg/catalog.py" in context
    assert any(path.endswith(".dist-info/entry_points.txt") for path in context)
    assert not [path for path in context if path.startswith(("package/", "site-packages/regional_hub/portal"))]


def test_a_failed_step_is_named_with_its_last_lines() -> None:
    stream = [
        {"stream": "Step 1/2 : FROM base\n"},
        {"stream": "of no interest\n"},
        {"stream": "Step 2/2 : RUN install\n"},
        {"stream": "\x1b[91mno space left on device\x1b[0m\n"},
        {"error": "The command returned a non-zero code: 1"},
    ]
    told: list[str] = []

    with pytest.raises(images.ImageError) as caught:
        image_build.follow(stream, "regional-hub/lab:0", told.append)

    message = str(caught.value)
    assert "regional-hub/lab:0: step 2/2 `RUN install` failed: The command returned a non-zero code: 1" in message
    assert message.endswith("\n    no space left on device")
    assert "of no interest" not in message
    assert told == ["regional-hub/lab:0: step 1/2: FROM base", "regional-hub/lab:0: step 2/2: RUN install"]


def test_what_earlier_stages_leave_behind_is_known() -> None:
    stream = [
        {"stream": "Step 1/5 : ARG PARENT\n"},
        {"stream": "Step 2/5 : FROM base AS build\n ---> aaaaaaaaaaaa\n"},
        {"stream": "Step 3/5 : RUN install\n"},
        {"stream": " ---> Running in cccccccccccc\n ---> bbbbbbbbbbbb\n"},
        {"stream": "Step 4/5 : FROM base\n ---> aaaaaaaaaaaa\n"},
        {"stream": "Step 5/5 : COPY --from=build a b\n ---> dddddddddddd\n"},
    ]

    assert image_build.follow(stream, "regional-hub/lab:0", lambda line: None) == ["bbbbbbbbbbbb"]


def test_builds_get_the_proxies_and_mirrors_that_are_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "pip_index_url", "uv_default_index", "npm_config_registry"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    chosen = load(tmp_path, https_proxy="http://p:1", pypi_mirror="https://m/simple")

    none = image_build.arguments(load(tmp_path), "parent")
    some = image_build.arguments(chosen, "parent")
    monkeypatch.setenv("HTTPS_PROXY", "http://host:2")
    monkeypatch.setenv("PIP_INDEX_URL", "https://host/simple")
    hosts = image_build.arguments(load(tmp_path), "parent")
    both = image_build.arguments(chosen, "parent")

    proxied = {"PARENT": "parent", "https_proxy": "http://p:1", "HTTPS_PROXY": "http://p:1"}
    assert none == {"PARENT": "parent"}
    assert some == both == {**proxied, "UV_DEFAULT_INDEX": "https://m/simple"}
    assert hosts["https_proxy"] == "http://host:2"
    assert hosts["UV_DEFAULT_INDEX"] == "https://host/simple"


def test_a_bare_digest_belongs_to_the_registry(tmp_path: Path) -> None:
    digest = "sha256:" + "a" * 64

    with pytest.raises(images.ImageError, match=r"images\.registry"):
        image_build.debian_identity(load(tmp_path, base_digest=digest))
    named = image_build.debian_identity(load(tmp_path, base_digest=digest, registry="registry.example.org/hub/"))
    assert named == f"registry.example.org/hub/debian@{digest}"


def test_an_image_that_is_there_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(tmp_path)
    use(monkeypatch, Engine(images.current(settings)))
    told: list[str] = []

    images.ensure(settings, ["lab"], told.append)

    assert told == []


def test_a_registry_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(tmp_path, registry="registry.example.org/hub")
    ref = images.current(settings)
    remote = f"registry.example.org/hub/lab:{ref.rpartition(':')[2]}"
    fake = Engine(registry={remote: "content"})
    use(monkeypatch, fake)

    images.ensure(settings, ["lab"], lambda line: None)

    assert fake.pulled == [remote]
    assert fake.held == {ref, "regional-hub/lab:latest"}


def test_without_an_engine_the_message_says_what_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, None)

    with pytest.raises(images.ImageError, match="no Docker engine answers"):
        images.ensure(load(tmp_path), ["lab"], lambda line: None)


def test_an_unknown_image_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(images.ImageError, match="no image `labs`; there are base, lab, hub"):
        images.ensure(load(tmp_path), ["labs"], lambda line: None)


def test_two_starts_at_once_build_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images.tempfile, "gettempdir", lambda: str(tmp_path))
    settings = load(tmp_path)
    fake = Engine()
    use(monkeypatch, fake)
    built: list[str] = []

    def make(_engine: Any, _settings: Any, ref: str, *_rest: Any) -> None:
        built.append(ref)
        fake.held.add(ref)

    monkeypatch.setattr(image_build, "build", make)
    monkeypatch.setattr(image_build, "debian", lambda *_: "debian")
    monkeypatch.setattr(image_build, "uv", lambda: Path("/bin/true"))
    waiting = threading.Event()
    with (tmp_path / f"regional-hub-images-{os.getuid()}.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        thread = threading.Thread(target=images.ensure, args=(settings, ["lab"], lambda line: waiting.set()))
        thread.start()
        assert waiting.wait(10)
        assert built == []
        fcntl.flock(other, fcntl.LOCK_UN)
        thread.join(60)

    images.ensure(settings, ["lab"], lambda line: None)
    assert built == [images.current(settings, name) for name in ("base", "lab-env", "lab")]


def test_a_debian_that_cannot_be_made_shows_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "mmdebstrap"
    program.write_text('#!/bin/sh\necho "E: mirror does not answer" >&2\nexit 25\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    with pytest.raises(images.ImageError, match=r"exit code 25\):\n    E: mirror does not answer"):
        image_build.debian(Engine(), load(tmp_path), lambda line: None)  # type: ignore[arg-type]


def test_without_root_mmdebstrap_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(images.ImageError, match=r"install the package mmdebstrap, or set `images\.registry`"):
        image_build.debian(Engine(), load(tmp_path), lambda line: None)  # type: ignore[arg-type]


def test_a_lock_applies_by_its_markers() -> None:
    lock = (
        "numpy==1.0 ; python_full_version < '3.12' \\\n    --hash=sha256:aa\n"
        "numpy==2.0 ; python_full_version >= '3.12' \\\n    --hash=sha256:bb\n"
        "Jupyter_Core==5.0 \\\n    --hash=sha256:cc\n    # via\n"
    )

    assert image_verify.locked(lock, {"python_full_version": "3.11.2"}) == {"numpy": "1.0", "jupyter-core": "5.0"}
    assert image_verify.locked(lock, {"python_full_version": "3.12.0"}) == {"numpy": "2.0", "jupyter-core": "5.0"}


def test_verify_names_every_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(tmp_path)
    plan = images.plan(settings, "lab")
    assert plan.lock is not None
    installed = image_verify.locked(plan.lock.decode())
    removed, changed = sorted(installed)[:2]
    found = {
        "packages": {**installed, changed: "0", "Extra_Package": "1", "regional-hub": "0.1"},
        "markers": None,
        "uid": 0,
        "uncompiled": 7,
        "privileged": ["/usr/bin/su"],
        "authorities": [],
    }
    del found["packages"][removed]  # type: ignore[attr-defined]
    monkeypatch.setattr(images, "LOCAL_AUTHORITIES", ())
    plan_ref = images.current(settings)
    use(monkeypatch, Engine(plan_ref))
    monkeypatch.setattr(image_verify, "probe", lambda ref: found)

    findings = {finding.check: finding for finding in image_verify.verify(settings, "lab")}

    assert {check for check, finding in findings.items() if not finding.ok} == {
        "packages",
        "bytecode",
        "user",
        "setuid",
    }
    for part in (f"{removed} missing", f"{changed} 0, locked", "extra-package 1 is not in the lock"):
        assert part in findings["packages"].detail


def test_commands_answer_in_json_with_exit_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_DATA", str(tmp_path / "data"))
    run = CliRunner().invoke

    use(monkeypatch, Engine(images.current(configuration.load())))
    ready = run(commands.image, ["build", "--json"])
    unknown = run(commands.image, ["build", "labs", "--json"])
    use(monkeypatch, None)
    gone = run(commands.image, ["list", "--json"])

    assert (ready.exit_code, unknown.exit_code, gone.exit_code) == (0, 1, 1)
    assert json.loads(ready.output)["images"]["lab"].startswith("regional-hub/lab:")
    assert "labs" in json.loads(unknown.output)["error"]
    assert "no Docker engine answers" in json.loads(gone.output)["error"]


def test_locks_are_resolved_from_the_project_alone(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(configuration, "ROOT", checkout)
    uv = tmp_path / "uv"
    uv.write_text('#!/bin/sh\nprintf "%s\\n" "$*" >>calls\n[ -z "$FAIL" ] || { echo "no such version" >&2; exit 1; }\n')
    uv.chmod(0o755)
    monkeypatch.setattr(image_build, "uv", lambda: uv)

    done = CliRunner().invoke(commands.lock, ["--json"])
    calls = (checkout / "calls").read_text().splitlines()
    failed = CliRunner().invoke(commands.lock, ["--json"], env={"FAIL": "1"})

    assert done.exit_code == 0
    assert [name.rpartition("/")[2] for name in json.loads(done.output)["locks"]] == ["dev.txt", "hub.txt", "lab.txt"]
    assert all("--universal --generate-hashes --no-emit-index-url --python-version 3.11" in call for call in calls)
    assert ["-c requirements/dev.txt" in call for call in calls] == [False, True, True]
    assert not any("--upgrade" in call for call in calls)
    assert failed.exit_code == 1
    assert "no such version" in json.loads(failed.output)["error"]


def test_a_running_hub_keeps_to_the_image_that_it_was_started_with(tmp_path: Path) -> None:
    settings = configuration.load({"HUB_DATA": str(tmp_path)})
    settings.run_dir.mkdir()
    assert images.of_this_start(settings) == images.current(settings)

    images.pin(settings, "regional-hub/lab:before")

    assert images.of_this_start(settings) == "regional-hub/lab:before"
