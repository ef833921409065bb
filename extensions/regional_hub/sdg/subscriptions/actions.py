"""Every change of what people follow. Who is signed in needs one click; an address of a visitor confirms first.

Nothing here tells a visitor whether an address is known: the answer is in its letters alone.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from regional_hub.core import audit
from regional_hub.core.access import check
from regional_hub.core.actions import Refused
from regional_hub.core.models import Person
from regional_hub.sdg.explorer.topics import Topic
from regional_hub.sdg.models import Follower, Subscription

CONFIRM_DAYS = 3
_SALT = "sdg.subscriptions.confirm"
VISITOR = "visitor"


@transaction.atomic
def follow(person: Person, topic: Topic) -> Subscription:
    """Follow something as oneself. An address that was never proven is asked to confirm, as a visitor's is."""
    check(person, "change", "subscription", person.username)
    if not person.email:
        raise Refused(_("Your account has no e-mail address. Add one to your account first."))
    follower, _made = Follower.objects.get_or_create(email=person.email.lower(), defaults={"language": person.language})
    proven = _is_proven(person)
    if proven and follower.person_id != person.pk:
        Follower.objects.filter(person=person).exclude(pk=follower.pk).update(person=None)
        follower.person = person
        follower.save(update_fields=["person"])
    subscription, new = Subscription.objects.get_or_create(follower=follower, **_columns(topic))
    if proven and subscription.confirmed_at is None:
        _open(subscription)
    elif not proven:
        _ask_to_confirm(subscription)
    if new:
        audit.record(person, "follow", f"subscription:{subscription.pk}", topic.facts)
    return subscription


def _is_proven(person: Person) -> bool:
    from allauth.account.models import EmailAddress

    return bool(EmailAddress.objects.filter(user=person, email__iexact=person.email, verified=True).exists())


@transaction.atomic
def ask(email: str, topic: Topic, language: str) -> None:
    """A visitor's wish: the address gets a letter with a link; nothing else is sent before it is used."""
    check(None, "follow", "sdg")
    email = email.strip().lower()
    follower, _made = Follower.objects.get_or_create(email=email, defaults={"language": language})
    if not follower.subscriptions.filter(confirmed_at__isnull=False).exists():
        Follower.objects.filter(pk=follower.pk).update(language=language)
    subscription, new = Subscription.objects.get_or_create(follower=follower, **_columns(topic))
    if new:
        audit.record(VISITOR, "follow", f"subscription:{subscription.pk}", topic.facts)
    _ask_to_confirm(subscription)


def _columns(topic: Topic) -> dict[str, str]:
    return {"flow": topic.flow, "goal": topic.goal, "series": topic.series, "area": topic.area}


def _ask_to_confirm(subscription: Subscription) -> None:
    from regional_hub.sdg.subscriptions import tasks

    transaction.on_commit(lambda: tasks.send_confirmation.enqueue(subscription.pk), robust=True)


def _open(subscription: Subscription) -> None:
    from regional_hub.sdg.subscriptions import tasks

    subscription.confirmed_at = timezone.now()
    subscription.save(update_fields=["confirmed_at"])
    transaction.on_commit(tasks.schedule, robust=True)


def confirmation_link(subscription: Subscription) -> str:
    """A signed link that works for some days."""
    token = signing.dumps([subscription.pk, subscription.follower.key], salt=_SALT)
    return f"{settings.HUB.url}{reverse('sdg-subscription-confirm', args=[token])}"


def find_unconfirmed(token: str) -> Subscription:
    """The subscription of a link. Raises Refused for a link that is forged, too old, or whose wish was taken back."""
    try:
        pk, key = signing.loads(token, salt=_SALT, max_age=timedelta(days=CONFIRM_DAYS))
        return Subscription.objects.select_related("follower").get(pk=pk, follower__key=key)
    except (signing.BadSignature, Subscription.DoesNotExist, ValueError, TypeError) as error:
        raise Refused(_("This link is not valid, or no longer. Subscribe again to get a new one.")) from error


@transaction.atomic
def confirm(token: str) -> Subscription:
    """Begin to send. Raises Refused as `find_unconfirmed` does; to confirm twice is to confirm."""
    subscription = find_unconfirmed(token)
    if subscription.confirmed_at is None:
        _open(subscription)
        audit.record(VISITOR, "confirm", f"subscription:{subscription.pk}")
    return subscription


@transaction.atomic
def stop(follower: Follower, pk: int, *, by: Person | None = None) -> None:
    """End one subscription of a follower; one that is not there any more is ended already."""
    if by is not None:
        check(by, "change", "subscription", follower.person.username if follower.person else "")
    found = Subscription.objects.filter(follower=follower, pk=pk).first()
    if found is None:
        return
    found.delete()
    audit.record(by or VISITOR, "unfollow", f"subscription:{pk}")
    if not follower.subscriptions.exists():
        follower.delete()


@transaction.atomic
def stop_all(follower: Follower) -> None:
    """End all letters to an address and forget it."""
    audit.record(VISITOR, "unfollow", f"follower:{follower.pk}")
    follower.delete()


def keep_address(follower: Follower) -> None:
    """Letters follow their person to a new address, once it is proven."""
    person = follower.person
    if person is None or not person.email or person.email.lower() == follower.email or not _is_proven(person):
        return
    email = person.email.lower()
    if not Follower.objects.filter(email=email).exists():
        follower.email = email
        follower.save(update_fields=["email"])


def forget_unconfirmed() -> None:
    """Addresses that never confirmed are not kept."""
    before = timezone.now() - timedelta(days=CONFIRM_DAYS)
    Subscription.objects.filter(confirmed_at=None, created_at__lt=before).delete()
    Follower.objects.filter(subscriptions=None, created_at__lt=before).delete()
