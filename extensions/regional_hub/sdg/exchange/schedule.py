"""Scheduled pulls: which are due, and the process that runs them one after another.

`python -m regional_hub.sdg.exchange.schedule` is what supervisor keeps alive while settings name a pull. All that it
knows is in the folders of the pulls, so it may be killed at any instant; a run that was cut off goes on soon.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from regional_hub import settings as hub_settings
from regional_hub.sdg import timeline
from regional_hub.sdg.exchange import pulling
from regional_hub.sdg.exchange.fetch import Client, Manners
from regional_hub.sdg.exchange.orders import Order, PullError, State, pull
from regional_hub.sdg.loading import Room
from regional_hub.settings import Settings, SettingsError

LOG = logging.getLogger(__name__)
# A run that was killed goes on after this: not at once, so that one that kills its process does not go round and round.
RESUME = timedelta(minutes=5)
LOOK = 60.0  # seconds between two looks at what is due


def order(name: str, planned: hub_settings.Pull) -> Order:
    """The order of a pull in the settings."""
    return Order(
        name=name,
        source=planned.source,
        flow=planned.flow,
        key=planned.key,
        start=planned.start,
        end=planned.end,
        series=tuple(planned.series),
        areas=tuple(planned.areas),
        structure=planned.structure,
        base_url=planned.base_url,
        replace_all=planned.replace_all,
    )


def manners(settings: Settings, hosts: tuple[str, ...] = (), **more: Any) -> Manners:
    """How this hub behaves; others learn its name, and whom to write to when it is a burden."""
    contact = settings.site.support_email or settings.url
    plain = " ".join(f"{settings.site.name} (SDG exchange; {contact})".split())
    agent = "".join(character for character in f"RegionalHub/1 {plain}" if " " <= character <= "~")
    return Manners(agent, hosts=frozenset(hosts), **more)


def next_time(state: State, every: timedelta) -> datetime | None:
    """When a pull is due; None: now. It counts from when the last run began, whether that failed or not."""
    if not state.began:
        return None
    began = timeline.moment(state.began)
    return began + (every if state.ended >= state.began else min(RESUME, every))


def due(settings: Settings, now: datetime) -> list[str]:
    """The names of the scheduled pulls whose time has come."""
    found = []
    for name, planned in settings.sdg.pulls.items():
        at = next_time(pull(settings.path("sdg"), name).state, timedelta(hours=planned.every_hours))
        if at is None or at <= now:
            found.append(name)
    return found


def run_due(settings: Settings, now: datetime | None = None, **more: Any) -> list[dict[str, Any]]:
    """Run every pull that is due, one after another; one that fails does not keep the others from running."""
    reports = []
    room = Room(settings.path("sdg"))
    for name in due(settings, now or datetime.now(UTC)):
        planned = settings.sdg.pulls[name]
        try:
            with Client(manners(settings, tuple(planned.allowed_hosts), **more)) as client:
                reports.append(pulling.run(order(name, planned), room, client, by=planned.by))
        except PullError as error:  # another process runs it
            LOG.info("%s", error)
        except Exception as error:  # it is in the report of the pull; the others are to run
            LOG.exception("the pull %s failed", name)
            reports.append({"pull": name, "outcome": pulling.FAILED, "message": f"{type(error).__name__}: {error}"})
    return reports


def main(look: Callable[[], bool] = lambda: True) -> None:
    """Run what is due, for ever. Settings are read at each look, so a pull may be added while it runs."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    while look():
        try:
            settings = hub_settings.load()
            settings.path("sdg").mkdir(parents=True, exist_ok=True)
            for facts in run_due(settings):
                LOG.info("pull %s: %s %s", facts["pull"], facts["outcome"], facts["message"])
        except SettingsError as error:
            LOG.error("%s", error)
        time.sleep(LOOK)


if __name__ == "__main__":
    main()
