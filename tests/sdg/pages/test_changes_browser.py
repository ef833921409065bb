"""Changes, letters and profiles in Chromium: WCAG 2.2 AA, no page wider than a phone, and following a series."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core import mail
from django_tasks_db.models import DBTaskResult

from regional_hub.sdg.models import Subscription
from regional_hub.sdg.subscriptions import tasks
from tests.sdg.pages.test_browse_browser import RULES, open_page  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGES = (
    "/sdg/changes/",
    "/sdg/changes/2019.Q2.G.01/",
    "/sdg/changes/2019.Q2.G.01/?by=rows&kind=revised",
    "/sdg/changes/2019.Q2.G.01/?colour=red",
    "/sdg/releases/",
    "/sdg/subscriptions/new/?series=SI_POV_DAY1",
    "/sdg/area/KG02/?compare=KG03&flow=KG_NSC:SDG",
    "/sdg/area/417/?flow=IAEG-SDGs:SDG",
)


@pytest.mark.parametrize(("language", "scheme", "width"), [("en", "light", 1280), ("zh-hans", "dark", 320)])
def test_everybody_can_read_every_page(open_page, language, scheme, width):  # noqa: F811
    page = open_page(language, width, color_scheme=scheme, bypass_csp=True)

    for address in PAGES:
        page.goto(address)
        for details in page.locator("main details:not(.sdg-switch)").all()[:3]:
            details.evaluate("node => node.open = true")
        found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
        assert [(fault["id"], fault["nodes"][0]["html"]) for fault in found] == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), address


def test_a_series_is_followed_by_a_visitor_without_scripts(open_page, live_server):  # noqa: F811
    page = open_page(java_script_enabled=False)
    page.goto("/sdg/series/SI_POV_DAY1/?flow=IAEG-SDGs:SDG")

    page.get_by_role("link", name="Follow by e-mail").click()
    page.get_by_label("E-mail address").fill("reader@example.org")
    page.get_by_role("button", name="Send me a link").click()
    page.get_by_role("status").wait_for()
    for task in DBTaskResult.objects.filter(task_path=tasks.send_confirmation.module_path):
        tasks.send_confirmation.func(*task.args_kwargs["args"])
    page.goto(re.search(r"/sdg/subscriptions/confirm/\S+", mail.outbox[0].body)[0])
    page.get_by_role("button", name="Yes, send me letters").click()

    assert "You will be told what changes" in page.get_by_role("status").inner_text()
    assert Subscription.objects.get().topic.facts == {"flow": "IAEG-SDGs:SDG", "series": "SI_POV_DAY1"}
