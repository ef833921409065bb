"""The peer image of the benchmarks of server starts: the same packages as ours, in a plain image."""

from __future__ import annotations

import hashlib
from pathlib import Path

from regional_hub.hub import engine, image_build, images
from regional_hub.settings import Settings

DOCKERFILE = Path(__file__).with_name("Dockerfile")


def ensure(settings: Settings, report: image_build.Report) -> str:
    """Build the plain image where it is missing; returns its reference. Raises ImageError like `images.ensure`."""
    images.ensure(settings, ["lab-env"], report)
    env = images.plan(settings, "lab-env")
    assert env.parent is not None
    context = {**env.context(), "Dockerfile": DOCKERFILE}
    tag = hashlib.sha256(env.digest.encode() + DOCKERFILE.read_bytes()).hexdigest()[:12]
    ref = f"{images.REPOSITORY}/plain:{tag}"
    if not images.exists(settings, ref):
        client = engine.client(timeout=600)
        assert client is not None
        image_build.build(client, settings, ref, context, env.parent.ref, {}, report)
    return ref
