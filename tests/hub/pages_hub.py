"""A real JupyterHub with our pages for tests, people signed in to it, and what a person can read on a page."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx

from regional_hub import settings

CONFIG = Path(__file__).with_name("pages_hub_config.py")
CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9"}
ENGLISH = {"Accept-Language": "en-GB"}
# What stays as it is in any language: products, units, names given by people, scopes and addresses.
ALLOWED = re.compile(
    r"JupyterHub|JavaScript|UTC|API|Hub|English|charts|admin-ui|admin|nobody|chooser|unlucky|unforeseen|slow|nightly"
    r"|https?://\S+"
    r"|[\w:.-]+![\w=:/.-]+|[a-z]+(?::[a-z_]+)+|self|inherit|\(no_scope\)|/(?:user|hub|services)/\S*"
)
WORD = re.compile(r"[A-Za-z]{2,}")
HAN = re.compile(r"[\u4e00-\u9fff]")


class Visible(HTMLParser):
    """The text that a person sees or hears; parts marked as another language are left out."""

    SPOKEN = ("title", "alt", "placeholder", "aria-label")
    VOID = {"meta", "link", "input", "br", "hr", "img"}

    def __init__(self) -> None:
        super().__init__()
        self.language: str | None = None
        self.silent: list[bool] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        language = facts.get("lang")
        if tag == "html":
            self.language = language
        other = tag in ("script", "style") or (language is not None and language != self.language)
        if tag not in self.VOID:
            self.silent.append(other or bool(self.silent and self.silent[-1]))
        if not other and not (self.silent and self.silent[-1]):
            self.texts += [str(facts[name]) for name in self.SPOKEN if facts.get(name)]
            self.texts += [str(value) for name, value in attrs if name.startswith("data-") and " " in str(value)]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID and self.silent:
            self.silent.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and not (self.silent and self.silent[-1]):
            self.texts.append(data.strip())


def visible(html: str) -> Visible:
    reader = Visible()
    reader.feed(html)
    return reader


def english_leftovers(html: str) -> list[str]:
    return [text for text in visible(html).texts if WORD.search(ALLOWED.sub("", text))]


class Hub:
    """A running Hub, and people signed in to it."""

    def __init__(self, address: str) -> None:
        self.url = f"{address}/hub"

    def visitor(self, headers: dict[str, str]) -> httpx.Client:
        return httpx.Client(headers=headers, timeout=20)

    def person(self, name: str, headers: dict[str, str]) -> httpx.Client:
        client = self.visitor(headers)
        form = client.get(f"{self.url}/login").text
        token = re.search(r'name="_xsrf" value="([^"]+)"', form)
        assert token
        answer = client.post(f"{self.url}/login", data={"_xsrf": token[1], "username": name, "password": "x"})
        assert answer.status_code == 302
        return client

    def make_token(self, client: httpx.Client) -> None:
        page = client.get(f"{self.url}/token").text
        token = re.search(r'data-xsrf="([^"]+)"', page)
        assert token
        answer = client.post(
            f"{self.url}/api/users/admin/tokens?_xsrf={token[1]}", json={"note": "nightly", "expires_in": 3600}
        )
        assert answer.status_code == 201, answer.text


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_hub(folder: Path, **extra: str) -> Iterator[Hub]:
    port = _free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HUB_")},
        "HUB_DATA": str(folder),
        "PAGES_HUB_PORT": str(port),
        "PYTHONPATH": str(settings.ROOT / "extensions"),
        **extra,
    }
    log = folder / "hub.log"
    with log.open("wb") as output:
        hub = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(CONFIG)],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                httpx.get(f"{address}/hub/health").raise_for_status()
                break
            except httpx.HTTPError:
                assert hub.poll() is None, log.read_text()
                time.sleep(0.1)
        yield Hub(address)
    finally:
        hub.send_signal(signal.SIGTERM)
        try:
            hub.wait(20)
        except subprocess.TimeoutExpired:
            hub.kill()
            hub.wait()
