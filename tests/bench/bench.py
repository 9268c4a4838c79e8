#!/usr/bin/env python3
"""Measures the operator beside its peers. See README.md.

bench.py                       all rows but the large one, all contenders, alternating
bench.py --only operator --n 50 --reps 1 --idle 0       one contender, one size
bench.py --check-work          what each of them makes, against what it is to make
bench.py --large               10,000 clusters
bench.py --compare             a short run against recorded.json; --record writes that file
"""

import argparse
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

from harness import check, large, offline, recorded, report
from harness.contender import JSON, PROTOBUF, Contender, operator, peer
from harness.process import raise_limits
from harness.rows import Rows, Setting, floor

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--operator",
        type=Path,
        default=ROOT / "build/release/operator/nocobase-operator",
        help="the operator's program (default: that of the release build)",
    )
    parser.add_argument("--only", default="operator,go,rust,floor", help="contenders, by comma")
    parser.add_argument("--n", default="50:2,300:1,1000:1", help="how many clusters, each with its number of runs")
    parser.add_argument("--reps", type=int, help="runs of each number of clusters, in place of those in --n")
    parser.add_argument("--idle", type=int, default=60, help="seconds of the idle row, of the last size; 0: none")
    parser.add_argument("--edits", type=int, default=30)
    parser.add_argument("--restarts", type=int, default=3, help="restarts on what is settled")
    parser.add_argument("--no-offline", action="store_true", help="leave out what needs no control plane")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench", help="folder for results.json and logs")
    for mode in ("check-work", "large", "compare", "record"):
        parser.add_argument("--" + mode, action="store_true")
    return parser.parse_args()


def build(script: Path) -> Path:
    """The folder that a build script prints last."""
    return Path(subprocess.run([script], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])


def sizes(text: str) -> List[List[int]]:
    return [[int(part) for part in (entry + ":1").split(":")[:2]] for entry in text.split(",")]


def save(setting: Setting, path: Path) -> List[Dict[str, Any]]:
    """Writes what there is: a run that does not come to its end leaves what it has measured."""
    table = report.table(setting.results)
    path.write_text(json.dumps({"figures": table, "runs": setting.results}, indent=1) + "\n")
    return table


def measure(setting: Setting, contenders: List[Contender], with_floor: bool, args: argparse.Namespace) -> None:
    """All contenders of a row before the next one, each time beginning with another."""
    runs = [(size, rep) for size, times in sizes(args.n) for rep in range(args.reps or times)]
    for size, rep in runs:
        last = (size, rep) == runs[-1]
        if with_floor:
            floor(setting, size, rep)
        turn = rep % max(1, len(contenders))
        for contender in contenders[turn:] + contenders[:turn]:
            print(f"{contender.name}, {size} clusters, run {rep + 1}", flush=True)
            Rows(setting, contender, size, rep).run(with_idle=args.idle > 0 and last, with_edits=args.edits > 0)
            save(setting, args.out / "results.json")


def main() -> int:
    args = options()
    # Ended from outside, the control planes end too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise_limits()
    if not args.operator.exists():
        sys.exit(
            f"{args.operator} is missing; make it with: make bench, or "
            "cmake --preset release && cmake --build --preset release --target nocobase-operator"
        )
    programs, peers = build(ROOT / "tests/controlplane/build.sh"), build(HERE / "build.sh")
    args.out.mkdir(parents=True, exist_ok=True)
    setting = Setting(
        programs, peers / "client", args.operator.resolve(), args.out / "run", args.idle, args.edits, args.restarts
    )
    known = [
        operator(setting.operator),
        peer("go", peers / "operator-go", PROTOBUF),
        peer("rust", peers / "operator-rust", JSON),
    ]
    chosen = args.only.split(",")
    contenders = [contender for contender in known if contender.name in chosen]
    if args.check_work:
        return check.check(setting, contenders)
    if args.large:
        large.measure(setting, contenders)
    else:
        if args.compare or args.record:
            args.n, args.reps, args.idle, setting.edits, setting.files = "50", 1, 0, 10, 100
        measure(setting, contenders, "floor" in chosen, args)
        if not args.no_offline:
            offline.measure(setting, contenders, peers, ROOT)
    results = args.out / ("large.json" if args.large else "results.json")
    table = save(setting, results)
    print(report.text(table, setting.results))
    print(f"all figures: {results}")
    if args.record:
        recorded.write(HERE / "recorded.json", table)
    if not args.compare or recorded.compare(HERE / "recorded.json", table) == 0:
        return 0
    print("measured once more: what is worse for good is so in both runs", flush=True)
    setting.results.clear()
    measure(setting, contenders, "floor" in chosen, args)
    if not args.no_offline:
        offline.measure(setting, contenders, peers, ROOT)
    return recorded.compare(HERE / "recorded.json", recorded.better(table, report.table(setting.results)))


if __name__ == "__main__":
    sys.exit(main())
