"""`./hub sdg …`: load files, see what is wrong with them, publish releases, and look at what there is.

Options are read and facts are said here; what happens is done in `loading`, `store` and `registry`.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from regional_hub.cli import Failure, common, say, tell
from regional_hub.sdg import exchange_commands, loading, metadata, release_commands, structure, validate
from regional_hub.sdg.command_parts import by_option, harmless, room, told
from regional_hub.sdg.draft import Draft
from regional_hub.sdg.findings import Finding, Report
from regional_hub.sdg.formats.writing import best
from regional_hub.sdg.loading import Room

SHOWN = 5  # findings per rule on the screen
SEVERITIES = {
    "error": ("error", "错误"),
    "warning": ("warning", "警告"),
    "info": ("note", "提示"),
    "off": ("off", "关闭"),
}


@click.group()
def sdg() -> None:
    """The database of the SDGs: load, validate, publish. / SDG 数据库：加载、校验、发布"""


@sdg.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--structure", "given", metavar="FILE|ID", default="", help="A DSD file, or AGENCY:ID(VERSION).")
@click.option("--draft", "into", metavar="DRAFT", default="", help="Add to this draft instead of a new one.")
@click.option("--replace-all", is_flag=True, help="The files are everything: what they leave out vanishes.")
@click.option("--check", is_flag=True, help="Only look at the files; keep nothing.")
@click.option("--report", "report_file", type=click.Path(path_type=Path), help="Write all findings here (.csv, .json).")
@by_option
@common
@told
def load(
    paths: tuple[Path, ...],
    given: str,
    into: str,
    replace_all: bool,
    check: bool,
    report_file: Path | None,
    by: str,
) -> dict[str, Any]:
    """Load files or folders into a draft and validate them. A file is taken in whole or not at all.

    SDMX-ML 2.1/3.x, SDMX-JSON, SDMX-CSV, and the CSV, XLSX and release files of UNSD are understood.
    """
    home = room()
    found, beside = loading.apart(loading.files(paths))
    if not found:
        raise Failure(f"{paths[0]}: holds structures and no data; `./hub sdg structure` imports them")
    draft = home.store.draft(into) if into else None
    if draft and not given:
        given = draft.facts["structure"]
    if not given and len(beside) == 1:
        given = str(beside[0])
    made, constraints = loading.structure_of(home.registry, given, *(path for path, _ in found), keep=not check)
    policy = home.policy
    if check:
        with _progress(len(found)) as bar:
            files, names = [path for path, _ in found], [name for _, name in found]
            report = validate.load(
                files, made, policy, constraints=constraints, names=names, whole=replace_all, progress=bar.done
            )
    else:
        draft = draft or home.store.start(made, by=by, empty=replace_all)
        report = Report(policy)
        with _progress(len(found)) as bar:
            for path, name in found:
                rows = loading.take(draft, path, name, made, by=by, report=report, progress=bar.reading)
                bar.done(name, rows)
        if draft.parts:
            loading.examine(draft, home, report)
        elif not into:
            shutil.rmtree(draft.folder)
            draft = None
    return _answer(report, made, draft, report_file)


def _answer(report: Report, made: structure.Structure, draft: Draft | None, file: Path | None) -> dict[str, Any]:
    if file:
        _write(report, file)
    facts = {"structure": made.short, "draft": draft.id if draft else None, **report.to_dict()}
    facts["state"] = draft.facts["state"] if draft else None
    _say_report(report)
    unread = report.counts["file"]
    if draft:
        _say_next(draft, report)
    if unread:
        hint = tell(
            "; where they are no data, name the data files instead of the folder",
            "；若它们不是数据，请列出数据文件而不是文件夹",
        )
        raise Failure(
            tell(
                f"{unread} of {_files(report.files)} could not be taken in, see above",
                f"{report.files} 个文件中有 {unread} 个未能载入，原因见上",
            )
            + (hint if unread < report.files else ""),
            **facts,
        )
    return facts


def _say_next(draft: Draft, report: Report) -> None:
    """The draft, its state, and what can be done with it."""
    if draft.facts["state"] == "validated":
        to_do = tell("somebody else publishes it:", "由另一人发布：") + f" ./hub sdg publish {draft.id}"
    elif report.blocking and report.counts["conflict"] and report.by_severity()["error"] == report.counts["conflict"]:
        to_do = tell("say which values hold:", "请裁定冲突的数值：") + f" ./hub sdg decide {draft.id}"
    else:
        to_do = tell(
            "its errors stand in the way: correct the files and load them again, or change sdg/policy.toml",
            "存在错误，不能发布：请更正文件后重新载入，或修改 sdg/policy.toml",
        )
    say(tell(f"Draft {draft.id}; {to_do}", f"草稿 {draft.id}；{to_do}"))


def _files(count: int) -> str:
    return f"{count:,} file" + ("" if count == 1 else "s")


@sdg.command("validate")
@click.argument("draft")
@click.option("--report", "report_file", type=click.Path(path_type=Path), help="Write all findings here (.csv, .json).")
@common
@told
def validate_(draft: str, report_file: Path | None) -> dict[str, Any]:
    """Validate a draft again, on top of what is published now."""
    home = room()
    found = home.store.draft(draft)
    report = Report(home.policy)
    report.files = len(found.parts)
    loading.examine(found, home, report)
    return _answer(report, home.registry.structure(found.facts["structure"]), found, report_file)


@sdg.command("structure")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--replace", is_flag=True, help="Replace final structures that are kept with another content.")
@common
@told
def structure_(files: tuple[Path, ...], replace: bool) -> dict[str, Any]:
    """Import structure messages (DSD, codelists, MSD, ...); without a file, list what there is."""
    registry = room().registry
    changed = []
    for path in files:
        found = structure.read(path)
        changed += registry.add(found, replace_final=replace)
        for other in found.others:
            say(tell(f"{path}: {other} is not kept", f"{path}：未保存 {other}"), err=True)
    names = {kind: registry.names(kind) for kind in ("structures", "dataflows", "metadata_structures")}
    for kind, listed in names.items():
        for short in listed:
            say(f"{kind.removesuffix('s')} {short}")
    return {"changed": changed, **names}


@sdg.command("metadata")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--msd", metavar="ID", default="", help="Metadata structure to check by [default: the only one there is]."
)
@click.option("--show", metavar="ID", default="", help="Show what a set says: AGENCY:ID, or AGENCY:ID(VERSION).")
@common
@told
def metadata_(files: tuple[Path, ...], msd: str, show: str) -> dict[str, Any]:
    """Import reference metadata (SDMX-JSON 2.x, SDMX-ML 3.x); without a file, list what there is."""
    home = room()
    if show:
        return _show_metadata(home.metadata.named(show))
    found = [made for path in files for made in metadata.read(path)]
    if found:
        _check_metadata(found, home, msd)
    library = home.metadata
    new = library.add(found)
    listed = []
    for short in library.names():
        kept = library.kept(short)
        about = {codelist: sorted(codes) for codelist, codes in kept.set.codes.items()}
        listed.append({"short": short, "name": kept.set.name, "since": kept.since.isoformat(), "about": about})
        codes = " × ".join(_few(codes) for codes in about.values())
        say(f"{short}  {_told(kept.set.name)}  {codes}")
    return {"new": new, "metadata_sets": listed}


def _check_metadata(found: list[metadata.MetadataSet], home: Room, msd: str) -> None:
    known = home.registry.names("metadata_structures")
    if not msd and len(known) != 1:
        there = ", ".join(known)
        raise Failure(
            tell(
                "say with --msd which metadata structure to check by; there are: "
                + (there or "none; import one: ./hub sdg structure FILE"),
                f"请用 --msd 指明依据哪个元数据结构检查；现有：{there or '无；请先导入：./hub sdg structure 文件'}",
            )
        )
    made_by = home.registry.metadata_structure(msd or known[0])
    faults = [
        f"{made.short}: {fault}"
        for made in found
        for fault in (*metadata.faults(made, made_by), *metadata.target_faults(made, home.registry))
    ]
    if faults:
        more = f"; … {len(faults) - SHOWN}" if len(faults) > SHOWN else ""
        raise Failure("; ".join(faults[:SHOWN]) + more, faults=faults)


def _show_metadata(kept: metadata.Kept) -> dict[str, Any]:
    say(f"{kept.set.short}  {_told(kept.set.name)}  {kept.since:%Y-%m-%d %H:%M} UTC")
    for target in kept.set.targets:
        say(f"  {target.rpartition('=')[2]}")

    def walk(attributes: tuple[metadata.Reported, ...], depth: int) -> None:
        for reported in attributes:
            text = _told(reported.texts).strip().replace("\n", "\n" + "  " * (depth + 1))
            say("  " * depth + reported.id + (f": {text}" if text else ""))
            walk(reported.below, depth + 1)

    walk(kept.set.attributes, 1)
    return {"set": metadata.ADAPTER.dump_python(kept.set, mode="json"), "since": kept.since.isoformat()}


def _told(texts: Mapping[str, str]) -> str:
    """The text in the language of the person who reads."""
    return best(texts, (tell("en", "zh"),), "")


def _few(codes: list[str]) -> str:
    return ",".join(codes[:3]) + (f",… ({len(codes)})" if len(codes) > 3 else "")


def _say_report(report: Report) -> None:
    chinese = tell("", "zh") == "zh"
    say(
        tell(
            f"{report.observations:,} observations in {_files(report.files)}: {report.unique_keys:,} unique keys, "
            f"{report.duplicate_keys:,} duplicates, {report.conflicting_keys} conflicts",
            f"{report.files} 个文件，{report.observations:,} 个观测值：唯一键 {report.unique_keys:,}，"
            f"重复 {report.duplicate_keys:,}，冲突 {report.conflicting_keys}",
        )
    )
    for conflict in report.conflicts[:50]:
        say(f"! {conflict.key}")
        for stated in conflict.statements:
            say(f"    {stated['value']}  {stated['file']}:{stated['line'] or ''}")
    severities = report.policy.severity
    for rule, count in sorted(report.counts.items(), key=lambda one: (list(SEVERITIES).index(severities[one[0]]), one)):
        if count and rule != "conflict":
            say(f"{tell(*SEVERITIES[severities[rule]])}: {rule}: {count:,}")
            for finding in [finding for finding in report.findings if finding.rule == rule][:SHOWN]:
                place = f"{finding.file}:{finding.line}: " if finding.line else f"{finding.file}: "
                message = finding.message_zh if chinese else finding.message
                say(f"    {'' if rule == 'file' and finding.file in message else place}{message}")
            if count > SHOWN:
                say(
                    f"    … {count - SHOWN:,}; "
                    + tell("all of them: --report FILE.csv", "全部写入文件：--report 文件.csv")
                )


def _write(report: Report, path: Path) -> None:
    if path.suffix.lower() == ".json":
        path.write_text(json.dumps(report.to_dict(), ensure_ascii=False, indent=1), encoding="utf-8")
        return
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Finding.__dataclass_fields__)
        for finding in report.findings:
            cells = [getattr(finding, name) for name in Finding.__dataclass_fields__]
            writer.writerow([harmless(cell) for cell in cells])


class _progress:
    """On a terminal a bar of the files, with what is read of the one at hand; nothing elsewhere."""

    def __init__(self, files: int) -> None:
        self.bar = None
        if sys.stderr.isatty():
            self.bar = click.progressbar(
                length=files, file=sys.stderr, update_min_steps=0, item_show_func=lambda text: text or ""
            )

    def __enter__(self) -> _progress:
        if self.bar:
            self.bar.__enter__()
        return self

    def reading(self, name: str, rows: int) -> None:
        """So many observations of a file were read."""
        if self.bar:
            self.bar.update(0, f"{name[-30:]}: {rows:,}")

    def done(self, name: str, rows: int) -> None:
        """A file was read."""
        if self.bar:
            self.bar.update(1, f"{name[-30:]}: {rows:,}")

    def __exit__(self, *error: Any) -> None:
        if self.bar:
            self.bar.__exit__(*error)


for _command in (*release_commands.COMMANDS, *exchange_commands.COMMANDS):
    sdg.add_command(_command)
