"""From an author's notebook to the public page: the worker runs it in a container, two approve, a visitor reads."""

import nbformat.v4 as v4
import pytest
from django.core.management import call_command
from django.test import Client

from regional_hub.core import audit
from regional_hub.core.models import Notice
from regional_hub.showcase.actions import sharing
from regional_hub.showcase.actions.sharing import To, publish
from regional_hub.showcase.bundle import Bundle
from regional_hub.showcase.checks import built
from regional_hub.showcase.models import Publication
from tests.showcase.bundles import IMAGE, notebook_bytes
from tests.showcase.reviewing import WATER

pytestmark = [pytest.mark.docker, pytest.mark.django_db]
PLOT = "#| fig-alt: Water by year\nimport matplotlib.pyplot as plt\nplt.plot(table.year, table.water); plt.show()"
DATA = b"year,water\n2023,10.5\n2024,12.25\n"


def cells(total):
    printed = v4.new_output("stream", name="stdout", text=f"{total}\n")
    return [
        v4.new_markdown_cell("# Water of the Chu"),
        v4.new_code_cell("import pandas\ntable = pandas.read_csv('data.csv')"),
        v4.new_code_cell("print(table.water.sum())", outputs=[printed]),
        v4.new_code_cell(PLOT),
    ]


def bundle(total):
    files = {"water.ipynb": notebook_bytes(*cells(total)), "data.csv": DATA}
    return Bundle("water.ipynb", files, image=IMAGE, lock="a" * 64)


def checked(revision):
    call_command("db_worker", batch=True, startup_delay=False, interval=0, queue_name="*")
    revision.refresh_from_db()
    return {check.name: (check.outcome, check.found) for check in revision.checks.all()}


def review(client, revision, name):
    place = f"/showcase/review/{revision.pk}/"
    client.post(f"{place}take/", {"role": name, "no_conflict": "on"})
    sent = {"role": name, "digest": revision.digest, "decision": "approved"}
    return client.post(f"{place}decide/", sent, follow=True)


def test_from_an_author_to_a_visitor(alice, make_person, signed_in, django_capture_on_commit_callbacks):
    rita, sam = make_person("rita", "reviewers"), make_person("sam", "reviewers")
    with django_capture_on_commit_callbacks(execute=True):
        revision = publish(alice, bundle("22.75"), WATER, To("public")).revision

    found = checked(revision)

    assert revision.state == "in-review", found
    assert found["runs"] == ("passed", [])
    assert found["environment"][0] == "warned"  # the lock that it was sent with is not the image's
    assert [one["where"] for one in found["same"][1]] == ["c4"]  # it was sent without the picture
    shown = built.notebook(sharing.files(), revision.manifest, revision.built)
    assert "image/png" in shown["cells"][3]["outputs"][0]["data"]
    assert revision.built["image"] == IMAGE and len(revision.built["lock"]) == 64
    assert revision.built["image_digest"].startswith("sha256:") and len(revision.built["image_digest"]) == 71

    review(signed_in(rita), revision, "method")
    assert Client().get("/showcase/water-of-the-chu/").status_code == 302
    review(signed_in(sam), revision, "disclosure")

    assert Publication.objects.get().public_revision == revision
    page = Client().get("/showcase/water-of-the-chu/")
    assert page.status_code == 200 and "Water of the Chu" in page.content.decode()
    assert audit.verify() is None


def test_results_that_the_run_does_not_give_are_named_by_cell(alice, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        revision = publish(alice, bundle("23.75"), WATER, To("public")).revision

    found = checked(revision)["same"]

    assert found[0] == "warned"
    assert {
        "where": "c3",
        "text": "other numbers (1): 23.75 → 22.75",
        "text_zh": "数字不同（1 处）：23.75 → 22.75",
    } in found[1]


def test_a_memory_bomb_fails_and_its_author_is_told_why(alice, settings, django_capture_on_commit_callbacks):
    own = settings.HUB.showcase.model_copy(update={"check_memory_mb": 300})
    settings.HUB = settings.HUB.model_copy(update={"showcase": own})
    bomb = notebook_bytes(v4.new_code_cell("x = []\nwhile True: x.append(bytearray(20_000_000))"))
    with django_capture_on_commit_callbacks(execute=True):
        revision = publish(alice, Bundle("a.ipynb", {"a.ipynb": bomb}, image=IMAGE), WATER, To("public")).revision

    found = checked(revision)

    assert revision.state == "failed" and "300 MB of memory" in found["runs"][1][0]["text"]
    assert Notice.objects.filter(person=alice, kind="publication-checks-failed").exists()
