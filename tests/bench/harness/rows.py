"""The rows that need a control plane: one contender, one number of clusters, from nothing to a restart."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

from .audit import Audit, Requests, add
from .client import Client
from .clusters import cluster, drain_script, floor_writes, initial_status
from .contender import Contender, Running
from .plane import Plane

Figures = Dict[str, Any]


@dataclass
class Setting:
    """What all rows share."""

    programs: Path  # of the control plane
    client: Path
    operator: Path
    folder: Path  # of the run; emptied for each control plane
    idle_s: int = 60
    edits: int = 30
    restarts: int = 3
    files: int = 1000
    results: List[Figures] = field(default_factory=list)

    def record(self, row: str, contender: str, n: int, rep: int, figures: Figures) -> None:
        entry = {
            "row": row,
            "contender": contender,
            "n": n,
            "rep": rep,
            **figures,
            "load": round(os.getloadavg()[0], 1),
        }
        self.results.append(entry)
        shown = {key: value for key, value in entry.items() if key not in ("details", "cached")}
        print("  " + " ".join(f"{key}={value}" for key, value in shown.items()), flush=True)

    def drain_file(self) -> Path:
        path = self.folder.parent / "drain.sh"
        path.write_text(drain_script(self.operator))
        return path


class Rows:
    """The life of a contender on one control plane."""

    DRAINS = 3  # after each restart, of which the median counts

    def __init__(self, setting: Setting, contender: Contender, n: int, rep: int) -> None:
        self.setting, self.contender, self.n, self.rep = setting, contender, n, rep
        self.drain = setting.drain_file()

    def run(self, with_idle: bool, with_edits: bool) -> None:
        with Plane(self.setting.programs, self.setting.folder) as plane:
            self._attach(plane)
            self._start()
            begin_with = self.client.file("cluster.json", {"spec": cluster()["spec"], "status": initial_status()})
            self.client.run("load", "-n", self.n, "-cluster", begin_with)
            running = self._converge()
            player = self.client.background("play", timeout=7200)
            self._settle(running)
            if with_idle:
                self._idle(running)
            if with_edits:
                self._edit(running)
            running.stop()
            for _ in range(self.setting.restarts):
                self._restart_clean().stop()
            self._restart_pending().stop()
            player.stop()

    def _attach(self, plane: Plane) -> None:
        self.plane, self.audit, self.client = plane, Audit(plane.audit_log), Client(self.setting.client, plane)

    def _begin(self) -> Running:
        self.audit.skip()
        return Running(self.contender, self.plane, self.drain)

    def _record(self, row: str, requests: Optional[Requests], **figures: Any) -> None:
        if requests is not None:
            figures.update(writes=requests.writes, details=requests.details)
        rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()}
        self.setting.record(row, self.contender.name, self.n, self.rep, rounded)

    def _start(self) -> None:
        running = self._begin()
        time.sleep(4)
        requests = self.audit.take()
        process = running.process
        self._record(
            "start",
            None,
            ready_s=running.ready_s,
            rss_mib=process.memory_mib("VmRSS"),
            cpu_s=process.cpu_seconds(),
            binary_mib=self.contender.binary_mib(),
            threads=process.threads(),
            cached=requests.kinds(),
        )
        running.stop()

    def _converge(self) -> Running:
        observer = self.client.background("observe", "-n", self.n)
        time.sleep(0.5)  # its watches are open
        server = self.plane.cpu_seconds()
        running = self._begin()
        wall = observer.answer()["unix"] - running.process.began
        cpu, server = running.process.cpu_seconds(), self.plane.cpu_seconds() - server
        requests = add(self.audit.take(), self.audit.wait_quiet(3))
        self._record(
            "converge",
            requests,
            wall_s=wall,
            cpu_s=cpu,
            cpu_to_quiet_s=running.process.cpu_seconds(),
            peak_rss_mib=running.process.memory_mib("VmHWM"),
            server_cpu_s=server,
            writes_per_cluster=requests.writes / self.n,
            requests_per_cluster=sum(v for verb, v in requests.verbs.items() if verb != "watch") / self.n,
            verbs=requests.verbs,
        )
        return running

    def _settle(self, running: Running) -> None:
        """Every Deployment is made available."""
        before = running.process.cpu_seconds()
        self.client.run("settled", "-n", self.n)
        requests = self.audit.wait_quiet(3)
        self._record(
            "settle",
            requests,
            cpu_s=running.process.cpu_seconds() - before,
            writes_per_cluster=requests.writes / self.n,
            rss_mib=running.process.memory_mib("VmRSS"),
        )

    def _idle(self, running: Running) -> None:
        self.audit.skip()
        before = running.process.cpu_seconds()
        time.sleep(self.setting.idle_s)
        cpu = running.process.cpu_seconds() - before
        self._record(
            "idle",
            self.audit.take(),
            seconds=self.setting.idle_s,
            cpu_s=cpu,
            rss_mib=running.process.memory_mib("VmRSS"),
        )

    def _edit(self, running: Running) -> None:
        self.audit.skip()
        before = running.process.cpu_seconds()
        answer = self.client.run("edit", "-n", self.n, "-edits", self.setting.edits)
        requests = self.audit.wait_quiet(2)
        cpu = running.process.cpu_seconds() - before
        self._record(
            "edit",
            requests,
            **answer,
            cpu_ms_per_edit=1000 * cpu / self.setting.edits,
            writes_per_edit=requests.writes / self.setting.edits,
        )

    def _restart_clean(self) -> Running:
        running = self._begin()
        requests = add(self.audit.take(), self.audit.wait_quiet(3))
        self._record("restart-clean", requests, **self._of_a_restart(running, requests))
        return running

    def _of_a_restart(self, running: Running, requests: Requests) -> Figures:
        """What it took, beside a bare client that drains the same streams afterwards."""
        process = running.process
        figures = {
            "ready_s": running.ready_s,
            "cpu_s": process.cpu_seconds(),
            "peak_rss_mib": process.memory_mib("VmHWM"),
            "rss_mib": process.memory_mib("VmRSS"),
        }
        drained = self._drain(requests)
        return {
            **figures,
            "drain_s": drained["seconds"],
            "drain_mib": drained["bytes"] / 2**20,
            "times_drain": running.ready_s / drained["seconds"],
        }

    def _drain(self, requests: Requests) -> Figures:
        """What a bare client needs for the same streams, from its start on: the median."""
        streams = [
            {"path": uri, "accept": self.contender.accept, "watch": "sendInitialEvents=true" in uri}
            for uri in dict.fromkeys(requests.watched)
            if "watch=true" not in uri or "sendInitialEvents=true" in uri
        ]
        file = self.client.file("drain.json", streams)
        answers = []
        for _ in range(self.DRAINS):
            began = time.time()
            answer = self.client.run("drain", "-paths", file)
            answer["seconds"] = answer["unix"] - began
            answers.append(answer)
        return sorted(answers, key=lambda answer: float(answer["seconds"]))[len(answers) // 2]

    def _restart_pending(self) -> Running:
        """A cluster is edited while nobody looks: a restart that does nothing at all would be found here."""
        poke = self.client.background("poke", "-index", self.n - 1, timeout=90)
        time.sleep(1.5)
        running = self._begin()
        try:
            fixed = poke.answer()["unix"] - running.process.began
        except RuntimeError as error:
            self._record("restart-pending", None, failed=str(error))
            return running
        requests = add(self.audit.take(), self.audit.wait_quiet(5))
        self._record(
            "restart-pending",
            requests,
            fixed_s=fixed,
            ready_s=running.ready_s,
            cpu_s=running.process.cpu_seconds(),
            peak_rss_mib=running.process.memory_mib("VmHWM"),
        )
        return running


def floor(setting: Setting, n: int, rep: int, parallel: int = 8) -> None:
    """A bare client makes the same writes and decodes no reply."""
    with Plane(setting.programs, setting.folder) as plane:
        client = Client(setting.client, plane)
        begin_with = client.file("cluster.json", {"spec": cluster()["spec"], "status": initial_status()})
        client.run("load", "-n", n, "-cluster", begin_with)
        before = plane.cpu_seconds()
        answer = client.run(
            "floor",
            "-n",
            n,
            "-parallel",
            parallel,
            "-writes",
            client.file("floor.json", floor_writes(setting.operator)),
            kubeconfig=plane.kubeconfig,
        )
        setting.record(
            "converge",
            "floor",
            n,
            rep,
            {
                "wall_s": round(answer["seconds"], 3),
                "writes": answer["writes"],
                "writes_per_cluster": answer["writes"] / n,
                "server_cpu_s": round(plane.cpu_seconds() - before, 2),
            },
        )
