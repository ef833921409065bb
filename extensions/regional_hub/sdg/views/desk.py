"""The stewards' desk: what is in work, and a draft from its files to its publication."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from regional_hub.core.access import requires
from regional_hub.core.actions import Refused
from regional_hub.sdg import actions, seriesindex
from regional_hub.sdg.desk.inbox import Inbox
from regional_hub.sdg.desk.work import original
from regional_hub.sdg.explorer.roles import roles
from regional_hub.sdg.forms import EmbargoForm, PublishForm, ReasonForm
from regional_hub.sdg.timeline import moment
from regional_hub.sdg.views import desk_parts as parts
from regional_hub.sdg.views.desk_parts import Shown, answering, find

RECENT = 8


@require_GET
@requires("see", "sdg desk")
def desk(request: HttpRequest) -> HttpResponse:
    """What is in work."""
    room = actions.room()
    inbox = Inbox.of(room)
    inbox.prune()
    shown = [Shown(draft, room, request.user) for draft in reversed(actions.store().drafts())]
    uploads = inbox.all()[:RECENT]
    facts = {
        "drafts": [each for each in shown if not each.published],
        "uploads": [(upload, inbox.cut_off(upload)) for upload in uploads],
    }
    return render(request, "sdg/desk/desk.html", facts)


@require_GET
@requires("see", "sdg desk")
def draft(request: HttpRequest, draft: str) -> HttpResponse:
    """One draft: where it stands, what is in it, and what can be done next."""
    shown = find(request, draft)
    files = [(part, original(shown.draft, part) is not None) for part in shown.draft.parts]
    facts = {"shown": shown, "files": files, "embargoes": embargoes(shown), "reason_form": ReasonForm()}
    facts["undone"] = shown.facts.get("undone", [])
    return render(request, "sdg/desk/draft.html", facts)


def embargoes(shown: Shown) -> list[dict[str, object]]:
    """The embargoes of a draft with the names of their codes and their moment."""
    return [
        {
            "number": number,
            "until": moment(made["until"]),
            "by": made["by"],
            "where": [
                (parts.title(shown.structure, name), [parts.named(shown.structure, name, code) for code in codes])
                for name, codes in made["where"].items()
            ],
        }
        for number, made in enumerate(shown.facts["embargoes"])
    ]


@require_POST
@requires("load", "sdg draft")
@answering("sdg-desk-draft")
def validate(request: HttpRequest, draft: str) -> HttpResponse:
    made = actions.validate(request.user, find(request, draft).draft)
    return redirect("sdg-desk-upload-state", made.id)


@require_POST
@requires("load", "sdg draft")
@answering("sdg-desk-draft")
def drop_file(request: HttpRequest, draft: str) -> HttpResponse:
    actions.drop_file(request.user, find(request, draft).draft, request.POST.get("file", ""))
    messages.success(request, _("The file is out of the draft. Validate it again."))
    return redirect("sdg-desk-draft", draft)


@require_POST
@requires("load", "sdg draft")
@answering("sdg-desk-draft")
def request_publication(request: HttpRequest, draft: str) -> HttpResponse:
    asked = actions.request_publication(request.user, find(request, draft).draft)
    if asked:
        text = ngettext("%(count)d person is asked to publish.", "%(count)d people are asked to publish.", asked)
        messages.success(request, text % {"count": asked})
    else:
        messages.warning(request, _("There is nobody else who may publish: an administrator adds a second steward."))
    return redirect("sdg-desk-draft", draft)


@require_POST
@requires("publish", "sdg release")
@answering("sdg-desk-draft")
def publish(request: HttpRequest, draft: str) -> HttpResponse:
    shown = find(request, draft)
    form = PublishForm(request.POST)
    if not form.is_valid():
        raise Refused(_("Open the draft and look at it before it is published."))
    made = actions.publish(request.user, shown.draft, **form.cleaned_data)
    messages.success(request, _("Release %(release)s is public.") % {"release": made.id})
    return redirect("sdg-desk-releases")


@require_POST
@requires("discard", "sdg draft")
@answering("sdg-desk-draft")
def discard(request: HttpRequest, draft: str) -> HttpResponse:
    actions.discard(request.user, find(request, draft).draft, request.POST.get("reason", ""))
    messages.success(request, _("The draft is discarded."))
    return redirect("sdg-desk")


@require_http_methods(["GET", "POST"])
@requires("embargo", "sdg series")
@answering("sdg-desk-draft")
def embargo(request: HttpRequest, draft: str) -> HttpResponse:
    """Hold series or areas of the draft back until a moment."""
    shown = find(request, draft)
    form = EmbargoForm(request.POST or None, codes=_codes(shown))
    label_fields(form, shown)
    del form.fields["reason"]
    if request.method == "POST" and form.is_valid():
        actions.embargo(request.user, shown.draft, form.where, form.cleaned_data["until"])
        messages.success(request, _("These series stay as they are until that moment, though the draft is published."))
        return redirect("sdg-desk-draft", draft)
    return render(request, "sdg/desk/embargo.html", {"shown": shown, "form": form})


def label_fields(form: EmbargoForm, shown: Shown) -> None:
    for name in form.dimensions:
        form.fields[name].label = parts.title(shown.structure, name)


def _codes(shown: Shown) -> dict[str, list[tuple[str, str]]]:
    """The series and areas that the draft has."""
    play = roles(shown.structure)
    dimensions = [name for name in (play.series, play.area) if name]
    used = {}
    if shown.review:
        labels = seriesindex.of(shown.review.candidate).labels
        used = {name: sorted(labels[name]) for name in dimensions}
    return parts.choices(shown.structure, dimensions, used)


@require_POST
@requires("embargo", "sdg series")
@answering("sdg-desk-draft")
def lift(request: HttpRequest, draft: str, number: int) -> HttpResponse:
    actions.lift_in_draft(request.user, find(request, draft).draft, number, request.POST.get("reason", ""))
    messages.success(request, _("The embargo is lifted."))
    return redirect("sdg-desk-draft", draft)


BASE = "sdg/desk/drafts/<str:draft>/"
urlpatterns = [
    path("sdg/desk/", desk, name="sdg-desk"),
    path(BASE, draft, name="sdg-desk-draft"),
    path(f"{BASE}validate/", validate, name="sdg-desk-validate"),
    path(f"{BASE}file/", drop_file, name="sdg-desk-drop-file"),
    path(f"{BASE}request/", request_publication, name="sdg-desk-request"),
    path(f"{BASE}publish/", publish, name="sdg-desk-publish"),
    path(f"{BASE}discard/", discard, name="sdg-desk-discard"),
    path(f"{BASE}embargo/", embargo, name="sdg-desk-embargo"),
    path(f"{BASE}embargo/<int:number>/lift/", lift, name="sdg-desk-lift-in-draft"),
]
