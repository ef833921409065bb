"""Building the pages of publications: once for each revision, ahead of its first reader."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import transaction
from django_tasks import task

from regional_hub.core.files import Damaged
from regional_hub.showcase import charts, pages, render
from regional_hub.showcase.actions.sharing import files
from regional_hub.showcase.bundle_faults import BundleError
from regional_hub.showcase.checks import built
from regional_hub.showcase.models import Revision

_log = logging.getLogger(__name__)


def store() -> pages.Pages:
    """Where built pages are kept."""
    folder = settings.HUB.path("showcase", "pages")
    return _STORES.setdefault(folder, pages.Pages(folder))


_STORES: dict[Any, pages.Pages] = {}


def key(revision: Revision) -> str:
    """What the page of a revision is made of: its notebook as run, its files, and their address."""
    return pages.key(revision.digest, str((revision.built or {}).get("notebook", "")), files_address(revision))


def files_address(revision: Revision) -> str:
    return f"/showcase/{quote(revision.publication.slug)}/r/{revision.number}/files/"


def notebook(revision: Revision) -> dict[str, Any]:
    """A revision as it is shown: with the outputs of the run, if one was. Raises Damaged, BundleError."""
    return built.notebook(files(), revision.manifest, revision.built or {})


def page(revision: Revision) -> render.Page:
    """The pieces of a revision's page, kept or made. Raises Damaged and BundleError where its content is gone."""

    def make() -> render.Page:
        kept = files()
        held = revision.manifest["files"]
        beside = render.Beside(
            names=set(held),
            read=lambda name: kept.read(held[name]["sha256"]),
            entry=revision.entry,
            address=files_address(revision),
        )
        return render.render(notebook(revision), beside, charts.drawer())

    return store().page(key(revision), make)


@task()
def build(pk: int) -> str:
    """Build what the first reader of a public revision would wait for."""
    revision = Revision.objects.select_related("publication").get(pk=pk)
    try:
        page(revision)
    except (Damaged, BundleError) as error:  # its reader gets the fault; nothing is mended by trying again
        _log.error("the page of %s cannot be built: %s", revision, error)
        return "damaged"
    return "built"


def on_published(sender: Any, revision: Revision, **more: Any) -> None:
    """Once the approval stands, its page is built."""
    transaction.on_commit(partial(build.enqueue, revision.pk))
