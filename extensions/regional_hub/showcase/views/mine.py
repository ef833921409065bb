"""One's own publications, what others share, and the page on which an author manages one."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from regional_hub.core.access import may, requires
from regional_hub.core.models import Person
from regional_hub.showcase.about import BadAbout
from regional_hub.showcase.access import readable
from regional_hub.showcase.actions import methods, sharing
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.actions.sharing import PEOPLE, To
from regional_hub.showcase.models import Publication
from regional_hub.showcase.views.manage_forms import AboutForm, AudienceForm, ExpiryForm, WithdrawForm


@require_safe
@requires("see", "own publications")
def mine(request: HttpRequest) -> HttpResponse:
    found = Publication.objects.filter(author=request.user).select_related("project").prefetch_related("revisions")
    return render(request, "showcase/mine.html", {"publications": found})


@require_safe
@requires("see", "own publications")
def shared(request: HttpRequest) -> HttpResponse:
    """What people, projects and the hub share with the reader; public pages are in the gallery."""
    found = readable(request.user).exclude(author=request.user).exclude(audience=Publication.Audience.PUBLIC)
    facts = {"publications": found.select_related("author", "project").prefetch_related("revisions")}
    return render(request, "showcase/shared.html", facts)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("change", "publication")
def manage(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything an author can change of a publication; `do` says which form was sent."""
    person = request.user
    assert isinstance(person, Person)
    publication = Publication.objects.select_related("author", "project").filter(slug=slug).first()
    if publication is None or not may(person, "change", "publication", publication.author.username):
        raise Http404
    facts = {
        "publication": publication,
        "people": publication.people.all(),
        "revisions": publication.revisions.select_related("by"),
        "audience_form": AudienceForm(person, publication),
        "about_form": AboutForm(publication),
        "expiry_form": ExpiryForm(initial={"expires_on": publication.expires_on}),
        "withdraw_form": WithdrawForm(),
    }
    if request.method != "POST":
        return render(request, "showcase/manage.html", facts)
    action = ACTIONS.get(request.POST.get("do", ""))
    if action is None:
        raise Http404
    try:
        done = action(request, person, publication)
    except (Problem, BadAbout) as problem:
        messages.error(request, _in_language(problem, request))
        return redirect("showcase-manage", slug)
    if isinstance(done, dict):
        return render(request, "showcase/manage.html", {**facts, **done}, status=422)
    messages.success(request, done)
    publication.refresh_from_db()
    return redirect(
        "showcase-manage" if publication.author_id == person.pk else "showcase-mine", *_where(publication, person)
    )


def _where(publication: Publication, person: Person) -> list[str]:
    return [publication.slug] if publication.author_id == person.pk else []


def _in_language(problem: Problem | BadAbout, request: HttpRequest) -> str:
    chinese = (request.LANGUAGE_CODE or "").startswith("zh")
    return problem.zh if isinstance(problem, BadAbout) and chinese else str(problem)


# Each returns what to say, or what the page shows instead of an empty form.
Done = str | dict[str, object]


def _audience(request: HttpRequest, person: Person, publication: Publication) -> Done:
    form = AudienceForm(person, publication, request.POST)
    if not form.is_valid():
        return {"audience_form": form}
    sharing.share(person, publication, form.to())
    return _("Who may read is changed. It holds from now on.")


def _add_person(request: HttpRequest, person: Person, publication: Publication) -> Done:
    name = request.POST.get("person", "").strip()
    people = [each.username for each in publication.people.all()]
    sharing.share(person, publication, To(PEOPLE, [*people, name]))
    return _("%(person)s may read it now.") % {"person": name}


def _remove_person(request: HttpRequest, person: Person, publication: Publication) -> Done:
    name = request.POST.get("person", "")
    people = [each.username for each in publication.people.filter(is_active=True) if each.username != name]
    sharing.share(person, publication, To(PEOPLE, people))
    return _("%(person)s may no longer read it.") % {"person": name}


def _about(request: HttpRequest, person: Person, publication: Publication) -> Done:
    form = AboutForm(publication, request.POST)
    if not form.is_valid():
        return {"about_form": form}
    sharing.change_about(person, publication, form.about())
    return _("Saved.")


def _expiry(request: HttpRequest, person: Person, publication: Publication) -> Done:
    form = ExpiryForm(request.POST)
    if not form.is_valid():
        return {"expiry_form": form}
    sharing.expire(person, publication, form.cleaned_data["expires_on"])
    return _("Saved.")


def _transfer(request: HttpRequest, person: Person, publication: Publication) -> Done:
    name = request.POST.get("person", "").strip()
    receiver = Person.objects.filter(username=name, is_active=True).first()
    if receiver is None:
        raise sharing.nobody(name)
    sharing.transfer(person, publication, receiver)
    return _("%(person)s is its author now.") % {"person": receiver.get_full_name()}


def _withdraw(request: HttpRequest, person: Person, publication: Publication) -> Done:
    form = WithdrawForm(request.POST)
    if not form.is_valid():
        return {"withdraw_form": form}
    sharing.withdraw(person, publication, form.cleaned_data["reason"], form.cleaned_data["reason_zh"])
    return _("It is withdrawn.")


def _open(request: HttpRequest, person: Person, publication: Publication) -> Done:
    is_open = request.POST.get("open") == "yes"
    methods.open_to_public(person, publication, is_open)
    return _("Visitors can run it now.") if is_open else _("Visitors can no longer run it.")


ACTIONS: dict[str, Callable[[HttpRequest, Person, Publication], Done]] = {
    "audience": _audience,
    "add-person": _add_person,
    "remove-person": _remove_person,
    "about": _about,
    "expiry": _expiry,
    "transfer": _transfer,
    "withdraw": _withdraw,
    "open": _open,
}


@require_http_methods(["GET", "HEAD", "POST"])
@requires("withdraw", "publication")
def withdraw(request: HttpRequest, slug: str) -> HttpResponse:
    """Administrators withdraw others' publications here; authors do on the page above."""
    try:
        publication = sharing.own(request.user, slug, verb="withdraw")
    except Problem as problem:
        raise Http404 from problem
    form = WithdrawForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        sharing.withdraw(request.user, publication, form.cleaned_data["reason"], form.cleaned_data["reason_zh"])
        messages.success(request, _("It is withdrawn."))
        return redirect("showcase")
    return render(request, "showcase/withdraw.html", {"publication": publication, "form": form})


urlpatterns = [
    path("showcase/mine/", mine, name="showcase-mine"),
    path("showcase/shared/", shared, name="showcase-shared"),
    path("showcase/<slug:slug>/manage/", manage, name="showcase-manage"),
    path("showcase/<slug:slug>/withdraw/", withdraw, name="showcase-withdraw"),
]
