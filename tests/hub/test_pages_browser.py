"""The Hub's pages in Chromium: their scripts, and that nothing is wider than a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.hub.pages_hub import Hub, run_hub

pytestmark = [pytest.mark.hub, pytest.mark.browser]


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Iterator[Hub]:
    yield from run_hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def phone(chromium) -> Iterator[Page]:
    context = chromium.new_context(
        locale="zh-CN", viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True, color_scheme="dark"
    )
    yield context.new_page()
    context.close()


def sign_in(page: Page, hub: Hub, name: str) -> None:
    page.goto(f"{hub.url}/login?next=/hub/token")
    page.fill("#username_input", name)
    page.fill("#password_input", "x")
    page.click("#login_submit")
    page.wait_for_selector("#tokens")


def too_wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_a_token_is_made_listed_and_revoked(phone, hub):
    sign_in(phone, hub, "admin")
    problems = []
    phone.on("pageerror", lambda error: problems.append(str(error)))

    phone.fill("#token-note", "nightly figures")
    phone.click("#request-token-form button[type=submit]")
    phone.wait_for_selector("#token-area:not([hidden])")
    token = phone.inner_text("#token-result")
    phone.reload()
    listed = phone.locator(".token-row", has_text="nightly figures")

    assert len(token) == 32
    assert listed.count() == 1
    assert "年" in listed.locator("time").first.inner_text()
    assert too_wide(phone) == 0
    phone.on("dialog", lambda dialog: dialog.accept())
    listed.locator(".revoke-token-btn").click()
    listed.wait_for(state="detached")
    assert not problems


def test_a_scope_that_does_not_exist_is_refused_in_words(phone, hub):
    sign_in(phone, hub, "admin")

    phone.fill("#token-scopes", "read:nonsense")
    phone.click("#request-token-form button[type=submit]")
    phone.wait_for_selector("#problem:not([hidden])")

    assert "权限" in phone.inner_text("#problem")
    assert phone.locator("#token-area").is_hidden()


def test_a_start_that_fails_says_why_and_how_to_go_on(phone, hub):
    sign_in(phone, hub, "unlucky")

    phone.goto(f"{hub.url}/spawn/unlucky")
    phone.wait_for_selector("#failure:not([hidden])")

    assert phone.inner_text("#heading") == "服务器没有启动"
    assert phone.inner_text("#failure-message") == "启动失败：缺少镜像。"
    assert "正在启动小型服务器" in phone.inner_text("#progress-log")
    assert too_wide(phone) == 0


def test_the_language_link_changes_the_page_and_stays(phone, hub):
    sign_in(phone, hub, "admin")

    phone.click(".navbar-toggler")
    phone.click(".language-switch a[lang=en]")
    phone.wait_for_selector("html[lang=en]")

    assert phone.inner_text("h1") == "Tokens"
    assert phone.url == f"{hub.url}/token"


def test_what_fingers_touch_is_large_enough_and_dark_follows_the_system(phone, hub):
    sign_in(phone, hub, "admin")

    height = phone.evaluate("document.querySelector('#request-token-form .btn').getBoundingClientRect().height")
    ground = phone.evaluate("getComputedStyle(document.body).backgroundColor")

    assert height >= 44
    assert ground == "rgb(15, 21, 26)"
