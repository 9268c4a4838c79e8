"""A control plane of its own for each measurement: etcd, kube-apiserver and a controller manager without workloads.

The programs are those of tests/controlplane. Deployments get no Pods here: the client plays the Deployment controller
where a row needs it, so that the two processors are left to the API server and whoever is measured.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Callable, Dict, IO, List, Optional

from .process import Process

REPOSITORY = Path(__file__).resolve().parents[3]
USER = "bench-contender"  # the audit log holds its requests and no others
NAMESPACE = "bench"

AUDIT_POLICY = f"""apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {{level: Metadata, users: [{USER}]}}
- {{level: None}}
"""

KUBECONFIG = """apiVersion: v1
kind: Config
current-context: bench
clusters:
- name: bench
  cluster: {{server: "{server}", certificate-authority-data: {ca}}}
contexts:
- name: bench
  context: {{cluster: bench, user: bench, namespace: {namespace}}}
users:
- name: bench
  user: {{client-certificate-data: {certificate}, client-key-data: {key}}}
"""

# What the pods of every cluster refer to.
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "nocobase", "namespace": NAMESPACE},
    "stringData": {
        "APP_KEY": "a-key-of-the-benchmark-that-signs-nothing",
        "APP_AES_SECRET_KEY": "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "INIT_ROOT_EMAIL": "bench@example.com",
        "INIT_ROOT_PASSWORD": "of the benchmark",
        "DB_PASSWORD": "of the benchmark",
    },
}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "nocobase", "namespace": NAMESPACE},
    "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
}


def answers(url: str) -> bool:
    """Whether a URL on loopback answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=1) as reply:
            return bool(reply.status == 200)
    except (OSError, urllib.error.URLError):
        return False


class Ports:
    """A block of free ports, below the range that Linux hands out by itself, held by the lock of tests/controlplane."""

    COUNT = 10

    def __init__(self) -> None:
        folder = Path(tempfile.gettempdir()) / f"nocobase-operator-ports-{os.getuid()}"
        folder.mkdir(exist_ok=True)
        for _ in range(200):
            first = 20_000 + random.randrange(1_200) * 10
            lock = (folder / str(first)).open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            if all(self._free(port) for port in range(first, first + self.COUNT)):
                self.first = first
                self._lock: IO[str] = lock
                return
            lock.close()
        raise RuntimeError(f"no free block of {self.COUNT} ports from 20000 to 32000")

    @staticmethod
    def _free(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    def __getitem__(self, index: int) -> int:
        return self.first + index

    def release(self) -> None:
        self._lock.close()


class Plane:
    """Starts when it is made; `stop` ends it. Use it in a `with`."""

    def __init__(self, programs: Path, folder: Path, etcd: Optional[Path] = None) -> None:
        """`etcd` is a folder to start from, of a control plane that has been stopped."""
        self.programs, self.folder = programs, folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "log").mkdir(parents=True)
        self.audit_log = folder / "audit.log"
        self.admin = folder / "admin.kubeconfig"
        self.kubeconfig = folder / "contender.kubeconfig"
        self._processes: Dict[str, Process] = {}
        self.guests: List[Callable[[], object]] = []  # end whoever works on it; called before it is stopped itself
        self.ports = Ports()
        self.server = f"https://127.0.0.1:{self.ports[0]}"
        if etcd is not None:
            shutil.copytree(etcd, folder / "etcd")
        try:
            self._certificates()
            self._start_server()
            self._start_controllers(fresh=etcd is None)
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> "Plane":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def kubectl(self, *args: str, text: Optional[str] = None, check: bool = True) -> str:
        done = subprocess.run(
            [self.programs / "kubectl", "--kubeconfig", self.admin, "--request-timeout=60s", *args],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, *args: str) -> Dict[str, object]:
        return dict(json.loads(self.kubectl("-n", NAMESPACE, "get", *args, "-o", "json")))

    def cpu_seconds(self) -> float:
        """Of the API server and etcd."""
        return sum(self._processes[name].cpu_seconds() for name in ("kube-apiserver", "etcd"))

    def stop(self) -> None:
        """Guests and clients first, etcd last: the other way round each of them waits for its time limit."""
        for end in self.guests:
            end()
        self.guests.clear()
        last = {"kube-apiserver": 1, "etcd": 2}
        for name in sorted(self._processes, key=lambda name: last.get(name, 0)):
            self._processes[name].stop(limit=15)
        self._processes.clear()
        self.ports.release()

    def _run(self, name: str, *args: str) -> None:
        self._processes[name] = Process([str(self.programs / name), *args], self.folder / "log" / f"{name}.log")

    def _wait(self, what: str, limit: float, done: Callable[[], bool]) -> None:
        end = time.time() + limit
        while not done():
            ended = [name for name, process in self._processes.items() if not process.running()]
            if ended or time.time() > end:
                why = f"{ended[0]} has ended" if ended else f"not within {limit:.0f} s"
                raise RuntimeError(f"control plane: {what}: {why}; the logs are in {self.folder / 'log'}")
            time.sleep(0.05)

    def _certificates(self) -> None:
        pki = self.folder / "pki"
        subprocess.run([self.programs / "controlplane", "pki", self.folder, self.server], check=True)
        # rustls takes no certificate without extensions, which is what openssl makes by default.
        (pki / "contender.ext").write_text("extendedKeyUsage=clientAuth\n")
        contender = str(pki / "contender")
        quiet = {"check": True, "capture_output": True}
        subprocess.run(
            [
                "openssl",
                "req",
                "-new",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-subj",
                f"/O=system:masters/CN={USER}",
                "-keyout",
                contender + ".key",
                "-out",
                contender + ".csr",
            ],
            **quiet,
        )  # type: ignore[call-overload]
        subprocess.run(
            [
                "openssl",
                "x509",
                "-req",
                "-in",
                contender + ".csr",
                "-CA",
                pki / "ca.crt",
                "-CAkey",
                pki / "ca.key",
                "-CAcreateserial",
                "-days",
                "9",
                "-extfile",
                contender + ".ext",
                "-out",
                contender + ".crt",
            ],
            **quiet,
        )  # type: ignore[call-overload]

        def data(name: str) -> str:
            return base64.b64encode((pki / name).read_bytes()).decode()

        self.kubeconfig.write_text(
            KUBECONFIG.format(
                server=self.server,
                namespace=NAMESPACE,
                ca=data("ca.crt"),
                certificate=data("contender.crt"),
                key=data("contender.key"),
            )
        )

    def _start_server(self) -> None:
        pki = self.folder / "pki"
        client, peer = (f"http://127.0.0.1:{self.ports[index]}" for index in (1, 2))
        policy = self.folder / "audit.yaml"
        policy.write_text(AUDIT_POLICY)
        self.audit_log.touch()
        self._run(
            "etcd",
            "--name=bench",
            f"--data-dir={self.folder}/etcd",
            "--unsafe-no-fsync",
            "--log-level=warn",
            "--quota-backend-bytes=8589934592",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=bench={peer}",
        )
        self._run(
            "kube-apiserver",
            f"--etcd-servers={client}",
            "--endpoint-reconciler-type=none",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.ports[0]}",
            "--authorization-mode=Node,RBAC",
            f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key",
            f"--client-ca-file={pki}/ca.crt",
            "--service-cluster-ip-range=10.96.0.0/12",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki}/sa.pub",
            f"--service-account-signing-key-file={pki}/sa.key",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-maxsize=4000",
        )
        waiter: List[str] = [
            str(self.programs / "controlplane"),
            "wait",
            f"{self.server}/readyz",
            f"{pki}/ca.crt",
            "120s",
        ]
        if subprocess.run(waiter, check=False).returncode != 0:
            raise RuntimeError(f"control plane: the API server is not ready; its log is in {self.folder / 'log'}")

    def _start_controllers(self, fresh: bool) -> None:
        pki, config = self.folder / "pki", self.folder / "controller-manager.kubeconfig"
        if fresh:
            self.kubectl("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
            self.kubectl("create", "namespace", NAMESPACE)
            self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
            for thing in (SECRET, CLAIM):
                self.kubectl("create", "-f", "-", text=json.dumps(thing))
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.ports[3]}",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--root-ca-file={pki}/ca.crt",
            f"--service-account-private-key-file={pki}/sa.key",
            f"--tls-cert-file={pki}/loopback.crt",
            f"--tls-private-key-file={pki}/loopback.key",
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
            "--controllers=garbage-collector-controller,namespace-controller,serviceaccount-controller",
        )
        self._wait(
            "the namespace has no ServiceAccount",
            90,
            lambda: self.kubectl(
                "-n", NAMESPACE, "get", "serviceaccount", "default", "--ignore-not-found", "-o", "name", check=False
            )
            != "",
        )
