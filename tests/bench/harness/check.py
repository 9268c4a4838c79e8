"""Does each contender do the job at all? What it makes, object by object, and fifteen things that it must do."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from typing import Any, Callable, Dict, List

from .audit import Audit
from .client import Client
from .clusters import KINDS, OWN_ANNOTATIONS, cluster, initial_status, render
from .contender import Contender, Running
from .plane import NAMESPACE, Plane, answers
from .rows import Setting

LIMIT = 15.0  # seconds for each step
SERVER_SET = {"clusterIP", "clusterIPs", "sessionAffinity", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"}
Json = Dict[str, Any]


def normal(live: Json) -> Json:
    """What is compared of an object: all but what the server and each contender add for themselves."""
    live = json.loads(json.dumps(live))
    meta = live["metadata"]
    annotations = {
        key: value
        for key, value in meta.get("annotations", {}).items()
        if key not in OWN_ANNOTATIONS and not key.startswith("deployment.kubernetes.io/")
    }
    spec = live.get("spec", {})
    if live["kind"] == "Service":
        spec = {key: value for key, value in spec.items() if key not in SERVER_SET}
    if live["kind"] == "Deployment":
        template = spec["template"]["metadata"]
        template["annotations"] = {
            key: value for key, value in template.get("annotations", {}).items() if key not in OWN_ANNOTATIONS
        }
        template.pop("creationTimestamp", None)
    rest = {key: value for key, value in live.items() if key not in ("metadata", "spec", "status")}
    return {**rest, "labels": meta.get("labels", {}), "annotations": annotations, "spec": spec}


def differences(want: Any, have: Any, place: str = "") -> List[str]:
    if isinstance(want, dict) and isinstance(have, dict):
        return [
            line
            for key in sorted({*want, *have})
            for line in differences(want.get(key), have.get(key), f"{place}.{key}")
        ]
    if isinstance(want, list) and isinstance(have, list) and len(want) == len(have):
        return [
            line
            for i, (one, other) in enumerate(zip(want, have))
            for line in differences(one, other, f"{place}[{i}]")
        ]
    return [] if want == have else [f"{place}: {json.dumps(have)[:80]}, wanted {json.dumps(want)[:80]}"]


class Check:
    """The steps for one contender on a control plane of its own."""

    def __init__(self, setting: Setting, contender: Contender, plane: Plane) -> None:
        self.plane, self.failed = plane, 0
        self.setting, self.audit = setting, Audit(plane.audit_log)
        self.client = Client(setting.client, plane)
        self.running = Running(contender, plane, setting.drain_file())

    def step(self, what: str, done: Callable[[], bool]) -> None:
        end = time.time() + LIMIT
        while not done():
            if time.time() > end:
                self.failed += 1
                print(f"  FAILED {what}")
                return
            time.sleep(0.1)
        print(f"  ok     {what}")

    def kubectl(self, *args: str) -> str:
        return self.plane.kubectl("-n", NAMESPACE, *args, check=False).strip()

    def value(self, kind: str, name: str, path: str) -> str:
        return self.kubectl("get", kind, name, "-o", f"jsonpath={path}")

    def apply(self, name: str, roles: List[Json]) -> None:
        wanted = cluster()
        wanted["metadata"]["name"], wanted["spec"]["roles"] = name, roles
        self.plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", text=json.dumps(wanted))

    def load(self, name: str, roles: List[Json]) -> None:
        """A cluster that has been set up: the contender must not see it before that is said."""
        self.running.process.child.send_signal(signal.SIGSTOP)
        self.apply(name, roles)
        self.plane.kubectl(
            "-n",
            NAMESPACE,
            "patch",
            "nbc",
            name,
            "--subresource=status",
            "--type=merge",
            "-p",
            json.dumps({"status": initial_status()}),
        )
        self.running.process.child.send_signal(signal.SIGCONT)

    def children(self) -> None:
        """Each child of the cluster `bench`, compared with what the API server makes of the rendered one."""
        reference = "reference"
        self.plane.kubectl("create", "namespace", reference)
        for child in render(self.setting.operator, "bench"):
            child["metadata"]["namespace"] = reference
            self.plane.kubectl("apply", "--server-side", "--field-manager=bench", "-f", "-", text=json.dumps(child))
        for child in render(self.setting.operator, "bench"):
            kind, name = child["kind"], child["metadata"]["name"]
            what = [KINDS[kind][1], name]
            found: List[str] = []

            def same() -> bool:
                have = self.kubectl("get", *what, "-o", "json")
                if not have:
                    found[:] = ["it is not there"]
                    return False
                want = json.loads(self.plane.kubectl("-n", reference, "get", *what, "-o", "json"))
                found[:] = differences(normal(want), normal(json.loads(have)))
                owners = json.loads(have)["metadata"].get("ownerReferences", [])
                if [owner.get("name") for owner in owners if owner.get("controller")] != ["bench"]:
                    found.append("it is not owned by the cluster")
                return not found

            self.step(f"{kind} {name} is as rendered", same)
            for line in found:
                print(f"         {line}")

    def behaviour(self) -> None:
        env = '{.spec.template.spec.containers[0].env[?(@.name=="WORKER_MODE")].value}'
        web, job = {"name": "web", "requests": True, "replicas": 2}, {
            "name": "job",
            "services": ["x", "y"],
            "replicas": 1,
        }
        labelled = ("get", "sa,svc,nbr,deploy", "-l", "app.kubernetes.io/instance=a", "-o", "name")
        self.load("a", [web, job])
        self.step("the children are there", lambda: len(self.kubectl(*labelled).split()) == 6)
        self.step("WORKER_MODE is !", lambda: self.value("deploy", "a-web", env) == "!")
        self.step("WORKER_MODE is x,y", lambda: self.value("deploy", "a-job", env) == "x,y")
        selector = "app.kubernetes.io/component=web,app.kubernetes.io/instance=a,app.kubernetes.io/name=nocobase"
        self.step(
            "the scale subresource",
            lambda: self.value("nbr", "a-web", "{.spec.replicas} {.status.selector}") == f"2 {selector}",
        )
        said = '{.status.roles[*].workerMode} {.status.conditions[?(@.type=="Ready")].status}'
        self.step(
            "the status",
            lambda: sorted(self.value("nbc", "a", said).split()) == ["!", "True", "x,y"]
            and self.value("nbc", "a", "{.metadata.generation}")
            == self.value("nbc", "a", "{.status.observedGeneration}"),
        )
        self.kubectl("scale", "deploy", "a-web", "--replicas=5")
        self.step(
            "replicas changed by hand are put right", lambda: self.value("deploy", "a-web", "{.spec.replicas}") == "2"
        )
        self.kubectl("set", "env", "deploy/a-web", "WORKER_MODE=zzz")
        self.step("a variable changed by hand is put right", lambda: self.value("deploy", "a-web", env) == "!")
        self.kubectl("label", "svc", "a", "app.kubernetes.io/name=other", "--overwrite")
        self.step(
            "a label changed by hand is put right",
            lambda: self.value("svc", "a", r"{.metadata.labels.app\.kubernetes\.io/name}") == "nocobase",
        )
        self.kubectl("delete", "svc", "a")
        self.step("a Service that was deleted comes back", lambda: self.value("svc", "a", "{.metadata.name}") == "a")
        self.apply("a", [{**web, "services": ["*"], "replicas": 0}, job])
        self.step(
            "WORKER_MODE is empty, replicas are 0",
            lambda: self.value("deploy", "a-web", env + " {.spec.replicas}") == "0",
        )
        self.apply("a", [job])
        self.step(
            "the children of a role that is taken out go",
            lambda: self.kubectl("get", "nbr,deploy", "-l", "app.kubernetes.io/instance=a", "-o", "name").split()
            == ["nocobaserole.nocobase.com/a-job", "deployment.apps/a-job"],
        )
        self.step("/metrics", lambda: self._metrics() > 300)
        self.step("/healthz", lambda: answers(self.running.url("healthz")))
        self.audit.wait_quiet(3, limit=60)
        time.sleep(5)
        writes = self.audit.take().writes
        self.step("then nothing is written", lambda: writes == 0)
        self.kubectl("delete", "nbc", "a")
        self.step("everything goes with the cluster", lambda: self.kubectl(*labelled) == "")

    def _metrics(self) -> int:
        with urllib.request.urlopen(self.running.url("metrics"), timeout=2) as reply:
            return len(reply.read())


def check(setting: Setting, contenders: List[Contender]) -> int:
    failed = 0
    for contender in contenders:
        print(contender.name)
        with Plane(setting.programs, setting.folder) as plane:
            one = Check(setting, contender, plane)
            player = one.client.background("play", timeout=900)
            one.load("bench", cluster()["spec"]["roles"])
            one.children()
            one.behaviour()
            player.stop()
            failed += one.failed
    print(f"{failed} failed")
    return 1 if failed else 0
