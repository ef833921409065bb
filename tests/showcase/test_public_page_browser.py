"""A visitor reads a public page in Chromium: contents, code, pictures and tables help, and it can be taken along.

What a script breaks, or the content security policy blocks, fails each of these tests (`open_page`).
"""

from __future__ import annotations

import base64
import re

import nbformat.v4 as v4
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.showcase import world

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
PAGE = "/showcase/wells-of-the-chu/"
LONG = "各行政村水井深度与出水量的年度变化以及供水条件改善情况的详细说明" * 3
ROWS = [
    ("Kant", "1,043", "2024-03-01"),
    ("Issyk-Ata", "88", "2023-11-20"),
    ("Chuy", "NaN", ""),
    ("Alamudun", "590", "2024-01-05"),
]
WIDE = "".join(f"<th>第{n}季度出水量</th>" for n in range(1, 13)), "".join(f"<td>{n}.25</td>" for n in range(1, 13))


def table() -> str:
    head = "<thead><tr><th>district</th><th>wells</th><th>seen</th></tr></thead>"
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in ROWS)
    return f"<table>{head}<tbody>{rows}</tbody></table>"


def cells() -> list[object]:
    """What pages get wrong: long Chinese, long lines, wide tables, formulas, drawings, terminals."""
    picture = base64.b64encode(world.chart("Depth", 1)).decode()
    wide = f"<table><thead><tr>{WIDE[0]}</tr></thead><tbody>{f'<tr>{WIDE[1]}</tr>' * 2}</tbody></table>"
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "title": "Yield by district · 各区出水量",
        "data": {"values": [{"d": "a", "y": 3}, {"d": "b", "y": 5}]}, "mark": "bar",
        "encoding": {"x": {"field": "d", "type": "nominal"}, "y": {"field": "y", "type": "quantitative"}},
    }  # fmt: skip

    def shown(**data: object) -> list[object]:
        return [v4.new_output("display_data", {name.replace("__", "/"): value for name, value in data.items()})]

    plain = [v4.new_output("stream", name="stdout", text="depth " * 60)]
    return [
        v4.new_markdown_cell(f"# Wells of the Chu · 楚河水井\n\n{LONG}\n\nhttps://example.org/{'a' * 90}"),
        v4.new_code_cell("wells = read('" + "x" * 150 + "')", outputs=plain),
        v4.new_markdown_cell(
            "## Depth · 深度\n\n$$y_i = \\sum_{j=1}^{12} x_{ij}\\beta_j + u_i + e_i + z_i + v_i + w_i + q_i$$"
        ),
        v4.new_code_cell("draw(wells)", metadata={"alt": "Depth by year"}, outputs=shown(image__png=picture)),
        v4.new_code_cell("wells", outputs=shown(text__html=table())),
        v4.new_code_cell("quarters", outputs=shown(text__html=wide)),
        v4.new_code_cell("bars", outputs=[v4.new_output("display_data", {"application/vnd.vegalite.v5+json": spec})]),
        v4.new_markdown_cell(f"## {LONG[:40]}\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
        v4.new_markdown_cell("## Sources · 资料来源\n\n" + "Illustrative figures · 示例数据.\n\n" * 12),
    ]


@pytest.fixture
def visit(open_page):
    """The page as a visitor opens it."""
    work = world.Work("Wells of the Chu", "楚河水井", f"Depth. {LONG}", LONG, ["water"], [6], "tomas", cells=cells())
    world.publish(work)

    def go(language: str = "en", width: int = 1280, **more):
        page = open_page(width, cookies={"hub_language": language}, **more)
        page.goto(PAGE)
        return page

    return go


def check(page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.url
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, (page.url, found.generate_report())


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [("en", 360, "dark"), ("zh-hans", 360, "light"), ("en", 1280, "light"), ("zh-hans", 1280, "dark")],
)
def test_it_fits_and_is_accessible_with_all_of_it_open(visit, language, width, scheme):
    page = visit(language, width, color_scheme=scheme)
    check(page)

    page.locator("#show-code").click()
    page.locator("details").evaluate_all("all => all.forEach(each => (each.open = true))")

    check(page)
    paper = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(paper[:3]) < 80) == (scheme == "dark")


def test_words_and_numbers_of_a_table_stay_whole_on_a_phone(visit):
    page = visit("zh-hans", 360)

    heights = page.locator("#cell-cell-5 td").evaluate_all("cells => cells.map(cell => cell.clientHeight)")

    assert max(heights) < 45  # a line each; the table scrolls by itself
    assert page.locator("#cell-cell-6 .notebook-html").evaluate("box => box.scrollWidth > box.clientWidth")


def test_contents_lead_to_their_part(visit):
    page = visit()
    link = page.locator(".notebook-contents a").filter(has_text="Sources")

    link.click()

    expect(page.locator("h3", has_text="Sources")).to_be_in_viewport()
    assert page.url.endswith(link.get_attribute("href"))
    page.locator(".notebook-contents a[href='#take']").click()
    expect(page.locator("#take-title")).to_be_in_viewport()


def test_code_is_unfolded_one_by_one_and_all_at_once(visit):
    page = visit()
    codes, switch = page.locator(".notebook-code"), page.locator("#show-code")
    opened = page.locator(".notebook-code[open]")
    assert opened.count() == 0

    codes.nth(1).locator("summary").focus()
    page.keyboard.press("Enter")
    expect(opened).to_have_count(1)
    expect(codes.nth(1).locator("pre")).to_be_visible()
    switch.click()
    expect(opened).to_have_count(codes.count())
    expect(switch).to_have_attribute("aria-pressed", "true")
    expect(switch).to_have_text("Hide code")
    switch.click()

    expect(opened).to_have_count(0)
    expect(switch).to_have_text("Show code")


def test_a_picture_is_enlarged_and_closed_by_keyboard(visit):
    page = visit()
    opener = page.get_by_role("button", name="Enlarge the picture: Depth by year")
    dialog = page.get_by_role("dialog", name="Depth by year")

    opener.focus()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    assert dialog.locator("img").bounding_box()["width"] > 1.5 * opener.bounding_box()["width"]
    check(page)
    page.keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    opener.click()
    before = dialog.locator("img").bounding_box()["width"]
    dialog.locator("img").click()
    assert dialog.locator("img").bounding_box()["width"] > 1.5 * before
    dialog.get_by_role("button", name="Close").click()
    expect(opener).to_be_focused()


def test_a_table_is_sorted_by_mouse_and_keyboard(visit):
    page = visit()
    rows = page.locator("#cell-cell-5 tbody tr")
    heads = page.locator("#cell-cell-5 th")

    heads.nth(1).get_by_role("button").click()
    expect(heads.nth(1)).to_have_attribute("aria-sort", "ascending")
    assert [row.split()[0] for row in rows.all_inner_texts()] == ["Issyk-Ata", "Alamudun", "Kant", "Chuy"]
    page.keyboard.press("Enter")
    expect(heads.nth(1)).to_have_attribute("aria-sort", "descending")
    assert [row.split()[0] for row in rows.all_inner_texts()] == ["Kant", "Alamudun", "Issyk-Ata", "Chuy"]
    page.keyboard.press("Tab")  # to the next heading
    page.keyboard.press("Space")

    expect(heads.nth(2)).to_have_attribute("aria-sort", "ascending")
    assert heads.nth(1).get_attribute("aria-sort") is None
    assert [row.split()[0] for row in rows.all_inner_texts()] == ["Issyk-Ata", "Alamudun", "Kant", "Chuy"]


def test_it_is_taken_along_and_cited(visit):
    page = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    for link in page.locator("#take a, .list-unstyled a[download]").all():
        answer = page.request.get(link.get_attribute("href"))
        assert answer.status == 200 and answer.body() and "attachment" in answer.headers["content-disposition"]
    with page.expect_download() as saved:
        page.get_by_role("link", name="Notebook", exact=True).click()
    page.get_by_role("button", name="Copy the citation").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    cited = page.locator("#cited").inner_text()
    assert re.search(
        r"Tomás Herrera \(20\d\d\)\. Wells of the Chu \[Notebook, revision 1\].+/wells-of-the-chu/r/1/$", cited
    )
    assert page.evaluate("navigator.clipboard.readText()") == cited
    assert saved.value.suggested_filename == "wells-of-the-chu-r1.ipynb"


def test_a_visitor_changes_the_language_and_it_stays(visit):
    page = visit()

    page.get_by_role("link", name="简体中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("楚河水井")
    page.goto(PAGE)

    expect(page.locator("#take-title")).to_have_text("下载与引用")
    assert page.locator("html").get_attribute("lang") == "zh-hans"


def test_without_script_it_is_whole(visit):
    page = visit(java_script_enabled=False)

    page.locator(".notebook-code summary").first.click()

    assert page.locator(".notebook-code pre").first.is_visible() and not page.locator("#show-code").is_visible()
    assert page.locator(".notebook-cell img").count() == 2 and page.locator("#cell-cell-5 tr").count() == 5
    assert page.locator(".notebook-contents a").first.is_visible() and page.locator("#cited").is_visible()
    assert not page.locator("#copy-citation").is_visible()  # nothing is offered that would not work
    page.locator(".notebook-contents a").filter(has_text="Sources").click()
    assert page.locator("h3", has_text="Sources").is_visible()
