"""One run of a pull, from asking to a draft with a report of what it would change. It never publishes.

A kill at any instant loses nothing: what was fetched is kept, a draft that was not finished is removed by the next run,
and the lock of the folder goes with the process, so no two ever run at once.
"""

from __future__ import annotations

import shutil
from typing import Any

from regional_hub.sdg import loading
from regional_hub.sdg.draft import PUBLISHED, Draft
from regional_hub.sdg.exchange import differences, drafts, sources, transfer
from regional_hub.sdg.exchange.fetch import Client, FetchError
from regional_hub.sdg.exchange.orders import Order, Pull, PullError, State, now, pull
from regional_hub.sdg.exchange.remote import AddressError
from regional_hub.sdg.exchange.sources import Brought
from regional_hub.sdg.findings import Report
from regional_hub.sdg.loading import Room
from regional_hub.sdg.store import Store, UnknownRelease
from regional_hub.sdg.structure import StructureError

LOADED, UNCHANGED, PARTIAL, FAILED = "loaded", "unchanged", "partial", "failed"
UNCHANGED_SINCE = {"message": "nothing changed since the last pull", "message_zh": "自上次拉取以来没有变化"}
PUBLISHED_ALREADY = {"message": "what came is what is published already", "message_zh": "收到的内容与已发布的相同"}
FAULTS = (FetchError, AddressError, PullError, StructureError)


def run(order: Order, room: Room, client: Client, *, by: str, again: bool = False) -> dict[str, Any]:
    """Pull once and return the report, which is kept too. `again` takes everything anew, whatever did not change.

    Raises PullError when another process pulls the same now. Other faults are in the report, as `failed`.
    """
    made = pull(room.folder, order.name)
    with made.alone():
        state = _opened(made, order, room.store, by)
        facts: dict[str, Any] = {"pull": order.name, "source": order.source, "at": state.began, "by": by}
        try:
            brought = sources.bring(
                order, client, room, made.files, state.told if state.known else {}, _published(state, room.store), again
            )
            facts |= _took(order, brought, room, made, state, by)
        except FAULTS as error:
            facts |= {"outcome": FAILED, "message": str(error)}
        except BaseException as error:
            _close(made, state, facts | {"outcome": FAILED, "message": f"{type(error).__name__}: {error}"})
            raise
        facts["requests"] = client.requests
        _close(made, state, facts)
    return facts


def _opened(made: Pull, order: Order, store: Store, by: str) -> State:
    """The state, with what another order left, or a killed process, out of the way."""
    state = made.state
    if state.loading:
        drafts.remove(store, state.loading, by=state.by)
        state.loading = ""
    if state.question != order.question:
        transfer.remove(made.files)
        state.question, state.told, state.known = order.question, {}, False
    if state.draft and _state(store, state.draft) is None:
        state.known = False  # somebody removed the draft: what was in it has to come again
    state.source, state.by, state.began = order.source, by, now()
    made.save(state)
    return state


def _state(store: Store, draft: str) -> str | None:
    try:
        return str(store.draft(draft).facts["state"])
    except UnknownRelease:
        return None


def _published(state: State, store: Store) -> str:
    """The draft of the last run where it is public now: only then may we ask for no more than updates."""
    return state.draft if state.draft and _state(store, state.draft) == PUBLISHED else ""


def _close(made: Pull, state: State, facts: dict[str, Any]) -> None:
    state.ended = now()
    state.outcome, state.message = facts["outcome"], facts["message"]
    state.counts = (facts.get("differences") or {}).get("counts", {})
    facts["draft"] = state.draft or None
    made.keep_report(facts, state.began)
    made.save(state)


def _took(order: Order, brought: Brought, room: Room, made: Pull, state: State, by: str) -> dict[str, Any]:
    """Load what came into a draft of its own, and let it replace the one before."""
    faults = {"faults": brought.faults, "notes": brought.notes}
    if brought.empty:
        what = "; ".join(brought.faults[:5]) or "it has no observations for this"
        raise PullError(f"{order.source}: {what}; nothing was loaded")
    if not brought.files:
        state.told = brought.told
        return {"outcome": UNCHANGED, **UNCHANGED_SINCE, **faults}
    report = Report(room.policy)
    draft = room.store.start(brought.made, by=by, empty=order.replace_all)
    state.loading = draft.id
    made.save(state)
    for path, name in brought.files:
        loading.take(draft, path, name, brought.made, by=by, report=report)
    if not draft.parts:
        shutil.rmtree(draft.folder)
        state.loading = ""
        said = "; ".join(finding.message for finding in report.findings[:5])
        return {"outcome": FAILED, "message": f"nothing could be read: {said}", "report": report.to_dict(), **faults}
    loading.examine(draft, room, report)
    changed = differences.report(draft, brought.scope)
    unread = report.counts["file"] + len(brought.faults)
    if changed and not unread and not any(changed["counts"].values()):
        drafts.remove(room.store, draft.id, by=by)
        _known(state, brought)
        return {"outcome": UNCHANGED, **PUBLISHED_ALREADY, **faults}
    _replace(state, draft, room.store, by)
    if not unread:
        _known(state, brought)
    return {
        "outcome": PARTIAL if unread else LOADED,
        "message": f"{unread} parts could not be taken in" if unread else "",
        "message_zh": f"有 {unread} 部分未能载入" if unread else "",
        "state": draft.facts["state"],
        "structure": brought.made.short,
        "differences": changed,
        "report": report.to_dict(),
        **faults,
    }


def _known(state: State, brought: Brought) -> None:
    state.told, state.known, state.loading = brought.told, True, ""


def _replace(state: State, draft: Draft, store: Store, by: str) -> None:
    """The new draft stands for the one before, unless a person touched that or it is public.

    After an incomplete run nothing is known: the next run asks for everything again.
    """
    old, state.draft, state.loading, state.known = state.draft, draft.id, "", False
    if old and old != draft.id:
        drafts.remove(store, old, by=by)
