"""From one Lab to another: `hub share` in a server, one click in the other, and who is kept out by real tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from regional_hub.operate.remote import Kernel, Server
from tests.e2e import world
from tests.hubs import Hub

pytestmark = [pytest.mark.docker, pytest.mark.hub]

NOTEBOOK = """
import json, nbformat.v4 as v4, pathlib
pathlib.Path('work').mkdir(exist_ok=True)
cells = [v4.new_markdown_cell('# Water of the Chu'), v4.new_code_cell("open('data.csv')")]
pathlib.Path('work/water.ipynb').write_text(json.dumps(v4.new_notebook(cells=cells)))
pathlib.Path('work/data.csv').write_text('1,2')
pathlib.Path('work/.env').write_text('SECRET=1')
"""
RUN = """
import json, subprocess
done = subprocess.run({words!r}, capture_output=True, text=True, cwd='/home/jovyan')
print(json.dumps([done.returncode, done.stdout, done.stderr]))
"""
CALL = """
import os, httpx
def call(method, path, **more):
    headers = {'Authorization': 'token ' + os.environ['JUPYTERHUB_API_TOKEN']}
    api = os.environ['REGIONAL_HUB_DATA_URL'] + '/showcase/api/'
    return httpx.request(method, api + path, headers=headers, **more).text
"""


def terminal(kernel: Kernel, *words: str) -> tuple[int, str, str]:
    """A command as typed in a terminal of the server."""
    code, out, err = json.loads(kernel.run(RUN.format(words=list(words))).text)
    return code, out, err


@pytest.fixture(scope="module")
def people(hub: Hub) -> None:
    hub.add_person("sharer", "researchers")
    hub.add_person("receiver", "researchers")


@pytest.fixture(scope="module")
def sharer(hub: Hub, people: None) -> Iterator[Kernel]:
    with hub.server("sharer") as server:
        server.start()
        kernel = server.kernel()
        kernel.run(NOTEBOOK)
        yield kernel


@pytest.fixture(scope="module")
def link(sharer: Kernel) -> str:
    code, out, err = terminal(sharer, "hub", "share", "work/water.ipynb", "--with", "receiver", "--yes")
    assert code == 0, err
    return out.splitlines()[-1]


@pytest.fixture(scope="module")
def receiver(hub: Hub, link: str) -> Iterator[Server]:
    with hub.server("receiver") as server:
        server.start()
        yield server


def test_a_terminal_says_what_would_be_sent(sharer: Kernel) -> None:
    code, out, err = terminal(sharer, "hub", "share", "work/water.ipynb", "--dry-run")

    assert code == 0, err
    assert "data.csv" in out and ".env" not in out


def test_a_copy_is_opened_by_one_click_and_kept_beside_ones_own_work(hub: Hub, link: str, receiver: Server) -> None:
    asked = f"{receiver.base}regional-hub/copy?slug=water-of-the-chu&number=1"

    first = receiver.http.get(asked, headers={"Sec-Fetch-Site": "same-origin"})
    other = receiver.http.get(asked, headers={"Sec-Fetch-Site": "cross-site"})

    assert link == f"{hub.url}/showcase/water-of-the-chu/"
    assert first.status_code == 302, first.text
    assert first.headers["Location"].endswith("/lab/tree/shared-with-me/water-of-the-chu-r1/water.ipynb")
    assert other.status_code == 403
    read = "print(open('/home/jovyan/shared-with-me/water-of-the-chu-r1/data.csv').read())"
    assert receiver.kernel().run(read).text.strip() == "1,2"


def test_what_was_sent_names_the_image_and_the_lock(hub: Hub, link: str, sharer: Kernel) -> None:
    (found,) = json.loads(sharer.run(f"{CALL}print(call('get', 'publications'))").text)

    revision = found["revisions"][0]
    assert found["people"] == ["receiver"] and revision["files"].keys() == {"water.ipynb", "data.csv"}
    assert revision["image"].startswith("regional-hub/lab:") and len(revision["lock"]) == 64


def test_tokens_of_a_project_and_of_an_exam_open_nothing(hub: Hub, link: str) -> None:
    world.enrol(hub, "project-air", open_to=["project-air"])
    with hub.server("project-air") as server:
        server.start()
        code, _out, err = terminal(server.kernel(), "hub", "shared")
    assert code == 1 and "no person's token" in err

    with hub.server("receiver", "exam-3") as exam:
        exam.start()
        assert "in-an-exam" in exam.kernel().run(f"{CALL}print(call('get', 'shared'))").text


def test_a_visitor_and_a_made_up_token_get_nothing(hub: Hub, link: str) -> None:
    address = f"{hub.url}/showcase/api/publications/water-of-the-chu"

    assert httpx.get(address).status_code == 401
    assert httpx.get(address, headers={"Authorization": "token made-up-token"}).status_code == 401
    assert httpx.get(link).headers["Location"].startswith("/accounts/login/")


def test_revoked_can_no_longer_be_copied(hub: Hub, link: str, sharer: Kernel, receiver: Server) -> None:
    revoke = (
        f"{CALL}print(call('patch', 'publications/water-of-the-chu', json={{'readers': {{'audience': 'people'}}}}))"
    )
    assert '"people":[]' in sharer.run(revoke).text.replace(" ", "")

    again = receiver.http.get(f"{receiver.base}regional-hub/copy?slug=water-of-the-chu&number=1")

    assert again.status_code == 404


def test_people_in_a_project_are_known_by_their_own_names(hub: Hub, people: None) -> None:
    world.enrol(hub, "sharer", "researchers", "project-soil")
    world.enrol(hub, "project-soil", open_to=["project-soil"])
    with hub.server("project-soil") as server, world.as_person(hub, "sharer") as member:
        server.start()
        me = member.get("/user/project-soil/api/me").json()["identity"]

    assert me["username"] == me["name"] == "sharer"
