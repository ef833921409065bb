"""A run of a method as a job: the revision's notebook with checked parameters, and what it leaves, judged and kept.

Trust boundary: everything that a run leaves was written by the author's code. It is data of limited size under names of
ours, and no file of it is ever sent as a page. Plain Python: it knows neither Django nor who may run what.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from regional_hub.core.files import Files
from regional_hub.hub import jobs
from regional_hub.hub.jobs import IN, Outcome, Task
from regional_hub.lab import provenance, share_parameters
from regional_hub.lab.share_names import BadName, check_name
from regional_hub.lab.share_parameters import BadDeclaration
from regional_hub.lab.share_values import BadValue, checked
from regional_hub.settings import Settings
from regional_hub.showcase import bundle, bundle_notebook
from regional_hub.showcase.bundle import Bundle
from regional_hub.showcase.bundle_faults import MB, BundleError, Limits
from regional_hub.showcase.checks import built, run, texts

SCRIPT = Path(__file__).with_name("run_method.py")
GRACE = run.GRACE
MOST_JSON = 2 * MB
MOST_FILES = 100
# Types under which a result is sent; everything else is bytes. None of them is a page or a picture with scripts.
TYPES = {
    "json": "application/json",
    "geojson": "application/geo+json",
    "csv": "text/csv",
    "txt": "text/plain",
    "md": "text/plain",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "nc": "application/netcdf",
    "zip": "application/zip",
    "ipynb": "application/x-ipynb+json",
}
NOTEBOOK = {"id": "notebook", "file": "notebook.ipynb", "title": "Executed notebook", "title_zh": "运行后的笔记本"}


class BadValues(ValueError):
    """Parameters that a method does not take: for each its name, and why in both languages."""

    def __init__(self, faults: Mapping[str, tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {en}" for name, (en, _) in faults.items()))
        self.faults = dict(faults)


@dataclass(frozen=True)
class Method:
    """What a notebook declares: its parameters and outputs (see lab/share_parameters.py)."""

    parameters: list[dict[str, Any]]
    outputs: list[dict[str, Any]]


@dataclass(frozen=True)
class Ended:
    """How a run ended: `why` and its Chinese are empty where it got through; `kept` goes into `Run.result`."""

    state: str
    why: str = ""
    why_zh: str = ""
    kept: dict[str, Any] = field(default_factory=dict)


def method(notebook: Mapping[str, Any], where: str = "") -> Method:
    """What a notebook declares. Raises BundleError, which names the line."""
    try:
        declared = share_parameters.outputs(notebook)
        return Method(share_parameters.parameters(notebook), declared or [{**NOTEBOOK, "unit": ""}])
    except BadDeclaration as bad:
        raise BundleError("bad-parameters", bad.en, bad.zh, where) from None


def with_declared(sent: Bundle) -> Bundle:
    """A bundle with the parameters that its notebook declares, whatever its sender says. Raises BundleError."""
    found = method(bundle_notebook.read(sent.read(sent.entry)), sent.entry)
    return replace(sent, parameters=tuple(found.parameters))


def values(declared: Method, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter with its given value, or its default. Raises BadValues, which names each."""
    faults: dict[str, tuple[str, str]] = {}
    made: dict[str, Any] = {}
    for one in declared.parameters:
        try:
            made[one["name"]] = checked(one["schema"], given.get(one["name"], one["default"]))
        except BadValue as bad:
            faults[one["name"]] = (bad.en, bad.zh)
    known = ", ".join(one["name"] for one in declared.parameters)
    for name in given.keys() - made.keys() - faults.keys():
        faults[str(name)[:60]] = (f"there is no such parameter; there are: {known}", f"没有该参数；可用：{known}")
    if faults:
        raise BadValues(faults)
    return made


def digest(parameters: Mapping[str, Any]) -> str:
    """SHA-256 of the parameters in canonical JSON."""
    return hashlib.sha256(bundle.canonical(parameters)).hexdigest()


def perform(
    settings: Settings,
    files: Files,
    kept: Files,
    manifest: Mapping[str, Any],
    parameters: Mapping[str, Any],
    stop: Callable[[], bool],
) -> Ended:
    """Run a revision with these parameters, and keep what it leaves. Raises JobError, Damaged, BundleError."""
    notebook = bundle.notebook(files, manifest)
    declared = method(notebook)
    checked_values = values(declared, parameters)
    image, _ = run.choose_image(settings, str(manifest.get("image", "")))
    task = _task(settings, run.task_of(settings, files, manifest, notebook, image), checked_values)
    facts: dict[str, Any] = {
        "image": image,
        "digest": run.digest_of(image),
        "lock": run.lock_of(image),
        "parameters": digest(checked_values),
    }
    with jobs.run(settings, task, stop) as outcome:
        facts["seconds"] = round(outcome.seconds, 1)
        if outcome.ended == "stopped":
            return Ended("dismissed", kept={"provenance": facts})
        why = _why(settings, outcome)
        if why is None:
            try:
                left = _keep(settings, kept, notebook, declared, checked_values, outcome)
                facts["releases"] = left.pop("releases")
                return Ended("successful", kept={**left, "provenance": facts})
            except BundleError as error:
                why = (str(error), error.zh)
        return Ended("failed", *why, kept={"provenance": facts})


def _task(settings: Settings, task: Task, parameters: Mapping[str, Any]) -> Task:
    own = settings.showcase
    *_, folder, entry, out, most = task.command
    command = [*run.lasting(own.method_seconds), "python", f"{IN}/run_method.py", folder, entry, out, most]
    inputs = {**task.inputs, "run_method.py": SCRIPT, "parameters.json": json.dumps(parameters).encode()}
    limits = jobs.Limits(
        own.method_memory_mb, own.method_cpus, own.check_pids, own.method_seconds, own.method_output_mb, MOST_FILES
    )
    return replace(task, command=[*command, f"{IN}/parameters.json"], inputs=inputs, limits=limits)


def _why(settings: Settings, outcome: Outcome) -> tuple[str, str] | None:
    """Why a run did not get through, in both languages; None where it did."""
    own, report = settings.showcase, run.report_of(outcome)
    ended = outcome.ended if outcome.ended != "failed" else report.get("ended", "failed")
    said = texts.plain(f"{report.get('ename', '')}: {report.get('evalue', '')}")[:300]
    last = texts.plain(outcome.log).strip()[-300:]
    words = {
        "done": None,
        "error": (said, said),
        "memory": (f"more than {own.method_memory_mb} MB of memory", f"内存超过 {own.method_memory_mb} MB"),
        "time": (f"not done within {own.method_seconds} seconds", f"在 {own.method_seconds} 秒内没有结束"),
        "output": (
            f"it left more than {own.method_output_mb} MB, or something that is not a file",
            "留下的内容过大或不是文件",
        ),
        "printed": (f"it printed more than {own.notebook_mb} MB", f"打印内容超过 {own.notebook_mb} MB"),
        "died": (f"the kernel died; its memory is {own.method_memory_mb} MB", "内核已终止，可能是内存不足"),
    }
    return words.get(ended, (f"it could not be run: {last}", f"无法运行：{last}"))


def _keep(
    settings: Settings,
    kept: Files,
    notebook: Mapping[str, Any],
    declared: Method,
    parameters: Mapping[str, Any],
    outcome: Outcome,
) -> dict[str, Any]:
    own = settings.showcase
    try:
        left = outcome.outputs["executed.ipynb"].read_bytes()
    except (KeyError, OSError):
        raise BundleError("nothing", "it left no executed notebook", "没有留下运行后的笔记本") from None
    executed = with_values(built.merge(notebook, left, Limits.of(own)), parameters)
    data = built.to_bytes(executed)
    files = {"notebook.ipynb": _put(kept, data)}
    for name, place in sorted(outcome.outputs.items()):
        if name.startswith("outputs/"):
            files |= _file(kept, name.removeprefix("outputs/"), place)
    for one in declared.outputs:
        if one["file"] not in files:
            where = f"outputs/{one['file']}"
            raise BundleError("missing", f"the method did not write {where}", f"方法没有写出 {where}")
    try:
        releases = [vars(one) for one in provenance.of(executed)]
    except provenance.ProvenanceError as error:
        raise BundleError("bad-provenance", str(error), str(error)) from None
    return {"files": files, "releases": releases}


def _file(kept: Files, name: str, place: Path) -> dict[str, dict[str, Any]]:
    """A file that was left, kept; none where its name is not fit to travel."""
    try:
        check_name(name)
    except BadName:
        return {}
    data = place.read_bytes()
    if name.lower().endswith(".json"):
        _check_json(name, data)
    return {name: _put(kept, data)} if name != "notebook.ipynb" else {}


def _check_json(name: str, data: bytes) -> None:
    try:
        if len(data) > MOST_JSON:
            raise BundleError("too-large", f"outputs/{name} is over {MOST_JSON:,} bytes", f"outputs/{name} 过大")
        read_json(data)
    except (ValueError, RecursionError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError("not-json", f"outputs/{name} is not JSON", f"outputs/{name} 不是 JSON") from None


def read_json(data: bytes) -> Any:
    """JSON without NaN and Infinity, which are none. Raises ValueError, RecursionError."""

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is not JSON")

    return json.loads(data.decode("utf-8"), parse_constant=refuse)


def _put(kept: Files, data: bytes) -> dict[str, Any]:
    one = kept.put(data)
    return {"sha256": one.sha256, "size": one.size}


def with_values(notebook: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A notebook that shows with which values it ran, behind the cell that declares them."""
    cells = list(notebook["cells"])
    lines = "\n".join(["# Parameters of this run · 本次运行的参数", *(f"{k} = {v!r}" for k, v in parameters.items())])
    tags = [(cell["metadata"].get("tags") or []) for cell in cells]
    at = next((number for number, each in enumerate(tags, start=1) if share_parameters.TAG in each), 0)
    shown = {"cell_type": "code", "id": "run-parameters", "metadata": {}, "source": lines, "outputs": []}
    cells.insert(at, {**shown, "execution_count": None})
    return {**notebook, "cells": cells}


def media_type(name: str) -> str:
    return TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")
