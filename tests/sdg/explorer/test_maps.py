"""Maps: every country has a tile, each area its value, and boundary files that cannot be used say why."""

import json

import pytest

from regional_hub.sdg.explorer import boundaries, charts, figure, maps
from regional_hub.sdg.explorer.book import open_book
from regional_hub.sdg.explorer.boundaries import BoundaryError
from regional_hub.sdg.explorer.look import Look
from regional_hub.sdg.explorer.state import parse
from tests.sdg import world


def square(code: object, x: float, y: float, name: str = "M49") -> dict:
    ring = [[x, y], [x, y + 5], [x + 5, y + 5], [x + 5, y], [x, y]]
    return {"type": "Feature", "properties": {name: code}, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def collection(*features: dict) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features)})


@pytest.fixture
def file(tmp_path):
    def write(text: str):
        path = tmp_path / "borders.json"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def drawn(monkeypatch, file):
    """The site's boundaries are those of a text."""

    def use(text: str, **more: str) -> None:
        path = file(text)
        monkeypatch.setattr(maps, "source", lambda: boundaries.read(path, "M49", **more))

    return use


def shown(room, flow: str, series: str, language: str = "en", **lists: list[str]):
    book = open_book(room, language, flow)
    return figure.draw(book, parse(book, series, {"area": ["*"], **lists}, charts.KINDS), "map", site="Hub")


def test_every_country_of_published_data_has_a_tile_of_its_own(room):
    there = open_book(room, "en", world.GLOBAL).release
    tiles = maps.tiles()

    places = [(tile.column, tile.row) for tile in tiles.values()]
    assert len(set(places)) == len(places) > 240
    assert {"156", "356", "417", "524", "840"} <= set(tiles) and there
    assert len({tile.letters for tile in tiles.values()}) == len(tiles)


def test_a_world_map_colours_each_area_by_its_newest_value(room):
    made = shown(room, world.GLOBAL, "SH_DYN_MORT", sex=["_T"])

    spec = charts.spec(made, Look(page=True))

    rows = {row["letters"]: row for row in spec["data"]["values"]}
    newest = next(line for line in made.lines if line.codes["REF_AREA"] == "417").valued[-1]
    assert rows["KG"]["text"] == newest.text and rows["KG"]["t"] == newest.time
    assert rows["VA"]["y"] is None, "the Holy See has no value, and is not zero"


def test_areas_below_a_country_are_laid_out_with_their_names(room):
    spec = charts.spec(shown(room, world.KYRGYZ, "SH_STA_MORT", "zh-hans"), Look())

    rows = spec["vconcat"][0]["data"]["values"] if "data" in spec["vconcat"][0] else spec["data"]["values"]
    assert {"伊塞克湖州", "比什凯克市"} <= {row["line"] for row in rows}
    assert len({(row["c"], row["r"]) for row in rows}) == len(rows)


def test_several_values_for_an_area_are_not_a_map(room):
    made = shown(room, world.GLOBAL, "SH_DYN_MORT", sex=["M", "F"])

    assert "one value for each area" in charts.problem(made)


def test_the_operators_boundaries_and_their_disclaimer_are_used(room, drawn):
    drawn(collection(square("417", 70, 38), square("004", 62, 30)), disclaimer="No opinion is implied.")

    made = shown(room, world.GLOBAL, "SH_DYN_MORT", sex=["_T"])
    spec = charts.spec(made, Look(page=True))

    assert {row["code"] for row in spec["data"]["values"]} == {"417", "4"}
    assert spec["layer"][0]["data"]["url"].startswith("/sdg/boundaries.json?v=")
    assert "No opinion is implied." in charts.footer(made)


def test_a_damaged_file_leaves_tiles(room, drawn):
    drawn("{")

    spec = charts.spec(shown(room, world.GLOBAL, "SH_DYN_MORT", sex=["_T"]), Look(page=True))

    assert any(row["letters"] == "KG" for row in spec["data"]["values"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "neither a FeatureCollection"),
        (collection(), "no features"),
        (collection(square("417", 70, 38), square("417", 1, 1)), "two features have the code '417'"),
        (collection(square("417", 70, 38), square("4", 300, 10)), "feature 2 (4) has the place"),
        (collection(square("417", 70, 38, name="ISO")), "feature 1 has no 'M49'; its properties are: ISO"),
        (collection({**square("417", 1, 1), "geometry": None}), "feature 1 (417) has no shape"),
        (json.dumps({"type": "Topology", "objects": {}, "arcs": []}), "none of its objects"),
        (
            json.dumps(
                {
                    "type": "Topology",
                    "arcs": [],
                    "objects": {"a": {"geometries": [{"type": "Polygon", "arcs": [[7]], "properties": {"M49": "4"}}]}},
                }
            ),
            "feature 1 of a names an arc that is not there",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_feature(file, text, said):
    path = file(text)

    with pytest.raises(BoundaryError) as error:
        boundaries.read(path, "M49")

    assert str(path) in str(error.value) and said in str(error.value)


def test_topojson_is_read(file):
    shape = {"type": "Polygon", "arcs": [[0]], "properties": {"M49": 417}}
    path = file(
        json.dumps(
            {
                "type": "Topology",
                "arcs": [[[70, 38], [70, 43], [75, 43], [70, 38]]],
                "objects": {"areas": {"type": "GeometryCollection", "geometries": [shape]}},
            }
        )
    )

    assert boundaries.read(path, "M49").codes == {"417"}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BoundaryError, match=r"none\.json"):
        boundaries.read(tmp_path / "none.json", "M49")
