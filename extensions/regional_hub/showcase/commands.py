"""`./hub showcase …`: live apps as whoever looks after the machine sees them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from regional_hub.cli import Failure, common, say, tell
from regional_hub.core.commands import with_portal
from regional_hub.hub.api import HubError


@click.group()
def showcase() -> None:
    """Live apps of the Showcase / 成果展示的在线应用."""


@showcase.command()
@common
@with_portal
def apps() -> dict[str, Any]:
    """List live apps that run or are waited for: visitors inside, visitors waiting. / 列出在线应用."""
    from regional_hub.showcase.actions import apps as servers
    from regional_hub.showcase.admission import HELD, State
    from regional_hub.showcase.models import Seat

    try:
        there = servers.running()
    except HubError as error:
        raise Failure(str(error)) from error
    inside, waiting = (
        Counter(Seat.objects.filter(state__in=states).values_list("publication__slug", flat=True))
        for states in (HELD, [State.WAITING])
    )
    found = [
        {
            "app": slug,
            "state": there[slug].state if slug in there else "stopped",
            "inside": inside[slug],
            "waiting": waiting[slug],
        }
        for slug in sorted({*there, *inside, *waiting})
    ]
    if not found:
        say(tell("No live app runs.", "没有正在运行的在线应用。"))
    for app in found:
        counted = tell("{inside} inside, {waiting} waiting", "使用中 {inside}，等待 {waiting}").format(**app)
        say(f"{app['app']:<32} {app['state']:<9} {counted}")
    return {"apps": found}


@showcase.command()
@click.argument("slug")
@common
@with_portal
def stop(slug: str) -> dict[str, Any]:
    """End a live app and its visitors' places; it starts again when somebody asks. / 停止在线应用."""
    from regional_hub.core import audit
    from regional_hub.core.access import OPERATOR
    from regional_hub.showcase.actions import seats
    from regional_hub.showcase.admission import Why
    from regional_hub.showcase.models import Publication

    publication = Publication.objects.filter(slug=slug, kind=Publication.Kind.APP).first()
    if publication is None:
        raise Failure(
            tell(
                f"there is no live app {slug}; `./hub showcase apps` lists those that run",
                f"没有在线应用 {slug}；`./hub showcase apps` 列出正在运行的应用",
            )
        )
    seats.close(publication, Why.STOPPED)
    audit.record(OPERATOR, "stop app", f"publication:{slug}")
    say(tell(f"{slug} is told to stop.", f"已要求 {slug} 停止。"))
    return {"app": slug}
