"""What a visitor can do to a live app: move its widgets. What they cannot: run code, reach others, or wear it out."""

from __future__ import annotations

import json
import os
import time
import uuid
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.lab.live.conftest import App, eventually

OTHER = str(uuid.uuid4())


def test_moving_a_widget_changes_another(app: App) -> None:
    with app.visitor() as visitor:
        assert visitor.doubles(21)


def test_a_visitor_runs_no_code_of_their_own(app: App) -> None:
    code = {"code": "print('RUN')", "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    with app.visitor() as visitor:
        sent = [visitor.send("execute_request", code, channel) for channel in ("shell", "control", "stdin", "iopub")]
        sent += [
            visitor.send(kind, {"restart": False}, "control") for kind in ("shutdown_request", "interrupt_request")
        ]
        sent += [visitor.send("comm_msg", {"comm_id": "x", "data": {}}, "control")]
        sent += [visitor.send("comm_open", {"comm_id": OTHER, "target_name": "evil", "data": {}})]
        others = ("complete_request", "inspect_request", "history_request", "debug_request", "input_reply")
        sent += [visitor.send(kind, {"code": "1", "cursor_pos": 1}) for kind in others]
        for rubbish in (b"", b"\xff" * 100, (1).to_bytes(8, "little") * 5, "{}", "[" * 9000):
            visitor.socket.send(rubbish)
        visitor.set(4)  # the kernel still answers, so whatever was let through before has run

        heard: list[tuple[str, str]] = []
        assert visitor.hears(
            lambda kind, content: heard.append((kind, json.dumps(content))) or "twice 8" in heard[-1][1]
        )

    assert not [kind for kind, text in heard if "RUN" in text or kind.startswith("execute") or kind.endswith("_reply")]
    assert len(sent) == 13


def test_the_old_protocol_of_kernels_is_not_spoken(app: App) -> None:
    with app.visitor() as visitor, pytest.raises(InvalidStatus) as refused:
        visitor.connect(subprotocols=None)

    assert refused.value.response.status_code == 400


def test_another_kernel_is_not_reached_and_few_sockets_are_open_of_ones_own(app: App) -> None:
    with app.visitor() as visitor:
        for kernel in (OTHER, visitor.kernel[:-1] + ("0" if visitor.kernel[-1] != "0" else "1"), "../.."):
            with pytest.raises(InvalidStatus) as refused:
                visitor.connect(kernel)
            assert refused.value.response.status_code == 404
        with visitor.connect(), visitor.connect(), pytest.raises(InvalidStatus) as refused:
            visitor.connect()
        assert refused.value.response.status_code == 429


def test_a_page_of_another_site_gets_no_socket(app: App) -> None:
    with app.visitor() as visitor, pytest.raises(InvalidStatus) as refused:
        visitor.connect(origin="https://evil.example")

    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        *("", "tree", "lab", "voila/tree", "voila/render/index.ipynb", "voila/render/other.ipynb", "other.ipynb"),
        *("voila/files/data.csv", "files/data.csv", "bundle/data.csv", "app.json", "voila/static/../../app.json"),
        *("voila/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "voila/static//etc/passwd", "voila/api/contents"),
        *("api/contents", "api/contents/data.csv", "api/sessions", "api/terminals", "api/kernelspecs", "api/status"),
        *("api/kernels", f"api/kernels/{OTHER}", f"api/kernels/{OTHER}/channels", "login", "logout", "api/me"),
        *(f"voila/query/{OTHER}", f"voila/execution/{OTHER}", "voila/labextensions/dask-labextension/package.json"),
    ],
)
def test_nothing_else_is_there(app: App, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
        assert httpx.request(method, app.base + path).status_code in (404, 405), method


def test_a_visitor_neither_restarts_nor_ends_a_kernel(app: App) -> None:
    with app.visitor() as visitor:
        place = f"{app.base}api/kernels/{visitor.kernel}"

        assert httpx.delete(place).status_code == 405
        for word in ("restart", "interrupt"):
            assert httpx.post(f"{place}/{word}").status_code == 404
        assert httpx.post(f"{app.base}voila/api/shutdown/{OTHER}").status_code == 404
        assert visitor.doubles(5)


def test_code_of_an_app_finds_nothing_worth_stealing_in_its_environment(app: App) -> None:
    with app.visitor() as visitor:
        hubs = [name for name in visitor.environment if name.startswith(("JUPYTERHUB_", "REGIONAL_HUB_LIVE", "SOME_"))]

        assert hubs == [] and "PATH" in visitor.environment
        assert visitor.kernel not in visitor.environment


def test_a_fault_is_told_in_a_sentence_without_a_traceback(app: App) -> None:
    with app.visitor() as visitor:
        visitor.set(13)
        heard: list[str] = []
        visitor.hears(lambda _kind, content: heard.append(json.dumps(content)), 1.5)

        assert not [text for text in heard if "secret" in text or "Traceback" in text]
        assert visitor.doubles(6)


def test_memory_beyond_the_limit_is_refused_and_the_kernel_lives(app: App) -> None:
    with app.visitor() as visitor:
        visitor.set(14)

        assert visitor.doubles(7)
        score = int(Path(f"/proc/{visitor.pid}/oom_score_adj").read_text())
        assert score == 900 and os.getpriority(os.PRIO_PROCESS, visitor.pid) == 5


def test_a_kernel_draws_charts_whose_engine_maps_far_more_than_it_uses(app: App) -> None:
    with app.visitor() as visitor:
        assert visitor.doubles(17, 30)


def test_processes_of_a_kernel_that_take_too_much_together_end_it_and_nothing_else(app: App) -> None:
    with app.visitor() as greedy, app.visitor() as other:
        greedy.set(16)
        with pytest.raises(ConnectionClosed) as closed:
            greedy.hears(lambda *_: False, 20)

        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4006
        assert other.doubles(8)


def test_a_kernel_that_dies_ends_its_own_seat_only(app: App) -> None:
    with app.visitor() as broken, app.visitor() as other:
        broken.set(15)
        with pytest.raises(ConnectionClosed) as closed:
            broken.hears(lambda *_: False, 20)

        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4005
        again = app.get(app.ticket(broken.seat))
        assert again.status_code == 403 and "stopped unexpectedly" in again.text and "意外停止" in again.text
        assert other.doubles(9)
    assert app.process.poll() is None


def test_who_floods_waits_and_nobody_else(app: App) -> None:
    with app.visitor() as loud, app.visitor() as quiet:
        end = time.monotonic() + 4
        sent = 0
        slowest = 0.0
        while time.monotonic() < end:
            for _ in range(100):
                loud.set(sent % 9)
                sent += 1
            began = time.monotonic()
            assert quiet.doubles(100 + sent, 5)
            slowest = max(slowest, time.monotonic() - began)

    assert sent > 500 and slowest < 2


def test_a_message_that_is_too_large_ends_the_connection(app: App) -> None:
    with app.visitor() as visitor:
        with pytest.raises(ConnectionClosed) as closed:  # while it is sent, or after
            visitor.socket.send(b"x" * (3 * 2**20))
            visitor.hears(lambda *_: False, 10)

        said = closed.value.rcvd or closed.value.sent
        assert said is None or said.code == 1009  # None: it was cut off in the middle
        eventually(lambda: app.state()["seats"][0]["connected"] is False)
