"""The third way to run a server of a kind: a pod. A module of its own, so that others never load Kubernetes' client."""

from __future__ import annotations

from typing import Any

from kubespawner import KubeSpawner

from regional_hub.hub import kinds
from regional_hub.hub.spawners import CONTAINER_USER, ServerOfAKind


class KubernetesServer(ServerOfAKind, KubeSpawner):
    """A pod per server. Network policies of the chart do by label what the bridges do on a single machine."""

    def apply_plan(self, plan: kinds.Plan) -> None:
        """Set the pod's limits, volumes and labels from the plan."""
        self.plan = plan
        self.image = plan.image
        self.mem_limit = plan.memory_bytes
        self.mem_guarantee = plan.memory_bytes // 2
        self.cpu_limit = plan.profile.cpus
        self.cpu_guarantee = min(0.1, plan.profile.cpus)
        self.uid = self.gid = self.fs_gid = CONTAINER_USER
        self.allow_privilege_escalation = False
        self.container_security_context = {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        self.automount_service_account_token = False
        self.extra_labels = {
            "org.regional-hub.kind": plan.kind.name,
            "org.regional-hub.network": plan.kind.network,
            "hub.jupyter.org/network-access-hub": "true" if plan.kind.network != "app" else "false",
        }
        self.volumes, self.volume_mounts = self._volumes(plan)
        if plan.kind.name == "app":
            self.cmd = ["python"]
            self.args = self.app_command(kinds.APP, "0.0.0.0", self.port, self.server.base_url)  # noqa: S104 its own pod
            self.container_security_context["readOnlyRootFilesystem"] = True
            for name, place, size in (("tmp", "/tmp", "256Mi"), ("home", kinds.HOME, "64Mi")):  # noqa: S108 the pod's own
                self.volumes.append({"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": size}})
                self.volume_mounts.append({"name": name, "mountPath": place})

    def _volumes(self, plan: kinds.Plan) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """One shared claim `regional-hub-data`, a sub-path for each mount; our own folders come with the image."""
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "regional-hub-data"}}]
        mounts = []
        for mount in plan.mounts:
            try:
                below = mount.host.relative_to(self.hub_settings.data_dir)
            except ValueError:
                continue
            mounts.append(
                {"name": "data", "mountPath": mount.inside, "subPath": str(below), "readOnly": mount.read_only}
            )
        return volumes, mounts

    def get_env(self) -> dict[str, str]:
        env = super().get_env()
        env |= self.common_environment(self.plan)
        env |= {
            "JUPYTER_CONFIG_PATH": f"/opt/regional-hub/kinds/{self.plan.kind.name}",
            "INTAKE_PATH": kinds.CATALOGS,
            "INTAKE_CATALOG_PATH": f'["{kinds.CATALOGS}"]',  # what intake 2's `intake.cat` reads, a list
            "REGIONAL_HUB_SHARED": kinds.SHARED,
        }
        return self.app_environment(env) if self.plan.kind.name == "app" else env

    async def start(self) -> tuple[str, int]:
        self.ended = None
        self.apply_plan(self.make_plan())
        return await super().start()
