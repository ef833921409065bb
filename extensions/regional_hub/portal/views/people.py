"""People, for administrators: who there is, invitations, groups of a person, opening and closing accounts."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from regional_hub.core import actions, directory, invitations
from regional_hub.core.access import requires
from regional_hub.core.actions import Refused
from regional_hub.core.models import Invitation, Person
from regional_hub.portal.forms import GroupsForm, InviteForm

PAGE = 50


def _search(text: str, state: str) -> QuerySet[Person]:
    found = Person.objects.prefetch_related("groups")
    if text:
        found = found.filter(
            Q(username__icontains=text)
            | Q(email__icontains=text)
            | Q(display_name__icontains=text)
            | Q(organisation__icontains=text)
            | Q(groups__name=text)
        ).distinct()
    states = {
        "active": Q(is_active=True),
        "waiting": Q(awaits_approval=True),
        "disabled": Q(is_active=False, awaits_approval=False),
    }
    return found.filter(states[state]) if state in states else found


@require_GET
@requires("see", "people")
def index(request: HttpRequest) -> HttpResponse:
    """Everybody, by search text and state; both stand in the address."""
    text, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    page = Paginator(_search(text, state), PAGE).get_page(request.GET.get("page"))
    facts = {
        "page": page,
        "text": text,
        "state": state,
        "waiting": Person.objects.filter(awaits_approval=True).count(),
        "invitations": [found for found in Invitation.objects.filter(used_at=None, revoked_at=None)[:PAGE]],
        "behind": actions.hub_accounts_behind(),
    }
    return render(request, "portal/people.html", facts)


@require_http_methods(["GET", "POST"])
@never_cache
@requires("invite", "person")
def invite(request: HttpRequest) -> HttpResponse:
    """Invite an address. The link is shown in this one answer and nowhere again."""
    form = InviteForm(request.POST or None, initial={"groups": ["researchers"], "language": request.LANGUAGE_CODE})
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        try:
            issued = invitations.invite(request.user, facts["email"], facts["groups"], facts["language"])
            return render(request, "portal/invited.html", {"issued": issued})
        except Refused as refused:
            form.add_error("email", str(refused))
    return render(request, "portal/invite.html", {"form": form})


@require_POST
@requires("invite", "person")
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Withdraw an invitation that was not used."""
    invitation = get_object_or_404(Invitation, pk=pk)
    try:
        invitations.revoke(request.user, invitation)
        messages.success(request, _("The invitation of %(email)s is withdrawn.") % {"email": invitation.email})
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("people")


@require_GET
@requires("see", "people")
def person(request: HttpRequest, name: str) -> HttpResponse:
    """One person: facts, groups, and opening or closing the account."""
    found = get_object_or_404(Person, username=name)
    facts = {
        "person": found,
        "form": GroupsForm(initial={"groups": sorted(found.group_names)}),
        "is_told": directory.is_told(name),
    }
    return render(request, "portal/person.html", facts)


def _do(request: HttpRequest, name: str, action: Callable[[Person], None], done: str) -> HttpResponse:
    """Run an action on a person, say how it went, and say when the Hub could not be told yet."""
    found = get_object_or_404(Person, username=name)
    try:
        action(found)
        messages.success(request, done % {"person": found.get_full_name()})
        if not directory.is_told(name):
            text = _("The Hub does not answer. It will be told as soon as it does; until then servers there go on.")
            messages.warning(request, text)
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("person", name)


@require_POST
@requires("group", "person")
def set_groups(request: HttpRequest, name: str) -> HttpResponse:
    form = GroupsForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(error for errors in form.errors.values() for error in errors))
        return redirect("person", name)
    groups = form.cleaned_data["groups"]
    done = _("The groups of %(person)s are changed.")
    return _do(request, name, lambda found: actions.set_groups(request.user, found, groups), done)


@require_POST
@requires("approve", "person")
def approve(request: HttpRequest, name: str) -> HttpResponse:
    form = GroupsForm(request.POST)
    groups = form.cleaned_data["groups"] if form.is_valid() else []
    done = _("%(person)s can sign in now.")
    return _do(request, name, lambda found: actions.approve(request.user, found, groups), done)


@require_POST
@requires("disable", "person")
def disable(request: HttpRequest, name: str) -> HttpResponse:
    done = _("The account of %(person)s is disabled: sign-ins and tokens have ended, and servers end.")
    return _do(request, name, lambda found: actions.disable(request.user, found), done)


@require_POST
@requires("enable", "person")
def enable(request: HttpRequest, name: str) -> HttpResponse:
    done = _("The account of %(person)s is open again.")
    return _do(request, name, lambda found: actions.enable(request.user, found), done)
