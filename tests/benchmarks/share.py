"""From `hub share` to a link: a notebook of 5 MB and a file beside it, sent from a server of the Lab; the limit is 3 s.

The whole command as typed in a terminal, Python's start included, and of it the one request that the link is the answer
to, which is what JupyterLab's dialogue waits for.
"""

from __future__ import annotations

import argparse
import json

from regional_hub.operate.remote import Kernel
from tests.benchmarks import world
from tests.benchmarks.report import Report, median

LIMIT = 3.0  # seconds

MAKE = """
import base64, json, os, pathlib, random
import nbformat.v4 as v4
def make(megabytes, seed):
    pictures = []
    for number in range(megabytes * 4):
        data = base64.b64encode(random.Random(seed * 1000 + number).randbytes(190_000)).decode()
        cell = v4.new_code_cell(f'plot({number})', outputs=[v4.new_output('display_data', data={'image/png': data})])
        pictures.append(cell)
    first = [v4.new_markdown_cell('# Pictures'), v4.new_code_cell("open('data.csv')")]
    text = json.dumps(v4.new_notebook(cells=[*first, *pictures]))
    pathlib.Path('big.ipynb').write_text(text)
    pathlib.Path('data.csv').write_text('1,2,3\\n' * 30_000)
    return len(text)
"""

SEND = """
import subprocess, time
from regional_hub.lab import share
size = make({megabytes}, {seed})
begun = time.monotonic()
done = subprocess.run(['hub', 'share', 'big.ipynb', '--yes', '--json'], capture_output=True, text=True)
whole = time.monotonic() - begun
assert done.returncode == 0, done.stdout + done.stderr
make({megabytes}, {seed} + 500)
plan = share.plan(pathlib.Path('big.ipynb'))
begun = time.monotonic()
share.Showcase().publish(plan, {{'said': {{'title': 'Pictures'}}}})
request = time.monotonic() - begun
print(json.dumps({{'size': size, 'whole': whole, 'request': request}}))
"""


def send(kernel: Kernel, megabytes: int, seed: int) -> dict[str, float]:
    """Seconds of one share of a notebook that is not there yet."""
    found: dict[str, float] = json.loads(kernel.run(SEND.format(megabytes=megabytes, seed=seed)).text)
    return found


def measure(rounds: int, megabytes: int) -> Report:
    report = Report("Sharing")
    with world.folder() as place, world.running_hub(place) as hub:
        hub.add_person("sharer", "researchers")
        with hub.server("sharer") as server:
            server.start()
            kernel = server.kernel()
            kernel.run(MAKE)
            send(kernel, megabytes, 0)  # the first one finds nothing read yet, on either side
            for number in range(1, rounds + 1):
                world.calm()
                for name, seconds in send(kernel, megabytes, number).items():
                    report.samples.setdefault(name, []).append(seconds)
    whole, request = median(report.samples["whole"]), median(report.samples["request"])
    report.add(f"hub share of {megabytes} MB, until the link is there", whole, "s", "limit", LIMIT)
    report.add("of it: the request", request, "s", "limit", LIMIT)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=5)
    asked = parser.parse_args()
    measure(asked.rounds, asked.megabytes).show()


if __name__ == "__main__":
    main()
