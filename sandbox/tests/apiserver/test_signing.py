"""From a request for a certificate to the user that it names."""

import base64
import ssl
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from linkerd_sandbox.apiserver.certificates import Authority

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
MERGE = "application/merge-patch+json"
Cluster = Any


class Asked(NamedTuple):
    """A key (PEM) and the request for its certificate (PEM)."""

    key: bytes
    request: bytes


def ask(name: str, *groups: str) -> Asked:
    """A request of a user for a certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else []
    names += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, hashes.SHA256())
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Asked(private, request.public_bytes(encoding))


def _body(asked: Asked, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "jane"},
        "spec": {
            "request": base64.b64encode(asked.request).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
            **spec,
        },
    }


async def test_kubectl_approves_and_denies(cluster: Cluster) -> None:
    body = _body(ask("jane", "devs"), username="somebody", expirationSeconds=3600)
    made = await cluster.kubectl("create", "-f", "-", stdin=[body])
    assert made.code == 0, made.err
    _, stored = await cluster.api("GET", f"{REQUESTS}/jane")
    assert stored["spec"]["username"] == "kubernetes-admin"
    shown = await cluster.kubectl("get", "csr", "--no-headers")
    assert shown.out.split()[2:] == ["kubernetes.io/kube-apiserver-client", "kubernetes-admin", "60m", "Pending"]
    assert (await cluster.kubectl("certificate", "approve", "jane")).out.endswith("approved\n")
    assert (await cluster.kubectl("get", "csr", "--no-headers")).out.split()[-1] == "Approved"
    again = await cluster.kubectl("certificate", "deny", "jane")
    assert (again.code, again.err) == (1, 'error: certificate signing request "jane" is already Approved\n')
    described = await cluster.kubectl("describe", "csr", "jane")
    assert "Common Name:    jane" in described.out
    code, refused = await cluster.api("PATCH", f"{REQUESTS}/jane/approval", {"status": {"conditions": []}}, media=MERGE)
    assert (code, refused["reason"]) == (422, "Invalid")


async def test_nobody_becomes_an_administrator_by_asking(cluster: Cluster) -> None:
    code, refused = await cluster.api("POST", REQUESTS, _body(ask("jane", "system:masters")))
    assert (code, refused["reason"]) == (403, "Forbidden")
    assert "system:masters group is not allowed" in refused["message"]


async def _as(cluster: Cluster, directory: Path, certificate: str, key: bytes, token: str = "") -> dict[str, Any]:
    (directory / "c.crt").write_text(certificate)
    (directory / "c.key").write_bytes(key)
    context = ssl.create_default_context(cadata=cluster.server.ca_pem)
    context.load_cert_chain(directory / "c.crt", directory / "c.key")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
        session.post(cluster.url + WHO, json={}, headers=headers) as response,
    ):
        found: dict[str, Any] = await response.json()
        return found


async def test_a_certificate_names_its_user(cluster: Cluster, tmp_path: Path) -> None:
    asked = ask("jane", "devs", "ops")
    certificate = cluster.server.sign(asked.request, 3600)
    user = (await _as(cluster, tmp_path, certificate, asked.key))["status"]["userInfo"]
    assert user == {"username": "jane", "groups": ["devs", "ops", "system:authenticated"]}
    user = (await _as(cluster, tmp_path, certificate, asked.key, token="bad"))["status"]["userInfo"]
    assert user["username"] == "jane"
    done = await cluster.kubectl(
        "auth", "can-i", "list", "pods", "--token=", f"--client-certificate={tmp_path / 'c.crt'}",
        f"--client-key={tmp_path / 'c.key'}",
    )  # fmt: skip
    assert (done.code, done.out) == (1, "no\n"), done.err


async def test_a_certificate_without_a_name_is_nobodys(cluster: Cluster, tmp_path: Path) -> None:
    asked = ask("", "devs")
    answer = await _as(cluster, tmp_path, cluster.server.sign(asked.request, None), asked.key)
    assert answer["code"] in (401, 403)


async def test_certificates_of_others_are_refused(cluster: Cluster, tmp_path: Path) -> None:
    asked = ask("jane")
    with pytest.raises((aiohttp.ClientError, OSError)):
        await _as(cluster, tmp_path, Authority("another").sign(asked.request, None), asked.key)


def test_what_is_signed() -> None:
    authority = Authority("ca")
    asked = ask("jane", "devs")
    issued = x509.load_pem_x509_certificate(authority.sign(asked.request, 600).encode())
    assert issued.subject.rfc4514_string() == "O=devs,CN=jane"
    assert 600 <= (issued.not_valid_after_utc - issued.not_valid_before_utc).total_seconds() <= 1000
    usage = issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not issued.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    with pytest.raises(ValueError, match=r"."):
        authority.sign(b"none", None)
