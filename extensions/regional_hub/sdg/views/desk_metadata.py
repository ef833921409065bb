"""The stewards' desk: reference metadata, by a form that is made from the metadata structure, or from a file."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from regional_hub.core.access import requires
from regional_hub.core.actions import Refused
from regional_hub.core.models import AuditEntry
from regional_hub.sdg import actions
from regional_hub.sdg.desk import sheet
from regional_hub.sdg.desk.inbox import clean
from regional_hub.sdg.explorer import words
from regional_hub.sdg.loading import Room
from regional_hub.sdg.metadata import PLAIN, Kept, MetadataError, MetadataSet
from regional_hub.sdg.registry import version_order
from regional_hub.sdg.structure import MetadataStructure, Structure, StructureError
from regional_hub.sdg.views import desk_parts as parts
from regional_hub.sdg.views.desk_parts import answering

LARGEST = 50 << 20


@dataclass
class Desk:
    """The room, and what a form needs of it: a metadata structure, and a structure whose codes are its targets."""

    room: Room
    msd: MetadataStructure
    structure: Structure

    @classmethod
    def of(cls, parameters: QueryDict, current: MetadataSet | None = None) -> Desk:
        """Those that the address or form names, else those that fit. Raises Http404, or Refused without any."""
        room = actions.room()
        msds, kept = room.registry.names("metadata_structures"), room.registry.names("structures")
        if not msds or not kept:
            raise Refused(_("Import a metadata structure (MSD) and a data structure first: ./hub sdg structure FILE"))
        msd = parameters.get("msd") or msds[-1]
        structure = parameters.get("structure") or (_fitting(room, kept, current) if current else _first(room, kept))
        try:
            return cls(room, room.registry.metadata_structure(msd), room.registry.structure(structure))
        except StructureError as error:
            raise Http404(str(error)) from error


def _first(room: Room, kept: list[str]) -> str:
    """The structure of what is published, else any."""
    store = room.store
    current = next((store.current(flow) for flow in store.flows()), None)
    return current.structure if current else kept[0]


def _fitting(room: Room, kept: list[str], found: MetadataSet) -> str:
    """The structure whose codes a set is about."""

    def shown(short: str) -> int:
        return sum(len(codes) for codes in sheet.about(room.registry.structure(short), found).values())

    return max(kept, key=lambda short: (shown(short), short == _first(room, kept)))


@require_GET
@requires("see", "sdg desk")
def index(request: HttpRequest) -> HttpResponse:
    """Every set in its newest version."""
    room = actions.room()
    library = room.metadata
    sets = sorted(library.latest(), key=lambda made: made.short)
    language = get_language() or "en"
    facts = {
        "sets": [(made, words.best(made.name, language), library.kept(made.short).since) for made in sets],
        "msds": room.registry.names("metadata_structures"),
    }
    return render(request, "sdg/desk/metadata.html", facts)


@require_http_methods(["GET", "POST"])
@requires("edit", "sdg metadata")
@answering("sdg-desk-metadata")
def edit(request: HttpRequest) -> HttpResponse:
    """The form: of the newest version of `set`, or empty for a new one."""
    name = request.GET.get("set", "")
    current = _newest(actions.room(), name).set if name else None
    desk = Desk.of(request.POST if request.method == "POST" else request.GET, current)
    if request.method == "POST":
        return _save(request, desk, current)
    targets = sheet.about(desk.structure, current) if current else {}
    answers = {"name_en": "", "name_zh": "", "id": ""}
    if current:
        answers |= {"name_en": current.name.get("en", ""), "name_zh": current.name.get("zh", "")}
    facts = {"based_on": current.version if current else "", "answers": answers}
    return _form(request, desk, current, sheet.fields(desk.msd, desk.room.registry, _said(current)), targets, **facts)


def _said(current: MetadataSet | None) -> Any:
    return current.attributes if current else ()


def _newest(room: Room, name: str) -> Kept:
    try:
        return room.metadata.named(name.partition("(")[0])
    except MetadataError as error:
        raise Http404(str(error)) from error


def _form(
    request: HttpRequest, desk: Desk, current: MetadataSet | None, fields: Any, targets: Any, **more: Any
) -> HttpResponse:
    language = get_language() or "en"
    shown = [
        (field, words.best(field.names, language) or words.Label(field.id.replace("_", " ").capitalize(), "und"))
        for field in fields
    ]
    dimensions = [part.id for part in sheet.dimensions(desk.structure)]
    options = parts.choices(desk.structure, dimensions, {})
    facts = {
        "current": current,
        "fields": [
            (field, label, [(lang, field.texts.get(lang, "")) for lang in field.languages]) for field, label in shown
        ],
        "targets": [
            (
                name,
                parts.title(desk.structure, name),
                [(*choice, choice[0] in targets.get(name, ())) for choice in choices],
            )
            for name, choices in options.items()
        ],
        "msd": desk.msd,
        "msds": desk.room.registry.names("metadata_structures"),
        "structure": desk.structure,
        "structures": desk.room.registry.names("structures"),
        "plain": PLAIN,
    }
    return render(request, "sdg/desk/metadata_edit.html", facts | more, status=400 if more.get("fault") else 200)


def _save(request: HttpRequest, desk: Desk, current: MetadataSet | None) -> HttpResponse:
    given = request.POST
    answers = {
        (attribute.id, language): given.get(f"a.{attribute.id}.{language}", "")
        for attribute in desk.msd.attributes
        for language in (*sheet.LANGUAGES, PLAIN)
    }
    chosen = {part.id: given.getlist(f"t.{part.id}") for part in sheet.dimensions(desk.structure)}
    based_on = given.get("based_on", "")
    try:
        made = _made(desk, current, answers, chosen, given)
        if not made.targets:
            raise Refused(_("Choose what it is about: at least one series or area."))
        actions.save_metadata(request.user, made, desk.msd.short)
    except (Refused, ValueError) as refused:
        fields = sheet.fields(desk.msd, desk.room.registry, sheet.attributes(desk.msd, answers))
        facts = {"fault": str(refused), "based_on": based_on, "answers": given}
        return _form(request, desk, current, fields, chosen, **facts)
    messages.success(request, _("%(version)s is saved.") % {"version": made.short})
    return redirect(f"{reverse('sdg-desk-metadata-history')}?{parts.query(set=made.short.partition('(')[0])}")


def _made(desk: Desk, current: MetadataSet | None, answers: Any, chosen: Any, given: QueryDict) -> MetadataSet:
    """The set that a form says. Raises Refused or ValueError."""
    name = {"en": given.get("name_en", "").strip(), "zh": given.get("name_zh", "").strip()}
    if not any(name.values()):
        raise Refused(_("Give it a title."))
    if current is None:
        if not sheet.IDENTIFIER.fullmatch(given.get("id", "")):
            raise Refused(_("The id begins with a letter, and has letters, digits, - and _ only."))
        agency = settings.HUB.sdg.sender
        flow = sheet.FLOW_URN.format(desk.msd.short)
        names = {language: text for language, text in name.items() if text}
        urns = sheet.targets(desk.structure, chosen)
        said = sheet.attributes(desk.msd, answers)
        return MetadataSet(agency, given["id"], "1.0", names, flow, urns, said)
    # What the form was made from, which need not be the newest any more: then that version is there already.
    old = desk.room.metadata.get(f"{current.short.partition('(')[0]}({given.get('based_on', '')})")
    urns = sheet.targets(desk.structure, chosen, old.targets)
    return sheet.revised(old, sheet.attributes(desk.msd, answers, old.attributes), urns, name)


@require_GET
@requires("see", "sdg desk")
def history(request: HttpRequest) -> HttpResponse:
    """The versions of a set, and what differs between two of them."""
    room = actions.room()
    library = room.metadata
    name = request.GET.get("set", "").partition("(")[0]
    newest = _newest(room, name)
    versions = sorted((s for s in library.names() if s.partition("(")[0] == name), key=version_order, reverse=True)
    asked = request.GET.get("version", "")
    after = next((short for short in versions if short == f"{name}({asked})"), versions[0])
    place = versions.index(after)
    before = versions[place + 1] if place + 1 < len(versions) else ""
    who = dict(
        AuditEntry.objects.filter(object__in=versions, verb__endswith="-metadata").values_list("object", "actor")
    )
    differing = sheet.differences(library.get(before), library.get(after)) if before else []
    facts = {
        "set": newest.set,
        "label": words.best(newest.set.name, get_language() or "en"),
        "versions": [(library.kept(short), who.get(short, "")) for short in versions],
        "after": library.get(after),
        "before": library.get(before) if before else None,
        "differences": differing,
    }
    return render(request, "sdg/desk/metadata_history.html", facts)


@require_POST
@requires("edit", "sdg metadata")
@answering("sdg-desk-metadata")
def bring(request: HttpRequest) -> HttpResponse:
    """Import a metadata message, SDMX-JSON 2.x or SDMX-ML 3.x."""
    sent = request.FILES.get("file")
    if sent is None or not sent.size:
        raise Refused(_("Choose at least one file that is not empty."))
    if sent.size > LARGEST:
        raise Refused(_("The file is larger than %(limit)s MB.") % {"limit": LARGEST >> 20})
    desk = Desk.of(request.POST)
    with tempfile.NamedTemporaryFile(prefix="metadata-") as file:
        for chunk in sent.chunks():
            file.write(chunk)
        file.flush()
        new = actions.import_metadata(request.user, Path(file.name), clean(sent.name or ""), desk.msd.short)
    text = _("New: %(names)s") % {"names": ", ".join(new)} if new else _("Everything in the file is here already.")
    messages.success(request, text)
    return redirect("sdg-desk-metadata")


urlpatterns = [
    path("sdg/desk/metadata/", index, name="sdg-desk-metadata"),
    path("sdg/desk/metadata/edit/", edit, name="sdg-desk-metadata-edit"),
    path("sdg/desk/metadata/history/", history, name="sdg-desk-metadata-history"),
    path("sdg/desk/metadata/import/", bring, name="sdg-desk-metadata-import"),
]
