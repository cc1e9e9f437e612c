"""How a real kube-apiserver and its etcd are started. PURE.

Tried with kube-apiserver 1.20 and 1.32, and etcd 3.4. What this cluster builds upon and an old release has only behind
a feature gate is switched on; a release refuses gates that it does not know, so each is given only while it is off by
default.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ISSUER: Final = "https://kubernetes.default.svc.cluster.local"
FRONT_PROXY: Final = "front-proxy-client"
_VERSION: Final = re.compile(r"v1\.(\d+)")
_GATES: Final = {
    "BoundServiceAccountTokenVolume": 20,
    "EndpointSliceNodeName": 20,
    "EndpointSliceTerminatingCondition": 21,
}
"""Gate -> the last 1.x release in which it has to be switched on."""


@dataclass(frozen=True, slots=True)
class Files:
    """What the processes read and write, in one directory."""

    directory: Path

    @property
    def ca(self) -> Path:
        return self.directory / "ca.crt"

    @property
    def front_ca(self) -> Path:
        return self.directory / "front-proxy-ca.crt"

    @property
    def tokens(self) -> Path:
        return self.directory / "tokens.csv"

    @property
    def signing_key(self) -> Path:
        return self.directory / "sa.key"

    @property
    def verifying_key(self) -> Path:
        return self.directory / "sa.pub"

    @property
    def etcd(self) -> Path:
        return self.directory / "etcd"

    def pair(self, name: str) -> tuple[Path, Path]:
        """Certificate and key of that name."""
        return self.directory / f"{name}.crt", self.directory / f"{name}.key"


def minor_of(text: str) -> int | None:
    """The minor release in what `kube-apiserver --version` prints (`Kubernetes v1.20.2`)."""
    found = _VERSION.search(text)
    return int(found[1]) if found else None


def etcd_url(port: int) -> str:
    """Where etcd is asked: on loopback, which no pod shares."""
    return f"http://127.0.0.1:{port}"


def etcd(path: str, files: Files, port: int, peer_port: int) -> list[str]:
    """The command line of etcd: one member, on loopback, nothing kept for the next start."""
    client, peer = etcd_url(port), etcd_url(peer_port)
    return [
        path,
        "--name=sandbox",
        f"--data-dir={files.etcd}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=sandbox={peer}",
        "--log-level=warn",
    ]


def kube_apiserver(
    path: str, files: Files, minor: int, address: tuple[str, int], service_cidr: str, etcd_port: int
) -> list[str]:
    """The command line of kube-apiserver, which serves on `address`."""
    serving, kubelet, front = files.pair("apiserver"), files.pair("kubelet-client"), files.pair(FRONT_PROXY)
    gates = ",".join(f"{name}=true" for name, last in _GATES.items() if minor <= last)
    return [
        path,
        f"--etcd-servers={etcd_url(etcd_port)}",
        f"--bind-address={address[0]}",
        f"--advertise-address={address[0]}",
        f"--secure-port={address[1]}",
        f"--service-cluster-ip-range={service_cidr}",
        f"--tls-cert-file={serving[0]}",
        f"--tls-private-key-file={serving[1]}",
        f"--client-ca-file={files.ca}",
        f"--token-auth-file={files.tokens}",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={files.verifying_key}",
        f"--service-account-signing-key-file={files.signing_key}",
        f"--requestheader-client-ca-file={files.front_ca}",
        f"--requestheader-allowed-names={FRONT_PROXY}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={front[0]}",
        f"--proxy-client-key-file={front[1]}",
        f"--kubelet-certificate-authority={files.ca}",
        f"--kubelet-client-certificate={kubelet[0]}",
        f"--kubelet-client-key={kubelet[1]}",
        "--kubelet-preferred-address-types=InternalIP",
        "--enable-aggregator-routing=true",
        *([f"--feature-gates={gates}"] if gates else []),
    ]


def tokens(users: Mapping[str, str]) -> str:
    """The file of static tokens for users by name, all in group system:masters."""
    return "".join(f'{token},{name},{name},"system:masters"\n' for name, token in users.items())
