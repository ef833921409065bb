"""The hub's policy on dask-gateway's own Kubernetes back end. The chart of the cluster edition runs it."""

from __future__ import annotations

from typing import Any

from dask_gateway_server.backends.kubernetes.backend import KubeBackend, KubeClusterConfig
from dask_gateway_server.models import ClusterStatus
from dask_gateway_server.traitlets import Type

from regional_hub.hub.gateway import ClusterTraits, PolicyMixin


class KubernetesClusterConfig(ClusterTraits, KubeClusterConfig):
    pass


class KubernetesBackend(PolicyMixin, KubeBackend):
    """Clusters are DaskCluster objects; a controller of dask-gateway's turns them into pods."""

    cluster_config_class = Type(
        KubernetesClusterConfig, klass="dask_gateway_server.backends.base.ClusterConfig", config=True
    )

    def find(self, name: str) -> Any:
        return self.clusters.get(name)

    def alive(self) -> list[Any]:
        return [c for c in self.clusters.values() if c.status < ClusterStatus.STOPPED]

    def workers_of(self, cluster: Any) -> int:
        found = self.informer.get(cluster.name) or {}
        return int(found.get("spec", {}).get("replicas") or 0)
