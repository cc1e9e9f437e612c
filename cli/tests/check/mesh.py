"""A control plane that is up, in a fake cluster."""

import base64
from datetime import UTC, datetime, timedelta

from cli.tests.cluster import Cluster
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Issued:
    """A certificate and its key, self-signed or by another."""

    def __init__(
        self,
        name: str,
        *,
        by: "Issued | None" = None,
        days: int = 365,
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
        also: tuple[str, ...] = (),
    ) -> None:
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = by.certificate.subject if by else subject
        end = now + days * DAY
        self.certificate: x509.Certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(now, end) - DAY)
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName([*map(x509.DNSName, (name, *also))]), critical=False)
            .sign(by.key if by else self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The key."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def b64(text: str) -> str:
    """As Secrets hold it."""
    return base64.b64encode(text.encode()).decode()


def trust(kube: Cluster, anchor: Issued, issuer: Issued, key_pem: str | None = None, above: str = "") -> None:
    """What identity writes; `above` (PEM) comes with the issuer."""
    base = "/api/v1/namespaces/linkerd"
    kube.put(f"{base}/configmaps/linkerd-identity-trust-roots", {"data": {"ca-bundle.crt": anchor.pem}})
    data = {"crt.pem": b64(issuer.pem + above), "key.pem": b64(key_pem or issuer.key_pem)}
    kube.put(f"{base}/secrets/linkerd-identity-issuer", {"data": data})


_HOOKS = "/apis/admissionregistration.k8s.io/v1"
WEBHOOK = f"{_HOOKS}/mutatingwebhookconfigurations/linkerd-proxy-injector-webhook-config"
VALIDATORS = [
    f"{_HOOKS}/validatingwebhookconfigurations/linkerd-{name}-webhook-config"
    for name in ("sp-validator", "policy-validator")
]
SERVICES = ("linkerd-sp-validator.linkerd.svc", "linkerd-policy-validator.linkerd.svc")


def webhook(kube: Cluster, serving: Issued, authority: Issued | None) -> None:
    """What the injector writes."""
    data = {"tls.crt": b64(serving.pem), "tls.key": b64(serving.key_pem)}
    kube.put("/api/v1/namespaces/linkerd/secrets/linkerd-proxy-injector-k8s-tls", {"data": data})
    for path in (WEBHOOK, *VALIDATORS):
        configuration = kube.objects[path]
        if authority is not None:
            configuration["webhooks"][0]["clientConfig"]["caBundle"] = b64(authority.pem)
        kube.put(path, configuration)


def control_plane(kube: Cluster) -> None:
    """Installed, made, ready."""
    kube.install()
    for component in ("identity", "destination", "proxy-injector"):
        kube.add_pod("linkerd", f"linkerd-{component}-1", {"linkerd.io/control-plane-component": component})
    anchor = Issued("root.linkerd.cluster.local", days=3650)
    trust(kube, anchor, Issued("identity.linkerd.cluster.local", by=anchor))
    authority = Issued("linkerd-proxy-injector.linkerd.svc")
    webhook(kube, Issued("linkerd-proxy-injector.linkerd.svc", by=authority, also=SERVICES), authority)
