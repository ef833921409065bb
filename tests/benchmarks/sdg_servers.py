"""Servers of the same observations, and the load that `wrk` puts on them: the hub's data service, and Datasette."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from regional_hub.settings import ROOT
from tests import hubs
from tests.benchmarks.sdg_data import Data

CONNECTIONS = 8
VISITORS = 200
# The requests come as a line of path and tag each. The hub answers 6 at a time of one visitor, so these are many.
SCRIPT = """
local asked, next = {}, 0
init = function(arguments)
  for line in io.lines(arguments[1]) do
    local path, tag = line:match("([^\\t]*)\\t(.*)")
    local headers = {["X-Forwarded-For"] = "198.51.100." .. (#asked % 200 + 1)}
    headers["Accept"], headers["Accept-Encoding"] = arguments[2], arguments[3]
    if tag ~= "" then headers["If-None-Match"] = tag end
    asked[#asked + 1] = wrk.format("GET", path, headers)
  end
end
request = function()
  next = next % #asked + 1
  return asked[next]
end
done = function(summary, latency, requests)
  local errors = summary.errors
  local wrong = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('\\n{"requests": %d, "seconds": %f, "p95": %f, "bytes": %d, "wrong": %d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(95) / 1e3, summary.bytes, wrong))
end
"""


@dataclass(frozen=True)
class Load:
    """What wrk saw: requests a second, and the milliseconds that 95 of 100 took at most."""

    rate: float
    p95: float
    bytes: float

    @property
    def each(self) -> float:
        """Milliseconds of the server per request."""
        return 1000 / self.rate


def wrk() -> str:
    """The program. Exits, saying what to do, where it is missing."""
    found = shutil.which("wrk")
    if found is None:
        sys.exit("this benchmark needs wrk, which is not installed (Debian: apt install wrk)")
    return found


def load(
    folder: Path,
    base: str,
    asked: Sequence[tuple[str, str]],
    seconds: int,
    connections: int = CONNECTIONS,
    accept: tuple[str, str] = ("application/json", "identity"),
) -> Load:
    """Ask for paths, in turns, as fast as the server answers. Raises RuntimeError when any request fails."""
    script, lines = folder / "load.lua", folder / "requests.txt"
    script.write_text(SCRIPT)
    turns = itertools.islice(itertools.cycle(asked), max(len(asked), VISITORS))
    lines.write_text("".join(f"{path}\t{tag}\n" for path, tag in turns))
    options = ["-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "60s", "-s", str(script)]
    done = subprocess.run(
        [wrk(), *options, base, "--", str(lines), *accept],
        capture_output=True, text=True, timeout=seconds + 90, check=True,
    )  # fmt: skip
    seen = json.loads(done.stdout.splitlines()[-1])
    if seen["wrong"] or not seen["requests"]:
        raise RuntimeError(f"{base}: {seen['wrong']} of {seen['requests']} requests failed: {done.stdout}")
    return Load(seen["requests"] / seen["seconds"], seen["p95"], seen["bytes"] / seen["requests"])


@contextlib.contextmanager
def hub(folder: Path) -> Iterator[str]:
    """The data service over `folder`/sdg, as the hub starts it; gives its address."""
    public = hubs.free_ports()
    env = hubs.clean_environment(
        HUB_DATA=str(folder),
        HUB_PORTS__PUBLIC=str(public),
        REGIONAL_HUB_LISTENS="127.0.0.1",
        PYTHONPATH=str(ROOT / "extensions"),
    )
    command = [sys.executable, "-m", "regional_hub.portal.serve", "data"]
    with running(command, f"http://127.0.0.1:{public + 4}", "/sdmx/openapi.json", folder, env) as base:
        yield base


@contextlib.contextmanager
def datasette(folder: Path, database: Path) -> Iterator[str]:
    """Datasette over a database that it may take as unchangeable, with limits that let whole answers through."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    limits = {"sql_time_limit_ms": 60_000, "facet_time_limit_ms": 60_000, "max_returned_rows": 1_000_000}
    command = [sys.executable, "-m", "datasette", "serve", "-i", str(database), "-p", str(port)]
    for name, value in {**limits, "default_cache_ttl": 0, "suggest_facets": 0}.items():
        command += ["--setting", name, str(value)]
    with running(command, f"http://127.0.0.1:{port}", "/-/versions.json", folder, hubs.clean_environment()) as base:
        yield base


@contextlib.contextmanager
def running(command: list[str], base: str, probe: str, folder: Path, env: dict[str, str]) -> Iterator[str]:
    """A server as a process of its own, once it answers at `probe`; gives `base`, and ends it afterwards."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait(process, base + probe, folder / "server.log")
            yield base
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url, timeout=10).raise_for_status()
            return
        time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer:\n{log.read_text(errors='replace')[-2000:]}")


def sqlite(data: Data, path: Path) -> None:
    """The rows in the order of the key, with indexes by series and by area."""
    names = [part.id for part in data.structure.components]
    key = ["SERIES", "REF_AREA", *(id for id in data.structure.key if id not in ("SERIES", "REF_AREA"))]
    con = sqlite3.connect(path)
    con.execute("PRAGMA journal_mode = off")
    con.execute("PRAGMA synchronous = off")
    con.execute(f"CREATE TABLE observations ({', '.join(f'{name} TEXT' for name in names)})")
    marks = ", ".join("?" * len(names))
    for batch in data.batches():
        rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        con.executemany(f"INSERT INTO observations VALUES ({marks})", rows)
    con.execute(f"CREATE INDEX by_series ON observations ({', '.join(key)})")
    con.execute("CREATE INDEX by_area ON observations (REF_AREA, SERIES)")
    con.execute("ANALYZE")
    con.commit()
    con.close()
