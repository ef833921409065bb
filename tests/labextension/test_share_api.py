"""What JupyterLab asks its own server: listed, sent and copied through the real API, and who is kept out."""

import base64
import io
import json
import time
import zipfile

import httpx
import pytest
import tornado.httpserver
from jupyter_server.serverapp import ServerApp
from tornado.httpclient import AsyncHTTPClient
from tornado.testing import bind_unused_port

from regional_hub.lab import catalog_list, catalog_rows, share, share_api
from regional_hub.lab.share import ShareError
from regional_hub.lab.share_sending import Sendings
from regional_hub.settings import ROOT

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
LIMITS = dict.fromkeys(("bundle_bytes", "file_bytes", "notebook_bytes"), 1 << 20) | {"files": 20}


class Hub:
    """The hub's API as `Showcase` calls it: notes what it was asked."""

    def __init__(self):
        self.asked = []
        self.sent = b""
        self.mine = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append((request.method, str(request.url), request.headers["Authorization"]))
        path = request.url.path.removeprefix("/showcase/api/")
        if path == "options":
            return httpx.Response(200, json=LIMITS)
        if request.method == "POST":
            self.sent = request.content
            return httpx.Response(200, json={"new": True, "link": "http://hub/showcase/water/", "number": 1})
        if path == "shared":
            said = {"code": "in-an-exam", "en": "not from an examination", "zh": "考试中不可使用"}
            return httpx.Response(403, json={"error": said})
        return httpx.Response(200, json=self.mine)


@pytest.fixture
def hub(monkeypatch):
    made, fake = share.Showcase.__init__, Hub()
    transport = httpx.MockTransport(fake.answer)
    monkeypatch.setattr(share.Showcase, "__init__", lambda self: made(self, "http://hub", "the-token", transport))
    return fake


@pytest.fixture
def home(tmp_path):
    """A notebook with a picture, a file that it names, one that it does not, and a way out."""
    import nbformat.v4 as v4

    picture = v4.new_output("display_data", {"image/png": base64.b64encode(PNG).decode(), "text/plain": "x"})
    cells = [v4.new_markdown_cell("# Water"), v4.new_code_cell("open('data.csv')", outputs=[picture])]
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    (home / "work" / "water.ipynb").write_text(json.dumps(v4.new_notebook(cells=cells)))
    (home / "work" / "data.csv").write_text("1,2\n")
    (home / "work" / "private.csv").write_text("3,4\n")
    (tmp_path / "outside.ipynb").write_text(json.dumps(v4.new_notebook()))
    (home / "way-out").symlink_to(tmp_path)
    return home


@pytest.fixture
def server(tmp_path, monkeypatch, hub, home):
    """A Jupyter server with the extension; `ask(method, path, body, …)` answers (status, JSON)."""
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    app = ServerApp(root_dir=str(home), token="t", open_browser=False, allow_root=True)
    app.initialize(argv=[], find_extensions=False, new_httpserver=False)
    share_api._load_jupyter_server_extension(app)
    socket, port = bind_unused_port()
    http_server = tornado.httpserver.HTTPServer(app.web_app)
    http_server.add_sockets([socket])

    def ask(method, path, body=None, headers=None, token="t"):
        said = {"Content-Type": "application/json", **(headers or {})}
        said |= {"Authorization": f"token {token}"} if token else {}
        more = {"body": body if isinstance(body, str) else json.dumps(body)} if method != "GET" else {}
        url = f"http://127.0.0.1:{port}/regional-hub/api/{path}"

        async def fetch():
            client = AsyncHTTPClient()
            return await client.fetch(
                url, method=method, headers=said, raise_error=False, follow_redirects=False, **more
            )

        reply = app.io_loop.run_sync(fetch, timeout=60)
        try:
            return reply.code, json.loads(reply.body)
        except ValueError:
            return reply.code, None

    yield ask
    http_server.stop()
    app.clear_instance()


def sent(server, asked):
    """Send, and wait for what becomes of it."""
    status, begun = server("POST", "publish", asked)
    assert status == 200, begun
    for _ in range(100):
        _, state = server("GET", f"sendings/{begun['sending']}")
        if state["answer"] or state["error"]:
            return state
        time.sleep(0.05)
    raise AssertionError("it did not end")


def test_what_would_be_sent_is_listed_with_title_and_pictures_and_nothing_is_sent(server, hub):
    status, plan = server("POST", "plan", {"path": "work/water.ipynb"})

    assert status == 200 and plan["title"] == "Water" and plan["earlier"] == []
    assert [each["name"] for each in plan["files"]] == ["water.ipynb", "data.csv"]
    assert [base64.b64decode(each["data"]) for each in plan["pictures"]] == [PNG]
    assert plan["pictures"][0]["item"]["size"] == len(PNG)
    assert {method for method, *_ in hub.asked} == {"GET"}


def test_an_earlier_publication_of_the_same_notebook_is_offered_and_a_withdrawn_one_is_not(server, hub):
    one = {"slug": "water", "withdrawn_at": None, "revisions": [{"number": 2, "entry": "water.ipynb"}]}
    hub.mine = [
        one,
        {**one, "slug": "gone", "withdrawn_at": "2026-01-01T00:00:00Z"},
        {**one, "slug": "other", "revisions": [{"number": 1, "entry": "other.ipynb"}]},
    ]

    _, plan = server("POST", "plan", {"path": "work/water.ipynb"})

    assert [each["slug"] for each in plan["earlier"]] == ["water"] and plan["chosen"] == "water"


def mark(home, slug, name="work/water.ipynb"):
    """Write into a notebook of which publication it is, as JupyterLab does after sharing; perhaps under a new name."""
    notebook = json.loads((home / "work" / "water.ipynb").read_text())
    notebook["metadata"]["regional_hub"] = {"publication": slug}
    (home / name).write_text(json.dumps(notebook))
    return {"path": name}


def test_a_renamed_notebook_is_a_revision_of_its_publication_by_the_mark_in_it(server, hub, home):
    one = {"slug": "water", "withdrawn_at": None, "revisions": [{"number": 2, "entry": "water.ipynb"}]}
    same_name = {"slug": "rain", "withdrawn_at": None, "revisions": [{"number": 1, "entry": "rain.ipynb"}]}
    hub.mine = [same_name, one]

    _, plan = server("POST", "plan", mark(home, "water", "work/rain.ipynb"))

    assert (plan["chosen"], plan["notebook"]) == ("water", "work/rain.ipynb")
    assert [each["slug"] for each in plan["earlier"]] == ["water", "rain"]


@pytest.mark.parametrize("slug", ["of-somebody-else", "gone"])
def test_a_mark_of_another_person_or_of_what_was_withdrawn_chooses_a_new_publication(server, hub, home, slug):
    one = {"slug": "water", "withdrawn_at": None, "revisions": [{"number": 2, "entry": "water.ipynb"}]}
    hub.mine = [one, {**one, "slug": "gone", "withdrawn_at": "2026-01-01T00:00:00Z"}]

    _, plan = server("POST", "plan", mark(home, slug))

    assert plan["chosen"] == "" and [each["slug"] for each in plan["earlier"]] == ["water"]


def test_the_mark_is_not_sent(server, hub, home):
    mark(home, "of-somebody-else")

    sent(server, {"path": "work/water.ipynb", "files": ["water.ipynb", "data.csv"], "facts": {"said": {"title": "W"}}})

    start = hub.sent.index(b"PK\x03\x04")
    with zipfile.ZipFile(io.BytesIO(hub.sent[start:])) as archive:
        assert json.loads(archive.read("water.ipynb"))["cells"] and b"of-somebody" not in archive.read("water.ipynb")


def test_it_is_sent_with_the_chosen_picture_and_the_link_comes_back(server, hub):
    _, plan = server("POST", "plan", {"path": "work/water.ipynb"})
    names = [each["name"] for each in [*plan["files"], plan["pictures"][0]["item"]]]
    facts = {"said": {"title": "Water"}, "readers": {"audience": "people", "people": ["bob"]}}

    state = sent(server, {"path": "work/water.ipynb", "picture": "1.0.png", "files": names, "facts": facts})

    assert names[-1] == "showcase-picture.png"
    assert state["error"] is None and state["answer"]["link"] == "http://hub/showcase/water/"
    assert state["sent"] == state["total"] > 0
    assert b"showcase-picture.png" in hub.sent and b'"picture": "showcase-picture.png"' in hub.sent
    assert b"private.csv" not in hub.sent


def test_other_files_than_those_shown_are_not_sent(server, hub, home):
    _, plan = server("POST", "plan", {"path": "work/water.ipynb"})
    (home / "work" / "data.csv").unlink()

    names = [each["name"] for each in plan["files"]]
    state = sent(server, {"path": "work/water.ipynb", "files": names, "facts": {"said": {"title": "Water"}}})

    assert state["error"]["code"] == "changed" and hub.sent == b""


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../outside.ipynb",
        "work/../../outside.ipynb",
        "work//water.ipynb",
        "way-out/outside.ipynb",
        "work\\water.ipynb",
        "a\0b",
        None,
        7,
        ["work"],
    ],
)
def test_paths_out_of_the_home_are_refused(server, hub, path):
    status, said = server("POST", "plan", {"path": path})

    assert status == 400 and said["error"]["code"] == "bad-path"


@pytest.mark.parametrize(
    "path",
    [
        "openapi.json",
        "publications/water",
        "publications/water/withdraw",
        "options/../../hub/api/users",
        "plan2",
        "http://127.0.0.1:1",
        "options%2f..%2f..%2fhub",
        "people/..",
        "sendings/../options",
    ],
)
def test_no_other_path_of_the_hub_is_asked_for(server, hub, path):
    assert server("GET", path)[0] in (404, 405) and server("POST", path, {})[0] in (404, 405)
    assert hub.asked == []


def test_a_search_stays_a_search_whatever_its_words(server, hub):
    assert server("GET", "people?q=..%2F..%2Fhub%26x%3D1%23")[0] == 200

    ((method, url, token),) = hub.asked
    assert method == "GET" and url.startswith("http://hub/showcase/api/people?q=") and "#" not in url
    assert token == "token the-token"


def test_the_token_never_reaches_the_browser(server, hub):
    answers = [server("GET", name) for name in ("options", "publications", "shared", "catalog")]

    assert "the-token" not in json.dumps(answers)


def test_an_error_of_the_hub_is_told_in_both_languages(server, hub):
    status, said = server("GET", "shared")

    assert status == 400 and said["error"]["zh"] == "考试中不可使用" and said["error"]["en"]


@pytest.mark.parametrize("path", ["plan", "publish", "copy"])
def test_nobody_acts_without_the_xsrf_token(server, hub, path):
    """A page elsewhere has the browser's cookies sent along, and cannot read the one with the token."""
    cookies = {"Cookie": "_xsrf=2|aaaaaaaa|bbbbbbbb|1700000000"}

    assert server("POST", path, {"path": "work/water.ipynb"}, cookies, token="")[0] == 403
    assert hub.asked == []


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_of_another_page_is_no_question(server, hub, kind):
    assert server("POST", "publish", {"path": "work/water.ipynb"}, {"Content-Type": kind})[0] in (400, 415)
    assert hub.asked == []


@pytest.mark.parametrize("body", ["", "[]", "{", '"x"', "[" * 100_000, '{"path": "' + "x" * share_api.LARGEST + '"}'])
def test_bad_questions_are_refused(server, hub, body):
    assert server("POST", "plan", body)[0] in (400, 413)


def test_facts_that_nobody_asked_for_are_not_passed_on(server, hub):
    facts = {"said": {"title": "Water"}, "image": "evil", "lock": "x"}

    state = sent(server, {"path": "work/water.ipynb", "files": [], "facts": facts})

    assert state["error"]["code"] == "bad-question" and hub.sent == b""


def test_a_picture_that_is_none_is_refused(server, hub):
    status, said = server("POST", "plan", {"path": "work/water.ipynb", "picture": "9.9.png"})

    assert status == 400 and said["error"]["code"] == "no-picture"


def test_two_are_sent_at_once_and_no_more():
    import threading

    sendings, go = Sendings(), threading.Event()
    numbers = [sendings.begin(lambda _: go.wait(10)) for _ in range(2)]

    with pytest.raises(ShareError, match="two are being sent"):
        sendings.begin(lambda _: None)
    go.set()

    assert len(set(numbers)) == 2


def test_the_catalog_lists_every_entry_with_texts_in_both_languages_and_code_that_compiles():
    found = catalog_list.entries([ROOT / "catalogs"])

    assert {"sdg_sample", "sdg"} <= {each["name"] for each in found}
    for each in found:
        assert each["title"] and each["title_zh"] and each["description"] and each["description_zh"], each["name"]
        compile(each["code"], each["name"], "exec")


def test_a_broken_catalog_hides_no_other(tmp_path):
    (tmp_path / "bad.yaml").write_text("sources: [")
    (tmp_path / "good.yaml").write_text("sources: {water: {driver: csv}, 'not a name': {}}")

    assert [each["name"] for each in catalog_list.entries([tmp_path])] == ["water"]


@pytest.fixture
def catalog(tmp_path, monkeypatch):
    """Entries that open, and that do not."""
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "levels.csv").write_text("place,sex,level\n" + "".join(f"Osh,_T,{n}\n" for n in range(50)))
    csv = {"driver": "csv", "args": {"urlpath": "{{ CATALOG_DIR }}/levels.csv"}}
    gone = {"driver": "csv", "args": {"urlpath": "{{ CATALOG_DIR }}/gone.csv"}}
    (tmp_path / "cat" / "own.yaml").write_text(json.dumps({"sources": {"levels": csv, "gone": gone}}))
    monkeypatch.setenv("INTAKE_PATH", str(tmp_path / "cat"))
    monkeypatch.setenv("INTAKE_CATALOG_PATH", f'["{tmp_path / "cat"}"]')


def test_the_first_rows_of_an_entry_are_shown_and_no_more(server, catalog):
    status, found = server("GET", "catalog/levels/rows")

    assert status == 200 and found["columns"] == ["place", "level"]
    assert found["rows"] == [["Osh", str(n)] for n in range(8)]


def test_data_that_cannot_be_opened_says_why(server, catalog):
    status, said = server("GET", "catalog/gone/rows")

    assert status == 400 and said["error"]["code"] == "no-preview"
    assert said["error"]["zh"].startswith("缺少数据文件：") and "gone.csv" in said["error"]["zh"]


@pytest.mark.parametrize(
    ("stderr", "en"),
    [
        ("Traceback\nrequests.exceptions.ConnectionError: refused", "its source does not answer: requests."),
        ("MemoryError", "it needs more memory"),
        ("ValueError: bad: worse\n", "it could not be opened: ValueError: bad: worse"),
        ("", "it could not be opened: ?"),
    ],
)
def test_a_drivers_error_is_told_by_its_meaning_and_its_own_words(stderr, en):
    said = catalog_rows._fault(stderr)

    assert said.en.startswith(en) and not said.zh.isascii()


def test_a_cube_is_shown_by_its_variables_under_heads_in_both_languages():
    import xarray

    cube = xarray.Dataset({"rain": (("time", "area"), [[1.0, 2.0]], {"long_name": "Rain"})})

    found = catalog_rows._cube(cube)

    assert len(found["columns"]) == len(found["columns_zh"]) == len(found["rows"][0])
    assert found["rows"] == [["rain", "Rain", "time 1 × area 2", "float64"]]


def test_a_cube_whose_variables_say_nothing_has_no_empty_column():
    import xarray

    found = catalog_rows._cube(xarray.Dataset({"rain": ("area", [1.0])}))

    assert (found["columns"], found["rows"]) == (["variable", "extent", "type"], [["rain", "area 1", "float64"]])


def test_only_entries_of_the_catalogs_are_opened(server, catalog):
    assert server("GET", "catalog/sys/rows")[0] == 404
    assert server("GET", "catalog/levels.read/rows")[0] == 404


def test_data_that_take_too_long_are_given_up(catalog):
    with pytest.raises(ShareError, match="no rows came within"):
        catalog_rows.rows("levels", seconds=0.01)
