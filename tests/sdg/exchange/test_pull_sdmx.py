"""Pulls from our own service, running as somebody else's: what comes is what is there, to the last attribute."""

from __future__ import annotations

import pyarrow as pa
import pytest

from regional_hub.sdg import query, structure
from regional_hub.sdg.exchange import orders
from regional_hub.sdg.query import Selection
from tests.sdg.exchange.conftest import serving
from tests.sdg.exchange.web import Said, web

KG, NP = "KG_NSC:DF_SDG_KG", "CBS-SDGs:SDG"


def everything(store, flow) -> pa.Table:
    answer = query.run(store, Selection(flow))
    return pa.Table.from_batches(answer.batches, answer.schema)


def published(room, draft) -> None:
    """By a second person, whatever the validation of real data finds."""
    found = room.store.draft(draft)
    found.validate()
    room.store.publish(found, by="bob")


@pytest.mark.parametrize(("api", "version"), [("v2", ""), ("v1", ""), ("v2", "(1.8)")])
def test_all_of_kyrgyzstan_comes_value_by_value(api, version, kyrgyz, kyrgyz_service, room, pull):
    report = pull("kg", f"{kyrgyz_service}/{api}", flow=f"{KG}{version}")
    assert report["outcome"] == "loaded", report["message"]
    assert report["state"] == "draft"  # codes that the country's own structure lacks: a person has to look
    assert set(report["report"]["rules"]) >= {"code"}
    assert report["differences"]["counts"] == {"added": 25_349, "changed": 0, "deleted": 0}
    published(room, report["draft"])

    assert everything(room.store, "KG_NSC:SDG").equals(everything(kyrgyz.store, "KG_NSC:SDG"))


def test_a_flow_that_is_only_known_by_its_structure(nepal, nepal_service, room, pull):
    report = pull("np", f"{nepal_service}/v2", flow=NP)
    published(room, report["draft"])

    assert report["differences"]["new_series"]["count"] == nepal.store.release("np").counts["series"] == 515
    assert everything(room.store, NP).equals(everything(nepal.store, NP))


def test_a_service_that_does_not_say_its_generation_is_found_out(nepal_service, room, pull):
    with serving_at_root(nepal_service) as root:
        report = pull("np", root.address, flow=f"{NP}(1.4)")

    assert report["outcome"] == "loaded", report["message"]


def serving_at_root(service):
    """The second generation of the service, below an address without `v2`."""
    import httpx

    def answer(request):
        got = httpx.get(f"{service}/v2{request.path}", headers={"accept": request.headers["accept"]})
        return Said(got.status_code, got.content, {"Content-Type": got.headers.get("content-type", "")})

    return web(answer)


def test_nothing_changed_is_nothing_loaded(nepal_service, room, pull):
    first = pull("np", f"{nepal_service}/v2", flow=NP)
    again = pull("np", f"{nepal_service}/v2", flow=NP)

    assert (again["outcome"], again["draft"]) == ("unchanged", first["draft"])
    assert [draft.id for draft in room.store.drafts()] == [first["draft"]]
    assert again["requests"] == 3  # no such dataflow; which version the structure has; a 304


def test_what_was_pulled_and_thrown_away_comes_again(nepal_service, room, pull):
    first = pull("np", f"{nepal_service}/v2", flow=NP)
    room.store.discard(room.store.draft(first["draft"]), by="eve", reason="a mistake")

    again = pull("np", f"{nepal_service}/v2", flow=NP)

    assert again["outcome"] == "loaded"
    assert again["draft"] != first["draft"]


def test_what_is_published_already_leaves_no_draft(nepal_service, room, pull):
    published(room, pull("np", f"{nepal_service}/v2", flow=NP)["draft"])

    other = pull("np-v1", f"{nepal_service}/v1", flow=NP)

    assert (other["outcome"], other["draft"]) == ("unchanged", None), other["message"]
    assert [draft.facts["state"] for draft in room.store.drafts()] == ["published"]


def test_a_key_and_a_period_narrow_what_comes(kyrgyz, kyrgyz_service, room, pull):
    key = "A..SL_TLF_UEM" + "." * 12
    report = pull("kg", f"{kyrgyz_service}/v2", flow=KG, key=key, start="2015", end="2016")
    published(room, report["draft"])

    found = everything(room.store, "KG_NSC:SDG")
    expected = query.run(kyrgyz.store, Selection("KG_NSC:SDG").within("2015", "2016"))
    wanted = pa.Table.from_batches(expected.batches, expected.schema).to_pylist()
    assert found.to_pylist() == [row for row in wanted if row["SERIES"] == "SL_TLF_UEM"]
    assert found.num_rows > 20


def test_a_whole_data_url_in_either_generation(nepal_service, room, pull):
    second = pull("a", f"{nepal_service}/v2/data/dataflow/CBS-SDGs/SDG/1.4/*?c[TIME_PERIOD]=ge:2015")
    first = pull("b", f"{nepal_service}/v1/data/CBS-SDGs,SDG,1.4/all?startPeriod=2015")

    assert (second["outcome"], first["outcome"]) == ("loaded", "loaded"), (second["message"], first["message"])
    assert second["differences"]["counts"] == first["differences"]["counts"]
    assert 0 < second["differences"]["counts"]["added"] < 886


def changed_service(nepal, tmp_path, edit):
    """The same hub, and a second release of it in which `edit` changed the rows."""
    from regional_hub.sdg.loading import Room

    made = Room(tmp_path / "there")
    made.folder.mkdir()
    registry = nepal.registry.all()
    made.registry.add(registry)
    definition = made.registry.structure("CBS-SDGs:SDG(1.4)")
    table = everything(nepal.store, NP)
    for number, rows in enumerate((table.to_pylist(), edit(table.to_pylist()))):
        draft = made.store.start(definition, by="ann", empty=True)
        staged = pa.Table.from_pylist(rows, table.schema)
        for name, value in (("_file", f"{number}"), ("_line", None), ("_action", "I")):
            kind = pa.int64() if name == "_line" else pa.string()
            staged = staged.append_column(name, pa.array([value] * len(rows), kind))
        draft.add(staged.to_batches(), name=f"{number}", sha256=f"{number}" * 64, by="ann")
        draft.validate()
        yield made, draft


@pytest.fixture
def revised(nepal, tmp_path):
    """A hub whose next release changes one value and loses a series."""

    def edit(rows):
        rows[0]["OBS_VALUE"] = "123456"
        gone = [rows[-1][name] for name in list(rows[0])[:15]]
        return [row for row in rows if [row[name] for name in list(row)[:15]] != gone]

    return changed_service(nepal, tmp_path, edit)


def test_differences_are_reported_and_the_old_draft_replaced(revised, room, pull):
    made, draft = next(revised)
    made.store.publish(draft, by="bob")
    with serving(made) as service:
        published(room, pull("np", f"{service}/v2", flow=NP)["draft"])
        made, draft = next(revised)
        made.store.publish(draft, by="bob")

        second = pull("np", f"{service}/v2", flow=NP)
        third = pull("np", f"{service}/v2", flow=NP, again=True)

    found = second["differences"]
    assert found["counts"] == {"added": 0, "changed": 1, "deleted": 0}
    assert found["changed"][0]["OBS_VALUE"] == "123456"
    assert "old:OBS_VALUE" in found["changed"][0]
    assert found["not_given"]["count"] == 1
    assert found["vanished_series"]["count"] == 0
    open_drafts = [one.id for one in room.store.drafts() if one.facts["state"] != "published"]
    assert open_drafts == [third["draft"]]
    assert orders.pull(room.folder, "np").report()["differences"] == third["differences"]


def test_a_pull_of_everything_makes_the_rest_vanish(revised, room, pull):
    made, draft = next(revised)
    made.store.publish(draft, by="bob")
    with serving(made) as service:
        published(room, pull("np", f"{service}/v2", flow=NP, replace_all=True)["draft"])
        made, draft = next(revised)
        made.store.publish(draft, by="bob")

        found = pull("np", f"{service}/v2", flow=NP, replace_all=True)["differences"]

    assert found["vanished_series"]["count"] == 1
    assert found["counts"]["deleted"] >= 1


def test_a_draft_that_somebody_touched_stays(revised, room, pull):
    made, draft = next(revised)
    made.store.publish(draft, by="bob")
    with serving(made) as service:
        first = pull("np", f"{service}/v2", flow=NP)
        room.store.draft(first["draft"]).embargo({"SERIES": ["SI_POV_DAY1"]}, "2999-01-01T00:00:00Z", by="eve")

        second = pull("np", f"{service}/v2", flow=NP, again=True)

    assert {draft.id for draft in room.store.drafts()} == {first["draft"], second["draft"]}


def test_updates_alone_are_asked_for_where_a_service_has_no_validators(revised, room, pull):
    import httpx

    made, draft = next(revised)
    made.store.publish(draft, by="bob")
    with serving(made) as service:

        def answer(request):
            got = httpx.get(f"{service}{request.path}", headers={"accept": request.headers["accept"]})
            return Said(got.status_code, got.content, {"Content-Type": got.headers.get("content-type", "")})

        with web(answer) as plain:
            published(room, pull("np", f"{plain.address}/v2", flow=NP)["draft"])
            quiet = pull("np", f"{plain.address}/v2", flow=NP)
            asked = [request.path for request in plain.requests if "/data/" in request.path]
            assert ["updatedAfter" in path for path in asked] == [False, True]

    assert quiet["outcome"] == "unchanged"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Said(200, b"<html>Log in</html>", {"Content-Type": "text/html"}), "gives a web page instead of data: Log in"),
        (Said(200, b"<!DOCTYPE html><html>", {"Content-Type": "application/xml"}), "gives a web page"),
        (Said(200, b"hello", {"Content-Type": "text/plain"}), "gives text/plain, and it is not SDMX data"),
        (Said(200, b"", {"Content-Type": "text/csv"}), "the file is empty"),
        (Said(403, b"<p>You need <b>a key</b></p>", {}), "answers 403 Forbidden: You need a key"),
        (Said(406, b"", {}), "answers 406 Not Acceptable"),
        (Said(404, b"no results", {}), "has no observations for this"),
    ],
)
def test_what_is_no_data_is_said_with_its_address(said, message, nepal, room, pull):
    room.registry.add(nepal.registry.all())
    with web(lambda _: said) as there:
        report = pull("np", f"{there.address}/v2", flow=f"{NP}(1.4)")

    assert report["outcome"] == "failed"
    assert message in report["message"]
    assert f"{there.address}/v2/data/dataflow/CBS-SDGs/SDG/1.4/*" in report["message"]
    assert room.store.drafts() == []


def test_a_structure_that_is_a_bomb_is_refused(room, pull):
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    with web(lambda _: Said(200, bomb, {"Content-Type": "application/xml"})) as there:
        report = pull("np", f"{there.address}/v2", flow="XX:DF(1.0)")

    assert report["outcome"] == "failed"
    assert there.address in report["message"]


def test_only_what_is_needed_is_kept_of_a_structure_message(kyrgyz_service, room, pull):
    pull("kg", f"{kyrgyz_service}/v2", flow=KG)

    assert room.registry.names("structures") == ["KG_NSC:SDG(1.8)"]
    assert isinstance(room.registry.structure("KG_NSC:SDG(1.8)").component("SERIES").codelist, structure.Codelist)
