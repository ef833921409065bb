"""A Showcase as visitors find it: twelve reviewed publications, by the same actions that authors and reviewers use.

For looking at pages: with the environment of a hub of one's own that was prepared, `python -m tests.showcase.world`.
With `--run` the six notebooks of `notebooks/showcase` are run first (a minute; kept in `var/world` of that hub), else
they have no outputs. In tests: `world.fill()`.
"""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import nbformat.v4 as v4

ROOT = Path(__file__).resolve().parents[2]
SIX = ("sdg_story", "price_index", "ship_traffic", "land_use_change", "mobility", "small_area")
PEOPLE = {
    "lin-mei": ("Lin Mei", "researchers"),
    "aigul": ("Aigul Asanova", "researchers"),
    "tomas": ("Tomás Herrera", "researchers"),
    "rev-method": ("Ines Dahl", "reviewers"),
    "rev-closed": ("Omar Siddiq", "reviewers"),
}
PASSWORD = "Gobi-Steppe-44"


@dataclass(frozen=True)
class Work:
    """Something to publish; `picture` is how it gets its picture: "file", "output", "svg" or "" (a cover is made)."""

    title: str
    title_zh: str
    summary: str
    summary_zh: str
    tags: list[str]
    goals: list[int]
    author: str = "lin-mei"
    kind: str = "page"
    licence: str = "CC-BY-4.0"
    picture: str = "output"
    days: int = 10
    readings: int = 0
    entry: str = "work.ipynb"
    cells: list[Any] = field(default_factory=list)


OTHERS = [
    Work(
        "Air quality in six cities",
        "六座城市的空气质量",
        "Fine particles before and after the heating season, by hour.",
        "供暖季前后各小时的细颗粒物浓度。",
        ["air", "cities"],
        [3, 11, 13],
        "aigul",
        picture="file",
        days=3,
        readings=210,
    ),
    Work(
        "Access to safe water, district by district",
        "各区安全饮水普及情况",
        "Where the gaps are, and what the census says of who lives there.",
        "差距在哪里，普查资料又怎样描述当地居民。",
        ["water", "census"],
        [6],
        "tomas",
        "app",
        days=21,
        readings=520,
    ),
    Work(
        "Renewable energy: a small model of supply",
        "可再生能源供应的小模型",
        "Hourly wind and sun against demand, for a grid of one's choice.",
        "按小时比较所选电网的风光出力与需求。",
        ["energy", "model"],
        [7, 13],
        "lin-mei",
        "method",
        "MIT",
        "svg",
        35,
        90,
    ),
    Work(
        "School attendance of girls",
        "女童入学率",
        "Household surveys of ten years, put side by side.",
        "十年住户调查的并列比较。",
        ["education", "gender", "survey"],
        [4, 5],
        "aigul",
        "page",
        "CC-BY-SA-4.0",
        "",
        60,
        33,
    ),
    Work(
        "Fish stocks along the coast",
        "近海鱼类资源",
        "Landings, effort and a surplus production model.",
        "上岸量、捕捞努力量与剩余产量模型。",
        ["fishery", "model"],
        [14, 2],
        "tomas",
        days=95,
        readings=12,
    ),
    Work(
        "How long do people wait at the counter? A study of public services with a rather long title",
        "群众在窗口要等多久？一项标题相当长的公共服务研究",
        "Queues from time stamps: what was measured, what was estimated, and what neither can say. " * 4,
        "由时间戳得到的排队情况：哪些是测得的，哪些是估计的，哪些都说不清。" * 4,
        ["public services", "queues", "time use"],
        [16],
        "aigul",
        picture="",
        days=130,
        readings=5,
    ),
]


def chart(title: str, seed: int, kind: str = "png") -> bytes:
    """A line chart as lab libraries draw them."""
    import vl_convert

    values = [{"year": 2010 + n, "value": 40 + (seed * 7 + n * n * (seed % 5 + 1)) % 60} for n in range(15)]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": title, "width": 560, "height": 320, "data": {"values": values},
        "mark": {"type": ("area", "line", "bar")[seed % 3], "color": ("#00609c", "#a21942", "#3f7e44")[seed % 3]},
        "encoding": {"x": {"field": "year", "type": "ordinal"}, "y": {"field": "value", "type": "quantitative"}},
    }  # fmt: skip
    if kind == "svg":
        return str(vl_convert.vegalite_to_svg(spec)).encode()
    return bytes(vl_convert.vegalite_to_png(spec))


def notebook(work: Work, seed: int) -> dict[str, Any]:
    """A short notebook as it looks after a run."""
    import base64

    if work.cells:
        return _run(work.cells)
    cells = [
        v4.new_markdown_cell(f"# {work.title} · {work.title_zh}\n\n{work.summary}\n\n{work.summary_zh}"),
        v4.new_code_cell("years, values = range(2010, 2025), read()"),
        v4.new_code_cell("table"),
        v4.new_code_cell("chart", metadata={"alt": f"Line of {work.title}, 2010 to 2024 · {work.title_zh}的变化"}),
        v4.new_markdown_cell("## Sources · 资料来源\n\nIllustrative figures · 示例数据."),
    ]
    head = "<thead><tr><th>year</th><th>value</th></tr></thead>"
    html = f"<table>{head}<tbody><tr><td>2024</td><td>71</td></tr></tbody></table>"
    cells[2]["outputs"] = [v4.new_output("execute_result", {"text/html": html, "text/plain": "…"}, execution_count=2)]
    data = {"text/plain": "Chart"}
    if work.picture == "svg":
        data["image/svg+xml"] = chart(work.title, seed, "svg").decode()
    elif work.picture == "output":
        data["image/png"] = base64.b64encode(chart(work.title, seed)).decode()
    cells[3]["outputs"] = [v4.new_output("display_data", data)]
    return _run(cells)


def _run(cells: list[Any]) -> dict[str, Any]:
    for number, cell in enumerate(cells, start=1):
        cell["id"] = f"cell-{number}"
    return dict(v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}))


def six(executed: Path | None) -> list[tuple[Work, dict[str, Any], dict[str, Any]]]:
    """The six notebooks: what is said of each, as sent, and as run if `executed` is a folder of run ones."""
    found = []
    readings = {"sdg_story": 900, "price_index": 410, "ship_traffic": 640}
    for number, name in enumerate(SIX):
        sent = json.loads((ROOT / "notebooks" / "showcase" / f"{name}.ipynb").read_text("utf-8"))
        said = dict(sent["metadata"]["regional_hub"])
        kind = "app" if name == "small_area" else "method" if name == "price_index" else "page"
        more = {"kind": kind, "days": 1 + number * 4, "readings": readings.get(name, 0), "entry": f"{name}.ipynb"}
        work = Work(author="tomas" if number % 2 else "lin-mei", picture="", **said, **more)
        ran = executed / f"{name}.ipynb" if executed else None
        found.append((work, sent, json.loads(ran.read_text("utf-8")) if ran and ran.exists() else sent))
    return found


def fill(executed: Path | None = None) -> dict[str, Any]:
    """Publish all twelve; returns them by slug. The first is featured."""
    people = _people()
    made = [_publish(people, work, sent, ran) for work, sent, ran in six(executed)] + publish(*OTHERS)
    made[0].featured = True
    made[0].save(update_fields=["featured"])
    return {each.slug: each for each in made}


def publish(*works: Work) -> list[Any]:
    """Publish some works of one's own making."""
    people = _people()
    made = []
    for seed, work in enumerate(works):
        ran = notebook(work, seed)
        made.append(_publish(people, work, ran, ran, seed))
    return made


def _people() -> dict[str, Any]:
    from regional_hub.core import actions, names
    from regional_hub.core.access import OPERATOR
    from regional_hub.core.models import Group, Person

    for name, title, title_zh in names.ROLES:
        Group.objects.get_or_create(name=name, defaults={"title": title, "title_zh": title_zh})
    for username, (shown, group) in PEOPLE.items():
        if not Person.objects.filter(username=username).exists():
            more = {"display_name": shown, "groups": [group], "password": PASSWORD, "must_change_password": False}
            actions.add_person(OPERATOR, username, f"{username}@example.org", **more)
    return {name: Person.objects.get(username=name) for name in PEOPLE}


def _publish(people: dict[str, Any], work: Work, sent: dict[str, Any], ran: dict[str, Any], seed: int = 0) -> Any:
    from django.utils import timezone

    from regional_hub.showcase.about import About
    from regional_hub.showcase.actions.sharing import To, files, publish
    from regional_hub.showcase.bundle import Bundle
    from regional_hub.showcase.checks import built
    from regional_hub.showcase.models import Publication, Reading, Revision

    contents = {work.entry: built.to_bytes(sent)}
    if work.picture == "file":
        contents["cover.png"] = chart(work.title, seed)
    bundle = Bundle(work.entry, contents, picture="cover.png" if work.picture == "file" else "")
    about = About(work.title, work.title_zh, work.summary.strip(), work.summary_zh, work.tags, work.goals, work.licence,
                  work.kind)  # fmt: skip
    revision = publish(people[work.author], bundle, about, To("public")).revision
    kept = files().put(built.to_bytes(ran))
    facts = {"notebook": kept.sha256, "size": kept.size, "at": timezone.now().isoformat(), "seconds": 2.0}
    Revision.objects.filter(pk=revision.pk).update(built=facts)
    approve(revision, people["rev-method"], people["rev-closed"])
    when = timezone.now() - timedelta(days=work.days)
    Revision.objects.filter(pk=revision.pk).update(published_at=when)
    if work.readings:
        Reading.objects.create(publication=revision.publication, day=timezone.now().date(), count=work.readings)
    return Publication.objects.get(pk=revision.publication_id)


def approve(revision: Any, *reviewers: Any) -> None:
    """What the worker and the two reviewers do when all is well."""
    from regional_hub.showcase.actions import checking, review
    from regional_hub.showcase.models import Check, Review

    revision.checks.update(outcome=Check.Outcome.PASSED)
    checking.finish(revision.pk, revision.digest)
    for role, person in zip(Review.Role.values, reviewers, strict=True):
        found = Review.objects.get(revision=revision, role=role)
        review.take(person, found, no_conflict=True)
        review.decide(person, found, review.APPROVED, revision.digest)


def execute(folder: Path) -> None:
    """Run the six notebooks on samples made for it, as the lab does; what is there already stays."""
    import nbclient
    import nbformat

    from regional_hub import settings
    from regional_hub.hub import sample_data, samples

    wanted = [name for name in SIX if not (folder / f"{name}.ipynb").exists()]
    if not wanted:
        return
    place = folder / "work"
    place.mkdir(parents=True, exist_ok=True)
    hub = settings.load({"HUB_DATA": str(folder / "data")})
    for heavy in ("raster", "events"):
        sample_data.MAKERS.pop(heavy, None)
    samples.ensure(hub)
    os.environ |= {"REGIONAL_HUB_SHARED": str(hub.shared_dir), "INTAKE_PATH": str(ROOT / "catalogs")}
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "extensions"), *sys.path])
    for name in wanted:
        found = nbformat.read(ROOT / "notebooks" / "showcase" / f"{name}.ipynb", 4)
        nbclient.NotebookClient(found, timeout=120, resources={"metadata": {"path": str(place)}}).execute()
        text = io.StringIO()
        nbformat.write(found, text)
        (folder / f"{name}.ipynb").write_text(text.getvalue(), "utf-8")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "regional_hub.portal.settings")
    import django

    django.setup()
    from django.conf import settings

    folder = settings.HUB.path("world") if "--run" in sys.argv else None
    if folder:
        execute(folder)
    for slug in fill(folder):
        print(f"/showcase/{slug}/")


if __name__ == "__main__":
    main()
