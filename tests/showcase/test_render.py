"""A notebook as a static page: what is shown, and that nothing of it can be run."""

from __future__ import annotations

import base64
import time
from html.parser import HTMLParser

import nbformat.v4 as v4
import pytest

from regional_hub.showcase import render, sanitise
from tests.showcase.hostile import ELSEWHERE, HTML, MARKDOWN, SVG

PNG = base64.b64encode(
    b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + b"\x00\x00\x00\x01" * 2 + b"\x08\x00\x00\x00\x00"
).decode()
ALLOWED = {
    "a": {"href", "rel"},
    "img": {"src", "alt", "class", "loading"},
    "span": {"class", "lang"},
    "pre": {"class", "tabindex"},
    "div": {"class", "tabindex"},
    "p": {"class"},
}


class Elements(HTMLParser):
    def __init__(self, html: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def assert_harmless(html: str) -> None:
    for tag, attributes in Elements(html).found:
        assert tag in sanitise.TAGS, html
        ids = {"id"} if tag in {"h2", "h3", "h4", "h5", "h6"} else set()
        assert set(attributes) <= ALLOWED.get(tag, set()) | ids, html
        assert (attributes.get("src") or "data:image/").startswith("data:image/"), html
        assert (attributes.get("href") or "#").lower().startswith(("#", "http://", "https://", "mailto:")), html
        assert attributes.get("id", "part-1-1") == "part-1-1", html
        assert not (attributes.get("class") or "").startswith("position"), html


def page(*cells, **metadata):
    for number, cell in enumerate(cells, start=1):
        cell["id"] = f"c{number}"
    return render.render(v4.new_notebook(cells=list(cells), metadata=metadata))


def shown(output) -> str:
    return page(v4.new_code_cell("x", outputs=[output])).cells[0].outputs[0]


def display(data, **metadata):
    return v4.new_output("display_data", data=data, metadata=metadata)


@pytest.mark.parametrize("attack", MARKDOWN)
def test_nothing_in_a_text_can_be_run(attack):
    assert_harmless(page(v4.new_markdown_cell(attack)).cells[0].html)


@pytest.mark.parametrize("attack", HTML)
@pytest.mark.parametrize("mime", ["text/html", "text/markdown", "text/plain"])
def test_nothing_in_an_output_can_be_run(attack, mime):
    assert_harmless(shown(display({mime: attack})))


@pytest.mark.parametrize("attack", HTML)
def test_nothing_in_code_a_stream_or_an_error_can_be_run(attack):
    outputs = [v4.new_output("stream", text=attack), v4.new_output("error", ename=attack, evalue=attack, traceback=[])]
    cell = page(v4.new_code_cell(attack, outputs=outputs)).cells[0]

    for made in [cell.html, *cell.outputs]:
        assert_harmless(made)


def test_headings_have_anchors_and_make_the_contents():
    made = page(v4.new_markdown_cell("# Water *use*\n\ntext\n\n## Rivers"))

    assert [(each.text, each.level) for each in made.contents] == [("Water use", 1), ("Rivers", 2)]
    assert made.cells[0].anchor == "cell-c1"
    for each in made.contents:
        assert f'id="{each.anchor}"' in made.cells[0].html


def test_tables_links_and_highlighted_code_stay():
    text = page(v4.new_markdown_cell("|a|b|\n|-|-|\n|1|2|\n\n[un](https://un.org)\n\n```python\nimport x\n```")).cells[
        0
    ]
    table = shown(display({"text/html": "<table><tr><th colspan=2>Year</th></tr></table>"}))

    assert "<td>1</td>" in text.html and 'href="https://un.org"' in text.html
    assert '<span class="kn">import</span>' in text.html
    assert '<th colspan="2">Year</th>' in table


def test_a_picture_is_shown_with_the_words_of_its_author():
    of_output = shown(display({"image/png": PNG, "text/plain": "<Figure>"}, alt='Rivers "rise"'))
    cell = v4.new_code_cell("x", outputs=[display({"image/png": PNG})], metadata={"alt": "Of the cell"})

    assert f'src="data:image/png;base64,{PNG}"' in of_output and 'alt="Rivers &quot;rise&quot;"' in of_output
    assert 'alt="Of the cell"' in page(cell).cells[0].outputs[0]
    assert render.GENERIC_ALT in shown(display({"image/png": PNG}))


@pytest.mark.parametrize("data", ["<script>", base64.b64encode(b"<html>").decode(), 'x" onerror="window.hacked=1'])
def test_what_is_no_picture_is_not_shown_as_one(data):
    assert "<img" not in shown(display({"image/png": data}))
    assert "无法显示" in shown(display({"image/jpeg": data}))


def test_a_small_file_of_a_huge_picture_is_not_shown():
    bomb = base64.b64encode(base64.b64decode(PNG)[:16] + b"\x00\x01\x00\x00" * 2).decode()

    assert "<img" not in shown(display({"image/png": bomb}))


def test_svg_is_an_image_and_no_part_of_the_page():
    made = shown(display({"image/svg+xml": SVG}))

    assert made.startswith('<img class="notebook-picture" src="data:image/svg+xml;base64,') and "<svg" not in made
    assert "<img" not in shown(display({"image/svg+xml": '<!DOCTYPE x [<!ENTITY a "b">]><svg>&a;</svg>'}))


def test_a_picture_in_the_notebook_is_shown_and_one_elsewhere_is_not_asked_for():
    cell = v4.new_markdown_cell(f"![Map](attachment:m.png) ![Spy]({ELSEWHERE}/p.png)")
    cell["attachments"] = {"m.png": {"image/png": PNG}}
    made = page(cell).cells[0].html

    assert f'<img src="data:image/png;base64,{PNG}" alt="Map">' in made
    assert "[Spy]" in made and ELSEWHERE not in made


def test_a_terminals_colours_and_overwritten_lines_are_left_out():
    made = shown(v4.new_output("stream", text="10%\r100%\n\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x00\n"))

    assert ">100%\nred link\n</pre>" in made


def test_a_result_of_another_kind_is_named_in_both_languages():
    made = shown(display({"application/<b>": "x"}))

    assert "cannot be shown here" in made and "无法显示" in made and "<b>" not in made


@pytest.mark.parametrize(
    "output",
    [
        v4.new_output("stream", text="x" * 50_000_000),
        v4.new_output("stream", text="\x1b[" * 5_000_000),
        display({"text/html": "<b>" * 15_000_000}),
        display({"text/html": "<b>" * 100_000, "text/plain": "b"}),
        display({"image/png": "A" * 50_000_000}),
        display({"image/svg+xml": "<svg>" * 10_000_000}),
    ],
    ids=["text", "escapes", "html", "nested", "png", "svg"],
)
def test_a_huge_output_is_bounded(output):
    started = time.monotonic()
    made = shown(output)

    assert len(made) < 2_000_000 and time.monotonic() - started < 10


def test_a_notebook_of_ten_thousand_cells_is_bounded_and_says_so():
    made = page(*[v4.new_markdown_cell("x") for _ in range(10_000)])

    assert len(made.cells) == render.MOST_CELLS and "其余部分未显示" in made.note


def test_many_outputs_of_one_cell_stay_within_a_page(monkeypatch):
    monkeypatch.setattr(render, "MOST_HTML_OF_A_PAGE", 1000)
    cell = v4.new_code_cell("x", outputs=[v4.new_output("stream", text="y" * 600) for _ in range(50)])
    made = page(cell, v4.new_markdown_cell("next"))

    assert len(made.cells[0].outputs) == 2 and "未显示" in made.cells[0].outputs[-1]
