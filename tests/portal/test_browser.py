"""The portal in Chromium, as a person meets it."""

import re

import pytest

from regional_hub.core import invitations
from regional_hub.core.access import OPERATOR
from regional_hub.core.models import Person
from tests.core.site import PASSWORD, server

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
OWN = "Altai-River-77"


@pytest.fixture
def page(chromium, live_server):
    """A phone's page; whatever the content security policy blocks or a script breaks fails the test."""
    context = chromium.new_context(base_url=live_server.url, viewport={"width": 360, "height": 740}, locale="en-GB")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    yield page
    context.close()
    assert faults == []


def sign_in(page, name: str, password: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("User name or e-mail address").fill(name)
    page.get_by_label("Password").fill(password)
    page.locator("main").get_by_role("button", name="Sign in", exact=True).click()


def fits(page) -> bool:
    """Nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_an_invited_person_signs_up_and_switches_to_chinese(page, groups, live_server):
    link = invitations.invite(OPERATOR, "wang@example.org", ["researchers"]).link

    page.goto(re.sub(r"^https?://[^/]+", "", link))
    page.get_by_label("Your name").fill("Wang Fang")
    page.get_by_label("User name").fill("wang")
    page.get_by_label("Password", exact=True).fill(OWN)
    page.get_by_label("Password (again)").fill(OWN)
    assert page.locator("#id_email").is_disabled()
    assert fits(page)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("heading", name="Welcome, Wang Fang").wait_for()
    assert fits(page)

    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="简体中文").click()
    page.get_by_role("heading", name="欢迎您，Wang Fang").wait_for()
    assert page.locator("html").get_attribute("lang") == "zh-hans"
    page.goto("/servers/")
    assert page.get_by_role("heading", name="我的服务器", exact=True).is_visible()
    assert Person.objects.get(username="wang").language == "zh-hans"


def test_a_one_time_password_is_changed_first(page, make_person):
    make_person("boss", "admins", must_change_password=True)

    sign_in(page, "boss", PASSWORD)
    page.get_by_role("heading", name="Choose a password of your own").wait_for()
    page.goto("/people/")
    page.get_by_label("Current Password").fill(PASSWORD)
    page.get_by_label("New Password", exact=True).fill(OWN)
    page.get_by_label("New Password (again)").fill(OWN)
    page.get_by_role("button", name="Change the password").click()
    page.get_by_role("heading", name="Welcome, boss").wait_for()
    page.goto("/people/")

    assert page.get_by_role("heading", name="People", exact=True).is_visible()
    assert fits(page)


def test_a_starting_server_shows_its_progress_and_opens(page, alice, listening_hub):
    async def progress(owner, name):
        yield {"progress": 20, "message": "Starting a server", "message_zh": "正在启动"}
        yield {"progress": 100, "ready": True, "message": "Server ready"}

    listening_hub.progress = progress
    listening_hub.found["alice"] = [server("alice", ready=False, pending="spawn")]
    page.route("**/user/alice/lab", lambda route: route.fulfill(body="<h1>JupyterLab</h1>", content_type="text/html"))
    sign_in(page, "alice", PASSWORD)

    page.goto("/servers/alice/default/")

    page.get_by_role("heading", name="JupyterLab").wait_for()


def test_a_passkey_is_added_and_signs_in(page, alice, live_server):
    """Chromium's virtual authenticator stands in for a phone or a key."""
    client = page.context.new_cdp_session(page)
    client.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    client.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    sign_in(page, "alice", PASSWORD)
    page.get_by_role("heading", name="Welcome, alice").wait_for()
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("main").get_by_role("button").first.click()

    page.locator("#id_name").fill("My phone")
    if (passwordless := page.locator("#id_passwordless")).count():
        passwordless.check()
    page.locator("#mfa_webauthn_add").click()
    page.wait_for_url(re.compile(r"/accounts/2fa/(?!webauthn/add)"))
    page.context.clear_cookies()
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()

    page.get_by_role("heading", name="Welcome, alice").wait_for()
