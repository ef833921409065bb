"""Runs a notebook from top to bottom; copied with `lab/awake.py` into the job, and executed beside the author's code.

Nothing it says is trusted: `run` takes outputs from what it leaves, and no more. It imports only what the lab has.

usage: run_notebook.py FOLDER ENTRY OUT MOST_BYTES
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import nbformat
from awake import AwakeClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from traitlets.config import Config

LINKS: list[Path] = []


class Limited(AwakeClient):
    """Counts what cells print, and ends the run at the limit instead of in the kernel's memory."""

    def __init__(self, *args: Any, most: int, out: Path, **more: Any) -> None:
        super().__init__(*args, **more)
        self.most, self.out, self.said, self.at = most, out, 0, ""

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        self.at = cell["id"]
        if msg["header"]["msg_type"] in ("stream", "display_data", "execute_result", "error", "update_display_data"):
            self.said += _size(msg["content"])
            if self.said > self.most:
                _end(self.out, {"ended": "printed", "cell": self.at})  # the cell itself may never end
        return super().process_message(msg, cell, cell_index)

    async def async_execute_cell(self, cell: Any, cell_index: int, *args: Any, **more: Any) -> Any:
        self.at = cell["id"]
        return await super().async_execute_cell(cell, cell_index, *args, **more)


def _size(content: Any) -> int:
    if isinstance(content, str):
        return len(content)
    if isinstance(content, dict):
        return sum(_size(value) for value in content.values())
    return sum(_size(value) for value in content) if isinstance(content, list) else 8


def _end(out: Path, report: dict[str, str]) -> NoReturn:
    """Say how it ended, at once: what cells left behind does not keep the job from ending."""
    (out / "report.json").write_text(json.dumps(report), encoding="utf-8")
    shutil.rmtree(os.environ["JUPYTER_RUNTIME_DIR"], ignore_errors=True)
    for link in LINKS:  # a job leaves no links
        link.unlink(missing_ok=True)
    sys.stdout.flush()
    os._exit(0 if report["ended"] == "done" else 3)


def main(folder: str, entry: str, out: str, most: str, outputs: Path | None = None) -> NoReturn:
    work = Path(os.environ["TMPDIR"]) / "work"
    shutil.copytree(folder, work)
    # Sockets are files, as a job may have no loopback; their paths must be short.
    os.environ["JUPYTER_RUNTIME_DIR"] = tempfile.mkdtemp(dir="/tmp")
    for base, _, files in os.walk(work):
        Path(base).chmod(0o755)
        for name in files:
            (Path(base) / name).chmod(0o644)
    place = work / entry
    if outputs:  # what a method writes beside itself is kept
        link = place.parent / "outputs"
        link.symlink_to(outputs)
        LINKS.append(link)
    notebook: Any = nbformat.read(place, as_version=4)
    client = Limited(
        notebook,
        most=int(most),
        out=Path(out),
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(place.parent)}},
        record_timing=False,
        config=Config({"KernelManager": {"transport": "ipc", "ip": f"{os.environ['JUPYTER_RUNTIME_DIR']}/kernel"}}),
    )
    report: dict[str, str] = {"ended": "done"}
    try:
        client.execute()
    except CellExecutionError as error:
        report = {"ended": "error", "cell": client.at, "ename": str(error.ename), "evalue": str(error.evalue)[:500]}
    except DeadKernelError:
        report = {"ended": "died", "cell": client.at}
    nbformat.write(notebook, Path(out) / "executed.ipynb")
    _end(Path(out), report)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4])
