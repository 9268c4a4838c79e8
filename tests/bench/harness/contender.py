"""Whoever is measured: the operator and its two peers."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List

from .plane import NAMESPACE, Plane, answers
from .process import MIB, Process

# How each of them asks for what it watches. Go takes protobuf of what Kubernetes itself defines.
JSON = "application/json"
PROTOBUF = "application/vnd.kubernetes.protobuf,application/json"


@dataclass(frozen=True)
class Contender:
    """A program that reconciles NocoBaseClusters, and how it is started."""

    name: str
    binary: Path
    arguments: List[str]  # with {kubeconfig}, {metrics}, {probes}, {namespace} and {drain}
    ready: str  # a URL with {probes}
    metrics: str
    accept: str = JSON

    def binary_mib(self) -> float:
        return self.binary.stat().st_size / MIB


def operator(binary: Path) -> Contender:
    return Contender(
        "operator",
        binary,
        ["run", "--kubeconfig", "{kubeconfig}", "--lease-namespace", "{namespace}", "--listen", "{probes}"],
        ready="http://{probes}/readyz",
        metrics="http://{probes}/metrics",
    )


def peer(name: str, binary: Path, accept: str) -> Contender:
    return Contender(
        name,
        binary,
        [
            "--kubeconfig",
            "{kubeconfig}",
            "--leader-election-namespace",
            "{namespace}",
            "--metrics-bind-address",
            "{metrics}",
            "--health-probe-bind-address",
            "{probes}",
            "--drain",
            "{drain}",
        ],
        ready="http://{probes}/readyz",
        metrics="http://{metrics}/metrics",
        accept=accept,
    )


class Running:
    """A contender at work on a control plane: started and waited for until it says that it is ready."""

    LIMIT = 120.0

    def __init__(self, contender: Contender, plane: Plane, drain: Path) -> None:
        self.contender = contender
        self._names: Dict[str, object] = {
            "kubeconfig": plane.kubeconfig,
            "namespace": NAMESPACE,
            "drain": drain,
            "probes": f"127.0.0.1:{plane.ports[6]}",
            "metrics": f"127.0.0.1:{plane.ports[7]}",
        }
        command = [str(contender.binary), *(argument.format(**self._names) for argument in contender.arguments)]
        environment = {**os.environ, "KUBECONFIG": str(plane.kubeconfig)}
        self.process = Process(command, plane.folder / "log" / f"{contender.name}.log", environment)
        plane.guests.append(self.stop)
        while not answers(self.url("readyz")):
            waited = time.time() - self.process.began
            if not self.process.running() or waited > self.LIMIT:
                raise RuntimeError(f"{contender.name} is not ready after {waited:.1f} s; see {self.process.log}")
            time.sleep(0.002)
        self.ready_s = time.time() - self.process.began

    def url(self, what: str) -> str:
        pattern = self.contender.metrics if what == "metrics" else self.contender.ready
        return pattern.format(**self._names).rsplit("/", 1)[0] + "/" + what

    def stop(self) -> int:
        return self.process.stop()
