"""Ratios as they once were, so that a change that costs is noticed on any machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

# What a short run can tell on a machine that does other things as well: counts, memory, processor time. Latencies of a
# single run differ by more than what is looked for.
STEADY = {
    "binary_mib",
    "cpu_ms_per_edit",
    "cpu_s",
    "ns",
    "peak_rss_mib",
    "requests_per_cluster",
    "rss_mib",
    "wall_s",
    "writes",
    "writes_per_cluster",
    "writes_per_edit",
}
# Less than this is noise.
SMALLEST = {"s": 0.05, "ms": 5.0, "MiB": 1.0, "x": 0.0, "ns": 0.0, "": 0.0}
WORSE = 1.25


def _key(entry: Dict[str, Any]) -> str:
    return f"{entry['row']} {entry['n']} {entry['figure']}"


def write(path: Path, table: List[Dict[str, Any]]) -> None:
    kept = {
        _key(entry): entry["ratio"] for entry in table if entry["ratio"] is not None and entry["figure"] in STEADY
    }
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    print(f"recorded {len(kept)} ratios in {path}")


def better(one: List[Dict[str, Any]], other: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Of two runs, the better ratio of each figure: what is worse for good is so in both."""
    others = {_key(entry): entry for entry in other}
    chosen = []
    for entry in one:
        again = others.get(_key(entry), entry)
        is_better = None not in (entry["ratio"], again["ratio"]) and again["ratio"] < entry["ratio"]
        chosen.append(again if is_better else entry)
    return chosen


def compare(path: Path, table: List[Dict[str, Any]]) -> int:
    """1 when a ratio to the better peer has become worse by a quarter."""
    if not path.exists():
        print(f"{path} is missing: make it with bench.py --record")
        return 1
    before = json.loads(path.read_text())
    entries = {_key(entry): entry for entry in table}
    bad = [
        f"{key} was recorded and not measured"
        for key in before
        if key not in entries or entries[key]["ratio"] is None
    ]
    for key, recorded in before.items():
        entry = entries.get(key)
        if entry is None or entry["ratio"] is None or entry["medians"]["operator"] < SMALLEST[entry["unit"]]:
            continue
        if entry["ratio"] > recorded * WORSE:
            bad.append(f"{key}: {entry['ratio']:.2f} of the better peer's, recorded {recorded:.2f}")
    for line in bad:
        print(f"WORSE: {line}")
    print(f"{len(before)} ratios compared with {path.name}, {len(bad)} worse by more than 25 %")
    return 1 if bad else 0
