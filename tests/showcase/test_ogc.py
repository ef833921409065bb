"""OGC API - Processes: what the standard wants, what is refused and how, and what attackers try."""

from __future__ import annotations

import email
import json
import uuid

import jsonschema
import pytest
import schemathesis
from django.test import Client

from regional_hub.hub.api import Holder
from regional_hub.showcase import ogc_openapi
from regional_hub.showcase.actions import methods
from regional_hub.showcase.models import Run
from tests.showcase.methods import method, perform, public_method

pytestmark = pytest.mark.django_db
SPEC = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
FAULT = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
PROCESS = "/ogc/processes/sums"


class Caller:
    """Calls as a program does; `token` is the Hub's."""

    def __init__(self, token: str = "", language: str = "en") -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.headers = {"accept": "application/json", "accept-language": language}
        if token:
            self.headers["authorization"] = f"token {token}"

    def get(self, place: str, **headers: str):
        return self.client.get(place, headers={**self.headers, **headers})

    def post(self, place: str, body: object, **headers: str):
        data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        kind = headers.pop("kind", "application/json")
        return self.client.post(place, data, content_type=kind, headers={**self.headers, **headers})

    def delete(self, place: str):
        return self.client.delete(place, headers=self.headers)


@pytest.fixture
def visitor():
    return Caller()


@pytest.fixture
def opened(alice):
    return public_method(alice)


@pytest.fixture
def token_of(listening_hub):
    def make(person) -> str:
        token = f"token-of-{person.username}"
        listening_hub.tokens[token] = Holder(person.username, True, frozenset())
        return token

    return make


def is_(response, name: str, status: int = 200) -> dict:
    """The answer as JSON, held to its schema of the standard."""
    assert response.status_code == status, response.content
    found = response.json()
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": ogc_openapi.SCHEMAS}}
    jsonschema.validate(found, schema, jsonschema.Draft202012Validator)
    return found


def is_problem(response, status: int, kind: str = "about:blank", words: str = "") -> dict:
    found = is_(response, "exception", status)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert found["type"] == kind and found["status"] == status and words in found["detail"], found
    return found


def links(document: dict) -> dict[str, str]:
    return {one["rel"]: one["href"].replace("http://127.0.0.1:8000", "") for one in document["links"]}


# -- what there is -----------------------------------------------------------------------------------------------------


def test_one_gets_from_the_landing_page_everywhere(visitor, opened, settings):
    there = links(is_(visitor.get("/ogc/"), "landingPage"))
    base = settings.HUB.url

    for rel in ("service-desc", f"{REL}conformance", f"{REL}processes"):
        assert visitor.get(there[rel].removeprefix(base)).status_code == 200
    listed = is_(visitor.get(there[f"{REL}processes"].removeprefix(base)), "processList")["processes"]
    assert [(one["id"], one["version"], one["jobControlOptions"]) for one in listed] == [
        ("sums", "1", ["async-execute", "dismiss"])
    ]
    execute = links(listed[0])[f"{REL}execute"].removeprefix(base)
    assert visitor.post(execute, {}).status_code == 201


def test_only_what_is_there_is_declared(visitor):
    found = is_(visitor.get("/ogc/conformance"), "confClasses")["conformsTo"]

    assert found == [f"{SPEC}{name}" for name in ("core", "ogc-process-description", "json", "oas30", "dismiss")]


@pytest.mark.parametrize(("language", "title", "way"), [("en", "Sums", "Ways"), ("zh-hans", "求和", "方法")])
def test_a_process_describes_inputs_and_outputs_in_the_readers_language(opened, language, title, way):
    found = is_(Caller(language=language).get(PROCESS), "process")

    assert found["title"] == title and found["inputs"]["ways"]["title"] == way
    assert found["inputs"]["count"]["schema"] == {
        "type": "integer", "minimum": 1, "maximum": 9, "default": 2,
    }  # fmt: skip
    assert found["inputs"]["count"]["minOccurs"] == 0 and "[pcs]" in found["inputs"]["count"]["description"]
    assert found["outputs"]["words"]["schema"] == {"type": "string", "contentMediaType": "text/csv"}
    for one in found["inputs"].values():
        jsonschema.Draft202012Validator.check_schema(one["schema"])


def test_the_description_of_the_api_is_one_and_names_each_process(visitor, opened):
    response = visitor.get("/ogc/api")
    document = response.json()

    assert response.headers["Content-Type"] == "application/vnd.oai.openapi+json;version=3.0"
    assert document["openapi"] == "3.0.3" and "/processes/sums/execution" in document["paths"]
    names = {one.ok().label for one in schemathesis.openapi.from_dict(document).get_all_operations()}
    assert {"GET /jobs/{jobID}/results", "DELETE /jobs/{jobID}", "POST /processes/sums/execution"} <= names


def test_lists_come_in_parts(visitor, alice, opened):
    for number in range(3):
        public_method(alice, title=f"More {number}")

    first = is_(visitor.get("/ogc/processes?limit=3"), "processList")
    second = is_(visitor.get("/ogc/processes?limit=3&offset=3"), "processList")

    assert (len(first["processes"]), len(second["processes"])) == (3, 1)
    assert links(first)["next"].endswith("limit=3&offset=3") and "next" not in links(second)
    for wrong in ("limit=0", "limit=1001", "limit=x", "limit=²", "offset=-1", "bbox=1"):
        is_problem(visitor.get(f"/ogc/processes?{wrong}"), 400)


@pytest.mark.parametrize("place", ["/ogc/", "/ogc/conformance", "/ogc/api", "/ogc/processes", PROCESS])
def test_browsers_get_pages(visitor, opened, place):
    page = visitor.get(place, accept="text/html,application/xhtml+xml,*/*;q=0.8")

    assert page.headers["Content-Type"].startswith("text/html") and "<h1" in page.content.decode()
    assert visitor.get(f"{place}?f=html").headers["Content-Type"].startswith("text/html")
    assert visitor.get(place, accept="*/*").headers["Content-Type"].startswith("application/")


# -- running -----------------------------------------------------------------------------------------------------------


def execute(caller, body: dict, **headers: str) -> tuple[Run, str]:
    response = caller.post(f"{PROCESS}/execution", body, **headers)
    found = is_(response, "statusInfo", 201)
    assert response.headers["Location"].endswith(f"/ogc/jobs/{found['jobID']}") and found["status"] == "accepted"
    return Run.objects.get(pk=found["jobID"]), f"/ogc/jobs/{found['jobID']}"


def test_an_execution_is_a_job_with_status_and_results(visitor, opened, monkeypatch):
    run, job = execute(
        visitor, {"inputs": {"count": 3, "ways": ["a", "b"]}, "response": "document"}, prefer="respond-async"
    )
    is_problem(visitor.get(f"{job}/results"), 404, f"{FAULT}result-not-ready")

    perform(run, monkeypatch)
    status = is_(visitor.get(job), "statusInfo")
    results = visitor.get(f"{job}/results").json()

    assert run.parameters["count"] == 3 and run.by is None
    assert status["status"] == "successful" and status["processID"] == "sums" and status["finished"]
    assert links(status)[f"{REL}results"].endswith(f"{job}/results")
    assert results == {
        "total": {"value": {"total": 3.0}, "mediaType": "application/json"},
        "words": {"value": "word\ntea\n", "mediaType": "text/csv"},
    }


def test_raw_results_are_the_content_itself(visitor, opened, monkeypatch):
    run, job = execute(visitor, {"outputs": {"words": {}}})
    perform(run, monkeypatch)

    one = visitor.get(f"{job}/results")

    assert b"".join(one.streaming_content) == b"word\ntea\n"
    assert one.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert (
        one.headers["Content-Disposition"].startswith("attachment")
        and "sandbox" in one.headers["Content-Security-Policy"]
    )


def test_raw_results_of_many_outputs_are_parts_and_references_are_links(visitor, opened, monkeypatch):
    run, job = execute(visitor, {})
    perform(run, monkeypatch)
    many = visitor.get(f"{job}/results")
    message = email.message_from_bytes(
        b"Content-Type: " + many.headers["Content-Type"].encode() + b"\r\n\r\n" + many.content
    )

    parts = {part["Content-ID"]: (part.get_content_type(), part.get_payload()) for part in message.get_payload()}
    assert message.get_content_type() == "multipart/related"
    assert parts["<words>"][0] == "text/csv" and json.loads(parts["<total>"][1]) == {"total": 3.0}

    run, job = execute(visitor, {"outputs": {"words": {"transmissionMode": "reference"}}})
    perform(run, monkeypatch)
    by_link = visitor.get(f"{job}/results")
    assert by_link.status_code == 204
    place = by_link.headers["Link"].partition(">")[0].lstrip("<").partition("/ogc/")[2]
    assert b"".join(visitor.get(f"/ogc/{place}").streaming_content) == b"word\ntea\n"


def test_inputs_come_in_line_qualified_or_by_a_reference_with_its_content(visitor, opened):
    body = {
        "inputs": {
            "count": {"value": 4, "mediaType": "application/json"},
            "word": {"href": "data:application/json,%22%E8%8C%B6%22"},
            "ways": {"href": "data:application/json;base64,WyJiIl0="},
        }
    }

    run, _job = execute(visitor, body)

    assert (run.parameters["count"], run.parameters["word"], run.parameters["ways"]) == (4, "茶", ["b"])


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"inputs": {"cuont": 1}}, 400, "cuont: there is no such parameter; there are: count"),
        ({"inputs": {"count": 99, "word": ["x"]}}, 400, "count: at most 9"),
        ({"inputs": {"count": {"href": "http://127.0.0.1:9/secret"}}}, 400, "the hub fetches nothing"),
        ({"inputs": {"count": {"href": "file:///etc/passwd"}}}, 400, "the hub fetches nothing"),
        ({"inputs": {"count": {"href": "data:,{"}}}, 400, "is not JSON"),
        ({"inputs": {"count": {"a": 1}}}, 400, "neither a value"),
        ({"inputs": []}, 400, "inputs is not an object"),
        ({"outputs": {"x": {}}}, 400, "no such output; there are: total, words"),
        ({"outputs": {"words": {"format": {"mediaType": "text/html"}}}}, 400, "its format is text/csv"),
        ({"outputs": {"words": {"transmissionMode": "pigeon"}}}, 400, "transmissionMode"),
        ({"response": "xml"}, 400, "raw or document"),
        ({"subscriber": {"successUri": "http://127.0.0.1/"}}, 400, "callbacks are not offered"),
        ({"input": {}}, 400, "input: not known"),
        ("[1]", 400, "not an object"),
        ("{", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        ('{"inputs": {"count": NaN}}', 400, "not JSON"),
        ('{"inputs": {"count": ' + "9" * 5000 + "}}", 400, ""),
        ("[" * 100_000, 400, "not JSON"),
        ('{"inputs": {"word": "' + "x" * 300_000 + '"}}', 413, "over 256,000 bytes"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_named(visitor, opened, body, status, words):
    is_problem(visitor.post(f"{PROCESS}/execution", body), status, words=words)

    assert not Run.objects.exists()


def test_problems_are_told_in_chinese_too(opened):
    found = Caller(language="zh-hans").post(f"{PROCESS}/execution", {"inputs": {"count": 99}}).json()

    assert "不大于 9" in found["detail"] and found["inputs"][0]["en"] == "at most 9"


def test_a_body_of_another_type_and_a_wrong_method_are_refused(visitor, opened):
    is_problem(visitor.post(f"{PROCESS}/execution", "a=1", kind="application/x-www-form-urlencoded"), 415)
    wrong = visitor.get(f"{PROCESS}/execution")
    is_problem(wrong, 405)
    assert wrong.headers["Allow"] == "POST, OPTIONS"


def test_too_many_runs_are_said_with_when_to_come_back(visitor, opened, settings):
    own = settings.HUB.showcase.model_copy(update={"method_waiting_each": 1})
    settings.HUB = settings.HUB.model_copy(update={"showcase": own})
    execute(visitor, {})

    response = visitor.post(f"{PROCESS}/execution", {})

    is_problem(response, 429)
    assert response.headers["Retry-After"]


def test_a_job_is_dismissed_and_keeps_nothing(visitor, opened, monkeypatch):
    run, job = execute(visitor, {})
    perform(run, monkeypatch)

    found = is_(visitor.delete(job), "statusInfo")

    assert found["status"] == "dismissed" == is_(visitor.get(job), "statusInfo")["status"]
    is_problem(visitor.get(f"{job}/results"), 410)


def test_a_failed_job_says_why(visitor, opened):
    run, job = execute(visitor, {})
    Run.objects.filter(pk=run.pk).update(state="failed", message='{"en": "ZeroDivisionError", "zh": "除零"}')

    assert is_(visitor.get(job), "statusInfo")["message"] == "ZeroDivisionError"
    is_problem(visitor.get(f"{job}/results"), 500, words="ZeroDivisionError")


# -- who ---------------------------------------------------------------------------------------------------------------


def test_people_call_what_they_may_read_with_a_token_of_the_hub(alice, make_person, token_of, visitor):
    method(alice)
    bob = make_person("bob", "researchers")
    caller = Caller(token_of(bob))

    run, job = execute(caller, {"inputs": {"count": 5}})

    assert run.by == bob and is_(caller.get(job), "statusInfo")["status"] == "accepted"
    assert is_(visitor.get("/ogc/processes"), "processList")["processes"] == []
    for place in (PROCESS, "/ogc/processes/nothing", "/ogc/processes/%E6%B0%B4'--"):
        is_problem(visitor.get(place), 404, f"{FAULT}no-such-process")
    is_problem(visitor.post(f"{PROCESS}/execution", {}), 404, f"{FAULT}no-such-process")
    for other in (visitor, Caller(token_of(make_person("eve", "researchers")))):
        for place in (job, f"{job}/results", f"/ogc/jobs/{uuid.uuid4()}", "/ogc/jobs/x", f"{job}/results/total"):
            is_problem(other.get(place), 404, f"{FAULT}no-such-job")
        is_problem(other.delete(job), 404, f"{FAULT}no-such-job")
    assert Run.objects.get().state == "accepted"


def test_a_token_that_is_no_persons_is_refused(opened, listening_hub):
    listening_hub.tokens["token-of-a-service"] = Holder("services", False, frozenset())

    is_problem(Caller("token-of-a-service").get("/ogc/processes"), 403)
    is_problem(Caller("unknown-token").get("/ogc/processes"), 401)


def test_a_session_counts_for_nothing_so_that_no_other_site_acts_for_who_is_signed_in(alice, opened):
    secret = method(alice, title="Secret")
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="allauth.account.auth_backends.AuthenticationBackend")
    headers = {"origin": "https://evil.example", "accept": "application/json"}

    mine = client.post("/ogc/processes/secret/execution", "{}", content_type="application/json", headers=headers)
    open_one = client.post(f"{PROCESS}/execution", "{}", content_type="application/json", headers=headers)

    assert secret.publication.slug == "secret" and mine.status_code == 404
    assert open_one.status_code == 201 and Run.objects.get().by is None


def test_pages_elsewhere_call_as_visitors_only(visitor, opened):
    asked = {"origin": "https://dash.example", "access-control-request-method": "POST"}
    preflight = visitor.client.options(f"{PROCESS}/execution", headers=asked)
    answer = visitor.get("/ogc/processes", origin="https://dash.example")

    assert preflight.status_code == 204 and "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Authorization" not in preflight.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_method_that_was_closed_or_withdrawn_is_gone(visitor, alice, opened):
    from regional_hub.showcase.actions import sharing

    _run, job = execute(visitor, {})
    methods.open_to_public(alice, opened.publication, False)
    is_problem(visitor.post(f"{PROCESS}/execution", {}), 404, f"{FAULT}no-such-process")
    assert visitor.get(job).status_code == 200  # what ran stays readable by its link

    sharing.withdraw(alice, opened.publication, "wrong")

    is_problem(visitor.get(job), 404, f"{FAULT}no-such-job")
    is_problem(visitor.delete(job), 404, f"{FAULT}no-such-job")
