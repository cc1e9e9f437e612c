"""Certificates that are wrong in each way."""

from collections.abc import Callable

import pytest
from cli.tests.check.asking import problems_of
from cli.tests.check.mesh import VALIDATORS, WEBHOOK, Issued, control_plane, trust, webhook
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cryptography.hazmat.primitives.asymmetric import ec, rsa

Breakage = Callable[[Cluster], None]
ROOTS = "/api/v1/namespaces/linkerd/configmaps/linkerd-identity-trust-roots"
ISSUER = "/api/v1/namespaces/linkerd/secrets/linkerd-identity-issuer"


def _expired_issuer(kube: Cluster) -> None:
    anchor = Issued("root", days=3650)
    trust(kube, anchor, Issued("identity.linkerd", by=anchor, days=-2))


def _foreign_issuer(kube: Cluster) -> None:
    trust(kube, Issued("root", days=3650), Issued("identity.linkerd", by=Issued("root", days=3650)))


def _weak_issuer(kube: Cluster) -> None:
    anchor = Issued("root", days=3650)
    trust(kube, anchor, Issued("identity.linkerd", by=anchor, key=ec.generate_private_key(ec.SECP384R1())))


def _rsa_issuer(kube: Cluster) -> None:
    anchor = Issued("root", days=3650)
    trust(kube, anchor, Issued("identity.linkerd", by=anchor, key=rsa.generate_private_key(65537, 2048)))


def _anchor_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> Breakage:
    def breakage(kube: Cluster) -> None:
        anchor = Issued("root", days=3650, key=key)
        trust(kube, anchor, Issued("identity.linkerd", by=anchor))

    return breakage


def _expired_anchor(kube: Cluster) -> None:
    anchor = Issued("root", days=-2)
    trust(kube, anchor, Issued("identity.linkerd", by=anchor))


def _garbage_bundle(kube: Cluster) -> None:
    kube.put(ROOTS, {"data": {"ca-bundle.crt": "nonsense"}})


def _no_bundle(kube: Cluster) -> None:
    kube.remove(ROOTS)


def _garbage_issuer(kube: Cluster) -> None:
    kube.put(ISSUER, {"data": {"crt.pem": "%%%", "key.pem": ""}})


def _anchor_ends_soon(kube: Cluster) -> None:
    anchor = Issued("root", days=30)
    trust(kube, anchor, Issued("identity.linkerd", by=anchor, days=100))


def _broken_link(kube: Cluster) -> None:
    """What came with the issuer is not what signed it."""
    anchor, between = Issued("root", days=3650), Issued("between")
    issuer = Issued("identity.linkerd", by=between)
    trust(kube, anchor, issuer, above=Issued("between", by=anchor).pem)


def _other_key(kube: Cluster) -> None:
    anchor = Issued("root", days=3650)
    trust(kube, anchor, Issued("identity.linkerd", by=anchor), anchor.key_pem)


def _no_issuer(kube: Cluster) -> None:
    kube.remove("/api/v1/namespaces/linkerd/secrets/linkerd-identity-issuer")


def _no_ca_bundle(kube: Cluster) -> None:
    del kube.objects[WEBHOOK]["webhooks"][0]["clientConfig"]["caBundle"]


def _no_validator_ca_bundle(kube: Cluster) -> None:
    del kube.objects[VALIDATORS[1]]["webhooks"][0]["clientConfig"]["caBundle"]


def _foreign_ca_bundle(kube: Cluster) -> None:
    authority = Issued("linkerd-proxy-injector.linkerd.svc")
    webhook(kube, Issued("linkerd-proxy-injector.linkerd.svc", by=authority), Issued("other"))


def _wrong_host(kube: Cluster) -> None:
    authority = Issued("a")
    webhook(kube, Issued("elsewhere", by=authority), authority)


def _no_service(kube: Cluster) -> None:
    kube.remove("/api/v1/namespaces/linkerd/services/linkerd-sp-validator")


def _no_endpoints(kube: Cluster) -> None:
    """Somebody's patch: the Service looks for pods that nobody has."""
    service = kube.objects["/api/v1/namespaces/linkerd/services/linkerd-policy-validator"]
    service["spec"]["selector"] = {"linkerd.io/control-plane-component": "policy"}


def _issuer_ends_soon(kube: Cluster) -> None:
    anchor = Issued("root", days=3650)
    trust(kube, anchor, Issued("identity.linkerd", by=anchor, days=30))


@pytest.mark.parametrize(
    ("breakage", "check", "told"),
    [
        (_expired_issuer, "issuer cert is within its validity period", "not valid anymore. Expired on"),
        (_rsa_issuer, "issuer cert is using supported crypto algorithm", "instead RSA of 2048 bits was used"),
        (
            _anchor_of(rsa.generate_private_key(65537, 1024)),
            "trust anchors are using supported crypto algorithm",
            "instead RSA of 1024 bits was used",
        ),
        (
            _anchor_of(ec.generate_private_key(ec.SECP521R1())),
            "trust anchors are using supported crypto algorithm",
            "instead ECDSA secp521r1 was used",
        ),
        (_expired_anchor, "trust anchors are within their validity period", "not valid anymore. Expired on"),
        (_garbage_bundle, "certificate config is valid", "linkerd-identity-trust-roots: not certificates in PEM"),
        (_no_bundle, "certificate config is valid", '"linkerd-identity-trust-roots" not found'),
        (_garbage_issuer, "certificate config is valid", "key crt.pem is not base64 text"),
        (_foreign_issuer, "issuer cert is issued by the trust anchor", "not signed by any of the trust anchors"),
        (_weak_issuer, "issuer cert is using supported crypto algorithm", "must use P-256 curve"),
        (_broken_link, "issuer cert is issued by the trust anchor", "not signed by any of the trust anchors"),
        (_other_key, "certificate config is valid", "the key is not the certificate's"),
        (_no_issuer, "certificate config is valid", '"linkerd-identity-issuer" not found'),
        (_no_ca_bundle, "proxy-injector webhook has valid cert", "has no caBundle"),
        (_no_validator_ca_bundle, "policy-validator webhook has valid cert", "has no caBundle"),
        (_foreign_ca_bundle, "proxy-injector webhook has valid cert", "does not vouch for the certificate"),
        (_wrong_host, "proxy-injector webhook has valid cert", "is not for linkerd-proxy-injector.linkerd.svc"),
        (_no_service, "webhooks have endpoints", "calls Service linkerd/linkerd-sp-validator, which is not there"),
        (
            _no_endpoints,
            "webhooks have endpoints",
            "calls Service linkerd/linkerd-policy-validator, which has no endpoints: "
            "no pod with linkerd.io/control-plane-component=policy is ready",
        ),
    ],
)
async def test_a_broken_one_names_the_cause(
    terminal: Terminal, kube: Cluster, breakage: Breakage, check: str, told: str
) -> None:
    control_plane(kube)
    breakage(kube)
    problems = await problems_of(terminal)
    assert list(problems) == [check]
    assert told in problems[check]


@pytest.mark.parametrize(
    ("breakage", "check", "told"),
    [
        (_issuer_ends_soon, "issuer cert is valid for at least 60 days", "will expire on"),
        (_anchor_ends_soon, "trust anchors are valid for at least 60 days", "will expire on"),
    ],
)
async def test_warnings_fail_nothing(
    terminal: Terminal, kube: Cluster, breakage: Breakage, check: str, told: str
) -> None:
    control_plane(kube)
    breakage(kube)
    problems = await problems_of(terminal)
    assert told in problems[check]
    assert (await terminal.linkerd("check", "-o", "short")).out.endswith("\nStatus check results are √\n")


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 3072), ec.generate_private_key(ec.SECP384R1())])
async def test_anchors_that_identity_works_with_are_fine(
    terminal: Terminal, kube: Cluster, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
) -> None:
    control_plane(kube)
    _anchor_of(key)(kube)
    assert await problems_of(terminal) == {}


async def test_an_issuer_with_an_intermediate(terminal: Terminal, kube: Cluster) -> None:
    control_plane(kube)
    anchor = Issued("root", days=3650)
    between = Issued("between", by=anchor)
    trust(kube, anchor, Issued("identity.linkerd", by=between), above=between.pem)
    assert await problems_of(terminal) == {}
