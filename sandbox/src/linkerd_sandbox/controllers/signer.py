"""Approved CertificateSigningRequests of users get their certificate. PURE but for the signature.

Source: pkg/controller/certificates/signer. Only `kubernetes.io/kube-apiserver-client` is served: the sandbox's kubelet
needs none, and other signers are somebody else's.
"""

import base64
from collections.abc import Callable
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_kube.resource import Resource
from linkerd_sandbox.controllers.actions import Patch, Plan
from linkerd_sandbox.controllers.podstate import condition
from linkerd_sandbox.fields import dig, dig_list

REQUESTS: Final = Resource(
    "certificates.k8s.io", "v1", "certificatesigningrequests", "CertificateSigningRequest", namespaced=False
)
_SIGNER: Final = "kubernetes.io/kube-apiserver-client"
Sign = Callable[[bytes, int | None], str]
"""(request in PEM, seconds) -> certificate in PEM; raises ValueError."""


def reconcile(request: JsonObject, sign: Sign, now: str) -> Plan:
    """`now` is RFC 3339."""
    if dig(request, "spec", "signerName") != _SIGNER or dig(request, "status", "certificate"):
        return Plan()
    if condition(request, "Approved") is None or condition(request, "Denied") or condition(request, "Failed"):
        return Plan()
    try:
        pem = sign(base64.b64decode(str(dig(request, "spec", "request"))), dig(request, "spec", "expirationSeconds"))
        status: JsonObject = {"certificate": base64.b64encode(pem.encode()).decode()}
    except ValueError as error:
        failed = {"type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": str(error)}
        failed |= {"lastUpdateTime": now, "lastTransitionTime": now}
        status = {"conditions": [*dig_list(request, "status", "conditions"), failed]}
    return Plan([Patch(REQUESTS, "", request["metadata"]["name"], {"status": status}, "status")])
