"""The image of the cluster edition: hub, portal and gateway start in it."""

from __future__ import annotations

import pytest

from regional_hub.hub import image_verify
from regional_hub.settings import ROOT, Settings
from tests.images.conftest import Run

pytestmark = pytest.mark.docker


def test_it_is_what_its_lock_says(hub_image: str, settings: Settings) -> None:
    lock = (ROOT / "requirements" / "hub.txt").read_text(encoding="utf-8")

    assert [finding for finding in image_verify.inspect(settings, hub_image, lock) if not finding.ok] == []


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (["jupyterhub", "--version"], "6.1.1"),
        (["dask-gateway-server", "--version"], "2026.3.0"),
        (["python", "-m", "regional_hub.portal.manage", "check"], "no issues"),
        (["python", "-m", "regional_hub", "--help"], "Images: build"),
        (["test", "-f", "node_modules/bootstrap/dist/css/bootstrap.min.css"], ""),
    ],
)
def test_each_part_runs_in_it(hub_image: str, run: Run, command: list[str], answer: str) -> None:
    assert answer in run(hub_image, *command)
