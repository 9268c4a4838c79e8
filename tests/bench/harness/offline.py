"""The rows that need no control plane: a decision that comes to nothing, WORKER_MODE, and commands over files."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
from pathlib import Path
from typing import Any, Dict, List

from .clusters import FILE, cluster
from .contender import Contender
from .process import Timed
from .rows import Setting


def measure(setting: Setting, contenders: List[Contender], peers: Path, root: Path) -> None:
    names = {contender.name for contender in contenders}
    own = root / "build/release/tests/bench"
    if "operator" in names:
        figures = _google_benchmark(own / "noop_bench")
        _record(
            setting, "no-op reconcile", "operator", ns=figures["no_op_reconcile"], first_look_ns=figures["first_look"]
        )
        _record(setting, "serving", "operator", parse_ns=figures["serving_parse"], ask_ns=figures["serving_ask"])
        _files(setting, own / "bare_yaml")
    if "go" in names:
        _record(setting, "no-op reconcile", "go", ns=_go_benchmark(peers / "noop-go"))
    if "rust" in names:
        _record(setting, "no-op reconcile", "rust", ns=_rust_benchmark(peers / "noop-rust"))


def _record(setting: Setting, row: str, contender: str, **figures: Any) -> None:
    setting.record(row, contender, 0, 0, {name: round(value, 2) for name, value in figures.items()})


def _output(*command: object) -> str:
    environment = {**os.environ, "BENCH_CLUSTER": str(FILE)}
    parts = [str(part) for part in command]
    return subprocess.run(parts, check=True, capture_output=True, text=True, env=environment).stdout


def _google_benchmark(program: Path) -> Dict[str, float]:
    """The median of five repetitions, in nanoseconds of processor time."""
    answer = json.loads(
        _output(program, "--benchmark_format=json", "--benchmark_repetitions=5", "--benchmark_min_time=0.2")
    )
    times: Dict[str, List[float]] = {}
    for entry in answer["benchmarks"]:
        if entry["run_type"] == "iteration":
            times.setdefault(entry["name"], []).append(entry["cpu_time"])
    return {name: statistics.median(values) for name, values in times.items()}


def _go_benchmark(program: Path) -> float:
    text = _output(
        program, "-test.run=^$", "-test.bench=NoopReconcile", "-test.count=5", "-test.benchtime=300ms", "-test.cpu=1"
    )
    return statistics.median(float(value) for value in re.findall(r"([\d.]+) cpu-ns/op", text))


def _rust_benchmark(program: Path) -> float:
    text = _output(program, "noop_reconcile", "--ignored", "--nocapture", "--test-threads=1")
    return statistics.median(float(value) for value in re.findall(r"([\d.]+) cpu-ns/op", text))


def _files(setting: Setting, bare: Path) -> None:
    """`validate` of a thousand files at once, `render` of each of them; a bare parser of the same files beside."""
    folder = setting.folder.parent / "files"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = []
    for number in range(setting.files):
        document = cluster()
        document["metadata"]["name"] = f"c{number:05d}"
        document["spec"]["database"]["name"] = f"nocobase_{number}"
        files.append(folder / f"c{number:05d}.yaml")
        files[-1].write_text(_yaml(document))
    for _ in range(3):
        _timed(setting, "validate", "operator", [[str(setting.operator), "validate", str(folder)]])
        _timed(setting, "validate", "bare", [[str(bare), *map(str, files)]])
    _timed(setting, "render", "operator", [[str(setting.operator), "render", str(file)] for file in files])
    _timed(setting, "render", "bare", [[str(bare), str(file)] for file in files])


def _timed(setting: Setting, row: str, contender: str, commands: List[List[str]]) -> None:
    runs = [Timed(command) for command in commands]
    failed = [command for command, run in zip(commands, runs) if run.code != 0]
    if failed:
        raise RuntimeError(f"{' '.join(failed[0][:3])} ended with an error")
    _record(
        setting,
        row,
        contender,
        wall_s=sum(run.wall_s for run in runs),
        cpu_s=sum(run.cpu_s for run in runs),
        peak_rss_mib=max(run.peak_rss_mib for run in runs),
    )


def _yaml(value: Any, indent: str = "") -> str:
    """Block style, as people write it; strings stay quoted."""
    if isinstance(value, dict):
        return "".join(_entry(f"{indent}{key}:", item, indent + "  ") for key, item in value.items())
    return "".join(
        (
            f"{indent}- " + _yaml(item, indent + "  ").lstrip()
            if isinstance(item, dict)
            else f"{indent}- {json.dumps(item)}\n"
        )
        for item in value
    )


def _entry(head: str, item: Any, indent: str) -> str:
    return f"{head}\n{_yaml(item, indent)}" if isinstance(item, (dict, list)) else f"{head} {json.dumps(item)}\n"
