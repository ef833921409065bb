"""What changed with each release, and that an embargo keeps it secret until its moment."""

from datetime import timedelta
from decimal import Decimal

import duckdb
import pytest

from regional_hub.sdg.explorer import news
from regional_hub.sdg.explorer.news import Choice, Counts
from regional_hub.sdg.store import Store
from tests.sdg.stores import FLOW, Clock, drafted, published


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path, clock) -> Store:
    return Store(tmp_path, clock=clock)


def of(store: Store, release) -> news.News:
    return news.news(store, release)


def held(store: Store, *lines: str, until, series: str, name: str | None = None):
    """A release in which one series waits for a moment."""
    draft = drafted(store, *lines)
    draft.embargo({"SERIES": [series]}, until.isoformat(), by="ann")
    draft.validate()
    return store.publish(draft, by="bob", name=name)


def test_a_change_says_what_it_was_and_what_it_is(store):
    published(store, "POV KG F 2019 12.50 A", "POV KG F 2020 11 A", "POV KG M 2019 9 A")
    second = published(
        store, "POV KG F 2019 12.1 A", "D:POV KG F 2020 - -", "POV KG M 2019 9 E later", "POV KG F 2021 10 A"
    )

    rows = {(row.codes["SEX"], row.time): row for row in of(store, second).rows(limit=10)}

    assert of(store, second).counts() == Counts(added=1, revised=1, annotated=1, withdrawn=1)
    revised = rows["F", "2019"]
    assert (revised.kind, revised.old, revised.new, revised.difference) == (
        "revised",
        "12.50",
        "12.1",
        Decimal("-0.40"),
    )
    assert (rows["F", "2020"].kind, rows["F", "2020"].old, rows["F", "2020"].new) == ("withdrawn", "11", "")
    assert (rows["F", "2021"].kind, rows["F", "2021"].old, rows["F", "2021"].difference) == ("added", "", None)
    assert rows["M", "2019"].notes == (("OBS_STATUS", "A", "E"), ("COMMENT_OBS", "", "later"))


def test_all_of_a_first_release_is_new(store):
    first = published(store, "POV KG F 2019 12 A", "MORT KG F 2019 3 A")

    assert of(store, first).counts() == Counts(added=2)
    assert of(store, first).by("SERIES") == {"MORT": Counts(added=1), "POV": Counts(added=1)}


def test_changes_are_chosen_by_series_area_and_kind(store):
    published(store, "POV KG F 2019 1 A", "POV KZ F 2019 1 A", "MORT KG F 2019 1 A")
    second = published(store, "POV KG F 2019 2 A", "POV KZ F 2019 2 A", "MORT KG F 2019 2 A", "MORT KG F 2020 2 A")
    found = of(store, second)

    assert found.counts(Choice(series=("POV",))).total == 2
    assert found.counts(Choice(series=("POV",), area="KG")).total == 1
    assert found.counts(Choice(kinds=("added",))) == Counts(added=1)
    assert found.counts(Choice(series=())).total == 0
    assert [row.codes["SERIES"] for row in found.rows(Choice(area="KG"), limit=2, offset=1)] == ["MORT", "POV"]


def test_an_embargoed_series_is_nowhere_before_its_time_and_everywhere_after(store, clock):
    published(store, "POV KG F 2019 1 A", "MORT KG F 2019 1 A")
    end = clock.now + timedelta(days=3)
    second = held(store, "POV KG F 2019 2 A", "MORT KG F 2019 666 A", until=end, series="MORT")

    before = of(store, second)
    kept = [news.occasions(store.timeline(FLOW), clock())]

    assert before.counts() == Counts(revised=1)
    assert list(before.by("SERIES")) == ["POV"] and before.by("REF_AREA") == {"KG": Counts(revised=1)}
    assert "MORT" not in repr(before.rows(limit=10))
    assert "666" not in str([batch.to_pylist() for batch in before.batches()])
    assert [occasion.kind for occasion in kept[0]] == ["release", "release"]

    clock.now = end
    after = of(store, second)
    occasions = news.occasions(store.timeline(FLOW), clock())

    assert after.counts() == Counts(revised=2)
    assert [(row.codes["SERIES"], row.new) for row in after.rows(limit=10)] == [("MORT", "666"), ("POV", "2")]
    assert (occasions[0].kind, occasions[0].at, occasions[0].release.id) == ("embargo", end, second.id)
    assert after.counts(Choice(at=end)) == Counts(revised=1)
    assert after.counts(Choice(at=occasions[1].at)) == Counts(revised=1)


def test_a_release_on_top_of_an_embargo_keeps_the_secret(store, clock):
    published(store, "MORT KG F 2019 1 A")
    end = clock.now + timedelta(days=3)
    held(store, "MORT KG F 2019 666 A", until=end, series="MORT")
    third = published(store, "MORT KG F 2019 667 A", "POV KG F 2019 5 A")

    assert of(store, third).counts() == Counts(added=1)
    clock.now = end
    assert of(store, third).counts() == Counts(added=1, revised=1)


def test_a_lifted_embargo_tells_at_once_and_a_later_one_hides_again(store, clock):
    published(store, "MORT KG F 2019 1 A")
    second = held(store, "MORT KG F 2019 666 A", until=clock.now + timedelta(days=30), series="MORT")
    (embargo,) = store.timeline(FLOW).embargoes

    store.lift(embargo.id, by="ann", reason="asked for")
    assert of(store, second).counts() == Counts(revised=1)
    store.embargo(FLOW, {"SERIES": ["MORT"]}, clock.now + timedelta(days=1), by="ann", reason="an error")
    assert of(store, second).counts() == Counts()
    assert of(store, second).rows(limit=10) == []


def test_many_embargoes_make_no_long_question(store, clock):
    published(store, "POV KG F 2019 1 A")
    draft = drafted(store, "POV KG F 2019 2 A")
    for number in range(40):
        draft.embargo({"SERIES": [f"S{number}"]}, (clock.now + timedelta(days=number + 1)).isoformat(), by="ann")
    draft.validate()

    assert of(store, store.publish(draft, by="bob")).counts() == Counts(revised=1)


def test_a_rollback_says_what_went_back(store):
    first = published(store, "POV KG F 2019 1 A")
    published(store, "POV KG F 2019 2 A")

    third = store.rollback(FLOW, first.id, by="bob", reason="wrong file")

    (row,) = of(store, third).rows(limit=5)
    assert (row.kind, row.old, row.new) == ("revised", "2", "1")
    assert news.occasions(store.timeline(FLOW), store.clock())[0].rollback_of == first.id


def test_the_releases_of_unsd_are_counted_as_their_files_say(built):
    store = Store(built)
    file = built / "releases" / "2019.Q2.G.01" / "observations.parquet"
    before = built / "releases" / "2019.Q1.G.03" / "observations.parquet"
    key = "SERIES, REF_AREA, SEX, AGE, URBANISATION, TIME_PERIOD"
    oracle = f"""
        SELECT count(*) FILTER (WHERE b.OBS_VALUE IS NULL), count(*) FILTER (WHERE a.OBS_VALUE <> b.OBS_VALUE),
            count(*) FILTER (WHERE a.OBS_VALUE IS NULL)
        FROM (SELECT {key}, OBS_VALUE FROM '{file}') a FULL JOIN (SELECT {key}, OBS_VALUE FROM '{before}') b
        USING ({key})"""

    ((added, revised, withdrawn),) = duckdb.sql(oracle).fetchall()
    found = of(store, store.release("2019.Q2.G.01")).counts()

    assert (found.added, found.revised, found.withdrawn) == (added, revised, withdrawn) == (281, 163, 1)
