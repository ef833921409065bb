"""The Hub's own pages, from a real JupyterHub: every one in both languages, and nothing of the other language on it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from jinja2 import Environment

from regional_hub.hub import pages
from tests.hub.pages_hub import CHINESE, ENGLISH, HAN, Hub, english_leftovers, run_hub, visible

AUTHORIZE = "/api/oauth2/authorize?client_id=service-charts&response_type=code&scope=self&redirect_uri={}"


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Iterator[Hub]:
    yield from run_hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module")
def hub_with_auto_login(tmp_path_factory) -> Iterator[Hub]:
    yield from run_hub(tmp_path_factory.mktemp("auto"), PAGES_HUB_AUTO_LOGIN="1")


async def test_two_pages_rendered_at_the_same_time_keep_their_languages():
    environment = Environment(enable_async=True, extensions=[pages.InTheReadersLanguage])
    template = environment.from_string("{{ _('Servers') }} {{ wait() }} {{ _('Tokens') }} {{ 'Timeout' | reword }}")
    arrived = asyncio.Barrier(2)

    async def wait() -> str:
        await arrived.wait()  # neither goes on before the other is half rendered
        return "-"

    texts = await asyncio.gather(
        template.render_async(language="zh-hans", wait=wait), template.render_async(language="en", wait=wait)
    )

    assert texts == ["服务器 - 令牌 超时", "Servers - Tokens Timeout"]


PAGES = [
    ("admin", "/token", 200),
    ("admin", "/admin", 200),
    ("admin", "/nothing-here", 404),
    ("admin", "/user/admin/", 424),
    ("admin", "/user/nobody/lab", 404),
    ("admin", "/spawn/nobody", 404),
    ("admin", "/error/503", 200),
    ("admin", "/error/404", 200),
    ("admin", "/accept-share?code=none", 404),
    ("admin", "/api/oauth2/authorize?client_id=unknown", 400),
    ("admin", AUTHORIZE, 200),
    ("slow", "/admin", 403),
    (None, "/login", 200),
]


@pytest.mark.hub
@pytest.mark.parametrize(("name", "path", "status"), PAGES)
def test_a_page_is_wholly_chinese_for_a_chinese_reader_and_wholly_english_for_an_english_one(hub, name, path, status):
    path = path.format(f"{hub.url.removesuffix('/hub')}/services/charts/oauth_callback")

    for headers, language in ((CHINESE, "zh-Hans"), (ENGLISH, "en")):
        client = hub.person(name, headers) if name else hub.visitor(headers)
        if path == "/token":
            hub.make_token(client)
        answer = client.get(hub.url + path, headers={"Accept": "text/html"})

        page = visible(answer.text)
        assert answer.status_code == status
        assert answer.headers["Content-Language"] == language
        assert page.language == language
        assert len(page.texts) > 5
        if language == "en":
            assert not [text for text in page.texts if HAN.search(text)]
        else:
            assert not english_leftovers(answer.text)


@pytest.mark.hub
def test_a_wrong_sign_in_form_is_explained_in_chinese(hub):
    client = hub.visitor(CHINESE)

    answer = client.post(f"{hub.url}/login", data={"username": "ann", "password": "x"})

    assert "登录表单无效或已过期，请重试。" in answer.text
    assert not english_leftovers(answer.text)


@pytest.mark.hub
def test_the_form_to_start_a_server_is_in_the_readers_language(hub):
    chinese = hub.person("chooser", CHINESE).get(f"{hub.url}/spawn/chooser").text
    english = hub.person("chooser", ENGLISH).get(f"{hub.url}/spawn/chooser").text

    assert not english_leftovers(chinese)
    assert "Start a server" in visible(english).texts


@pytest.mark.hub
def test_the_page_after_signing_out_is_in_the_readers_language(hub_with_auto_login):
    chinese = hub_with_auto_login.visitor(CHINESE).get(f"{hub_with_auto_login.url}/logout").text
    english = hub_with_auto_login.visitor(ENGLISH).get(f"{hub_with_auto_login.url}/logout").text

    assert "您已退出登录" in visible(chinese).texts
    assert not english_leftovers(chinese)
    assert "You have signed out" in visible(english).texts


@pytest.mark.hub
def test_an_invitation_to_a_shared_server_is_in_the_readers_language(hub):
    owner = hub.person("chooser", ENGLISH)
    token = re.search(r'data-xsrf="([^"]+)"', owner.get(f"{hub.url}/token").text)
    assert token
    owner.get(f"{hub.url}/spawn/chooser")
    made = owner.post(f"{hub.url}/api/share-codes/chooser/?_xsrf={token[1]}", json={})
    assert made.status_code == 200, made.text

    chinese = hub.person("admin", CHINESE).get(f"{hub.url}/accept-share", params={"code": made.json()["code"]}).text
    english = hub.person("admin", ENGLISH).get(f"{hub.url}/accept-share", params={"code": made.json()["code"]}).text

    assert "chooser 与您共享一台服务器" in visible(chinese).texts
    assert not english_leftovers(chinese)
    assert "chooser shares a server with you" in visible(english).texts


def _spawn(hub: Hub, client: httpx.Client, name: str) -> str:
    started = client.get(f"{hub.url}/spawn/{name}")
    assert started.status_code == 302, started.text
    return client.get(f"{hub.url}/spawn-pending/{name}").text


def _events(client: httpx.Client, hub: Hub, page: str) -> list[dict]:
    progress = re.search(r'data-progress="([^"]+)"', page)
    assert progress
    address = hub.url.removesuffix("/hub") + progress[1].replace("&amp;", "&")
    found = []
    with client.stream("GET", address) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
                if found[-1].get("failed"):
                    break
    return found


@pytest.mark.hub
def test_a_failed_start_says_why_in_the_readers_language_on_page_and_in_events(hub):
    client = hub.person("unlucky", CHINESE)
    pending = _spawn(hub, client, "unlucky")

    events = _events(client, hub, pending)
    failed = client.get(f"{hub.url}/spawn-pending/unlucky").text
    in_english = client.get(f"{hub.url}/spawn-pending/unlucky", headers=ENGLISH).text

    assert not english_leftovers(pending)
    assert all(event["message_zh"] and HAN.search(event["message_zh"]) for event in events)
    assert not any(HAN.search(event["message"]) for event in events)
    assert events[-1]["message_zh"] == "启动失败：缺少镜像。"
    assert "缺少镜像。" in visible(failed).texts
    assert not english_leftovers(failed)
    assert "The image is missing." in visible(in_english).texts
    assert not HAN.search(" ".join(visible(in_english).texts))


@pytest.mark.hub
def test_a_failure_that_nobody_foresaw_is_still_a_page_in_the_readers_language(hub):
    client = hub.person("unforeseen", CHINESE)
    pending = _spawn(hub, client, "unforeseen")

    events = _events(client, hub, pending)
    failed = client.get(f"{hub.url}/spawn-pending/unforeseen").text

    assert events[-1]["failed"]
    assert events[-1]["message_zh"].startswith("启动失败：")
    assert not english_leftovers(failed)


@pytest.mark.hub
def test_a_stopping_server_says_so_in_chinese(hub):
    client = hub.person("slow", CHINESE)
    pending = _spawn(hub, client, "slow")
    assert not english_leftovers(pending)

    stop = re.search(r'data-stop="([^"]+)"', pending)
    assert stop
    answer = client.delete(hub.url.removesuffix("/hub") + stop[1].replace("&amp;", "&"))
    page = client.get(f"{hub.url}/spawn-pending/slow").text

    assert answer.status_code in (202, 204), answer.text
    assert not english_leftovers(page)


@pytest.mark.hub
def test_the_proxys_error_page_speaks_both_languages_as_the_proxy_does_not_say_who_reads(hub):
    page = httpx.get(f"{hub.url}/error/503", params={"url": "/user/ann/lab"}, headers={"Accept-Language": ""}).text

    assert "This is not available right now" in page
    assert "目前无法使用" in page
    assert "next=/user/ann/lab" in page


@pytest.mark.hub
def test_many_requests_at_once_each_get_their_own_language(hub):
    def ask(headers: dict[str, str]) -> tuple[str, str | None]:
        answer = httpx.get(f"{hub.url}/login", headers=headers)
        return headers["Accept-Language"][:2], visible(answer.text).language

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, [CHINESE, ENGLISH] * 40))

    assert set(answers) == {("zh", "zh-Hans"), ("en", "en")}


@pytest.mark.hub
def test_the_language_link_is_remembered_for_hub_and_portal_and_leads_nowhere_else(hub):
    client = hub.visitor(ENGLISH)

    back = client.get(f"{hub.url}/language/zh-hans", params={"next": "/hub/login"})
    away = client.get(f"{hub.url}/language/zh-hans", params={"next": "https://elsewhere.example/"})

    assert back.headers["Location"] == "/hub/login"
    assert "hub_language=zh-hans" in back.headers["Set-Cookie"]
    assert "Path=/;" in back.headers["Set-Cookie"] + ";"
    assert away.headers["Location"] == "/servers/"
    assert visible(client.get(f"{hub.url}/login").text).language == "zh-Hans"
    assert client.get(f"{hub.url}/language/xx").status_code == 404


@pytest.mark.hub
def test_the_hubs_home_is_the_portals_page_of_servers(hub):
    client = hub.person("admin", ENGLISH)

    assert client.get(f"{hub.url}/").headers["Location"] == "/servers/"
    assert client.get(f"{hub.url}/home").headers["Location"] == "/servers/"


@pytest.mark.hub
def test_pages_run_no_inline_script_and_their_files_are_there(hub):
    page = hub.person("admin", ENGLISH).get(f"{hub.url}/token")

    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon[a-z]+=|\bstyle=", page.text)
    files = re.findall(r'(?:src|href)="(/hub/(?:assets|static)/[^"]+)"', page.text)
    assert len(files) >= 4
    for file in files:
        assert httpx.get(hub.url.removesuffix("/hub") + file).status_code == 200, file
    assert httpx.get(f"{hub.url}/assets/..%2fpage.html").status_code == 404
