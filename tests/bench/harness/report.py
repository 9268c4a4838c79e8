"""From runs to figures: medians, ratios and spreads, as a table for people and as JSON."""

from __future__ import annotations

import statistics
from typing import Any, Dict, List, Optional, Tuple

# Row, figure, unit. Of all of them less is better.
FIGURES: List[Tuple[str, str, str]] = [
    ("start", "ready_s", "s"),
    ("start", "rss_mib", "MiB"),
    ("start", "cpu_s", "s"),
    ("start", "binary_mib", "MiB"),
    ("converge", "wall_s", "s"),
    ("converge", "cpu_s", "s"),
    ("converge", "peak_rss_mib", "MiB"),
    ("converge", "writes_per_cluster", ""),
    ("converge", "requests_per_cluster", ""),
    ("converge", "server_cpu_s", "s"),
    ("settle", "cpu_s", "s"),
    ("settle", "writes_per_cluster", ""),
    ("idle", "writes", ""),
    ("idle", "cpu_s", "s"),
    ("idle", "rss_mib", "MiB"),
    ("edit", "median_ms", "ms"),
    ("edit", "p99_ms", "ms"),
    ("edit", "cpu_ms_per_edit", "ms"),
    ("edit", "writes_per_edit", ""),
    ("restart-clean", "ready_s", "s"),
    ("restart-clean", "times_drain", "x"),
    ("restart-clean", "writes", ""),
    ("restart-clean", "cpu_s", "s"),
    ("restart-clean", "peak_rss_mib", "MiB"),
    ("restart-pending", "fixed_s", "s"),
    ("restart-pending", "writes", ""),
    ("restart-pending", "peak_rss_mib", "MiB"),
    ("large", "ready_s", "s"),
    ("large", "times_drain", "x"),
    ("large", "writes", ""),
    ("large", "cpu_s", "s"),
    ("large", "rss_mib", "MiB"),
    ("large", "peak_rss_mib", "MiB"),
    ("no-op reconcile", "ns", "ns"),
    ("no-op reconcile", "first_look_ns", "ns"),
    ("serving", "parse_ns", "ns"),
    ("serving", "ask_ns", "ns"),
    ("validate", "wall_s", "s"),
    ("validate", "cpu_s", "s"),
    ("validate", "peak_rss_mib", "MiB"),
    ("render", "cpu_s", "s"),
    ("render", "peak_rss_mib", "MiB"),
]
OURS, PEERS, FLOOR = "operator", ("go", "rust"), "floor"


def _spread(values: List[float]) -> Optional[float]:
    """The distance between the extremes in percent of the median; nothing of a single run."""
    middle = statistics.median(values)
    return round(100 * (max(values) - min(values)) / middle, 1) if len(values) > 1 and middle else None


def _ratio(ours: float, best: float) -> float:
    """Where the better peer has none of it, one more than ours: 1 is as good there as well."""
    return round(ours / best if best > 0 else ours + 1, 3)


def table(runs: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """One entry per row, size and figure: each contender's median, our ratio to the better peer, the spreads."""
    entries = []
    for row, figure, unit in FIGURES:
        for n in sorted({run["n"] for run in runs if run["row"] == row}):
            values: Dict[str, List[float]] = {}
            for run in runs:
                if run["row"] == row and run["n"] == n and figure in run:
                    values.setdefault(run["contender"], []).append(float(run[figure]))
            if not values:
                continue
            medians = {name: statistics.median(of) for name, of in values.items()}
            peers = [value for name, value in medians.items() if name in PEERS]
            ours = medians.get(OURS)
            ratio = _ratio(ours, min(peers)) if ours is not None and peers else None
            entries.append(
                {
                    "row": row,
                    "n": n,
                    "figure": figure,
                    "unit": unit,
                    "medians": medians,
                    "ratio": ratio,
                    "spread": {name: _spread(of) for name, of in values.items()},
                    "runs": max(len(of) for of in values.values()),
                }
            )
    return entries


def text(entries: List[Dict[str, Any]], runs: List[Dict[str, Any]]) -> str:
    names = [
        name for name in (OURS, "go", "rust", FLOOR, "bare") if any(name in entry["medians"] for entry in entries)
    ]
    lines = [
        "",
        f"{'row':16} {'n':>5} {'figure':20} {'unit':>4}"
        + "".join(f"{name:>11}" for name in names)
        + f"{'ratio':>8}{'spread':>8}{'runs':>5}",
    ]
    for entry in entries:
        cells = "".join(f"{_number(entry['medians'].get(name)):>11}" for name in names)
        ratio = "" if entry["ratio"] is None else f"{entry['ratio']:.2f}"
        own = entry["spread"].get(OURS)
        spread = "" if own is None else f"{own:.0f} %"
        lines.append(
            f"{entry['row']:16} {entry['n'] or '':>5} {entry['figure']:20} {entry['unit']:>4}"
            f"{cells}{ratio:>8}{spread:>8}{entry['runs']:>5}"
        )
    lines.append("ratio: ours to the better peer's; spread: of ours, between its extremes, in percent of the median")
    lines += _cached(runs)
    lines += [
        f"FAILED: {run['row']} of {run['contender']} at {run['n']}: {run['failed']}"
        for run in runs
        if "failed" in run
    ]
    return "\n".join(lines)


def _number(value: Optional[float]) -> str:
    if value is None:
        return ""
    return (
        f"{value:.0f}" if value >= 1000 or value == int(value) else f"{value:.3g}" if value < 10 else f"{value:.1f}"
    )


def _cached(runs: List[Dict[str, Any]]) -> List[str]:
    """Which kinds each contender caches, as its watches tell."""
    kinds = {run["contender"]: run["cached"] for run in runs if "cached" in run}
    return [f"{name} caches {len(of)} kinds: {', '.join(of)}" for name, of in kinds.items()]
