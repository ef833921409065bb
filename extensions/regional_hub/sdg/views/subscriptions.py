"""Pages of those who want letters about changes: subscribing, confirming, looking at what one follows, and stopping."""

from __future__ import annotations

from typing import Any

from allauth.core.internal import ratelimit
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from regional_hub.core.access import requires
from regional_hub.core.actions import Refused
from regional_hub.core.models import Person
from regional_hub.sdg.explorer import topics
from regional_hub.sdg.explorer.book import NotHere
from regional_hub.sdg.explorer.topics import Topic
from regional_hub.sdg.models import Follower, Subscription
from regional_hub.sdg.subscriptions import actions
from regional_hub.sdg.views import news_parts as parts
from regional_hub.sdg.views.common import not_here, room

# Per machine that asks, and per address that would get letters.
LIMITS = {"subscribe": "20/1h/ip,5/1d/key"}


class EmailForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


def title_of(topic: Topic) -> str:
    """What a topic is called in the reader's language. Raises NotHere for codes that no flow has."""
    books = topics.books(room(), get_language() or "en", topic)
    return parts.topic_title(
        topic, {part: str(label) for book in books[:1] for part, label in topic.labels(book).items()}
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires("follow", "sdg")
def subscribe(request: HttpRequest) -> HttpResponse:
    """A visitor asks for letters. Whatever the address, the answer is the same."""
    said = request.POST if request.method == "POST" else request.GET
    topic = Topic.of(said.dict())
    try:
        title = title_of(topic)
    except NotHere as missing:
        return not_here(request, missing)
    form = EmailForm(request.POST or None)
    facts = {"topic": topic, "title": title, "form": form}
    if request.method != "POST" or not form.is_valid():
        return render(request, "sdg/subscribe.html", facts, status=200 if request.method != "POST" else 422)
    email = form.cleaned_data["email"]
    usage = ratelimit.consume(
        request, app="regional_hub.sdg", action="subscribe", config=LIMITS, key=email.lower(), limit_get=True
    )
    if not usage:
        return ratelimit.respond_429(request)
    actions.ask(email, topic, get_language() or "")
    return render(request, "sdg/subscribe.html", {**facts, "asked": email, "days": actions.CONFIRM_DAYS})


@require_POST
@requires("change", "subscription")
def follow(request: HttpRequest) -> HttpResponse:
    """One click of somebody who is signed in."""
    assert isinstance(request.user, Person)
    topic = Topic.of(request.POST.dict())
    try:
        title = title_of(topic)
        made = actions.follow(request.user, topic)
    except NotHere as missing:
        return not_here(request, missing)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("sdg-subscriptions")
    if made.confirmed_at:
        messages.success(request, _("You follow “%(title)s” by e-mail.") % {"title": title})
    else:
        messages.info(request, _("We sent a link to %(email)s. Open it to begin.") % {"email": request.user.email})
    return redirect("sdg-subscriptions")


@never_cache
@require_GET
@requires("change", "subscription")
def mine(request: HttpRequest) -> HttpResponse:
    """What one follows."""
    follower = Follower.objects.filter(person=request.user).first()
    return render(
        request, "sdg/subscriptions.html", {"rows": _rows(follower), "email": getattr(request.user, "email", "")}
    )


@require_POST
@requires("change", "subscription")
def stop_mine(request: HttpRequest, pk: int) -> HttpResponse:
    assert isinstance(request.user, Person)
    found = get_object_or_404(Subscription, pk=pk, follower__person=request.user)
    actions.stop(found.follower, pk, by=request.user)
    messages.success(request, _("You no longer follow this."))
    return redirect("sdg-subscriptions")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires("follow", "sdg")
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the first letter. It needs a click, since programs that check mail open every link."""
    try:
        found = actions.confirm(token) if request.method == "POST" else actions.find_unconfirmed(token)
    except Refused as refused:
        return render(request, "sdg/subscription_done.html", {"refused": refused}, status=410)
    facts = {"row": _row(found), "done": found.confirmed_at is not None, "key": found.follower.key}
    return render(request, "sdg/subscription_confirm.html", facts)


@never_cache
@require_GET
@requires("follow", "sdg")
def manage(request: HttpRequest, token: str) -> HttpResponse:
    """What an address follows, for whoever has one of its letters."""
    follower = get_object_or_404(Follower, key=token)
    facts = {"rows": _rows(follower), "email": hidden(follower.email), "key": token}
    return render(request, "sdg/subscriptions.html", facts)


@require_POST
@requires("follow", "sdg")
def stop_one(request: HttpRequest, token: str, pk: int) -> HttpResponse:
    follower = get_object_or_404(Follower, key=token)
    actions.stop(follower, pk)
    if not Follower.objects.filter(pk=follower.pk).exists():
        return render(request, "sdg/subscription_done.html", {"stopped": True})
    messages.success(request, _("You no longer follow this."))
    return redirect("sdg-subscription-manage", token)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires("follow", "sdg")
def stop_all(request: HttpRequest, token: str) -> HttpResponse:
    """The end of all letters. Mail programs post here without a cookie (RFC 8058); people press a button.

    Without protection against forged requests on purpose: the key in the address is the proof.
    """
    follower = Follower.objects.filter(key=token).first()
    if request.method != "POST" and follower is not None:
        return render(request, "sdg/subscription_stop.html", {"key": token, "email": hidden(follower.email)})
    if follower is not None:
        actions.stop_all(follower)
    return render(request, "sdg/subscription_done.html", {"stopped": True})


def hidden(email: str) -> str:
    """An address as its owner knows it and nobody else."""
    name, _at, domain = email.partition("@")
    return f"{name[:1]}…@{domain}"


def _rows(follower: Follower | None) -> list[dict[str, Any]]:
    return [_row(each) for each in follower.subscriptions.all()] if follower else []


def _row(subscription: Subscription) -> dict[str, Any]:
    topic = subscription.topic
    try:
        title = title_of(topic)
    except NotHere:
        title = parts.topic_title(topic, {})
    return {"subscription": subscription, "title": title, "topic": topic}


urlpatterns = [
    path("sdg/subscriptions/", mine, name="sdg-subscriptions"),
    path("sdg/subscriptions/new/", subscribe, name="sdg-subscribe"),
    path("sdg/subscriptions/follow/", follow, name="sdg-follow"),
    path("sdg/subscriptions/mine/<int:pk>/stop/", stop_mine, name="sdg-unfollow"),
    path("sdg/subscriptions/confirm/<str:token>/", confirm, name="sdg-subscription-confirm"),
    path("sdg/subscriptions/by/<str:token>/", manage, name="sdg-subscription-manage"),
    path("sdg/subscriptions/by/<str:token>/<int:pk>/stop/", stop_one, name="sdg-subscription-stop-one"),
    path("sdg/subscriptions/by/<str:token>/stop/", stop_all, name="sdg-subscription-stop"),
]
