"""A hostile notebook in Chromium: its page runs nothing of it and asks nobody else for anything."""

from __future__ import annotations

import nbformat.v4 as v4
import pytest

from regional_hub.showcase.about import About
from regional_hub.showcase.actions.sharing import To, publish
from regional_hub.showcase.bundle import Bundle
from tests.showcase.bundles import notebook_bytes
from tests.showcase.hostile import HTML, MARKDOWN, SVG

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def hostile():
    data = [{"text/html": attack} for attack in HTML] + [{"image/svg+xml": SVG}, {"application/javascript": "hacked=1"}]
    outputs = [v4.new_output("display_data", data=each) for each in data]
    texts = [v4.new_markdown_cell(attack) for attack in MARKDOWN]
    return notebook_bytes(*texts, v4.new_code_cell("x", outputs=outputs))


def test_a_hostile_notebook_runs_nothing_and_reaches_nobody(chromium, live_server, alice, signed_in):
    publish(alice, Bundle("a.ipynb", {"a.ipynb": hostile()}), About("Water"), To("hub"))
    context = chromium.new_context(base_url=live_server.url)
    cookie = signed_in(alice).cookies["portal_session"].value
    context.add_cookies([{"name": "portal_session", "value": cookie, "url": live_server.url}])
    page = context.new_page()
    asked, dialogs, refused = [], [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
    page.add_init_script(
        "window.reads = 0; const found = Object.getOwnPropertyDescriptor(Document.prototype, 'cookie');"
        "Object.defineProperty(document, 'cookie', {get() { window.reads++; return found.get.call(document); }});"
    )

    page.goto("/showcase/water/")
    for link in page.locator(".notebook a").all():
        link.evaluate("link => link.click()")
    page.wait_for_timeout(500)

    assert page.locator(".notebook-cell").count() == len(MARKDOWN) + 1
    assert page.evaluate("window.hacked") is None and page.evaluate("window.reads") == 0
    assert page.locator("#comment-form").evaluate("form => form.tagName") == "FORM"
    # Also the policy had nothing to refuse: what is on the page is harmless without it.
    assert (dialogs, refused) == ([], [])
    assert [url for url in asked if not url.startswith((live_server.url, "data:"))] == []
    context.close()
