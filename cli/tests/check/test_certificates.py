"""Certificates that are wrong in each way."""

from typing import Any

import pytest
from cli.tests.check.asking import problems_of
from cli.tests.check.mesh import VALIDATORS, WEBHOOK, Issued, control_plane, trust, webhook
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cryptography.hazmat.primitives.asymmetric import ec


def _expired_issuer(kube: Cluster) -> None:
    anchor = Issued("root", days=3650)
    trust(kube, anchor, Issued("identity.linkerd", by=anchor, days=-2))


def _foreign_issuer(kube: Cluster) -> None:
    trust(kube, Issued("root", days=3650), Issued("identity.linkerd", by=Issued("root", days=3650)))


def _weak_issuer(kube: Cluster) -> None:
    anchor = Issued("root", days=3650)
    trust(kube, anchor, Issued("identity.linkerd", by=anchor, curve=ec.SECP384R1()))


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


def _issuer_ends_soon(kube: Cluster) -> None:
    anchor = Issued("root", days=3650)
    trust(kube, anchor, Issued("identity.linkerd", by=anchor, days=30))


@pytest.mark.parametrize(
    ("breakage", "check", "told"),
    [
        (_expired_issuer, "issuer cert is within its validity period", "not valid anymore. Expired on"),
        (_foreign_issuer, "issuer cert is issued by the trust anchor", "not signed by any of the trust anchors"),
        (_weak_issuer, "issuer cert is using supported crypto algorithm", "must use P-256 curve"),
        (_other_key, "certificate config is valid", "the key is not the certificate's"),
        (_no_issuer, "certificate config is valid", '"linkerd-identity-issuer" not found'),
        (_no_ca_bundle, "proxy-injector webhook has valid cert", "has no caBundle"),
        (_no_validator_ca_bundle, "policy-validator webhook has valid cert", "has no caBundle"),
        (_foreign_ca_bundle, "proxy-injector webhook has valid cert", "does not vouch for the certificate"),
        (_wrong_host, "proxy-injector webhook has valid cert", "is not for linkerd-proxy-injector.linkerd.svc"),
    ],
)
async def test_a_broken_one_names_the_cause(
    terminal: Terminal, kube: Cluster, breakage: Any, check: str, told: str
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
    ],
)
async def test_warnings_fail_nothing(terminal: Terminal, kube: Cluster, breakage: Any, check: str, told: str) -> None:
    control_plane(kube)
    breakage(kube)
    problems = await problems_of(terminal)
    assert told in problems[check]
    assert (await terminal.linkerd("check", "-o", "short")).out.endswith("\nStatus check results are √\n")
