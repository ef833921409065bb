"""Every URL that pysdmx's query builder makes is read as the query it came from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pysdmx", reason="pysdmx is not installed")

from pysdmx.api.dc.query import (
    BooleanFilter,
    DateTimeFilter,
    LogicalOperator,
    MultiFilter,
    NumberFilter,
    Operator,
    SortBy,
    TextFilter,
)
from pysdmx.api.qb import availability, data, refmeta, schema, structure
from pysdmx.api.qb.util import ApiVersion

from regional_hub.sdg.rest import queries, url_v1, url_v2
from regional_hub.sdg.selection import Condition, Sort

some_urls = settings(max_examples=60, deadline=None)

V2 = st.sampled_from([ApiVersion.V2_2_0, ApiVersion.V2_2_1, ApiVersion.V2_2_2])
short = st.booleans()
agency = st.from_regex(r"[A-Z][A-Z0-9_-]{0,4}(\.[A-Z]{1,3})?", fullmatch=True)
identifier = st.from_regex(r"[A-Za-z][A-Za-z0-9_@$-]{0,6}", fullmatch=True).filter(lambda text: text not in ("all",))
component = st.from_regex(r"[A-Z][A-Z_]{0,6}", fullmatch=True)
version = st.sampled_from(["1.0", "1.0.0", "2.3.1-draft", "~", "+", "1.2+.0", "*"])
plain_version = st.sampled_from(["1.0", "2.3.1", "~"])
code = st.from_regex(r"[A-Z0-9_@$-]{1,4}", fullmatch=True)


def some(one, least=1):
    """One, or several in a list; a star for all."""
    return st.one_of(st.just("*"), one, st.lists(one, min_size=least, max_size=3))


def many(value) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


EARLIEST, LATEST = datetime(1990, 1, 1), datetime(2030, 1, 1)  # noqa: DTZ001 - the builder takes moments without a zone
ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=6)), timezone(-timedelta(hours=3, minutes=30))])
moments = st.datetimes(EARLIEST, LATEST, timezones=ZONES).map(lambda when: when.replace(microsecond=0))


def moment(when: datetime | None) -> datetime | None:
    return when if when is None or when.tzinfo else when.replace(tzinfo=UTC)


# -- filters ---------------------------------------------------------------------------------------------------------

WORDS = {
    Operator.EQUALS: "eq",
    Operator.NOT_EQUALS: "ne",
    Operator.LESS_THAN: "lt",
    Operator.LESS_THAN_OR_EQUAL: "le",
    Operator.GREATER_THAN: "gt",
    Operator.GREATER_THAN_OR_EQUAL: "ge",
}
text = st.text(
    st.characters(categories=["L", "N", "Zs"], include_characters="-_.'\"<>!~*()@$/"), min_size=1, max_size=8
)
value = {
    TextFilter: text,
    NumberFilter: st.one_of(
        st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3))
    ),
    DateTimeFilter: moments,
}


def spelled(given) -> str:
    return given.isoformat("T", "seconds") if isinstance(given, datetime) else str(given)


@st.composite
def comparisons(draw, field):
    kind = draw(st.sampled_from(list(value)))
    operator = draw(st.sampled_from(list(WORDS)))
    found = draw(value[kind])
    return kind(field, operator, found), ((Condition(WORDS[operator], spelled(found)),),)


@st.composite
def single_filters(draw, field):
    made = draw(st.integers(0, 4))
    if made == 0:
        kind = draw(st.sampled_from([TextFilter, NumberFilter]))
        values = draw(st.lists(value[kind], min_size=1, max_size=3))
        return kind(field, Operator.IN, values), tuple((Condition("eq", spelled(one)),) for one in values)
    if made == 1:
        kind = draw(st.sampled_from([NumberFilter, DateTimeFilter]))
        low, high = draw(value[kind]), draw(value[kind])
        return kind(field, Operator.BETWEEN, [low, high]), (
            (Condition("ge", spelled(low)), Condition("le", spelled(high))),
        )
    if made == 2:
        word, pattern = draw(st.sampled_from([("co", "%{}%"), ("sw", "{}%"), ("ew", "%{}"), ("nc", "%{}%")]))
        found = draw(text)
        operator = Operator.NOT_LIKE if word == "nc" else Operator.LIKE
        return TextFilter(field, operator, pattern.format(found)), ((Condition(word, found),),)
    if made == 3:
        found = draw(st.booleans())
        return BooleanFilter(field, Operator.EQUALS, found), ((Condition("eq", str(found)),),)
    return draw(comparisons(field))


@st.composite
def filters(draw):
    """What the builder is given, and the component filters that it means."""
    fields = draw(st.lists(component, max_size=3, unique=True))
    if not fields:
        return None, ()
    if len(fields) == 1:
        one, meaning = draw(single_filters(fields[0]))
        return one, (queries.ComponentFilter(fields[0], meaning),)
    given, meant = [], []
    for field in fields:
        if draw(st.booleans()):
            one, meaning = draw(single_filters(field))
            given.append(one)
        else:
            both = [draw(comparisons(field)) for _ in range(2)]
            given += [one for one, _ in both]
            meaning = (tuple(condition for _, ((condition,),) in both),)
        meant.append(queries.ComponentFilter(field, meaning))
    return MultiFilter(filters=given, operator=LogicalOperator.AND), tuple(meant)


# -- keys and contexts -------------------------------------------------------------------------------------------------

key = st.lists(st.one_of(st.just("*"), code), min_size=1, max_size=4).map(".".join)


def patterns(keys) -> tuple[queries.KeyPattern, ...]:
    found = tuple(tuple(() if part == "*" else (part,) for part in one.split(".")) for one in many(keys))
    return () if any(not any(one) for one in found) else found


def context(query) -> queries.Context:
    return queries.Context(query.context.value, many(query.agency_id), many(query.resource_id), many(query.version))


contexts = st.fixed_dictionaries(
    {
        "context": st.sampled_from(list(data.DataContext)),
        "agency_id": some(agency),
        "resource_id": some(identifier),
        "version": some(version),
        "key": some(key),
    }
)


def parsed(module, url: str) -> queries.Query:
    path, _, query = url.partition("?")
    return module.parse(path, query).query


# -- version 2 ---------------------------------------------------------------------------------------------------------


@some_urls
@given(
    contexts,
    filters(),
    st.fixed_dictionaries(
        {
            "updated_after": st.none() | moments,
            "first_n_obs": st.none() | st.integers(1, 10**6),
            "last_n_obs": st.none() | st.integers(1, 10**6),
            "obs_dimension": st.none() | component,
            "attributes": st.sampled_from(["dsd", "msd", "all", "none", "series"])
            | st.lists(component, min_size=1, max_size=3),
            "measures": st.sampled_from(["all", "none"]) | st.lists(component, min_size=1, max_size=3),
            "include_history": st.booleans(),
            "offset": st.integers(0, 10**9),
            "limit": st.none() | st.integers(0, 10**9),
            "sort": st.lists(
                st.builds(SortBy, component | st.just("series_key"), st.sampled_from(["asc", "desc"])), max_size=3
            ),
            "as_of": st.none() | moments,
            "reporting_year_start_day": st.none() | st.sampled_from(["--01-01", "--07-01"]),
        }
    ),
    V2,
    short,
)
def test_data_of_version_2(where, chosen, other, api, omit):
    query = data.DataQuery(**where, components=chosen[0], **other)

    assert parsed(url_v2, query.get_url(api, omit)) == queries.DataQuery(
        context(query),
        patterns(query.key),
        chosen[1],
        moment(query.updated_after),
        query.first_n_obs,
        query.last_n_obs,
        query.obs_dimension or "",
        many(query.attributes),
        many(query.measures),
        query.include_history,
        query.offset,
        query.limit,
        tuple(Sort(one.component, one.order == "desc") for one in query.sort),
        moment(query.as_of),
        query.reporting_year_start_day or "",
    )


REFERENCES = st.sampled_from(availability.REFERENCES_V2)


@some_urls
@given(
    contexts,
    some(component),
    filters(),
    st.none() | moments,
    REFERENCES | st.lists(REFERENCES, min_size=1, max_size=3),
    st.sampled_from(list(availability.AvailabilityMode)),
    V2,
    short,
)
def test_availability_of_version_2(where, components, chosen, after, references, mode, api, omit):
    query = availability.AvailabilityQuery(
        **where, component_id=components, components=chosen[0], updated_after=after, references=references, mode=mode
    )

    words = references if isinstance(references, list) else [references]
    assert parsed(url_v2, query.get_url(api, omit)) == queries.AvailabilityQuery(
        context(query),
        patterns(query.key),
        many(components),
        chosen[1],
        moment(after),
        tuple(word.value for word in words),
        mode.value,
    )


@some_urls
@given(
    st.sampled_from(sorted(structure._V2_0_RESOURCES, key=str)),
    some(agency),
    some(identifier),
    some(version),
    some(identifier),
    st.sampled_from(list(structure.StructureDetail)),
    st.sampled_from(list(structure.StructureReference)),
    st.none() | moments,
    V2,
    short,
)
def test_structures_of_version_2(kind, agencies, ids, versions, items, detail, references, as_of, api, omit):
    if references.is_artefact_type() and structure.StructureType(references.value) not in structure._V2_0_RESOURCES:
        references = structure.StructureReference.NONE
    items = items if kind in structure.ITEM_SCHEMES else "*"
    query = structure.StructureQuery(kind, agencies, ids, versions, items, detail, references, as_of)

    assert parsed(url_v2, query.get_url(api, omit)) == queries.StructureQuery(
        kind.value,
        many(agencies),
        many(ids),
        many(versions),
        many(items),
        detail.value,
        references.value,
        moment(as_of),
    )


@some_urls
@given(
    st.sampled_from(list(schema.SchemaContext)),
    agency,
    identifier,
    plain_version,
    st.none() | component,
    st.booleans(),
    st.none() | moments,
    V2,
    short,
)
def test_schemas_of_version_2(kind, owner, id, number, dimension, deletion, as_of, api, omit):
    query = schema.SchemaQuery(kind, owner, id, number, dimension, False, deletion, as_of)

    assert parsed(url_v2, query.get_url(api, omit)) == queries.SchemaQuery(
        kind.value, owner, id, number, dimension or "", False, deletion, moment(as_of)
    )


DETAIL = st.sampled_from(list(refmeta.RefMetaDetail))
# The builder's short form prints a list as Python does; whole URLs are made for lists.
WHOLE = some(agency), some(identifier), some(plain_version)


@some_urls
@given(
    *WHOLE,
    some(agency),
    st.sampled_from(sorted(structure._V2_0_RESOURCES, key=str)),
    DETAIL,
    st.none() | moments,
    short,
)
def test_metadata_of_version_2(owners, ids, versions, providers, kind, detail, as_of, omit):
    if omit:
        owners, ids, versions, providers = (
            "XX" if isinstance(each, list) else each for each in (owners, ids, versions, providers)
        )
        versions = "1.0" if versions == "XX" else versions
    ends = many(owners), many(ids), many(versions)
    rest = detail.value, moment(as_of)
    by_set = refmeta.RefMetaByMetadatasetQuery(owners, ids, versions, detail, as_of)
    by_structure = refmeta.RefMetaByStructureQuery(kind, owners, ids, versions, detail, as_of)
    by_flow = refmeta.RefMetaByMetadataflowQuery(owners, ids, versions, providers, detail, as_of)

    found = [parsed(url_v2, query.get_url(ApiVersion.V2_2_2, omit)) for query in (by_set, by_structure, by_flow)]

    assert found == [
        queries.MetadataQuery("metadataset", "*", *ends, ("*",), *rest),
        queries.MetadataQuery("structure", kind.value, *ends, ("*",), *rest),
        queries.MetadataQuery("metadataflow", "*", *ends, many(providers), *rest),
    ]


# -- version 1 ---------------------------------------------------------------------------------------------------------

key_v1 = st.lists(
    st.lists(code.filter(lambda text: text != "all"), max_size=2).map("+".join), min_size=2, max_size=4
).map(".".join)


def patterns_v1(text: str) -> tuple[queries.KeyPattern, ...]:
    if text == "*":
        return ()
    pattern = tuple(tuple(part.split("+")) if part else () for part in text.split("."))
    return (pattern,) if any(pattern) else ()


def context_v1(query) -> queries.Context:
    number = "~" if query.version == "*" else query.version
    return queries.Context("dataflow", (query.agency_id,), (query.resource_id,), (number,))


flows = st.tuples(st.just("*") | agency, identifier, st.just("*") | plain_version)


@some_urls
@given(
    flows,
    st.just("*") | key_v1,
    st.none() | moments,
    st.none() | st.integers(1, 99),
    st.none() | st.integers(1, 99),
    st.none() | component,
    st.sampled_from([("dsd", "all"), ("none", "all"), ("series", "none"), ("dsd", "none")]),
    st.booleans(),
    short,
)
def test_data_of_version_1(flow, keys, after, first, last, dimension, detail, history, omit):
    query = data.DataQuery(
        data.DataContext.DATAFLOW, *flow, keys, None, after, first, last, dimension, detail[0], detail[1], history
    )

    attributes = {"none": ("none",), "series": ("none",), "dsd": ("dsd",)}[detail[0]]
    attributes = ("dataset", "series") if detail == ("dsd", "none") else attributes
    assert parsed(url_v1, query.get_url(ApiVersion.V1_5_0, omit)) == queries.DataQuery(
        context_v1(query),
        patterns_v1(keys),
        (),
        moment(after),
        first,
        last,
        dimension or "",
        attributes,
        (detail[1],),
        history,
    )


@some_urls
@given(
    flows,
    st.just("*") | key_v1,
    st.just("*") | component,
    st.none() | moments,
    st.sampled_from(availability.REFERENCES_V1),
    st.sampled_from(list(availability.AvailabilityMode)),
    short,
)
def test_availability_of_version_1(flow, keys, part, after, references, mode, omit):
    part = "*" if omit else part  # the builder's short form leaves the component out
    query = availability.AvailabilityQuery(data.DataContext.DATAFLOW, *flow, keys, part, None, after, references, mode)

    assert parsed(url_v1, query.get_url(ApiVersion.V1_5_0, omit)) == queries.AvailabilityQuery(
        context_v1(query), patterns_v1(keys), (part,), (), moment(after), (references.value,), mode.value
    )


@some_urls
@given(
    st.sampled_from(sorted(structure._V1_5_RESOURCES, key=str)),
    some(agency),
    some(identifier),
    some(plain_version),
    some(identifier),
    st.sampled_from([detail for detail in structure.StructureDetail if detail.value != "raw"]),
    st.sampled_from(list(structure.StructureReference)),
    short,
)
def test_structures_of_version_1(kind, agencies, ids, versions, items, detail, references, omit):
    if references.value == "ancestors" or (
        references.is_artefact_type() and structure.StructureType(references.value) not in structure._V1_5_RESOURCES
    ):
        references = structure.StructureReference.NONE
    items = items if kind in structure.ITEM_SCHEMES else "*"
    query = structure.StructureQuery(kind, agencies, ids, versions, items, detail, references)

    assert parsed(url_v1, query.get_url(ApiVersion.V1_5_0, omit)) == queries.StructureQuery(
        kind.value, many(agencies), many(ids), many(versions), many(items), detail.value, references.value
    )


@some_urls
@given(
    st.sampled_from([kind for kind in schema.SchemaContext if kind.value != "metadataprovisionagreement"]),
    agency,
    identifier,
    plain_version,
    st.none() | component,
    st.booleans(),
    short,
)
def test_schemas_of_version_1(kind, owner, id, number, dimension, explicit, omit):
    query = schema.SchemaQuery(kind, owner, id, number, dimension, explicit)

    assert parsed(url_v1, query.get_url(ApiVersion.V1_5_0, omit)) == queries.SchemaQuery(
        kind.value, owner, id, number, dimension or "", explicit
    )
