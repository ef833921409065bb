"""Opening a page's notebook in a server: from the hub alone, below the home alone, over nothing that is there."""

import contextlib
import http.server
import json
import threading
from pathlib import Path

import pytest
import tornado.httpserver
import tornado.web
from jupyter_server.serverapp import ServerApp
from tornado.httpclient import AsyncHTTPClient
from tornado.testing import bind_unused_port

from regional_hub.lab import open_notebook
from regional_hub.lab.open_notebook import NotANotebook, checked, notebook, save

GOOD = "/sdg/series/SH_STA_MORT/notebook.ipynb?area=KG+KG02&release=kg-1&flow=KG_NSC:SDG"
NOTEBOOK = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}).encode()
BAD = [
    "",
    "http://evil.example/sdg/series/X/notebook.ipynb",
    "//evil.example/sdg/series/X/notebook.ipynb",
    "/\\evil.example/sdg/series/X/notebook.ipynb",
    "@evil.example/sdg/series/X/notebook.ipynb",
    "/sdg/series/../../hub/api/notebook.ipynb",
    "/sdg/series/%2e%2e/notebook.ipynb",
    "/sdg/series/X%2f..%2f/notebook.ipynb",
    "/sdg/series/X/data.csv",
    "/hub/api/users",
    "/sdg/series/X/notebook.ipynb#x",
    "/sdg/series/X/notebook.ipynb?a=\r\nHost: evil",
    "/accounts/sdg/series/X/notebook.ipynb",
]


@pytest.mark.parametrize("path", BAD)
def test_other_addresses_are_refused(path):
    with pytest.raises(ValueError, match="not the address"):
        checked(path)


def test_a_pages_notebook_is_accepted():
    assert checked(GOOD) == GOOD


@pytest.mark.parametrize(
    "data", [b"", b"<html>", b"[]", b"{}", b'{"nbformat": 3, "cells": []}', b'{"nbformat": 4, "cells": 1}']
)
def test_what_is_no_notebook_is_refused(data):
    with pytest.raises(NotANotebook):
        notebook(data)


def test_nothing_is_overwritten_and_the_same_is_kept_once(tmp_path):
    first = save(tmp_path, "SH_STA_MORT", b"1")
    first.write_bytes(b"my own work")

    second, third = save(tmp_path, "SH_STA_MORT", b"1"), save(tmp_path, "SH_STA_MORT", b"1")

    assert first.read_bytes() == b"my own work"
    assert second == third and second.name == "SH_STA_MORT-2.ipynb" and second.read_bytes() == b"1"


def test_a_link_that_waits_under_the_name_is_not_followed(tmp_path):
    outside = tmp_path / "outside"
    home = tmp_path / "home"
    (home / "sdg").mkdir(parents=True)
    (home / "sdg" / "X.ipynb").symlink_to(outside)

    saved = save(home, "X", b"1")

    assert saved.name == "X-2.ipynb" and not outside.exists()


def test_a_folder_that_leads_out_of_the_home_is_refused(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "home" / "sdg").symlink_to(tmp_path / "other")

    with pytest.raises(PermissionError):
        save(tmp_path / "home", "X", b"1")
    assert not list((tmp_path / "other").iterdir())


def test_a_name_is_a_name(tmp_path):
    assert save(tmp_path, "../../etc/x", b"1").parent == tmp_path / "sdg"


# -- in a server -------------------------------------------------------------------------------------------------------


class Hub(http.server.BaseHTTPRequestHandler):
    """A hub that answers with what the test says, and keeps what it was asked."""

    answer = (200, NOTEBOOK, {})
    asked: list[tuple[str, str]] = []

    def do_GET(self) -> None:
        type(self).asked.append((self.path, self.headers.get("Cookie", "")))
        status, body, headers = type(self).answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # whoever has had enough hangs up
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch):
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    Hub.answer, Hub.asked = (200, NOTEBOOK, {}), []
    monkeypatch.setenv("REGIONAL_HUB_DATA_URL", f"http://127.0.0.1:{made.server_port}")
    yield Hub
    made.shutdown()
    made.server_close()


@pytest.fixture
def server(tmp_path, monkeypatch, hub):
    """A Jupyter server with the extension; calls `ask(path, headers)` in its loop."""
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    (tmp_path / "home").mkdir()
    app = ServerApp(root_dir=str(tmp_path / "home"), token="t", open_browser=False, allow_root=True)
    app.initialize(argv=[], find_extensions=False, new_httpserver=False)
    open_notebook._load_jupyter_server_extension(app)
    socket, port = bind_unused_port()
    http_server = tornado.httpserver.HTTPServer(app.web_app)
    http_server.add_sockets([socket])

    def ask(path: str, token: str = "t", **headers: str):
        from urllib.parse import quote

        async def fetch():
            said = {"Authorization": f"token {token}"} if token else {}
            said |= {name.replace("_", "-"): value for name, value in headers.items()}
            url = f"http://127.0.0.1:{port}/regional-hub/open?path={quote(path, safe='')}"
            return await AsyncHTTPClient().fetch(url, headers=said, follow_redirects=False, raise_error=False)

        return app.io_loop.run_sync(fetch, timeout=60)

    ask.home = tmp_path / "home"  # type: ignore[attr-defined]
    yield ask
    http_server.stop()
    app.clear_instance()


def files(ask) -> list[Path]:
    return [path for path in ask.home.rglob("*") if path.is_file()]


def test_a_notebook_is_fetched_saved_and_opened(server, hub):
    reply = server(GOOD, Sec_Fetch_Site="same-origin", Cookie="hub_language=zh-hans; jupyterhub-session=secret")

    assert reply.code == 302 and reply.headers["Location"] == "/lab/tree/sdg/SH_STA_MORT.ipynb"
    assert hub.asked == [(GOOD, "hub_language=zh-hans")]  # no cookie but the language leaves the server
    assert [path.read_bytes() for path in files(server)] == [NOTEBOOK]


def test_who_is_not_signed_in_saves_nothing(server, hub):
    assert server(GOOD, token="").code in (302, 403)
    assert hub.asked == [] and files(server) == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_on_another_page_saves_nothing(server, hub, site):
    assert server(GOOD, Sec_Fetch_Site=site).code == 403
    assert hub.asked == [] and files(server) == []


@pytest.mark.parametrize("path", BAD)
def test_other_addresses_are_not_fetched(server, hub, path):
    assert server(path).code == 400
    assert hub.asked == [] and files(server) == []


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>", {}),
        (404, NOTEBOOK, {}),
        (302, NOTEBOOK, {"Location": "http://127.0.0.1:9/sdg/series/X/notebook.ipynb"}),
        (200, NOTEBOOK + b" " * (open_notebook.LARGEST + 1), {}),
    ],
)
def test_other_answers_are_not_saved(server, hub, answer):
    hub.answer = answer

    assert server(GOOD).code == 502
    assert files(server) == []


def test_a_hub_that_cannot_be_reached_is_told(server, hub, monkeypatch):
    monkeypatch.setenv("REGIONAL_HUB_DATA_URL", "http://127.0.0.1:9")

    assert server(GOOD).code == 502
    assert files(server) == []
