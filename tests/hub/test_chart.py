"""The cluster edition's chart, without Helm: its values fit schema, settings, code and each other.

Helm and a cluster are not there in tests, so `render` knows just the template functions that the chart uses; it would
fail on any other. It shows that the manifests are YAML and say what they should, not that a cluster takes them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from traitlets.config.loader import PyFileConfigLoader

from regional_hub import settings
from regional_hub.settings import ROOT

CHART = ROOT / "hub_config" / "chart"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
TEMPLATES = sorted((CHART / "templates").glob("*.yaml"))
PORTS = settings.load({}).ports
TAG = re.compile(r"(\s*)\{\{(-?)\s*(.*?)\s*(-?)\}\}(\s*)", re.DOTALL)


# ---------------------------------------------------------------- the part of Helm that the chart uses


def _lookup(path: str, dot: Any, root: dict[str, Any]) -> Any:
    place = root if path.startswith("$") else dot
    for key in path.lstrip("$").strip(".").split("."):
        if key:
            place = place[key]  # a key that is not there is an error, unlike in Helm
    return place


class Renderer:
    """Go templates: if, with, range, define, include, and the functions dict, nindent, toYaml, toToml, sha256sum."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.root = {
            "Values": values,
            "Release": {"Name": "hub", "Namespace": "hub", "Service": "Helm", "Revision": 1},
        }
        self.defined: dict[str, list[Any]] = {}
        for place in [CHART / "templates" / "_helpers.tpl", *TEMPLATES]:
            self.text(place, collect_only=True)

    def text(self, place: Path, collect_only: bool = False) -> str:
        body, rest = self._parse(self._tokens(place.read_text(encoding="utf-8")))
        assert not rest, f"{place}: `end` without a beginning"
        return "" if collect_only else self._run(body, self.root, self.root)

    def _tokens(self, text: str) -> list[tuple[str, str]]:
        found, at = [], 0
        for tag in TAG.finditer(text):
            before = text[at : tag.start()] + ("" if tag[2] else tag[1])
            found += [("text", before)] * bool(before)
            if not tag[3].startswith("/*"):
                found.append(("tag", tag[3]))
            at = tag.end() if tag[4] else tag.start(5)
        return [*found, ("text", text[at:])]

    def _parse(self, tokens: list[tuple[str, str]]) -> tuple[list[Any], list[tuple[str, str]]]:
        body: list[Any] = []
        while tokens:
            (kind, text), tokens = tokens[0], tokens[1:]
            word = text.split(maxsplit=1)[0] if kind == "tag" else ""
            if word == "end":
                return body, [("end", ""), *tokens]
            if word in ("if", "with", "range", "define"):
                inner, tokens = self._parse(tokens)
                assert tokens and tokens[0][0] == "end", f"{{{{ {text} }}}} has no end"
                tokens = tokens[1:]
                if word == "define":
                    self.defined[text.split()[1].strip('"')] = inner
                else:
                    body.append((word, text.removeprefix(word).strip(), inner))
            else:
                body.append((kind, text, None))
        return body, []

    def _run(self, body: list[Any], dot: Any, root: Any) -> str:
        out = ""
        for kind, text, inner in body:
            if kind == "text":
                out += text
            elif kind == "tag":
                value = self._pipe(text, dot, root)
                out += str(value).lower() if isinstance(value, bool) else str(value)
            elif kind == "range":
                out += "".join(self._run(inner, item, root) for item in self._pipe(text, dot, root))
            else:
                value = not self._pipe(text[4:], dot, root) if text.startswith("not ") else self._pipe(text, dot, root)
                out += self._run(inner, value if kind == "with" else dot, root) if value else ""
        return out

    def _pipe(self, text: str, dot: Any, root: Any) -> Any:
        first, *rest = [part.strip() for part in text.split("|")]
        value = self._call(first, dot, root)
        for part in rest:
            name, *arguments = part.split()
            value = self._function(name, arguments, value)
        return value

    def _call(self, text: str, dot: Any, root: Any) -> Any:
        if call := re.fullmatch(r'include "([\w.-]+)" (?:(\.|\$)|\(dict "root" \$ "part" "(\w+)"\))', text):
            argument = {"root": root, "part": call[3]} if call[3] else dot
            return self._run(self.defined[call[1]], argument, root if call[3] else argument)
        assert re.fullmatch(r"\$?[\w.]*", text), f"unknown expression: {text}"
        return _lookup(text, dot, root)

    def _function(self, name: str, arguments: list[str], value: Any) -> Any:
        if name == "nindent":
            pad = " " * int(arguments[0])
            return "\n" + "\n".join(pad + line if line else line for line in str(value).strip("\n").split("\n"))
        if name == "toYaml":
            return yaml.safe_dump(value, default_flow_style=False).strip()
        if name == "toToml":
            return "\n".join(
                f"[{section}]\n" + "\n".join(f"{key} = {json.dumps(setting)}" for key, setting in keys.items())
                for section, keys in value.items()
            )
        assert name == "sha256sum", f"unknown function: {name}"
        return "0" * 64


def render(values: dict[str, Any]) -> list[dict[str, Any]]:
    renderer = Renderer(values)
    return [
        manifest for place in TEMPLATES for manifest in yaml.safe_load_all(renderer.text(place)) if manifest is not None
    ]


MANIFESTS = render(VALUES)


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {manifest["metadata"]["name"]: manifest for manifest in MANIFESTS if manifest["kind"] == kind}


def pod_specs() -> dict[str, dict[str, Any]]:
    found = {**of_kind("Deployment"), **of_kind("Job")}
    return {name: manifest["spec"]["template"]["spec"] for name, manifest in found.items()}


# ---------------------------------------------------------------- values


def test_the_values_fit_their_schema():
    jsonschema.Draft202012Validator(SCHEMA).validate(VALUES)


@pytest.mark.parametrize(
    "wrong",
    [
        {"portl": {}},
        {"image": {**VALUES["image"], "tag": ""}},
        {"settings": {**VALUES["settings"], "database": {"portal_url": "postgresql://me:secret@db/portal"}}},
        {"settings": {**VALUES["settings"], "spawner": {"kind": "docker", "image": "x"}}},
        {"storage": {**VALUES["storage"], "existingClaim": "another-name"}},
        {"portal": {"replicas": -1, "resources": {}}},
    ],
)
def test_wrong_values_are_refused(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate({**VALUES, **wrong})


def test_every_value_that_a_template_names_is_there():
    named = set()
    for place in [*TEMPLATES, CHART / "templates" / "_helpers.tpl", CHART / "templates" / "NOTES.txt"]:
        named |= set(re.findall(r"\.Values\.([\w.]+)", place.read_text(encoding="utf-8")))

    assert len(named) > 15
    for path in named:
        _lookup(path, VALUES, VALUES)


def test_the_settings_are_settings_of_the_hub_and_keep_its_defaults(tmp_path):
    text = of_kind("ConfigMap")["regional-hub-settings"]["data"]["settings.toml"]
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")

    loaded = settings.load({"HUB_DATA": str(tmp_path)})

    assert loaded.spawner.kind == loaded.gateway.backend == "kubernetes"
    assert loaded.url == VALUES["settings"]["site"]["url"]
    assert loaded.network.blocked == settings.load({}).network.blocked


def test_hub_portal_and_gateway_are_one_image_and_servers_and_workers_another():
    image = {key: VALUES["image"][key] for key in ("name", "tag")}
    lab = VALUES["settings"]["spawner"]["image"]
    gateway = VALUES["dask-gateway"]["gateway"]
    backend = gateway["backend"]["image"]
    environment = {entry["name"]: entry["value"] for entry in gateway["env"]}

    assert VALUES["jupyterhub"]["hub"]["image"] == image
    assert gateway["image"] == image
    assert f"{backend['name']}:{backend['tag']}" == lab == environment["REGIONAL_HUB_IMAGE"]


def test_variables_that_name_a_setting_name_one_that_exists(tmp_path):
    names = {entry["name"] for spec in pod_specs().values() for entry in spec["containers"][0]["env"]}
    names |= set(VALUES["jupyterhub"]["hub"]["extraEnv"])
    names |= {entry["name"] for entry in VALUES["dask-gateway"]["gateway"]["env"]}
    ours = {name for name in names if name.startswith("HUB_")}
    known = settings.load({"HUB_DATA": str(tmp_path)}).model_dump()

    assert len(ours) >= 4
    for name in ours:
        section, key = name.removeprefix("HUB_").lower().split("__")
        assert key in known[section], name


def test_the_how_to_makes_every_secret_that_the_code_asks_for():
    code = [*(ROOT / "extensions" / "regional_hub").rglob("*.py"), *(ROOT / "hub_config").glob("*.py")]
    asked = {
        name
        for place in code
        for name in re.findall(r'settings\.secret\(["\']([\w-]+)', place.read_text(encoding="utf-8"))
    }
    keys = set(re.findall(r"\bkey: ([\w-]+)", (CHART / "templates" / "_helpers.tpl").read_text(encoding="utf-8")))
    how_to = (ROOT / "docs" / "how-to" / "cluster.md").read_text(encoding="utf-8")

    assert "portal-api-token" in asked
    assert not {name for name in asked | keys | {"oidc-key.pem", "hub-database-url"} if name not in how_to}


def test_charts_are_pinned_and_traefik_is_the_one_that_needs_no_more_rights():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))

    dependencies = {part["name"]: part for part in chart["dependencies"]}
    assert dependencies["jupyterhub"]["repository"] == "https://hub.jupyter.org/helm-chart/"
    assert dependencies["dask-gateway"]["repository"] == "https://helm.dask.org/"
    assert all(re.fullmatch(r"[0-9.]+", part["version"]) for part in dependencies.values())
    assert VALUES["dask-gateway"]["traefik"]["image"]["tag"].startswith("3.3.")


# ---------------------------------------------------------------- manifests


def test_all_parts_are_there():
    assert set(of_kind("Deployment")) == {f"regional-hub-{part}" for part in ("portal", "data", "worker", "jobs")}
    assert set(of_kind("Service")) == {"regional-hub-portal", "regional-hub-data", "regional-hub-gateway"}
    assert set(of_kind("Job")) == {"regional-hub-prepare-1"}
    assert of_kind("PersistentVolumeClaim")["regional-hub-data"]["spec"]["accessModes"] == ["ReadWriteMany"]


def test_no_pod_of_ours_is_root_or_may_become_it():
    assert pod_specs()
    for spec in pod_specs().values():
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["automountServiceAccountToken"] is False
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["image"] == "registry.example.org/regional-hub/hub:0.1.0"


def test_services_have_the_ports_of_the_settings_and_find_their_pods():
    services, deployments = of_kind("Service"), of_kind("Deployment")

    for name, port in (("portal", PORTS.portal), ("data", PORTS.data)):
        spec = services[f"regional-hub-{name}"]["spec"]
        pod = deployments[f"regional-hub-{name}"]["spec"]["template"]
        assert [entry["port"] for entry in spec["ports"]] == [port]
        assert pod["spec"]["containers"][0]["ports"] == [{"name": "http", "containerPort": port}]
        assert spec["selector"].items() <= pod["metadata"]["labels"].items()
    gateway = services["regional-hub-gateway"]["spec"]["ports"]
    assert [entry["port"] for entry in gateway] == [PORTS.gateway, PORTS.gateway_tls]


def test_pods_wait_for_the_file_that_prepare_leaves_when_it_is_done():
    (prepare,) = pod_specs()["regional-hub-prepare-1"]["containers"]
    left = prepare["args"][-1].split(" touch ")[1]

    for part in ("portal", "data", "worker", "jobs"):
        (wait,) = pod_specs()[f"regional-hub-{part}"]["initContainers"]
        assert f"until test -e {left};" in wait["command"][-1]


def _reached(policy: str) -> list[Any]:
    return of_kind("NetworkPolicy")[policy]["spec"]["egress"]


def _ports(policy: str) -> set[int]:
    return {port["port"] for rule in _reached(policy) for port in rule.get("ports", [])}


def test_a_lab_reaches_hub_data_and_the_gateways_proxy_and_no_private_network():
    assert _ports("regional-hub-lab") == {8081, PORTS.data, 8000}
    outside = [to["ipBlock"] for rule in _reached("regional-hub-lab") for to in rule["to"] if "ipBlock" in to]
    assert outside == [{"cidr": "0.0.0.0/0", "except": settings.load({}).network.blocked}]


def test_an_exam_reaches_hub_and_portal_alone_and_an_app_data_alone():
    assert _ports("regional-hub-exam") == {8081, PORTS.portal}
    assert _ports("regional-hub-app") == {PORTS.data}
    for policy in ("regional-hub-exam", "regional-hub-app", "regional-hub-servers"):
        assert not [to for rule in _reached(policy) for to in rule["to"] if "ipBlock" in to]


def test_without_internet_neither_labs_nor_workers_have_it():
    values = json.loads(json.dumps(VALUES))
    values["settings"]["network"]["lab_internet"] = False

    policies = {m["metadata"]["name"]: m["spec"] for m in render(values) if m["kind"] == "NetworkPolicy"}

    for name in ("regional-hub-lab", "regional-hub-dask"):
        assert "ipBlock" not in json.dumps(policies[name]["egress"])


def test_every_server_is_closed_to_all_but_hub_and_front_door():
    spec = of_kind("NetworkPolicy")["regional-hub-servers"]["spec"]

    assert spec["podSelector"]["matchLabels"]["component"] == "singleuser-server"
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert VALUES["jupyterhub"]["singleuser"]["networkPolicy"]["enabled"] is False
    assert spec["ingress"] == [
        {"from": [{"podSelector": {"matchLabels": {"hub.jupyter.org/network-access-singleuser": "true"}}}]}
    ]


# ---------------------------------------------------------------- the Hub's configuration on a cluster


def test_the_hub_is_configured_with_the_addresses_of_the_charts_services(tmp_path, monkeypatch):
    arguments = VALUES["jupyterhub"]["hub"]["args"]
    config = ROOT / "hub_config" / Path(arguments[-1]).name
    text = of_kind("ConfigMap")["regional-hub-settings"]["data"]["settings.toml"]
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("HUB_DATA", str(tmp_path))
    monkeypatch.setenv("HUB_DATABASE__HUB_URL", "postgresql+psycopg://hub:secret@db/hub")
    monkeypatch.setenv("HELM_RELEASE_NAME", "hub")
    monkeypatch.setenv("POD_NAMESPACE", "hub")
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", "proxy-token")
    monkeypatch.setenv(
        "REGIONAL_HUB_GATEWAY_HOST", VALUES["jupyterhub"]["hub"]["extraEnv"]["REGIONAL_HUB_GATEWAY_HOST"]
    )

    c = PyFileConfigLoader(str(config)).load_config()

    services = of_kind("Service")
    assert "127.0.0.1" not in json.dumps(
        [c.Proxy.extra_routes, c.ConfigurableHTTPProxy.api_url, c.JupyterHub.hub_connect_url]
    )
    for target in c.Proxy.extra_routes.values():
        host, port = re.fullmatch(r"http://([\w-]+):(\d+)", target).groups()
        assert host == "hub" or int(port) in [entry["port"] for entry in services[host]["spec"]["ports"]]
    assert c.GenericOAuthenticator.token_url == f"http://regional-hub-portal:{PORTS.portal}/identity/o/api/token"
    assert c.JupyterHub.db_url.endswith("@db/hub")
    assert c.ConfigurableHTTPProxy.auth_token == "proxy-token"
    assert c.JupyterHub.spawner_class.__name__ == "KubernetesServer"
    assert c.KubeSpawner.common_labels["app"] == "jupyterhub"
