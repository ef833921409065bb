"""Runs one piece of work in a process of its own, so that its memory is nobody else's; `call` starts it.

Peak memory is `VmHWM` of the process, less nothing: Python, Arrow and DuckDB are in it.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from regional_hub.settings import ROOT


def call(work: str, *arguments: object, seconds: float = 1800) -> tuple[dict[str, float], float]:
    """What `module.function` gives for numbers and texts, and the peak in MB. Raises RuntimeError where it fails."""
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "extensions"), str(ROOT)]),
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "-m", "tests.benchmarks.sdg_child", work, json.dumps(list(map(_plain, arguments)))]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, timeout=seconds, check=False)
    if done.returncode:
        raise RuntimeError(f"{work} failed:\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return found["result"], found["peak"]


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def peak() -> float:
    """Megabytes of main memory that this process had at most (not that of the process that started it)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024


def _run(work: str, arguments: list[Any]) -> None:
    module, _, function = work.rpartition(".")
    result = getattr(importlib.import_module(module), function)(*arguments)
    print(json.dumps({"result": result, "peak": peak()}))


if __name__ == "__main__":
    _run(sys.argv[1], json.loads(sys.argv[2]))
