"""What the grammar of URLs takes and what it refuses: every refusal names what was not understood."""

from __future__ import annotations

import pytest

from regional_hub.sdg.rest import url_v1, url_v2
from regional_hub.sdg.rest.errors import Fault, NotOffered, NotThere, SyntaxFault, TooLong
from regional_hub.sdg.rest.grammar import component_filter
from regional_hub.sdg.rest.queries import Context, DataQuery
from regional_hub.sdg.selection import Condition, Filter, Sort


def v2(path: str, query: str = "") -> DataQuery:
    found = url_v2.parse(path, query).query
    assert isinstance(found, DataQuery)
    return found


def v1(path: str, query: str = "") -> DataQuery:
    found = url_v1.parse(path, query).query
    assert isinstance(found, DataQuery)
    return found


def test_nothing_is_everything():
    assert v2("/data/") == DataQuery()


def test_a_key_may_be_cut_short_and_hold_stars():
    assert v2("data/dataflow/KG/SDG/1.0/A.*.SI_POV_DAY1,M").keys == ((("A",), (), ("SI_POV_DAY1",)), (("M",),))


def test_one_key_of_stars_is_everything():
    assert v2("data/dataflow/KG/SDG/1.0/A.KG,*.*").keys == ()


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("A", [[("eq", "A")]]),
        ("A,B", [[("eq", "A"), ("eq", "B")]]),
        ("ge:A+le:B", [[("ge", "A")], [("le", "B")]]),
        ("A,B+C", [[("eq", "A"), ("eq", "B")], [("eq", "A"), ("eq", "C")]]),
        ("ne:A,B", [[("ne", "A"), ("eq", "B")]]),
        ("ne:A+ne:B", [[("ne", "A")], [("ne", "B")]]),
        ("ge:2020-01-01T00:00:00+05:00+le:2021", [[("ge", "2020-01-01T00:00:00+05:00")], [("le", "2021")]]),
        ("co:a:b", [[("co", "a:b")]]),
    ],
)
def test_conditions_are_read_as_in_the_table_of_the_standard(text, filters):
    found = list(component_filter("X", text).filters())

    assert found == [Filter("X", tuple(Condition(*condition) for condition in any_of)) for any_of in filters]


def test_ranges_joined_by_or_stay_apart():
    found = list(component_filter("X", "ge:A+le:B,ge:C+le:D").filters())

    assert found == [
        Filter("X", (Condition(one, first), Condition(other, second)))
        for one, first in (("ge", "A"), ("le", "B"))
        for other, second in (("ge", "C"), ("le", "D"))
    ]


def test_brackets_commas_and_pluses_may_be_percent_encoded():
    plain = v2("data", "c[FREQ]=A,M&c[TIME_PERIOD]=ge:2015+le:2020&sort=series_key+TIME_PERIOD:desc")
    encoded = v2(
        "data", "c%5BFREQ%5D=A%2CM&c%5BTIME_PERIOD%5D=ge%3A2015%2Ble%3A2020&sort=series_key%2BTIME_PERIOD%3Adesc"
    )

    assert plain == encoded
    assert plain.sort == (Sort("series_key"), Sort("TIME_PERIOD", True))


def test_dataflows_of_version_1_by_one_two_and_three_names():
    assert v1("data/SDG").context == Context("dataflow", ("*",), ("SDG",), ("~",))
    assert v1("data/KG,SDG").context == Context("dataflow", ("KG",), ("SDG",), ("~",))
    assert v1("data/KG,SDG,1.8/all/all").context == Context("dataflow", ("KG",), ("SDG",), ("1.8",))


def test_keys_of_version_1():
    assert v1("data/SDG/A..KG+TJ").keys == ((("A",), (), ("KG", "TJ")),)
    assert v1("data/SDG/all").keys == v1("data/SDG/...").keys == ()


def test_details_of_version_1():
    found = {detail: v1("data/SDG", f"detail={detail}") for detail in url_v1.DATA_DETAILS}

    assert found["serieskeysonly"].attributes == ("none",)
    assert [query.observations for query in found.values()] == [True, True, False, False]


@pytest.mark.parametrize(
    ("module", "path", "query", "named"),
    [
        (url_v2, "data", "lastNObservation=1", "lastNObservations"),
        (url_v2, "data", "startPeriod=2015", "startPeriod"),
        (url_v2, "data", "detail=full", "detail"),
        (url_v2, "availability", "offset=1", "offset"),
        (url_v2, "structure", "mode=exact", "mode"),
        (url_v2, "data", "limit=-1", "limit"),
        (url_v2, "data", "limit=1.5", "limit"),
        (url_v2, "data", "limit=٣", "limit"),
        (url_v2, "data", "limit=", "limit"),
        (url_v2, "data", "limit", "limit"),
        (url_v2, "data", "limit=1&limit=2", "twice"),
        (url_v2, "data", "firstNObservations=0", "firstNObservations"),
        (url_v2, "data", "updatedAfter=2026-02-30T00:00:00", "updatedAfter"),
        (url_v2, "data", "asOf=yesterday", "asOf"),
        (url_v2, "data", "includeHistory=maybe", "includeHistory"),
        (url_v2, "data", "reportingYearStartDay=--13-01", "reportingYearStartDay"),
        (url_v2, "data", "sort=A:up", "sort"),
        (url_v2, "data", "sort=A++B", "sort"),
        (url_v2, "data", "c[FREQ]=A,,B", "FREQ"),
        (url_v2, "data", "c[FREQ]=A+", "FREQ"),
        (url_v2, "data", "c[FREQ]=ge:", "FREQ"),
        (url_v2, "data", "c[FREQ]=A&c[FREQ]=B", "twice"),
        (url_v2, "data", "c[]=A", "c[]"),
        (url_v2, "data", "c[X]=" + ",".join(["a+b"] * 11), "1000"),
        (url_v2, "data", "x=%ff", "UTF-8"),
        (url_v2, "data", "x=%00", "NUL"),
        (url_v2, "data/flow", "", "context"),
        (url_v2, "data/dataflow/KG/SDG/1.0/A+B", "", "plus"),
        (url_v2, "data/dataflow/KG/SDG/1.0/A..B", "", "A..B"),
        (url_v2, "data/dataflow/KG/SDG/1.0/A,,B", "", "A,,B"),
        (url_v2, "data/dataflow/KG/SDG/1.0/A/B", "", "'B'"),
        (url_v2, "data/dataflow/KG/SDG/one", "", "version"),
        (url_v2, "data/dataflow//SDG", "", "empty"),
        (url_v2, "structure/dataflow/KG/SDG/1.0/ITEM", "", "dataflow"),
        (url_v2, "schema/dataflow/KG", "", "schema"),
        (url_v2, "schema/dataflow/KG/*", "", "one artefact"),
        (url_v1, "data", "", "dataflow"),
        (url_v1, "data/all", "", "one dataflow"),
        (url_v1, "data/A,B,1.0,D", "", "AGENCY,FLOW,VERSION"),
        (url_v1, "data/SDG/A.*.KG", "", "'*'"),
        (url_v1, "data/SDG/A++B", "", "A++B"),
        (url_v1, "data/SDG", "startPeriod=2015-13", "startPeriod"),
        (url_v1, "data/SDG", "detail=some", "detail"),
        (url_v1, "data/SDG", "asOf=2020-01-01", "asOf"),
        (url_v1, "data/SDG", "c[FREQ]=A", "c[FREQ]"),
    ],
)
def test_what_is_not_understood_is_named(module, path, query, named):
    with pytest.raises(SyntaxFault) as caught:
        module.parse(path, query)

    assert named in caught.value.text["en"]
    assert caught.value.text["zh"] != caught.value.text["en"]


@pytest.mark.parametrize("module", [url_v1, url_v2])
@pytest.mark.parametrize("path", ["", "datum", "data.json"])
def test_other_resources_are_not_there(module, path):
    with pytest.raises(NotThere):
        module.parse(path, "")


def test_what_the_standard_has_and_we_have_not():
    with pytest.raises(NotOffered):
        url_v2.parse("registration/id/1", "")
    with pytest.raises(NotOffered, match="endPeriod"):
        url_v1.parse("metadata/MDF", "endPeriod=2020")


def test_a_long_url_is_refused_before_it_is_read():
    with pytest.raises(TooLong, match="8000"):
        url_v2.parse("data", "c[SERIES]=" + "A," * 5_000)


def test_any_fault_has_a_status_of_either_version():
    statuses = {kind.status for kind in Fault.__subclasses__()}

    assert {204, 400, 404, 405, 406, 413, 414, 422, 501, 503} <= statuses
