"""CertificateSigningRequests: what the server writes into them. PURE.

Source: pkg/registry/certificates/certificates, plugin/pkg/admission/certificates/subjectrestriction.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from linkerd_sandbox.apiserver import status
from linkerd_sandbox.apiserver.identity import MASTERS, User
from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map
from linkerd_sandbox.apiserver.status import Cause

KIND: Final = "certificatesigningrequests.certificates.k8s.io"
_KEPT: Final = "Forbidden: updates may not remove a condition"
_FINAL: Final = ("Approved", "Denied", "Failed")
CLIENT_SIGNER: Final = "kubernetes.io/kube-apiserver-client"


def requested(body: JsonObject, user: User) -> None:
    """Who asks is written into a new request, in place. Raises `StatusError` 403 for who would be an administrator."""
    spec = dig_map(body, "spec")
    for field in ("username", "groups", "uid", "extra"):
        spec.pop(field, None)
    spec.update({key: value for key, value in user.document().items() if value})
    found = parsed(spec.get("request"))
    if found is not None and spec.get("signerName") == CLIENT_SIGNER:
        groups = [one.value for one in found.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
        if MASTERS in groups:
            why = f"use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed"
            raise status.forbidden(KIND, str(dig(body, "metadata", "name") or ""), why)


def parsed(text: object) -> x509.CertificateSigningRequest | None:
    """The request in PEM in base64, or None for what is none."""
    try:
        return x509.load_pem_x509_csr(base64.b64decode(str(text or ""), validate=True))
    except (ValueError, binascii.Error):
        return None


def judged(old: JsonObject, given: Sequence[JsonObject], now: str) -> JsonObject:
    """The request with the conditions that an approver has written; the rest is as it was.

    Raises `StatusError` 422 where the judgement is none, or takes back an earlier one.
    """
    kinds = [str(condition.get("type")) for condition in given]
    wrong = [
        Cause(
            "status.conditions",
            "FieldValueForbidden",
            f'Forbidden: updates may not remove a condition of type "{kind}"',
        )
        for kind in _FINAL
        if kind not in kinds and any(one.get("type") == kind for one in dig_list(old, "status", "conditions"))
    ]
    if {"Approved", "Denied"} <= set(kinds):
        place = max(kinds.index("Approved"), kinds.index("Denied"))
        why = f'Invalid value: "{kinds[place]}": Approved and Denied conditions are mutually exclusive'
        wrong.append(Cause(f"status.conditions[{place}].type", "FieldValueInvalid", why))
    if wrong:
        raise status.invalid("CertificateSigningRequest", "certificates.k8s.io", old["metadata"]["name"], wrong)
    stamps = {"lastUpdateTime": now, "lastTransitionTime": now}
    conditions = [stamps | {key: value for key, value in condition.items() if value is not None} for condition in given]
    return {**old, "status": {**dig_map(old, "status"), "conditions": conditions}}
