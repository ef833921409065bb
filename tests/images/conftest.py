"""The real images, built where they are missing, and containers of them that end with the test."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from regional_hub import settings as configuration
from regional_hub.hub import engine, images
from regional_hub.settings import Settings

Run = Callable[..., str]


@pytest.fixture(scope="session")
def client() -> docker.DockerClient:
    found = engine.client(timeout=600)
    if found is None:
        pytest.skip("no Docker engine answers")
    return found


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return configuration.load({"HUB_DATA": str(tmp_path_factory.mktemp("images"))})


@pytest.fixture(scope="session")
def lab(client: docker.DockerClient, settings: Settings) -> str:
    return images.ensure(settings, ["lab"], print)["lab"]


@pytest.fixture(scope="session")
def hub_image(client: docker.DockerClient, settings: Settings) -> str:
    return images.ensure(settings, ["hub"], print)["hub"]


@pytest.fixture
def run(client: docker.DockerClient) -> Run:
    """Run a command in a container confined like a user's server, without network; returns what it printed."""

    def run(image: str, *command: str, folder: Path | None = None) -> str:
        volumes = {str(folder): {"bind": "/out", "mode": "rw"}} if folder else {}
        out = client.containers.run(
            image,
            list(command),
            network_mode="none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            volumes=volumes,
            remove=True,
            stderr=True,
        )
        return str(out.decode())

    return run


class Server:
    """A JupyterLab that runs in a container with the configuration of a kind."""

    def __init__(self, container: Any) -> None:
        container.reload()
        self.container = container
        address = next(iter(container.attrs["NetworkSettings"]["Networks"].values()))["IPAddress"]
        self.url = f"http://{address}:8888"

    def log(self) -> str:
        return str(self.container.logs().decode())

    def status(self, path: str, token: str = "test") -> int:
        request = urllib.request.Request(f"{self.url}{path}", headers={"Authorization": f"token {token}"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def page(self) -> dict[str, Any]:
        """What the server tells the JupyterLab in the browser."""
        with urllib.request.urlopen(f"{self.url}/lab?token=test", timeout=20) as answer:
            text = answer.read().decode()
        start = text.index(">", text.index('id="jupyter-config-data"')) + 1
        found: dict[str, Any] = json.loads(text[start : text.index("</script>", start)])
        return found

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.status("/api") == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise TimeoutError(f"no answer from {self.url} within {seconds} s")


@pytest.fixture
def serve(client: docker.DockerClient, lab: str) -> Iterator[Callable[[str], Server]]:
    """Start a JupyterLab of a kind in the lab image."""
    started = []

    def serve(kind: str) -> Server:
        container = client.containers.run(
            lab,
            ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "--IdentityProvider.token=test"],
            environment={"JUPYTER_CONFIG_PATH": f"/opt/regional-hub/kinds/{kind}"},
            detach=True,
        )
        started.append(container)
        server = Server(container)
        server.wait(60)
        return server

    yield serve
    for container in started:
        container.remove(force=True)
