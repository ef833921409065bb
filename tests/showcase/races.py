"""Several threads at once on a database as the portal has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

from django.db import connection, connections

from regional_hub.showcase.actions.problems import Problem


@contextmanager
def in_a_file(place: Path) -> Iterator[None]:
    """Threads that begin in the block work on a copy of the database in a file, with the portal's own options."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(place)])
    settings = connections.databases["default"]
    before = settings["NAME"]
    settings["NAME"] = str(place)
    try:
        yield
    finally:
        settings["NAME"] = before


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each gives or raises, all begun at the same moment."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        barrier.wait(10)
        try:
            return work()
        except Problem as problem:
            return problem.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))
