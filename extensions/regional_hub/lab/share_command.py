"""The command `hub` inside a person's server: `hub share PATH`, `hub shared`, `hub get`. It has no rules of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from regional_hub.cli import tell
from regional_hub.lab import copy_shared, share, share_find
from regional_hub.lab.share import Plan, ShareError, Showcase

MB = 1 << 20
_EMPHASIS = str.maketrans({"*": None, "`": None})


class Failed(click.ClickException):
    """Shown in the terminal's language."""

    def __init__(self, error: ShareError) -> None:
        super().__init__(tell(error.en, error.zh))

    def show(self, file: Any = None) -> None:
        click.echo(f"hub: {self.message}", err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Share notebooks with colleagues, and publish them after review.

    与同事共享笔记本，经评审后公开发布。
    """


@main.command("share")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--with", "people", multiple=True, metavar="NAME", help="A colleague's user name; can be repeated.")
@click.option("--project", metavar="NAME", help="Members of a project, e.g. project-water.")
@click.option("--hub", "everyone", is_flag=True, help="Everybody with an account.")
@click.option("--public", is_flag=True, help="The public, after review.")
@click.option("--title", help="Title [default: the notebook's first heading].")
@click.option("--title-zh", default="", help="Title in Chinese.")
@click.option("--summary", default="", help="What it shows, in a few sentences.")
@click.option("--summary-zh", default="", help="The same in Chinese.")
@click.option("--tag", "tags", multiple=True, help="A word by which it is found; can be repeated.")
@click.option("--goal", "goals", multiple=True, type=int, help="Number of an SDG goal; can be repeated.")
@click.option("--licence", default="", help="SPDX identifier, e.g. CC-BY-4.0.")
@click.option("--kind", type=click.Choice(["page", "app", "method"]), default="page", show_default=True)
@click.option("--picture", default="", metavar="FILE", help="Picture that stands for it in lists.")
@click.option("--entry", default="", metavar="FILE", help="Of a folder: the notebook that is shown.")
@click.option("--include", multiple=True, metavar="FILE", help="A further file beside the notebook; can be repeated.")
@click.option("--exclude", multiple=True, metavar="FILE", help="A file that is not to go; can be repeated.")
@click.option("--update", "slug", default="", metavar="SLUG", help="Make a new revision of this publication of yours.")
@click.option("--note", default="", help="What is new in this revision.")
@click.option("--dry-run", is_flag=True, help="Only list what would be sent.")
@click.option("--yes", is_flag=True, help="Send without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def share_(path: Path, dry_run: bool, yes: bool, as_json: bool, **said: Any) -> None:
    """Share a notebook, or a folder with one, and print its link.

    What goes is listed first: the notebook, and the files beside it that it names. Without an audience only you
    read it.
    """
    try:
        _share(path, dry_run, yes, as_json, said)
    except ShareError as error:
        if as_json:
            click.echo(json.dumps({"error": vars(error)}, ensure_ascii=False))
            raise SystemExit(1) from None
        raise Failed(error) from None


def _share(path: Path, dry_run: bool, yes: bool, as_json: bool, said: dict[str, Any]) -> None:
    showcase = Showcase()
    include = [*said["include"], *([said["picture"]] if said["picture"] else [])]
    limits = showcase.limits()
    plan = share.plan(path, entry=said["entry"], include=include, exclude=said["exclude"], limits=limits)
    if not as_json:
        _list(plan)
    if dry_run:
        if as_json:
            click.echo(json.dumps(_as_json(plan), ensure_ascii=False))
        return
    if not yes:
        if not sys.stdin.isatty():
            raise ShareError("not-confirmed", "nothing was sent: confirm with --yes", "未发送：请用 --yes 确认")
        click.confirm(tell("Send this?", "发送以上内容？"), abort=True, err=True)
    answer = showcase.publish(plan, _said(plan, said))
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    if not answer["new"]:
        click.echo(tell("Nothing is new: this revision is there already.", "内容没有变化：该版本已存在。"))
    click.echo(answer["link"])


def _list(plan: Plan) -> None:
    for item in plan.files:
        click.echo(f"  {item.size / 1024:10,.1f} KB  {item.name}  ({tell(item.why, item.why_zh)})")
    total = f"{plan.size / MB:,.2f} MB"
    click.echo(tell(f"{len(plan.files)} files, {total}", f"共 {len(plan.files)} 个文件，{total}"))
    if plan.left_out:
        click.echo(tell("Not sent:", "不发送："))
        for item in plan.left_out:
            click.echo(f"  {item.name}  ({tell(item.why, item.why_zh)})")


def _as_json(plan: Plan) -> dict[str, Any]:
    files, left_out = [vars(item) for item in plan.files], [vars(item) for item in plan.left_out]
    return {"entry": plan.entry, "files": files, "left_out": left_out, "size": plan.size}


def _said(plan: Plan, said: dict[str, Any]) -> dict[str, Any]:
    """The options as the API's facts."""
    chosen = [bool(said["people"]), bool(said["project"]), said["everyone"], said["public"]]
    if sum(chosen) > 1:
        raise ShareError("audience", "choose one of --with, --project, --hub and --public", "可读范围只能选一种")
    audiences = ("people", "project", "hub", "public")
    audience = next((name for name, is_it in zip(audiences, chosen, strict=True) if is_it), "people")
    facts: dict[str, Any] = {"slug": said["slug"], "note": said["note"], "picture": said["picture"]}
    if any(chosen) or not said["slug"]:
        readers = {"audience": audience, "people": said["people"], "project": said["project"] or ""}
        facts["readers"] = readers
    if said["title"] or not said["slug"]:
        names = ("title_zh", "summary", "summary_zh", "tags", "goals", "licence", "kind")
        facts["said"] = {"title": said["title"] or title(plan), **{name: said[name] for name in names}}
    return facts


def title(plan: Plan) -> str:
    """The notebook's first heading, else its name."""
    for cell in share_find.read(plan.folder / plan.entry)["cells"]:
        if cell.get("cell_type") == "markdown":
            for line in "".join(cell.get("source") or "").splitlines():
                if line.startswith("# ") and line[2:].strip():
                    return line[2:].translate(_EMPHASIS).strip(" #")[:200]
    return Path(plan.entry).stem[:200]


@main.command("shared")
@click.option("--mine", is_flag=True, help="Your own publications and their state.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def shared(mine: bool, as_json: bool) -> None:
    """List what others share with you."""
    try:
        found = Showcase().call("GET", "publications" if mine else "shared")
    except ShareError as error:
        raise Failed(error) from None
    if as_json:
        click.echo(json.dumps({"publications": found}, ensure_ascii=False))
        return
    for each in found:
        newest = each["revisions"][0] if each["revisions"] else {"number": 0, "state": ""}
        title = tell(each["title"], each["title_zh"] or each["title"])
        click.echo(f"{each['slug']:30}  r{newest['number']:<3} {newest['state']:10} {each['author']:12} {title}")


@main.command("get")
@click.argument("publication", metavar="SLUG[@NUMBER]")
def get(publication: str) -> None:
    """Copy a publication into the folder shared-with-me of your home; nothing is overwritten."""
    slug, _, number = publication.partition("@")
    try:
        click.echo(copy_shared.copy(Showcase(), Path.home(), slug, int(number) if number.isdigit() else None))
    except ShareError as error:
        raise Failed(error) from None


if __name__ == "__main__":
    main()
