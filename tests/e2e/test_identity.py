"""Identity as workloads and people meet it: which tokens get a certificate, and what `linkerd identity` tells."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from tests.e2e.cluster import CONTROL_PLANE, Cluster, until
from tests.e2e.manifests import IMAGE, MESHED, PLAIN

from linkerd_contract import codec, names
from linkerd_contract.identity import CERTIFY_PATH, CertifyRequest, CertifyResponse
from linkerd_kube import portforward
from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import CONFIG_MAPS, PODS, SERVICE_ACCOUNTS
from linkerd_runtime import tls
from linkerd_runtime.keygen import make_csr

pytestmark = pytest.mark.root

SERVER = names.identity_name("linkerd-identity", CONTROL_PLANE)
OURS = names.identity_name("default", PLAIN)
KEY = ec.generate_private_key(ec.SECP256R1())
IDENTITY = f"{names.LABEL_CONTROL_PLANE_COMPONENT}=identity"


@dataclass
class Answer:
    """Status and document."""

    status: int
    body: bytes

    @property
    def code(self) -> str:
        """Of a problem."""
        return str(json.loads(self.body)["code"])


def certify(mesh: Cluster, token: str, identity: str = OURS) -> Answer:
    """Ask as a workload does, through a port-forward instead of from a pod."""
    return mesh.do(_certify(mesh, CertifyRequest(identity, make_csr(KEY, identity).decode(), token)))


async def _certify(mesh: Cluster, request: CertifyRequest) -> Answer:
    roots = await mesh.client.get(CONFIG_MAPS.path(CONTROL_PLANE, names.TRUST_ROOTS_CONFIG_MAP))
    pods = await mesh.client.get(PODS.path(CONTROL_PLANE), {"labelSelector": IDENTITY})
    name = pods["items"][0]["metadata"]["name"]
    opened = await portforward.tunnel(mesh.client, CONTROL_PLANE, name, names.PORT_IDENTITY)
    context = tls.client_context(roots["data"][names.TRUST_ROOTS_KEY])
    reader, writer = await asyncio.open_connection(sock=opened.sock, ssl=context, server_hostname=SERVER)
    body = codec.encode(request)
    head = f"POST {CERTIFY_PATH} HTTP/1.1\r\nhost: identity\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    answer = await reader.read(-1)
    writer.close()
    top, _, rest = answer.partition(b"\r\n\r\n")
    return Answer(int(top.split()[1]), rest)


def token(mesh: Cluster, audience: str = "identity.l5d.io", bound: JsonObject | None = None) -> str:
    """Of ServiceAccount default in e2e-plain."""
    spec: JsonObject = {"audiences": [audience]}
    if bound is not None:
        spec["boundObjectRef"] = {"apiVersion": "v1", "kind": "Pod", **bound}
    path = SERVICE_ACCOUNTS.path(PLAIN, "default", "token")
    made = mesh.do(mesh.client.create(path, {"spec": spec}))
    return str(made["status"]["token"])


def test_a_good_token_gets_its_own_name(mesh: Cluster) -> None:
    answer = certify(mesh, token(mesh))
    assert answer.status == 200
    chain = x509.load_pem_x509_certificates(codec.decode(answer.body, CertifyResponse).chain.encode())
    san = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.DNSName) == [OURS]


def test_tokens_that_are_refused(mesh: Cluster) -> None:
    good = token(mesh)
    head, claims, signature = good.split(".")
    flipped = signature[:20] + ("A" if signature[20] != "A" else "B") + signature[21:]
    foreign = f"{head}.{claims}.{flipped}"
    for bad in (foreign, token(mesh, "https://kubernetes.default.svc"), "x.y.z"):
        answer = certify(mesh, bad)
        assert (answer.status, answer.code) == (401, "invalid_token")
    another = certify(mesh, good, names.identity_name("linkerd-destination", CONTROL_PLANE))
    assert (another.status, another.code) == (403, "identity_mismatch")


def test_a_token_dies_with_its_pod(mesh: Cluster) -> None:
    pod: JsonObject = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "short", "namespace": PLAIN},
        "spec": {"containers": [{"name": "c", "image": IMAGE, "args": ["-c", "import time; time.sleep(600)"]}]},
    }
    mesh.apply(pod)
    stored = mesh.get(PODS, PLAIN, "short")
    assert stored is not None
    bound = token(mesh, bound={"name": "short", "uid": stored["metadata"]["uid"]})
    assert certify(mesh, bound).status == 200
    mesh.do(mesh.client.delete(PODS.path(PLAIN, "short"), {"gracePeriodSeconds": 0}))
    until(lambda: mesh.get(PODS, PLAIN, "short") is None, 60, "the pod gone")
    # Not at once: a kube-apiserver remembers for ten seconds that a token was good, in which identity has enough of it.
    replayed = until(
        lambda: (said := certify(mesh, bound)).status not in (200, 429) and said, 60, "the token is refused"
    )
    assert replayed
    assert (replayed.status, replayed.code) == (401, "invalid_token")


def test_what_people_are_told(mesh: Cluster) -> None:
    """`linkerd identity` of meshed and control plane pods, before and after the issuer was replaced."""
    told = mesh.run("linkerd", "identity", "-n", MESHED, "-l", "app=pair").stdout
    assert "(1 of 2)" in told
    assert "(2 of 2)" in told
    assert told.count(f"DNS:{names.identity_name('default', MESHED)}") == 2
    before = _issuer(mesh)
    rotated = mesh.run("linkerd", "identity", "rotate", "--issuer", "--watch").stdout
    assert "√ another issuer signs, valid until" in rotated
    until(lambda: _issuer(mesh) != before, 60, "identity serves with a certificate of the new issuer")
    check = mesh.run("linkerd", "check", "--wait", "180s", seconds=210).stdout
    assert "√ issuer cert is issued by the trust anchor" in check


def _issuer(mesh: Cluster) -> str:
    """How the certificate that identity serves with names its issuer's key."""
    told = mesh.run("linkerd", "identity", "-n", CONTROL_PLANE, "-l", IDENTITY).stdout
    lines = [line.strip() for line in told.splitlines()]
    return lines[lines.index("X509v3 Authority Key Identifier:") + 1]
