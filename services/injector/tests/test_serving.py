"""The serving certificate: made, read, renewed in time, trusted by patch."""

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonpatch
import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store
from services.injector.tests.helpers import webhook

from linkerd_injector.serving import Serving, ca_patch, make_serving, ours, read_serving, secret_of
from linkerd_runtime import pki

NOW = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)


def made(now: datetime = NOW, old_ca: str = "") -> Serving:
    return make_serving("linkerd", "cluster.local", YEAR, now, old_ca)


@pytest.mark.parametrize(
    "host",
    [
        "linkerd-proxy-injector.linkerd.svc",
        "linkerd-proxy-injector.linkerd.svc.cluster.local",
        "linkerd-sp-validator.linkerd.svc",
        "linkerd-policy-validator.linkerd.svc",
    ],
)
def test_verifies_for_every_service_that_leads_here(host: str) -> None:
    serving = made()
    store = Store(pki.read_certificates(serving.ca))
    verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName(host))
    assert verifier.verify(pki.read_certificates(serving.chain)[0], [])


def test_the_secret_is_read_back_and_renewed_in_its_last_third() -> None:
    serving = made()
    secret = secret_of("linkerd", serving)
    assert read_serving(secret, "linkerd", NOW) == serving
    assert secret["type"] == "kubernetes.io/tls"
    assert serving.renew_at == NOW + YEAR * 2 / 3
    secret["metadata"]["annotations"]["cert-manager.io/certificate-name"] = "linkerd-proxy-injector"
    assert read_serving(secret, "linkerd", NOW).renew_at is None
    assert not ours(secret)
    del secret["metadata"]["annotations"]
    assert read_serving(secret, "linkerd", NOW).renew_at is None


def test_a_renewed_one_still_trusts_the_old_ca_until_it_ends() -> None:
    first = made()
    second = made(NOW + YEAR / 2, first.ca)
    assert second.ca.endswith(first.ca)
    third = made(NOW + 2 * YEAR, second.ca)
    assert len(pki.read_certificates(third.ca)) == 1


def changed(**data: str) -> dict[str, Any]:
    secret = secret_of("linkerd", made())
    secret["data"] |= {name.replace("_", "."): b64encode(text.encode()).decode() for name, text in data.items()}
    return secret


@pytest.mark.parametrize(
    ("secret", "namespace", "now", "words"),
    [
        ({}, "linkerd", NOW, r"."),
        (changed(tls_crt="nonsense"), "linkerd", NOW, r"."),
        (changed(tls_key=made().key), "linkerd", NOW, "does not belong"),
        (changed(tls_key="nonsense"), "linkerd", NOW, r"."),
        (changed(), "linkerd", NOW + YEAR, "ended"),
        (changed(), "other", NOW, "not for"),
    ],
)
def test_what_cannot_be_served_with(secret: dict[str, Any], namespace: str, now: datetime, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_serving(secret, namespace, now)


def apply(document: dict[str, Any], patch: list[dict[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(json.dumps(jsonpatch.JsonPatch.from_string(json.dumps(patch)).apply(document)))
    return result


def test_patch_of_a_configuration() -> None:
    configuration = webhook("linkerd-proxy-injector")
    serving = made()
    patch = ca_patch(configuration, "linkerd", serving.ca)
    assert [(step["op"], step["path"]) for step in patch] == [
        ("test", "/webhooks/1/name"),
        ("add", "/webhooks/1/clientConfig/caBundle"),
    ]
    trusted = apply(configuration, patch)
    assert b64decode(trusted["webhooks"][1]["clientConfig"]["caBundle"]).decode() == serving.ca
    assert ca_patch(trusted, "linkerd", serving.ca) == []
    # More than is needed does no harm: it is what a renewal leaves behind.
    renewed = made(NOW, serving.ca)
    both = apply(trusted, ca_patch(trusted, "linkerd", renewed.ca))
    assert ca_patch(both, "linkerd", serving.ca) == []
    assert ca_patch(configuration, "another", serving.ca) == []
    assert ca_patch({}, "linkerd", serving.ca) == []


@pytest.mark.parametrize("bundle", ["", "%%%", "bm9uc2Vuc2U=", None])
def test_a_broken_ca_bundle_is_written_over(bundle: object) -> None:
    configuration = webhook("linkerd-proxy-injector")
    configuration["webhooks"][1]["clientConfig"]["caBundle"] = bundle
    assert ca_patch(configuration, "linkerd", made().ca)
