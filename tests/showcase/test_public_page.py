"""The public page as visitors and machines get it: what stands on it, what can be taken, and what is gone."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import cache
from django.test import AsyncClient, Client

from regional_hub.core.middleware import site_today
from regional_hub.showcase.actions import sharing
from regional_hub.showcase.models import Publication, Reading
from regional_hub.showcase.signals import READ
from tests.showcase import world
from tests.showcase.world import Work

pytestmark = pytest.mark.django_db
WATER = Work("Wells of the <Chu>", "楚河水井", "Depth & yield", "深度与产量", ["water"], [6], "tomas", days=2)
HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def water() -> Publication:
    cache.clear()
    return world.publish(WATER)[0]


def text(response) -> str:
    return response.content.decode()


def page(client: Client, publication: Publication, more: str = "") -> str:
    return text(client.get(f"/showcase/{publication.slug}/{more}"))


# -- what stands on it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "title", "words"),
    [("en", "Wells of the &lt;Chu&gt;", "Where it comes from"), ("zh-hans", "楚河水井", "引用为")],
)
def test_a_visitor_reads_it_in_their_language(client, water, language, title, words):
    found = page(client, water, f"?language={language}")

    assert f"{title}</h1>" in found and words in found
    assert '<details class="notebook-code"><summary>' in found  # folded, and unfolds without a script
    assert "Ines Dahl" in found and "Omar Siddiq" in found  # who reviewed it
    assert water.public_revision.digest in found


def test_link_previews_and_search_engines_find_the_published_page_only(client, water):
    found = page(client, water)
    older = text(client.get(f"/showcase/{water.slug}/r/1/"))

    assert '<meta property="og:title" content="Wells of the &lt;Chu&gt;">' in found
    assert re.search(r'<link rel="canonical" href="http[^"]+/showcase/wells-of-the-chu/">', found)
    assert 'hreflang="zh-hans"' in found and "noindex" not in found
    assert re.search(
        r'rel="canonical" href="http[^"]+/showcase/wells-of-the-chu/">', older
    )  # the same, under one address


def test_a_page_for_all_visitors_is_asked_for_again_cheaply(client, water):
    first = client.get(f"/showcase/{water.slug}/")
    again = client.get(f"/showcase/{water.slug}/", headers={"If-None-Match": first["ETag"]})

    assert first["Cache-Control"] == "public, max-age=60" and not first.cookies
    assert again.status_code == 304 and again["ETag"] == first["ETag"] and not again.content


def test_what_a_person_sees_is_nobody_elses(water, make_person):
    client = Client()
    client.force_login(make_person("ann"), backend="allauth.account.auth_backends.AuthenticationBackend")

    answer = client.get(f"/showcase/{water.slug}/")

    assert "private" in answer["Cache-Control"] and "ETag" not in answer


def test_readings_are_counted(client, water):
    client.get(f"/showcase/{water.slug}/", headers={"User-Agent": "Mozilla/5.0 Firefox/140"})
    client.get(f"/showcase/{water.slug}/", headers={"User-Agent": "GPTBot"})

    assert sum(Reading.objects.filter(publication=water).values_list("count", flat=True)) == 1


def test_who_gives_the_page_again_learns_which_publication_was_read(water):
    answer = async_to_sync(AsyncClient().get)(f"/showcase/{water.slug}/")

    assert answer.asgi_request.scope[READ] == water.pk


# -- what can be taken -------------------------------------------------------------------------------------------------


def test_the_notebook_is_saved_with_the_outputs_of_its_run(client, water):
    answer = client.get(f"/showcase/{water.slug}/r/1/notebook.ipynb")

    assert any(cell.get("outputs") for cell in json.loads(answer.content)["cells"])
    assert answer["Content-Disposition"] == 'attachment; filename="wells-of-the-chu-r1.ipynb"'
    assert "sandbox" in answer["Content-Security-Policy"]


def test_the_page_in_one_file_loads_and_runs_nothing(client, water):
    found = text(client.get(f"/showcase/{water.slug}/r/1/page.html?language=zh-hans"))

    assert "楚河水井" in found and "data:image/png;base64," in found
    assert "default-src &#x27;none&#x27;" in found and "<script" not in found
    assert not re.findall(r'(?:src|href)="(?!data:|http|#)[^"]*"', found)


@pytest.mark.parametrize(("language", "words"), [("en", "Depth & yield"), ("zh-hans", "深度与产量")])
def test_the_document_is_typeset_in_both_languages(client, water, language, words, tmp_path):
    import subprocess

    content = client.get(f"/showcase/{water.slug}/r/1/page.pdf?language={language}").content
    (tmp_path / "page.pdf").write_bytes(content)
    read = subprocess.run(["pdftotext", tmp_path / "page.pdf", "-"], capture_output=True, text=True, check=True).stdout

    assert content.startswith(b"%PDF-") and words in read


def test_all_files_come_as_a_zip(client, water):
    answer = client.get(f"/showcase/{water.slug}/r/1/files.zip")

    names = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).namelist()
    assert set(names) == set(water.public_revision.manifest["files"])


@pytest.mark.parametrize(("form", "begins"), [("bib", "@"), ("ris", "TY  - "), ("json", "["), ("txt", "Tomás Herrera")])
def test_it_is_cited_by_tools(client, water, form, begins):
    found = text(client.get(f"/showcase/{water.slug}/r/1/cite.{form}"))

    assert found.startswith(begins) and "/showcase/wells-of-the-chu/r/1/" in found


def test_an_unknown_form_of_citation_is_not_there(client, water):
    client.force_login(water.author, backend="allauth.account.auth_backends.AuthenticationBackend")

    assert client.get(f"/showcase/{water.slug}/r/1/cite.exe").status_code == 404


# -- what is gone ------------------------------------------------------------------------------------------------------

PLACES = ["", "r/1/", "r/1/notebook.ipynb", "r/1/page.html", "r/1/page.pdf", "r/1/files.zip", "r/1/cite.bib"]


@pytest.mark.parametrize("place", PLACES)
def test_what_was_withdrawn_says_why_wherever_it_is_asked_for(client, water, place):
    client.get(f"/showcase/{water.slug}/{place}")  # whatever was kept of it is no use any more
    sharing.withdraw(water.author, water, f"An error {HOSTILE}", "有误")

    answer = client.get(f"/showcase/{water.slug}/{place}")

    assert answer.status_code == 410 and "private" in answer["Cache-Control"]
    assert "An error &lt;script&gt;" in text(answer) and "有误" in text(answer) and HOSTILE not in text(answer)
    assert "Wells of the" in text(answer) and "data:image" not in text(answer)


def test_what_expired_is_gone_on_the_day_after_its_last(client, water):
    today = site_today()
    Publication.objects.filter(pk=water.pk).update(expires_on=today)
    last_day = client.get(f"/showcase/{water.slug}/").status_code
    Publication.objects.filter(pk=water.pk).update(expires_on=today - timedelta(days=1))

    assert (last_day, client.get(f"/showcase/{water.slug}/").status_code) == (200, 410)


def test_a_damaged_page_in_store_is_built_again(client, water, settings):
    whole = page(client, water)
    for kept in settings.HUB.path("showcase", "pages").rglob("*"):
        if kept.is_file():
            kept.write_bytes(b"{")

    assert "data:image/png" in page(client, water) and len(page(client, water)) == len(whole)
