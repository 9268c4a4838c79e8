"""The load, observation and floor client of tests/bench/go/client."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any, Dict, Optional

from .plane import Plane

Answer = Dict[str, Any]


class Background:
    """A subcommand that goes on until it is told to end, or until it has seen what it waits for."""

    def __init__(self, command: Any) -> None:
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def answer(self) -> Answer:
        """What it says in the end."""
        out, err = self._child.communicate()
        if self._child.returncode != 0:
            raise RuntimeError(err.strip())
        return dict(json.loads(out))

    def end(self) -> None:
        """Whatever it is doing, and whatever it would say."""
        if self._child.poll() is None:
            self._child.kill()
            self._child.communicate()

    def stop(self) -> Answer:
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
        return self.answer()


class Client:
    """Runs subcommands as the administrator, whose requests are not in the audit log."""

    def __init__(self, binary: Path, plane: Plane) -> None:
        self._binary, self._plane = binary, plane

    def background(
        self, command: str, *args: object, timeout: int = 600, kubeconfig: Optional[Path] = None
    ) -> Background:
        started = Background(
            [
                str(self._binary),
                command,
                "-kubeconfig",
                str(kubeconfig or self._plane.admin),
                "-timeout",
                f"{timeout}s",
                *map(str, args),
            ]
        )
        self._plane.guests.append(started.end)
        return started

    def run(self, command: str, *args: object, timeout: int = 600, kubeconfig: Optional[Path] = None) -> Answer:
        return self.background(command, *args, timeout=timeout, kubeconfig=kubeconfig).answer()

    def file(self, name: str, content: object) -> Path:
        """A file for a subcommand to read."""
        path = self._plane.folder / name
        path.write_text(json.dumps(content))
        return path
