"""What a contender has asked the API server for, from the audit log."""

from __future__ import annotations

import json
import time
import urllib.parse
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

WRITING = {"create", "update", "patch", "delete", "deletecollection"}
# Paid by the time, not by the work: left out of the sums, shown in the details.
APART = {"leases", "events"}


@dataclass
class Requests:
    """Requests counted: of each verb and of each verb and resource; what failed with its status code."""

    verbs: Dict[str, int] = field(default_factory=dict)
    details: Dict[str, int] = field(default_factory=dict)
    writes: int = 0
    watched: List[str] = field(default_factory=list)  # the requests that opened watches or lists

    def kinds(self) -> List[str]:
        """The resources that are cached."""
        return sorted({urllib.parse.urlsplit(uri).path.rsplit("/", 1)[1] for uri in self.watched})


class Audit:
    """Reads on from where it was last read."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._offset = 0

    def skip(self) -> None:
        """What has been asked for so far is of no interest."""
        self.take()

    def take(self) -> Requests:
        """What was asked for since the last time."""
        time.sleep(0.3)  # an answer is older than its line in the log
        verbs: Counter[str] = Counter()
        details: Counter[str] = Counter()
        requests = Requests()
        for event in self._events():
            verb, of = event["verb"], event.get("objectRef") or {}
            # A watch counts when it starts, everything else when it has been answered.
            if (event["stage"] == "ResponseStarted") != (verb == "watch"):
                continue
            resource = of.get("resource", "discovery") + ("/" + of["subresource"] if "subresource" in of else "")
            code = event.get("responseStatus", {}).get("code", 0)
            details[f"{verb} {resource}" + (f" {code}" if code >= 300 else "")] += 1
            if resource in APART:
                continue
            verbs[verb] += 1
            requests.writes += verb in WRITING
            if verb in ("watch", "list") and code < 300:
                requests.watched.append(event["requestURI"])
        requests.verbs, requests.details = dict(sorted(verbs.items())), dict(sorted(details.items()))
        return requests

    def wait_quiet(self, seconds: float, limit: float = 300) -> Requests:
        """Waits until nothing but Leases and Events was written for so long; what was asked for meanwhile."""
        total = Requests()
        end, since = time.time() + limit, time.time()
        while time.time() - since < seconds:
            if time.time() > end:
                raise RuntimeError(f"writes went on for {limit:.0f} s")
            time.sleep(0.3)
            some = self.take()
            if some.writes:
                since = time.time()
            total = add(total, some)
        return total

    def _events(self) -> Iterator[Dict[str, Any]]:
        with self._log.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):  # still being written
                    return
                self._offset += len(line)
                yield json.loads(line)


def add(one: Requests, other: Requests) -> Requests:
    def merged(of: Callable[[Requests], Dict[str, int]]) -> Dict[str, int]:
        return dict(sorted((Counter(of(one)) + Counter(of(other))).items()))

    return Requests(
        merged(lambda r: r.verbs), merged(lambda r: r.details), one.writes + other.writes, one.watched + other.watched
    )
