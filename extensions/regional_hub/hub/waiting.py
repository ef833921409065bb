"""Wait until a started server answers, in small steps, and notice when it ends instead.

JupyterHub's own wait doubles its step at random, so that a server that is up after two seconds is found after three;
and it goes on waiting for a server that has died. It knows nothing of spawners: it gets an address and a question.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp
from jupyterhub.httpclient import fetch

STEP, LONGEST_STEP = 0.05, 0.5  # seconds between two questions to the server
PART = 20  # a step is this part of the time waited so far: fifty servers that start slowly do not keep the Hub busy
LOOK = 1.0  # seconds between two looks whether it still runs
PATIENCE = aiohttp.ClientTimeout(total=5)


async def for_answer(url: str, poll: Callable[[], Awaitable[str | int | None]], timeout: float) -> str | int | None:
    """None once `url` answers with any status below 500, else what `poll` says of a server that has ended.

    `poll` gives None while it runs. Raises TimeoutError when neither happens within `timeout` seconds.
    """
    begun = looked = time.monotonic()
    while not await _answers(url):
        now = time.monotonic()
        if now - begun > timeout:
            raise TimeoutError(f"{url} did not answer within {timeout:g} s")
        if now - looked > LOOK:
            looked = now
            ended = await poll()
            if ended is not None:
                return ended
        await asyncio.sleep(step(now - begun))
    return None


def step(waited: float) -> float:
    """Seconds until the next question, after so many seconds of waiting."""
    return min(max(waited / PART, STEP), LONGEST_STEP)


async def _answers(url: str) -> bool:
    try:
        reply = await fetch(url, raise_for_status=False, allow_redirects=False, timeout=PATIENCE)
    except (aiohttp.ClientError, TimeoutError):
        return False
    reply.release()
    return reply.status < 500
