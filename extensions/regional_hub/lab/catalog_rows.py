"""The first rows of an entry of the catalogs, or the variables of its cube: for JupyterLab's panel.

The entry is opened by intake with its own defaults, in a process of its own: what a driver imports or holds stays out
of the Jupyter server, and what takes too long is ended. Drivers are the hub's and the person's own, as in a notebook.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from typing import Any

from regional_hub.lab.catalog_list import entries
from regional_hub.lab.share import ShareError

ROWS = 8
COLUMNS = 12
LONGEST = 80  # characters of a value
# What drivers' errors mean to somebody who only looks; the driver's own words stand behind it.
MEANINGS = {
    "FileNotFoundError": ("a file of it is not there", "缺少数据文件"),
    "PermissionError": ("this server may not read it", "本服务器无权读取"),
    "ModuleNotFoundError": ("a package that it needs is not here", "缺少所需的软件包"),
    "ImportError": ("a package that it needs is not here", "缺少所需的软件包"),
    "ConnectionError": ("its source does not answer", "数据源没有响应"),
    "ConnectError": ("its source does not answer", "数据源没有响应"),
    "ClientConnectorError": ("its source does not answer", "数据源没有响应"),
    "URLError": ("its source does not answer", "数据源没有响应"),
    "MemoryError": ("it needs more memory than this server has", "所需内存超过本服务器"),
}
SECONDS = 40
_one = threading.Lock()  # opening data takes memory: one look at a time


def rows(name: str, seconds: float = SECONDS) -> dict[str, Any]:
    """`columns` and `rows` of texts, at most eight rows of twelve columns; a cube's `columns_zh`. Raises ShareError."""
    if name not in {each["name"] for each in entries()}:
        raise ShareError("no-entry", f"no catalog has {name}", f"目录中没有 {name}")
    with _one:
        try:
            command = [sys.executable, "-m", __name__, name]
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True)
            found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        except subprocess.TimeoutExpired:
            raise ShareError(
                "no-preview", f"no rows came within {seconds:g} s", f"{seconds:g} 秒内未读到数据"
            ) from None
        except subprocess.CalledProcessError as error:
            raise _fault(error.stderr) from None
        except (ValueError, IndexError):
            raise ShareError("no-preview", "it has no rows to show", "没有可显示的行") from None
    return found


def _fault(stderr: str) -> ShareError:
    """The last line of a traceback, with its meaning in both languages where the error is a common one."""
    last = (stderr.strip().splitlines() or ["?"])[-1][:200]
    kinds = re.findall(r"^(?:\w+\.)*(\w+)(?=:|$)", stderr, re.M)  # a driver's message may have lines of its own
    en, zh = next(
        (MEANINGS[kind] for kind in reversed(kinds) if kind in MEANINGS), ("it could not be opened", "无法打开")
    )
    return ShareError("no-preview", f"{en}: {last}", f"{zh}：{last}")


def _look(name: str) -> dict[str, Any]:
    import intake

    source = intake.cat[name]
    try:
        data = source.to_dask()  # opens no more than the first part
    except NotImplementedError:  # a driver without Dask reads at once
        data = source.read()
    if hasattr(data, "data_vars"):
        return _cube(data)
    frame = data.head(ROWS)
    if any(frame.index.names):
        frame = frame.reset_index()
    # A column that says "total" (SDMX's _T) throughout, or nothing, only hides the others.
    told = [column for column in frame.columns if not set(frame[column].dropna().astype(str)) <= {"_T", ""}][:COLUMNS]
    rows = frame[told].astype(object).where(frame[told].notna(), "").itertuples(index=False, name=None)
    return {"columns": [str(each) for each in told], "rows": [[str(value)[:LONGEST] for value in row] for row in rows]}


def _cube(data: Any) -> dict[str, Any]:
    """A cube's variables, with what they mean where one of them says so."""
    made = [
        {
            ("variable", "变量"): str(name),
            ("meaning", "含义"): str(array.attrs.get("long_name", ""))[:LONGEST],
            ("extent", "维度"): " × ".join(f"{each} {size}" for each, size in array.sizes.items()),
            ("type", "类型"): str(array.dtype),
        }
        for name, array in data.data_vars.items()
    ]
    told = [head for head in (made[0] if made else ()) if any(row[head] for row in made)]
    heads = {"columns": [en for en, _ in told], "columns_zh": [zh for _, zh in told]}
    return {**heads, "rows": [[row[head] for head in told] for row in made]}


if __name__ == "__main__":
    print(json.dumps(_look(sys.argv[1]), ensure_ascii=False))
