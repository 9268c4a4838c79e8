"""Processes that the benchmark starts, and what the kernel says of them."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from pathlib import Path
from typing import Mapping, Optional, Sequence

TICKS = os.sysconf("SC_CLK_TCK")
MIB = 2**20


class Process:
    """A child in a session of its own, its output in a log file. It is ended by its pid and nothing else."""

    def __init__(self, command: Sequence[str], log: Path, env: Optional[Mapping[str, str]] = None) -> None:
        with log.open("ab") as out:
            self.began = time.time()
            self.child = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env=None if env is None else dict(env),
            )
        self.pid = self.child.pid
        self.log = log

    def running(self) -> bool:
        return self.child.poll() is None

    def cpu_seconds(self) -> float:
        """User and system time of all its threads, dead ones included, from the scheduler's own clock.

        The ticks of /proc/PID/stat are 10 ms each; schedstat counts nanoseconds but only of living threads. The larger
        of both is right to a tick.
        """
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks = (int(fields[11]) + int(fields[12])) / TICKS
        nanoseconds = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            try:
                nanoseconds += int((task / "schedstat").read_text().split()[0])
            except OSError:  # the thread has ended meanwhile
                continue
        return max(ticks, nanoseconds / 1e9)

    def memory_mib(self, field: str) -> float:
        """VmRSS (now) or VmHWM (at most so far)."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"{self.log}: the process has no {field}; it has ended")

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    def stop(self, number: int = signal.SIGTERM, limit: float = 20) -> int:
        """Ends it, by SIGKILL after the limit, and returns its exit code."""
        if self.running():
            self.child.send_signal(number)
            try:
                self.child.wait(limit)
            except subprocess.TimeoutExpired:
                self.child.kill()
        return self.child.wait()


class Timed:
    """A command run to its end: its wall time, processor time and peak memory.

    The kernel's own peak of a child counts the memory of whoever forked it, so VmHWM is looked at while it runs.
    """

    def __init__(self, command: Sequence[str], out: Optional[Path] = None) -> None:
        before = time.perf_counter()
        self.peak_rss_mib = 0.0
        with open(out or os.devnull, "wb") as sink:
            child = subprocess.Popen(list(command), stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.DEVNULL)
            pid = 0
            while pid == 0:
                peak = _peak_kib(child.pid)
                self.peak_rss_mib = max(self.peak_rss_mib, peak / 1024)
                pid, status, usage = os.wait4(child.pid, os.WNOHANG)
                time.sleep(0.001)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.wall_s = time.perf_counter() - before
        self.code = child.returncode
        self.cpu_s = usage.ru_utime + usage.ru_stime


def _peak_kib(pid: int) -> int:
    """0 once it has ended."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def raise_limits() -> None:
    """The API server keeps many connections and files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
