"""Columns of CertificateSigningRequests. PURE."""

from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list
from linkerd_sandbox.apiserver.tables.cells import AGE, NAME, NONE, Column, at, human


def _duration(body: JsonObject, _now: float) -> str:
    seconds = dig(body, "spec", "expirationSeconds")
    return human(seconds) if isinstance(seconds, int) else NONE


def _condition(body: JsonObject, _now: float) -> str:
    there = {one.get("type") for one in dig_list(body, "status", "conditions")}
    shown = [word for word in ("Denied", "Approved", "Failed") if word in there][:1] or ["Pending"]
    if "Failed" in there and shown != ["Failed"]:
        shown.append("Failed")
    if dig(body, "status", "certificate"):
        shown.append("Issued")
    return ",".join(shown)


SIGNING_REQUEST_COLUMNS = (
    NAME,
    AGE,
    Column("SignerName", at("spec", "signerName")),
    Column("Requestor", at("spec", "username")),
    Column("RequestedDuration", _duration),
    Column("Condition", _condition),
)
