"""The clusters that are loaded, what becomes of each, and the writes that the floor makes for one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict, List

FILE = Path(__file__).resolve().parents[1] / "cluster.json"
KINDS = {
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "Service": ("/api/v1", "services"),
    "NocoBaseRole": ("/apis/nocobase.com/v1alpha1", "nocobaseroles"),
    "Deployment": ("/apis/apps/v1", "deployments"),
}
# Annotations by which the operator knows what it has applied. A peer has one of its own; what depends on the content of
# Secrets is left to the operator, the peers read none.
OWN_ANNOTATIONS = {
    "nocobase.com/applied-hash",
    "nocobase.com/applied",
    "nocobase.com/content-hash",
    "nocobase.com/epoch",
}

Json = Dict[str, Any]


def cluster() -> Json:
    return dict(json.loads(FILE.read_text()))


def initial_status() -> Json:
    """What says that the image has been set up on this database, so that no setup Pod is needed."""
    image = cluster()["spec"]["image"]
    # The database is app::database_identity() of the one in cluster.json, as tests/golden/states/ready.json has it.
    record = {"image": image, "runs": image, "database": "d75ced4f9745bfe8"}
    return {"observedGeneration": -1, "operation": {"epoch": 1, "step": "Idle", "record": record}}


def render(operator: Path, name: str) -> List[Json]:
    """The children of such a cluster, as the operator applies them."""
    wanted = cluster()
    wanted["metadata"]["name"] = name
    done = subprocess.run(
        [operator, "render", "-o", "json", "-"], input=json.dumps(wanted), capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    return list(answer["items"] if isinstance(answer, dict) else answer)


def drain_script(operator: Path) -> str:
    """What pods run before they stop; the peers put it into theirs."""
    deployment = next(child for child in render(operator, "bench") if child["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return str(container["lifecycle"]["preStop"]["exec"]["command"][2])


def floor_writes(operator: Path) -> List[List[Json]]:
    """Groups of writes for one cluster, with CLUSTER and UID in place of its name and uid: a perfect controller's.

    The same children, a status per role, and one of the cluster with as many conditions as the operator's.
    """
    owner = {
        "apiVersion": "nocobase.com/v1alpha1",
        "kind": "NocoBaseCluster",
        "name": "CLUSTER",
        "uid": "UID",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    token = "xxxxxx"  # as long as a name of the load
    shared: List[List[Json]] = []
    roles: Dict[str, List[Json]] = {}
    for child in render(operator, token):
        base, resource = KINDS[child["kind"]]
        child["metadata"]["ownerReferences"] = [owner]
        path = f"{base}/namespaces/bench/{resource}/{child['metadata']['name']}"
        write = {"path": path.replace(token, "CLUSTER"), "body": json.dumps(child).replace(token, "CLUSTER")}
        role = child["metadata"]["labels"].get("app.kubernetes.io/component")
        if role is None:
            shared.append([write])
            continue
        roles.setdefault(role, []).append(write)
        if child["kind"] == "NocoBaseRole":
            roles[role].append(_role_status(path.replace(token, "CLUSTER"), role))
    return [*shared, *roles.values(), [_cluster_status(list(roles))]]


def _role_status(path: str, role: str) -> Json:
    selector = (
        f"app.kubernetes.io/component={role},app.kubernetes.io/instance=CLUSTER,app.kubernetes.io/name=nocobase"
    )
    body = {
        "apiVersion": "nocobase.com/v1alpha1",
        "kind": "NocoBaseRole",
        "metadata": {"name": f"CLUSTER-{role}", "namespace": "bench"},
        "status": {
            "observedGeneration": 1,
            "workerMode": role,
            "replicas": 0,
            "readyReplicas": 0,
            "selector": selector,
            "why": "spec",
        },
    }
    return {"path": f"{path}/status", "body": json.dumps(body)}


def _cluster_status(roles: List[str]) -> Json:
    def condition(kind: str, status: str, reason: str, message: str = "") -> Json:
        return {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }

    image = cluster()["spec"]["image"]
    changing = "role web: its Deployment is changing"
    status = {
        **initial_status(),
        "observedGeneration": 1,
        "phase": "Running",
        "image": image,
        "version": "2.2.15",
        "conditions": [
            condition("Ready", "False", "Rolling", changing),
            condition("Reconciling", "True", "Rolling", changing),
            condition("Stalled", "False", "AsExpected"),
            condition("ServicesCovered", "True", "AllServed"),
            condition("WorkerIdsAvailable", "True", "WithinLimit"),
            condition("Coordinated", "True", "Shared"),
            condition("AutoscalersReady", "True", "NoneAsked"),
            condition("KeysIntact", "True", "KeysPresent"),
            condition("ImagePinned", "True", "VersionTag"),
        ],
        "roles": [
            {"name": role, "workerMode": role, "desired": 1, "effective": 1, "ready": 0, "updated": 0, "why": "spec"}
            for role in roles
        ],
        "services": [
            {"key": key, "roles": [role]}
            for key, role in zip(("requests", "workflow:process", "async-task:process"), roles)
        ],
        "workerIds": {"limit": 32, "worst": 4},
    }
    body = {
        "apiVersion": "nocobase.com/v1alpha1",
        "kind": "NocoBaseCluster",
        "metadata": {"name": "CLUSTER", "namespace": "bench"},
        "status": status,
    }
    return {
        "path": "/apis/nocobase.com/v1alpha1/namespaces/bench/nocobaseclusters/CLUSTER/status",
        "body": json.dumps(body),
    }
