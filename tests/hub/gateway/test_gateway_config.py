"""The configuration of the three back ends, as dask-gateway-server reads it; no process is started."""

from __future__ import annotations

import pytest
from dask_gateway_server.auth import JupyterHubAuthenticator
from traitlets.config import PyFileConfigLoader
from traitlets.utils.importstring import import_item

from regional_hub.hub import gateway_process
from regional_hub.settings import ROOT, load


@pytest.fixture(params=["docker", "local", "kubernetes"])
def backend(request, tmp_path, monkeypatch) -> str:
    monkeypatch.setenv("HUB_DATA", str(tmp_path))
    monkeypatch.setenv("HUB_SPAWNER__KIND", request.param)
    monkeypatch.setenv("HUB_PORTS__PUBLIC", "9200")
    monkeypatch.setenv("REGIONAL_HUB_GATEWAY_HOST", "172.30.0.1")
    monkeypatch.setenv("REGIONAL_HUB_IMAGE", "registry.example.org/hub/lab:1")
    return str(request.param)


@pytest.fixture
def config(backend):
    return PyFileConfigLoader("dask_gateway_config.py", str(ROOT / "hub_config")).load_config()


def test_only_tokens_with_the_services_scope_get_in(config):
    made = import_item(config.DaskGateway.authenticator_class)(config=config)

    assert isinstance(made, JupyterHubAuthenticator)
    assert made.jupyterhub_service_name == "dask-gateway"
    assert made.use_service_access_scopes is True
    assert made.cache_max_age == 0


def test_idle_clusters_end_and_the_commands_are_there_in_this_distributed(config, backend):
    cluster = import_item(config.DaskGateway.backend_class).cluster_config_class.default_value(config=config)

    assert cluster.idle_timeout == 30 * 60
    assert "scheduler" in cluster.scheduler_cmd
    assert "worker" in cluster.worker_cmd
    assert "dask-scheduler" not in cluster.scheduler_cmd


def test_a_restart_ends_no_computation(config, backend):
    if backend == "kubernetes":
        assert "Proxy" not in config  # the chart's
        return
    assert config.DBBackendBase.stop_clusters_on_shutdown is False
    assert config.Proxy.externally_managed is True
    assert config.DBBackendBase.db_url.startswith("sqlite:////")


def test_secrets_stay_the_same_from_start_to_start(config, backend):
    again = PyFileConfigLoader("dask_gateway_config.py", str(ROOT / "hub_config")).load_config()

    assert again == config


def test_every_cluster_has_caps_and_where_there_are_images_a_standard_one(config, backend):
    made = import_item(config.DaskGateway.backend_class)

    assert made.__mro__[1].__name__.endswith("PolicyMixin")
    assert config.PolicyMixin.settings == load()
    assert ("default_image" in config.PolicyMixin) is (backend != "local")


def test_the_proxy_listens_where_clients_are_told(backend):
    settings = load()
    command = gateway_process.proxy_command(settings)
    env = gateway_process.client_environment(settings, "regional-hub/lab:1")

    assert command[command.index("-address") + 1] in env["DASK_GATEWAY__ADDRESS"]
    assert command[command.index("-tcp-address") + 1] in env["DASK_GATEWAY__PROXY_ADDRESS"]
    assert env["DASK_GATEWAY__PUBLIC_ADDRESS"] == "http://127.0.0.1:9200/services/dask-gateway"
    assert ("DASK_GATEWAY__CLUSTER__OPTIONS__IMAGE" in env) is (backend != "local")
