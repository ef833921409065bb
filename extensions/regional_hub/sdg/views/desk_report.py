"""The stewards' desk: what a validation found, the rows it is about, conflicts to decide, and what would change."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from regional_hub.core.access import requires
from regional_hub.core.actions import Refused
from regional_hub.sdg import actions, reports
from regional_hub.sdg.command_parts import harmless
from regional_hub.sdg.desk import review, rows
from regional_hub.sdg.desk.work import original
from regional_hub.sdg.findings import Finding
from regional_hub.sdg.merge import Statement
from regional_hub.sdg.views import desk_parts as parts
from regional_hub.sdg.views.desk_parts import Shown, answering, find

CONFLICTS = 20
PIECE = 500  # findings that are sent together
TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def chosen(request: HttpRequest) -> dict[str, str]:
    """What findings are chosen by: rule, severity, file."""
    return {name: request.GET.get(name, "") for name in reports.FILTERS}


@require_GET
@requires("see", "sdg desk")
def report(request: HttpRequest, draft: str) -> HttpResponse:
    """Everything that the last validation found, by page."""
    shown = find(request, draft)
    facts: dict[str, Any] = {"shown": shown}
    if kept := shown.report:
        wanted = chosen(request)
        page = parts.paged(request, kept.count(wanted))
        findings = kept.page(wanted, page.start_index() - 1 if page.paginator.count else 0, parts.PAGE)
        chinese = (get_language() or "").startswith("zh")
        facts |= {
            "kept": kept,
            "page": page,
            "chosen": wanted,
            "query": parts.query(**wanted),
            "lines": [(each, each.message_zh if chinese else each.message, address(draft, each)) for each in findings],
            "filters": {name: kept.counts(name) for name in reports.FILTERS},
        }
    return render(request, "sdg/desk/report.html", facts)


def address(draft: str, finding: Finding) -> str:
    """The page of the row that a finding is about; nothing for one about a file or a series."""
    if not finding.file or not (finding.line or finding.key) or finding.rule == "file":
        return ""
    there = {"file": finding.file, "column": finding.column}
    there |= {"line": str(finding.line)} if finding.line else {"key": finding.key}
    return f"{reverse('sdg-desk-row', args=[draft])}?{parts.query(**there)}"


@require_GET
@requires("see", "sdg desk")
def download(request: HttpRequest, draft: str, format: str) -> HttpResponseBase:
    """The findings as CSV, whose cells a spreadsheet does not run, or as JSON; chosen as on the page."""
    shown = find(request, draft)
    kept = shown.report
    if format not in TYPES or kept is None:
        raise Http404
    wanted = chosen(request)
    lines = _csv(kept.all(wanted)) if format == "csv" else _json(kept, wanted)
    response = StreamingHttpResponse(_in_time(lines), content_type=TYPES[format])
    response.headers["Content-Disposition"] = f'attachment; filename="report-{shown.id}.{format}"'
    return response


async def _in_time(lines: Iterator[str]) -> AsyncIterator[str]:
    """Made in a thread as it is sent, a good piece at a time, so that a long report needs little memory."""
    following = sync_to_async(lambda: "".join(itertools.islice(lines, PIECE)), thread_sensitive=False)
    while piece := await following():
        yield piece


def _csv(findings: Iterator[Finding]) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out)
    yield "\ufeff"
    writer.writerow(reports.COLUMNS)
    for finding in findings:
        writer.writerow([harmless(getattr(finding, name)) for name in reports.COLUMNS])
        yield out.getvalue()
        out.seek(0)
        out.truncate()


def _json(kept: reports.Kept, wanted: dict[str, str]) -> Iterator[str]:
    yield json.dumps(dict(kept.summary), ensure_ascii=False)[:-1] + ', "findings": ['
    for number, finding in enumerate(kept.all(wanted)):
        yield (",\n" if number else "\n") + json.dumps(asdict(finding), ensure_ascii=False)
    yield "\n]}\n"


@require_GET
@requires("see", "sdg desk")
def row(request: HttpRequest, draft: str) -> HttpResponse:
    """One row of a file with its neighbours, as it was read and as it came in."""
    shown = find(request, draft)
    asked = request.GET
    text = asked.get("line", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
    file = asked.get("file", "")
    facts: dict[str, Any] = {"shown": shown, "file": file, "line": number, "column": asked.get("column", "")}
    try:
        found = rows.around(shown.draft, file, line=number, key=asked.get("key", ""))
    except rows.NoRow as missing:
        facts["missing"] = str(missing)
        return render(request, "sdg/desk/row.html", facts, status=404)
    facts["rows"] = found
    used = [name for name in shown.draft.layout.columns if any(each.values[name] is not None for each in found)]
    used += [facts["column"]] if facts["column"] in shown.draft.layout.columns and facts["column"] not in used else []
    here = next(each for each in found if each.here)
    facts["columns"] = used
    facts["table"] = [(each, [(name, each.values[name]) for name in used]) for each in found]
    facts["named"] = [
        (parts.title(shown.structure, name), parts.named(shown.structure, name, here.values[name])) for name in used
    ]
    facts["raw"] = _raw(shown, file, here.line)
    return render(request, "sdg/desk/row.html", facts)


def _raw(shown: Shown, file: str, line: int | None) -> list[rows.Line]:
    kept = original(shown.draft, rows.part_of(shown.draft, file))
    return rows.lines(kept, line) if kept and line else []


# -- conflicts ---------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@requires("decide", "sdg draft")
@answering("sdg-desk-conflicts")
def conflicts(request: HttpRequest, draft: str) -> HttpResponse:
    """Contradicting statements side by side; one of them is chosen, with a reason."""
    shown = find(request, draft)
    if request.method == "POST":
        _decide(request, shown)
        return redirect("sdg-desk-conflicts", draft)
    page = parts.paged(request, len(shown.conflicts), CONFLICTS)
    start = page.start_index() - 1 if page.paginator.count else 0
    facts = {
        "shown": shown,
        "page": page,
        "conflicts": [_side_by_side(shown, each) for each in shown.conflicts[start : start + CONFLICTS]],
        "decided": [(_key(shown, made["key"]), json.dumps(made["key"]), made) for made in shown.facts["decisions"]],
    }
    return render(request, "sdg/desk/conflicts.html", facts)


def _key(shown: Shown, key: dict[str, str | None]) -> list[tuple[str, parts.Cell]]:
    """The parts of a key that say something, with their names."""
    plain = ("_T", "_Z", None)
    return [
        (parts.title(shown.structure, name), parts.named(shown.structure, name, code))
        for name, code in key.items()
        if code not in plain
    ]


def _side_by_side(shown: Shown, conflict: Any) -> dict[str, Any]:
    stated = rows.stating(shown.draft, conflict.key)
    columns = [name for name in shown.draft.layout.values if any(each.values[name] is not None for each in stated)]
    statements = [(each, json.dumps([each.file, each.line, each.value])) for each in conflict.statements]
    differing = {name for name in columns if len({each.values[name] for each in stated}) > 1}
    return {
        "key": _key(shown, conflict.key),
        "json": json.dumps(dict(conflict.key)),
        "statements": statements,
        "stated": stated,
        "lines": [
            (parts.title(shown.structure, name), name in differing, [each.values[name] for each in stated])
            for name in columns
        ],
    }


def _decide(request: HttpRequest, shown: Shown) -> None:
    try:
        key = _json_key(request.POST.get("key", ""))
        file, line, value = json.loads(request.POST.get("keep", ""))
        keep = Statement(str(file), line, value)
    except (ValueError, TypeError):
        raise Refused(_("Choose the value that holds.")) from None
    actions.decide(request.user, shown.draft, key, keep, request.POST.get("reason", ""))
    messages.success(request, _("Decided. It is kept with your name and reason."))


def _json_key(text: str) -> dict[str, str | None]:
    key = json.loads(text)
    if not isinstance(key, dict) or not all(isinstance(code, str | None) for code in key.values()):
        raise ValueError(text)
    return key


@require_POST
@requires("decide", "sdg draft")
@answering("sdg-desk-conflicts")
def undecide(request: HttpRequest, draft: str) -> HttpResponse:
    shown = find(request, draft)
    try:
        key = _json_key(request.POST.get("key", ""))
    except ValueError:
        raise Refused(_("Choose a decision.")) from None
    actions.undecide(request.user, shown.draft, key)
    messages.success(request, _("The decision is taken back."))
    return redirect("sdg-desk-conflicts", draft)


# -- what would change -------------------------------------------------------------------------------------------------


@require_GET
@requires("see", "sdg desk")
def changes(request: HttpRequest, draft: str) -> HttpResponse:
    """What publication would add, change and delete, and the jumps among it."""
    shown = find(request, draft)
    facts: dict[str, Any] = {"shown": shown}
    if found := shown.review:
        wanted = request.GET.get("what", "")
        action = wanted if wanted in review.ACTIONS else next((a for a in review.ACTIONS if found.counts[a]), "changed")
        page = parts.paged(request, found.counts[action] if found.before else 0)
        listed = found.page(action, page.start_index() - 1 if page.paginator.count else 0, parts.PAGE)
        facts |= {"review": found, "what": action, "page": page, "query": parts.query(what=action)}
        facts["lines"] = [(each, _key(shown, dict(each.key)), list(each.others.items())) for each in listed]
        if shown.report:
            jumps = shown.report.page({"rule": "jump"}, 0, 20)
            chinese = (get_language() or "").startswith("zh")
            facts["jumps"] = [
                (each, each.message_zh if chinese else each.message, address(draft, each)) for each in jumps
            ]
            facts["jump_count"] = shown.report.summary["rules"].get("jump", 0)
    return render(request, "sdg/desk/changes.html", facts)


BASE = "sdg/desk/drafts/<str:draft>/"
urlpatterns = [
    path(f"{BASE}report/", report, name="sdg-desk-report"),
    path(f"{BASE}report.<str:format>", download, name="sdg-desk-report-file"),
    path(f"{BASE}row/", row, name="sdg-desk-row"),
    path(f"{BASE}conflicts/", conflicts, name="sdg-desk-conflicts"),
    path(f"{BASE}conflicts/undo/", undecide, name="sdg-desk-undecide"),
    path(f"{BASE}changes/", changes, name="sdg-desk-changes"),
]
