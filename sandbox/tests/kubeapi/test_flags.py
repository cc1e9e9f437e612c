"""Command lines for the programs that a user brings."""

from pathlib import Path

import pytest

from linkerd_sandbox.kubeapi import flags
from linkerd_sandbox.kubeapi.flags import Files

FILES = Files(Path("/d"))


@pytest.mark.parametrize(
    ("text", "minor"),
    [("Kubernetes v1.20.2\n", 20), ("Kubernetes v1.32.0+k3s1", 32), ("etcd Version: 3.4.23", None), ("", None)],
)
def test_release(text: str, minor: int | None) -> None:
    assert flags.minor_of(text) == minor


@pytest.mark.parametrize(
    ("minor", "gates"),
    [
        (20, "BoundServiceAccountTokenVolume=true,EndpointSliceNodeName=true,EndpointSliceTerminatingCondition=true"),
        (21, "EndpointSliceTerminatingCondition=true"),
        (22, None),
        (32, None),
    ],
)
def test_gates_are_given_only_to_releases_that_know_them(minor: int, gates: str | None) -> None:
    argv = flags.kube_apiserver("/bin/kube-apiserver", FILES, minor, ("10.42.0.1", 6443), "10.43.0.0/16", 2379)
    found = [one.removeprefix("--feature-gates=") for one in argv if one.startswith("--feature-gates=")]
    assert found == ([gates] if gates else [])


def test_addresses_and_files() -> None:
    argv = flags.kube_apiserver("/bin/kube-apiserver", FILES, 32, ("10.42.0.1", 6443), "10.43.0.0/16", 2379)
    assert argv[0] == "/bin/kube-apiserver"
    assert {"--bind-address=10.42.0.1", "--secure-port=6443", "--service-cluster-ip-range=10.43.0.0/16"} <= set(argv)
    assert {"--tls-cert-file=/d/apiserver.crt", "--kubelet-client-key=/d/kubelet-client.key"} <= set(argv)
    assert "--etcd-servers=http://127.0.0.1:2379" in argv
    argv = flags.etcd("/bin/etcd", FILES, 2379, 2380)
    assert {"--listen-client-urls=http://127.0.0.1:2379", "--listen-peer-urls=http://127.0.0.1:2380"} <= set(argv)


def test_tokens() -> None:
    assert flags.tokens({"system:kube-proxy": "t"}) == 't,system:kube-proxy,system:kube-proxy,"system:masters"\n'
