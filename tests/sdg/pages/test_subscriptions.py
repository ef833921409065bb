"""Letters about changes: who may ask for them, that each is sent once, and that nothing hidden is in one."""

import re
import smtplib
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from regional_hub.core.models import AuditEntry, Person
from regional_hub.sdg.explorer.topics import Topic
from regional_hub.sdg.models import Follower, Letter, Subscription, Told
from regional_hub.sdg.subscriptions import actions, letters, tasks
from tests.sdg import world

pytestmark = pytest.mark.django_db
FLOW = "IAEG-SDGs:SDG"
Q2 = "2019.Q2.G.01"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_once(settings, django_capture_on_commit_callbacks, monkeypatch):
    """Tasks that a page enqueues are run by the test, as the worker would."""


def follower(email="reader@example.org", language="en", since=LONG_AGO, **topic: str) -> Follower:
    made, _new = Follower.objects.get_or_create(email=email, defaults={"language": language})
    Subscription.objects.create(follower=made, confirmed_at=since, **topic)
    return made


def link(message, word: str) -> str:
    return re.search(rf"https?://[^/\s]+(/sdg/subscriptions/{word}\S+)", message.body)[1]


def ask(client, email="reader@example.org", **topic: str):
    return client.post("/sdg/subscriptions/new/", {"email": email, **topic})


def run_confirmations() -> None:
    for task in DBTaskResult.objects.filter(task_path=tasks.send_confirmation.module_path, status="READY"):
        tasks.send_confirmation.func(*task.args_kwargs["args"])
        task.delete()


# -- asking ------------------------------------------------------------------------------------------------------------


def test_a_visitor_confirms_before_anything_is_sent(client, room, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        reply = ask(client, series="SI_POV_DAY1", flow=FLOW)
    run_confirmations()

    assert reply.status_code == 200 and "We sent a link to reader@example.org" in reply.content.decode()
    (letter,) = mail.outbox
    assert letter.to == ["reader@example.org"] and Subscription.objects.get().confirmed_at is None
    address = link(letter, "confirm")
    assert client.get(address).status_code == 200 and Subscription.objects.get().confirmed_at is None
    assert "You will be told" in client.post(address).content.decode()
    assert Subscription.objects.get().confirmed_at is not None
    assert Subscription.objects.get().topic == Topic(flow=FLOW, series="SI_POV_DAY1")


def test_nobody_learns_whether_an_address_is_known(client, room):
    follower("known@example.org")

    known, unknown = ask(client, "known@example.org"), ask(client, "new@example.org")

    def shown(reply) -> str:
        body = reply.content.decode().replace("known@", "new@")
        return re.sub(r'csrf\w+" value="\w+"', "", body)

    assert (known.status_code, shown(known)) == (unknown.status_code, shown(unknown))


def test_a_forged_or_old_link_does_not_confirm(client, room, monkeypatch):
    made = follower(since=None)
    address = actions.confirmation_link(made.subscriptions.get()).split("/sdg/")[1]

    assert client.post(f"/sdg/{address[:-3]}xx/").status_code == 410
    monkeypatch.setattr(actions, "CONFIRM_DAYS", -1)
    assert client.post(f"/sdg/{address}").status_code == 410
    assert Subscription.objects.get().confirmed_at is None


def test_sign_ups_are_limited_per_address_and_per_machine(client, room):
    assert [ask(client, series="SI_POV_DAY1").status_code for _time in range(7)] == [200] * 5 + [429] * 2
    codes = [ask(client, f"a{number}@example.org").status_code for number in range(30)]
    assert codes[0] == 200 and codes[-1] == 429


@pytest.mark.parametrize(
    ("fields", "status"), [({"email": "no"}, 422), ({"series": "NOPE"}, 404), ({"email": ""}, 422)]
)
def test_bad_wishes_are_named(client, room, fields, status):
    assert ask(client, **fields).status_code == status
    assert not Follower.objects.exists()


def test_wishes_that_nobody_confirmed_are_forgotten(room):
    follower(since=None)
    follower("kept@example.org")
    Subscription.objects.update(created_at=timezone.now() - timedelta(days=4))
    Follower.objects.update(created_at=timezone.now() - timedelta(days=4))

    actions.forget_unconfirmed()

    assert [each.email for each in Follower.objects.all()] == ["kept@example.org"]


def test_who_is_signed_in_follows_with_one_click_and_stops_with_one(alice, signed_in, room):
    client = signed_in(alice)

    page = client.post("/sdg/subscriptions/follow/", {"series": "SI_POV_DAY1"}, follow=True).content.decode()
    assert "You follow" in page and Subscription.objects.get().confirmed_at is not None
    assert Follower.objects.get().person == alice
    client.post(f"/sdg/subscriptions/mine/{Subscription.objects.get().pk}/stop/")
    assert not Follower.objects.exists()
    assert [entry.verb for entry in AuditEntry.objects.filter(actor="alice", object__startswith="subscription")] == [
        "unfollow",
        "follow",
    ]


def test_an_unproven_address_of_an_account_confirms_as_well(alice, signed_in, room):
    from allauth.account.models import EmailAddress

    EmailAddress.objects.update(verified=False)

    signed_in(alice).post("/sdg/subscriptions/follow/", {})

    assert Subscription.objects.get().confirmed_at is None and Follower.objects.get().person is None


def test_nobody_stops_anothers_subscription(alice, signed_in, room):
    other = follower()

    assert signed_in(alice).post(f"/sdg/subscriptions/mine/{other.subscriptions.get().pk}/stop/").status_code == 404
    assert alice.follower if hasattr(alice, "follower") else True
    assert Client().get("/sdg/subscriptions/by/guess/").status_code == 404
    assert Subscription.objects.count() == 1


# -- letters -----------------------------------------------------------------------------------------------------------


def test_a_letter_tells_what_changed_of_what_one_follows(room):
    follower(series="SI_POV_DAY1", flow=FLOW)

    letters.tell_all()

    assert [message.subject for message in mail.outbox] == [
        "Regional Hub: new figures (Release 2019.Q1.G.03)",
        f"Regional Hub: new figures (Release {Q2})",
    ]
    letter = mail.outbox[1]
    assert "162 revised" in letter.body and "SH_DYN_MORT" not in letter.body
    html, kind = letter.alternatives[0]
    assert kind == "text/html" and "162 revised" in html and f"/sdg/changes/{Q2}/?series=SI_POV_DAY1" in html
    parsed = message_from_string(letter.message().as_string(), policy=policy.default)
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<https?://.+/stop/>", parsed["List-Unsubscribe"].strip())


def test_one_letter_per_person_and_release_however_much_one_follows(room):
    made = follower(series="SI_POV_DAY1", flow=FLOW)
    for topic in ({"goal": "3", "flow": FLOW}, {"area": "417"}, {}):
        Subscription.objects.create(follower=made, confirmed_at=LONG_AGO, **topic)

    letters.tell_all()

    assert len(mail.outbox) == 5
    assert mail.outbox[2].body.count(f"/sdg/changes/{Q2}/") == 3  # nothing changed in that area


def test_letters_speak_the_language_of_the_sign_up(room):
    follower(language="zh-hans", flow="KG_NSC:SDG")

    letters.tell_all()

    (letter,) = mail.outbox
    assert "版本" in letter.subject and "新增" in letter.body and "不再接收邮件" in letter.body
    assert 'lang="zh-hans"' in letter.alternatives[0][0]


def test_what_happened_before_one_followed_is_not_told(room):
    follower(since=datetime.now(UTC))

    assert letters.tell_all() == 0 and mail.outbox == []
    assert Told.objects.count() == 5


def test_running_again_sends_nothing_twice(room):
    follower()

    assert (letters.tell_all(), letters.tell_all()) == (5, 0)
    Told.objects.all().delete()
    assert letters.tell_all() == 0
    assert len(mail.outbox) == 5


class Killed(BaseException):
    """What ends a process ends it anywhere."""


@pytest.mark.parametrize("number", range(6))
def test_whoever_is_killed_before_sending_loses_nothing(room, monkeypatch, number):
    for name in "abc":
        follower(f"{name}@example.org", flow=FLOW)
    real, calls = letters._send, []

    def send(*given):
        calls.append(given)
        if len(calls) == number + 1:
            raise Killed
        real(*given)

    monkeypatch.setattr(letters, "_send", send)
    with pytest.raises(Killed):
        letters.tell_all()
    monkeypatch.setattr(letters, "_send", real)
    assert letters.tell_all() == 9 - number - 1  # the one that was cut off is still claimed
    Letter.objects.filter(done_at=None).update(claimed_at=timezone.now() - letters.LEASE)
    assert letters.tell_all() == 1

    sent = [(message.to[0], message.subject) for message in mail.outbox]
    assert len(sent) == len(set(sent)) == 9
    assert letters.tell_all() == 0


def test_a_letter_cut_off_after_sending_goes_out_under_the_same_message_id(room, monkeypatch):
    made = follower(flow="KG_NSC:SDG")
    real = letters._send

    def send(*given):
        real(*given)
        raise Killed

    monkeypatch.setattr(letters, "_send", send)
    with pytest.raises(Killed):
        letters.tell_all()
    monkeypatch.setattr(letters, "_send", real)
    Letter.objects.update(claimed_at=timezone.now() - letters.LEASE)
    letters.tell_all()

    first, second = (message.message()["Message-ID"] for message in mail.outbox)
    assert first == second and str(made.key) not in first


def test_a_letter_that_another_worker_is_sending_is_left_to_it(room):
    made = follower(flow="KG_NSC:SDG")
    Letter.objects.create(follower=made, occasion="kg-1", claimed_at=timezone.now())

    assert letters.tell_all() == 0
    assert not Told.objects.filter(occasion="kg-1").exists()


def test_a_mail_server_that_fails_is_tried_again_and_holds_nobody_up(room, monkeypatch):
    follower("bad@example.org", flow="KG_NSC:SDG")
    follower("good@example.org", flow="KG_NSC:SDG")
    real = letters._send

    def send(occasion, made, items):
        if made.email.startswith("bad"):
            raise smtplib.SMTPServerDisconnected
        real(occasion, made, items)

    monkeypatch.setattr(letters, "_send", send)
    assert letters.tell_all() == 1 and not Told.objects.filter(occasion="kg-1").exists()
    monkeypatch.setattr(letters, "_send", real)
    assert letters.tell_all() == 1
    assert [message.to[0] for message in mail.outbox] == ["good@example.org", "bad@example.org"]


def test_an_address_that_always_fails_is_given_up(room, monkeypatch):
    follower(flow="KG_NSC:SDG")
    monkeypatch.setattr(letters, "_send", lambda *given: (_ for _ in ()).throw(OSError()))

    for _time in range(letters.MOST_ATTEMPTS + 1):
        letters.tell_all()

    assert Told.objects.filter(occasion="kg-1").exists() and mail.outbox == []


def test_who_left_gets_no_letters(alice, room):
    made = follower("alice@example.org", flow="KG_NSC:SDG")
    Follower.objects.filter(pk=made.pk).update(person=alice)
    Person.objects.filter(pk=alice.pk).update(is_active=False)

    assert letters.tell_all() == 0


def test_letters_follow_a_person_to_a_proven_address(alice, room):
    from allauth.account.models import EmailAddress

    made = follower("old@example.org", flow="KG_NSC:SDG")
    Follower.objects.filter(pk=made.pk).update(person=alice)
    EmailAddress.objects.filter(user=alice).update(verified=True)

    letters.tell_all()

    assert mail.outbox[0].to == ["alice@example.org"]


def test_nothing_embargoed_is_in_a_letter_before_its_time_and_all_of_it_after(own_room, published, monkeypatch):
    """The UNSD release of the second quarter again, with child mortality held back."""
    follower(series="SH_DYN_MORT", flow=FLOW)
    follower("all@example.org", flow=FLOW)
    Told.objects.bulk_create(Told(occasion=name) for name in ("2019.Q1.G.03", Q2, "2019.Q3.G.01"))
    now = datetime.now(UTC)
    store = own_room.store
    store.clock = lambda: now
    draft = store.start(own_room.registry.structure("IAEG-SDGs:SDG(1.4)"), by="ann", empty=True)
    from regional_hub.sdg import loading
    from regional_hub.sdg.findings import Report

    made = own_room.registry.structure("IAEG-SDGs:SDG(1.4)")
    for path in sorted((published / "unsd_releases" / Q2).glob("*.csv")):
        loading.take(draft, path, path.name, made, by="ann", report=Report(own_room.policy))
    world.decide(draft)
    draft.embargo({"SERIES": ["SH_DYN_MORT"]}, (now + timedelta(hours=1)).isoformat(), by="ann")
    draft.validate()
    store.publish(draft, by="bob", name="held")

    letters.tell_all()
    assert [message.to[0] for message in mail.outbox] == ["all@example.org"]
    assert "MORT" not in mail.outbox[0].body and "under-five" not in mail.outbox[0].body.lower()

    from regional_hub.sdg.store import Store

    real = Store.__init__

    def later(self, folder, **more):
        real(self, folder, **{**more, "clock": lambda: now + timedelta(hours=2)})

    monkeypatch.setattr(Store, "__init__", later)
    letters.tell_all()
    assert sorted(message.to[0] for message in mail.outbox[1:]) == ["all@example.org", "reader@example.org"]
    assert all("an embargo ended" in message.body for message in mail.outbox[1:])
    assert letters.tell_all() == 0


# -- stopping ----------------------------------------------------------------------------------------------------------


def test_one_click_of_a_mail_program_ends_all_letters(room):
    made = follower()
    strict = Client(enforce_csrf_checks=True)

    looked = strict.get(f"/sdg/subscriptions/by/{made.key}/stop/")
    assert looked.status_code == 200 and Follower.objects.exists()
    assert "reader@" not in looked.content.decode()
    ended = strict.post(f"/sdg/subscriptions/by/{made.key}/stop/", {"List-Unsubscribe": "One-Click"})
    assert ended.status_code == 200 and not Follower.objects.exists()
    assert strict.post(f"/sdg/subscriptions/by/{made.key}/stop/").status_code == 200


def test_one_of_several_is_stopped_by_the_link_of_a_letter(client, room):
    made = follower(series="SI_POV_DAY1")
    kept = Subscription.objects.create(follower=made, confirmed_at=LONG_AGO, area="KG")
    first = made.subscriptions.exclude(pk=kept.pk).get()

    page = client.get(f"/sdg/subscriptions/by/{made.key}/").content.decode()
    client.post(f"/sdg/subscriptions/by/{made.key}/{first.pk}/stop/")

    assert "r…@example.org" in page and "poverty" in page
    assert list(made.subscriptions.all()) == [kept]


# -- when --------------------------------------------------------------------------------------------------------------


def ready() -> list[DBTaskResult]:
    return list(DBTaskResult.objects.filter(task_path=tasks.tell_followers.module_path, status="READY"))


def test_a_publication_in_the_audit_log_has_letters_sent_soon(room, django_capture_on_commit_callbacks):
    from regional_hub.core import audit

    with django_capture_on_commit_callbacks(execute=True):
        audit.record("bob", "publish-release", "x")
    assert ready() == []
    follower()
    with django_capture_on_commit_callbacks(execute=True):
        audit.record("bob", "publish-release", "x")
        audit.record("bob", "publish-release", "y")
    (task,) = ready()
    assert task.run_after <= timezone.now() + tasks.SOON


def test_a_run_has_the_next_one_waiting_before_it_works(room, monkeypatch):
    follower()
    monkeypatch.setattr(letters, "tell_all", lambda: (_ for _ in ()).throw(Killed()))

    with pytest.raises(Killed):
        tasks.tell_followers.func()

    (task,) = ready()
    assert timezone.now() < task.run_after <= timezone.now() + tasks.EVERY


def test_nobody_follows_nothing_runs(room):
    assert tasks.tell_followers.func() == 0
    assert ready() == []


def test_the_end_of_an_embargo_is_looked_for_in_time(own_room):
    follower()
    until = datetime.now(UTC) + timedelta(seconds=90)
    own_room.store.embargo(FLOW, {"SERIES": ["SI_POV_DAY1"]}, until, by="ann", reason="wrong")

    tasks.tell_followers.func()

    assert min(task.run_after for task in ready()) < until + timedelta(seconds=5)
