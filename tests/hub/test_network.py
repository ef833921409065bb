"""Networks and rules as text; what they do to packets is tested with containers in tests/e2e."""

from pathlib import Path

import pytest

from regional_hub import settings as hub_settings
from regional_hub.hub import network
from regional_hub.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return hub_settings.load({"HUB_DATA": str(tmp_path), "HUB_PORTS__PUBLIC": "9000"})


def opened(settings: Settings, kind: str) -> set[int]:
    interface = network.bridge(settings, kind) + ("+" if kind == "cluster" else "")
    words = [rule.words for rule in network.rules(settings) if "--dport" in rule.words and interface in rule.words]
    return {int(found[found.index("--dport") + 1]) for found in words}


def test_interface_names_fit_the_kernel(settings: Settings) -> None:
    for kind in ("lab", "exam", "app", "cluster"):
        assert len(network.bridge(settings, kind)) + len("999") <= 15


def test_each_network_opens_only_what_its_kind_needs(settings: Settings) -> None:
    ports = settings.ports

    assert opened(settings, "exam") == {ports.hub, ports.portal}
    assert opened(settings, "app") == {ports.portal, ports.data}
    assert opened(settings, "lab") == {ports.hub, ports.portal, ports.data, ports.gateway, ports.gateway_tls}
    assert opened(settings, "cluster") == {ports.gateway_api, ports.data}
    for kind in ("exam", "app", "lab", "cluster"):
        assert ports.proxy_api not in opened(settings, kind)


def test_everything_else_on_the_host_is_dropped_last(settings: Settings) -> None:
    into = [rule for rule in network.rules(settings) if rule.chain.endswith("-IN")]

    assert into[-1].words == ("-j", "DROP")
    assert sum(rule.words[-1] == "DROP" for rule in into) == 1


def test_metadata_and_private_ranges_are_dropped(settings: Settings) -> None:
    dropped = {rule.words[1] for rule in network.rules(settings) if rule.words[0] == "-d" and rule.words[-1] == "DROP"}

    assert {"169.254.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"} <= dropped


def test_exception_comes_before_the_range_that_it_is_in(tmp_path: Path) -> None:
    settings = hub_settings.load({"HUB_DATA": str(tmp_path), "HUB_NETWORK__ALLOWED": '["10.1.2.3:443"]'})
    words = [rule.words for rule in network.rules(settings)]

    exception = ("-d", "10.1.2.3", "-p", "tcp", "--dport", "443", "-j", "RETURN")
    assert words.index(exception) < words.index(("-d", "10.0.0.0/8", "-j", "DROP"))


def test_no_internet_means_a_last_drop(tmp_path: Path) -> None:
    closed = hub_settings.load({"HUB_DATA": str(tmp_path), "HUB_NETWORK__LAB_INTERNET": "false"})

    assert network.rules(closed)[-1].words == ("-j", "DROP")


def test_script_for_administrators_holds_the_same_rules(settings: Settings) -> None:
    script = network.firewall_script(settings)

    for rule in network.rules(settings):
        assert f"-A {rule.chain} {' '.join(rule.words)}" in script
