"""Runs a revision from top to bottom in a job, in its image, with no network: its files, the catalog and open data.

The job is `hub.jobs`; `run_notebook` is the script in it. Everything that it leaves is judged before it is believed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regional_hub.core.files import Files
from regional_hub.hub import engine, images, jobs, kinds
from regional_hub.hub.jobs import IN, OUT, JobError, Outcome, Task
from regional_hub.hub.kinds import Mount
from regional_hub.settings import ROOT, Settings
from regional_hub.showcase.bundle_faults import MB, BundleError, Limits
from regional_hub.showcase.checks import built, texts
from regional_hub.showcase.checks.finding import Finding

# Copied into the job: a revision's image may be older than these.
SCRIPTS = [Path(__file__).with_name("run_notebook.py"), Path(__file__).parents[2] / "lab" / "awake.py"]
_OURS = re.compile(r"regional-hub/lab(?::[\w.-]+)?")
OUTPUT_MB = 64
GRACE = 30  # seconds


@dataclass(frozen=True)
class Ran:
    """How a run ended: the notebook with its outputs (None: it did not get through), findings, where, how long."""

    executed: Mapping[str, Any] | None
    found: list[Finding]
    image: str
    image_lock: str
    seconds: float
    stopped: bool = False
    digest: str = ""  # of the image, as the engine names its content: a name may mean another image tomorrow


def choose_image(settings: Settings, wanted: str) -> tuple[str, list[Finding]]:
    """The image to run in: the one that it was made in if the hub offers it and has it, else the lab's.

    What an author writes there never makes the engine run something that is not offered to people. Raises JobError.
    """
    if engine.spawner_kind(settings) != "docker":
        note = Finding(
            "", "this hub has no container engine: it ran without an image", "本平台没有容器引擎：未在镜像中运行"
        )
        return "", [note]
    try:
        if wanted and _is_offered(settings, wanted) and images.exists(settings, wanted):
            return wanted, []
        standard = images.of_this_start(settings)
        if not images.exists(settings, standard):
            raise JobError(f"the image {standard} is not on this machine; ./hub image build makes it")
    except images.ImageError as error:
        raise JobError(str(error)) from error
    shown = wanted or "?"
    return standard, [
        Finding("", f"its image {shown} is not here: it ran in {standard}", f"没有其镜像 {shown}：在 {standard} 中运行")
    ]


def _is_offered(settings: Settings, image: str) -> bool:
    groups = (offered for group in settings.groups.values() for offered in group.images)
    return bool(_OURS.fullmatch(image)) or image in {*settings.spawner.allowed_images, *groups}


def run(
    settings: Settings,
    files: Files,
    manifest: Mapping[str, Any],
    notebook: Mapping[str, Any],
    stop: Callable[[], bool] = lambda: False,
) -> Ran:
    """Run the notebook. Raises JobError where nothing can be run here; what the notebook does wrong is in `found`."""
    image, found = choose_image(settings, str(manifest.get("image", "")))
    lock = lock_of(image)
    with jobs.run(settings, task_of(settings, files, manifest, notebook, image), stop) as outcome:
        if outcome.ended == "stopped":
            return Ran(None, found, image, lock, outcome.seconds, stopped=True)
        wrong = _wrong(settings, outcome)
        executed = None
        if not wrong:
            try:
                left = outcome.outputs["executed.ipynb"].read_bytes()
                executed = built.merge(notebook, left, Limits.of(settings.showcase))
            except (KeyError, BundleError, OSError) as error:
                reason = str(error) if isinstance(error, BundleError) else "nothing was left"
                text = f"what the run left cannot be shown: {reason}"
                wrong = [Finding("", text, f"运行留下的结果无法展示：{reason}", "severe")]
        return Ran(executed, found + wrong, image, lock, outcome.seconds, digest=digest_of(image))


def task_of(
    settings: Settings, files: Files, manifest: Mapping[str, Any], notebook: Mapping[str, Any], image: str
) -> Task:
    """The job in which a revision's notebook runs, with its files, the catalog and open data."""
    own, entry = settings.showcase, str(manifest["entry"])
    inputs: dict[str, bytes | Path] = {
        f"bundle/{name}": files.path(facts["sha256"]) for name, facts in manifest["files"].items()
    }
    inputs[f"bundle/{entry}"] = built.to_bytes({**notebook, "nbformat_minor": 5})
    inputs |= {script.name: script for script in SCRIPTS}
    mounts = [mount for mount in [*kinds.shared_mounts(settings), _catalogs()] if mount.host.is_dir()]
    places = {mount.inside: mount.inside if image else str(mount.host) for mount in mounts}
    catalogs = places[kinds.CATALOGS]
    most = str(own.notebook_mb * MB)
    return Task(
        image,
        # The entry is an argument of its own after the folder, so that no name is an option.
        [*lasting(own.check_seconds), "python", f"{IN}/run_notebook.py", f"{IN}/bundle", entry, OUT, most],
        inputs,
        jobs.Limits(own.check_memory_mb, own.check_cpus, own.check_pids, own.check_seconds, OUTPUT_MB),
        mounts,
        {
            "INTAKE_PATH": catalogs,
            "INTAKE_CATALOG_PATH": json.dumps([catalogs]),
            "REGIONAL_HUB_SHARED": places.get(kinds.SHARED, kinds.SHARED),
            "REGIONAL_HUB_KIND": "job",
            "PYTHONHASHSEED": "0",
            "TZ": settings.site.time_zone,
            # A plain process has no place of its own but where its results go; a container has its /tmp.
            **({} if image else {"TMPDIR": f"{OUT}/temporary"}),
        },
    )


def lasting(seconds: int) -> list[str]:
    """Ends the job from inside a little after its time, should the worker that watches it be killed."""
    return ["timeout", "--signal=KILL", str(seconds + GRACE)]


def _catalogs() -> Mount:
    return Mount(ROOT / "catalogs", kinds.CATALOGS)


def digest_of(image: str) -> str:
    """The digest of an image, or "" where there is no engine to ask."""
    client = engine.client(timeout=60) if image else None
    return str(client.images.get(image).id) if client is not None else ""


def lock_of(image: str) -> str:
    """The lock of an image's environment (SHA-256), or "" where none is known."""
    client = engine.client(timeout=60) if image else None
    if client is None:
        return ""
    return str((client.images.get(image).labels or {}).get("org.regional-hub.lock", ""))


def _wrong(settings: Settings, outcome: Outcome) -> list[Finding]:
    """Why a run did not get through; nothing where it did."""
    own, report = settings.showcase, report_of(outcome)
    cell = report.get("cell", "")
    ended = outcome.ended if outcome.ended != "failed" else report.get("ended", "failed")
    last = texts.plain(outcome.log).strip()[-300:]
    said = texts.plain(f"{report.get('ename', '')}: {report.get('evalue', '')}")[:300]
    words = {
        "done": None,
        "error": (said, said),
        "memory": (f"it took more than {own.check_memory_mb} MB of memory", f"内存超过 {own.check_memory_mb} MB"),
        "time": (f"it did not end within {own.check_seconds} seconds", f"在 {own.check_seconds} 秒内没有结束"),
        "output": (f"it left more than {OUTPUT_MB} MB of files", f"留下的文件超过 {OUTPUT_MB} MB"),
        "printed": (f"it printed more than {own.notebook_mb} MB", f"输出超过 {own.notebook_mb} MB"),
        "died": (
            f"the kernel died; the limits are {own.check_memory_mb} MB of memory and {own.check_pids} processes",
            f"内核已终止；限额为内存 {own.check_memory_mb} MB、进程 {own.check_pids} 个",
        ),
    }
    text = words.get(ended, (f"it could not be run: {last}", f"无法运行：{last}"))
    return [Finding(cell, *text, "severe")] if text else []


def report_of(outcome: Outcome) -> dict[str, str]:
    """What the script says, if it got that far; cell ids and words only."""
    try:
        data = json.loads(outcome.outputs["report.json"].read_bytes()[:10_000])
        return {str(key): str(value)[:500] for key, value in data.items()}
    except (KeyError, ValueError, OSError, AttributeError):
        return {}
