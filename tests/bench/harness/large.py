"""The large row: 10,000 clusters with 30,000 Deployments, from a saved etcd folder.

Each contender makes its own first, once, as nobody else's marks would tell it that nothing differs; it is kept in the
cache folder. Before it is measured it starts on it and may write until it is content.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path
from typing import List

from .clusters import FILE, cluster, initial_status
from .contender import Contender, Running
from .plane import REPOSITORY, Plane
from .rows import Rows, Setting

CLUSTERS = 10_000


class LargeRow(Rows):
    """Restarts on a settled control plane of that size, and what is kept in memory then."""

    RESTARTS = 3  # now and then one takes half as long again
    DRAINS = 1

    def __init__(self, setting: Setting, contender: Contender, n: int = CLUSTERS) -> None:
        super().__init__(setting, contender, n, 0)

    def run_from(self, saved: Path) -> None:
        began = time.time()
        with Plane(self.setting.programs, self.setting.folder, saved if saved.exists() else None) as plane:
            self._attach(plane)
            if not saved.exists():
                self._make()
                print(f"  made in {time.time() - began:.0f} s", flush=True)
        if not saved.exists():
            saved.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(saved.with_suffix(".new"), ignore_errors=True)
            shutil.copytree(self.setting.folder / "etcd", saved.with_suffix(".new"))
            saved.with_suffix(".new").rename(saved)
        with Plane(self.setting.programs, self.setting.folder, saved) as plane:
            self._attach(plane)
            player = self.client.background("play", timeout=7200)
            self._content()
            for self.rep in range(self.RESTARTS):
                self._measure()
            player.stop()

    def _make(self) -> None:
        begin_with = self.client.file("cluster.json", {"spec": cluster()["spec"], "status": initial_status()})
        self.client.run("load", "-n", self.n, "-cluster", begin_with, timeout=3600)
        player = self.client.background("play", timeout=7200)
        running = self._begin()
        self.client.run("settled", "-n", self.n, timeout=7200)
        self.audit.wait_quiet(10)
        running.stop()
        player.stop()

    def _content(self) -> None:
        """An operator of today may write other marks than the one that made the folder."""
        running = self._begin()
        self.audit.wait_quiet(10, limit=3600)
        running.stop()

    def _measure(self) -> None:
        running = self._begin()
        requests = self.audit.wait_quiet(15)
        figures = self._of_a_restart(running, requests)
        running.stop()
        self._record("large", requests, **figures, cached=requests.kinds())


def _key() -> str:
    """What the saved folder depends on, other than the contender."""
    digest = hashlib.sha256(FILE.read_bytes())
    for definition in sorted((REPOSITORY / "crds").iterdir()):
        digest.update(definition.read_bytes())
    return digest.hexdigest()[:12]


def measure(setting: Setting, contenders: List[Contender]) -> None:
    cache = Path(
        os.environ.get("NOCOBASE_OPERATOR_CACHE", "")
        or Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache") / "nocobase-operator"
    )
    for contender in contenders:
        print(f"{contender.name}, {CLUSTERS} clusters", flush=True)
        LargeRow(setting, contender).run_from(cache / "bench" / "large" / f"{contender.name}-{_key()}")
