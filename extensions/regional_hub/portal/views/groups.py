"""Groups and projects, for administrators; and the audit log."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from regional_hub.core import actions, audit, names
from regional_hub.core.access import requires
from regional_hub.core.actions import Refused
from regional_hub.core.models import AuditEntry, Group, Person
from regional_hub.portal.forms import MemberForm, ProjectForm, TitlesForm

PAGE = 100


@require_GET
@requires("see", "groups")
def index(request: HttpRequest) -> HttpResponse:
    counted = Group.objects.annotate(size=Count("members", filter=Q(members__is_active=True)))
    facts = {
        "projects": [group for group in counted if group.is_project],
        "roles": [group for group in counted if not group.is_project],
    }
    return render(request, "portal/groups.html", facts)


@require_http_methods(["GET", "POST"])
@requires("create", "group")
def create(request: HttpRequest) -> HttpResponse:
    """Make a project."""
    form = ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        name = names.PROJECT + facts["slug"]
        try:
            actions.create_group(request.user, name, facts["title"], facts["title_zh"])
            messages.success(request, _("The project is made. Add its members now."))
            return redirect("group", name)
        except Refused as refused:
            form.add_error("slug", str(refused))
    return render(request, "portal/group_new.html", {"form": form})


@require_GET
@requires("see", "groups")
def group(request: HttpRequest, name: str) -> HttpResponse:
    found = get_object_or_404(Group, name=name)
    facts = {
        "group": found,
        "members": found.members.all(),
        "form": TitlesForm(initial={"title": found.title, "title_zh": found.title_zh}),
        "member_form": MemberForm(),
    }
    return render(request, "portal/group.html", facts)


@require_POST
@requires("change", "group")
def rename(request: HttpRequest, name: str) -> HttpResponse:
    found = get_object_or_404(Group, name=name)
    form = TitlesForm(request.POST)
    if form.is_valid():
        actions.rename_group(request.user, found, form.cleaned_data["title"], form.cleaned_data["title_zh"])
        messages.success(request, _("The titles are changed."))
    else:
        messages.error(request, _("A group needs a title."))
    return redirect("group", name)


@require_POST
@requires("change", "group")
def add_member(request: HttpRequest, name: str) -> HttpResponse:
    found = get_object_or_404(Group, name=name)
    form = MemberForm(request.POST)
    if form.is_valid():
        person = form.cleaned_data["person"]
        actions.set_members(request.user, found, {*found.members.all(), person})
        messages.success(request, _("%(person)s is a member now.") % {"person": person.get_full_name()})
    else:
        messages.error(request, " ".join(form.errors.get("person", [])))
    return redirect("group", name)


@require_POST
@requires("change", "group")
def remove_member(request: HttpRequest, name: str, person: str) -> HttpResponse:
    found = get_object_or_404(Group, name=name)
    gone = get_object_or_404(Person, username=person)
    try:
        actions.set_members(request.user, found, set(found.members.all()) - {gone})
        messages.success(request, _("%(person)s is no longer a member.") % {"person": gone.get_full_name()})
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("group", name)


@require_POST
@requires("delete", "group")
def delete(request: HttpRequest, name: str) -> HttpResponse:
    found = get_object_or_404(Group, name=name)
    try:
        actions.delete_group(request.user, found)
        messages.success(request, _("The project is dissolved. Its folder is still on disk."))
        return redirect("groups")
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("group", name)


@require_GET
@requires("see", "audit log")
def audit_log(request: HttpRequest) -> HttpResponse:
    """The audit log, newest first, by a word in actor or object; `verify=1` checks the whole chain."""
    text = request.GET.get("q", "").strip()
    entries = AuditEntry.objects.all()
    if text:
        entries = entries.filter(Q(actor__icontains=text) | Q(object__icontains=text) | Q(verb__icontains=text))
    facts = {"page": Paginator(entries, PAGE).get_page(request.GET.get("page")), "text": text}
    if request.GET.get("verify") == "1":
        facts |= {"verified": True, "broken_at": audit.verify()}
    return render(request, "portal/audit.html", facts)
