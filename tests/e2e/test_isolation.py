"""What code in a person's container cannot do, whoever wrote it: tried from inside, on a running hub.

Each door that must be shut is first shown to be open from the host, and once without the firewall rules from inside,
so that these tests can fail.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from regional_hub.hub import network
from regional_hub.operate.remote import Kernel, Server
from tests.e2e import world
from tests.hubs import Hub

pytestmark = [
    pytest.mark.docker,
    pytest.mark.hub,
    pytest.mark.skipif(os.geteuid() != 0, reason="firewall rules and network namespaces need root"),
]


@pytest.fixture(scope="module")
def alice(hub: Hub) -> Iterator[Server]:
    world.enrol(hub, "alice", "researchers")
    with hub.server("alice") as server:
        server.start()
        yield server


@pytest.fixture(scope="module")
def kernel(alice: Server) -> Kernel:
    return alice.kernel()


@pytest.fixture(scope="module")
def bob(hub: Hub) -> Iterator[world.Door]:
    """Where another person's server listens."""
    world.enrol(hub, "bob")
    with hub.server("bob") as server:
        server.start()
        yield world.address_of(hub, "bob"), 8888


@pytest.fixture(scope="module")
def outside() -> Iterator[dict[str, world.Door]]:
    with world.outside() as doors:
        yield doors


def services(hub: Hub, *names: str) -> dict[str, world.Door]:
    """The named ports on the host's side of the lab network."""
    host = network.host_address(hub.settings, "lab")
    return {name: (host, hub.settings.ports.all()[name]) for name in names}


@contextmanager
def listener(address: str) -> Iterator[world.Door]:
    """A service of this machine that has nothing to do with the hub, like a database or sshd."""
    with socket.create_server((address, 0)) as server:
        threading.Thread(target=_answer, args=(server,), daemon=True).start()
        yield address, server.getsockname()[1]


def _answer(server: socket.socket) -> None:
    try:
        while True:
            server.accept()[0].close()
    except OSError:
        return


# --- the network


def test_a_container_reaches_hub_portal_data_and_gateway(hub: Hub, kernel: Kernel) -> None:
    doors = services(hub, "hub", "portal", "data", "gateway", "gateway_tls")

    assert world.knock(kernel, doors) == world.all_of(doors, "open")


def test_a_container_cannot_reach_another_container(kernel: Kernel, bob: world.Door) -> None:
    doors = {"another person's server": bob}
    assert world.knock_from_here(doors) == world.all_of(doors, "open")

    assert world.knock(kernel, doors) == world.all_of(doors, "shut")


def test_a_container_cannot_reach_private_apis_of_proxy_and_gateway(hub: Hub, kernel: Kernel) -> None:
    doors = services(hub, "proxy_api", "gateway_api")
    on_loopback = {name: ("127.0.0.1", port) for name, (_, port) in doors.items()}
    here = [world.knock_from_here(doors), world.knock_from_here(on_loopback)]
    assert all("open" in (found[name] for found in here) for name in doors)

    assert world.knock(kernel, doors) == world.all_of(doors, "shut")


def test_a_container_cannot_reach_other_ports_of_the_host(hub: Hub, kernel: Kernel) -> None:
    with listener(network.host_address(hub.settings, "lab")) as near, listener("0.0.0.0") as everywhere:
        bridges = ("lab", "exam", "app")
        doors = {f"by {name}": (network.host_address(hub.settings, name), everywhere[1]) for name in bridges}
        doors["beside the hub's own"] = near
        assert world.knock_from_here(doors) == world.all_of(doors, "open")

        assert world.knock(kernel, doors) == world.all_of(doors, "shut")


def test_a_container_cannot_reach_metadata_and_private_networks(kernel: Kernel, outside: dict[str, world.Door]) -> None:
    doors = {name: door for name, door in outside.items() if name != "internet"}
    assert world.knock_from_here(doors) == world.all_of(doors, "open")

    assert world.knock(kernel, doors) == world.all_of(doors, "shut")


def test_a_lab_container_reaches_the_internet(kernel: Kernel, outside: dict[str, world.Door]) -> None:
    assert world.knock(kernel, {"internet": outside["internet"]}) == {"internet": "open"}


def test_without_the_rules_these_doors_are_open(hub: Hub, kernel: Kernel, outside: dict[str, world.Door]) -> None:
    with listener("0.0.0.0") as everywhere:
        doors = {**outside, "host": (network.host_address(hub.settings, "lab"), everywhere[1])}

        network.remove_firewall(hub.settings)
        try:
            without = world.knock(kernel, doors)
        finally:
            network.apply_firewall(hub.settings)

        assert without == world.all_of(doors, "open")
        assert world.knock(kernel, doors) == {**world.all_of(doors, "shut"), "internet": "open"}


def test_rules_applied_twice_stand_once(hub: Hub) -> None:
    network.apply_firewall(hub.settings)
    network.apply_firewall(hub.settings)

    hooks = network._hooks(hub.settings)
    for hook in hooks:
        assert network._iptables("-D", hook.chain, *hook.words, check=False)
    left = [network._iptables("-C", hook.chain, *hook.words, check=False) for hook in hooks]
    network.apply_firewall(hub.settings)
    assert left == [False, False]


def test_a_container_has_no_ipv6_way_around_the_rules(kernel: Kernel) -> None:
    found = kernel.run("from pathlib import Path; print(Path('/proc/net/if_inet6').read_text())", check=False).text

    assert [line for line in found.splitlines() if line.strip() and not line.endswith(" lo")] == []


def test_a_container_cannot_forge_packets(kernel: Kernel) -> None:
    forged = kernel.run("import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", check=False)

    assert "PermissionError" in str(forged.error)


# --- the container itself


def status(kernel: Kernel) -> dict[str, str]:
    text = kernel.run("print(open('/proc/self/status').read())").text
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def test_code_runs_without_privileges_and_cannot_gain_any(kernel: Kernel) -> None:
    found = status(kernel)

    assert set(found["Uid"].split()) == set(found["Gid"].split()) == {"1000"}
    assert {int(found[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert found["NoNewPrivs"] == "1"
    assert found["Seccomp"] == "2"  # the engine's filter of system calls


def test_there_is_no_docker_socket(kernel: Kernel) -> None:
    code = """
import pathlib, stat
found = [str(p) for top in ("/run", "/var/run", "/tmp", "/srv", "/home", "/dev") for p in pathlib.Path(top).rglob("*")
         if p.is_socket() and "docker" in p.name]
print(found, [name for name in ("/var/run/docker.sock", "/run/docker.sock") if pathlib.Path(name).exists()])
"""
    assert kernel.run(code).text.strip() == "[] []"


def test_environment_catalogs_and_shared_data_cannot_be_changed(kernel: Kernel) -> None:
    places = "/opt /usr /etc /bin /srv"
    writable = f"find {places} -writable ! -type l ! -path '*/proc/*' 2>/dev/null"
    found = kernel.run(f"import os; print(os.popen({writable!r}).read())")

    assert found.text.strip() == ""
    for place in ("/srv/shared", "/srv/catalogs", "/srv/notebooks"):
        refused = kernel.run(f"open('{place}/mine', 'w')", check=False).error
        assert "Read-only file system" in str(refused) or "PermissionError" in str(refused)


def test_the_host_is_out_of_sight(hub: Hub, kernel: Kernel) -> None:
    """Neither the hub's secrets and databases nor other homes are anywhere in the container."""
    place = kernel.run("print(open('/proc/self/mountinfo').read())").text

    for private in ("/secrets", "/db", "/run", "/homes/bob", "/exams"):
        assert str(hub.data) + private not in place
    assert kernel.run(f"import os; print(os.path.exists({str(hub.data)!r}))").text.strip() == "False"


def limit(kernel: Kernel, modern: str, older: str) -> str:
    """A limit as the container's own cgroup has it (version 2, else 1)."""
    code = (
        f"from pathlib import Path; p = Path('/sys/fs/cgroup/{modern}'); q = Path('/sys/fs/cgroup/{older}'); "
        "print((p if p.exists() else q).read_text())"
    )
    return kernel.run(code).text.strip()


def test_limits_are_those_of_the_size(hub: Hub, kernel: Kernel) -> None:
    small = hub.settings.profiles["small"]

    assert int(limit(kernel, "memory.max", "memory/memory.limit_in_bytes")) == int(small.memory_gb * 2**30)
    assert int(limit(kernel, "pids.max", "pids/pids.max")) == small.pids
    cpu = limit(kernel, "cpu.max", "cpu/cpu.cfs_quota_us").split()[0]
    assert int(cpu) == int(small.cpus * 100_000)


FORK_STORM = """
import os, signal, time
children = []
try:
    while len(children) < 5000:
        pid = os.fork()
        if pid == 0:
            time.sleep(60)
            os._exit(0)
        children.append(pid)
except BlockingIOError:
    pass
finally:
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
print(len(children))
"""


def test_a_fork_storm_stops_at_the_limit(hub: Hub, kernel: Kernel) -> None:
    made = int(kernel.run(FORK_STORM).text.split()[-1])

    assert 10 < made < hub.settings.profiles["small"].pids
    assert kernel.run("print('still here')").text.strip() == "still here"


def test_a_home_is_ones_own_and_stays(hub: Hub) -> None:
    world.enrol(hub, "carol")
    with hub.server("carol") as server:
        server.start()
        kernel = server.kernel()
        kernel.run("open('kept.txt', 'w').write('kept'); open('/tmp/lost.txt', 'w').write('lost')")
        server.stop()
        server.start()

        code = "import os, json; print(json.dumps([open('kept.txt').read(), os.path.exists('/tmp/lost.txt')]))"
        found = json.loads(server.kernel().run(code).text)

    assert found == ["kept", False]
    home = hub.settings.hub_user_home("carol")
    assert (home.stat().st_mode & 0o777, home.stat().st_uid) == (0o700, 1000)


# --- one person and another's server


def test_a_person_cannot_open_anothers_server(hub: Hub, alice: Server, bob: world.Door) -> None:
    with world.as_person(hub, "bob") as client:
        for path in ("lab", "api/contents", "api/kernels", "files/start_here.ipynb"):
            assert client.get(f"/user/alice/{path}").status_code == 403
        assert client.get("/user/bob/api/kernels").status_code == 200


def test_a_person_cannot_manage_anothers_server(hub: Hub, alice: Server) -> None:
    world.enrol(hub, "bob")
    with world.as_person(hub, "bob") as client:
        assert client.delete("/hub/api/users/alice/server").status_code in (403, 404)
        assert client.post("/hub/api/users/alice/tokens", json={}).status_code in (403, 404)
        assert client.get("/hub/api/users").status_code == 403
        assert client.put("/hub/api/people/bob", json={"groups": ["admins"], "admin": True}).status_code == 403
    assert alice.ready()


def test_the_token_in_a_server_is_good_for_that_server_only(hub: Hub, alice: Server, kernel: Kernel) -> None:
    inside = kernel.run("import os; print(os.environ['JUPYTERHUB_API_TOKEN'])").text.strip()
    world.enrol(hub, "bob")

    with world.as_person(hub, "bob") as client:
        client.headers["Authorization"] = f"token {inside}"
        assert client.get("/hub/api/user").json()["name"] == "alice"
        assert client.post("/hub/api/users/alice/tokens", json={}).status_code in (403, 404)
        assert client.post("/hub/api/users/alice/servers/second").status_code in (403, 404)
        assert client.delete("/hub/api/users/alice/server").status_code in (403, 404)
        assert client.get("/user/bob/api/kernels").status_code in (403, 404, 424)
