"""Checks of CertificateSigningRequests. PURE."""

from typing import Final

from linkerd_sandbox.apiserver.objects import JsonObject, dig_list, dig_map
from linkerd_sandbox.apiserver.signing import parsed
from linkerd_sandbox.apiserver.status import Cause
from linkerd_sandbox.apiserver.validation.causes import invalid, required

_SHORTEST_SECONDS: Final = 600


def signing_request(body: JsonObject, _old: JsonObject | None) -> list[Cause]:
    """A CertificateSigningRequest."""
    spec = dig_map(body, "spec")
    causes: list[Cause] = []
    if parsed(spec.get("request")) is None:
        causes.append(invalid("spec.request", spec.get("request") or "", "PEM block type must be CERTIFICATE REQUEST"))
    if not dig_list(spec, "usages"):
        causes.append(required("spec.usages"))
    domain, slash, path = str(spec.get("signerName") or "").partition("/")
    if spec.get("signerName") and not (slash and path and "." in domain):
        why = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        causes.append(invalid("spec.signerName", spec["signerName"], why))
    seconds = spec.get("expirationSeconds")
    if isinstance(seconds, int) and seconds < _SHORTEST_SECONDS:
        why = "may not specify a duration less than 600 seconds (10 minutes)"
        causes.append(invalid("spec.expirationSeconds", seconds, why))
    return causes
