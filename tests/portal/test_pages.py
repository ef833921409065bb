"""The portal's pages: whom they let in, what they say, and what attackers try."""

import re

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from regional_hub.core import invitations, permissions
from regional_hub.core.access import OPERATOR
from regional_hub.core.models import Group, Notice, Person
from regional_hub.hub.api import HubError
from regional_hub.portal import assets
from regional_hub.settings import ROOT
from tests.core.site import PASSWORD, server

pytestmark = pytest.mark.django_db


def our_views(patterns=None, prefix=""):
    """Every address of ours and its view; allauth's have rules of their own."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(entry, URLResolver):
            yield from our_views(entry.url_patterns, prefix + str(entry.pattern))
        elif isinstance(entry, URLPattern) and entry.callback.__module__.startswith("regional_hub."):
            yield prefix + str(entry.pattern), entry


def name_arguments(entry: URLPattern) -> dict[str, object]:
    samples = {
        "pk": 1,
        "name": "alice",
        "owner": "alice",
        "slug": "default",
        "person": "alice",
        "token": "x",
        "file": "x",
        "goal": "1",
        "indicator": "1.1.1",
        "series": "SI_POV_DAY1",
        "area": "KG",
        "release": "x",
        "draft": "x",
        "format": "csv",
        "number": 1,
        "other": 2,
        "run": "9e2f1c80-0000-4000-8000-000000000000",
    }
    return {key: samples[key] for key in entry.pattern.converters}


def text(response) -> str:
    return response.content.decode()


def test_every_view_is_held_to_a_permission():
    free = {"accounts/logout/"}  # signing out is anybody's right; allauth's view under our class
    missing = [address for address, entry in our_views() if not hasattr(entry.callback, "permission")]

    assert set(missing) == free
    assert all(entry.callback.permission in permissions.TABLE for address, entry in our_views() if address not in free)


def test_visitors_reach_only_what_anyone_may(client):
    for address, entry in our_views():
        permission = getattr(entry.callback, "permission", None)
        if permission is None or "anyone" in permissions.TABLE[permission]:
            continue
        for method in (client.get, client.post):
            response = method(reverse(entry.name, kwargs=name_arguments(entry)))
            assert response.status_code in {302, 405}, address
            assert response.status_code == 405 or response.headers["Location"].startswith("/accounts/login/"), address


def test_who_is_no_administrator_is_refused_every_administrators_page(alice, signed_in):
    client = signed_in(alice)
    tried = 0
    for address, entry in our_views():
        permission = getattr(entry.callback, "permission", None)
        if permission is None or permissions.TABLE[permission] - {"admins", "operator"}:
            continue
        for method in (client.get, client.post):
            assert method(reverse(entry.name, kwargs=name_arguments(entry))).status_code in {403, 405}, address
            tried += 1
    assert tried > 30
    assert Person.objects.get(pk=alice.pk).group_names == {"researchers"}


@pytest.mark.parametrize("action", ["start", "stop", "progress", ""])
def test_nobody_touches_anothers_server(alice, make_person, signed_in, listening_hub, action):
    make_person("victim")
    address = f"/servers/victim/default/{action}{'/' if action in {'start', 'stop'} else ''}"

    response = (signed_in(alice).post if action in {"start", "stop"} else signed_in(alice).get)(address)

    assert response.status_code == 403
    assert listening_hub.started == listening_hub.stopped == []


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("login", ["alice", "alice@example.org", "nobody"])
def test_a_wrong_password_is_said_and_tells_nothing_more(client, alice, language, login):
    client.cookies["hub_language"] = language

    response = client.post("/accounts/login/", {"login": login, "password": "wrong"})

    words = {"en": "is not right. Try again, or reset", "zh-hans": "密码不正确"}[language]
    assert words in text(response)
    assert "_auth_user_id" not in client.session


def test_passwords_cannot_be_tried_without_end(client, alice):
    for _attempt in range(12):
        response = client.post("/accounts/login/", {"login": "alice", "password": "wrong"})

    assert response.status_code == 429 or "Too many failed attempts" in text(response)
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_a_one_time_password_opens_nothing_before_it_is_changed(client, make_person):
    make_person("new", must_change_password=True)
    client.post("/accounts/login/", {"login": "new", "password": PASSWORD})

    for address in ("/", "/servers/", "/profile/", "/identity/o/authorize?client_id=jupyterhub"):
        assert client.get(address).headers["Location"] == "/accounts/password/change/"
    fresh = {"oldpassword": PASSWORD, "password1": "Altai-River-77", "password2": "Altai-River-77"}
    assert client.post("/accounts/password/change/", fresh).status_code == 302
    assert client.get("/servers/").status_code == 200


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "https:evil.example", "javascript:alert(1)", "http:///evil.example"],
)  # fmt: skip
def test_no_redirect_leads_away(client, alice, target):
    language = client.post("/language/", {"language": "en", "next": target})
    assert language.headers["Location"] == "/"

    login = client.post(f"/accounts/login/?next={target}", {"login": "alice", "password": PASSWORD, "next": target})
    assert login.status_code == 302
    assert "evil" not in login.headers["Location"]
    assert "javascript" not in login.headers["Location"]


def test_language_is_kept_in_cookie_and_profile(signed_in, alice):
    client = signed_in(alice)

    response = client.post("/language/", {"language": "zh-hans", "next": "/servers/"})

    assert response.headers["Location"] == "/servers/"
    assert response.cookies["hub_language"].value == "zh-hans"
    assert response.cookies["hub_language"]["path"] == "/"
    assert Person.objects.get(pk=alice.pk).language == "zh-hans"
    assert "我的服务器" in text(client.get("/servers/"))


def test_an_unknown_language_changes_nothing(client):
    assert "hub_language" not in client.post("/language/", {"language": "xx"}).cookies


def test_pages_forbid_inline_scripts_and_frames(client):
    response = client.get("/accounts/login/")

    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"


def test_our_templates_have_no_inline_scripts_or_styles():
    from pathlib import Path

    import regional_hub

    root = Path(regional_hub.__path__[0])
    for template in [*root.glob("portal/templates/**/*.html"), *root.glob("core/templates/**/*.html")]:
        source = template.read_text(encoding="utf-8")
        assert not re.search(r"\son[a-z]+=\"|\sstyle=\"|<style", source), template
        scripts = re.findall(r"<script\b[^>]*>", source)
        assert all("src=" in tag or "application/json" in tag or "application/" in tag for tag in scripts), template


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_missing_page_says_what_now(client, language):
    client.cookies["hub_language"] = language

    response = client.get("/no-such-page/")

    assert response.status_code == 404
    assert {"en": "There is no such page", "zh-hans": "页面不存在"}[language] in text(response)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_form_without_its_token_is_explained(language, alice):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.cookies["hub_language"] = language

    response = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})

    assert response.status_code == 403
    assert {"en": "This form is no longer valid", "zh-hans": "此表单已失效"}[language] in text(response)


def test_a_fault_of_ours_is_explained_without_the_database(client, monkeypatch):
    from regional_hub.portal.views import home

    client.raise_request_exception = False
    monkeypatch.setattr(home.connection, "cursor", lambda: 1 / 0)

    response = client.get("/healthz")

    assert response.status_code == 500
    assert "Something went wrong here" in text(response)


def test_health(client):
    assert client.get("/healthz").json() == {"status": "ok"}


def test_a_foreign_host_name_is_refused(client):
    assert client.get("/accounts/login/", headers={"host": "evil.example"}).status_code == 400


def test_signing_out_by_a_foreign_link_asks_first(signed_in, alice):
    client = signed_in(alice)

    client.get("/accounts/logout/", headers={"Sec-Fetch-Site": "cross-site"})
    assert client.get("/profile/").status_code == 200
    client.get("/accounts/logout/", headers={"Sec-Fetch-Site": "same-origin"})
    assert client.get("/profile/").status_code == 302


def test_signing_out_goes_by_the_hub_when_signed_in_there(signed_in, alice):
    client = signed_in(alice)
    client.cookies["jupyterhub-session-id"] = "x"

    assert client.post("/accounts/logout/").headers["Location"] == "/hub/logout"
    assert client.get("/accounts/logout/").headers["Location"] == "/"


def test_administrators_manage_people_by_the_pages(admin, alice, signed_in, listening_hub):
    client = signed_in(admin)

    invited = client.post("/people/invite/", {"email": "x@example.org", "language": "en", "groups": ["staff"]})
    assert re.search(r"/invitation/[\w-]{43}/", text(invited))
    assert "x@example.org" in text(client.get("/people/"))
    client.post("/people/person/alice/groups/", {"groups": ["staff", "stewards"]})
    assert Person.objects.get(username="alice").group_names == {"staff", "stewards"}
    client.post("/people/person/alice/disable/")
    assert Person.objects.get(username="alice").state == "disabled"
    client.post("/people/person/alice/enable/")
    assert Person.objects.get(username="alice").state == "active"
    assert "alice" in text(client.get("/people/?q=ALICE&state=active"))
    assert "Nobody found" in text(client.get("/people/?q=zzz"))
    assert "holds" in text(client.get("/people/audit/?verify=1"))


def test_administrators_manage_projects_by_the_pages(admin, alice, signed_in):
    client = signed_in(admin)

    client.post("/people/groups/new/", {"title": "Water", "title_zh": "水", "slug": "water"})
    client.post("/people/groups/project-water/members/", {"person": "alice@example.org"})
    assert Person.objects.get(username="alice").group_names == {"researchers", "project-water"}
    client.post("/people/groups/project-water/rename/", {"title": "Clean water", "title_zh": "净水"})
    assert Group.objects.get(name="project-water").title == "Clean water"
    client.post("/people/groups/project-water/members/alice/remove/")
    assert Person.objects.get(username="alice").group_names == {"researchers"}
    client.post("/people/groups/project-water/delete/")
    assert not Group.objects.filter(name="project-water").exists()


def test_the_page_says_when_the_hub_could_not_be_told(admin, alice, signed_in, listening_hub, monkeypatch):
    from regional_hub.core import tasks

    monkeypatch.setattr(tasks, "schedule", lambda wait=2: None)
    listening_hub.is_down = True

    response = signed_in(admin).post("/people/person/alice/disable/", follow=True)

    assert "The Hub does not answer. It will be told" in text(response)
    assert "has not been told of the last change" in text(response)


def test_servers_page_offers_only_ones_own_sizes(make_person, signed_in):
    trainee = make_person("trainee", "trainees")

    page = text(signed_in(trainee).get("/servers/"))

    assert "2 GB memory, 1 CPU" in page
    assert "8 GB" not in page


def test_starting_a_server(alice, signed_in, listening_hub):
    response = signed_in(alice).post("/servers/alice/default/start/", {"profile": "large"})

    assert response.headers["Location"] == "/servers/alice/default/"
    assert listening_hub.started == [("alice", "", {"profile": "large"})]


@pytest.mark.parametrize("sent", [{"profile": "large"}, {"profile": "huge"}, {"image": "evil/image"}])
def test_what_is_not_theirs_is_not_started(make_person, signed_in, listening_hub, sent):
    trainee = make_person("trainee", "trainees")

    signed_in(trainee).post("/servers/trainee/default/start/", sent)

    assert listening_hub.started == []


@pytest.mark.parametrize("name", ["exam-1", "A b", "-x", "default-" + "x" * 30, ""])
def test_bad_names_of_servers_are_refused(alice, signed_in, listening_hub, name):
    response = signed_in(alice).post("/servers/new/", {"name": name}, follow=True)

    assert listening_hub.started == []
    assert 'role="alert"' in text(response)


def test_a_running_server_can_be_opened_and_stopped(alice, signed_in, listening_hub):
    listening_hub.found["alice"] = [server("alice"), server("alice", "big", ready=False, pending="spawn")]
    client = signed_in(alice)

    page = text(client.get("/servers/"))
    assert 'href="/user/alice/lab"' in page
    assert 'href="/servers/alice/big/"' in page
    client.post("/servers/alice/default/stop/")
    assert listening_hub.stopped == [("alice", "")]


@pytest.mark.parametrize(("language", "words"), [("en", "used more than its 2 GB"), ("zh-hans", "超过 2 GB")])
def test_a_server_that_ran_out_of_memory_says_so(alice, signed_in, listening_hub, language, words):
    ended = {"message": "Your server used more than its 2 GB of memory.", "message_zh": "内存超过 2 GB 的上限。"}
    listening_hub.found["alice"] = [server("alice", ready=False, ended=ended)]
    client = signed_in(alice)
    client.cookies["hub_language"] = language

    assert words in text(client.get("/servers/"))
    assert words in text(client.get("/servers/alice/default/"))


@pytest.mark.parametrize(("language", "words"), [("en", "image x is not on this machine"), ("zh-hans", "本机没有镜像")])
def test_a_start_that_failed_says_why(alice, signed_in, listening_hub, monkeypatch, language, words):
    failed = {"failed": True, "message": "Spawn failed: The image x is not on this machine. / 本机没有镜像 x。"}
    monkeypatch.setattr(listening_hub, "failure", lambda owner, name: failed)
    client = signed_in(alice)
    client.cookies["hub_language"] = language

    assert words in text(client.get("/servers/alice/default/"))


def test_a_hub_that_is_down_is_explained(alice, signed_in, listening_hub):
    listening_hub.is_down = True
    client = signed_in(alice)

    assert "does not answer at the moment" in text(client.get("/servers/"))
    assert client.get("/servers/alice/default/").status_code == 503
    assert client.get("/").status_code == 200


def test_what_the_hub_refuses_is_said(alice, signed_in, listening_hub):
    listening_hub.refusal = HubError("You already run 5 servers. / 您已在运行 5 个服务器。", 409)
    client = signed_in(alice)
    client.post("/servers/alice/default/start/", {"profile": "small"})

    listening_hub.refusal = None
    assert "The Hub refused: You already run 5 servers." in text(client.get("/servers/"))


def test_a_member_sees_and_starts_the_projects_server(admin, alice, signed_in, listening_hub):
    from regional_hub.core import actions

    actions.create_group(admin, "project-water", "Water", members=[alice])
    client = signed_in(Person.objects.get(username="alice"))

    assert "Water" in text(client.get("/servers/"))
    client.post("/servers/project-water/default/start/", {"profile": "small"})
    assert listening_hub.started == [("project-water", "", {"profile": "small"})]


def test_administrators_stop_anybodys_server_but_do_not_open_it(admin, alice, signed_in, listening_hub):
    listening_hub.found["alice"] = [server("alice")]
    client = signed_in(admin)

    assert "alice" in text(client.get("/servers/all/"))
    assert 'href="/user/alice/lab"' not in text(client.get("/servers/alice/default/"))
    client.post("/servers/alice/default/stop/", {"from": "all"})
    assert listening_hub.stopped == [("alice", "")]
    assert client.post("/servers/alice/default/start/").status_code == 403


def test_a_notice_is_put_away_by_its_owner_only(alice, make_person, signed_in):
    other = make_person("other")
    notice = Notice.objects.filter(person=alice).first()

    assert signed_in(other).post(f"/notices/{notice.pk}/read/").status_code == 404
    assert signed_in(alice).post(f"/notices/{notice.pk}/read/").status_code == 302
    assert not Notice.objects.filter(pk=notice.pk).exists()


def test_profile_is_saved_and_checked(alice, signed_in):
    client = signed_in(alice)
    facts = {"display_name": "Alice Wang", "organisation": "NSO", "language": "zh-hans", "time_zone": "Asia/Bishkek"}

    response = client.post("/profile/", facts)
    assert response.cookies["hub_language"].value == "zh-hans"
    found = Person.objects.get(pk=alice.pk)
    assert (found.display_name, found.time_zone) == ("Alice Wang", "Asia/Bishkek")
    client.post("/profile/", {**facts, "time_zone": "Mars/Base"})
    assert Person.objects.get(pk=alice.pk).time_zone == "Asia/Bishkek"


def test_signed_in_people_cannot_use_an_invitation(alice, signed_in):
    link = invitations.invite(OPERATOR, "x@example.org").link

    response = signed_in(alice).get("/" + link.split("/", 3)[3])

    assert response.status_code == 409


@pytest.mark.parametrize(
    "address",
    [
        "/accounts/2fa/",
        "/accounts/2fa/webauthn/",
        "/accounts/sessions/",
        "/accounts/email/",
        "/accounts/password/change/",
    ],
)
def test_pages_of_the_account_wear_our_frame(client, alice, address):
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})

    response = client.get(address)

    assert response.status_code == 200
    assert 'class="site-main container"' in text(response)


def test_pages_get_new_scripts_when_any_app_of_ours_has_changed_one():
    found = {folder.parent.name for folder in assets.folders()}

    assert found == {place.parent.name for place in (ROOT / "extensions" / "regional_hub").glob("*/static")}
