"""Pictures of publications: where they come from, and what strangers' pictures cannot do."""

import base64
import io
import struct
import time
import zlib
from types import SimpleNamespace

import pytest
from PIL import Image

from regional_hub.core import goals
from regional_hub.core.files import Files
from regional_hub.showcase import charts, covers, pictures
from regional_hub.showcase.pictures import Candidate
from regional_hub.showcase.svg_clean import NotDrawn, cleaned

NAMES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
SVG = f'<svg {NAMES} width="300" height="150">{{}}</svg>'
RED = '<rect width="300" height="150" fill="#ff0000"/>'


def picture_bytes(format="PNG", size=(300, 150), colour="red", **more):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, format, **more)
    return out.getvalue()


def notebook(*outputs, **metadata):
    return {"cells": [{"cell_type": "code", "source": "", "metadata": metadata, "outputs": list(outputs)}]}


def output(mime, content, **metadata):
    data = content if isinstance(content, (str, dict)) else base64.b64encode(content).decode()
    return {"output_type": "display_data", "data": {mime: data}, "metadata": metadata}


@pytest.fixture
def ensure(tmp_path):
    """Makes the pictures of a publication with this notebook and these files; returns what from, and the large one."""

    def make(content, chosen=b"", draw=None, of_goals=(3,)):
        files = Files(tmp_path / "objects")
        manifest = {"files": {}, "entry": "a.ipynb"}
        if chosen:
            kept = files.put(chosen)
            manifest |= {"picture": "cover.png", "files": {"cover.png": {"sha256": kept.sha256, "size": kept.size}}}
        revision = SimpleNamespace(digest="d" * 64, manifest=manifest, built={})
        publication = SimpleNamespace(slug="a", goals=list(of_goals), public_revision=revision)
        folder = tmp_path / "pictures"
        made = pictures.ensure(files, folder, publication, content, draw)
        return made, Image.open(pictures.place(folder, f"{pictures.key(publication)}-large.jpg"))

    return make


def middle(picture):
    return picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))


def is_red(picture):
    red, green, blue = middle(picture)
    return red > 200 and green < 60 and blue < 60


# -- where it comes from -----------------------------------------------------------------------------------------------


def test_what_the_author_chose_comes_first(ensure):
    blue = output("image/png", picture_bytes(colour="blue"))

    made, picture = ensure(notebook(blue), chosen=picture_bytes(colour="red"))

    assert made == "image/*" and is_red(picture) and picture.size == (1200, 630)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_else_the_first_picture_of_the_run(ensure, format):
    first = output(f"image/{format.lower()}", picture_bytes(format))

    made, picture = ensure(
        notebook(output("text/plain", "x"), first, output("image/png", picture_bytes(colour="blue")))
    )

    assert made == f"image/{format.lower()}" and is_red(picture)


def test_a_drawing_in_svg_is_drawn(ensure):
    made, picture = ensure(notebook(output("image/svg+xml", SVG.format(RED))))

    assert made == "image/svg+xml" and is_red(picture)


def test_a_chart_of_vega_lite_is_drawn(ensure):
    spec = {"data": {"values": [{"a": 1}]}, "mark": {"type": "rect", "color": "red"}, "width": 300, "height": 150}

    made, picture = ensure(notebook(output("application/vnd.vegalite.v5+json", spec)), draw=charts.drawer())

    assert made == "application/vnd.vegalite.v5+json" and is_red(picture)


def test_else_a_cover_in_the_colours_of_its_goals(ensure):
    made, picture = ensure(notebook(output("text/plain", "x")))

    assert made == "cover" and picture.size == (1200, 630)
    seen = covers.cover("x", [3], (600, 300)).getcolors(100)
    assert any("#{:02x}{:02x}{:02x}".format(*colour) == goals.facts()["3"]["colour"] for _, colour in seen)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (notebook(output("image/png", b"x", alt="of the output")), "of the output"),
        (notebook(output("image/png", b"x", **{"image/png": {"alt": "of the kind"}})), "of the kind"),
        (notebook(output("image/png", b"x"), alt="of the cell"), "of the cell"),
        (notebook(output("application/vnd.vegalite.v5+json", {"description": "of the chart"})), "of the chart"),
        (notebook(output("image/png", b"x")), ""),
    ],
)
def test_the_authors_text_of_a_picture_is_kept(made, expected):
    assert next(pictures.of_outputs(made)).alt == expected


def test_making_one_changes_nothing_for_other_threads(monkeypatch):
    import warnings

    # Once two requests at a time left the whole portal with warnings as errors, and no file was sent any more.
    monkeypatch.setattr(warnings, "catch_warnings", lambda *a, **k: pytest.fail("filters are the whole process's"))

    assert is_red(pictures.opened(Candidate("image/png", picture_bytes())))


# -- strangers' pictures -----------------------------------------------------------------------------------------------


def png_of(width, height):
    """A PNG that says to be of this size, with next to nothing in it."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 1), (1, 2**31 - 1), (0, 0), (5001, 5001)])
def test_a_bomb_is_not_unpacked(size):
    began = time.perf_counter()

    assert pictures.opened(Candidate("image/png", png_of(*size))) is None
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("format", ["GIF", "BMP", "TIFF", "ICO", "PPM"])
def test_other_formats_are_not_decoded_whatever_they_are_called(format):
    assert pictures.opened(Candidate("image/png", picture_bytes(format, (32, 32)))) is None


@pytest.mark.parametrize(
    "data", [b"", b"x", b"<svg", picture_bytes()[:60], b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_broken_or_no_picture_is_passed_over(ensure, data):
    good = output("image/png", picture_bytes())

    made, picture = ensure(notebook(output("image/jpeg", data), good), chosen=data)

    assert made == "image/png" and is_red(picture)


def test_what_else_is_in_a_file_is_not_shown(ensure):
    told = Image.Exif()
    told[0x010E] = "taken at home"

    _made, picture = ensure(notebook(output("image/jpeg", picture_bytes("JPEG", exif=told))))

    assert not picture.getexif() and b"taken at home" not in picture.fp.read()


@pytest.mark.parametrize(
    "evil",
    [
        '<image href="file:///etc/passwd" width="9" height="9"/>',
        '<image xlink:href="http://127.0.0.1:9/x.png" width="9" height="9"/>',
        "<script>alert(1)</script>",
        '<foreignObject><iframe src="http://127.0.0.1:9/"/></foreignObject>',
        '<style>@import url("http://127.0.0.1:9/x.css");</style>',
        "<style>rect{fill:url(http://127.0.0.1:9/x)}</style>",
        '<rect onload="alert(1)" fill="url(http://127.0.0.1:9/#a)"/>',
        '<use href="http://127.0.0.1:9/x.svg#a"/>',
        '<g xmlns:x="urn:x" x:href="http://127.0.0.1:9/"/>',
        '<rect style="fill:\\75rl(http://127.0.0.1:9/)"/>',
        '<filter id="f"><feImage href="file:///etc/passwd"/></filter>',
        '<animate attributeName="href" to="http://127.0.0.1:9/"/>',
    ],
)
def test_a_drawing_keeps_its_shapes_and_nothing_that_loads_or_runs(evil):
    made = cleaned(SVG.format(RED + evil)).svg

    assert "#ff0000" in made
    for word in ("127.0.0.1", "passwd", "script", "onload", "iframe", "@import"):
        assert word not in made


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + SVG.format("<text>&b;</text>"),
        '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + SVG.format("<text>&x;</text>"),
        "<html/>", "<svg/>", "not XML", "", SVG.format("<g>" * 70_000 + "</g>" * 70_000), SVG.format("<g/>" * 70_000),
        SVG.replace('width="300"', 'width="900000"').format(RED),
        SVG.replace('width="300"', 'width="nan"').replace('height="150"', 'height="inf"').format(RED),
        SVG.format('<defs><g id="a"><rect/></g><g id="b"><use href="#a"/><use href="#a"/></g></defs><use href="#b"/>'),
        SVG.format(" " * 2_100_000),
    ],
    ids=["laughs", "external", "html", "bare", "text", "empty", "deep", "many", "wide", "nan", "nested", "large"],
)  # fmt: skip
def test_a_drawing_that_would_not_end_or_is_none_is_not_drawn(text):
    with pytest.raises(NotDrawn):
        cleaned(text)


def test_a_drawing_that_takes_too_long_ends_and_a_cover_stands_there(ensure, monkeypatch):
    monkeypatch.setattr(pictures, "SECONDS", 0.01)

    assert ensure(notebook(output("image/svg+xml", SVG.format(RED))))[0] == "cover"


@pytest.mark.parametrize("name", ["../x", "..", "", "a" * 32, f"{'a' * 32}-card.webp/../x", f"{'A' * 32}-card.webp",
                                  f"{'a' * 32}-card.svg", f"{'a' * 32}-card.webp\n"])  # fmt: skip
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(ValueError, match="not the name"):
        pictures.place(tmp_path, name)


def test_the_cards_have_the_colours_of_the_goals():
    from pathlib import Path

    import regional_hub.showcase

    css = (Path(regional_hub.showcase.__file__).parent / "static/showcase/gallery.css").read_text()
    for number, facts in goals.facts().items():
        block = css.split(f".goal-{number} {{", 1)[1].split("}", 1)[0]
        assert f"--goal: {facts['colour']};" in block
        assert f"--goal-ink: {facts['ink'][:4]};" in block
