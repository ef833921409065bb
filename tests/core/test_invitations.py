"""Invitations: once, for a time, and not to be guessed."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from regional_hub.core import actions, invitations
from regional_hub.core.access import OPERATOR
from regional_hub.core.actions import Refused
from regional_hub.core.models import Invitation, Person
from regional_hub.core.permissions import NotAllowed

pytestmark = pytest.mark.django_db
SIGN_UP = {
    "username": "wang",
    "display_name": "Wang Fang",
    "password1": "Gobi-Steppe-44",
    "password2": "Gobi-Steppe-44",
}


@pytest.fixture
def path(groups):
    """The path of an invitation's link into `researchers`."""
    link = invitations.invite(OPERATOR, "wang@example.org", ["researchers"]).link
    return re.sub(r"^https?://[^/]+", "", link)


def text(response) -> str:
    return response.content.decode()


def test_an_invited_person_signs_up_and_is_in(client, path, listening_hub, django_capture_on_commit_callbacks):
    assert client.get(path).headers["Location"] == "/accounts/signup/"
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post("/accounts/signup/", {**SIGN_UP, "email": "other@example.org"})

    assert response.status_code == 302
    person = Person.objects.get(username="wang")
    assert person.email == "wang@example.org", "the invited address counts, whatever was sent"
    assert person.group_names == {"researchers"}
    assert listening_hub.people["wang"]["groups"] == ["researchers"]
    assert client.get("/servers/").status_code == 200


def test_an_invitation_works_once(client, path):
    client.get(path)
    client.post("/accounts/signup/", SIGN_UP)
    client.post("/accounts/logout/")

    response = client.get(path)

    assert response.status_code == 410
    assert "has been used" in text(response)


def test_of_two_who_hold_the_link_one_gets_the_account(client, path):
    from django.test import Client

    second = Client()
    client.get(path)
    second.get(path)
    client.post("/accounts/signup/", SIGN_UP)

    response = second.post("/accounts/signup/", {**SIGN_UP, "username": "thief"})

    assert "An account needs an invitation" in text(response)
    assert not Person.objects.filter(username="thief").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "has expired"),
        ({"revoked_at": timezone.now()}, "no longer valid"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_what_is_wrong_with_an_invitation_is_said(client, path, change, words, language):
    Invitation.objects.update(**change)
    client.cookies["hub_language"] = language

    response = client.get(path)

    assert response.status_code == 410
    assert words in text(response) if language == "en" else "邀请" in text(response)


def test_an_invitation_that_expires_while_signing_up_opens_nothing(client, path):
    client.get(path)
    Invitation.objects.update(expires_at=timezone.now())

    client.post("/accounts/signup/", SIGN_UP)

    assert not Person.objects.filter(username="wang").exists()


def test_without_an_invitation_sign_up_is_closed(client, groups):
    response = client.post("/accounts/signup/", {**SIGN_UP, "email": "wang@example.org"})

    assert "An account needs an invitation" in text(response)
    assert not Person.objects.exists()


def test_guessing_is_stopped(client, groups):
    answers = [client.get(f"/invitation/guess{number}/").status_code for number in range(25)]

    assert answers[:20] == [404] * 20
    assert set(answers[20:]) == {429}


def test_the_database_does_not_hold_the_token(path):
    token = path.rstrip("/").rsplit("/", 1)[1]

    stored = " ".join(str(value) for value in Invitation.objects.values_list().get())
    assert token not in stored
    assert len(token) >= 43


def test_the_token_is_not_in_the_address_while_signing_up(client, path):
    assert path.rstrip("/").rsplit("/", 1)[1] not in client.get(path).headers["Location"]


def test_a_newer_invitation_voids_the_older(client, path):
    invitations.invite(OPERATOR, "WANG@example.org")

    assert client.get(path).status_code == 410


@pytest.mark.parametrize(("language", "words"), [("en", "You are invited"), ("zh-hans", "邀请您加入")])
def test_the_letter_is_in_the_chosen_language(groups, django_capture_on_commit_callbacks, language, words):
    with django_capture_on_commit_callbacks(execute=True):
        issued = invitations.invite(OPERATOR, "wang@example.org", language=language)

    assert words in mail.outbox[0].body
    assert issued.link in mail.outbox[0].body


def test_only_administrators_invite_and_revoke(alice, path):
    with pytest.raises(NotAllowed):
        invitations.invite(alice, "x@example.org", ["admins"])
    with pytest.raises(NotAllowed):
        invitations.revoke(alice, Invitation.objects.get())


def test_who_has_an_account_is_not_invited(alice):
    with pytest.raises(Refused):
        invitations.invite(OPERATOR, "alice@example.org")


def test_by_approval_an_account_waits(client, admin, settings, listening_hub, django_capture_on_commit_callbacks):
    accounts = settings.HUB.accounts.model_copy(update={"sign_up": "approval"})
    settings.HUB = settings.HUB.model_copy(update={"accounts": accounts})

    client.post("/accounts/signup/", {**SIGN_UP, "email": "wang@example.org", "request_note": "A paper on water"})

    wang = Person.objects.get(username="wang")
    assert wang.state == "waiting"
    assert "wang" not in listening_hub.people
    assert client.get("/servers/").status_code == 302
    assert admin.notices.filter(kind="approval-wanted").exists()
    with django_capture_on_commit_callbacks(execute=True):
        actions.approve(admin, wang, ["researchers"])
    assert listening_hub.people["wang"]["groups"] == ["researchers"]
    assert "wang" in mail.outbox[-1].body, "the person is told"
    assert mail.outbox[-1].to == ["wang@example.org"]
    assert client.login(username="wang", password="Gobi-Steppe-44")
