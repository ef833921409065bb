"""`./hub sdg decide|publish|rollback|diff|releases|embargo`: from a draft to a release, and back.

Publishing is written to the hub's audit log where the portal's database is there; the store keeps who and when anyway.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from regional_hub.cli import Failure, common, say, tell
from regional_hub.core.commands import with_portal
from regional_hub.sdg.command_parts import by_option, harmless, room, told
from regional_hub.sdg.merge import Conflict
from regional_hub.sdg.store import Store

SHOWN = 20
OLD = "old:"  # before the names of the columns that say what was
LONGEST = 60  # characters of a text on the screen


def _store() -> Store:
    return Store(room().folder, log=_log)


def _log(actor: str, verb: str, object: str, detail: Mapping[str, Any]) -> None:
    """One entry in the audit log; a warning where there is none yet."""
    try:
        _record(actor, verb, object, detail)
    except (Failure, ImportError) as error:
        say(
            tell(
                f"Not in the audit log: {error}. The release itself keeps who and when.",
                f"未写入审计日志：{error}。版本本身记录操作人和时间。",
            ),
            err=True,
        )


@with_portal
def _record(actor: str, verb: str, object: str, detail: Mapping[str, Any]) -> None:
    from regional_hub.core import audit

    audit.record(actor, verb, object, detail)


def _text(conflict: Conflict) -> str:
    return ".".join(code or "" for code in conflict.key.values())


@click.command()
@click.argument("draft")
@click.argument("key", default="")
@click.option("--keep", metavar="VALUE", default="", help="The value that holds, as a file states it.")
@click.option("--reason", default="", help="Why; kept with the release.")
@by_option
@common
@told
def decide(draft: str, key: str, keep: str, reason: str, by: str) -> dict[str, Any]:
    """Say which value of a conflict holds. Without a key, list the conflicts that nobody decided."""
    found = _store().draft(draft)
    conflicts = found.conflicts()
    if not key:
        for conflict in conflicts:
            say(_text(conflict))
            for place in conflict.statements:
                say(f"    {place.value}  {place.file}:{place.line or ''}")
        return {"conflicts": [{"key": _text(c), "statements": [asdict(s) for s in c.statements]} for c in conflicts]}
    wanted = next((conflict for conflict in conflicts if _text(conflict) == key), None)
    if wanted is None:
        raise Failure(f"draft {draft} has no open conflict {key}; `./hub sdg decide {draft}` lists them")
    kept = next((statement for statement in wanted.statements if statement.value == keep), None)
    if kept is None:
        raise Failure(f"--keep must be one of {', '.join(sorted({str(s.value) for s in wanted.statements}))}")
    found.decide(wanted, kept, by=by, reason=reason)
    say(tell(f"{key} is {keep}, decided by {by}.", f"{key} 取 {keep}，由 {by} 决定。"))
    return {"key": key, "keep": asdict(kept), "by": by, "open": len(conflicts) - 1}


@click.command()
@click.argument("draft")
@click.option("--name", default=None, help="Id of the release [default: the date and a number].")
@click.option("--force", is_flag=True, help="Publish your own draft; needs --reason and is logged.")
@click.option("--reason", default="", help="Why; kept with the release.")
@by_option
@common
@told
def publish(draft: str, name: str | None, force: bool, reason: str, by: str) -> dict[str, Any]:
    """Make a validated draft the current release. Whoever loaded it does not publish it."""
    store = _store()
    release = store.publish(store.draft(draft), by=by, name=name, force=force, reason=reason)
    say(tell(f"Release {release.id} of {release.flow} is current.", f"{release.flow} 的当前版本是 {release.id}。"))
    return {"release": release.id, "flow": release.flow, "counts": dict(release.counts)}


@click.command()
@click.argument("release")
@click.option("--reason", required=True, help="Why; kept with the release.")
@by_option
@common
@told
def rollback(release: str, reason: str, by: str) -> dict[str, Any]:
    """Publish the content of an earlier release again, as a release of its own."""
    store = _store()
    made = store.rollback(store.release(release).flow, release, by=by, reason=reason)
    say(tell(f"Release {made.id} has the content of {release}.", f"版本 {made.id} 恢复了 {release} 的内容。"))
    return {"release": made.id, "rollback_of": release, "counts": dict(made.counts)}


@click.command()
@common
@told
def releases() -> dict[str, Any]:
    """Releases and drafts, with when and by whom."""
    store = room().store
    published = []
    for flow in store.flows():
        for event in store.timeline(flow).events:
            release = event.release
            observations = release.counts.get("observations", 0)
            published.append(
                {
                    "release": release.id,
                    "flow": flow,
                    "at": event.at.isoformat(),
                    "by": release.manifest.get("published_by"),
                    "observations": observations,
                    "structure": release.structure,
                }
            )
            say(f"{release.id}  {flow}  {event.at:%Y-%m-%d %H:%M}  {observations:,}")
    drafts = []
    for draft in store.drafts():
        facts = draft.facts
        if facts["state"] != "published":
            drafts.append({"draft": draft.id, "flow": draft.flow, "state": facts["state"], "by": facts["by"]})
            say(tell(f"draft {draft.id}", f"草稿 {draft.id}") + f"  {draft.flow}  {facts['state']}  {facts['by']}")
    if not published and not drafts:
        say(tell("Nothing yet: ./hub sdg load PATH...", "还没有数据：./hub sdg load PATH..."))
    return {"releases": published, "drafts": drafts}


@click.command()
@click.argument("before")
@click.argument("after")
@click.option("--csv", "as_csv", is_flag=True, help="Print every change as CSV.")
@common
@told
def diff(before: str, after: str, as_csv: bool) -> dict[str, Any] | None:
    """What was added, changed and deleted between two releases, with the values."""
    from regional_hub.sdg import changes

    counts = {changes.ADDED: 0, changes.CHANGED: 0, changes.DELETED: 0}
    other_values = 0
    shown: list[dict[str, Any]] = []
    writer = csv.writer(sys.stdout) if as_csv else None
    for number, batch in enumerate(_store().diff(before, after)):
        if writer and number == 0:
            writer.writerow(batch.schema.names)
        (value, *_) = (name for name in batch.schema.names if OLD + name in batch.schema.names)
        for row in batch.to_pylist():
            counts[row[changes.ACTION]] += 1
            other_values += row[changes.ACTION] == changes.CHANGED and row[value] != row[OLD + value]
            if writer:
                writer.writerow([harmless(cell) for cell in row.values()])
            elif len(shown) < SHOWN:
                say(_change(row))
                shown.append({name: cell for name, cell in row.items() if cell is not None})
    if writer:
        return None
    added, changed, deleted = counts.values()
    say(
        tell(
            f"{added:,} added, {changed:,} changed ({other_values:,} in their value), {deleted:,} deleted",
            f"新增 {added:,}，变更 {changed:,}（其中数值变更 {other_values:,}），删除 {deleted:,}",
        )
        + (tell("; all of them: --csv", "；全部列出：--csv") if sum(counts.values()) > SHOWN else "")
    )
    return {
        "before": before,
        "after": after,
        "counts": counts,
        "changed_values": other_values,
        "examples": shown,
    }


def _change(row: Mapping[str, Any]) -> str:
    """`~ A.N.SI_POV_DAY1.417.2019  OBS_VALUE 5 → 50`: what became of one observation."""
    from regional_hub.sdg import changes

    told = [name for name in row if OLD + name in row]
    key = ".".join(row[name] or "" for name in row if name not in told and name[:1] != "_" and OLD not in name)
    action = row[changes.ACTION]
    if action == changes.CHANGED:
        differing = (name for name in told if row[name] != row[OLD + name])
        return f"~ {key}  " + "; ".join(f"{one} {_pair(row[OLD + one], row[one])}" for one in differing)
    sign, before = ("+", "") if action == changes.ADDED else ("-", OLD)
    return f"{sign} {key}  {told[0]} {_short(row[before + told[0]])}"


def _pair(before: str | None, after: str | None) -> str:
    """`5 → 50`; of long texts from a little before where they part."""
    old, new = before or "", after or ""
    same = next((place for place, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    cut = max(0, same - 20) if max(len(old), len(new)) > LONGEST else 0
    return " → ".join(("…" if cut else "") + _short(text and text[cut:]) for text in (before, after))


def _short(text: str | None) -> str:
    if text is None:
        return "—"
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


@click.command()
@click.argument("draft")
@click.argument("until", metavar="UNTIL", type=click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]))
@click.option("--where", multiple=True, metavar="DIM=CODE+CODE", required=True, help="Series that are held back.")
@by_option
@common
@told
def embargo(draft: str, until: datetime, where: tuple[str, ...], by: str) -> dict[str, Any]:
    """Hold series of a draft back until a date and time (UTC), though it is published before."""
    chosen = {}
    for part in where:
        name, separator, codes = part.partition("=")
        if not separator or not codes:
            raise Failure(f"--where {part}: write it as DIMENSION=CODE, e.g. SERIES=SI_POV_DAY1")
        chosen[name] = codes.split("+")
    from regional_hub.sdg import timeline

    moment = timeline.stamp(until.replace(tzinfo=UTC))
    _store().draft(draft).embargo(chosen, moment, by=by)
    say(tell(f"Held back until {moment}.", f"保密至 {moment}。"))
    return {"draft": draft, "until": moment, "where": chosen}


COMMANDS = [decide, publish, rollback, releases, diff, embargo]
