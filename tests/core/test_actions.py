"""Changes of people and groups: checked, audited, and told to the Hub."""

import pytest

from regional_hub.core import actions, audit, directory
from regional_hub.core.access import OPERATOR
from regional_hub.core.actions import Refused
from regional_hub.core.models import AuditEntry, HubAccount, Notice, Person
from regional_hub.core.permissions import NotAllowed

pytestmark = pytest.mark.django_db


def test_changed_groups_reach_the_hub_on_commit(admin, alice, listening_hub, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        actions.set_groups(admin, alice, ["trainees", "stewards"])

    assert listening_hub.people["alice"] == {"groups": ["stewards", "trainees"], "admin": False, "open_to": []}
    assert directory.is_told("alice")


def test_an_administrator_is_one_at_the_hub(alice, admin, listening_hub, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        actions.set_groups(admin, alice, ["admins"])

    assert listening_hub.people["alice"]["admin"] is True


def test_a_change_while_the_hub_is_down_is_told_later(
    admin, alice, listening_hub, django_capture_on_commit_callbacks, monkeypatch
):
    from regional_hub.core import tasks

    scheduled = []
    monkeypatch.setattr(tasks, "schedule", lambda wait=2: scheduled.append(wait))
    listening_hub.is_down = True

    with django_capture_on_commit_callbacks(execute=True):
        actions.set_groups(admin, alice, ["staff"])
    assert not directory.is_told("alice")
    assert scheduled == [2]
    assert tasks.tell_hub.func(2) is False
    assert scheduled == [2, 4]

    listening_hub.is_down = False
    assert tasks.tell_hub.func(4) is True
    assert listening_hub.people["alice"]["groups"] == ["staff"]


def test_the_retry_is_scheduled_once(alice):
    from django_tasks_db.models import DBTaskResult

    from regional_hub.core import tasks

    tasks.schedule()
    tasks.schedule()

    assert DBTaskResult.objects.count() == 1


def test_a_change_during_the_telling_is_told_again(alice, listening_hub, monkeypatch):
    """Two changes at once: the older one must not be what the Hub is left with."""
    told = []

    def put(name, groups, **_more):
        told.append(sorted(groups))
        if len(told) == 1:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(directory.transaction, "on_commit", lambda call, **_more: None)
                actions.set_groups(OPERATOR, Person.objects.get(username="alice"), ["staff"])

    monkeypatch.setattr(listening_hub, "put_person", put)

    assert directory.tell("alice")
    assert told == [["researchers"], ["staff"]]


def test_disabling_ends_sessions_tokens_and_servers(
    admin, alice, signed_in, listening_hub, django_capture_on_commit_callbacks
):
    from allauth.idp.oidc.models import Client, Token

    client = signed_in(alice)
    assert client.get("/profile/").status_code == 200
    hub = Client.objects.create(pk="jupyterhub", name="Hub")
    Token.objects.create(type=Token.Type.REFRESH_TOKEN, hash="x", client=hub, user=alice)

    with django_capture_on_commit_callbacks(execute=True):
        actions.disable(admin, alice)

    assert client.get("/profile/").status_code == 302
    assert not Token.objects.filter(user=alice).exists()
    assert listening_hub.deleted == ["alice"]


def test_enabling_gives_back_account_and_groups(admin, alice, listening_hub, django_capture_on_commit_callbacks):
    actions.disable(admin, alice)

    with django_capture_on_commit_callbacks(execute=True):
        actions.enable(admin, alice)

    assert Person.objects.get(pk=alice.pk).state == "active"
    assert listening_hub.people["alice"]["groups"] == ["researchers"]


def test_the_hub_knows_people_by_their_own_names(alice, listening_hub, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        actions.change_profile(alice, display_name="Алия Wang 王")

    assert listening_hub.names["alice"] == "Алия Wang 王"


def test_the_last_administrator_stays(admin):
    with pytest.raises(Refused):
        actions.set_groups(admin, admin, ["staff"])
    with pytest.raises(Refused):
        actions.disable(OPERATOR, admin)
    with pytest.raises(Refused):
        actions.disable(admin, admin)


def test_a_project_has_a_service_account_open_to_its_members(
    admin, alice, listening_hub, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        project = actions.create_group(admin, "project-water", "Water", "水", [alice])

    assert listening_hub.people["project-water"] == {
        "groups": ["project-water"],
        "admin": False,
        "open_to": ["project-water"],
    }
    assert listening_hub.people["alice"]["groups"] == ["project-water", "researchers"]

    with django_capture_on_commit_callbacks(execute=True):
        actions.delete_group(admin, project)
    assert "project-water" in listening_hub.deleted
    assert listening_hub.people["alice"]["groups"] == ["researchers"]


@pytest.mark.parametrize("name", ["water", "project-", "project-A", "project-" + "x" * 23, "admins"])
def test_bad_project_names_are_refused(admin, name):
    with pytest.raises(Refused):
        actions.create_group(admin, name, "Water")


def test_a_role_cannot_be_dissolved(admin):
    with pytest.raises(Refused):
        actions.delete_group(admin, actions.find_groups(["researchers"])[0])


@pytest.mark.parametrize("name", ["showcase", "project-x", "Li", "x", "a b"])
def test_bad_user_names_are_refused(groups, name):
    with pytest.raises(Refused):
        actions.add_person(OPERATOR, name)


def test_an_address_belongs_to_one_person(alice):
    with pytest.raises(Refused):
        actions.add_person(OPERATOR, "another", "ALICE@example.org")


def test_an_unknown_group_is_named(groups):
    with pytest.raises(Refused, match="nope"):
        actions.add_person(OPERATOR, "wang", groups=["nope"])
    assert not Person.objects.filter(username="wang").exists()
    assert not HubAccount.objects.filter(name="wang").exists()


def test_who_is_not_an_administrator_changes_nothing(alice, make_person):
    other = make_person("other")
    calls = [
        lambda: actions.add_person(alice, "new"),
        lambda: actions.set_groups(alice, alice, ["admins"]),
        lambda: actions.disable(alice, other),
        lambda: actions.enable(alice, other),
        lambda: actions.approve(alice, other, []),
        lambda: actions.create_group(alice, "project-x", "X"),
        lambda: actions.rename_group(alice, actions.find_groups(["staff"])[0], "a", "b"),
        lambda: actions.set_members(alice, actions.find_groups(["admins"])[0], [alice]),
        lambda: actions.delete_group(alice, actions.find_groups(["staff"])[0]),
    ]
    before = AuditEntry.objects.count()

    for call in calls:
        with pytest.raises(NotAllowed):
            call()

    assert AuditEntry.objects.count() == before


def test_every_change_is_in_the_log(admin, alice):
    actions.set_groups(admin, alice, ["staff"])
    actions.disable(admin, alice)

    verbs = list(AuditEntry.objects.filter(object="person:alice").order_by("pk").values_list("actor", "verb"))
    assert verbs == [("operator", "add"), ("boss", "group"), ("boss", "disable")]
    assert audit.verify() is None


def test_nobody_puts_away_anothers_notice(alice, make_person):
    other = make_person("other")

    with pytest.raises(NotAllowed):
        actions.read_notice(other, Notice.objects.filter(person=alice).first())
