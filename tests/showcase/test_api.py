"""The JSON API: whom it lets in, what it answers, and that its errors can be acted on in both languages."""

import io
import json
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from regional_hub.core import actions
from regional_hub.hub.api import Holder
from regional_hub.showcase.actions import sharing
from regional_hub.showcase.models import Publication, Revision
from tests.showcase.bundles import bundle, notebook_bytes, zipped

pytestmark = pytest.mark.django_db
API = "/showcase/api/"
FACTS = {"entry": "water.ipynb", "said": {"title": "Water"}, "readers": {"audience": "people", "people": ["bob"]}}
OWN = {"users:activity!user", "access:services!service=dask-gateway"}


@pytest.fixture
def lab(listening_hub):
    """A client as in the Lab of somebody: with the token of that server, and no cookies."""

    def make(name, server="", is_user=True):
        token = f"token-of-{name}-{server or 'default'}-{'user' if is_user else 'service'}"
        scopes = OWN | {f"access:servers!server={name}/{server}"}
        listening_hub.tokens[token] = Holder(name, is_user, frozenset(scopes))
        return Client(headers={"Authorization": f"token {token}"}, enforce_csrf_checks=True)

    return make


def send(client, facts=None, upload=None, **more):
    made = bundle()
    upload = upload or zipped({name: made.read(name) for name in made.files}).getvalue()
    file = SimpleUploadedFile("b.zip", upload, "application/zip")
    data = {"bundle": file, "facts": facts if isinstance(facts, str) else json.dumps(facts or FACTS)}
    return client.post(API + "publications", data, **more)


def fault(response):
    found = response.json()["error"]
    assert found["en"] and found["zh"] and found["en"] != found["zh"]
    return response.status_code, found["code"]


def test_a_notebook_is_published_from_the_lab_in_one_request(lab, alice, bob):
    response = send(lab("alice"))

    assert response.status_code == 200, response.content
    answer = response.json()
    assert answer["link"].endswith("/showcase/water/") and (answer["number"], answer["new"]) == (1, True)
    assert Publication.objects.get().author == alice and list(Publication.objects.get().people.all()) == [bob]


def test_a_new_revision_and_the_same_again(lab, alice, bob):
    client = lab("alice")
    send(client)
    changed = {"water.ipynb": notebook_bytes()}

    second = send(client, {"entry": "water.ipynb", "slug": "water", "note": "shorter"}, zipped(changed).getvalue())
    third = send(client, {"entry": "water.ipynb", "slug": "water"}, zipped(changed).getvalue())

    assert (second.json()["number"], second.json()["new"]) == (2, True)
    assert (third.json()["number"], third.json()["new"]) == (2, False)


def test_who_receives_it_sees_it_and_takes_the_files(lab, alice, bob):
    send(lab("alice"))
    client = lab("bob")

    shared = client.get(API + "shared").json()
    packed = client.get(API + "publications/water/1/bundle")

    assert [(each["slug"], each["author"], each["mine"], each["people"]) for each in shared] == [
        ("water", "alice", False, [])
    ]
    with zipfile.ZipFile(io.BytesIO(b"".join(packed.streaming_content))) as archive:
        assert archive.read("water.ipynb") == bundle().read("water.ipynb")
    assert packed["Content-Disposition"].startswith("attachment")


def test_ones_own_are_listed_with_their_state(lab, alice, bob):
    client = lab("alice")
    send(client, {**FACTS, "readers": {"audience": "public"}})

    (found,) = client.get(API + "publications").json()

    assert (found["audience"], found["public"], found["revisions"][0]["state"]) == ("public", False, "checking")


def test_audience_words_expiry_and_withdrawal(lab, alice, bob):
    client = lab("alice")
    send(client)
    address = API + "publications/water"
    change = {"said": {"title": "Water, anew"}, "readers": {"audience": "hub"}, "expires_on": "2100-01-01"}

    changed = client.patch(address, change, content_type="application/json")
    gone = client.post(address + "/withdraw", {"reason": "wrong"}, content_type="application/json")

    assert changed.status_code == 200, changed.content
    assert (changed.json()["title"], changed.json()["audience"]) == ("Water, anew", "hub")
    assert gone.json()["withdrawn_at"]
    assert lab("bob").get(address).status_code == 404


def test_a_change_is_whole_or_not_at_all(lab, alice, bob):
    client = lab("alice")
    send(client)
    change = {"said": {"title": "Other"}, "readers": {"audience": "people", "people": ["nobody"]}}

    response = client.patch(API + "publications/water", change, content_type="application/json")

    assert fault(response) == (422, "no-person")
    assert Publication.objects.get().title == "Water"


def test_people_are_found_by_name_and_never_by_address(lab, alice, bob, make_person, admin):
    make_person("carol", display_name="Айгуль Bobova")
    make_person("bobby")
    actions.disable(admin, bob)
    client = lab("alice")

    def found(q):
        return [each["username"] for each in client.get(API + "people", {"q": q}).json()]

    assert found("bob") == ["bobby", "carol"] and found("Айг") == ["carol"]
    assert found("example.org") == found("bobby@") == found("b") == found("") == []
    assert "@" not in client.get(API + "people", {"q": "bob"}).content.decode()


def test_ones_own_projects_are_offered_and_no_other(lab, admin, alice):
    actions.create_group(admin, "project-water", "Water", members=[alice])
    actions.create_group(admin, "project-secret", "Secret")

    answer = lab("alice").get(API + "options").json()

    assert [each["name"] for each in answer["projects"]] == ["project-water"]
    assert answer["bundle_bytes"] == 50 << 20 and "CC-BY-4.0" in answer["licences"]


def test_the_goals_are_offered_by_number_and_title(lab, alice):
    goals = lab("alice").get(API + "options").json()["goals"]

    assert [each["number"] for each in goals] == list(range(1, 18))
    assert (goals[5]["title"], goals[5]["title_zh"]) == ("Clean Water and Sanitation", "清洁饮水和卫生设施")


def test_a_plan_says_of_each_file_whether_it_may_go(lab, alice):
    files = [
        {"name": "a.ipynb", "size": 10},
        {"name": "big.csv", "size": 21 << 20},
        {"name": ".env", "size": 1},
        {"name": "../up", "size": 1},
        {"name": "ok.csv", "size": 1},
    ]

    answer = (
        lab("alice").post(API + "plan", {"entry": "a.ipynb", "files": files}, content_type="application/json").json()
    )

    assert [each["ok"] for each in answer["files"]] == [True, False, False, False, True]
    assert all(each["zh"] and each["en"] for each in answer["files"] if not each["ok"]) and not answer["ok"]
    assert not Publication.objects.exists()


def test_a_page_may_call_it_with_its_session_and_csrf_token_only(alice, bob):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="allauth.account.auth_backends.AuthenticationBackend")
    client.get("/accounts/email/")  # a page with a form sets the cookie
    token = client.cookies["portal_csrf"].value

    assert fault(send(client)) == (403, "csrf")
    assert not Publication.objects.exists()
    assert send(client, headers={"X-CSRFToken": token}).status_code == 200


# -- attacks -----------------------------------------------------------------------------------------------------------

READS = ["options", "people?q=al", "publications", "shared", "publications/water", "publications/water/1/bundle"]


@pytest.mark.parametrize("address", READS)
def test_visitors_get_nothing(client, lab, alice, bob, address):
    send(lab("alice"))

    assert fault(client.get(API + address)) == (401, "sign-in")


@pytest.mark.parametrize(
    "header", ["token nonsense1", "token ", "Basic YTpi", "token a b", "token " + "x" * 5000, "token ../../users"]
)
def test_tokens_that_the_hub_does_not_know(alice, header):
    assert fault(Client(headers={"Authorization": header}).get(API + "options")) == (401, "bad-token")


@pytest.mark.parametrize(
    ("name", "server", "is_user", "code"),
    [
        ("portal", "", False, "not-a-person"),
        ("showcase", "an-app", True, "bad-token"),
        ("project-water", "", True, "not-a-person"),
        ("alice", "exam-1", True, "in-an-exam"),
        ("nobody-here", "", True, "bad-token"),
    ],
)  # fmt: skip
def test_tokens_that_are_nobodys_or_of_an_exam(lab, admin, alice, name, server, is_user, code):
    actions.create_group(admin, "project-water", "Water", members=[alice])

    for address in READS:
        assert fault(lab(name, server, is_user).get(API + address))[1] == code
    assert fault(send(lab(name, server, is_user)))[1] == code


def test_a_closed_account_is_out_at_once(lab, admin, alice):
    client = lab("alice")
    assert client.get(API + "options").status_code == 200

    actions.disable(admin, alice)

    assert fault(client.get(API + "options")) == (401, "bad-token")


def test_a_hub_that_is_down_is_said(lab, alice, listening_hub):
    client = lab("alice")
    listening_hub.is_down = True

    assert fault(client.get(API + "options")) == (503, "hub-down")


def test_others_publications_are_not_there(lab, alice, bob, make_person):
    make_person("eve")
    send(lab("alice"))
    eve = lab("eve")

    for address in (
        "publications/water",
        "publications/water/1/bundle",
        "publications/water/2/bundle",
        "publications/none",
    ):
        assert eve.get(API + address).status_code == 404
    assert eve.get(API + "shared").json() == eve.get(API + "publications").json() == []
    for answer in (
        eve.patch(API + "publications/water", {"readers": {"audience": "hub"}}, content_type="application/json"),
        eve.post(API + "publications/water/withdraw", {"reason": "mine now"}, content_type="application/json"),
        send(eve, {"entry": "water.ipynb", "slug": "water"}),
    ):
        assert fault(answer) == (404, "no-publication")
    assert Revision.objects.count() == 1


def test_revoked_is_gone_at_once(lab, alice, bob):
    send(lab("alice"))
    client = lab("bob")
    assert client.get(API + "publications/water/1/bundle").status_code == 200

    sharing.revoke(alice, Publication.objects.get())

    assert client.get(API + "publications/water/1/bundle").status_code == 404
    assert client.get(API + "shared").json() == []


def test_who_reads_it_is_told_to_the_author_alone(lab, alice, bob):
    send(lab("alice"))

    assert lab("alice").get(API + "publications/water").json()["people"] == ["bob"]
    assert lab("bob").get(API + "publications/water").json()["people"] == []


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ("{", "bad-facts"),
        ("[]", "bad-facts"),
        ({"entry": "water.ipynb", "author": "boss"}, "bad-facts"),
        ({"said": {"title": "x"}}, "bad-facts"),
        ({"entry": "water.ipynb"}, "no-title"),
        ({"entry": "other.ipynb", "said": {"title": "x"}}, "no-notebook"),
        ({"entry": "../water.ipynb", "said": {"title": "x"}}, "no-notebook"),
        ({"entry": "water.ipynb", "said": {"title": "x" * 5000}}, "bad-field"),
        ({"entry": "water.ipynb", "said": {"title": "x"}, "image": "a b"}, "bad-image"),
        ({"entry": "water.ipynb", "said": {"title": "x"}, "note": "x" * 501}, "note-too-long"),
        ({"entry": "water.ipynb", "said": {"title": "x"}, "readers": {"audience": "all"}}, "bad-facts"),
    ],
)
def test_uploads_that_do_not_fit_leave_nothing(lab, alice, facts, code):
    assert fault(send(lab("alice"), facts)) == (422, code)
    assert not Publication.objects.exists() and not sharing.files().folder.exists()


def test_a_bad_zip_leaves_nothing(lab, alice):
    assert fault(send(lab("alice"), upload=b"no zip")) == (422, "bad-zip")
    assert not sharing.files().folder.exists()


def test_a_bundle_over_the_limit_is_refused_unopened(lab, alice, settings):
    small = settings.HUB.showcase.model_copy(update={"bundle_mb": 1})
    settings.HUB = settings.HUB.model_copy(update={"showcase": small})

    assert fault(send(lab("alice"), upload=bytes(3 << 20))) == (413, "too-large")
    assert not sharing.files().folder.exists()


def test_missing_parts_and_wrong_types_are_named(lab, alice):
    client = lab("alice")

    assert fault(client.post(API + "publications", {})) == (422, "bad-request")
    assert fault(client.post(API + "plan", "{", content_type="application/json"))[0] in (400, 422)
    assert fault(client.get(API + "people")) == (422, "bad-request")


def test_the_description_has_every_address(client):
    described = client.get(API + "openapi.json").json()

    assert set(described["paths"]) == {
        f"/showcase/api/{each}"
        for each in (
            "options", "plan", "people", "publications", "shared", "publications/{slug}",
            "publications/{slug}/withdraw", "publications/{slug}/{number}/bundle",
        )
    }  # fmt: skip
