"""`./hub sdg pull|pulls|export|drafts`: data from other services, and for other organisations.

What happens is done in `exchange`; here options are read and facts are said. A pull ends in a draft, never published.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from regional_hub import settings as hub_settings
from regional_hub.cli import Failure, common, say, tell
from regional_hub.sdg import timeline
from regional_hub.sdg.command_parts import by_option, room, told
from regional_hub.sdg.exchange import drafts as old_drafts
from regional_hub.sdg.exchange import exporting, orders, pulling, schedule
from regional_hub.sdg.exchange.fetch import Client
from regional_hub.sdg.exchange.orders import UNSD, Order, PullError
from regional_hub.sdg.selection import SelectionError
from regional_hub.sdg.timeline import NothingYet

FAULTS = (PullError, exporting.ExportError, SelectionError, NothingYet)
MOMENTS = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]
SHOWN = 20
OUTCOMES = {
    pulling.LOADED: "已载入",
    pulling.UNCHANGED: "没有变化",
    pulling.PARTIAL: "部分载入",
    pulling.FAILED: "失败",
}


@click.command()
@click.argument("source", default="", metavar="[URL|unsd|NAME]")
@click.option("--flow", metavar="AGENCY:ID", default="", help="Dataflow at a service's root; may end in (VERSION).")
@click.option("--key", default="", help="Key of the series that are wanted, as in a URL: A..KG [default: all].")
@click.option("--start", metavar="PERIOD", default="", help="First period.")
@click.option("--end", metavar="PERIOD", default="", help="Last period.")
@click.option("--api", type=click.IntRange(1, 2), default=None, help="Generation of SDMX REST [default: found out].")
@click.option("--series", multiple=True, metavar="CODE", help="unsd: a series; may be given several times.")
@click.option("--area", multiple=True, metavar="CODE", help="unsd: an area by its M49 code; several times.")
@click.option("--base-url", metavar="URL", default="", help="unsd: another address of the same API.")
@click.option("--structure", metavar="ID", default="", help="AGENCY:ID(VERSION) of a structure that is kept.")
@click.option("--replace-all", is_flag=True, help="What comes is everything: what it leaves out vanishes.")
@click.option("--name", default="", help="Name of this pull; the same name goes on with it and replaces its draft.")
@click.option("--again", is_flag=True, help="Take everything anew, also what did not change.")
@click.option("--allow-host", multiple=True, metavar="HOST", help="Another host that the service may send us to.")
@click.option("--most-mib", type=click.IntRange(min=1), default=4096, show_default=True, help="Largest answer.")
@click.option("--due", is_flag=True, help="Run the scheduled pulls whose time has come.")
@by_option
@common
@told
def pull(source: str, due: bool, by: str, name: str, again: bool, **options: Any) -> dict[str, Any]:
    """Pull data from an SDMX service or UNSD into a draft; NAME is a scheduled pull. / 从其他服务拉取数据到草稿"""
    settings = hub_settings.load()
    home = room()
    if due:
        if source:
            raise Failure("--due runs what is scheduled and takes no source")
        reports = schedule.run_due(settings)
        for facts in reports:
            _say_pull(facts)
        if any(facts["outcome"] == pulling.FAILED for facts in reports):
            raise Failure("a scheduled pull failed; `./hub sdg pulls` says why", pulls=reports)
        return {"pulls": reports}
    order, hosts, actor = _order(settings, source, name, by, options)
    manners = schedule.manners(settings, hosts, most_bytes=options["most_mib"] << 20)
    try:
        with Client(manners) as client:
            report = pulling.run(order, home, client, by=actor, again=again)
    except FAULTS as error:
        raise Failure(str(error)) from error
    _say_pull(report)
    if report["outcome"] in (pulling.FAILED, pulling.PARTIAL):
        raise Failure(report["message"], **{name: fact for name, fact in report.items() if name != "message"})
    return report


def _order(
    settings: hub_settings.Settings, source: str, name: str, by: str, options: Mapping[str, Any]
) -> tuple[Order, tuple[str, ...], str]:
    """The order, the hosts it may be sent to, and who acts: the settings say so of a scheduled pull."""
    if source in settings.sdg.pulls:
        planned = settings.sdg.pulls[source]
        return schedule.order(source, planned), tuple(planned.allowed_hosts), planned.by
    if source != UNSD and "://" not in source:
        known = ", ".join(settings.sdg.pulls) or "none"
        raise Failure(f"{source!r} is neither an address, nor unsd, nor a scheduled pull; of those there are: {known}")
    if source == UNSD and any(options[one] for one in ("flow", "key", "start", "end", "api")):
        raise Failure("--flow, --key, --start, --end and --api are for SDMX services; unsd has --series and --area")
    if source != UNSD and any(options[one] for one in ("series", "area", "base_url")):
        raise Failure("--series, --area and --base-url are for unsd; an SDMX service has --flow and --key")
    made = Order(
        name="",
        source=source,
        series=tuple(options["series"]),
        areas=tuple(options["area"]),
        api=options["api"] or 0,
        **{part: options[part] for part in ("flow", "key", "start", "end", "structure", "base_url", "replace_all")},
    )
    named = name or orders.name_of(vars(made))
    if named in settings.sdg.pulls:
        raise Failure(f"{named} is a scheduled pull: run it by `./hub sdg pull {named}`, or take another name")
    return replace(made, name=named), tuple(options["allow_host"]), by


def _say_pull(facts: Mapping[str, Any]) -> None:
    outcome = facts["outcome"]
    english, chinese = facts["message"], facts.get("message_zh") or facts["message"]
    say(
        tell(
            f"{facts['pull']}: {outcome}{f': {english}' if english else ''}",
            f"{facts['pull']}：{OUTCOMES[outcome]}{f'：{chinese}' if chinese else ''}",
        )
    )
    for fault in facts.get("faults", [])[:SHOWN]:
        say(f"    ! {fault}")
    if report := facts.get("report"):
        found = ", ".join(f"{rule} {count}" for rule, count in sorted(report["rules"].items()))
        say(tell(f"    findings: {found or 'none'}", f"    校验发现：{found or '无'}"))
    if "state" in facts:
        say(tell(f"    draft {facts['draft']} ({facts['state']})", f"    草稿 {facts['draft']}（{facts['state']}）"))
        _say_differences(facts.get("differences"))


def _say_differences(found: Mapping[str, Any] | None) -> None:
    if found is None:
        say(tell("    files contradict one another: decide first", "    数据相互矛盾：请先裁定冲突"))
        return
    counts = found["counts"]
    say(
        tell(
            f"    {counts['added']:,} added, {counts['changed']:,} changed, {counts['deleted']:,} deleted; "
            f"{found['new_series']['count']:,} new series, {found['vanished_series']['count']:,} vanished",
            f"    新增 {counts['added']:,}，修改 {counts['changed']:,}，删除 {counts['deleted']:,}；"
            f"新序列 {found['new_series']['count']:,}，消失的序列 {found['vanished_series']['count']:,}",
        )
    )
    missing = found.get("not_given")
    if missing and missing["count"]:
        say(
            tell(
                f"    {missing['count']:,} published series did not come; they stay as they are",
                f"    {missing['count']:,} 个已发布的序列未收到，保持不变",
            )
        )
    for row in found["changed"][:SHOWN]:
        say("    ~ " + "  ".join(f"{name}={value}" for name, value in row.items()))


@click.command()
@click.argument("name", default="")
@common
@told
def pulls(name: str) -> dict[str, Any]:
    """All pulls with their last result; with a NAME, its last report. / 列出拉取任务及其最近结果"""
    settings = hub_settings.load()
    folder = room().folder
    if name:
        try:
            report = orders.pull(folder, name).report()
        except PullError as error:
            raise Failure(str(error)) from error
        if report is None:
            raise Failure(f"the pull {name} never ran; `./hub sdg pulls` lists those that there are")
        _say_pull(report)
        return {"report": report}
    listed = []
    ran = {one.name: one for one in orders.pulls(folder)}
    for each in sorted({*ran, *settings.sdg.pulls}):
        listed.append(_listed(settings, each, orders.pull(folder, each)))
    for one in listed:
        when = (one["next"] or tell("now", "现在")) if one["scheduled"] else "-"
        result = tell(one["outcome"] or "never ran", OUTCOMES.get(one["outcome"], "尚未运行"))
        say(f"{one['pull']}  {result}  {one['at'] or '-'}  {one['draft'] or '-'}  " + tell("next", "下次") + f" {when}")
        if one["outcome"] == pulling.FAILED:
            say(f"    {one['message']}")
    if not listed:
        say(tell("No pulls yet: ./hub sdg pull URL|unsd", "还没有拉取任务：./hub sdg pull URL|unsd"))
    return {"pulls": listed}


def _listed(settings: hub_settings.Settings, name: str, made: orders.Pull) -> dict[str, Any]:
    planned = settings.sdg.pulls.get(name)
    state = made.state
    following = schedule.next_time(state, timedelta(hours=planned.every_hours)) if planned else None
    return {
        "pull": name,
        "source": planned.source if planned else state.source,
        "scheduled": planned is not None,
        "at": state.began or None,
        "outcome": state.outcome or None,
        "message": state.message,
        "draft": state.draft or None,
        "counts": state.counts,
        "next": timeline.stamp(following) if following else None,
    }


@click.command()
@click.option("--flow", metavar="AGENCY:ID", required=True, help="Dataflow or data structure; may end in (VERSION).")
@click.option("--area", multiple=True, metavar="CODE", help="Only this area (REF_AREA); several times.")
@click.option("--where", multiple=True, metavar="DIM=CODE+CODE", help="Only these codes of a dimension.")
@click.option("--split-by", metavar="DIMENSION", default="none", help="A file per code: REF_AREA, series, or none.")
@click.option("--release", default="", help="As it was when this release was published.")
@click.option("--as-of", type=click.DateTime(MOMENTS), default=None, help="As readers saw it then (UTC).")
@click.option("--format", "form", type=click.Choice(list(exporting.FORMATS)), default="sdmx-ml-2.1", show_default=True)
@click.option("--receiver", metavar="ID", default="", help="Who gets it, for the header.")
@click.option("--action", type=click.Choice(["Append", "Replace", "Information"]), default="Replace", show_default=True)
@click.option("--output", metavar="DIR|FILE", type=click.Path(path_type=Path), required=True, help="Where to write.")
@common
@told
def export(
    flow: str,
    area: tuple[str, ...],
    where: tuple[str, ...],
    split_by: str,
    release: str,
    as_of: datetime | None,
    form: str,
    receiver: str,
    action: exporting.Action,
    output: Path,
) -> dict[str, Any]:
    """Write what is public as SDMX files with header and manifest. / 将已公开的数据导出为 SDMX 文件"""
    if release and as_of:
        raise Failure("--release and --as-of both say a moment; give one")
    settings, split = hub_settings.load(), "" if split_by.lower() == "none" else split_by
    wanted = exporting.Wanted(
        flow=flow,
        output=output,
        format=form,
        where=_where(where, area),
        split=split,
        release=release,
        as_of=as_of.replace(tzinfo=UTC) if as_of else None,
        sender=settings.sdg.sender,
        receiver=receiver,
        action=action,
        source=settings.site.name,
        command=shlex.join(["./hub", *sys.argv[1:]]),
    )
    try:
        facts = exporting.export(room(), wanted)
    except FAULTS as error:
        raise Failure(str(error)) from error
    _say_export(facts, output)
    return {"output": str(output), "manifest": facts}


def _say_export(facts: Mapping[str, Any], output: Path) -> None:
    count = len(facts["files"])
    say(
        tell(
            f"{facts['observations']:,} observations of release {facts['release']} in {count} files: {output}",
            f"版本 {facts['release']} 的 {facts['observations']:,} 个观测值已写入 {count} 个文件：{output}",
        )
    )


def _where(parts: tuple[str, ...], areas: tuple[str, ...]) -> dict[str, list[str]]:
    chosen: dict[str, list[str]] = {"REF_AREA": list(areas)} if areas else {}
    for part in parts:
        name, separator, codes = part.partition("=")
        if not separator or not codes or name in chosen:
            raise Failure(f"--where {part}: write each dimension once as DIMENSION=CODE+CODE, e.g. SEX=F+M")
        chosen[name] = codes.split("+")
    return chosen


@click.command()
@click.argument("action", type=click.Choice(["list", "prune"]), default="list")
@click.option(
    "--older-than", type=click.IntRange(min=0), metavar="DAYS", default=None, help="prune: unchanged so long."
)
@common
@told
def drafts(action: str, older_than: int | None) -> dict[str, Any]:
    """List drafts that take room, or remove old ones that nobody decided anything in. / 列出或清理旧草稿"""
    store = room().store
    removed: list[old_drafts.Old] = []
    if action == "list":
        if older_than is not None:
            raise Failure("--older-than goes with `./hub sdg drafts prune`")
        kept = old_drafts.old(store)
    elif older_than is None:
        raise Failure("say with --older-than DAYS how long a draft must be unchanged")
    else:
        removed, kept = old_drafts.prune(store, timedelta(days=older_than))
    for sign, group in (("-", removed), (" ", kept)):
        for one in group:
            size = f"{one.bytes / 2**20:,.1f} MiB"
            say(f"{sign} {one.id}  {one.flow}  {one.state}  {one.by}  {one.changed:%Y-%m-%d}  {size}")
    if action == "prune":
        freed = sum(one.bytes for one in removed) / 2**20
        say(tell(f"{len(removed)} removed, {freed:,.1f} MiB", f"已清理 {len(removed)} 个，{freed:,.1f} MiB"))
    shown = [[{**vars(one), "changed": timeline.stamp(one.changed)} for one in group] for group in (removed, kept)]
    return {"removed": shown[0], "drafts": shown[1]}


COMMANDS = [pull, pulls, export, drafts]
