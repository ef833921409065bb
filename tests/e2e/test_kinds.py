"""What tells the kinds of server apart: an exam has no way out, an app gives nothing away, a project is its group's."""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from regional_hub.hub import network, tickets
from regional_hub.operate.remote import Kernel, RemoteError, Server
from regional_hub.operate.servers import call
from tests.e2e import world
from tests.hubs import Hub

pytestmark = [
    pytest.mark.docker,
    pytest.mark.hub,
    pytest.mark.skipif(os.geteuid() != 0, reason="firewall rules and network namespaces need root"),
]


@pytest.fixture(scope="module")
def outside() -> Iterator[dict[str, world.Door]]:
    with world.outside() as doors:
        yield doors


def services(hub: Hub, kind: str, *names: str) -> dict[str, world.Door]:
    host = network.host_address(hub.settings, kind)
    return {name: (host, hub.settings.ports.all()[name]) for name in names}


# --- exam


@pytest.fixture(scope="module")
def trainee(hub: Hub) -> Iterator[Server]:
    world.enrol(hub, "dina", "trainees")
    with hub.server("dina", "exam-7") as server:
        server.start()
        yield server


@pytest.fixture(scope="module")
def exam(trainee: Server) -> Kernel:
    return trainee.kernel()


def test_an_exam_reaches_the_hub_and_the_portal(hub: Hub, exam: Kernel) -> None:
    doors = services(hub, "exam", "hub", "portal")

    assert world.knock(exam, doors) == world.all_of(doors, "open")


def test_an_exam_reaches_nothing_else(hub: Hub, exam: Kernel, outside: dict[str, world.Door]) -> None:
    closed = services(hub, "exam", "data", "gateway", "gateway_tls", "gateway_api", "proxy_api")
    by_the_lab = {f"{name} by lab": door for name, door in services(hub, "lab", "data", "gateway").items()}

    doors = {**closed, **by_the_lab, **outside}
    assert world.knock_from_here(by_the_lab | outside) == world.all_of(by_the_lab | outside, "open")

    assert world.knock(exam, doors) == world.all_of(doors, "shut")


def test_an_exam_reaches_no_other_candidate(hub: Hub, exam: Kernel) -> None:
    world.enrol(hub, "emil", "trainees")
    with hub.server("emil", "exam-7") as other:
        other.start()
        doors = {"the neighbour": (world.address_of(hub, "emil", "exam-7"), 8888)}
        assert world.knock_from_here(doors) == world.all_of(doors, "open")

        assert world.knock(exam, doors) == world.all_of(doors, "shut")


def test_an_exam_begins_with_an_empty_home_of_its_own(hub: Hub, exam: Kernel) -> None:
    code = "import os; print([name for name in os.listdir() if not name.startswith('.')])"
    assert exam.run(code).text.strip() == "[]"

    exam.run("open('answer.txt', 'w').write('42')")
    assert (hub.settings.path("exams", "dina", "exam-7") / "answer.txt").read_text() == "42"
    assert not (hub.settings.hub_user_home("dina") / "answer.txt").exists()


def test_an_exam_keeps_answers_when_its_container_is_started_again(hub: Hub, trainee: Server) -> None:
    trainee.kernel().run("open('kept.txt', 'w').write('kept')")
    world.container(hub, "dina", "exam-7").kill()
    trainee.stop()
    trainee.start()

    assert trainee.kernel().run("print(open('kept.txt').read())").text.strip() == "kept"


def test_an_exam_offers_neither_terminals_nor_a_gateway(trainee: Server) -> None:
    assert trainee.http.post(f"{trainee.base}api/terminals").status_code in (403, 404)
    assert "DASK_GATEWAY__ADDRESS" not in trainee.kernel().run("import os; print(list(os.environ))").text


# --- app

NOTEBOOK = """
import json, os
{knock}
writes = [place for place in ("/srv/app", "/opt/env", "/srv/shared", "/var/tmp", "/etc") if os.access(place, os.W_OK)]
report = {{"env": sorted(os.environ), "doors": knock_all({doors!r}), "writes": writes}}
print("REPORT" + json.dumps(report).encode().hex() + "END")
"""


def publish(folder: Path, code: str, origin: str) -> None:
    """A reviewed revision, as the portal lays it out."""
    (folder / "bundle").mkdir(parents=True)
    cell = {"cell_type": "code", "execution_count": None, "id": "one", "metadata": {}, "outputs": [], "source": code}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (folder / "bundle" / "index.ipynb").write_text(json.dumps(notebook))
    facts = {"slug": folder.name, "digest": "reviewed", "entry": "index.ipynb", "title": "Report", "title_zh": "报告"}
    facts |= {"kernels": 3, "memory_mb": 300, "idle_seconds": 600, "away_seconds": 600, "preheat": 1}
    (folder / "app.json").write_text(json.dumps({**facts, "frame_ancestors": origin}))
    folder.parent.chmod(0o755)


def ticket(hub: Hub) -> str:
    """What the portal gives a visitor whom it admits to the app."""
    seat = tickets.Ticket("report", uuid.uuid4().hex, "reviewed", int(time.time()) + 600)
    return tickets.sign(tickets.private_key(hub.settings), seat)


@pytest.fixture(scope="module")
def app(hub: Hub, outside: dict[str, world.Door]) -> Iterator[str]:
    """The address of a public app, whose page reports what its code can see."""
    doors = {
        **services(hub, "app", "portal", "data", "hub", "gateway", "gateway_api", "proxy_api"),
        **{f"{name} by lab": door for name, door in services(hub, "lab", "hub", "gateway").items()},
        **outside,
    }
    code = NOTEBOOK.format(knock=world.KNOCK, doors=doors) + world.SLIDER
    publish(hub.settings.path("showcase", "live", "report"), code, hub.url)
    world.enrol(hub, "showcase")
    call(hub.settings, "POST", "/users/showcase/servers/report", {})
    world.eventually(lambda: _ready(hub, "report"), 60, "the app did not start")
    yield f"{hub.url}/user/showcase/report/"
    call(hub.settings, "DELETE", "/users/showcase/servers/report")
    world.eventually(lambda: not _ready(hub, "report"), 30)


def _ready(hub: Hub, name: str) -> bool:
    servers = call(hub.settings, "GET", "/users/showcase")["servers"]
    return name in servers and bool(servers[name]["ready"])


@pytest.fixture(scope="module")
def page(hub: Hub, app: str) -> str:
    """The page as a visitor without any cookie gets it."""
    answer = httpx.get(f"{app}live", params={"ticket": ticket(hub)}, timeout=60)
    assert answer.status_code == 200, answer.text[:2000]
    return answer.text


@pytest.fixture(scope="module")
def report(page: str) -> dict[str, Any]:
    found = re.search(r"REPORT([0-9a-f]+)END", page)
    assert found, page[-3000:]
    return dict(json.loads(bytes.fromhex(found[1])))


def test_who_has_a_ticket_sees_an_app_through_the_front_door_and_others_do_not(app: str, page: str) -> None:
    assert "REPORT" in page
    assert httpx.get(f"{app}live").status_code == 403


def test_a_slider_moves_in_a_sandboxed_frame_of_a_browser(hub: Hub, app: str, page: str, chromium: Browser) -> None:
    browser = chromium.new_context()
    opened = browser.new_page()
    rights = "allow-scripts allow-forms allow-popups allow-downloads"
    frame = f'<iframe sandbox="{rights}" src="{app}live?ticket={ticket(hub)}">'
    opened.route(f"{hub.url}/frame", lambda route: route.fulfill(content_type="text/html", body=frame))
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))

    opened.goto(f"{hub.url}/frame")
    inside = opened.frame_locator("iframe")
    inside.get_by_text("twice 6").wait_for()
    inside.locator(".noUi-handle").focus()
    opened.keyboard.press("ArrowRight")

    inside.get_by_text("twice 8").wait_for()
    assert [url for url in asked if not url.startswith((hub.url, "data:", "blob:"))] == []
    assert browser.cookies() == []
    browser.close()


def test_not_even_an_administrator_starts_an_app(hub: Hub, app: str) -> None:
    world.enrol(hub, "greta", "admins")
    mine = {"Authorization": f"token {world.token(hub, 'greta')}"}

    answer = httpx.post(f"{hub.url}/hub/api/users/showcase/servers/other", headers=mine, json={}, timeout=30)

    assert answer.status_code in (403, 404)


def test_an_app_has_no_token_and_no_address_of_the_hub(report: dict[str, Any]) -> None:
    assert [name for name in report["env"] if re.match(r"JUPYTERHUB_|JPY_API|DASK_|.*TOKEN|.*SECRET", name)] == []
    assert "REGIONAL_HUB_DATA_URL" in report["env"]


def test_an_app_reaches_portal_and_data_only(report: dict[str, Any]) -> None:
    assert {name for name, state in report["doors"].items() if state == "open"} == {"portal", "data"}


def test_an_app_cannot_change_what_was_reviewed(report: dict[str, Any]) -> None:
    assert report["writes"] == []


@pytest.mark.parametrize("path", ["api/contents", "api/terminals", "lab", "tree"])
def test_an_app_offers_no_files_and_no_lab(app: str, path: str) -> None:
    assert httpx.get(app + path, follow_redirects=True).status_code in (403, 404)


def test_a_visitor_starts_no_kernel(app: str) -> None:
    assert httpx.post(f"{app}api/kernels", json={"name": "python3"}).status_code in (403, 404, 405)


# --- project


@pytest.fixture(scope="module")
def project(hub: Hub) -> Iterator[Server]:
    world.enrol(hub, "fatima", "researchers", "project-water")
    world.enrol(hub, "george", "researchers")
    world.enrol(hub, "project-water", open_to=["project-water"])
    with hub.server("project-water") as server:
        server.start()
        yield server


def test_members_open_their_projects_server_and_others_do_not(hub: Hub, project: Server) -> None:
    with world.as_person(hub, "fatima") as member, world.as_person(hub, "george") as other:
        assert member.get("/user/project-water/api/contents").status_code == 200
        assert other.get("/user/project-water/api/contents").status_code == 403


def test_who_leaves_a_project_is_out_at_once(hub: Hub, project: Server) -> None:
    world.enrol(hub, "hanna", "project-water")
    with world.as_person(hub, "hanna") as member:
        assert member.get("/user/project-water/api/contents").status_code == 200

        world.enrol(hub, "hanna")

        world.eventually(lambda: member.get("/user/project-water/api/contents").status_code == 403, 10)


def test_people_work_together_in_a_project_and_alone_in_the_lab(hub: Hub, project: Server) -> None:
    session = {"format": "json", "type": "notebook"}
    with world.as_person(hub, "fatima") as member:
        joint = member.put("/user/project-water/api/collaboration/session/start_here.ipynb", json=session)
        with hub.server("fatima") as own:
            own.start()
            alone = member.put("/user/fatima/api/collaboration/session/start_here.ipynb", json=session)

    assert joint.status_code in (200, 201)
    assert joint.json()["fileId"]
    assert alone.status_code == 404


def test_a_project_has_a_folder_of_its_own(hub: Hub, project: Server) -> None:
    project.kernel().run("open('joint.txt', 'w').write('ours')")

    assert (hub.settings.hub_user_home("project-water") / "joint.txt").read_text() == "ours"


# --- sizes


def test_a_size_that_is_not_ones_own_is_refused_in_both_languages(hub: Hub) -> None:
    world.enrol(hub, "ivan", "trainees")

    with hub.server("ivan") as server:
        with pytest.raises(RemoteError, match=r"not open to your groups.* / .*规格"):
            server.start(profile="large")
        with pytest.raises(RemoteError, match=r"not on the list of allowed images.* / .*允许列表"):
            server.start(image="debian:12")
        assert server.ready() is None
