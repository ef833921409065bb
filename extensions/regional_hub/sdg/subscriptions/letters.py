"""What the letters say, and how each is sent once: one letter to each follower for each occasion of what they follow.

A letter is claimed in the database before it is sent and marked when the mail server took it. Whoever is killed between
the two leaves a claim that another run takes over after `LEASE`; it sends under the same Message-ID, so that a mail
server that has the letter already knows it (RFC 5322, 3.6.4).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from regional_hub.core import mail
from regional_hub.sdg.explorer import news
from regional_hub.sdg.explorer.book import open_book
from regional_hub.sdg.explorer.news import Choice, Occasion
from regional_hub.sdg.loading import Room
from regional_hub.sdg.models import Follower, Letter, Subscription, Told
from regional_hub.sdg.subscriptions import actions
from regional_hub.sdg.views import feeds
from regional_hub.sdg.views import news_parts as parts
from regional_hub.sdg.views.common import room

LEASE = timedelta(minutes=10)
MOST_ATTEMPTS = 6
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Item:
    """What changed of one thing that somebody follows."""

    title: str
    counted: str
    link: str
    facts: dict[str, Any]


def tell_all() -> int:
    """Send what is to be sent; how many letters went out. What fails is tried again by the next run."""
    place, sent = room(), 0
    told = set(Told.objects.values_list("occasion", flat=True))
    for occasion in reversed(news.all_occasions(place.store)):
        if occasion.id in told:
            continue
        done = True
        for follower in _followers(occasion):
            result = _deliver(place, occasion, follower)
            done, sent = done and result is not None, sent + (result or 0)
        if done:
            Told.objects.get_or_create(occasion=occasion.id)
    return sent


def _followers(occasion: Occasion) -> Iterator[Follower]:
    """Those who followed something when it happened."""
    waiting = Follower.objects.filter(subscriptions__confirmed_at__lt=occasion.at).select_related("person")
    for follower in waiting.distinct().order_by("pk"):
        if follower.is_open:
            actions.keep_address(follower)
            yield follower


def _deliver(place: Room, occasion: Occasion, follower: Follower) -> int | None:
    """Letters sent: 1, or 0 where nothing (more) is to be sent; None where it must be tried again."""
    known = Letter.objects.filter(follower=follower, occasion=occasion.id).first()
    if known is not None and known.done_at is not None:
        return 0
    with translation.override(follower.language or settings.LANGUAGE_CODE):
        items = _items(place, occasion, follower)
    if not items:
        return 0
    claim = _claim(known, occasion, follower)
    if claim is None:
        return None
    if claim.attempts > MOST_ATTEMPTS:
        log.warning("the letter about %s to follower %s is given up", occasion.id, follower.pk)
        Letter.objects.filter(pk=claim.pk).update(done_at=timezone.now())
        return 0
    try:
        _send(occasion, follower, items)
    except OSError as error:
        log.warning(
            "the letter about %s to follower %s was not sent: %s", occasion.id, follower.pk, type(error).__name__
        )
        Letter.objects.filter(pk=claim.pk).update(claimed_at=timezone.now() - LEASE)
        return None
    Letter.objects.filter(pk=claim.pk).update(done_at=timezone.now())
    return 1


def _claim(known: Letter | None, occasion: Occasion, follower: Follower) -> Letter | None:
    """The letter, ours alone to send for a time; None while somebody else has it."""
    now = timezone.now()
    if known is None:
        try:
            with transaction.atomic():
                return Letter.objects.create(follower=follower, occasion=occasion.id, claimed_at=now)
        except IntegrityError:
            return None
    if known.claimed_at > now - LEASE:
        return None
    taken = Letter.objects.filter(pk=known.pk, claimed_at=known.claimed_at, done_at=None)
    if not taken.update(claimed_at=now, attempts=F("attempts") + 1):
        return None
    known.refresh_from_db()
    return known


def _items(place: Room, occasion: Occasion, follower: Follower) -> list[Item]:
    """What changed then of each thing that they follow."""
    language = translation.get_language() or "en"
    book = open_book(place, language, occasion.release.flow, occasion.release.id)
    found, items = news.news(book.store, occasion.release), []
    for subscription in follower.subscriptions.filter(confirmed_at__lt=occasion.at):
        topic = subscription.topic
        choice = topic.choice(book)
        if choice is None:
            continue
        choice = Choice(choice.series, choice.area, at=occasion.at)
        counts = found.counts(choice)
        if counts.total:
            title = parts.topic_title(topic, {part: str(label) for part, label in topic.labels(book).items()})
            listed = feeds.listed(book, topic, choice, found)
            items.append(Item(title, parts.counted(counts), _link(occasion, topic.facts), listed))
    return items


def _link(occasion: Occasion, topic: dict[str, str]) -> str:
    query = {name: code for name, code in topic.items() if name != "flow"}
    if occasion.kind == news.UNSEALED:
        query["at"] = occasion.at.isoformat()
    page = f"{settings.HUB.url}/sdg/changes/{occasion.release.id}/"
    return f"{page}?{urlencode(query)}" if query else page


def _send(occasion: Occasion, follower: Follower, items: list[Item]) -> None:
    def subject(facts: dict[str, Any]) -> str:
        return _("%(site)s: new figures (%(title)s)") % {
            "site": facts["site_name"],
            "title": parts.occasion_title(occasion),
        }

    with translation.override(follower.language or settings.LANGUAGE_CODE):
        title = f"{parts.occasion_title(occasion)} ({occasion.release.flow})"
    stop = _address("sdg-subscription-stop", follower)
    mail.send(
        follower.email,
        follower.language,
        subject,
        "sdg/mail/changes.txt",
        html="sdg/mail/changes.html",
        headers={**_headers(stop), "Message-ID": message_id(occasion, follower)},
        title=title,
        occasion=occasion,
        items=items,
        manage=_address("sdg-subscription-manage", follower),
        stop=stop,
    )


def send_confirmation(pk: int) -> None:
    """The letter with the link that begins a subscription; nothing where the wish was taken back. Raises OSError."""
    subscription = Subscription.objects.select_related("follower").filter(pk=pk).first()
    if subscription is None:
        return
    follower, topic = subscription.follower, subscription.topic
    with translation.override(follower.language or settings.LANGUAGE_CODE):
        title = parts.topic_title(topic, _names(subscription))
    mail.send(
        follower.email,
        follower.language,
        lambda facts: _("%(site)s: confirm your subscription") % {"site": facts["site_name"]},
        "sdg/mail/confirm.txt",
        html="sdg/mail/confirm.html",
        headers=_headers(_address("sdg-subscription-stop", follower)),
        title=title,
        link=actions.confirmation_link(subscription),
        days=actions.CONFIRM_DAYS,
        active=subscription.confirmed_at is not None,
        manage=_address("sdg-subscription-manage", follower),
    )


def _names(subscription: Subscription) -> dict[str, str]:
    from regional_hub.sdg.explorer import topics
    from regional_hub.sdg.explorer.book import NotHere

    try:
        books = topics.books(room(), translation.get_language() or "en", subscription.topic)
    except NotHere:
        return {}
    return {part: str(label) for book in books[:1] for part, label in subscription.topic.labels(book).items()}


def _address(name: str, follower: Follower) -> str:
    return f"{settings.HUB.url}{reverse(name, args=[follower.key])}"


def _headers(stop: str) -> dict[str, str]:
    """RFC 8058 (one click ends it), RFC 2919 (List-Id), RFC 3834 (no automatic answers, please)."""
    return {
        "List-Unsubscribe": f"<{stop}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": f"<sdg-changes.{urlsplit(settings.HUB.url).hostname}>",
        "Auto-Submitted": "auto-generated",
    }


def message_id(occasion: Occasion, follower: Follower) -> str:
    """The same for the same letter, however often it is tried."""
    digest = hashlib.sha256(f"{occasion.release.flow}\0{occasion.id}\0{follower.key}".encode()).hexdigest()[:32]
    return f"<sdg-{digest}@{urlsplit(settings.HUB.url).hostname}>"


def next_look(now: datetime) -> datetime:
    """When an embargo ends next; the far future where none does."""
    store = room().store
    ends = [embargo.end for flow in store.flows() for embargo in store.timeline(flow).embargoes if now < embargo.end]
    return min(ends, default=now + timedelta(days=365))
