"""The client of the Hub's API, against answers as JupyterHub 6.1 gives them."""

import json
from pathlib import Path

import httpx
import pytest

from regional_hub import settings as hub_settings
from regional_hub.hub.api import HubApi, HubDown, HubError

SERVER = {
    "name": "", "ready": True, "pending": None, "url": "/user/li/", "started": "2026-11-23T18:24:27.850297Z",
    "last_activity": "2026-11-23T18:25:00.000000Z", "user_options": {"profile": "small"}, "state": {"pid": 1},
}  # fmt: skip


@pytest.fixture
def api(tmp_path: Path):
    """A client whose requests are answered by a function and kept."""
    settings = hub_settings.load({"HUB_DATA": str(tmp_path)})
    requests: list[httpx.Request] = []

    def make(answer):
        def handle(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            return answer(request)

        client = HubApi(settings, transport=httpx.MockTransport(handle))
        client.requests = requests
        return client

    return make


def test_servers_with_their_state(api):
    starting = {**SERVER, "name": "big", "ready": False, "pending": "spawn"}
    dead = {**SERVER, "name": "old", "ready": False, "state": {"ended": {"message": "memory"}}}
    client = api(lambda _r: httpx.Response(200, json={"servers": {"": SERVER, "big": starting, "old": dead}}))

    found = {server.name: server for server in client.servers("li")}

    assert [found[name].state for name in ("", "big", "old")] == ["running", "starting", "stopped"]
    assert found[""].profile == "small"
    assert found["old"].ended == {"message": "memory"}
    assert client.requests[0].headers["Authorization"].startswith("token ")


def test_an_unknown_user_has_no_servers(api):
    assert api(lambda _r: httpx.Response(404, json={"message": "No such user"})).servers("li") == []


def test_every_page_of_running_servers_is_read(api):
    def answer(request):
        first = "offset=0" in str(request.url)
        items = [{"name": "li" if first else "wang", "servers": {"": SERVER}}]
        following = {"offset": 200, "limit": 200, "url": ""} if first else None
        return httpx.Response(200, json={"items": items, "_pagination": {"next": following}})

    assert [server.owner for server in api(answer).running()] == ["li", "wang"]


def test_names_cannot_leave_their_place_in_the_address(api):
    client = api(lambda _r: httpx.Response(204))

    client.delete_person("../users/admin?x=")

    assert client.requests[0].url.raw_path == b"/hub/api/people/..%2Fusers%2Fadmin%3Fx%3D"


def test_what_is_said_of_a_person(api):
    client = api(lambda _r: httpx.Response(200, json={}))

    client.put_person("li", {"b", "a"}, admin=False, open_to=["p"])
    client.put_person("li", {"a"}, admin=False, display_name="Li Wei")

    assert json.loads(client.requests[0].content) == {"groups": ["a", "b"], "admin": False, "open_to": ["p"]}
    assert json.loads(client.requests[1].content)["display_name"] == "Li Wei"


@pytest.mark.parametrize(("status", "kind"), [(403, HubError), (409, HubError), (502, HubDown), (503, HubDown)])
def test_refusals_carry_the_hubs_words(api, status, kind):
    client = api(lambda _r: httpx.Response(status, json={"status": status, "message": "because"}))

    with pytest.raises(kind, match="because"):
        client.start("li", "", {})


def test_a_hub_that_is_not_there(api):
    def nobody(_request):
        raise httpx.ConnectError("refused")

    with pytest.raises(HubDown):
        api(nobody).servers("li")


def test_a_slow_start_has_begun(api):
    def slow(request):
        raise httpx.ReadTimeout("slow", request=request)

    api(slow).start("li", "", {"profile": "small"})


def test_a_failed_start_tells_why(api):
    event = 'data: {"progress": 100, "failed": true, "message": "no image"}\n\n'

    assert api(lambda _r: httpx.Response(200, text=event)).failure("li", "")["message"] == "no image"
    assert api(lambda _r: httpx.Response(400, json={})).failure("li", "") is None


def test_a_token_with_scopes_and_an_end(api):
    client = api(lambda _r: httpx.Response(201, json={"token": "t"}))

    assert client.token("li", scopes=["self"], days=2, note="n") == "t"
    assert json.loads(client.requests[0].content) == {"note": "n", "expires_in": 172800, "scopes": ["self"]}
